"""Order events concluded from HTTP's lists: each case by hand, and random lives of orders against a plain model."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client import ledger as ledger_module
from fulgurite.client import reconcile as reconcile_module
from fulgurite.client.orderrows import ChildOrderRow, ExecutionRow, Listing
from fulgurite.client.reconcile import OrderLedger
from fulgurite.protocol.messages import ChildOrderEvent

PRODUCT = "BTC_JPY"


@dataclass
class Order:
    key: str
    size: int
    state: str = "ACTIVE"
    fills: list[tuple[int, int]] = field(default_factory=list)

    @property
    def outstanding(self) -> int:
        return self.size - sum(size for _, size in self.fills)


class Account:
    """An account on a service with complete events, and the lists of the real one. Sizes are hundredths."""

    def __init__(self, product_code: str = PRODUCT) -> None:
        self.product_code = product_code
        self.orders: dict[str, Order] = {}
        self.second = 0
        self.fill_id = 100

    def send(self, size: int = 10) -> ChildOrderEvent:
        order = Order(f"JRF{len(self.orders)}", size)
        self.orders[order.key] = order
        more = {"child_order_type": "LIMIT", "side": "BUY", "price": 100.0, "expire_date": "2026-10-21T14:13:20"}
        return self.event(order, "ORDER", size=size / 100, **more)

    def fill(self, key: str, size: int) -> ChildOrderEvent:
        order = self.orders[key]
        self.fill_id += 1
        order.fills.append((self.fill_id, size))
        if not order.outstanding:
            order.state = "COMPLETED"
        return self.event(
            order,
            "EXECUTION",
            exec_id=self.fill_id,
            side="BUY",
            price=100.0,
            size=size / 100,
            commission=0.0,
            sfd=0.0,
            outstanding_size=order.outstanding / 100,
        )

    def end(self, key: str, state: str = "CANCELED") -> ChildOrderEvent:
        order = self.orders[key]
        order.state = state
        event_type = {"CANCELED": "CANCEL", "EXPIRED": "EXPIRE"}[state]
        return self.event(order, event_type, price=100.0, size=order.outstanding / 100)

    def event(self, order: Order, event_type: str, **more) -> ChildOrderEvent:
        self.second += 1
        date = f"2026-09-21T14:{self.second // 60:02}:{self.second % 60:02}.1234567Z"
        return ChildOrderEvent(self.product_code, f"JOR{order.key}", order.key, date, event_type, **more)

    def listing(self, problem: str = "") -> Listing:
        return Listing(
            self.product_code,
            [row(order) for order in self.orders.values() if order.state == "ACTIVE"],
            [
                ExecutionRow(
                    number, f"JOR{order.key}", order.key, f"2026-09-21T14:00:00.{number}", "BUY", 100.0, size / 100, 0.0
                )
                for order in self.orders.values()
                for number, size in reversed(order.fills)
            ],
            [row(order) for order in self.orders.values() if order.state != "ACTIVE" and order.fills],
            problem,
        )


def row(order: Order) -> ChildOrderRow:
    left = order.outstanding / 100
    is_active = order.state == "ACTIVE"
    return ChildOrderRow(
        child_order_id=f"JOR{order.key}",
        child_order_acceptance_id=order.key,
        child_order_state=order.state,
        child_order_type="LIMIT",
        child_order_date="2026-09-21T14:00:00",
        expire_date="2026-10-21T14:13:20",
        side="BUY",
        price=100.0,
        size=order.size / 100,
        outstanding_size=left if is_active else 0.0,
        cancel_size=0.0 if is_active else left,
    )


def known(event: ChildOrderEvent) -> ChildOrderEvent:
    """An event in HTTP's form: without sfd, and with another time."""
    return msgspec.structs.replace(event, event_date="", sfd=None)


def listening(account: Account, *events: ChildOrderEvent) -> OrderLedger:
    """A ledger that has been told of these events, and then no more."""
    ledger = OrderLedger()
    ledger.start(Listing(account.product_code, [], [], []))
    assert all(ledger.record(event) for event in events)
    ledger.interrupt()
    return ledger


