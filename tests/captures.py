"""Reading the recorded captures, which lie beside the repository and not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fulgurite.protocol.channels import Channel, parse_channel
from fulgurite.protocol.framelog import Line, format_line, recorded_messages

SESSIONS = ("2021-04-05_all-products.txt", "2021-07-22_btc-jpy.txt")

_RECEIVED = re.compile(r"(\d+)\.(\d+): (.*)")


def received_frames(path: Path) -> Iterator[str]:
    """The frames that a recorded session received, in order."""
    for line in received_lines(path):
        assert line.frame is not None
        yield line.frame


def received_lines(path: Path) -> Iterator[Line]:
    """The same as lines of a frame log."""
    for text in path.read_text().splitlines():
        match = _RECEIVED.fullmatch(text)
        if match:
            nanoseconds = int(match[1]) * 1_000_000_000 + int(match[2].ljust(9, "0")[:9])
            yield Line(received_ns=nanoseconds, frame=match[3])


def received_messages(path: Path) -> Iterator[tuple[Channel, bytes]]:
    """Every message that a recorded session received, in order: its channel, and its JSON text as it came."""
    for frame in received_frames(path):
        for name, message in recorded_messages(frame):
            yield parse_channel(name), message


def convert(path: Path, log: Path) -> None:
    """Write a recorded session as a frame log."""
    log.write_bytes(b"".join(format_line(line) for line in received_lines(path)))
