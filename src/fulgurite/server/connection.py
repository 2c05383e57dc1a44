"""A connection of the realtime server moves bytes between a socket, a dialect's state machine and the hub."""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from typing import Final, NamedTuple

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeResponse

from fulgurite.errors import FragmentError
from fulgurite.protocol.choices import MAX_MESSAGE_BYTES, Refusal
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import Authenticated, Ended, ServerEvent, Subscribed, Unsubscribed
from fulgurite.protocol.fragments import PROTOCOL_ERROR, Fragments
from fulgurite.server.faultplan import Copy, FaultPlan, Sufferer
from fulgurite.server.faults import CloseAtOnce, Pings
from fulgurite.server.frames import BINARY, NO_CODE, PING, TEXT, close_code, fragments, frame, pong
from fulgurite.server.hub import Hub
from fulgurite.server.pings import PongCheck
from fulgurite.server.published import Published, PublishedLog
from fulgurite.server.records import ConnectionRecord, ConnectionRecords

WRITE_BUFFER_LIMIT: Final = 8 * 1024 * 1024
"""Bytes that may wait for one subscriber. Beyond this it is a slow consumer and is dropped."""

CLOSE_TIMEOUT_SECONDS: Final = 5.0
"""Seconds for a client to read the rest and answer our close frame."""


class Drop(Enum):
    """Why the server ended a connection without a word from the client; each is counted."""

    SLOW_CONSUMER = "slow consumer"
    LATE_PONG = "late or missing pong"


class HeldAnswer(WSUpgradeResponse):
    """The answer to a handshake that picows is not to send: a fault has it sent later.

    Args:
        answer: the answer of picows.
        seconds: how much later.
    """

    def __init__(self, answer: WSUpgradeResponse, seconds: float) -> None:
        self.version, self.status, self.headers, self.body = (
            answer.version,
            answer.status,
            answer.headers,
            answer.body,
        )
        self.seconds = seconds

    def to_bytes(self) -> bytearray:
        """Nothing, when picows asks."""
        return bytearray()

    def whole(self) -> bytes:
        """All of it, with the headers that picows has added."""
        return bytes(super().to_bytes())


class Handshake(NamedTuple):
    """A handshake that the server takes, and its faults."""

    dialect: Dialect
    """By its path."""
    client: str = ""
    """The client's own name for itself, or ""."""
    is_dummy: bool = False
    """It is acknowledged everything and sent no message (a fault)."""
    held: HeldAnswer | None = None
    """The answer to be sent late (a fault)."""
    close_at_once: CloseAtOnce | None = None
    """How it is closed before anything else (a fault)."""


class Connections:
    """The connections of one server, and all that they share.

    Args:
        check_auth: returns the key that `auth` params prove, or None; where a fault makes our clock wrong, it is
            told the seconds too.
        pings: the times of heartbeats.
    """

    def __init__(self, check_auth: Callable[..., str | None], pings: Pings) -> None:
        self.check_auth = check_auth
        self.pings = pings
        self.open: dict[Connection, None] = {}
        """In the order of their handshakes."""
        self.held: set[Connection] = set()
        """Connections held back in their handshake by a fault."""
        self.paused: set[Connection] = set()
        """Connections with more in their write buffer than its high water mark."""
        self.changed = asyncio.Event()
        """Set when a client subscribes or goes; a coroutine that waits clears it first."""
        self.caught_up = asyncio.Event()
        """Set when a client has caught up or goes, likewise."""
        self.dropped: Counter[Drop] = Counter()
        """The number of connections that the server ended, by reason."""
        self.log = PublishedLog(time.time_ns)
        self.records = ConnectionRecords()
        self.plan = FaultPlan()
        self.hub: Hub[Connection] = Hub(_deliver, self._flush_this_tick, self.log, Connection.filter)
        """Messages published here go out at the end of this tick of the event loop."""

    def _flush_this_tick(self) -> None:
        asyncio.get_running_loop().call_soon(self.hub.flush)


def _deliver(connections: Collection[Connection], frames: bytes) -> None:
    for connection in connections:
        connection.write(frames)


