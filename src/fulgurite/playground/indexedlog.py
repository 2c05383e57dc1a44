"""A frame log to be replayed, and its index: its channels, and the time of each step. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from fulgurite.errors import InputError
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO, Dialect
from fulgurite.protocol.framelog import Line, recorded_messages
from fulgurite.protocol.logclock import LogClock
from fulgurite.protocol.logformats import ACCEPTED, Odd, Step
from fulgurite.protocol.logreader import read_log

LINE_LIMIT: Final = 1_000_000
TEXT_LIMIT: Final = 512 * 1024 * 1024
"""Lines and bytes that are replayed at most, decompressed; a file of 64 MiB has fewer unless it is compressed."""

CHANNEL_LIMIT: Final = 200
PROBLEM_LIMIT: Final = 5
"""Channels that are shown, and unreadable lines that are named, of however many there are."""


class IndexedLog(NamedTuple):
    """A frame log and its index."""

    name: str
    file: IO[bytes]
    dialect: Dialect
    positions: array[int]
    """The position of each step: the time of the first one, in nanoseconds since 1970, and the time passed since. They
    ascend, even where the recorder's clock was set back."""
    times: array[int]
    """The time of each step by that clock, in nanoseconds since 1970."""
    passed_over: dict[int, float]
    """The steps before which so many seconds are passed over."""
    channels: list[str]
    """Those that brought messages, the busiest first."""
    malformed: int
    """The number of lines, and damaged parts of the file, that could not be read."""
    problems: list[str]
    begins_open: bool
    """Whether it begins in the middle of a connection."""


def index_log(name: str, file: IO[bytes]) -> IndexedLog:
    """Look through a file; this takes up to some seconds, and is for a thread.

    Args:
        name: the user's name for it.
        file: it, of any kind that `logreader` reads.

    Raises:
        InputError: it is of no such kind, or holds too much.
    """
    file.seek(0)
    timing, traffic = _Timing(), _Traffic()
    size = malformed = 0
    problems: list[str] = []
    for number, step in enumerate(_steps(name, file)):
        timing.add(step)
        if isinstance(step, Line):
            size += len(step.frame or step.message or "")
            traffic.add(step)
        else:
            malformed += 1
            size += len(step.text) if isinstance(step, Odd) else 0
            if len(problems) < PROBLEM_LIMIT:
                problems.append(_problem(step))
        if number >= LINE_LIMIT or size > TEXT_LIMIT:
            raise InputError("frame log", name, f"one of at most {LINE_LIMIT:,} lines and {TEXT_LIMIT:,} bytes")
    if traffic.begins_open is None:
        raise InputError("frame log", name, ACCEPTED)
    return IndexedLog(
        name,
        file,
        SOCKETIO if traffic.socketio_frames * 2 > traffic.frames else JSON_RPC,
        _with_beginning(timing.positions),
        _with_beginning(timing.times),
        timing.passed_over,
        sorted(traffic.counts, key=traffic.counts.__getitem__, reverse=True)[:CHANNEL_LIMIT],
        malformed,
        problems,
        traffic.begins_open,
    )


class _Timing:
    """The times of the steps, as in `IndexedLog`; 0 before the first known one."""

    def __init__(self) -> None:
        self.positions, self.times = array("q"), array("q")
        self.passed_over: dict[int, float] = {}
        self._clock = LogClock()
        self._first_ns = self._latest_ns = 0

    def add(self, step: Step) -> None:
        at_ns = (step.received_ns or step.sent_ns or step.at_ns) if isinstance(step, Line) else None
        if at_ns:
            self._first_ns, self._latest_ns = self._first_ns or at_ns, at_ns
            if seconds := self._clock.advance(at_ns):
                self.passed_over[len(self.times)] = seconds
        self.positions.append(self._first_ns + self._clock.passed_ns)
        self.times.append(self._latest_ns)


class _Traffic:
    """The dialect and the channels of the lines."""

    def __init__(self) -> None:
        self.frames = self.socketio_frames = 0
        self.counts: dict[str, int] = {}
        # Unknown before the first line.
        self.begins_open: bool | None = None

    def add(self, line: Line) -> None:
        if self.begins_open is None:
            self.begins_open = line.event not in ("connecting", "backing_off", "open")
        if line.frame is None:
            return
        self.frames += 1
        # JSON-RPC's frames begin with a brace or a bracket, Socket.IO's with a digit.
        self.socketio_frames += line.frame[:1].isdigit()
        if line.received_ns is not None:
            for recorded in recorded_messages(line.frame):
                self.counts[recorded.channel] = self.counts.get(recorded.channel, 0) + 1


def _steps(name: str, file: IO[bytes]) -> Iterator[Step]:
    try:
        yield from read_log(file)
    except InputError as error:
        raise InputError("frame log", f"{name}, which is {error.value}", error.accepted) from error


def _problem(step: Odd | Damage) -> str:
    if isinstance(step, Odd):
        return f"line {step.number}: {step.text[:80].decode(errors='backslashreplace')}"
    return f"the file ends early: {step.problem}" if step.is_end else step.problem


def _with_beginning(times: array[int]) -> array[int]:
    """The times, where steps before the first known time are of that time."""
    first = next((ns for ns in times if ns), 0)
    return array("q", (ns or first for ns in times))
