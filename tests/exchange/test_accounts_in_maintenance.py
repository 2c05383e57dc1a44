"""Two accounts trade at random among the order flow, through a whole maintenance, and everything told of it agrees."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from random import Random

import pytest

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange.accounts import INITIAL_BALANCES, LOT_AMOUNT, Account, amount
from fulgurite.exchange.childorders import OrderState
from fulgurite.exchange.matching import Side, TimeInForce
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.orderrequests import ChildOrderType, ChildRequest, Condition, OrderMethod, ParentRequest, Part
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.messages import parse_time

START_NS = parse_time("2026-09-23T18:59:00Z")
SECOND_NS = 10**9
SECONDS = 14 * 60


def random_request(rng: Random, simulation: Simulation) -> ChildRequest:
    product = rng.choice((BTC_JPY, FX_BTC_JPY))
    order_type = ChildOrderType.MARKET if rng.random() < 0.2 else ChildOrderType.LIMIT
    price = simulation.orders.venues[product.code].last_price + rng.randrange(-3000, 3000)
    return ChildRequest(
        product,
        order_type,
        rng.choice(list(Side)),
        price if order_type is ChildOrderType.LIMIT else 0,
        rng.choice((100_000, 1_234_567, 3_000_000)),
        rng.choice((1, 5, 43_200)),
        rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)),
    )


def random_oco(rng: Random, simulation: Simulation) -> ParentRequest:
    last = simulation.orders.venues["BTC_JPY"].last_price
    side = rng.choice(list(Side))
    sign = 1 if side is Side.SELL else -1
    far = sign * rng.randrange(500, 5000)
    parts = (
        Part(BTC_JPY, Condition.LIMIT, side, 1_000_000, last + far, 0, 0),
        Part(BTC_JPY, Condition.STOP, side, 1_000_000, 0, last - far, 0),
    )
    return ParentRequest(OrderMethod.OCO, rng.choice((2, 43_200)), TimeInForce.GTC, parts)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_agrees_through_a_maintenance(seed):
    rng = Random(seed)
    simulation = Simulation(seed, START_NS, (BTC_JPY, FX_BTC_JPY), accounts=[Account("me"), Account("you")])
    orders = simulation.orders
    public: dict[int, dict] = {}
    private: dict[str, list[dict]] = defaultdict(list)
    last_ns = START_NS
    for second in range(SECONDS):
        now_ns = START_NS + second * SECOND_NS
        for event in simulation.advance(now_ns):
            assert event.at_ns >= last_ns
            last_ns = event.at_ns
            if not isinstance(event, TimedMessage):
                continue
            if event.account:
                if event.channel == "child_order_events":
                    private[event.account] += json.loads(event.message)
            elif event.channel.startswith("lightning_executions_"):
                public |= {row["id"]: row for row in json.loads(event.message)}
        for name, records in orders.records.items():
            with contextlib.suppress(RequestRefusedError):
                if rng.random() < 0.3:
                    orders.send_child_order(name, random_request(rng, simulation), now_ns)
                elif rng.random() < 0.05:
                    orders.send_parent_order(name, random_oco(rng, simulation), now_ns)
            if records.open and rng.random() < 0.1:
                orders.cancel_child_order(name, "", rng.choice(list(records.open)), now_ns)
            check_account(simulation, records)
    itayose = [row for row in public.values() if row["side"] == ""]
    assert len({row["price"] for row in itayose}) <= 2  # one price a product
    ours = {each.id for records in orders.records.values() for each in records.executions}
    assert ours & {row["id"] for row in itayose}, "the accounts took part in the itayose"
    for name, records in orders.records.items():
        check_events(private[name], records, public)


def check_account(simulation: Simulation, records) -> None:
    """Balances, positions and reservations follow from executions and open orders."""
    account = records.account
    balances, position = dict(INITIAL_BALANCES), 0
    for execution in records.executions:
        sign = 1 if execution.order.request.side is Side.BUY else -1
        if execution.order.product is FX_BTC_JPY:
            position += sign * execution.lots
        else:
            balances["BTC"] += (sign * execution.lots - execution.commission) * LOT_AMOUNT
            balances["JPY"] -= sign * amount(BTC_JPY, execution.price, execution.lots)
    assert account.balances == balances
    assert account.open_lots("FX_BTC_JPY") == position
    assert all(0 <= reserved <= account.balances[name] for name, reserved in account.reserved.items())
    assert all(lots >= 0 for lots in account.ordered_lots.values())
    for order in records.open.values():
        rests = order.order.id in simulation.orders.venues[order.product.code].engine
        assert rests == bool(order.placed_ns)
        assert order.order.remaining == order.remaining_lots


def check_events(events: list[dict], records, public: dict[int, dict]) -> None:
    """The private channel tells every execution once, as the public one does, and every order's end."""
    # An account may trade with itself, so the id alone does not name an event.
    told = {(event["exec_id"], event["side"]): event for event in events if event["event_type"] == "EXECUTION"}
    kept = {(execution.id, str(execution.order.request.side)): execution for execution in records.executions}
    assert len(kept) == len(records.executions) > 20
    assert told.keys() == kept.keys()
    for key, event in told.items():
        if key[0] not in public:
            continue  # of the last moments, whose public message is yet to come
        row = public[key[0]]
        assert (row["price"], row["size"], row["exec_date"]) == (event["price"], event["size"], event["event_date"])
        buys = event["side"] == "BUY"
        assert (
            row["buy_child_order_acceptance_id" if buys else "sell_child_order_acceptance_id"]
            == event["child_order_acceptance_id"]
        )
        assert round(event["size"] * LOTS) == kept[key].lots
    ends = {
        OrderState.COMPLETED: ["EXECUTION"],
        OrderState.CANCELED: ["CANCEL"],
        OrderState.EXPIRED: ["EXPIRE"],
        OrderState.REJECTED: ["ORDER_FAILED"],
    }
    by_order = defaultdict(list)
    for event in events:
        if event["event_type"] != "CANCEL_FAILED":
            by_order[event["child_order_acceptance_id"]].append(event["event_type"])
    for order in records.ended:
        story = by_order[order.acceptance_id]
        assert story[-1:] == ends[order.state]
        assert story[0] in ("ORDER", "ORDER_FAILED")
