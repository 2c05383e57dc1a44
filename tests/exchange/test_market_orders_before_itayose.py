"""Market orders of accounts that wait for an itayose: at no price can a balance fall below 0."""

from __future__ import annotations

import pytest

from fulgurite.exchange.accounts import INITIAL_BALANCES
from fulgurite.exchange.matching import Side
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.timeline import MarketState
from tests.exchange.world import World


@pytest.mark.parametrize("state", [MarketState.PREOPEN, MarketState.CIRCUIT_BREAK])
def test_a_market_buy_lapses_where_the_itayose_is_dearer_than_what_is_reserved_for_it(state):
    """Nobody knows the price before, and a balance must not fall below 0."""
    world = World()
    market = world.markets["BTC_JPY"]
    world.flow("SELL", 10_000_000, 0.01)
    world.flow("BUY", 10_000_000, 0.01)
    market.change_state(state, world.now_ns)
    world.send(child_order_type="MARKET", side="BUY", size=0.5)
    world.send("you", child_order_type="MARKET", side="BUY", size=0.4)
    world.run()
    assert world.me.available("JPY") == 0
    world.flow("SELL", 20_000_001, 1)
    world.orders.record("BTC_JPY", market.change_state(MarketState.RUNNING, world.now_ns), world.now_ns)
    world.run()
    for name, account in (("me", world.me), ("you", world.you)):
        assert world.types(name) == ["ORDER", "EXPIRE"]
        assert account.balances == INITIAL_BALANCES
        assert not any(account.reserved.values())
    assert market.engine.level_size(Side.SELL, 20_000_001) == LOTS


def test_without_the_market_buys_that_cannot_be_paid_the_itayose_has_its_own_price():
    world = World()
    market = world.markets["BTC_JPY"]
    world.flow("SELL", 10_000_000, 0.01)
    world.flow("BUY", 10_000_000, 0.01)
    market.change_state(MarketState.PREOPEN, world.now_ns)
    world.flow("SELL", 10_000_100, 0.1)
    world.flow("SELL", 30_000_000, 1)
    world.flow("BUY", 10_000_200, 0.1)
    world.send(child_order_type="MARKET", side="BUY", size=0.3)
    world.run()
    outcome = market.change_state(MarketState.RUNNING, world.now_ns)
    world.orders.record("BTC_JPY", outcome, world.now_ns)
    world.run()
    assert {row.price for row in outcome.executions} <= {10_000_100.0, 10_000_200.0}
    assert world.types() == ["ORDER", "EXPIRE"]
    assert world.me.balances == INITIAL_BALANCES
