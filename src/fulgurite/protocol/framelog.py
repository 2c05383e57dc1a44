"""The frame log: raw realtime traffic as JSON Lines, the one text format for it.

Each line is one object: ``{"received_ns": int, "frame": str}`` or ``{"sent_ns": int, "frame": str}``, optionally with
``"connection": int``; or ``{"event": str, ...}`` for opens, closes and gaps. Times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Final, NamedTuple

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
    """Which of several connections it is about; left out where there was one."""
    event: str | None = None
    """What happened: a `client.items.StatusKind`, ``gap``, ``backfilled``, ``reconciled``, ``end``; or ``malformed``
    beside a frame that is not the protocol."""
    # The rest belongs to events.
    at_ns: int | None = None
    channel: str | None = None
    detail: str | None = None
    seconds: float | None = None
    close_code: int | None = None
    close_reason: str | None = None
    """What the server closed a connection with; see `client.items.Status`."""
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
    # What was recovered: a message's JSON text.
    message: str | None = None


MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""The longest line that is read; what a longer one holds comes in pieces, none of which is a line."""

_CHUNK_BYTES: Final = 64 * 1024

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


def read_lines(file: IO[bytes], is_compressed: bool) -> Iterator[bytes]:
    """The lines of a frame log that was opened for reading, without their newlines.

    A file that is still being written, or that a crash left behind, may be cut anywhere: its last piece comes as well.

    Args:
        file: where they are read, a piece at a time.
        is_compressed: whether it is compressed with zstandard, in one frame or several.

    Raises:
        InputError: the extra `zst` is missing, or from here on the file cannot be decompressed.
        OSError: the file cannot be read.
    """
    if not is_compressed:
        yield from _split(file.read)
        return
    try:
        import zstandard  # an extra, and only needed here
    except ImportError as error:
        raise InputError("frame log", "a .zst file", "it after `pip install 'fulgurite[zst]'`") from error
    try:
        # `read1`, since `read` forgets what it has decompressed when it meets damage.
        yield from _split(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read1)
    except zstandard.ZstdError as error:
        raise InputError("frame log", str(error), "a file compressed with zstandard") from error


def _split(read: Callable[[int], bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := read(_CHUNK_BYTES):
        first, *others = piece.split(b"\n")
        rest += first
        if others:
            yield rest
            *lines, rest = others
            yield from lines
        if len(rest) >= MAX_LINE_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest


def without_credentials(frame: str) -> str:
    """A frame that was sent, without the params of `auth`, which name the key, where it is one.

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
