"""Closing FX positions whose collateral does not suffice any more."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange.accountrows import collateral_body
from fulgurite.exchange.accounts import AMOUNTS, INITIAL_COLLATERAL
from fulgurite.exchange.childorders import OrderState
from fulgurite.exchange.funds import keep_rate
from fulgurite.exchange.timeline import MarketState
from fulgurite.protocol.choices import LOSS_CUT_RATE, ORDER_LATENCY_NS
from tests.exchange.wirelistener import WireAccount, decoded
from tests.exchange.world import SECOND_NS, World

PRICE = 10_000_000
FX = "FX_BTC_JPY"


def hold(world: World, lots: float, side: str = "BUY") -> None:
    """Open a position at PRICE."""
    trade_at(world, PRICE)
    world.flow("SELL" if side == "BUY" else "BUY", PRICE, lots, FX)
    world.send(product_code=FX, side=side, price=PRICE, size=lots)
    world.run()
    assert world.me.open_lots(FX) != 0


def trade_at(world: World, price: int) -> None:
    """Let others trade at a price, so that it is the last one."""
    world.flow("SELL", price, 0.01, FX)
    world.flow("BUY", price, 0.01, FX)


def rate(world: World) -> int | None:
    return keep_rate(world.me, world.orders.venues.values())


def test_a_position_is_closed_by_a_market_order_once_the_rate_is_below_the_threshold():
    """1 BTC at 10,000,000 requires 5,000,000, which is the collateral: at 7,500,000 half of it is left."""
    world = World()
    hold(world, 1)
    assert rate(world) == 10_000
    trade_at(world, 7_500_000)
    assert rate(world) == LOSS_CUT_RATE
    world.run(5)
    assert world.me.open_lots(FX) == 10**8, "exactly at the threshold nothing happens"
    world.flow("BUY", 7_400_000, 5, FX)
    resting = world.send(product_code=FX, side="SELL", price=12_000_000, size=0.5)
    other = world.send(product_code="BTC_JPY", side="BUY", price=1_000, size=0.5)
    world.run()
    world.events.clear()
    world.flow("SELL", 7_400_000, 0.01, FX)
    world.run(ORDER_LATENCY_NS / SECOND_NS)
    assert world.me.open_lots(FX) == 0
    assert world.me.collateral == INITIAL_COLLATERAL - 2_600_000 * AMOUNTS
    assert rate(world) is None
    assert world.types() == ["CANCEL", "ORDER", "EXECUTION"]
    cancelled, ordered, executed = (event for whose, _, event in world.events if whose == "me")
    assert cancelled["child_order_acceptance_id"] == resting
    assert (ordered["child_order_type"], ordered["side"], ordered["size"]) == ("MARKET", "SELL", 1)
    assert (executed["price"], executed["outstanding_size"]) == (7_400_000, 0)
    assert list(world.orders.records["me"].open) == [other], "spot orders stay"
    assert world.orders.records["me"].ended[-1].state is OrderState.COMPLETED


def test_a_short_position_is_closed_as_well():
    world = World()
    hold(world, 0.5, "SELL")
    world.flow("SELL", 18_000_000, 5, FX)
    world.flow("BUY", 18_000_000, 0.01, FX)
    world.run()
    assert world.me.open_lots(FX) == 0
    assert world.me.collateral == INITIAL_COLLATERAL - 4_000_000 * AMOUNTS


def test_what_finds_nobody_is_tried_again_with_the_next_execution():
    world = World()
    hold(world, 1)
    world.flow("BUY", 7_000_000, 0.31, FX)
    world.flow("SELL", 7_000_000, 0.01, FX)
    world.run()
    assert world.me.open_lots(FX) == 70_000_000
    assert world.types()[-3:] == ["ORDER", "EXECUTION", "EXPIRE"]
    world.flow("BUY", 6_000_000, 0.75, FX)
    world.flow("SELL", 6_000_000, 0.01, FX)
    world.run()
    assert world.me.open_lots(FX) == 0
    assert world.me.collateral == INITIAL_COLLATERAL - (900_000 + 2_800_000) * AMOUNTS


def test_losses_may_exceed_the_collateral_and_then_no_position_can_be_opened():
    world = World()
    hold(world, 1)
    world.flow("BUY", 4_000_000, 5, FX)
    world.flow("SELL", 4_000_000, 0.01, FX)
    world.run()
    assert world.me.collateral == -1_000_000 * AMOUNTS
    body = msgspec.json.decode(msgspec.json.encode(collateral_body(world.me, tuple(world.orders.venues.values()))))
    assert (body["collateral"], body["require_collateral"], body["keep_rate"]) == (-1_000_000, 0, 0)
    world.send_parent(
        parameters=[
            {"product_code": FX, "condition_type": "STOP", "side": "BUY", "trigger_price": 1_000, "size": 0.001},
        ]
    )
    world.run()
    assert world.types()[-1] == "ORDER_FAILED"


def test_in_a_market_that_is_closed_it_waits():
    world = World()
    hold(world, 1)
    world.flow("BUY", 7_000_000, 5, FX)
    world.flow("SELL", 7_000_000, 0.01, FX)
    world.markets[FX].change_state(MarketState.CLOSED, world.now_ns)
    world.run()
    assert world.me.open_lots(FX) == 10**8
    world.markets[FX].change_state(MarketState.RUNNING, world.now_ns)
    world.flow("SELL", 7_000_000, 0.01, FX)
    world.run()
    assert world.me.open_lots(FX) == 0


def move(world: World, price: int) -> None:
    """Bring the last price to `price`, with enough on both sides of it for everybody."""
    world.flow("SELL", price, 1000, FX)
    world.flow("BUY", price, 1000, FX)
    world.flow("BUY", price - 1000, 50, FX)
    world.flow("SELL", price + 1000, 50, FX)


ORDERS = st.tuples(
    st.sampled_from(["me", "you"]),
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from([None, -2000, -500, 500, 2000]),
    st.sampled_from([0.1, 0.45]),
)
MOVES = st.integers(50, 200).map(lambda parts: parts * 100_000)


@given(st.lists(ORDERS | MOVES, max_size=40))
@settings(max_examples=150)
def test_collateral_positions_and_events_agree_and_nobody_stays_below_the_threshold(actions):
    world = World()
    price = PRICE
    move(world, price)
    told = {"me": WireAccount(), "you": WireAccount()}
    for action in actions:
        if isinstance(action, int):
            price = action
            move(world, price)
        else:
            name, side, off, size = action
            order = {"child_order_type": "MARKET"} if off is None else {"price": price + off}
            with contextlib.suppress(RequestRefusedError):
                world.send(name, product_code=FX, side=side, size=size, **order)
        world.run(1)
        for name, _, event in world.events:
            told[name].child(decoded(msgspec.json.encode(event)))
        world.events.clear()
        for name, account in (("me", world.me), ("you", world.you)):
            rows = [[str(row.side), row.price, row.lots] for row in account.positions.get(FX, ())]
            assert rows == [row[:3] for row in told[name].positions]
            assert Decimal(account.collateral - INITIAL_COLLATERAL) / AMOUNTS == told[name].profit
            left = keep_rate(account, world.orders.venues.values())
            assert left is None or left >= LOSS_CUT_RATE
            assert not world.orders.records[name].is_cut
            assert all(lots >= 0 for lots in account.ordered_lots.values())
            assert told[name].outstanding.keys() == world.orders.records[name].open.keys()
