"""Socket.IO 2 packets, and both sides of a session over Engine.IO 3 (protocol reference, section 1.6). Pure.

The server's side follows the library that the real server is inferred to run: Socket.IO 4 with `allowEIO3`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from fulgurite.errors import LocalProtocolError, RemoteProtocolError
from fulgurite.protocol import engineio
from fulgurite.protocol.choices import (
    MAX_MESSAGE_BYTES,
    SOCKETIO_ERROR_IS_OBJECT,
    SOCKETIO_ESCAPES_CARETS,
    Refusal,
)
from fulgurite.protocol.events import (
    Acknowledged,
    ChannelMessage,
    ClientEvent,
    Ended,
    Method,
    Opened,
    Refused,
    Request,
    ServerEvent,
)
from fulgurite.protocol.javascript import number_text, parse, parse_integer
from fulgurite.protocol.requests import PendingRequests
from fulgurite.protocol.subscriptions import CheckAuth, Subscriptions

CONNECT: Final = "0"
DISCONNECT: Final = "1"
EVENT: Final = "2"
ACK: Final = "3"
ERROR: Final = "4"


class Packet(NamedTuple):
    """One Socket.IO packet; `content` is its JSON text, "" where there is none."""

    type: str
    namespace: str
    id: float | None
    content: str


# Type, namespace up to a comma, acknowledgement number, content. Binary packets (5 and 6) are not part of this API.
_PACKET = re.compile(r"([0-4])(?:(/[^,]*)(?:,|$))?([0-9]{1,300})?(.*)", re.DOTALL | re.ASCII)


def split_message(text: str) -> Packet:
    """Take the content of an Engine.IO message apart.

    Raises:
        RemoteProtocolError: it is no Socket.IO packet, or a binary one.
    """
    match = _PACKET.fullmatch(text)
    if match is None:
        raise RemoteProtocolError("not a Socket.IO packet", text)
    type_, namespace, number, content = match.groups()
    return Packet(type_, namespace or "/", parse_integer(number) if number else None, content)


def encode_message(channel: str, message: bytes) -> bytes:
    """The frame that carries a channel's message; `message` stands in it unchanged."""
    return b"42[%b,%b]" % (msgspec.json.encode(channel), message)


# --- the client's side ------------------------------------------------------------------------------------------

_ARGUMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_NAME = msgspec.json.Decoder(str)
_CHANNEL_EVENT = msgspec.json.Decoder(tuple[str, msgspec.Raw])


