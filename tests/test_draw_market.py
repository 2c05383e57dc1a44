"""The picture of a simulated day."""

from __future__ import annotations

from xml.etree import ElementTree

from fulgurite.protocol.messages import Execution
from tools.draw_market import Candle, candle, draw


def execution(number: int, price: float, size: float) -> Execution:
    return Execution(
        id=number,
        side="BUY",
        price=price,
        size=size,
        exec_date="2026-09-23T00:00:00Z",
        buy_child_order_acceptance_id="",
        sell_child_order_acceptance_id="",
    )


def test_a_candle_is_of_its_executions():
    rows = [execution(1, 100.0, 0.5), execution(2, 90.0, 0.25), execution(3, 120.0, 1.0), execution(4, 110.0, 0.25)]
    assert candle(rows) == Candle(opened=100.0, highest=120.0, lowest=90.0, closed=110.0, volume=2.0)
    assert candle([]) is None


def test_every_candle_but_that_of_nothing_is_drawn():
    picture = ElementTree.fromstring(draw([Candle(1, 4, 1, 3, 5), None, Candle(3, 3, 2, 2, 1)]))
    paths = [shape for shape in picture if shape.tag.endswith("path")]
    assert len(paths) == 2 * 2  # the range of each, and its volume
