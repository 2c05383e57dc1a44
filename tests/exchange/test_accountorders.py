"""Orders of accounts from acceptance to their end, and the events, balances and positions of them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange.accounts import (
    AMOUNTS,
    INITIAL_BALANCES,
    INITIAL_COLLATERAL,
    LOT_AMOUNT,
    amount,
    commission_lots,
)
from fulgurite.exchange.childorders import OrderState, execution_row, order_row
from fulgurite.exchange.matching import Side
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.timeline import MarketState
from tests.exchange.world import SECOND_NS, World

PRICE = 13_640_000


def test_a_limit_order_rests_and_is_executed_with_the_events_of_the_wire():
    world = World()
    accepted_id = world.send(price=PRICE, size=0.2, minute_to_expire=1)
    assert world.events == []  # the answer to the request comes first
    world.run()
    assert accepted_id == "JRF20260921-141320-000001"
    assert world.events == [
        (
            "me",
            "child_order_events",
            {
                "product_code": "BTC_JPY",
                "child_order_id": "JOR20260921-141320-000001",
                "child_order_acceptance_id": accepted_id,
                "event_date": "2026-09-21T14:13:20.02Z",
                "event_type": "ORDER",
                "child_order_type": "LIMIT",
                "side": "BUY",
                "price": PRICE,
                "size": 0.2,
                "expire_date": "2026-09-21T14:14:20",
            },
        )
    ]
    world.flow("SELL", PRICE - 5, 0.05)
    assert world.last() == {
        "product_code": "BTC_JPY",
        "child_order_id": "JOR20260921-141320-000001",
        "child_order_acceptance_id": accepted_id,
        "event_date": "2026-09-21T14:13:20.1Z",
        "event_type": "EXECUTION",
        "exec_id": 1,
        "side": "BUY",
        "price": PRICE,
        "size": 0.05,
        "commission": 0.000075,
        "sfd": 0,
        "outstanding_size": 0.15,
    }
    assert list(world.last())[5:] == ["exec_id", "side", "price", "size", "commission", "sfd", "outstanding_size"]
    assert world.me.balances["BTC"] == AMOUNTS + (5_000_000 - 7_500) * LOT_AMOUNT
    assert world.me.balances["JPY"] == (10_000_000 - PRICE * 5 // 100) * AMOUNTS
    assert world.me.reserved["JPY"] == PRICE * 15 // 100 * AMOUNTS
    world.run(60)
    assert world.types() == ["ORDER", "EXECUTION", "EXPIRE"]
    assert (world.last()["price"], world.last()["size"]) == (PRICE, 0.15)
    assert world.me.reserved["JPY"] == 0


def test_an_fx_order_has_ids_of_its_own_and_opens_a_position():
    world = World()
    world.flow("SELL", PRICE, 0.1, "FX_BTC_JPY")
    world.send(product_code="FX_BTC_JPY", child_order_type="MARKET", size=0.05)
    world.run()
    assert world.types() == ["ORDER", "EXECUTION"]
    order = world.events[0][2]
    assert order["child_order_id"] == "JFX20260921-141320-000002F"
    assert order["price"] == 0
    assert world.last()["commission"] == 0
    assert world.me.open_lots("FX_BTC_JPY") == 5_000_000
    world.flow("BUY", PRICE + 100, 0.1, "FX_BTC_JPY")
    world.send(product_code="FX_BTC_JPY", child_order_type="MARKET", side="SELL", size=0.05)
    world.run()
    assert world.me.positions["FX_BTC_JPY"] == []
    # The rest of the flow's first order was met by its second: only 0.05 were left at the higher price.
    assert world.me.collateral == INITIAL_COLLATERAL + 100 * 5 // 100 * AMOUNTS
    assert world.me.balances == INITIAL_BALANCES


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ({"time_in_force": "IOC", "price": PRICE, "size": 0.05}, ["ORDER", "EXECUTION", "EXPIRE"]),
        ({"time_in_force": "FOK", "price": PRICE, "size": 0.05}, ["ORDER", "EXPIRE"]),
        ({"time_in_force": "FOK", "price": PRICE, "size": 0.02}, ["ORDER", "EXECUTION"]),
        ({"child_order_type": "MARKET", "size": 0.05}, ["ORDER", "EXECUTION", "EXPIRE"]),
        ({"child_order_type": "MARKET", "size": 0.01}, ["ORDER", "EXECUTION"]),
        ({"time_in_force": "IOC", "price": PRICE - 1}, ["ORDER", "EXPIRE"]),
    ],
)
def test_what_finds_nobody_expires_where_it_may_not_rest(body, events):
    world = World()
    world.flow("SELL", PRICE, 0.02)
    world.send(**body)
    world.run()
    assert world.types() == events
    assert not any(world.me.reserved.values())


def test_a_cancellation_is_told_and_so_is_one_that_comes_too_late():
    world = World()
    accepted_id = world.send(price=PRICE)
    world.orders.cancel_child_order("me", "", accepted_id, world.now_ns)
    world.run()
    assert world.types() == ["ORDER", "CANCEL"]
    assert (world.last()["price"], world.last()["size"]) == (PRICE, 0.01)
    order_id = world.last()["child_order_id"]
    world.orders.cancel_child_order("me", order_id, "", world.now_ns)
    world.run()
    assert world.types() == ["ORDER", "CANCEL", "CANCEL_FAILED"]
    assert list(world.last()) == [
        "product_code",
        "child_order_id",
        "child_order_acceptance_id",
        "event_date",
        "event_type",
    ]
    with pytest.raises(RequestRefusedError) as caught:
        world.orders.cancel_child_order("you", order_id, "", world.now_ns)
    assert caught.value.code == -111


def test_all_orders_of_a_product_are_cancelled_and_no_others():
    world = World()
    world.send(price=PRICE)
    world.send(price=PRICE - 1)
    world.send(price=PRICE, product_code="FX_BTC_JPY")
    world.send("you", price=PRICE)
    world.run()
    world.orders.cancel_all_child_orders("me", world.orders.products["BTC_JPY"], world.now_ns)
    world.run()
    assert world.types() == ["ORDER", "ORDER", "ORDER", "CANCEL", "CANCEL"]
    assert world.types("you") == ["ORDER"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"price": PRICE, "size": 1}, -200),
        ({"price": PRICE, "size": 1, "side": "SELL"}, -200),  # the commission comes on top
        ({"product_code": "FX_BTC_JPY", "price": PRICE, "size": 0.8}, -205),
        ({"product_code": "FX_BTC_JPY", "child_order_type": "MARKET", "side": "SELL", "size": 0.8}, -205),
    ],
)
def test_an_order_beyond_the_funds_is_refused_and_changes_nothing(body, code):
    world = World()
    with pytest.raises(RequestRefusedError) as caught:
        world.send(**body)
    assert caught.value.code == code
    world.run()
    assert world.events == []
    assert not any(world.me.reserved.values())
    assert not any(world.me.ordered_lots.values())


def test_a_market_order_that_has_become_too_dear_fails_in_the_market():
    world = World()
    world.flow("SELL", PRICE, 0.1)
    world.flow("SELL", PRICE * 10, 0.1)
    world.send(child_order_type="MARKET", size=0.1)
    world.flow("BUY", None, 0.1)  # somebody is quicker
    world.run()
    assert world.types() == ["ORDER_FAILED"]
    assert world.last()["reason"] == "INSUFFICIENT_FUNDS"
    assert world.last()["child_order_id"].startswith("JOR")
    assert not any(world.me.reserved.values())


def test_a_closed_market_takes_no_orders():
    world = World()
    accepted_id = world.send(price=PRICE)
    world.run()
    world.send(price=PRICE)
    world.markets["BTC_JPY"].change_state(MarketState.CLOSED, world.now_ns)
    with pytest.raises(RequestRefusedError) as caught:
        world.send(price=PRICE)
    assert caught.value.code == -208
    world.orders.cancel_child_order("me", "", accepted_id, world.now_ns)
    world.run()
    assert world.types() == ["ORDER", "ORDER_FAILED", "CANCEL"]


def test_orders_take_part_in_an_itayose():
    world = World()
    market = world.markets["BTC_JPY"]
    market.change_state(MarketState.PREOPEN, world.now_ns)
    world.send(price=PRICE + 100, size=0.02)
    world.send("you", child_order_type="MARKET", side="SELL", size=0.05)
    world.run()
    assert world.types() == world.types("you") == ["ORDER"]
    world.orders.record("BTC_JPY", market.change_state(MarketState.RUNNING, world.now_ns), world.now_ns)
    world.run()
    assert world.types() == ["ORDER", "EXECUTION"]
    assert world.types("you") == ["ORDER", "EXECUTION", "EXPIRE"]
    assert not any(world.me.reserved.values())
    assert not any(world.you.reserved.values())


def test_an_account_has_so_many_open_orders_and_no_more(monkeypatch):
    monkeypatch.setattr("fulgurite.exchange.accountorders.MAX_OPEN_ORDERS", 2)
    world = World()
    for _ in range(2):
        world.send(price=PRICE)
    with pytest.raises(RequestRefusedError) as caught:
        world.send(price=PRICE)
    assert caught.value.code == -208
    world.send("you", price=PRICE)


def test_the_rows_of_the_http_api():
    world = World()
    accepted_id = world.send(price=PRICE, size=0.02)
    world.run()
    world.flow("SELL", PRICE, 0.01)
    records = world.orders.records["me"]
    row = order_row(records.open[accepted_id])
    assert (row.id, row.child_order_state, row.child_order_date) == (0, "ACTIVE", "2026-09-21T14:13:20")
    assert bytes(row.average_price) == b"13640000"
    execution = execution_row(records.executions[0])
    assert execution.exec_date == "2026-09-21T14:13:20.1"
    assert bytes(execution.commission) == b"0.000015"
    world.orders.cancel_child_order("me", "", accepted_id, world.now_ns)
    world.run()
    row = order_row(records.ended[0])
    assert row.id
    assert [bytes(size) for size in (row.outstanding_size, row.cancel_size, row.executed_size)] == [
        b"0",
        b"0.01",
        b"0.01",
    ]


class Books(RuleBasedStateMachine):
    """For any orders of two accounts and the flow, all reports agree at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(
        side=st.sampled_from(["BUY", "SELL"]),
        price=st.integers(-5, 5) | st.none(),
        size=st.sampled_from([0.001, 0.01, 0.05, 0.00000001]),
        code=st.sampled_from(["BTC_JPY", "FX_BTC_JPY"]),
    )
    def flow(self, side, price, size, code):
        self.world.flow(side, None if price is None else PRICE + price, size, code)

    @rule(
        account=st.sampled_from(["me", "you"]),
        side=st.sampled_from(["BUY", "SELL"]),
        price=st.integers(-5, 5) | st.none(),
        size=st.sampled_from([0.001, 0.012_345_67, 0.05, 0.3]),
        code=st.sampled_from(["BTC_JPY", "FX_BTC_JPY"]),
        time_in_force=st.sampled_from(["GTC", "IOC", "FOK"]),
        minutes=st.integers(1, 3),
    )
    def send(self, account, side, price, size, code, time_in_force, minutes):
        body = {"product_code": code, "side": side, "size": size, "time_in_force": time_in_force}
        body |= {"child_order_type": "MARKET"} if price is None else {"price": PRICE + price}
        with contextlib.suppress(RequestRefusedError):
            self.world.send(account, minute_to_expire=minutes, **body)

    @rule(
        account=st.sampled_from(["me", "you"]),
        method=st.sampled_from(["SIMPLE", "IFD", "OCO", "IFDOCO"]),
        conditions=st.lists(
            st.tuples(
                st.sampled_from(["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAIL"]),
                st.sampled_from(["BUY", "SELL"]),
                st.integers(-5, 5),
            ),
            min_size=3,
            max_size=3,
        ),
    )
    def send_special(self, account, method, conditions):
        parts = {"SIMPLE": 1, "IFD": 2, "OCO": 2, "IFDOCO": 3}[method]
        parameters = [
            {
                "product_code": "BTC_JPY",
                "condition_type": condition,
                "side": side,
                "size": 0.01,
                "price": PRICE + price,
                "trigger_price": PRICE - price,
                "offset": 2,
            }
            for condition, side, price in conditions[:parts]
        ]
        with contextlib.suppress(RequestRefusedError):
            self.world.send_parent(account, order_method=method, minute_to_expire=2, parameters=parameters)

    @rule(seconds=st.sampled_from([0.01, 0.02, 1, 30, 90]))
    def wait(self, seconds):
        self.world.run(seconds)

    @precondition(lambda self: any(each.open for each in self.world.orders.records.values()))
    @rule(data=st.data())
    def cancel(self, data):
        name, records = data.draw(
            st.sampled_from([pair for pair in self.world.orders.records.items() if pair[1].open]), label="account"
        )
        accepted_id = data.draw(st.sampled_from(list(records.open)), label="order")
        self.world.orders.cancel_child_order(name, "", accepted_id, self.world.now_ns)

    @precondition(lambda self: any(each.open_parents for each in self.world.orders.records.values()))
    @rule(data=st.data())
    def cancel_special(self, data):
        name, records = data.draw(
            st.sampled_from([pair for pair in self.world.orders.records.items() if pair[1].open_parents]),
            label="account",
        )
        accepted_id = data.draw(st.sampled_from(list(records.open_parents)), label="order")
        self.world.orders.cancel_parent_order(name, "", accepted_id, self.world.now_ns)

    @invariant()
    def nothing_is_reserved_beyond_what_there_is(self):
        for account in (self.world.me, self.world.you):
            for currency, reserved in account.reserved.items():
                assert 0 <= reserved <= account.balances[currency], currency
            assert all(lots >= 0 for lots in account.ordered_lots.values())
            for rows in account.positions.values():
                assert all(row.lots > 0 for row in rows)
                assert len({row.side for row in rows}) <= 1

    @invariant()
    def balances_and_positions_are_what_the_executions_say(self):
        for name, records in self.world.orders.records.items():
            account = records.account
            balances, position = dict(INITIAL_BALANCES), 0
            for execution in records.executions:
                product, side = execution.order.product, execution.order.request.side
                sign = 1 if side is Side.BUY else -1
                if product.code == "FX_BTC_JPY":
                    position += sign * execution.lots
                    continue
                assert execution.commission == commission_lots(execution.lots)
                balances["BTC"] += (sign * execution.lots - execution.commission) * LOT_AMOUNT
                balances["JPY"] -= sign * amount(product, execution.price, execution.lots)
            assert account.balances == balances, name
            assert account.open_lots("FX_BTC_JPY") == position

    @invariant()
    def reserved_is_what_the_open_orders_need(self):
        for records in self.world.orders.records.values():
            reserved = dict.fromkeys(INITIAL_BALANCES, 0)
            ordered = {("FX_BTC_JPY", side): 0 for side in Side}
            for order in records.open.values():
                side, lots = order.request.side, order.reserved_lots
                if order.product.code == "FX_BTC_JPY":
                    ordered["FX_BTC_JPY", side] += lots
                elif side is Side.BUY:
                    reserved["JPY"] += amount(order.product, order.reserved_price, lots)
                else:
                    reserved["BTC"] += (lots + commission_lots(lots)) * LOT_AMOUNT
            assert records.account.reserved == reserved
            assert {**dict.fromkeys(ordered, 0), **records.account.ordered_lots} == ordered

    @invariant()
    def orders_executions_and_the_public_channel_agree(self):
        public = {}
        for code, market in self.world.markets.items():
            for published in market.executions:
                public[published.id] = (code, published)
        for records in self.world.orders.records.values():
            lots: dict[str, int] = {}
            for execution in records.executions:
                order = execution.order
                code, shown = public[execution.id]
                assert code == order.product.code
                accepted_id = (
                    shown.buy_child_order_acceptance_id
                    if order.request.side is Side.BUY
                    else shown.sell_child_order_acceptance_id
                )
                assert accepted_id == order.acceptance_id
                assert (round(shown.price), round(shown.size * LOTS)) == (execution.price, execution.lots)
                lots[accepted_id] = lots.get(accepted_id, 0) + execution.lots
            for order in (*records.open.values(), *records.ended):
                assert order.executed_lots == lots.pop(order.acceptance_id, 0)
                assert (order.state is OrderState.COMPLETED) == (order.executed_lots == order.request.lots)
            assert not lots

    @invariant()
    def open_orders_rest_in_their_market_or_are_on_the_way(self):
        for records in self.world.orders.records.values():
            for order in records.open.values():
                is_placed = order.acceptance_id in self.world.orders._placed
                assert (order.order.id in self.world.markets[order.product.code].engine) == is_placed
                assert not is_placed or order.order.remaining == order.remaining_lots

    @invariant()
    def the_events_tell_the_same_story(self):
        stories: dict[str, list[dict]] = {}
        for _, channel, event in self.world.events:
            if channel == "child_order_events":
                stories.setdefault(event["child_order_acceptance_id"], []).append(event)
        for records in self.world.orders.records.values():
            for order in (*records.open.values(), *records.ended):
                story = stories.get(order.acceptance_id, [])
                types = [event["event_type"] for event in story if event["event_type"] != "CANCEL_FAILED"]
                executed = sum(round(event["size"] * LOTS) for event in story if event["event_type"] == "EXECUTION")
                if self.world.orders.next_ns > self.world.now_ns:
                    assert executed == order.executed_lots
                    ends = {"CANCELED": ["CANCEL"], "EXPIRED": ["EXPIRE"], "REJECTED": ["ORDER_FAILED"]}
                    expected = ends.get(order.state, [])
                    assert [each for each in types if each not in ("ORDER", "EXECUTION")] == expected
                    assert types[:1] in ([], ["ORDER"], ["ORDER_FAILED"])

    @invariant()
    def special_orders_that_are_over_have_nothing_left(self):
        if self.world.orders.next_ns > self.world.now_ns + SECOND_NS:
            for records in self.world.orders.records.values():
                over = {parent.order_id for parent in records.ended_parents}
                assert not any(order.parent_id in over for order in records.open.values())


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40)