def check(
    ledger: OrderLedger, account: Account, missed: list[ChildOrderEvent], unresolved: tuple[str, ...] = ()
) -> None:
    """This is concluded, and a second time nothing."""
    result = ledger.reconcile([account.listing()])
    assert [known(event) for event in result.events] == [known(event) for event in missed]
    assert (result.unresolved, result.problem) == (list(unresolved), "")
    for _ in range(2):
        again = ledger.reconcile([account.listing()])
        assert (again.events, again.unresolved, again.problem) == ([], [], "")
        ledger.interrupt()


def test_nothing_happened():
    account = Account()
    check(listening(account, account.send()), account, [])


def test_an_order_that_was_sent_in_the_gap():
    account = Account()
    ledger = listening(account)
    check(ledger, account, [account.send()])


def test_an_order_that_was_sent_and_executed_in_the_gap():
    account = Account()
    ledger = listening(account)
    check(ledger, account, [account.send(), account.fill("JRF0", 4), account.fill("JRF0", 6)])


@pytest.mark.parametrize("state", ["CANCELED", "EXPIRED"])
def test_an_order_that_was_executed_in_part_and_ended_in_the_gap(state):
    account = Account()
    sent, filled = account.send(), account.fill("JRF0", 4)
    ledger = listening(account, sent, filled)
    check(ledger, account, [account.fill("JRF0", 3), account.end("JRF0", state)])


def test_an_order_that_ended_without_a_fill_is_unresolved():
    account = Account()
    ledger = listening(account, account.send(), account.send())
    account.end("JRF0")
    check(ledger, account, [], ("JRF0",))


def test_an_order_that_came_and_went_without_a_fill_leaves_no_trace():
    account = Account()
    ledger = listening(account)
    account.send()
    account.end("JRF0")
    check(ledger, account, [])


def test_what_was_there_before_the_ledger_is_not_told_again():
    account = Account()
    for key in ("JRF0", "JRF1", "JRF2"):
        account.send()
        account.fill(key, 5)
    account.end("JRF1")
    account.fill("JRF2", 5)
    ledger = OrderLedger()
    ledger.start(account.listing())
    ledger.interrupt()
    check(ledger, account, [account.fill("JRF0", 5)])


def test_an_order_before_the_ledger_of_which_a_live_event_was_faster_than_the_list():
    account = Account()
    account.send()
    ledger = OrderLedger()
    listing = account.listing()
    assert ledger.record(account.fill("JRF0", 4))
    ledger.start(listing)
    ledger.interrupt()
    check(ledger, account, [account.fill("JRF0", 6)])


def test_live_events_that_come_while_the_lists_are_fetched_are_given_once():
    account = Account()
    ledger = listening(account, account.send())
    missed = [account.fill("JRF0", 1), account.send()]
    live = [account.fill("JRF0", 2), account.send(), account.fill("JRF1", 10)]
    late = [account.fill("JRF0", 3), account.end("JRF0"), account.send()]
    assert all(ledger.record(event) for event in live)
    result = ledger.reconcile([account.listing()])
    expected = [*missed, *late]
    assert sorted(map(str, map(known, result.events))) == sorted(map(str, map(known, expected)))
    assert result.unresolved == []
    # HTTP was faster: these were given already.
    assert [ledger.record(event) for event in late] == [False, False, False]
    assert [ledger.record(event) for event in live] == [False, False, False]
    assert ledger.record(account.fill("JRF3", 1))


def test_an_order_sent_while_the_lists_are_fetched_is_not_missed_for_being_in_none():
    account = Account()
    ledger = listening(account)
    listing = account.listing()
    assert ledger.record(account.send())
    result = ledger.reconcile([listing])
    assert (result.events, result.unresolved) == ([], [])
    assert ledger.record(account.fill("JRF0", 10))


