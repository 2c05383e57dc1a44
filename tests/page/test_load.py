"""The page under load, for a short time: it holds no more than it says. `load.py` measures how fast it is."""

from __future__ import annotations

import pytest

from tests.exchangeprocess import exchange_process
from tests.page.load import SPEED, loaded, measure, totals
from tests.page.visiting import VIEWS

NODES = 8_000
"""Elements and texts of the page, whatever the view: rows out of sight have none."""


@pytest.mark.usefixtures("chromium_path")
async def test_the_page_holds_no_more_than_it_says_under_load():
    with exchange_process("--speed", str(SPEED), "--seed", "7") as exchange:
        async with loaded(exchange) as (page, devtools):
            measured = [await measure(page, devtools, view, 3.0) for view in VIEWS]
            held = await totals(page)
    assert all(each.messages > 0 for each in measured)
    assert max(each.nodes for each in measured) < NODES
    assert held["charts"] == 120
    assert held["frames"] <= 50_000
    assert held["characters"] <= 64_000_000
    assert held["events"] <= 500
