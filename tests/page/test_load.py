"""The page under load, for a short time: it holds no more than it says. `tools/pageload.py` measures how fast it is."""

from __future__ import annotations

import pytest

from tests.exchangeprocess import at_after_maintenance, exchange_process
from tests.page.visiting import VIEWS
from tools.pageload import SPEED, Measured, judge, loaded, measure, totals

NODES = 8_000
"""Elements and texts of the page in any view: rows out of sight have none."""


@pytest.mark.usefixtures("chromium_path")
async def test_the_page_holds_no_more_than_it_says_under_load():
    with exchange_process("--speed", str(SPEED), "--seed", "7", at_after_maintenance()) as exchange:
        async with loaded(exchange) as (page, devtools):
            measured = [await measure(page, devtools, view, 3.0) for view in VIEWS]
            held = await totals(page)
    assert all(each.messages > 0 for each in measured)
    assert max(each.nodes for each in measured) < NODES
    assert held["charts"] == 120
    assert held["frames"] <= 50_000
    assert held["characters"] <= 64_000_000
    assert held["events"] <= 500


def minute(heap_mib: float, tasks_ms: list[float] | None = None) -> Measured:
    """A minute that went well, but for its tasks."""
    return Measured("market", 60.0, 66_000, 0, 20_000.0, tasks_ms or [60.0], 200, [24.0], heap_mib, 4000, 80.0)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ([minute(50)] * 10, [True] * 6),
        ([minute(5), minute(9), *[minute(50)] * 8], [True] * 6),
        ([minute(50 + each) for each in range(10)], [True, True, True, True, False, True]),
        ([minute(50), minute(50, [60.0, 101.0])], [True, False, True, True, None, None]),
    ],
    ids=["flat", "while the log fills up", "growing", "too short for memory, and a task too long"],
)
def test_what_came_of_a_measurement_is_told(measured, verdict):
    assert list(judge(measured).values()) == verdict
