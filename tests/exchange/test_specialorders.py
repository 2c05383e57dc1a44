"""Special orders: their parts, in every order in which things can happen, and the events of it (section 3.6)."""

from __future__ import annotations

import pytest

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange.products import BTC_JPY
from tests.exchange.world import World

PRICE = 13_640_000


def part(condition: str, side: str = "BUY", **more: object) -> dict:
    return {"product_code": "BTC_JPY", "condition_type": condition, "side": side, "size": 0.01} | more


def limit(side: str, price: int) -> dict:
    return part("LIMIT", side, price=price)


def stop(side: str, trigger_price: int) -> dict:
    return part("STOP", side, trigger_price=trigger_price)


class Market(World):
    """A world whose market has both sides, far apart."""

    def __init__(self) -> None:
        super().__init__()
        self.flow("BUY", PRICE - 50_000, 1)
        self.flow("SELL", PRICE + 50_000, 1)

    def trade(self, price: int) -> None:
        """Two strangers trade a little at a price."""
        self.flow("SELL", price, 0.001)
        self.flow("BUY", price, 0.001)
        self.run()

    def story(self) -> list[str]:
        """All events so far: ``child ORDER``, ``parent TRIGGER 1``."""
        told = []
        for _, channel, event in self.events:
            index = event.get("parameter_index", "")
            told.append(f"{channel.partition('_')[0]} {event['event_type']} {index}".rstrip())
        return told

    def parents(self) -> list[dict]:
        return [event for _, channel, event in self.events if channel == "parent_order_events"]


def test_a_stop_waits_for_its_price_and_completes():
    world = Market()
    accepted_id = world.send_parent(parameters=[stop("SELL", PRICE - 100)])
    world.trade(PRICE)
    world.trade(PRICE - 99)
    assert world.story() == ["parent ORDER"]
    world.trade(PRICE - 100)
    assert world.story() == [
        "parent ORDER",
        "parent TRIGGER 1",
        "child ORDER",
        "child EXECUTION",
        "parent COMPLETE 1",
    ]
    order, trigger, complete = world.parents()
    base = {
        "product_code": "BTC_JPY",
        "parent_order_id": "JCP20260921-141320-000003",
        "parent_order_acceptance_id": accepted_id,
    }
    assert order == base | {
        "event_date": "2026-09-21T14:13:20.02Z",
        "event_type": "ORDER",
        "parent_order_type": "STOP",
        "expire_date": "2026-10-21T14:13:20Z",
    }
    child_id = trigger["child_order_acceptance_id"]
    assert trigger == base | {
        "event_date": trigger["event_date"],
        "event_type": "TRIGGER",
        "parameter_index": 1,
        "child_order_type": "MARKET",
        "side": "SELL",
        "price": 0,
        "size": 0.01,
        "expire_date": "2026-10-21T14:13:20Z",
        "child_order_acceptance_id": child_id,
    }
    assert complete == base | {
        "event_date": complete["event_date"],
        "event_type": "COMPLETE",
        "parameter_index": 1,
        "child_order_acceptance_id": child_id,
    }
    assert world.last()["child_order_acceptance_id"] == child_id
    [parent] = world.orders.records["me"].ended_parents
    assert (parent.executed_lots, str(parent.machine.state)) == (1_000_000, "COMPLETED")


@pytest.mark.parametrize(
    ("parameter", "prices", "triggers"),
    [
        (stop("BUY", PRICE + 10), [PRICE, PRICE + 9, PRICE + 10], [0, 0, 1]),
        (part("STOP_LIMIT", "BUY", price=PRICE + 5, trigger_price=PRICE + 10), [PRICE, PRICE + 11], [0, 1]),
        # A trailing sell follows the highest price, a trailing buy the lowest.
        (part("TRAIL", "SELL", offset=10), [PRICE + 5, PRICE + 20, PRICE + 11, PRICE + 10], [0, 0, 0, 1]),
        (part("TRAIL", "BUY", offset=10), [PRICE - 20, PRICE - 11, PRICE - 30, PRICE - 20], [0, 0, 0, 1]),
        (limit("BUY", PRICE - 10), [], []),
    ],
)
def test_when_each_condition_is_met(parameter, prices, triggers):
    world = Market()
    world.trade(PRICE)
    world.send_parent(order_method="SIMPLE", parameters=[parameter])
    world.run()
    for price, triggered in zip(prices, triggers, strict=True):
        world.trade(price)
        assert world.story().count("parent TRIGGER 1") == triggered, price
    if not prices:
        assert world.story() == ["parent ORDER", "parent TRIGGER 1", "child ORDER"]


