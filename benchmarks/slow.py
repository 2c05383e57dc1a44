"""The cost of a slow reader to the others: the latency of their messages, with it and without it in turn.

    python -m benchmarks.slow PYTHON SUBSCRIBERS TURNS SECONDS

Prints the 50th and 99th percentiles without and with it, in milliseconds, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.environments import interpreter
from benchmarks.processes import read_line, started, tell
from benchmarks.subscribers import CHANNEL, allow_many_sockets, masked, subscribe
from benchmarks.tables import Column, Figures, Goal, Row, Table

RUNNER = Path(__file__).parent / "runners" / "run_slow.py"
SUBSCRIBERS = 1_000
TURNS = 8
"""Half of them with the slow reader, in turn."""
SECONDS = 2.0
PACE = 20.0
"""Messages a second: each goes to all, so that this is 20,000 a second."""
MESSAGE_BYTES = 485
SLOW_BYTES = 500
"""Bytes that the slow reader reads in a tenth of a second: fewer than come to it."""


def latencies(sockets: list[socket.socket], due: int, meanwhile: Callable[[], None]) -> list[int]:
    """Read until so many messages have come to all together; return how late each was, in nanoseconds.

    Args:
        sockets: of the subscribers that read at once.
        due: how many messages come.
        meanwhile: is called about ten times a second.
    """
    late: list[int] = []
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        next_turn = time.monotonic()
        while len(late) < due:
            if time.monotonic() >= next_turn:
                meanwhile()
                next_turn += 0.1
            for key, _ in selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(65536)
                now_ns = time.monotonic_ns()
                assert data, "the server ended a connection"
                start = data.find(b'{"at":')
                while start >= 0:
                    late.append(now_ns - int(data[start + 6 : start + 26]))
                    start = data.find(b'{"at":', start + 26)
    return late


def sip(sock: socket.socket) -> None:
    """Read as slowly as the slow reader does; about ten times a second."""
    with contextlib.suppress(BlockingIOError):
        sock.recv(SLOW_BYTES)


def drain(sock: socket.socket) -> None:
    """Read until nothing more comes."""
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while sock.recv(1 << 20):
            pass
    sock.setblocking(False)


def compare(python: str, subscribers: int, turns: int, seconds: float) -> dict[str, Any]:
    """Turns without and with the slow reader; see the module."""
    allow_many_sockets()
    late: tuple[list[int], list[int]] = ([], [])
    with started([python, RUNNER, CHANNEL, MESSAGE_BYTES, PACE]) as server:
        port = read_line(server)["port"]
        sockets = [subscribe(port, "json-rpc", None) for _ in range(subscribers - 1)]
        slow = subscribe(port, "json-rpc", None, receive_buffer=4096)
        call = {"method": "subscribe", "params": {"channel": "lightning_ticker_BTC_JPY"}, "id": 2}
        slow.sendall(masked(json.dumps(call).encode()))
        due = round(seconds * PACE) * len(sockets)
        for turn in range(turns):
            is_with = turn % 2 == 1
            drain(slow)
            if is_with:
                tell(server, "fill")
                read_line(server)
            tell(server, f"pace {seconds}")
            late[is_with].extend(latencies(sockets, due, lambda: sip(slow)))
            result = read_line(server)
            assert result["is_stuck"] == is_with, "it was slow when it should not have been, or the other way round"
            assert not result["dropped"], "the slow reader was dropped, and so slowed nobody down"
    figures = {"versions": result["versions"]}
    for name, values in zip(("without", "with"), map(sorted, late), strict=True):
        for percent in (50, 99):
            figures[f"p{percent} {name}"] = values[len(values) * percent // 100] / 1e6
    return figures


def run(subscribers: int, seconds: float, folder: Path, divisor: int, python: str = "") -> Figures:
    """The result of `compare`, in a process of its own.

    Raises:
        Failed: it ended, or hung.
    """
    command = [sys.executable, "-m", "benchmarks.slow", python or interpreter("fulgurite")]
    with started([*command, subscribers, TURNS if divisor == 1 else 2, seconds / min(divisor, 4)]) as process:
        result = read_line(process)
    versions = result.pop("versions")
    return Figures(result | {"ratio": result["p99 with"] / result["p99 without"]}, versions)


TABLES = (
    Table(
        "slow",
        f"A slow reader among {SUBSCRIBERS:,}: how late messages come to the others",
        (
            *(
                Column(f"p{percent} {name}", f"p{percent} {name}, ms")
                for percent in (50, 99)
                for name in ("without", "with")
            ),
            Column("ratio", "p99 with : without", 2),
        ),
        (Row("Fulgurite", "fulgurite", partial(run, SUBSCRIBERS, SECONDS), f"{PACE:.0f} messages/s to each"),),
        goals=(Goal("the others' p99 with a slow reader to that without, times", "ratio", 1.1, is_most=True),),
    ),
)

HOW = """\
* A slow reader: one of 1,000 subscribers of a server reads 5 kB a second, half of the published rate, and has more than
  a MiB waiting in the server already; 20 messages a second go to all. Times with and without it take turns, in one
  server. How late a message is counts from its being published to its having been read by the subscriber; most of that
  is the time that 999 others take.
"""

if __name__ == "__main__":
    found = compare(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(found), flush=True)
