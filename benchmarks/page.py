"""The page at a thousand messages a second: `tools.pageload`, every view of the page in turn.

    python -m benchmarks.page SECONDS

Prints the figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.processes import read_line, started
from benchmarks.tables import Column, Figures, Goal, Row, Table

SECONDS = 600.0
PATIENCE_SECONDS = 120.0
"""Time to start the exchange and the browser."""
LONG_MS = 50.0
"""A shorter task is not counted by the browser."""


async def measure(seconds: float) -> dict[str, float]:
    """Every view in turn for so long in all."""
    from tests.page.visiting import VIEWS
    from tools import pageload  # needs packages that only the tests need

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


def _page(folder: Path, divisor: int) -> Figures:
    wanted = max(SECONDS / divisor, 10.0)
    command: list[object] = [sys.executable, "-m", "benchmarks.page", wanted]
    with started(command, timeout=wanted * 1.5 + PATIENCE_SECONDS) as process:
        return Figures(read_line(process), {})


TABLES = (
    Table(
        "page",
        "The page in a browser, 33 times as fast as the real market",
        (
            Column("rate", "messages/s shown", 0),
            Column("busy", "main thread, % of a core", 0),
            Column("longest", "longest task, ms", 0),
            Column("first", "heap at first, MiB"),
            Column("last", "at the end, MiB"),
            Column("growth", "last : first", 2),
        ),
        (Row("Fulgurite's page", "fulgurite", _page, "each view in turn, 10 minutes"),),
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
* The page: `tools.pageload`, in a headless Chromium with all public channels of an exchange 33 times as fast as the
  real one. Of each view the share of a core that its main thread took, and its longest task, are the browser's own
  figures; the busiest view and the longest task of all count. The heap is measured after a garbage collection. A task's
  length includes waiting for a processor: the exchange, our backend and the browser share them.
"""

if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(float(sys.argv[1])))), flush=True)
