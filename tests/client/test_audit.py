"""Due executions by the list, and the fate of missing ones."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.client.audit import LIST_AGE_NS, Audit
from fulgurite.client.channelgaps import RepairMode
from fulgurite.client.items import Gap, GapCause, Message, Origin, Repaired
from fulgurite.protocol.messages import Execution
from tests.client.test_feed import EXECUTIONS, SECOND, Driver, ids, row


def execution(number: int) -> Execution:
    return Execution(number, "BUY", 1.0, 1.0, "", f"JRF{number}", "JRF0")


def missing(audit: Audit, listed: range | list[int], brought: int, *given_ids: int, asked_ns: int = 0) -> list[int]:
    executions = [execution(number) for number in listed]
    places = audit.compare(executions, brought, lambda row: row.id in given_ids, asked_ns)
    return [executions[place].id for place in places]


def test_what_comes_before_something_that_was_brought_is_due():
    audit = Audit()
    audit.begin(10, 0)
    assert missing(audit, range(11, 21), 18, 12, 14, 18) == [11, 13, 15, 16, 17]
    assert audit.reached == 18


def test_what_is_newer_than_all_that_was_brought_is_due_once_it_was_listed_before():
    audit = Audit()
    audit.begin(10, 0)
    assert missing(audit, range(11, 16), 10) == []
    assert missing(audit, range(11, 21), 10, 12) == [11, 13, 14, 15]
    assert missing(audit, range(16, 25), 10) == [16, 17, 18, 19, 20]


def test_what_is_not_listed_yet_is_compared_the_next_time():
    audit = Audit()
    audit.begin(10, 0)
    assert missing(audit, range(11, 15), 20, *range(11, 15), 20) == []
    assert audit.reached == 14
    assert missing(audit, range(15, 25), 24, 20, 24) == [*range(15, 20), *range(21, 24)]


@settings(max_examples=300)
@given(st.data())
def test_all_that_was_withheld_is_found_once_and_within_the_time_that_is_said(data):
    """The list is up to a second old, the channel up to two behind."""
    audit = Audit()
    executed = sorted(data.draw(st.lists(st.integers(1, 60 * SECOND), min_size=1, max_size=40, unique=True)))
    withheld = set(data.draw(st.lists(st.sampled_from(executed))))
    behind = data.draw(st.integers(0, 2 * SECOND))
    age = data.draw(st.integers(0, LIST_AGE_NS))
    audit.begin(0, 0)
    found: list[int] = []
    given_ids: set[int] = set()
    for asked_ns in (*range(5 * SECOND, 65 * SECOND, 10 * SECOND), 80 * SECOND, 90 * SECOND):
        brought = {at for at in executed if at <= asked_ns + 2 * SECOND - behind and at not in withheld}
        given_ids |= brought
        since_ns = audit.since_ns
        listed = [at for at in executed if (audit.reached or 0) < at <= asked_ns - age]
        now = missing(audit, listed, max(brought, default=0), *given_ids, asked_ns=asked_ns)
        assert all(since_ns < at <= asked_ns for at in now)
        found += now
        given_ids |= set(now)
    assert found == sorted(withheld)


# --- in a feed


def withheld(driver: Driver, *listed: int) -> list[Message | Gap]:
    """The items of a comparison with these executions, repairs included."""
    feed = driver.feed
    audit = feed.begin_audit(driver.now_ns)
    assert audit is not None
    since_ns = audit.since_ns
    rows = [execution_of(number) for number in listed if number > (audit.reached or 0)]
    places = feed.compare(rows, driver.now_ns)
    found = [Message(feed.name, driver.now_ns, "", text(rows[place].id), origin=Origin.BACKFILLED) for place in places]
    return driver.take(feed.withheld(found, since_ns, driver.now_ns, ""))


def execution_of(number: int) -> Execution:
    fields = row(number)
    return Execution(
        number, fields["side"], fields["price"], fields["size"], fields["exec_date"],
        fields["buy_child_order_acceptance_id"], fields["sell_child_order_acceptance_id"],
    )  # fmt: skip


def text(number: int) -> str:
    return json.dumps([row(number)])


def test_what_is_found_is_given_after_a_gap_and_not_again_when_it_comes():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.execute(10)
    driver.pass_seconds(3)
    driver.execute(15)
    gap, *found = withheld(driver, 11, 13, 15)
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.reason, gap.repaired, gap.recovered) == (GapCause.WITHHELD, "withheld", Repaired.FULL, 2)
    assert gap.from_ns <= 3 * SECOND == gap.to_ns
    assert ids(found) == [11, 13]
    assert driver.execute(11, 13, 16) == driver.given[-1:]
    assert driver.ids == [10, 15, 11, 13, 16]
    assert withheld(driver, 11, 13, 15, 16, 17) == [], "17 may be on its way"
    assert driver.gaps == [gap]


def test_nothing_is_due_while_the_channel_is_interrupted_or_waits_for_a_repair():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    assert driver.feed.begin_audit(0) is None
    driver.acknowledge()
    assert driver.feed.begin_audit(driver.now_ns) is None, "nothing has come, and the list may be older than that"
    driver.execute(10)
    assert driver.feed.begin_audit(driver.now_ns) is not None
    driver.interrupt()
    assert driver.feed.begin_audit(driver.now_ns) is None
    driver.acknowledge()
    driver.execute(20)
    assert driver.feed.begin_audit(driver.now_ns) is None
    driver.repair([15])
    assert driver.feed.begin_audit(driver.now_ns) is not None


def test_what_a_repair_will_bring_is_left_to_it():
    driver = Driver(EXECUTIONS, RepairMode.ALONGSIDE)
    driver.acknowledge()
    driver.execute(10)
    driver.interrupt()
    driver.acknowledge()
    driver.execute(20)
    driver.execute(25)
    gap, *found = withheld(driver, 10, 15, 20, 22, 25)
    assert isinstance(gap, Gap)
    assert ids(found) == [22]
    assert ids(driver.repair([15])) == [15]


def test_an_audit_begins_anew_with_a_new_numbering():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.execute(10)
    driver.execute(15)
    before = driver.feed.begin_audit(driver.now_ns)
    driver.send([row(3, "JRF7")])
    after = driver.feed.begin_audit(driver.now_ns)
    assert after is not None
    assert after is not before
    assert after.reached == 3