def test_a_condition_that_is_met_already_triggers_at_once():
    world = Market()
    world.trade(PRICE)
    world.send_parent(parameters=[stop("BUY", PRICE)])
    world.run()
    assert world.story()[:3] == ["parent ORDER", "parent TRIGGER 1", "child ORDER"]


def test_ifd_places_the_second_part_once_the_first_is_executed_in_full():
    world = Market()
    world.send_parent(order_method="IFD", parameters=[limit("BUY", PRICE), limit("SELL", PRICE + 100)])
    world.run()
    world.flow("SELL", PRICE, 0.004)
    assert world.story() == ["parent ORDER", "parent TRIGGER 1", "child ORDER", "child EXECUTION"]
    world.flow("SELL", PRICE, 0.006)
    world.run()
    assert world.story()[4:] == ["child EXECUTION", "parent COMPLETE 1", "parent TRIGGER 2", "child ORDER"]
    world.flow("BUY", PRICE + 100, 0.01)
    assert world.story()[8:] == ["child EXECUTION", "parent COMPLETE 2"]
    assert world.orders.records["me"].open_parents == {}


def test_oco_cancels_the_limit_order_when_the_stop_triggers():
    world = Market()
    world.trade(PRICE)
    world.send_parent(order_method="OCO", parameters=[limit("SELL", PRICE + 100), stop("SELL", PRICE - 100)])
    world.run()
    assert world.story() == ["parent ORDER", "parent TRIGGER 1", "child ORDER"]
    world.trade(PRICE - 100)
    assert sorted(world.story()[3:]) == sorted(
        ["parent TRIGGER 2", "child CANCEL", "child ORDER", "child EXECUTION", "parent COMPLETE 2"]
    )
    assert world.orders.records["me"].open_parents == {}
    assert not any(world.me.reserved.values())


def test_oco_gives_the_stop_up_when_the_limit_order_is_executed():
    world = Market()
    world.trade(PRICE)
    world.send_parent(order_method="OCO", parameters=[limit("SELL", PRICE + 100), stop("SELL", PRICE - 100)])
    world.run()
    world.flow("BUY", PRICE + 100, 0.01)
    assert world.story()[3:] == ["child EXECUTION", "parent COMPLETE 1"]
    world.trade(PRICE - 100)
    assert len(world.story()) == 5


def test_the_first_execution_of_one_of_two_orders_cancels_the_other():
    world = Market()
    world.send_parent(order_method="OCO", parameters=[limit("SELL", PRICE + 100), limit("BUY", PRICE - 100)])
    world.run()
    world.flow("BUY", PRICE + 100, 0.004)
    world.run()
    assert world.story()[-2:] == ["child EXECUTION", "child CANCEL"]
    world.flow("BUY", PRICE + 100, 0.006)
    assert world.story()[-2:] == ["child EXECUTION", "parent COMPLETE 1"]


def test_ifdoco_goes_all_the_way():
    world = Market()
    world.trade(PRICE)
    parameters = [limit("BUY", PRICE), limit("SELL", PRICE + 100), stop("SELL", PRICE - 100)]
    world.send_parent(order_method="IFDOCO", parameters=parameters)
    world.run()
    assert world.parents()[0]["parent_order_type"] == "IFDOCO"
    world.flow("SELL", PRICE, 0.01)
    world.run()
    assert world.story()[4:] == ["parent COMPLETE 1", "parent TRIGGER 2", "child ORDER"]
    world.trade(PRICE - 100)
    assert world.story()[-1] == "parent COMPLETE 3"
    assert world.story().count("child CANCEL") == 1
    assert world.me.available("JPY") == world.me.balances["JPY"]


