"""The memory of exchange, client and playground over a long time, on a market that runs much too fast.

Runs `fulgurite exchange` and `fulgurite play` in processes of their own. This process has a stream of two connections,
one of each dialect, with all public channels of two products, books kept and gaps repaired. It also speaks the page's
line to the playground, with the same channels and all parts of the market view. The market lives a day in half an hour,
its maintenance included. Prints the memory of all three over time. From the root of the repository:

    .venv/bin/python -m tools.soak [SECONDS] [SPEED]

The exit status is 1 where the memory of the client or the playground still grows at the end of half an hour or more,
where an execution comes twice, or where the exchange logs an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fulgurite import (
    BookState,
    Endpoint,
    Execution,
    Gap,
    Message,
    Stream,
    Ticker,
    connect,
    executions,
    parse_time,
    playground,
    ticker,
)
from tests.exchangeprocess import ExchangeProcess, exchange_process, memory_mib
from tests.playground.talking import Talker, talking
from tools.fuzzreport import FLAT_MIB

PRODUCTS = ("FX_BTC_JPY", "BTC_JPY")
CHANNELS = [
    f"lightning_{kind}_{code}" for code in PRODUCTS for kind in ("board_snapshot", "board", "ticker", "executions")
]
SAMPLES = 40
LONG_RUN_SECONDS = 1800.0
"""From so long on memory must be flat: all that is bounded is at its bounds by the middle of it."""


class Sample(NamedTuple):
    """How things stood at one time."""

    seconds: float
    client_mib: float
    exchange_mib: float
    playground_mib: float
    messages: int
    frames: int
    """Frames that the page was given."""
    live_books: int


class Soak:
    """Checks the items of a stream by rules that need no knowledge of the truth."""

    def __init__(self) -> None:
        self.messages = 0
        self.gaps: Counter[tuple[str, str]] = Counter()
        """By reason, and by how much was repaired."""
        self.wrong: list[str] = []
        self.first_ns = self.last_ns = 0
        """The exchange's clock, by its tickers."""
        self._newest = dict.fromkeys((executions(code).name for code in PRODUCTS), 0)

    async def listen(self, stream: Stream) -> None:
        """Take everything, for ever."""
        async for batch in stream.batches():
            for item in batch:
                if isinstance(item, Message):
                    self.messages += 1
                    self._take(item)
                elif isinstance(item, Gap):
                    self.gaps[item.reason, item.repaired] += 1

    def _take(self, message: Message) -> None:
        if message.channel == ticker(PRODUCTS[0]).name:
            assert isinstance(message.data, Ticker)
            self.last_ns = parse_time(message.data.timestamp)
            self.first_ns = self.first_ns or self.last_ns
        elif message.channel in self._newest:
            assert isinstance(message.data, list)
            for row in message.data:
                assert isinstance(row, Execution)
                if row.id <= self._newest[message.channel]:
                    self.wrong.append(f"{message.channel}: {row.id} after {self._newest[message.channel]}")
                self._newest[message.channel] = row.id


@contextlib.contextmanager
def play_process() -> Iterator[tuple[int, str]]:
    """Run `fulgurite play` until the context is left; gives its process id and its address."""
    command = [sys.executable, "-m", "fulgurite", "play", "--no-browser", "--port", "0", "--json"]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            said.seek(0)
            assert line, said.read()
            yield process.pid, json.loads(line)["plain_url"]
            assert process.poll() is None, "the playground has ended"
        finally:
            process.terminate()


async def open_view(page: Talker, ready: dict[str, Any]) -> None:
    """Connect a page to the exchange, with all parts of the market view."""
    await page.say(type="charts", parts=["book", "candles", "depth", "heatmap"], interval_s=1)
    await page.say(type="view", product_code=PRODUCTS[0])
    await page.say(
        type="connect", endpoint=ready["realtime"], http=ready["http"], dialect="json-rpc", channels=CHANNELS
    )


async def count(page: Talker, counts: Counter[str]) -> None:
    """Take everything that the page is told, for ever."""
    async for text in page.connection:
        counts.update(message["type"] for message in json.loads(text))
    raise AssertionError("the line to the page has ended")