class SocketIoClient:
    """The client's side of one Socket.IO session; see `events.ClientProtocol`.

    Args:
        request_timeout: seconds to wait for the handshake, and for the answer to a request.
    """

    def __init__(self, request_timeout: float = 10.0) -> None:
        self._request_timeout = request_timeout
        self._pending = PendingRequests(request_timeout)
        self._outgoing: list[str] = []
        self._handshake: engineio.Handshake | None = None
        self._opened = False
        # When the next ping is due, and when the server is given up if nothing at all has come by then.
        self._ping_at: float | None = None
        self._give_up_at: float | None = None

    def receive(self, data: str | bytes, now: float) -> list[ClientEvent]:
        """Take one WebSocket message; see `events.ClientProtocol`."""
        if isinstance(data, bytes):
            raise RemoteProtocolError("a binary message; this API does not use them", data)
        if data.startswith("42["):
            # Nearly every packet is a channel's message; it is read in one step.
            try:
                name, message = _CHANNEL_EVENT.decode(data[2:])
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                pass  # another event, or none: the decoder finds out
            else:
                if self._opened:
                    self._give_up_at = None
                return [ChannelMessage(name, message)]
        type_, content = engineio.split_packet(data)
        if type_ == engineio.PING:
            raise RemoteProtocolError("the server pings, as Engine.IO 4 does; this API speaks Engine.IO 3", data)
        if type_ == engineio.MESSAGE:
            events = self._message(split_message(content), data)
        elif type_ == engineio.OPEN:
            self._handshake = engineio.decode_handshake(content)
            self._ping_at = now + self._handshake.ping_interval / 1000
            events = []
        else:
            events = [Ended("the server closed the Engine.IO session")] if type_ == engineio.CLOSE else []
        # Any packet shows that the server lives; until the session is open only opening it counts.
        if self._opened:
            self._give_up_at = None
        return events

    def split(self, text: str) -> tuple[str, str] | None:
        """The channel and the message of an ordinary packet; see `events.ClientProtocol`."""
        if text.startswith('42["') and text.endswith("]"):
            name_to = text.find('",', 4)
            if name_to > 0:
                if self._opened:
                    self._give_up_at = None  # any packet shows that the server lives
                return text[4:name_to], text[name_to + 2 : -1]
        return None

    def frames_to_send(self) -> list[str]:
        """The frames that must go out; see `events.ClientProtocol`."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_timer(self) -> float | None:
        """The time at which `handle_timer` must be called next; 0 until it was called once, to start the clock."""
        if not self._opened and self._give_up_at is None:
            return 0.0
        timers = (self._ping_at, self._give_up_at, self._pending.next_timer())
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, now: float) -> list[ClientEvent]:
        """Ping when due, and give up on a server or an answer that does not come."""
        if not self._opened and self._give_up_at is None:
            self._give_up_at = now + self._request_timeout
        if self._give_up_at is not None and self._give_up_at <= now:
            self._ping_at = self._give_up_at = None
            return [Ended("no answer to a ping" if self._opened else "no Socket.IO session was opened")]
        if self._ping_at is not None and self._handshake is not None and self._ping_at <= now:
            self._outgoing.append(engineio.PING)
            self._ping_at = now + self._handshake.ping_interval / 1000
            if self._give_up_at is None:
                self._give_up_at = now + self._handshake.ping_timeout / 1000
        return list(self._pending.expire(now))

    def authenticate(self, params: dict[str, object], now: float) -> None:
        """Ask for `auth`."""
        self._emit(Request(Method.AUTH), params, now)

    def subscribe(self, channel: str, now: float) -> None:
        """Ask for a channel."""
        self._emit(Request(Method.SUBSCRIBE, channel), channel, now)

    def unsubscribe(self, channel: str, now: float) -> None:
        """Ask for a channel no longer."""
        self._emit(Request(Method.UNSUBSCRIBE, channel), channel, now)

    def _emit(self, request: Request, argument: object, now: float) -> None:
        if not self._opened:
            raise LocalProtocolError(f"{request}: the Socket.IO session is not open yet; wait for Opened")
        number = self._pending.add(request, now)
        self._outgoing.append(f"42{number}" + msgspec.json.encode([request.method, argument]).decode())

    def _message(self, packet: Packet, data: str) -> list[ClientEvent]:
        if packet.namespace != "/":
            return []
        if packet.type == CONNECT:
            if self._opened:
                return []
            self._opened = True
            self._give_up_at = None
            return [Opened()]
        if packet.type == DISCONNECT:
            return [Ended("the server ended the Socket.IO session")]
        if packet.type == ERROR:
            return [Ended(f"the server reported a Socket.IO error: {packet.content[:200]}")]
        try:
            arguments = _ARGUMENTS.decode(packet.content)
            if packet.type == ACK:
                return self._acknowledged(packet.id, arguments)
            name = _NAME.decode(arguments[0])
        except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError) as error:
            raise RemoteProtocolError(f"not a Socket.IO event ({error})", data) from error
        return [ChannelMessage(name, arguments[1])] if len(arguments) > 1 else []

    def _acknowledged(self, number: float | None, arguments: list[msgspec.Raw]) -> list[ClientEvent]:
        # The first argument is the error (section 1.6). It is read before the request is forgotten.
        error = msgspec.json.decode(arguments[0]) if arguments else None
        request = self._pending.pop(number)
        if request is None:
            return []
        if error is None:
            return [Acknowledged(request)]
        if isinstance(error, dict):
            code = error.get("code")
            code = code if isinstance(code, int) and not isinstance(code, bool) else None
            return [Refused(request, code, str(error.get("message", error)))]
        return [Refused(request, None, str(error))]


# --- the server's side ------------------------------------------------------------------------------------------

# Names that Socket.IO keeps for itself; an event so named is malformed.
_RESERVED = frozenset(("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"))
PARSE_ERROR = Ended("parse error")

# Characters that a URL's path keeps as they are (URL standard, path percent-encode set), besides letters and digits.
_SAFE_IN_PATH: Final = "!$%&'()*+,-./:;=@[\\]_|~" + ("" if SOCKETIO_ESCAPES_CARETS else "^")


class SocketIoServer:
    """The server's side of one Socket.IO session; see `events.ServerProtocol`.

    Args:
        check_auth: see `subscriptions.CheckAuth`.
        session_id: the `sid` that the client is told.
        now: the time, in seconds on the clock that `receive` is given.
        ping_interval: seconds until the client pings, as it is told.
        ping_timeout: further seconds until a client that has not pinged is given up.
    """

    def __init__(
        self,
        check_auth: CheckAuth,
        session_id: str,
        now: float,
        ping_interval: float = 15.0,
        ping_timeout: float = 3.0,
    ) -> None:
        self._subscriptions = Subscriptions(check_auth)
        self._silence_limit = ping_interval + ping_timeout
        self._give_up_at: float | None = now + self._silence_limit
        self._connected = True
        handshake = engineio.Handshake(
            sid=session_id,
            ping_interval=round(ping_interval * 1000),
            ping_timeout=round(ping_timeout * 1000),
            max_payload=MAX_MESSAGE_BYTES,
        )
        # The default namespace is connected unasked.
        self._outgoing: list[str | bytes] = [engineio.encode_handshake(handshake), "40"]

    def receive(self, data: str | bytes, now: float) -> list[ServerEvent]:
        """Take one WebSocket message; see `events.ServerProtocol`."""
        if self._give_up_at is None:
            return []
        try:
            if isinstance(data, bytes) or data.startswith("b"):
                type_ = engineio.binary_packet_type(data)
                if type_ == engineio.MESSAGE:
                    raise RemoteProtocolError("a binary Socket.IO packet", data)
            else:
                type_, content = engineio.split_packet(data)
                if type_ == engineio.MESSAGE:
                    return self._message(split_message(content))
        except RemoteProtocolError:
            return self._end(PARSE_ERROR)
        if type_ == engineio.PING:
            self._give_up_at = now + self._silence_limit
            self._outgoing.append(engineio.PONG)
        elif type_ == engineio.PONG:
            return self._end(Ended("a pong from the client, as Engine.IO 4 has it"))
        return []

    def frames_to_send(self) -> list[str | bytes]:
        """The frames that must go out; see `events.ServerProtocol`."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_timer(self) -> float | None:
        """The time at which the client is given up unless it pings before."""
        return self._give_up_at

    def handle_timer(self, now: float) -> list[ServerEvent]:
        """Give a client up that did not ping."""
        if self._give_up_at is None or now < self._give_up_at:
            return []
        return self._end(Ended("ping timeout"))

    def _end(self, ended: Ended) -> list[ServerEvent]:
        self._give_up_at = None
        return [ended]

    def _message(self, packet: Packet) -> list[ServerEvent]:
        content = _parse(packet)
        path = _path(packet.namespace)
        if packet.type == CONNECT and path != "/":
            self._outgoing.append(f'44{path},{{"message":"Invalid namespace"}}')
            return []
        if packet.type == CONNECT and not self._connected:
            self._connected = True
            self._outgoing.append("40")
            return []
        if packet.type in (CONNECT, ERROR) or path != "/" or not self._connected:
            return self._end(Ended("a packet that the session's state forbids"))
        if packet.type == DISCONNECT:
            self._connected = False
            return self._subscriptions.clear()
        if packet.type == EVENT and content:
            return self._event(packet.id, content)
        return []

    def _event(self, number: float | None, content: list[Any]) -> list[ServerEvent]:
        try:
            method = Method(content[0])
        except ValueError:
            return []  # an event that nobody listens to
        outcome = self._subscriptions.call(method, content[1] if len(content) > 1 else None)
        if number is not None:
            self._outgoing.append(f"43{number_text(number)}[{_error_argument(outcome)}]")
        return [] if outcome is None or isinstance(outcome, Refusal) else [outcome]


