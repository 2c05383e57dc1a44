"""Steps and expiries of orders, at their times."""

from __future__ import annotations

from copy import copy

from fulgurite.exchange.childorders import ChildOrder, OrderState
from fulgurite.exchange.schedule import NEVER_NS, Schedule
from tests.exchange.world import World


def order(expire_ns: int) -> ChildOrder:
    """An order of an account that expires then."""
    world = World()
    found = world.orders.records["me"].open[world.send(price=13_640_000)]
    found.expire_ns = expire_ns
    return found


def test_steps_come_in_the_order_of_their_times_and_then_of_adding_and_expiries_after_them():
    schedule, done = Schedule(), []
    assert schedule.next_ns == NEVER_NS
    schedule.add_expiry(order(5), lambda now_ns: done.append(("expiry", now_ns)))
    schedule.add(9, lambda now_ns: done.append(("later", now_ns)))
    schedule.add(5, lambda now_ns: done.append(("first", now_ns)))
    schedule.add(5, lambda now_ns: done.append(("second", now_ns)))
    assert schedule.next_ns == 5
    schedule.run(5)
    assert done == [("first", 5), ("second", 5), ("expiry", 5)]
    assert schedule.next_ns == 9


def test_an_order_that_has_ended_does_not_expire():
    schedule, done = Schedule(), []
    ended, active = order(5), order(7)
    for each in (ended, active):
        schedule.add_expiry(each, lambda now_ns: done.append(now_ns))
    ended.state = OrderState.CANCELED
    assert schedule.next_ns == 7
    schedule.run(7)
    assert done == [7]


def test_orders_that_have_ended_are_forgotten():
    schedule, pattern = Schedule(), order(5)
    for _ in range(10_000):
        ended = copy(pattern)
        schedule.add_expiry(ended, lambda now_ns: None)
        ended.state = OrderState.CANCELED
    assert len(schedule._expiries) < 200
