"""The frame log: raw realtime traffic as JSON Lines, the one text format for it. Pure.

Each line is one object: ``{"received_ns": int, "frame": str}`` or ``{"sent_ns": int, "frame": str}``, optionally with
``"connection": int``; or ``{"event": str, ...}`` for opens, closes and gaps. Times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from fulgurite.errors import InputError, RemoteProtocolError
from fulgurite.protocol import engineio, socketio
from fulgurite.protocol.events import Method


class Line(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of a frame log."""

    received_ns: int | None = None
    sent_ns: int | None = None
    frame: str | None = None
    connection: int | None = None
    """The number of the connection; left out where there was one."""
    event: str | None = None
    """The kind of the event: a `client.items.StatusKind`, ``gap``, ``backfilled``, ``reconciled``, ``end``; or
    ``malformed`` beside a frame that is not the protocol."""
    # The rest belongs to events.
    at_ns: int | None = None
    channel: str | None = None
    detail: str | None = None
    seconds: float | None = None
    close_code: int | None = None
    close_reason: str | None = None
    """The reason in the server's close frame; see `client.items.Status`."""
    # A gap; see `client.items.Gap`.
    reason: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    repaired: str | None = None
    recovered: int | None = None
    note: str | None = None
    unresolved: tuple[str, ...] | None = None
    cause: str | None = None
    dropped: int | None = None
    # A recovered message's JSON text.
    message: str | None = None


_LINE = msgspec.json.Decoder(Line)


def parse_line(text: bytes | str) -> Line:
    """Read one line.

    Raises:
        InputError: it is no line of a frame log.
    """
    accepted = '{"received_ns": int, "frame": str}, {"sent_ns": int, "frame": str} or {"event": str}'
    try:
        line = _LINE.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError("frame log line", text, accepted) from error
    is_frame = line.frame is not None and (line.received_ns is None) != (line.sent_ns is None)
    if not is_frame and line.event is None:
        raise InputError("frame log line", text, accepted)
    return line


def format_line(line: Line) -> bytes:
    """Write one line, its newline included."""
    return msgspec.json.encode(line) + b"\n"


def without_credentials(frame: str) -> str:
    """A frame that was sent; of `auth` without its params, as they name the key.

    Everything else comes back as it is.
    """
    if f'"{Method.AUTH}"' not in frame:
        return frame
    packet, emits, _ = frame.partition(f'["{Method.AUTH}",')
    if emits and packet.startswith("42"):
        return f"{packet}{emits}{{}}]"
    try:
        call = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return frame
    if not isinstance(call, dict) or call.get("method") != Method.AUTH:
        return frame
    return msgspec.json.encode({**call, "params": {}}).decode()


class Recorded(NamedTuple):
    """A channel's message as a recorded frame carried it."""

    channel: str
    message: bytes
    """Its JSON text, byte for byte as in the frame."""


class _Params(msgspec.Struct, gc=False):
    channel: str
    message: msgspec.Raw


class _Notification(msgspec.Struct, gc=False):
    method: str
    params: msgspec.Raw


_OBJECT = msgspec.json.Decoder(msgspec.Raw)
_BATCH = msgspec.json.Decoder(list[msgspec.Raw])
_NOTIFICATION = msgspec.json.Decoder(_Notification)
_PARAMS = msgspec.json.Decoder(_Params)
_NAME = msgspec.json.Decoder(str)


def recorded_messages(frame: str) -> list[Recorded]:
    """The channels' messages in a frame of either dialect; none where it is an answer, a heartbeat or malformed."""
    try:
        if frame.startswith("42"):
            packet = socketio.split_message(engineio.split_packet(frame)[1])
            arguments = _BATCH.decode(packet.content)
            # The message is the event's one argument (section 1.6).
            return [Recorded(_NAME.decode(arguments[0]), bytes(arguments[1]))] if len(arguments) > 1 else []
        calls = _BATCH.decode(frame) if frame.lstrip().startswith("[") else [_OBJECT.decode(frame)]
    except (msgspec.DecodeError, UnicodeError, RecursionError, RemoteProtocolError):
        return []
    return [recorded for call in calls if (recorded := _channel_message(call)) is not None]


def _channel_message(call: msgspec.Raw) -> Recorded | None:
    try:
        notification = _NOTIFICATION.decode(call)
        if notification.method != "channelMessage":
            return None
        params = _PARAMS.decode(notification.params)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return Recorded(params.channel, bytes(params.message))
