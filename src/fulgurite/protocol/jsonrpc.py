"""JSON-RPC 2.0 over WebSocket, both sides (protocol reference, sections 1.1 and 1.2). Pure.

The server's side answers malformed input as the library does that the real server is built on: `J` in the
reference. JavaScript's rules are kept where they show: `null` as a call is met with silence, "" is no method.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import msgspec

from fulgurite.errors import RemoteProtocolError
from fulgurite.protocol.choices import REFUSES_OTHER_VERSIONS, Refusal
from fulgurite.protocol.events import (
    Acknowledged,
    ChannelMessage,
    ClientEvent,
    Method,
    Opened,
    Refused,
    Request,
    ServerEvent,
)
from fulgurite.protocol.javascript import is_truthy, parse, stringify
from fulgurite.protocol.requests import PendingRequests
from fulgurite.protocol.subscriptions import CheckAuth, Subscriptions


def encode_message(channel: str, message: bytes) -> bytes:
    """The frame that carries a channel's message; `message` stands in it unchanged."""
    return b'{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":%b,"message":%b}}' % (
        msgspec.json.encode(channel),
        message,
    )


# --- the client's side ------------------------------------------------------------------------------------------


class _Error(msgspec.Struct, gc=False):
    code: Any = None
    message: Any = ""


class _Frame(msgspec.Struct, gc=False):
    """A notification or a response: everything that a server sends."""

    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")  # in a union with None, msgspec takes nothing but null
    id: Any = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | None = None


class _Notification(msgspec.Struct, gc=False):
    """A channel's message: nearly every frame is one, so it is read in one step."""

    method: str
    params: ChannelMessage


# How the service begins and divides these frames (section 1.1).
_BEGINNING: Final = '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"'
_MIDDLE: Final = '","message":'
_NAME_FROM: Final = len(_BEGINNING)
_MIDDLE_LENGTH: Final = len(_MIDDLE)

_NOTIFICATION = msgspec.json.Decoder(_Notification)
_FRAME = msgspec.json.Decoder(_Frame)
_BATCH = msgspec.json.Decoder(list[_Frame])
_PARAMS = msgspec.json.Decoder(ChannelMessage)


class JsonRpcClient:
    """The client's side of one JSON-RPC session; see `events.ClientProtocol`.

    Args:
        request_timeout: seconds to wait for the answer to a request.
    """

    def __init__(self, request_timeout: float = 10.0) -> None:
        self._pending = PendingRequests(request_timeout)
        self._outgoing: list[str] = []
        self._opened = False

    def receive(self, data: str | bytes, now: float) -> list[ClientEvent]:
        """Take one WebSocket message, a frame or a batch of them; see `events.ClientProtocol`."""
        try:
            notification = _NOTIFICATION.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._receive_other(data)
        if notification.method != "channelMessage":
            return self._receive_other(data)
        return [notification.params]

    def split(self, text: str) -> tuple[str, str] | None:
        """The channel and the message of an ordinary frame; see `events.ClientProtocol`."""
        if text.startswith(_BEGINNING) and text.endswith("}}"):
            middle = text.find(_MIDDLE, _NAME_FROM)
            if middle > 0:
                return text[_NAME_FROM:middle], text[middle + _MIDDLE_LENGTH : -2]
        return None

    def frames_to_send(self) -> list[str]:
        """The frames that must go out; see `events.ClientProtocol`."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_timer(self) -> float | None:
        """The time at which `handle_timer` must be called next; 0 until it was called once, for `Opened`."""
        return self._pending.next_timer() if self._opened else 0.0

    def handle_timer(self, now: float) -> list[ClientEvent]:
        """Report `Opened` once, since nothing is awaited from the server, and requests that nobody answers."""
        opened: list[ClientEvent] = [] if self._opened else [Opened()]
        self._opened = True
        return opened + list(self._pending.expire(now))

    def authenticate(self, params: dict[str, object], now: float) -> None:
        """Ask for `auth`."""
        self._call(Request(Method.AUTH), params, now)

    def subscribe(self, channel: str, now: float) -> None:
        """Ask for a channel."""
        self._call(Request(Method.SUBSCRIBE, channel), {"channel": channel}, now)

    def unsubscribe(self, channel: str, now: float) -> None:
        """Ask for a channel no longer."""
        self._call(Request(Method.UNSUBSCRIBE, channel), {"channel": channel}, now)

    def _call(self, request: Request, params: dict[str, object], now: float) -> None:
        call = {"jsonrpc": "2.0", "method": request.method, "params": params, "id": self._pending.add(request, now)}
        self._outgoing.append(msgspec.json.encode(call).decode())

    def _receive_other(self, data: str | bytes) -> list[ClientEvent]:
        try:
            # A batch begins with a bracket; white space before it is legal JSON.
            opening = data.lstrip()[:1]
            frames = _BATCH.decode(data) if opening in ("[", b"[") else [_FRAME.decode(data)]
            # All are decoded before any is reported, so that a bad frame changes nothing.
            messages = [_PARAMS.decode(frame.params) if frame.method == "channelMessage" else None for frame in frames]
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise RemoteProtocolError(f"not a JSON-RPC frame ({error})", data) from error
        events: list[ClientEvent] = []
        for frame, params in zip(frames, messages, strict=True):
            if params is not None:
                events.append(params)
            elif frame.method is None:
                events.extend(self._response(frame))
        return events

    def _response(self, frame: _Frame) -> list[ClientEvent]:
        request = self._pending.pop(frame.id)
        if request is None:
            return []
        if frame.error is not None:
            return [_refused(request, frame.error)]
        # "be sure to check for completion": only `true` grants (section 1.1).
        if frame.result is msgspec.UNSET or bytes(frame.result) != b"true":
            answer = "nothing" if frame.result is msgspec.UNSET else bytes(frame.result)[:100].decode(errors="replace")
            return [Refused(request, None, f"answered {answer} instead of true")]
        return [Acknowledged(request)]


def _refused(request: Request, error: _Error) -> Refused:
    code = error.code if isinstance(error.code, int) and not isinstance(error.code, bool) else None
    return Refused(request, code, str(error.message))


# --- the server's side ------------------------------------------------------------------------------------------

_ABSENT = object()
"""JavaScript's undefined: a member that is not there, unlike one that is null."""