def test_an_unresolved_order_may_still_be_told_of():
    account = Account()
    ledger = listening(account, account.send())
    cancelled = account.end("JRF0")
    assert ledger.reconcile([account.listing()]).unresolved == ["JRF0"]
    assert ledger.record(cancelled)
    assert not ledger.record(cancelled)


def test_a_failed_attempt_can_be_repeated_and_further_interruptions_lose_nothing():
    account = Account()
    ledger = listening(account, account.send())
    missed = account.fill("JRF0", 2)
    assert ledger.record(account.fill("JRF0", 3))
    ledger.interrupt()
    more = account.fill("JRF0", 5)
    check(ledger, account, [missed, more])


def test_lists_that_are_not_whole_resolve_nothing():
    account = Account()
    ledger = listening(account, account.send())
    account.end("JRF0")
    result = ledger.reconcile([account.listing("there may be more")])
    assert (result.events, result.unresolved) == ([], [])
    assert result.problem == "BTC_JPY: there may be more"
    check(ledger, account, [], ("JRF0",))


def test_a_product_that_was_not_started_is_started():
    account = Account()
    account.send()
    ledger = OrderLedger()
    result = ledger.reconcile([account.listing()])
    assert result.events == []
    assert result.problem == "BTC_JPY: its orders were not known before the interruption"
    ledger.interrupt()
    check(ledger, account, [account.fill("JRF0", 10)])


def test_products_are_told_of_in_the_order_of_time():
    first, second = Account("BTC_JPY"), Account("ETH_JPY")
    first.orders["JRF9"] = Order("JRF9", 5, "ACTIVE")  # another name than the other account's
    ledger = OrderLedger()
    ledger.start(first.listing())
    ledger.start(second.listing())
    ledger.interrupt()
    second.send()
    first.fill_id += 50
    second.fill("JRF0", 2)
    first.fill("JRF9", 2)
    second.fill_id += 100
    second.fill("JRF0", 2)
    result = ledger.reconcile([first.listing(), second.listing()])
    assert [(event.product_code, event.exec_id) for event in result.events] == [
        ("ETH_JPY", None),
        ("ETH_JPY", 101),
        ("BTC_JPY", 151),
        ("ETH_JPY", 202),
    ]


def test_both_sides_of_one_execution_may_be_ones_own():
    account = Account()
    ledger = listening(account)
    missed = [account.send(), account.send(), account.fill("JRF0", 10)]
    account.fill_id -= 1
    missed.append(account.fill("JRF1", 10))
    check(ledger, account, missed)


def test_executions_of_an_order_that_is_not_listed_are_given_without_what_is_left_of_it():
    account = Account()
    ledger = listening(account)
    account.send()
    filled = account.fill("JRF0", 10)
    listing = msgspec.structs.replace(account.listing(), ended=[])
    assert ledger.unexplained(listing) == ["JRF0"]
    [event] = ledger.reconcile([listing]).events
    assert known(event) == msgspec.structs.replace(known(filled), outstanding_size=None)


def test_only_orders_with_fills_need_a_list_of_ended_ones():
    account = Account()
    ledger = listening(account, *(account.send() for _ in range(4)))
    account.end("JRF0")
    account.fill("JRF1", 10)
    account.fill("JRF2", 5)
    account.end("JRF2")
    listing = account.listing()
    assert ledger.unexplained(msgspec.structs.replace(listing, ended=[])) == ["JRF2"]
    assert ledger.unexplained(listing) == []
    assert OrderLedger().unexplained(listing) == []


def test_executions_without_an_id_are_counted():
    account = Account()
    ledger = listening(account, account.send())
    account.orders["JRF0"].fills.append((0, 1))
    result = ledger.reconcile([account.listing()])
    assert (result.events, result.problem) == ([], "BTC_JPY: 1 executions without an id")


def test_failures_end_an_order_or_leave_it_as_it_is():
    account = Account()
    account.send()
    order = account.orders["JRF0"]
    ledger = listening(account)
    failed = account.event(order, "ORDER_FAILED", reason="?")
    assert ledger.record(account.event(order, "CANCEL_FAILED"))
    assert [ledger.record(failed), ledger.record(failed)] == [True, False]
    order.state = "REJECTED"
    check(ledger, account, [])


