"""Events of special orders concluded from HTTP's list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.orderrows import ParentListing, ParentOrderRow
from fulgurite.client.reconcileparents import ParentOrderLedger
from fulgurite.protocol.messages import ParentOrderEvent

PRODUCT = "BTC_JPY"


def event(key: str, event_type: str, **more) -> ParentOrderEvent:
    return ParentOrderEvent(PRODUCT, f"JCP{key}", key, "2026-09-21T14:00:00.1234567Z", event_type, **more)


def ordered(key: str, kind: str = "STOP") -> ParentOrderEvent:
    return event(key, "ORDER", parent_order_type=kind, expire_date="2026-10-21T14:13:20.1234567Z")


def row(key: str, state: str = "ACTIVE", number: int = 0, kind: str = "STOP") -> ParentOrderRow:
    return ParentOrderRow(number, f"JCP{key}", key, state, kind, f"2026-09-21T14:00:0{key[-1]}", "2026-10-21T14:13:20")


def listening(*events: ParentOrderEvent, rows: tuple[ParentOrderRow, ...] = ()) -> ParentOrderLedger:
    """A ledger that was started with these rows and has been told of these events, and then no more."""
    ledger = ParentOrderLedger()
    ledger.start(ParentListing(PRODUCT, list(rows)))
    assert all(ledger.record(each) for each in events)
    ledger.interrupt()
    return ledger


def conclude(ledger: ParentOrderLedger, *rows: ParentOrderRow) -> tuple[list[str], list[str]]:
    """Events and unresolved orders; a second time there is nothing."""
    result = ledger.reconcile([ParentListing(PRODUCT, list(rows))])
    assert result.problem == ""
    again = ledger.reconcile([ParentListing(PRODUCT, list(rows))])
    assert (again.events, again.unresolved) == ([], [])
    return [f"{each.parent_order_acceptance_id} {each.event_type}" for each in result.events], result.unresolved


@pytest.mark.parametrize(
    ("state", "ending"), [("CANCELED", "CANCEL"), ("EXPIRED", "EXPIRE"), ("COMPLETED", "COMPLETE")]
)
def test_one_that_was_open_has_ended(state, ending):
    ledger = listening(ordered("A1"))
    assert conclude(ledger, row("A1", state, 7)) == ([f"A1 {ending}"], [])
    assert not ledger.record(event("A1", ending, parameter_index=1))


def test_those_that_were_sent_meanwhile_and_not_those_from_before():
    ledger = listening(ordered("A1"), rows=(row("A0", "CANCELED", 5), row("A9")))
    rows = (
        row("A1"),
        row("A2"),
        row("A3", "COMPLETED", 6),
        row("A0", "CANCELED", 5),
        row("A4", "EXPIRED", 4),
        row("A9"),
    )
    assert conclude(ledger, *rows) == (["A2 ORDER", "A3 ORDER", "A3 COMPLETE"], [])
    assert not ledger.record(ordered("A2"))


def test_what_http_does_not_tell_stays_open():
    [sent, ended] = listening().reconcile([ParentListing(PRODUCT, [row("A1", "CANCELED", 1)])]).events
    assert sent == ParentOrderEvent(
        *(PRODUCT, "JCPA1", "A1", "2026-09-21T14:00:01", "ORDER"),
        parent_order_type="STOP",
        expire_date="2026-10-21T14:13:20",
    )
    assert ended == ParentOrderEvent(PRODUCT, "JCPA1", "A1", "", "CANCEL")


def test_one_that_is_in_no_list_is_unresolved_and_may_still_be_told_of():
    ledger = listening(ordered("A1"))
    assert conclude(ledger) == ([], ["A1"])
    assert ledger.record(event("A1", "CANCEL"))
    assert not ledger.record(event("A1", "CANCEL"))


def test_a_list_that_is_not_whole_resolves_nothing():
    ledger = listening(ordered("A1"))
    result = ledger.reconcile([ParentListing(PRODUCT, [], "more")])
    assert (result.events, result.unresolved, result.problem) == ([], [], "BTC_JPY: more")
    assert conclude(ledger) == ([], ["A1"])


def test_a_product_that_was_not_started_is_started():
    ledger = ParentOrderLedger()
    result = ledger.reconcile([ParentListing(PRODUCT, [row("A1")])])
    assert (result.events, result.problem) == (
        [],
        "BTC_JPY: its special orders were not known before the interruption",
    )
    assert conclude(ledger, row("A1", "EXPIRED", 3)) == (["A1 EXPIRE"], [])


@pytest.mark.parametrize("is_sent_meanwhile", [False, True])
@pytest.mark.parametrize(
    ("kind", "heard", "concluded"),
    [("IFD", (1,), ["COMPLETE"]), ("IFD", (1, 2), []), ("IFDOCO", (1, 3), []), ("OCO", (2,), []), ("STOP", (1,), [])],
)
def test_an_order_of_two_steps_is_over_with_its_second(kind, heard, concluded, is_sent_meanwhile):
    """Whether its ORDER was heard or missed."""
    ledger = listening(*([] if is_sent_meanwhile else [ordered("A1", kind)]))
    for index in heard:
        assert ledger.record(event("A1", "TRIGGER", parameter_index=index))
        assert ledger.record(event("A1", "COMPLETE", parameter_index=index))
    expected = [*(["ORDER"] if is_sent_meanwhile else []), *concluded]
    events, unresolved = conclude(ledger, row("A1", "COMPLETED", 9, kind))
    assert (events, unresolved) == ([f"A1 {each}" for each in expected], [])


def test_one_that_ends_between_two_lists_is_told_of_once():
    ledger = listening()
    assert conclude(ledger, row("A1", "CANCELED", 2), row("A1")) == (["A1 ORDER", "A1 CANCEL"], [])


def test_how_far_back_is_enough():
    ledger = listening(ordered("A1"), rows=(row("A0", "CANCELED", 5),))
    assert not ledger.is_enough(ParentListing(PRODUCT, [row("A2", "CANCELED", 6)]))
    assert not ledger.is_enough(ParentListing(PRODUCT, [row("A0", "CANCELED", 5)]))
    assert not ledger.is_enough(ParentListing(PRODUCT, [row("A1")]))
    assert ledger.is_enough(ParentListing(PRODUCT, [row("A1"), row("A0", "CANCELED", 5)]))
    assert ParentOrderLedger().is_enough(ParentListing(PRODUCT, []))


ACTIONS = st.lists(
    st.tuples(st.sampled_from(("send", "CANCELED", "EXPIRED", "COMPLETED")), st.integers(0, 5)), max_size=20
)
ENDINGS = {"CANCELED": "CANCEL", "EXPIRED": "EXPIRE", "COMPLETED": "COMPLETE"}


@given(ACTIONS, ACTIONS, ACTIONS, ACTIONS, ACTIONS, st.booleans())
def test_what_was_heard_and_what_is_concluded_are_the_truth(past, before, gap, meanwhile, late, ids_are_by_age):
    """Whether ids rise with the sending or with the end, which nobody knows of the real service."""
    states: dict[str, str] = {}
    ends: list[str] = []

    def live(actions) -> list[ParentOrderEvent]:
        events = []
        for action, which in actions:
            is_open = [key for key, state in states.items() if state == "ACTIVE"]
            if action == "send":
                key = f"A{len(states)}"
                states[key] = "ACTIVE"
                events.append(ordered(key))
            elif is_open:
                key = is_open[which % len(is_open)]
                states[key] = action
                ends.append(key)
                events.append(event(key, ENDINGS[action]))
        return events

    def listing() -> ParentListing:
        numbers = list(states) if ids_are_by_age else ends
        return ParentListing(
            PRODUCT,
            [row(key, state, 0 if state == "ACTIVE" else 1 + numbers.index(key)) for key, state in states.items()],
        )

    live(past)
    ledger = ParentOrderLedger()
    ledger.start(listing())
    assert all(ledger.record(each) for each in live(before))
    ledger.interrupt()
    missed = live(gap)
    assert all(ledger.record(each) for each in live(meanwhile))
    told_late = live(late)
    result = ledger.reconcile([listing()])
    got = [*result.events, *(each for each in told_late if ledger.record(each))]
    assert sorted(outline(each) for each in got) == sorted(outline(each) for each in [*missed, *told_late])
    assert result.unresolved == []
    again = ledger.reconcile([listing()])
    assert (again.events, again.unresolved) == ([], [])


def outline(each: ParentOrderEvent) -> tuple[str, str, str]:
    return each.parent_order_acceptance_id, each.event_type, str(each.parent_order_type)