_PARSE_ERROR = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error","data":"Invalid JSON"},"id":null}'
_EMPTY_BATCH = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"Empty Array"},"id":null}'
_INVALID_REQUEST: dict[str, object] = {"code": -32600, "message": "Invalid Request"}
_METHOD_NOT_FOUND: dict[str, object] = {"code": -32601, "message": "Method not found"}


class JsonRpcServer:
    """The server's side of one JSON-RPC session; see `events.ServerProtocol`.

    Args:
        check_auth: see `subscriptions.CheckAuth`.
    """

    def __init__(self, check_auth: CheckAuth) -> None:
        self._subscriptions = Subscriptions(check_auth)
        self._outgoing: list[str | bytes] = []

    def receive(self, data: str | bytes, now: float) -> list[ServerEvent]:
        """Take one WebSocket message and answer it in kind, binary with binary; see `events.ServerProtocol`."""
        text = data if isinstance(data, str) else data.decode(errors="replace")
        events: list[ServerEvent] = []
        answer: str | None = None
        try:
            parsed = parse(text)
        except (ValueError, RecursionError):  # RecursionError: nested too deep to be meant
            answer = _PARSE_ERROR
        else:
            # An id may be too deep to be written; the reference implementation is silent about such a one, too.
            with contextlib.suppress(RecursionError):
                answer = self._answer(parsed, events)
        if answer is not None:
            self._outgoing.append(answer if isinstance(data, str) else answer.encode())
        return events

    def frames_to_send(self) -> list[str | bytes]:
        """The frames that must go out; see `events.ServerProtocol`."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_timer(self) -> float | None:
        """None: the heartbeat of this dialect is the WebSocket's own ping."""
        return None

    def handle_timer(self, now: float) -> list[ServerEvent]:
        """Nothing to do; see `next_timer`."""
        return []

    def _answer(self, parsed: Any, events: list[ServerEvent]) -> str | None:
        if not isinstance(parsed, list):
            response = None if parsed is None else self._process(parsed, events)
            return None if response is None else stringify(response)
        if not parsed:
            return _EMPTY_BATCH
        responses = []
        for call in parsed:
            if call is None:
                # The reference implementation trips over a null: nothing of the batch is answered, and the calls
                # before it have taken effect.
                return None
            response = self._process(call, events)
            if response is not None:
                responses.append(response)
        return stringify(responses) if responses else None

    def _process(self, call: Any, events: list[ServerEvent]) -> dict[str, Any] | None:
        members = call if isinstance(call, dict) else {}
        given_id = members.get("id", _ABSENT)
        response: dict[str, Any] = {"jsonrpc": "2.0", "id": None if given_id is _ABSENT else given_id}
        if given_id is not _ABSENT and ("result" in members or "error" in members):
            # Somebody's response. One to nobody in particular is only silent where it reports an error.
            if given_id is None and not is_truthy(members.get("error")) and _version_is_fine(members):
                return response | {"error": _INVALID_REQUEST}
            if _version_is_fine(members):
                return None
        error = _malformed(call, members)
        if error is not None:
            return response | {"error": error}
        try:
            method = Method(members["method"])
        except ValueError:
            return response | {"error": _METHOD_NOT_FOUND}
        params = members.get("params")
        argument = params if method is Method.AUTH else params.get("channel") if isinstance(params, dict) else None
        outcome = self._subscriptions.call(method, argument)
        if outcome is not None and not isinstance(outcome, Refusal):
            events.append(outcome)
        if given_id is _ABSENT:
            return None
        if isinstance(outcome, Refusal):
            return response | {"error": {"code": outcome.code, "message": outcome.message}}
        return response | {"result": True}


def _malformed(call: Any, members: dict[str, Any]) -> dict[str, object] | None:
    """The errors of a call before its method is looked at, in the reference implementation's order."""
    if not isinstance(call, dict | list):
        return _INVALID_REQUEST
    if not _version_is_fine(members):
        return _INVALID_REQUEST | {"data": "Invalid JSON-RPC Version"}
    method = members.get("method")
    if not is_truthy(method):
        return _METHOD_NOT_FOUND | {"data": "Method not specified"}
    if not isinstance(method, str):
        return _INVALID_REQUEST | {"data": "Invalid type of method name"}
    if "params" in members and not isinstance(members["params"], dict | list):
        return _INVALID_REQUEST
    return None


def _version_is_fine(members: dict[str, Any]) -> bool:
    return not REFUSES_OTHER_VERSIONS or members.get("jsonrpc", "2.0") == "2.0"
