"""The page at a thousand messages a second, and the log design of others in the same browser.

    python -m benchmarks.page ours SECONDS
    python -m benchmarks.page log SECONDS

Prints the figures as JSON. "ours" is `tools.pageload`: every view of the page in turn. "log" is a stand-in for how
Hoppscotch logs (runners/log_design.html), which is given the same messages by the same exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.environments import ROOT
from benchmarks.processes import read_line, started
from benchmarks.tables import Column, Figures, Goal, Row, Table
from tests.exchangeprocess import ExchangeProcess, exchange_process

OURS_SECONDS = 600.0
LOG_SECONDS = 60.0
"""It falls ever further behind, so it ends there."""
LOG_PATIENCE_SECONDS = 120.0
"""How much longer it may take to notice that."""
LONG_MS = 50.0
"""A shorter task is not counted by the browser."""
KINDS = ("board_snapshot", "board", "ticker", "executions")
PREACT = ROOT / "src" / "fulgurite" / "playground" / "static" / "vendor" / "preact.js"
DESIGN = Path(__file__).parent / "runners" / "log_design.html"


async def measure_ours(seconds: float) -> dict[str, float]:
    """Every view in turn for so long in all."""
    from tests.page.visiting import VIEWS
    from tools import pageload  # needs what only the tests need

    measured = await pageload.run(seconds, pageload.SPEED, VIEWS)
    heaps: dict[str, list[float]] = {}
    for each in measured:
        heaps.setdefault(each.view, []).append(each.heap_mib)
    return {
        "rate": sum(each.messages for each in measured) / sum(each.seconds for each in measured),
        "busy": max(each.busy for each in measured) * 100,
        "longest": max((ms for each in measured for ms in each.tasks_ms), default=LONG_MS),
        "first": measured[0].heap_mib,
        "last": measured[-1].heap_mib,
        "growth": max(its[-1] / its[0] for its in heaps.values()),
    }


async def measure_log(seconds: float) -> dict[str, float]:
    """The stand-in for so long, with all public channels, as our page has them."""
    from playwright.async_api import async_playwright

    from fulgurite.playground.products import JP_PRODUCT_CODES
    from tests.chromium import ARGUMENTS, find_chromium
    from tests.page.visiting import DESKTOP
    from tools import pageload

    channels = [f"lightning_{kind}_{code}" for code in JP_PRODUCT_CODES for kind in KINDS]
    with exchange_process("--speed", str(pageload.SPEED), "--seed", "7") as exchange, served() as address:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
            page = await browser.new_page(viewport=DESKTOP)
            await page.goto(address)
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
            await devtools.send("HeapProfiler.collectGarbage")
            before = await pageload.metrics(devtools)
            await page.evaluate("wanted => window.begin(wanted)", [exchange.ready["realtime"], channels, seconds])
            patience = (seconds + LOG_PATIENCE_SECONDS) * 1000
            await page.wait_for_function("() => window.done !== null", polling=500, timeout=patience)
            done = await page.evaluate("() => window.done")
            published = _published(exchange)
            worked = (await pageload.metrics(devtools))["TaskDuration"] - before["TaskDuration"]
            await devtools.send("HeapProfiler.collectGarbage")
            after = await pageload.metrics(devtools)
            await browser.close()
    heaps = [each["JSHeapUsedSize"] / 2**20 for each in (before, after)]
    return {
        "rate": done["messages"] / done["seconds"],
        "given": published / done["seconds"],
        "busy": min(worked / done["seconds"], 1.0) * 100,
        "longest": max(done["tasks"], default=LONG_MS),
        "first": heaps[0],
        "last": heaps[1],
        "growth": heaps[1] / heaps[0],
    }


def _published(exchange: ExchangeProcess) -> int:
    """How many messages were published while anybody had subscribed."""
    rows = json.loads(exchange.control("connections"))
    ranges = [each for row in rows for channel in row["channels"].values() for each in channel["subscribed"]]
    return max((last for _, last in ranges), default=0) - min((first for first, _ in ranges), default=0)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The stand-in at an address of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PREACT, folder)
        shutil.copy(DESIGN, Path(folder) / "index.html")
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()


def _row(what: str, seconds: float, folder: Path, divisor: int) -> Figures:
    wanted = max(seconds / divisor, 10.0)
    command: list[object] = [sys.executable, "-m", "benchmarks.page", what, wanted]
    with started(command, timeout=wanted * 1.5 + LOG_PATIENCE_SECONDS) as process:
        return Figures(read_line(process), {})


TABLES = (
    Table(
        "page",
        "The page in a browser, 33 times as fast as the real market",
        (
            Column("rate", "messages/s shown", 0),
            Column("given", "of so many published", 0),
            Column("busy", "main thread, % of a core", 0),
            Column("longest", "longest task, ms", 0),
            Column("first", "heap at first, MiB"),
            Column("last", "at the end, MiB"),
            Column("growth", "last : first", 2),
        ),
        (
            Row("Fulgurite's page", "fulgurite", partial(_row, "ours", OURS_SECONDS), "each view in turn, 10 minutes"),
            Row(
                "A stand-in for Hoppscotch's log design",
                "fulgurite",
                partial(_row, "log", LOG_SECONDS),
                "the list copied a message, every row drawn; 1 minute",
            ),
        ),
        goals=(
            Goal("the page's messages a second", "rate", 1_000, decimals=0),
            Goal("its main thread in its busiest view, % of a core", "busy", 50, is_most=True, decimals=0),
            Goal("its longest task, ms", "longest", 100, is_most=True, decimals=0),
            Goal(
                "its heap after 10 minutes to that after the first round of views, times", "growth", 1.1, is_most=True
            ),
        ),
        is_once=True,
    ),
)

HOW = """\
* The page: `tools.pageload`, in a headless Chromium with all public channels of an exchange whose market runs 33 times
  as fast as the real one. Of each view the share of a core that its main thread took, and its longest task, are the
  browser's own figures; the busiest view and the longest task of all count. The heap is measured after a garbage
  collection. A task's length includes waiting for a processor, of which the exchange, our backend and the browser share
  what there is.
* The stand-in is not Hoppscotch. It has what Hoppscotch's log is made of: for each message the list is copied with one
  more, a row is drawn for every message there is, and it scrolls to the newest; in Preact, with less in a row, and it
  decodes nothing. It speaks to the exchange by itself and is given the same messages. So it tells the least that the
  design costs. It is stopped after a minute.
"""

if __name__ == "__main__":
    work = {"ours": measure_ours, "log": measure_log}[sys.argv[1]]
    print(json.dumps(asyncio.run(work(float(sys.argv[2])))), flush=True)
