"""A frame log that was opened to be replayed, looked through once: what is in it, and when. Pure."""

from __future__ import annotations

from array import array
from typing import IO, Final, NamedTuple

from fulgurite.errors import InputError
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO, Dialect
from fulgurite.protocol.framelog import parse_line, read_lines, recorded_messages

LINE_LIMIT: Final = 1_000_000
TEXT_LIMIT: Final = 512 * 1024 * 1024
"""Lines and bytes that are replayed at most, decompressed; a file of 64 MiB has fewer unless it is compressed."""

CHANNEL_LIMIT: Final = 200
PROBLEM_LIMIT: Final = 5
"""Channels that are shown, and unreadable lines that are named, of however many there are."""

_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"


class OpenedLog(NamedTuple):
    """What is in a frame log."""

    name: str
    file: IO[bytes]
    is_compressed: bool
    dialect: Dialect
    times: array[int]
    """Of each line the latest time until then, in nanoseconds since 1970."""
    channels: list[str]
    """Those that brought messages, the busiest first."""
    malformed: int
    """How many lines could not be read."""
    problems: list[str]
    begins_open: bool
    """Whether it begins in the middle of a connection."""


def open_log(name: str, file: IO[bytes]) -> OpenedLog:
    """Look through a file; this takes up to some seconds, and is for a thread.

    Args:
        name: what the user calls it.
        file: it; compressed with zstandard where it begins as such a file does.

    Raises:
        InputError: it holds no line of a frame log, or too many, or cannot be decompressed.
    """
    file.seek(0)
    is_compressed = file.read(4) == _ZSTANDARD
    file.seek(0)
    times = array("q")
    latest_ns = 0
    size = 0
    counts: dict[str, int] = {}
    socketio_frames = frames = 0
    problems: list[str] = []
    malformed = 0
    begins_open: bool | None = None
    for number, text in enumerate(read_lines(file, is_compressed), 1):
        size += len(text)
        if number > LINE_LIMIT or size > TEXT_LIMIT:
            raise InputError("frame log", name, f"one of at most {LINE_LIMIT:,} lines and {TEXT_LIMIT:,} bytes")
        try:
            line = parse_line(text)
        except InputError:
            if text.strip():
                malformed += 1
                if len(problems) < PROBLEM_LIMIT:
                    problems.append(f"line {number}: {text[:80].decode(errors='backslashreplace')}")
            times.append(latest_ns)
            continue
        latest_ns = max(latest_ns, line.received_ns or line.sent_ns or line.at_ns or 0)
        times.append(latest_ns)
        if begins_open is None:
            begins_open = line.event not in ("connecting", "backing_off")
        if line.frame is not None:
            frames += 1
            # JSON-RPC's frames begin with a brace or a bracket, Socket.IO's with a digit.
            socketio_frames += line.frame[:1].isdigit()
            if line.received_ns is not None:
                for recorded in recorded_messages(line.frame):
                    counts[recorded.channel] = counts.get(recorded.channel, 0) + 1
    if begins_open is None:
        raise InputError("frame log", name, 'JSON Lines such as {"received_ns": int, "frame": str}')
    _fill_beginning(times)
    return OpenedLog(
        name,
        file,
        is_compressed,
        SOCKETIO if socketio_frames * 2 > frames else JSON_RPC,
        times,
        sorted(counts, key=counts.__getitem__, reverse=True)[:CHANNEL_LIMIT],
        malformed,
        problems,
        begins_open,
    )


def _fill_beginning(times: array[int]) -> None:
    """Lines before the first one with a time are of that time."""
    first = next((ns for ns in times if ns), 0)
    for index, ns in enumerate(times):
        if ns:
            break
        times[index] = first
