"""Whether the page keeps up with a thousand messages a second: long tasks, input, memory, view by view.

Runs `fulgurite exchange` in a process of its own, with a market so fast that its channels bring that much together, the
page's backend in this one, and the page in a headless Chromium with all public channels subscribed. From the root of
the repository:

    .venv/bin/python -m tools.pageload [SECONDS [SPEED [VIEW ...]]]

Without a view all are shown in turn. It prints a line for each minute, and at the end its verdict: whether there were
a thousand messages a second, tasks that were too long, inputs that waited too long, and whether the memory of the page
and of its backend has grown since the first half. The exit status is 1 where one of these is wrong.

A task is long from 50 ms on, by the browser's own measure, and too long from 100 ms. That includes waiting for a
processor, so run no other program beside it; the page's share of busy time excludes the waiting. An input is answered
when the browser has painted its effect, which measures 16 ms at least. The heap is measured after a garbage collection,
at every change of view.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import fmean
from typing import Any, NamedTuple

from playwright.async_api import CDPSession, Page, async_playwright
from rich.console import Console
from rich.table import Table

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.playground.products import JP_PRODUCT_CODES
from tests.chromium import ARGUMENTS, find_chromium
from tests.exchangeprocess import ExchangeProcess, at_after_maintenance, exchange_process, memory_mib
from tests.page.visiting import DESKTOP, VIEWS

SPEED = 33.0
"""Seconds of the market in one: about a thousand messages a second of all its public channels."""

SETTLE_SECONDS = 3.0
"""A view is given so long to begin with, which is not measured."""

INPUT_SECONDS = 0.5

ENOUGH_MESSAGES = 1000
"""A second, on average."""

TOO_LONG_MS = 100
"""For a task, and for an input."""

FLAT = 1.05
"""Memory is flat where the mean of the second half of the time is no more than so many times that of the first.

The half begins with the third minute: until then the frame log fills up to its bound.
"""

FILLING_MINUTES = 2

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
    """The browser's counters: seconds of processor time, bytes, nodes."""
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
        # Walking over the matrix changes the text beneath it: an input with a visible answer.
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


async def run(seconds: float, speed: float, views: Sequence[str]) -> list[Measured]:
    """Measure these views in turn, each for a minute at most, for so long in all."""
    measured = []
    with exchange_process("--speed", str(speed), "--seed", "7", at_after_maintenance()) as exchange:
        async with loaded(exchange) as (page, devtools):
            turns = max(1, round(seconds / 60 / len(views)))
            for _ in range(turns):
                for view in views:
                    measured.append(await measure(page, devtools, view, seconds / turns / len(views) - SETTLE_SECONDS))
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
    # In a file or a pipe there is room for all columns.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def judge(measured: list[Measured]) -> dict[str, bool | None]:
    """The verdict in words, and whether it is good; None where the time was too short to tell."""
    seconds = sum(each.seconds for each in measured)
    rate = sum(each.messages for each in measured) / seconds
    too_long = [ms for each in measured for ms in each.tasks_ms if ms > TOO_LONG_MS]
    slowest = max((ms for each in measured for ms in each.inputs_ms), default=0.0)
    dropped = max(each.rows_dropped for each in measured)
    verdict: dict[str, bool | None] = {
        f"{rate:.0f} messages a second for {seconds:.0f} s": rate >= ENOUGH_MESSAGES,
        f"{len(too_long)} tasks over {TOO_LONG_MS} ms": not too_long,
        f"slowest input {slowest:.0f} ms": slowest <= TOO_LONG_MS,
        f"{dropped} rows dropped": dropped == 0,
    }
    for name, held in (("page", [each.heap_mib for each in measured]), ("backend", [m.backend_mib for m in measured])):
        held = held[FILLING_MINUTES:]
        middle = len(held) // 2
        if not middle:
            verdict[f"whether the memory of the {name} grows"] = None
            continue
        first, second = fmean(held[:middle]), fmean(held[middle:])
        text = f"memory of the {name} {first:.1f} MiB in the first half, {second:.1f} in the second"
        verdict[text] = second <= first * FLAT
    return verdict


def main(seconds: str = "600", speed: str = str(SPEED), *views: str) -> int:
    """Measure, print, and return the exit status."""
    measured = asyncio.run(run(float(seconds), float(speed), views or VIEWS))
    show(measured)
    verdict = judge(measured)
    for text, is_fine in verdict.items():
        print({True: "ok      ", False: "NOT OK  ", None: "too short to tell: "}[is_fine] + text)
    return int(False in verdict.values())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