def test_cancelling_takes_the_orders_with_it():
    world = Market()
    accepted_id = world.send_parent(order_method="OCO", parameters=[limit("SELL", PRICE + 100), stop("SELL", 1)])
    world.run()
    world.orders.cancel_parent_order("me", "", accepted_id, world.now_ns)
    world.run()
    assert world.story() == ["parent ORDER", "parent TRIGGER 1", "child ORDER", "parent CANCEL", "child CANCEL"]
    assert list(world.parents()[-1])[-1] == "event_type"
    world.orders.cancel_parent_order("me", "", accepted_id, world.now_ns)  # it is over: nothing follows
    world.run()
    assert len(world.story()) == 5


def test_a_special_order_ends_with_its_order():
    world = Market()
    world.send_parent(parameters=[limit("SELL", PRICE + 100)])
    world.run()
    child_id = world.last()["child_order_acceptance_id"]
    world.orders.cancel_child_order("me", "", child_id, world.now_ns)
    world.run()
    assert world.story()[-2:] == ["child CANCEL", "parent CANCEL"]


def test_it_expires_with_its_orders():
    world = Market()
    world.send_parent(order_method="OCO", minute_to_expire=1, parameters=[limit("SELL", PRICE + 100), stop("SELL", 1)])
    world.run(70)
    assert sorted(world.story()[3:]) == ["child EXPIRE", "parent EXPIRE"]
    assert not world.orders.records["me"].open_parents


def test_a_part_that_cannot_be_paid_fails_in_its_market():
    world = Market()
    world.trade(PRICE)
    world.send_parent(parameters=[part("STOP", "BUY", size=5, trigger_price=PRICE + 1)])
    world.trade(PRICE + 1)
    assert world.story() == ["parent ORDER", "parent TRIGGER 1", "child ORDER_FAILED", "parent CANCEL"]


def test_a_first_part_that_cannot_be_paid_is_refused():
    world = Market()
    with pytest.raises(RequestRefusedError) as caught:
        world.send_parent(parameters=[part("LIMIT", "BUY", size=5, price=PRICE)])
    assert caught.value.code == -200


def test_the_last_price_alone_does_not_end_time():
    """Nothing is due where nothing is ordered."""
    world = Market()
    assert world.orders.next_ns > world.now_ns + 10**18


def test_cancelling_all_child_orders_leaves_special_orders_that_wait():
    world = World()
    world.flow("SELL", 10_000_000, 0.01)
    world.flow("BUY", 10_000_000, 0.01)
    waits = world.send_parent(order_method="SIMPLE", parameters=[stop("SELL", 9_000_000)])
    begun = world.send_parent(order_method="IFD", parameters=[limit("BUY", 9_500_000), stop("SELL", 9_000_000)])
    child = world.send(price=9_400_000)
    world.run()
    world.events.clear()
    world.orders.cancel_all_child_orders("me", BTC_JPY, world.now_ns)
    world.run()
    records = world.orders.records["me"]
    assert records.open == {}
    assert list(records.open_parents) == [waits]
    assert world.types() == ["CANCEL", "CANCEL"]
    assert child in {event["child_order_acceptance_id"] for _, channel, event in world.events if "child" in channel}
    assert [event["parent_order_acceptance_id"] for _, channel, event in world.events if "parent" in channel] == [begun]
    assert world.types(channel="parent_order_events") == ["CANCEL"]


def test_special_orders_of_all_accounts_trigger_in_the_order_of_their_acceptance():
    world = Market()
    for account in ("you", "me", "you"):
        world.send_parent(account, parameters=[stop("SELL", PRICE - 100)])
    world.send_parent(parameters=[stop("SELL", PRICE // 2) | {"product_code": "FX_BTC_JPY"}])
    world.run()
    world.trade(PRICE - 100)
    triggered = [account for account, _, event in world.events if event["event_type"] == "TRIGGER"]
    assert triggered == ["you", "me", "you"], "and none of another product"