def test_executions_of_before_2021_have_no_outstanding_size():
    account = Account()
    ledger = listening(account, account.send())
    for size in (4, 6):
        assert ledger.record(msgspec.structs.replace(account.fill("JRF0", size), outstanding_size=None))
    check(ledger, account, [])


def test_the_oldest_are_forgotten_and_never_concluded_about(monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_ORDERS", 3)
    monkeypatch.setattr(reconcile_module, "MAX_FILLS", 3)
    account = Account()
    events = [account.send() for _ in range(5)]
    ledger = listening(account, *events)
    for key in account.orders:
        account.end(key)
    assert ledger.reconcile([account.listing()]).unresolved == ["JRF2", "JRF3", "JRF4"]


ACTIONS = st.lists(
    st.tuples(st.sampled_from(("send", "fill", "cancel", "expire")), st.integers(0, 5), st.integers(1, 6)), max_size=30
)


def live(account: Account, actions: list[tuple[str, int, int]]) -> list[ChildOrderEvent]:
    """Let this happen; return the true events."""
    events = []
    for action, which, size in actions:
        is_open = [order for order in account.orders.values() if order.state == "ACTIVE"]
        if action == "send":
            events.append(account.send(size * 2))
        elif is_open:
            order = is_open[which % len(is_open)]
            if action == "fill":
                events.append(account.fill(order.key, min(size, order.outstanding)))
            else:
                events.append(account.end(order.key, {"cancel": "CANCELED", "expire": "EXPIRED"}[action]))
    return events


@given(ACTIONS, st.lists(st.tuples(ACTIONS, ACTIONS, ACTIONS, ACTIONS, ACTIONS, st.booleans()), min_size=1, max_size=2))
def test_what_was_heard_and_what_is_concluded_are_the_truth(past, interruptions):
    """All events are found, except those of unresolved orders, and of orders that ended without a fill."""
    account = Account()
    live(account, past)
    ledger = OrderLedger()
    ledger.start(account.listing())
    for before, gap, meanwhile, late, behind, is_late in interruptions:
        assert all(ledger.record(event) for event in live(account, before))
        open_before = {order.key for order in account.orders.values() if order.state == "ACTIVE"}
        ledger.interrupt()
        missed = live(account, gap)
        # Heard before the lists are made.
        assert all(ledger.record(event) for event in live(account, meanwhile))
        # In the lists, and heard after them: before the conclusion is drawn, or after.
        told_late = live(account, late)
        listing = account.listing()
        unlisted = {order.key for order in account.orders.values() if order.state != "ACTIVE" and not order.fills}
        heard_late = []
        if not is_late:
            heard_late = [event for event in told_late if ledger.record(event)]
            assert heard_late == told_late
            assert all(ledger.record(event) for event in live(account, behind))
        result = ledger.reconcile([listing])
        if is_late:
            heard_late = [event for event in told_late if ledger.record(event)]

        knowable = [event for event in missed if event.child_order_acceptance_id not in unlisted]
        got, truth = [*result.events, *heard_late], [*knowable, *told_late]
        assert sorted(map(str, map(known, got))) == sorted(map(str, map(known, truth)))
        # An end that comes late is not heard before the conclusion is drawn.
        ends = [
            event.child_order_acceptance_id
            for event in [*missed, *(told_late if is_late else [])]
            if event.event_type in ("CANCEL", "EXPIRE")
        ]
        assert set(result.unresolved) == open_before & unlisted & set(ends)
        # Of one order, in the order of its life.
        for key in account.orders:
            given_now = [known(event) for event in result.events if event.child_order_acceptance_id == key]
            lived = [known(event) for event in truth if event.child_order_acceptance_id == key]
            assert given_now == [event for event in lived if event in given_now]
        again = ledger.reconcile([account.listing()])
        assert (again.events, again.unresolved) == ([], [])
