"""The formats of recorded traffic, ours and other tools': found by a file's first lines, and made ours. Pure.

A format takes the lines of a file, one by one, and gives each as a `framelog.Line`. `found_format` finds it.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec

from fulgurite.errors import InputError
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.framelog import Line, parse_line, recorded_messages

ACCEPTED: Final = (
    'a frame log (lines such as {"received_ns": int, "frame": str}), HAR with WebSocket messages, raw lines of '
    "cryptofeed or tardis, or one frame a line; UTF-8, as it is or compressed with gzip or zstandard"
)

FRAME_RATE: Final = 33.0
"""Frames a second of a file that has no times, unless another rate is asked for: as many as all channels together
brought when they were recorded in 2021."""

MAX_HAR_BYTES: Final = 256 * 1024 * 1024
"""The longest HAR file: it can only be read as a whole."""


class Odd(NamedTuple):
    """A line of a file that is none of its format."""

    number: int
    """The number of the line, from 1; in a HAR file, of the message."""
    text: bytes
    problem: str


Step = Line | Odd | Damage


class Format:
    """Reads the lines of one file."""

    name = ""
    """Its name in messages to people."""
    has_times = True

    def read_line(self, number: int, text: bytes) -> Iterable[Step]:
        """The steps of a line, without its end and not blank."""
        raise NotImplementedError

    def read_blank_line(self) -> Iterable[Step]:
        """The steps of a blank line."""
        return ()

    def finish(self) -> Iterator[Step]:
        """The steps of the end of the file."""
        return iter(())


def found_format(text: bytes, frame_rate: float) -> Format | None:
    """The format of this line; None where it has none.

    Args:
        text: one of the file's first lines, without its end.
        frame_rate: how many frames of a file without times come in one second.
    """
    stripped = text.strip()
    if stripped == b"{" or re.match(rb'\{\s*"log"\s*:', stripped):
        return _Har()
    if _TARDIS.fullmatch(text):
        return _Tardis()
    if _ENGINE_IO.fullmatch(stripped):
        return _BareFrames(frame_rate)
    if _CRYPTOFEED.fullmatch(text) or text.startswith(_CONFIGURATION):
        return _Cryptofeed()
    try:
        members = _JSON.decode(stripped)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    members = members[0] if isinstance(members, list) and members else members
    if not isinstance(members, dict):
        return None
    if members.keys() & {"received_ns", "sent_ns", "event"}:
        return _FrameLog()
    return _BareFrames(frame_rate) if members.keys() & {"jsonrpc", "method", "result", "error"} else None


_JSON: Final = msgspec.json.Decoder()

# The times of both have up to nine digits behind the point.
_CONFIGURATION: Final = b"configuration: "
_CRYPTOFEED: Final = re.compile(rb"(?:(\S+) <(-|->) )?(\d{1,10})(?:\.(\d{1,9})\d*)?(?:: (.*))?")
_TARDIS: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?Z ?(.*)")
# Open, close, ping, pong, message, upgrade, noop; of these a message has a Socket.IO packet in it.
_ENGINE_IO: Final = re.compile(rb"0\{.*|[1-3](?:probe)?|4[0-6](?!\d*\.?\d*: ).*|[56]", re.DOTALL)


class _FrameLog(Format):
    name = "a frame log"

    def read_line(self, number: int, text: bytes) -> list[Step]:
        try:
            return [parse_line(text)]
        except InputError as error:
            return [Odd(number, text, f"not a line of a frame log, which is {error.accepted}")]


class _Cryptofeed(Format):
    """`<time>: <frame>` was received, `<url> <- <time>: <frame>` sent; `<url> <-> <time>` opened a connection."""

    name = "raw lines of cryptofeed"

    def __init__(self) -> None:
        self._is_open = False

    def read_line(self, number: int, text: bytes) -> Iterator[Step]:
        if text.startswith(_CONFIGURATION):
            return
        match = _CRYPTOFEED.fullmatch(text)
        if match is None:
            yield Odd(number, text, "not a line of cryptofeed: `<seconds>: <frame>`")
            return
        url, arrow, seconds, fraction, frame = match.groups()
        at_ns = int(seconds) * 1_000_000_000 + _nanoseconds(fraction)
        if arrow == b"->":
            if self._is_open:
                yield Line(event="closed", at_ns=at_ns, detail="a new connection was opened; the file does not say why")
            self._is_open = True
            yield Line(event="open", at_ns=at_ns, detail=url.decode(errors="backslashreplace"))
        elif frame is None:
            yield Odd(number, text, "a line of cryptofeed without a frame")
        else:
            yield _frame_line(number, text, at_ns, frame, "received" if arrow is None else "sent")


class _Tardis(Format):
    """`<ISO time> <frame>`, received; a blank line is where the connection was lost."""

    name = "raw lines of tardis"

    def __init__(self) -> None:
        self._at_ns = 0
        self._is_open = True

    def read_line(self, number: int, text: bytes) -> Iterator[Step]:
        match = _TARDIS.fullmatch(text)
        if match is None or not match[3]:
            yield Odd(number, text, "not a line of tardis: `<ISO time> <frame>`")
            return
        try:
            moment = datetime.fromisoformat(match[1].decode()).replace(tzinfo=UTC)
        except ValueError as error:
            yield Odd(number, text, f"not a time: {error}")
            return
        self._at_ns = int(moment.timestamp()) * 1_000_000_000 + _nanoseconds(match[2])
        self._is_open = True
        yield _frame_line(number, text, self._at_ns, match[3], "received")

    def read_blank_line(self) -> Iterator[Step]:
        if self._is_open:
            self._is_open = False
            yield Line(event="closed", at_ns=self._at_ns, detail="a blank line, as tardis writes it")


class _BareFrames(Format):
    """One received frame a line, at equal distances; the first at the beginning of 1970, since there is no time."""

    name = "one frame a line"
    has_times = False

    def __init__(self, frame_rate: float) -> None:
        self._distance_ns = 1e9 / frame_rate
        self._count = 0

    def read_line(self, number: int, text: bytes) -> Iterator[Step]:
        frame = text.strip()
        if frame[:1] not in (b"{", b"[") and not _ENGINE_IO.fullmatch(frame):
            yield Odd(number, text, "not a frame of either dialect")
            return
        self._count += 1
        yield _frame_line(number, text, round(self._count * self._distance_ns), frame, "received")


class _HarMessage(msgspec.Struct, gc=False):
    type: Literal["send", "receive"]
    time: Decimal
    opcode: int
    data: str


class _HarEntry(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw] = msgspec.field(name="_webSocketMessages", default_factory=list)


class _HarLog(msgspec.Struct, gc=False):
    entries: list[_HarEntry]


class _HarFile(msgspec.Struct, gc=False):
    log: _HarLog


_HAR: Final = msgspec.json.Decoder(_HarFile)
_HAR_MESSAGE: Final = msgspec.json.Decoder(_HarMessage)

_TEXT_OPCODE: Final = 1


class _Har(Format):
    """The file of a browser's developer tools: all connections of a page; those that brought channels are given."""

    name = "HAR"

    def __init__(self) -> None:
        self._text: list[bytes] = []
        self._size = 0

    def read_line(self, number: int, text: bytes) -> Iterator[Step]:
        self._size += len(text) + 1
        if self._size > MAX_HAR_BYTES:
            raise InputError("frame log", f"HAR of more than {MAX_HAR_BYTES:,} bytes", "a shorter one")
        self._text.append(text)
        yield from ()

    def finish(self) -> Iterator[Step]:
        text = b"\n".join(self._text)
        self._text = []
        try:
            entries = _HAR.decode(text).log.entries
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InputError("frame log", f"HAR that cannot be read: {error}", ACCEPTED) from error
        connections = [steps for entry in entries if (steps := _har_steps(entry))]
        if not connections:
            raise InputError("frame log", "HAR without the messages of a channel in it", ACCEPTED)
        if len(connections) > 1:
            for number, steps in enumerate(connections):
                connections[number] = [
                    (at_ns, msgspec.structs.replace(step, connection=number) if isinstance(step, Line) else step)
                    for at_ns, step in steps
                ]
        # Each connection keeps its order, against its times if need be.
        for _, step in heapq.merge(*connections, key=lambda pair: pair[0]):
            yield step


