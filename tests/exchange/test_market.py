from __future__ import annotations

from itertools import count

import pytest

from fulgurite.exchange.market import KEPT_EXECUTIONS, Market
from fulgurite.exchange.matching import Order, Side
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.products import XRP_JPY
from fulgurite.protocol.messages import Execution, parse_time

START_NS = parse_time("2026-09-23T03:31:00Z")
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


@pytest.fixture
def market() -> Market:
    return Market(XRP_JPY, start_ns=START_NS, execution_ids=count(1000))


def order(number: int, side: Side, price: int | None, size: int, accepted_ns: int = START_NS) -> Order:
    return Order(id=number, owner="somebody", side=side, price=price, size=size, accepted_ns=accepted_ns)


def test_an_execution_tells_the_takers_side_and_both_acceptance_ids(market: Market):
    later_ns = START_NS + 7 * SECOND_NS + 123_456_700
    market.submit(order(1, Side.SELL, 37_850, 4 * LOTS), START_NS)
    market.submit(order(2, Side.SELL, 37_851, LOTS // 4), START_NS)
    outcome = market.submit(order(3, Side.BUY, 37_860, 5 * LOTS, later_ns), later_ns)
    buyer = "JRF20260923-033107-000003"
    exec_date = "2026-09-23T03:31:07.1234567Z"
    assert outcome.executions == [
        Execution(1000, "BUY", 378.5, 4.0, exec_date, buyer, "JRF20260923-033100-000001"),
        Execution(1001, "BUY", 378.51, 0.25, exec_date, buyer, "JRF20260923-033100-000002"),
    ]
    assert list(market.executions) == outcome.executions
    assert market.last_price == 37_851
    (execution,) = market.submit(order(4, Side.SELL, None, LOTS, later_ns), later_ns).executions
    assert (execution.side, execution.price) == ("SELL", 378.6)
    assert execution.buy_child_order_acceptance_id == buyer


def test_every_order_and_cancellation_is_a_tick(market: Market):
    market.submit(order(1, Side.SELL, 10, 1), START_NS)
    market.submit(order(2, Side.BUY, 9, 1), START_NS + 1)
    assert market.cancel(1, START_NS + 2) is not None
    assert (market.tick_id, market.changed_ns) == (3, START_NS + 2)
    assert market.cancel(1, START_NS + 3) is None
    assert (market.tick_id, market.changed_ns) == (3, START_NS + 2)


@pytest.mark.parametrize(
    ("bid", "ask", "mid_price"),
    [(100, 103, 101), (100, 104, 102), (100, 101, 100), (100, None, 100), (None, 101, 100), (None, None, 0)],
)
def test_mid_price_is_never_below_a_bid_and_always_below_every_ask(market: Market, bid, ask, mid_price):
    if bid is not None:
        market.submit(order(1, Side.BUY, bid, 1), START_NS)
    if ask is not None:
        market.submit(order(2, Side.SELL, ask, 1), START_NS)
    assert market.mid_price() == mid_price


class TestVolume:
    def trade(self, market: Market, lots: int, now_ns: int) -> None:
        number = 2 * market.tick_id + 1
        market.submit(order(number, Side.SELL, 10, lots), now_ns)
        market.submit(order(number + 1, Side.BUY, None, lots), now_ns)

    def test_begins_with_a_typical_day(self, market: Market):
        assert market.volume() == pytest.approx(XRP_JPY.typical.daily_lots, rel=1e-6)

    def test_forgets_after_24_hours(self, market: Market):
        self.trade(market, 500, START_NS)
        self.trade(market, 70, START_NS + DAY_NS // 2)
        before = market.volume()
        self.trade(market, 3, START_NS + DAY_NS)
        assert before == 570 + XRP_JPY.typical.daily_lots // 1440 * 720
        assert market.volume() == 573
        self.trade(market, 1, START_NS + DAY_NS + 61 * SECOND_NS)
        assert market.volume() == 74
        self.trade(market, 1, START_NS + 9 * DAY_NS)
        assert market.volume() == 1


def test_keeps_a_bounded_number_of_executions(market: Market):
    market.submit(order(1, Side.SELL, 10, KEPT_EXECUTIONS + 10), START_NS)
    for number in range(2, KEPT_EXECUTIONS + 12):
        market.submit(order(number, Side.BUY, 10, 1), START_NS)
    assert len(market.executions) == KEPT_EXECUTIONS
    assert market.executions[0].id == 1010
