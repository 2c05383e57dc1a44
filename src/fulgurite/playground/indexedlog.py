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
    positions, times = array("q"), array("q")
    passed_over: dict[int, float] = {}
    clock = LogClock()
    first_ns = latest_ns = 0
    size = 0
    counts: dict[str, int] = {}
    socketio_frames = frames = 0
    problems: list[str] = []
    malformed = 0
    begins_open: bool | None = None
    for number, step in enumerate(_steps(name, file)):
        if isinstance(step, Line):
            size += len(step.frame or step.message or "")
            at_ns = step.received_ns or step.sent_ns or step.at_ns
            if at_ns:
                first_ns, latest_ns = first_ns or at_ns, at_ns
                if seconds := clock.advance(at_ns):
                    passed_over[number] = seconds
        else:
            malformed += 1
            size += len(step.text) if isinstance(step, Odd) else 0
            if len(problems) < PROBLEM_LIMIT:
                problems.append(_problem(step))
        if number >= LINE_LIMIT or size > TEXT_LIMIT:
            raise InputError("frame log", name, f"one of at most {LINE_LIMIT:,} lines and {TEXT_LIMIT:,} bytes")
        positions.append(first_ns + clock.passed_ns)
        times.append(latest_ns)
        if not isinstance(step, Line):
            continue
        if begins_open is None:
            begins_open = step.event not in ("connecting", "backing_off", "open")
        if step.frame is not None:
            frames += 1
            # JSON-RPC's frames begin with a brace or a bracket, Socket.IO's with a digit.
            socketio_frames += step.frame[:1].isdigit()
            if step.received_ns is not None:
                for recorded in recorded_messages(step.frame):
                    counts[recorded.channel] = counts.get(recorded.channel, 0) + 1
    if begins_open is None:
        raise InputError("frame log", name, ACCEPTED)
    _fill_beginning(positions)
    _fill_beginning(times)
    return IndexedLog(
        name,
        file,
        SOCKETIO if socketio_frames * 2 > frames else JSON_RPC,
        positions,
        times,
        passed_over,
        sorted(counts, key=counts.__getitem__, reverse=True)[:CHANNEL_LIMIT],
        malformed,
        problems,
        begins_open,
    )


def _steps(name: str, file: IO[bytes]) -> Iterator[Step]:
    try:
        yield from read_log(file)
    except InputError as error:
        raise InputError("frame log", f"{name}, which is {error.value}", error.accepted) from error


def _problem(step: Odd | Damage) -> str:
    if isinstance(step, Odd):
        return f"line {step.number}: {step.text[:80].decode(errors='backslashreplace')}"
    return f"the file ends early: {step.problem}" if step.is_end else step.problem


def _fill_beginning(times: array[int]) -> None:
    """Lines before the first one with a time are of that time."""
    first = next((ns for ns in times if ns), 0)
    for index, ns in enumerate(times):
        if ns:
            break
        times[index] = first
