"""Whether the memory of the page's backend stays flat while a page is open on a market that runs much too fast.

Runs `fulgurite exchange` and `fulgurite play` in processes of their own, connects a page of the second to the first
with all public channels of all products and all parts of the market view, and prints the memory of the playground over
time. This process speaks the page's line and keeps nothing of what it is told. From the root of the repository:

    .venv/bin/python -m tools.pagesoak [SECONDS] [SPEED]

The exit status is 1 where the memory of a run of half an hour or more still grows in its last quarter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from fulgurite import playground
from fulgurite.playground.products import JP_PRODUCT_CODES
from tests.exchangeprocess import ExchangeProcess, at_after_maintenance, exchange_process, memory_mib
from tests.playground.talking import Talker, talking
from tools.fuzzreport import FLAT_MIB
from tools.soak import LONG_RUN_SECONDS, growth_mib

SPEED = "23"
"""Seconds of the market in one: about 700 frames a second of all its public channels."""

SAMPLES = 60
CHANNELS = [
    f"lightning_{kind}_{code}"
    for code in JP_PRODUCT_CODES
    for kind in ("board_snapshot", "board", "ticker", "executions")
]


class Sample(NamedTuple):
    """How things stood at one time."""

    seconds: float
    mib: float
    frames: int


@contextlib.contextmanager
def play_process() -> Iterator[tuple[int, dict[str, Any]]]:
    """Run `fulgurite play` until the context is left; gives its process id and what it said when it was ready."""
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
            yield process.pid, json.loads(line)
            assert process.poll() is None, "the playground has ended"
        finally:
            process.terminate()


async def take(page: Talker, counts: Counter[str]) -> None:
    """Take all that the page is told, for ever, and count it."""
    async for text in page.connection:
        counts.update(message["type"] for message in json.loads(text))


async def soak(url: str, pid: int, exchange: ExchangeProcess, seconds: float) -> tuple[list[Sample], Counter[str]]:
    """Be a page for so long, and sample the memory of its backend."""
    counts: Counter[str] = Counter()
    samples: list[Sample] = []
    origin, _, token = url.partition("/?token=")
    served = playground.Page(origin, origin, int(origin.rpartition(":")[2]), token)
    ready = exchange.ready
    async with talking(served) as page:
        parts = ["book", "candles", "depth", "heatmap"]
        await page.say(type="charts", parts=parts, interval_s=1)
        await page.say(type="view", product_code="FX_BTC_JPY")
        await page.say(
            type="connect", endpoint=ready["realtime"], http=ready["http"], dialect="json-rpc", channels=CHANNELS
        )
        taking = asyncio.create_task(take(page, counts))
        started = time.monotonic()
        for number in range(SAMPLES + 1):
            wait = max(0.0, started + number * seconds / SAMPLES - time.monotonic())
            await asyncio.wait({taking}, timeout=wait)
            if taking.done():
                raise SystemExit(f"the line to the page has ended: {taking.exception()}")
            mib = await asyncio.to_thread(memory_mib, pid)
            samples.append(Sample(time.monotonic() - started, mib, counts["frame"]))
            print(f"{samples[-1].seconds / 60:.1f} min: {mib:.1f} MiB, {counts['frame']:,} frames", file=sys.stderr)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
    return samples, counts


def show(samples: list[Sample], counts: Counter[str]) -> None:
    """Print it."""
    table = Table(title="The memory of the page's backend while the market runs")
    for heading in ("minutes", "MiB", "frames"):
        table.add_column(heading, justify="right")
    for each in samples:
        table.add_row(f"{each.seconds / 60:.1f}", f"{each.mib:.1f}", f"{each.frames:,}")
    console = Console()
    console.print(table)
    console.print(f"{counts['frame'] / samples[-1].seconds:,.0f} frames a second; rows dropped: {counts['dropped']}")
    growth = growth_mib([each.mib for each in samples])
    console.print(f"from the third quarter to the last it changed by {growth:+.1f} MiB")


def main(seconds: str = "3600", speed: str = SPEED) -> int:
    """Soak, print, and return the exit status."""
    with (
        exchange_process("--seed", "1", "--speed", speed, at_after_maintenance()) as exchange,
        play_process() as (pid, ready),
    ):
        samples, counts = asyncio.run(soak(ready["plain_url"], pid, exchange, float(seconds)))
    show(samples, counts)
    return int(float(seconds) >= LONG_RUN_SECONDS and growth_mib([each.mib for each in samples]) > FLAT_MIB)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