def _har_steps(entry: _HarEntry) -> list[tuple[int, Step]]:
    """The messages of one connection with their times; none where it has brought no channel."""
    steps: list[tuple[int, Step]] = []
    at_ns = 0
    is_ours = False
    for number, raw in enumerate(entry.messages, 1):
        try:
            message = _HAR_MESSAGE.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            steps.append((at_ns, Odd(number, bytes(raw), f"not a WebSocket message of HAR: {error}")))
            continue
        if not math.isfinite(message.time):
            steps.append((at_ns, Odd(number, bytes(raw), "its time is no number")))
            continue
        at_ns = int(message.time * 1_000_000_000)
        if message.opcode != _TEXT_OPCODE:
            steps.append((at_ns, Odd(number, bytes(raw), f"a frame of opcode {message.opcode}, not of text (1)")))
        elif message.type == "send":
            steps.append((at_ns, Line(sent_ns=at_ns, frame=message.data)))
        else:
            steps.append((at_ns, Line(received_ns=at_ns, frame=message.data)))
            is_ours = is_ours or bool(recorded_messages(message.data))
    return steps if is_ours else []


def _frame_line(number: int, text: bytes, at_ns: int, frame: bytes, direction: Literal["sent", "received"]) -> Step:
    try:
        content = frame.decode()
    except UnicodeError:
        return Odd(number, text, "a frame that is not UTF-8")
    return Line(received_ns=at_ns, frame=content) if direction == "received" else Line(sent_ns=at_ns, frame=content)


def _nanoseconds(fraction: bytes | None) -> int:
    return int((fraction or b"").ljust(9, b"0"))