async def soak(
    exchange: ExchangeProcess, pid: int, url: str, seconds: float, console: Console
) -> tuple[Soak, list[Sample]]:
    """Listen for so long, and sample the memory of all.

    Args:
        exchange: the exchange.
        pid: process of the playground.
        url: address of the playground, with its token.
        seconds: length of the run.
        console: each sample is printed there.
    """
    taken = Soak()
    samples: list[Sample] = []
    ready = exchange.ready
    endpoint = Endpoint("soak", ready["realtime"], ready["socketio"], ready["http"])
    origin, _, token = url.partition("/?token=")
    served = playground.Page(origin, origin, int(origin.rpartition(":")[2]), token)
    counts: Counter[str] = Counter()
    async with (
        connect(*CHANNELS, endpoint=endpoint, connections=2) as stream,
        talking(served) as page,
        asyncio.TaskGroup() as group,
    ):
        await open_view(page, ready)
        books = [stream.books[code] for code in PRODUCTS]
        listening = [group.create_task(taken.listen(stream)), group.create_task(count(page, counts))]
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("soaking", total=SAMPLES)
            started = time.monotonic()
            for number in range(SAMPLES + 1):
                await asyncio.sleep(max(0.0, started + number * seconds / SAMPLES - time.monotonic()))
                memory = await asyncio.to_thread(
                    lambda: (memory_mib(os.getpid()), exchange.memory_mib(), memory_mib(pid))
                )
                live = sum(book.state is BookState.LIVE for book in books)
                samples.append(Sample(time.monotonic() - started, *memory, taken.messages, counts["frame"], live))
                console.print(samples[-1])
                progress.update(bar, completed=number)
        for task in listening:
            task.cancel()
    return taken, samples


def growth_mib(values: list[float]) -> float:
    """By how much the mean of the last quarter is above that of the quarter before."""
    quarter = max(1, len(values) // 4)
    return fmean(values[-quarter:]) - fmean(values[-2 * quarter : -quarter])


def show(console: Console, taken: Soak, samples: list[Sample]) -> None:
    """Print it."""
    table = Table(title="Memory while the market runs")
    for heading in ("minutes", "client, MiB", "exchange, MiB", "playground, MiB", "messages", "frames", "books LIVE"):
        table.add_column(heading, justify="right")
    for sample in samples:
        memory = (f"{mib:.1f}" for mib in (sample.client_mib, sample.exchange_mib, sample.playground_mib))
        live = f"{sample.live_books} of {len(PRODUCTS)}"
        table.add_row(f"{sample.seconds / 60:.1f}", *memory, f"{sample.messages:,}", f"{sample.frames:,}", live)
    console.print(table)
    seconds = samples[-1].seconds
    console.print(
        f"{taken.messages:,} messages, {taken.messages / seconds:,.0f} a second; the market lived "
        f"{(taken.last_ns - taken.first_ns) / 1e9 / seconds:.1f} seconds in one"
    )
    for name, values in (
        ("client", [each.client_mib for each in samples]),
        ("exchange", [each.exchange_mib for each in samples]),
        ("playground", [each.playground_mib for each in samples]),
    ):
        console.print(f"{name}: from the third quarter to the last its memory changed by {growth_mib(values):+.1f} MiB")
    for (reason, repaired), count in sorted(taken.gaps.items()):
        console.print(f"{count:6,} gaps, repaired: {repaired}; {reason}")
    console.print(f"executions twice or out of order: {len(taken.wrong)}", *taken.wrong[:10])


def main() -> None:
    """Run it by hand."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    speed = sys.argv[2] if len(sys.argv) > 2 else "50"
    console = Console()
    with (
        exchange_process("--seed", "1", "--speed", speed, *(f"--product={code}" for code in PRODUCTS)) as exchange,
        play_process() as (pid, url),
    ):
        taken, samples = asyncio.run(soak(exchange, pid, url, seconds, console))
        errors = exchange.errors()
    show(console, taken, samples)
    console.print(errors or "the exchange logged nothing")
    growth = max(growth_mib([getattr(each, name) for each in samples]) for name in ("client_mib", "playground_mib"))
    if taken.wrong or errors or (seconds >= LONG_RUN_SECONDS and growth > FLAT_MIB):
        sys.exit("it does not hold")


if __name__ == "__main__":
    main()