def _path(namespace: str) -> str:
    """The path of a namespace: the reference implementation takes it for a URL."""
    return quote(re.split("[?#]", namespace, maxsplit=1)[0], safe=_SAFE_IN_PATH)


def _error_argument(outcome: object) -> str:
    if not isinstance(outcome, Refusal):
        return "null"
    error = outcome._asdict() if SOCKETIO_ERROR_IS_OBJECT else outcome.message
    return json.dumps(error, separators=(",", ":"))


def _parse(packet: Packet) -> Any:
    """The packet's content, checked as the reference implementation checks it."""
    if not packet.content:
        return None
    try:
        content = parse(packet.content)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("not JSON", packet.content) from error
    if packet.type == EVENT:
        fits = isinstance(content, list) and bool(content) and _is_event_name(content[0])
    elif packet.type == ACK:
        fits = isinstance(content, list)
    elif packet.type == DISCONNECT:
        fits = False
    else:
        fits = isinstance(content, dict) or (packet.type == ERROR and isinstance(content, str))
    if not fits:
        raise RemoteProtocolError("content that does not fit the Socket.IO packet", packet.content)
    return content


def _is_event_name(name: object) -> bool:
    if isinstance(name, str):
        return name not in _RESERVED
    return isinstance(name, int | float) and not isinstance(name, bool)
