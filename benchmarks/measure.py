"""One measurement: a server and a client, each in its process; or an order book in its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.environments import ROOT, interpreter
from benchmarks.frames import DIFF, SNAPSHOT, Expected, expect, generate, laps, load, save
from benchmarks.processes import Failed, read_line, started, tell, why_ended
from benchmarks.table import Book, Client, Section

RUNNERS = Path(__file__).parent / "runners"
RANKS = {"p50": 500, "p99": 990, "p99.9": 999}
"""Percentiles of the latency, as parts of a thousand."""


class Sample(NamedTuple):
    """The result of one run of one row."""

    rate: float
    """Messages a second, from the server's first to the client's last."""
    cpu_us: float
    """Microseconds of processor time of the client for a message."""
    latencies_us: dict[str, float]
    """Microseconds from the server's write to the client's having handled the diff, by percentile; at a pace only."""
    book_is_right: bool | None
    """Whether its best prices were the market's at the end; None where it keeps no book."""
    versions: dict[str, str]


class Frames:
    """The files of messages, made when first asked for.

    Args:
        folder: where they are kept.
        messages: how many are in a lap, by levels a side.
    """

    def __init__(self, folder: Path, messages: Mapping[int, int]) -> None:
        self._folder = folder
        self._messages = messages
        self._expected: dict[tuple[int, int], Expected] = {}

    def file(self, levels: int) -> Path:
        """The file of a market with so many levels a side."""
        path = self._folder / f"{levels}.txt"
        if not path.exists():
            save(generate(levels, self._messages[levels]), path)
        return path

    def expected(self, levels: int, count: int) -> Expected:
        """The counts that a client must have after so many messages."""
        key = levels, count
        if key not in self._expected:
            self._expected[key] = expect(laps(load(self.file(levels)), count))
        return self._expected[key]

    def expected_after_diffs(self, levels: int, count: int) -> Expected:
        """The levels that a book must hold after the first so many diffs."""
        boards = [message for message in load(self.file(levels)) if message.channel in (SNAPSHOT, DIFF)]
        return expect(boards[: count + 1])


def run_client(
    client: Client,
    section: Section,
    frames: Frames,
    count: int,
    folder: Path,
    python: str = "",
) -> Sample:
    """Let a client read one run.

    Args:
        client: whose turn it is.
        section: under which conditions.
        frames: the messages to send.
        count: how many messages.
        folder: for the certificate.
        python: the interpreter, instead of its own environment's.

    Raises:
        Failed: it ended, hung, or did not see all messages.
    """
    expected = frames.expected(section.levels, count)
    ca_file = folder / "ca.pem"
    server_command = [sys.executable, "-m", "benchmarks.server", frames.file(section.levels), count, client.dialect]
    server_command += ["--tls", ca_file] if section.tls else []
    server_command += ["--pace", section.pace] if section.pace else []
    # Where Python and Node.js look for certificates to trust, and where Node.js looks for packages.
    environment = os.environ | {"NODE_PATH": str(ROOT / "tests" / "peers" / "node_modules")}
    if section.tls:
        environment |= {"SSL_CERT_FILE": str(ca_file), "NODE_EXTRA_CA_CERTS": str(ca_file)}
    told = msgspec.to_builtins(expected) | {"paced": bool(section.pace)}
    with started(server_command) as server:
        url = read_line(server)["url"]
        program, *arguments = client.program
        command = [python or interpreter(client.environment), RUNNERS / program, url, json.dumps(told), *arguments]
        with started(command, environment) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise Failed(why_ended(process))
            tell(server, "go")
            result = read_line(process)
        sent = read_line(server)
    for name, count_seen in result["counts"].items():
        # Those that unsubscribe the snapshots after the first one may ignore the later ones.
        if name != "snapshots" and count_seen != told[name]:
            raise Failed(f"saw {count_seen:,} {name} of {told[name]:,}")
    latencies = sorted(
        (handled - begun) / 1000
        for handled, begun in zip(result["handled_ns"], sent["sent_ns"], strict=bool(section.pace))
    )
    best = [expected.best_bid, expected.best_ask]
    # The snapshot came before the clock was started.
    messages = expected.messages - 1
    return Sample(
        rate=messages / (result["end_ns"] - sent["began_ns"]) * 1e9,
        cpu_us=result["cpu_ns"] / messages / 1000,
        latencies_us={name: latencies[len(latencies) * rank // 1000] for name, rank in RANKS.items() if latencies},
        book_is_right=None if result["best"] is None else result["best"] == best,
        versions=result["versions"],
    )


class BookSample(NamedTuple):
    """The result of one run of one order book, in microseconds of processor time a diff."""

    best_us: float
    """Apply it and look at the best bid and ask."""
    top_us: float
    """Apply it and list the best 20 of each side."""
    book_is_right: bool
    versions: dict[str, str]


def run_book(book: Book, levels: int, count: int, frames: Frames) -> BookSample:
    """Apply diffs to an order book.

    Raises:
        Failed: it ended, or hung.
    """
    command = [interpreter(book.environment), RUNNERS / "run_books.py", book.argument, frames.file(levels), count]
    with started(command) as process:
        result = read_line(process)
    expected = frames.expected_after_diffs(levels, count)
    is_right = result["best"] == [expected.best_bid, expected.best_ask]
    return BookSample(result["best_us"], result["top_us"], is_right, result["versions"])
