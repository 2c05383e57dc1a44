from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.exchange.matching import MARKET_PRICE, LevelKey, MatchingEngine, Order, Report, Side
from fulgurite.itayose import uncrossing_price

BUY, SELL = Side.BUY, Side.SELL


def resting(*orders: tuple[Side, int | None, int]) -> MatchingEngine:
    """An engine with these orders, numbered from 1 in the order of time."""
    engine = MatchingEngine()
    ids = count(1)
    for side, price, size in orders:
        engine.rest(Order(id=next(ids), owner="somebody", side=side, price=price, size=size))
    return engine


def price_of(engine: MatchingEngine, last_price: int | None) -> int | None:
    return uncrossing_price(
        engine.levels(BUY),
        engine.levels(SELL),
        last_price,
        market_bids=engine.level_size(BUY, MARKET_PRICE),
        market_asks=engine.level_size(SELL, MARKET_PRICE),
    )


class TestPrice:
    @pytest.mark.parametrize(
        ("orders", "last_price", "price"),
        [
            pytest.param([], 100, None, id="nobody is there"),
            pytest.param([(BUY, 99, 5), (SELL, 101, 5)], 100, None, id="not crossed"),
            pytest.param([(BUY, None, 5)], 100, None, id="market orders of one side alone"),
            pytest.param([(BUY, 103, 10), (SELL, 101, 5), (SELL, 102, 6)], 90, 102, id="most lots"),
            pytest.param([(BUY, 103, 4), (SELL, 101, 4), (SELL, 102, 3)], 102, 101, id="then fewest left over"),
            pytest.param([(BUY, 105, 9), (SELL, 101, 4)], 90, 105, id="then the highest where buyers are left over"),
            pytest.param([(BUY, 105, 4), (SELL, 101, 9)], 200, 101, id="the lowest where sellers are left over"),
            pytest.param([(BUY, 105, 4), (SELL, 101, 4)], 103, 103, id="then the last price, if it is within"),
            pytest.param([(BUY, 105, 4), (SELL, 101, 4)], 99, 101, id="or the nearest to it from below"),
            pytest.param([(BUY, 105, 4), (SELL, 101, 4)], 199, 105, id="or from above"),
            pytest.param([(BUY, 105, 4), (SELL, 101, 4)], None, 101, id="or the lowest, where that is not known"),
            pytest.param([(BUY, None, 4), (SELL, None, 3)], 77, 77, id="market orders only: the last price"),
            pytest.param([(BUY, None, 4), (SELL, None, 3)], None, None, id="or none, where that is not known"),
            pytest.param([(BUY, None, 4), (SELL, 108, 2), (SELL, 109, 9)], 77, 109, id="market orders take any price"),
            pytest.param([(SELL, None, 4), (BUY, 90, 2), (BUY, 80, 1)], 100, 80, id="on the other side, too"),
        ],
    )
    def test_is_found_by_the_rules(self, orders, last_price, price):
        assert price_of(resting(*orders), last_price) == price


class TestUncrossing:
    def test_market_orders_stand_first_then_the_best_price_then_the_oldest(self):
        engine = resting(
            (BUY, 100, 3),  # 1
            (BUY, 101, 2),  # 2
            (BUY, 101, 1),  # 3
            (BUY, None, 4),  # 4
            (SELL, 99, 5),  # 5
            (SELL, None, 2),  # 6
        )
        report = engine.uncross(100)
        # One buyer spans several sellers and one seller several buyers (protocol reference, section 10).
        assert [(fill.taker.id, fill.maker.id, fill.price, fill.size) for fill in report.fills] == [
            (4, 6, 100, 2),
            (4, 5, 100, 2),
            (2, 5, 100, 2),
            (3, 5, 100, 1),
        ]
        assert set(report.changed) == {
            LevelKey(BUY, MARKET_PRICE),
            LevelKey(SELL, MARKET_PRICE),
            LevelKey(BUY, 101),
            LevelKey(SELL, 99),
        }
        assert list(engine.levels(BUY)) == [(100, 3)]
        assert list(engine.levels(SELL)) == []

    def test_market_orders_that_wait_can_be_cancelled(self):
        engine = resting((BUY, None, 4), (BUY, None, 1))
        assert engine.level_size(BUY, MARKET_PRICE) == 5
        assert engine.total_size(BUY) == 0
        assert engine.best(BUY) is None
        assert engine.cancel(1) == Report([], [LevelKey(BUY, MARKET_PRICE)])
        assert [order.id for order in engine.market_orders(BUY)] == [2]


def accepts(order: Order, price: int) -> bool:
    if order.price is None:
        return True
    return order.price >= price if order.side is BUY else order.price <= price


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.none() | st.integers(1, 12), st.integers(1, 9)), max_size=25),
    st.integers(1, 14),
)
@settings(max_examples=500)
def test_no_price_executes_more_and_nothing_is_left_crossed(rested, last_price):
    orders = [
        Order(id=number, owner="", side=side, price=price, size=size)
        for number, (side, price, size) in enumerate(rested, 1)
    ]
    engine = MatchingEngine()
    for order in orders:
        engine.rest(order)

    def volume(price: int) -> int:
        return min(sum(order.size for order in orders if order.side is side and accepts(order, price)) for side in Side)

    most = max(map(volume, range(1, 15)))
    price = price_of(engine, last_price)
    assert (price is None) == (most == 0)
    if price is None:
        return
    report = engine.uncross(price)
    assert sum(fill.size for fill in report.fills) == volume(price) == most
    assert all(fill.price == price and accepts(order, price) for fill in report.fills for order in fill[:2])
    for order in orders:
        filled = sum(fill.size for fill in report.fills if order in fill[:2])
        assert order.size == order.remaining + filled, "no lot is lost"
        assert (order.id in engine) == (order.remaining > 0)
    best_bid, best_ask = engine.best(BUY), engine.best(SELL)
    assert best_bid is None or best_ask is None or best_bid < best_ask
    for side in Side:
        if engine.level_size(side, MARKET_PRICE):
            assert engine.best(side.opposite) is None, "market orders only stay where there is nobody to execute with"
