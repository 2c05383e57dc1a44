"""Whether the page keeps up with a thousand messages a second: long tasks, input, memory, view by view.

Runs `fulgurite exchange` in a process of its own, with a market so fast that its channels bring that much together, the
page's backend in this one, and the page in a headless Chromium with all public channels subscribed. From the root of
the repository:

    .venv/bin/python -m tests.page.load [SECONDS [SPEED]]

A task is long from 50 ms on, by the browser's own measure, and too long from 100 ms; that includes waiting for a
processor, so that it says something of the page only where no other program runs. How busy the page is does not. An
input is answered when the
browser has painted what followed; it measures no less than 16 ms. The heap is measured after a garbage collection, at
every change of view.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from playwright.async_api import CDPSession, Page, async_playwright
from rich.console import Console
from rich.table import Table

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.playground.products import JP_PRODUCT_CODES
from tests.chromium import ARGUMENTS, find_chromium
from tests.exchangeprocess import ExchangeProcess, exchange_process, memory_mib
from tests.page.visiting import DESKTOP, VIEWS

SPEED = 33.0
"""Seconds of the market in one: about a thousand messages a second of all its public channels."""

SETTLE_SECONDS = 3.0
"""A view is given so long to begin with, which is not measured."""

INPUT_SECONDS = 0.5

TOO_LONG_MS = 100

# Everything is measured by the browser itself, from the start of a view to its end.
_OBSERVE = f"""() => {{
    window.measured = {{tasks: [], inputs: []}};
    new PerformanceObserver((list) => window.measured.tasks.push(...list.getEntries().map((one) => one.duration)))
        .observe({{type: "longtask"}});
    new PerformanceObserver((list) => {{
        for (const {{name, duration}} of list.getEntries()) {{
            if (name === "keydown" || name === "pointerup") window.measured.inputs.push(duration);
        }}
    }}).observe({{type: "event", durationThreshold: {TOO_LONG_MS // 100 * 16}}});
}}"""
_TAKE = """() => {
    const {tasks, inputs} = window.measured;
    window.measured = {tasks: [], inputs: []};
    return {tasks, inputs};
}"""
_TOTALS = """async () => {
    const [{channels, frameLog}, happened] = await Promise.all([
        import("/static/js/state.js"), import("/static/js/happened.js"),
    ]);
    const {ring} = frameLog;
    let dropped = 0;
    for (let number = ring.first; number < ring.next; number += 1) dropped += ring.get(number).count ?? 0;
    return {
        messages: [...channels.value.values()].reduce((sum, {messages}) => sum + messages, 0),
        dropped,
        frames: ring.length,
        characters: ring.characters,
        events: happened.events.value.length,
        charts: Math.max(0, ...[...happened.rateHistory.counts.values()].map((counts) => counts.length)),
        nodes: document.querySelectorAll("*").length,
    };
}"""


class Measured(NamedTuple):
    """How one view did."""

    view: str
    seconds: float
    messages: int
    """That came in this time."""
    rows_dropped: int
    """Rows that the page was too slow for, of those that its frame log still holds."""
    cpu_ms: float
    """Processor time of the page's main thread."""
    tasks_ms: list[float]
    """Tasks of 50 ms or more, with the time in which the thread was ready and another program ran."""
    inputs: int
    inputs_ms: list[float]
    """How long the slower inputs took: those of 16 ms or more."""
    heap_mib: float
    nodes: int
    backend_mib: float

    @property
    def busy(self) -> float:
        """The share of the time in which the page's main thread worked."""
        return self.cpu_ms / self.seconds / 1000

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


@asynccontextmanager
async def loaded(exchange: ExchangeProcess) -> AsyncIterator[tuple[Page, CDPSession]]:
    """The page in a browser, with all public channels of the exchange subscribed."""
    path = find_chromium()
    assert path is not None, "no Chromium found; scripts/test installs one"
    ready = exchange.ready
    endpoint = Endpoint("embedded", ready["realtime"], ready["socketio"], ready["http"])
    async with playground.run(endpoint) as served, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = await browser.new_page(viewport=DESKTOP)
        await page.goto(f"{served.url}#channels={','.join(JP_PRODUCT_CODES)}")
        await page.wait_for_function("() => document.querySelectorAll('[data-state=receiving].cell').length > 30")
        await page.evaluate(_OBSERVE)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        yield page, devtools
        await browser.close()


async def totals(page: Page) -> dict[str, Any]:
    """How many messages came, and how much the page holds."""
    found: dict[str, Any] = await page.evaluate(_TOTALS)
    return found


async def metrics(devtools: CDPSession) -> dict[str, float]:
    """What the browser counts: seconds of processor time, bytes, nodes."""
    found = await devtools.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in found["metrics"]}


async def measure(page: Page, devtools: CDPSession, view: str, seconds: float) -> Measured:
    """Look at one view for so long, with an input twice a second."""
    await page.locator(f"[role=tab][data-view={view}]").click()
    await asyncio.sleep(min(SETTLE_SECONDS, seconds))
    await page.evaluate(_TAKE)
    before, started = await totals(page), time.monotonic()
    worked = (await metrics(devtools))["TaskDuration"]
    inputs = 0
    while time.monotonic() < started + seconds:
        # Walking over the matrix changes what is said beneath it: an input with an answer that can be seen.
        await page.locator(".matrix .cell").nth(inputs % 8).click(button="right")
        await page.keyboard.press("Shift")
        inputs += 2
        await asyncio.sleep(INPUT_SECONDS)
    after, taken = await totals(page), await page.evaluate(_TAKE)
    elapsed = time.monotonic() - started
    worked = (await metrics(devtools))["TaskDuration"] - worked
    await devtools.send("HeapProfiler.collectGarbage")
    held = await metrics(devtools)
    return Measured(
        view, elapsed, after["messages"] - before["messages"], after["dropped"], worked * 1000, taken["tasks"], inputs,
        taken["inputs"], held["JSHeapUsedSize"] / 2**20, int(held["Nodes"]), memory_mib(os.getpid()),
    )  # fmt: skip


async def run(seconds: float, speed: float) -> list[Measured]:
    """Measure every view in turn, each for a minute at most, for so long in all."""
    measured = []
    with exchange_process("--speed", str(speed), "--seed", "7") as exchange:
        async with loaded(exchange) as (page, devtools):
            turns = max(1, round(seconds / 60 / len(VIEWS)))
            for _ in range(turns):
                for view in VIEWS:
                    measured.append(await measure(page, devtools, view, seconds / turns / len(VIEWS) - SETTLE_SECONDS))
                    print(f"{view}: {measured[-1].rate:.0f} messages a second", file=sys.stderr)
    return measured


def show(measured: list[Measured]) -> None:
    """Print a line for each time a view was looked at."""
    table = Table(title="The page under load")
    for name in (
        *("view", "messages/s", "busy", "tasks over 50 ms", "over 100 ms", "longest", "inputs", "slowest"),
        *("heap MiB", "nodes", "rows dropped", "backend MiB"),
    ):
        table.add_column(name, justify="left" if name == "view" else "right")
    for each in measured:
        too_long = [ms for ms in each.tasks_ms if ms > TOO_LONG_MS]
        table.add_row(
            each.view, f"{each.rate:.0f}", f"{each.busy:.0%}", str(len(each.tasks_ms)), str(len(too_long)),
            f"{max(each.tasks_ms):.0f} ms" if each.tasks_ms else "-", str(each.inputs),
            f"{max(each.inputs_ms):.0f} ms" if each.inputs_ms else "< 16 ms", f"{each.heap_mib:.1f}",
            str(each.nodes), str(each.rows_dropped), f"{each.backend_mib:.0f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    show(asyncio.run(run(*map(float, [*sys.argv[1:], *("600", str(SPEED))[len(sys.argv) - 1 :]]))))