class Connection(WSListener):
    """One client's connection.

    Args:
        connections: all of the server; it takes its place among them.
        handshake: the handshake that it begins with.
    """

    def __init__(self, connections: Connections, handshake: Handshake) -> None:
        super().__init__()
        self.handshake = handshake
        self.record: ConnectionRecord
        """Its record, once it is open."""
        self.sufferer = Sufferer(connections.log.older, handshake.is_dummy)
        """The faults that are on for it, and the frames that they hold back."""
        self._release_timer: asyncio.TimerHandle | None = None
        self._connections = connections
        pings, session_id = connections.pings, secrets.token_urlsafe(15)
        self._protocol = handshake.dialect.server(
            self._check_auth, session_id, self._now(), pings.interval, pings.timeout
        )
        self._fragments = Fragments(MAX_MESSAGE_BYTES)
        self._transport: WSTransport | None = None
        self._is_closing = False
        # Where frames go at once, while it is open and suffers nothing. Known beforehand: among many connections, to
        # reach each one's other objects takes longer than to ask them.
        self._direct: asyncio.Transport | None = None
        self._pongs = PongCheck()
        # One timer for the state machine, and after our close frame one for the client's answer.
        self._timer: asyncio.TimerHandle | None = None

    # --- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the session, or let a fault hold it back."""
        self._transport = transport
        self._find_way()
        if self.handshake.held is None:
            self._open()
        else:
            self._connections.held.add(self)
            self._timer = asyncio.get_running_loop().call_later(self.handshake.held.seconds, self._answer_handshake)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame."""
        if self.sufferer.is_frozen or self in self._connections.held:
            return
        if frame.msg_type == WSMsgType.PONG:
            self._pongs.pong(self._now())
        elif frame.msg_type == WSMsgType.PING:
            self.write(pong(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.CLOSE:
            self._closed_by_client(close_code(frame.get_payload_as_bytes()))
        elif self._is_closing:
            return  # frames after our close frame have no meaning (RFC 6455, section 1.4)
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(PROTOCOL_ERROR, "no extension was negotiated")
        else:
            try:
                message = self._fragments.add(frame.msg_type.value, frame.fin, frame.get_payload_as_bytes())
            except FragmentError as error:
                self.close(error.close_code, error.problem)
                return
            if message is not None:
                self._received(message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the connection."""
        self._is_closing = True
        self._direct = None
        for timer in (self._timer, self._release_timer):
            if timer is not None:
                timer.cancel()
        if self in self._connections.held:
            self._connections.held.discard(self)
        else:
            self._connections.open.pop(self, None)
            self._leave_hub()
            self._connections.records.close(self.record, self._connections.log.last_number, time.time_ns())
            self.resume_writing()
            self._connections.changed.set()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: more than 64 KiB wait."""
        self._connections.paused.add(self)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._connections.paused.discard(self)
        self._connections.caught_up.set()

    # --- called by the server

    @property
    def is_closing(self) -> bool:
        """Whether nothing more will be sent."""
        return self._is_closing

    def write(self, frames: bytes) -> None:
        """Send whole WebSocket frames; a client with too much waiting already is dropped as a slow consumer."""
        if self._direct is not None:
            if not self._direct.is_closing():
                self._direct.write(frames)
                if self._connections.paused and self in self._connections.paused:
                    self._check_buffer()
        elif not self._is_closing:
            self._hold(frames, self.sufferer.due(self._now()))

    def filter(self, messages: Iterable[Published]) -> None:
        """Send these messages as far as the connection's faults leave them."""
        for message in messages:
            for copy in self.sufferer.copies(message, self.handshake.dialect.encode_message, self._now()):
                self.send_copy(copy)

    def send_copy(self, copy: Copy) -> None:
        """Send a message as a fault wants it."""
        if not self._is_closing:
            self._hold(b"".join(fragments(copy.payload, copy.pieces)), copy.due, copy)

    def write_half(self, text: bytes) -> None:
        """Send all that is due, then half of the bytes of a frame: a fault has the connection cut there."""
        self._connections.hub.flush()
        self._release(math.inf)
        if self._can_write() and not self.sufferer.is_frozen:
            whole = frame(text)
            self._write(whole[: len(whole) // 2])

    def refresh_faults(self) -> None:
        """Suffer the faults of the plan that are on for it now."""
        plan, facts = self._connections.plan, self.record.facts
        if self._is_closing or (self.sufferer.is_well and not plan.active()):
            return
        channels = self._connections.hub.channels_of(self)
        faults = plan.against(facts.number, facts.client, channels, self._now())
        was_frozen, filtered = self.sufferer.is_frozen, self.sufferer.filters
        self._connections.hub.flush()
        self.sufferer.set_faults(faults)
        self._find_way()
        facts.faults = self.sufferer.numbers()
        if self.sufferer.filters != filtered:
            self._set_filtered(self.sufferer.filters)
        if was_frozen and not self.sufferer.is_frozen:
            self._arm_timer()
        # A fault that is over holds nothing back.
        self._release(math.inf if self.sufferer.is_well else self._now())

    def ping(self, last_ping_at: float, timeout: float) -> None:
        """Send a ping, or end the connection if the last one was not answered in time (see `PongCheck`).

        Args:
            last_ping_at: when the server pinged last, seconds of the loop's clock.
            timeout: how many seconds later than that a pong may have come.
        """
        if self._is_closing or self._transport is None or self.sufferer.is_frozen:
            return
        if self._pongs.ping(last_ping_at, timeout):
            self.write(frame(b"", PING))
        else:
            self._connections.dropped[Drop.LATE_PONG] += 1
            self.abort()

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and abort if the client does not answer it in time."""
        if self._is_closing or self._transport is None:
            return
        # Messages published before this still go out; removing it from the hub would flush too late.
        self._connections.hub.flush()
        if self.sufferer.is_frozen:
            self.abort()
            return
        self._release(math.inf)
        self.record.facts.code, self.record.facts.reason = (None if code == NO_CODE else code), reason
        self._is_closing = True
        self._direct = None
        self._leave_hub()
        # A close frame holds 123 bytes besides its code; half a character is none.
        text = reason.encode()[:123].decode(errors="ignore").encode()
        payload = b"" if code == NO_CODE else code.to_bytes(2) + text
        self._transport.send(WSMsgType.CLOSE, payload)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_SECONDS, self.abort)

    def abort(self) -> None:
        """Cut the connection without a close frame; the client sees code 1006."""
        self._is_closing = True
        self._direct = None
        if self not in self._connections.held:
            self._leave_hub()
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        if self._transport is not None and not self._transport.underlying_transport.is_closing():
            # Not to linger, not even for 0 seconds, makes the system send a reset instead of an end.
            own_socket = self._transport.underlying_transport.get_extra_info("socket")
            own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    # --- inside

    def _open(self) -> None:
        connections, dialect, close_at_once = self._connections, self.handshake.dialect, self.handshake.close_at_once
        connections.open[self] = None
        self.record = connections.records.open(dialect.name, self.handshake.client, time.time_ns())
        connections.hub.add(self, dialect.name)
        if self.sufferer.filters:
            self._set_filtered(True)
        self.refresh_faults()
        if close_at_once is not None:
            self.close(close_at_once.code, close_at_once.reason)
            return
        self._send_answers()
        self._arm_timer()

    def _answer_handshake(self) -> None:
        self._timer = None
        if self._transport is not None and self.handshake.held is not None:
            self._transport.underlying_transport.write(self.handshake.held.whole())
            self._connections.held.discard(self)
            self._open()

    def _check_auth(self, params: object) -> str | Refusal | None:
        check, clock_skew = self._connections.check_auth, self.sufferer.clock_skew()
        return self.sufferer.auth_refusal() or (check(params, clock_skew) if clock_skew else check(params))

    def _received(self, message: str | bytes) -> None:
        # Messages published before go out before the answer.
        self._connections.hub.flush()
        hides_answer = not self.sufferer.is_well and self.sufferer.hides_answer(str(message))
        self._obey(self._protocol.receive(message, self._now()), hides_answer)

    def _timer_is_due(self) -> None:
        self._timer = None
        if not self.sufferer.is_frozen:
            self._obey(self._protocol.handle_timer(self._now()))

    def _obey(self, events: list[ServerEvent], hides_answer: bool = False) -> None:
        # The answer to a subscription stands before the channel's first message.
        self._send_answers(hides_answer)
        hub, log = self._connections.hub, self._connections.log
        for event in events:
            if self._is_closing:
                return
            if isinstance(event, Authenticated):
                hub.authenticate(self, event.api_key)
                self.record.facts.account = event.api_key
            elif isinstance(event, Subscribed):
                hub.subscribe(self, event.channel)
                self.record.subscribe(event.channel, log.last_number)
                self.refresh_faults()
                self._connections.changed.set()
            elif isinstance(event, Unsubscribed):
                hub.unsubscribe(self, event.channel)
                self.record.unsubscribe(event.channel, log.last_number)
                self.refresh_faults()
            elif isinstance(event, Ended):
                self.close(NO_CODE)
        self._arm_timer()

    def _send_answers(self, hides_answer: bool = False) -> None:
        for answer in self._protocol.frames_to_send():
            if hides_answer and self.handshake.dialect.is_answer(answer):
                continue
            is_text = isinstance(answer, str)
            self.write(frame(answer.encode() if isinstance(answer, str) else answer, TEXT if is_text else BINARY))

    def _arm_timer(self) -> None:
        if self._timer is None and not self._is_closing:
            due = self._protocol.next_timer()
            # It is re-armed when it fires: a heartbeat that moves it costs nothing.
            if due is not None:
                self._timer = asyncio.get_running_loop().call_at(due, self._timer_is_due)

    def _set_filtered(self, is_filtered: bool) -> None:
        self._connections.hub.set_filtered(self, is_filtered)
        self.record.set_filtered(is_filtered, self._connections.log.last_number)

    def _leave_hub(self) -> None:
        self._connections.hub.remove(self)
        self.record.close(self._connections.log.last_number)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _hold(self, frames: bytes, due: float, copy: Copy | None = None) -> None:
        self.sufferer.hold(frames, due, copy)
        self._release(self._now())

    def _release(self, now: float) -> None:
        """Send the due frames of those that faults hold back."""
        if self._release_timer is not None:
            self._release_timer.cancel()
            self._release_timer = None
        if not self.sufferer.held_bytes or not self._can_write():
            return
        data, copies, due = self.sufferer.release(now)
        if data:
            self._write(data)
        for copy in copies:
            self.record.sent(copy.published, copy.altered)
        if due is not None:
            self._release_timer = asyncio.get_running_loop().call_at(due, lambda: self._release(self._now()))
        self._check_buffer()

    def _find_way(self) -> None:
        is_direct = self.sufferer.is_well and not self._is_closing
        self._direct = self._transport.underlying_transport if is_direct and self._transport is not None else None

    def _can_write(self) -> bool:
        # A socket that turned out to be gone in the middle of a tick is known to its transport before anybody else.
        return (
            not self._is_closing
            and self._transport is not None
            and not self._transport.underlying_transport.is_closing()
        )

    def _write(self, data: bytes) -> None:
        assert self._transport is not None, "asked before"
        self._transport.underlying_transport.write(data)

    def _check_buffer(self) -> None:
        if self._transport is None or self._is_closing:
            return
        waiting = self._transport.underlying_transport.get_write_buffer_size() + self.sufferer.held_bytes
        if waiting > WRITE_BUFFER_LIMIT:
            self._connections.dropped[Drop.SLOW_CONSUMER] += 1
            self.close(WSCloseCode.POLICY_VIOLATION.value, f"slow consumer: {waiting} bytes unread")

    def _closed_by_client(self, code: int) -> None:
        if not self._is_closing:
            self.close(code)
        if self._transport is not None:
            self._transport.disconnect()
