from __future__ import annotations

from itertools import count, pairwise
from math import sqrt
from random import Random
from statistics import fmean, median, pstdev

import pytest

from fulgurite.exchange.market import Market
from fulgurite.exchange.matching import Order, Side
from fulgurite.exchange.orderflow import OWNER, MeanRevertingWalk, OrderFlow
from fulgurite.exchange.products import BTC_JPY, MONA_JPY, PRODUCTS, Product

SECOND_NS = 1_000_000_000


def flow(product: Product, seed: int = 1) -> tuple[Market, OrderFlow]:
    """A market with its initial book, and who trades there."""
    market = Market(product, start_ns=0, execution_ids=count(1))
    orders = OrderFlow(market, Random(seed), start_ns=0, order_ids=count(1), shared_walk=None)
    outcome = orders.act()
    assert outcome is not None
    assert outcome.executions == []
    assert {(key.side, key.price) for key in outcome.changed} == {
        (side, price) for side in Side for price, _ in market.engine.levels(side)
    }
    return market, orders


def walk(**settings) -> MeanRevertingWalk:
    return MeanRevertingWalk(Random(1), start_ns=0, **settings)


class TestWalk:
    def test_depends_on_the_time_and_not_on_how_often_it_is_asked(self):
        settings = {"volatility_bp": 1.0, "reach_bp": 100.0}
        often, seldom = walk(**settings), walk(**settings)
        path = [often.at(at_ns) for at_ns in range(0, 100 * SECOND_NS, SECOND_NS // 10)]
        assert [seldom.at(at_ns) for at_ns in range(0, 100 * SECOND_NS, 7 * SECOND_NS)] == path[::70]

    def test_moves_as_far_in_a_second_as_it_is_told(self):
        fast = walk(volatility_bp=2.0, reach_bp=1e6)
        path = [fast.at(second * SECOND_NS) for second in range(4000)]
        moves = [later - earlier for earlier, later in pairwise(path)]
        assert pstdev(moves) == pytest.approx(2e-4, rel=0.1)

    def test_is_drawn_back_for_ever(self):
        long = walk(volatility_bp=20.0, reach_bp=100.0)  # forgets in 50 seconds
        path = [long.at(second * SECOND_NS) for second in range(0, 100_000, 50)]
        assert pstdev(path) == pytest.approx(0.01, rel=0.2)
        assert abs(fmean(path)) < 5 * 0.01 / sqrt(len(path) / 3)
        assert max(map(abs, path)) < 0.06


class TestOrderFlow:
    def test_the_same_seed_does_the_same(self):
        runs = []
        for _ in range(2):
            market, orders = flow(BTC_JPY, seed=7)
            for _ in range(500):
                orders.act()
            runs.append((list(market.executions), list(market.engine.levels(Side.BUY)), orders.next_ns))
        assert runs[0] == runs[1]

    @pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.code)
    def test_markets_stay_as_they_are_meant_however_long_they_run(self, product: Product):
        typical = product.typical
        market, orders = flow(product)
        spreads_bp = []
        for number in range(12_000):
            orders.act()
            best_bid, best_ask = market.engine.best(Side.BUY), market.engine.best(Side.SELL)
            assert best_bid is not None
            assert best_ask is not None
            assert best_bid < best_ask
            assert 0.5 * typical.price < best_bid < 2 * typical.price
            if number % 50 == 0:
                spreads_bp.append((best_ask - best_bid) / best_bid * 1e4)
        for side in Side:
            resting = typical.near_orders + typical.far_orders
            assert 0.3 * resting < market.engine.level_count(side) < 2 * resting
        tick_bp = 1e4 / typical.price
        assert typical.spread_bp / 4 < median(spreads_bp) < typical.spread_bp * 4 + 2 * tick_bp
        rate = market.tick_id / (orders.next_ns / SECOND_NS)
        assert rate == pytest.approx(typical.events_per_second, rel=0.25)  # its pace goes up and down
        assert market.executions

    @pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.code)
    def test_orders_are_ones_that_the_product_accepts(self, product: Product):
        market, orders = flow(product)
        for _ in range(1000):
            orders.act()
        finest = 10 ** (8 - product.typical.size_decimals)
        for execution in market.executions:
            lots = round(execution.size * 1e8)
            assert lots % finest == 0
        for side in Side:
            order = market.engine.front(side)
            assert order is not None
            assert order.size >= product.min_lots
            assert order.size % finest == 0

    def test_never_cancels_what_is_not_its_own(self):
        market, orders = flow(MONA_JPY)
        # Better than all others, so always the front, and too large to be filled.
        best_ask = market.engine.best(Side.SELL)
        assert best_ask is not None
        market.submit(Order(id=10**9, owner="somebody", side=Side.BUY, price=best_ask - 1, size=10**18), 0)
        for _ in range(3000):
            orders.act()
        assert 10**9 in market.engine
        other = market.engine.front(Side.SELL)
        assert other is not None
        assert other.owner == OWNER
