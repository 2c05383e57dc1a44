"""One channel's feed: gaps, repairs and duplicates, without a socket and in simulated time.

This module is long because gaps, repairs, duplicates, books and several connections meet in a feed, and their tests
share one driver.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fulgurite.client.bookkeeping import BookKeeper
from fulgurite.client.channelexecutions import ChannelExecutions
from fulgurite.client.channelgaps import HELD_LIMIT, RepairMode
from fulgurite.client.duplicates import executions_of
from fulgurite.client.feed import FIRST_MESSAGE_SECONDS, Feed
from fulgurite.client.gaplife import GapLife
from fulgurite.client.items import Gap, GapCause, Message, Origin, Repaired
from fulgurite.protocol.channels import Channel, board, board_snapshot, child_order_events, executions, ticker
from fulgurite.protocol.messages import Board

SECOND = 1_000_000_000
TICKER, EXECUTIONS = ticker("BTC_JPY"), executions("BTC_JPY")


def row(number: int, order: str = "JRF1") -> dict[str, Any]:
    return {
        "id": number,
        "side": "BUY",
        "price": 100.0,
        "size": 0.1,
        "exec_date": "2026-11-22T00:00:00.0000000Z",
        "buy_child_order_acceptance_id": order,
        "sell_child_order_acceptance_id": "JRF2",
    }


class Driver:
    """Drives a feed over one connection (0) and keeps its items."""

    def __init__(self, channel: Channel = TICKER, repair: RepairMode = RepairMode.OFF, connections: int = 1) -> None:
        self.feed = Feed(channel, connections, repair)
        self.now = 0.0
        self.given: list[Message | Gap] = []

    def take(self, items: Sequence[Message | Gap]) -> list[Message | Gap]:
        self.given += items
        return list(items)

    def pass_seconds(self, seconds: float) -> list[Message | Gap]:
        self.now += seconds
        return self.take(self.feed.handle_timer(self.now))

    def acknowledge(self, connection: int = 0, asked_ns: int | None = None) -> list[Message | Gap]:
        asked_ns = self.now_ns if asked_ns is None else asked_ns
        return self.take(self.feed.acknowledged(connection, asked_ns, self.now, self.now_ns))

    def interrupt(self, reason: str = "it broke", connection: int = 0) -> list[Message | Gap]:
        return self.take(self.feed.interrupted(connection, reason, self.now, self.now_ns))

    def send(self, message: object, connection: int = 0) -> list[Message | Gap]:
        raw = msgspec.Raw(json.dumps(message).encode())
        return self.take(self.feed.message(connection, Message(self.feed.name, self.now_ns, "frame", raw), self.now))

    def execute(self, *numbers: int) -> list[Message | Gap]:
        return self.send([row(number) for number in numbers])

    def execute_over(self, connection: int, *numbers: int) -> list[Message | Gap]:
        return self.send([row(number) for number in numbers], connection)

    def repair(self, numbers: Iterable[int], repaired: Repaired = Repaired.FULL, **more: Any) -> list[Message | Gap]:
        (gap,) = self.feed.gaps.to_repair
        self.feed.gaps.to_repair.clear()
        return self.finish_repair(gap, numbers, repaired, **more)

    def finish_repair(
        self, gap: GapLife, numbers: Iterable[int], repaired: Repaired = Repaired.FULL, **more: Any
    ) -> list[Message | Gap]:
        numbers = list(numbers)
        messages = [self.fetched(*numbers)] if numbers else []
        return self.take(self.feed.repaired(gap, messages, repaired, **more))

    def fetched(self, *numbers: int) -> Message:
        raw = msgspec.Raw(json.dumps([row(number) for number in numbers]).encode())
        return Message(self.feed.name, self.now_ns, "", raw, origin=Origin.BACKFILLED)

    @property
    def now_ns(self) -> int:
        return int(self.now * SECOND)

    @property
    def executions(self) -> ChannelExecutions:
        assert self.feed.executions is not None
        return self.feed.executions

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.given if isinstance(item, Gap)]

    @property
    def ids(self) -> list[int]:
        return ids(self.given)


def ids(items: Iterable[Message | Gap]) -> list[int]:
    return [number for item in items if isinstance(item, Message) for number in _ids(item)]


def _ids(message: Message) -> list[int]:
    assert isinstance(message.data, list)
    # The text of a message agrees with its data.
    assert [row["id"] for row in json.loads(message.raw)] == [getattr(row, "id", None) for row in message.data]
    return [getattr(row, "id", 0) for row in message.data]


# --- gaps


def test_a_gap_stands_between_the_last_message_before_and_the_first_after():
    driver = Driver()
    driver.acknowledge()
    (before,) = driver.send(1)
    driver.pass_seconds(2)
    driver.interrupt("closed by the server: 1012")
    driver.pass_seconds(3)
    assert driver.acknowledge() == []
    driver.pass_seconds(1)
    gap, after = driver.send(2)
    assert gap == Gap(TICKER.name, "closed by the server: 1012", 0, 5 * SECOND, before, after)  # type: ignore[arg-type]


def test_a_quiet_channel_gets_its_gap_after_a_while():
    driver = Driver()
    driver.acknowledge()
    driver.interrupt()
    driver.acknowledge()
    assert driver.pass_seconds(FIRST_MESSAGE_SECONDS - 0.1) == []
    assert driver.pass_seconds(0.1) == [Gap(TICKER.name, "it broke", 0, 0)]
    (message,) = driver.send(1)
    assert isinstance(message, Message)


def test_a_gap_can_be_told_at_once():
    driver = Driver()
    driver.acknowledge()
    driver.interrupt()
    driver.acknowledge()
    assert driver.take(driver.feed.tell()) == [Gap(TICKER.name, "it broke", 0, 0)]
    assert driver.feed.tell() == []


def test_events_of_an_account_are_not_waited_for():
    driver = Driver(child_order_events())
    driver.acknowledge()
    driver.interrupt()
    assert driver.acknowledge() == [Gap("child_order_events", "it broke", 0, 0)]


def test_a_message_resumes_a_channel_whose_answer_never_comes():
    driver = Driver()
    driver.send(1)
    driver.interrupt()
    gap, message = driver.send(2)
    assert isinstance(gap, Gap)
    assert gap.first is message


@pytest.mark.parametrize("repair", RepairMode)
def test_the_gap_of_an_account_is_given_also_where_an_event_resumes_the_channel(repair):
    driver = Driver(child_order_events(), repair)
    driver.acknowledge()
    driver.interrupt()
    given = driver.send([])
    if repair is RepairMode.BEFORE:
        (life,) = driver.feed.gaps.to_repair
        given = driver.take(driver.feed.repaired(life, [], Repaired.FULL))
    assert [item.reason for item in given if isinstance(item, Gap)] == ["it broke"]


def test_a_gap_that_is_interrupted_again_is_told_after_its_last_resumption():
    driver = Driver()
    driver.acknowledge()
    driver.interrupt("one")
    driver.acknowledge()
    driver.interrupt("two")
    assert driver.pass_seconds(2 * FIRST_MESSAGE_SECONDS) == []
    driver.acknowledge()
    (gap,) = driver.pass_seconds(0)
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.from_ns, gap.to_ns) == ("one; then two", 0, 10 * SECOND)


def test_a_channel_that_was_never_alive_has_no_gap():
    driver = Driver()
    driver.interrupt()
    driver.acknowledge()
    driver.send(1)
    assert driver.gaps == []


def test_interruptions_with_nothing_between_are_one_gap_with_all_reasons():
    driver = Driver()
    driver.send(1)
    for second, reason in enumerate(["one", "two", "two", "three"]):
        driver.interrupt(reason)
        driver.pass_seconds(1)
        driver.acknowledge()
        assert driver.gaps == [], second
    gap, _ = driver.send(2)
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.from_ns, gap.to_ns) == ("one; then two; then three", 0, 4 * SECOND)


def test_reasons_of_a_flapping_connection_do_not_grow_for_ever():
    driver = Driver()
    driver.send(1)
    for number in range(10_000):
        driver.interrupt(f"reason {number} in so many words")
        driver.acknowledge()
    gap, _ = driver.send(2)
    assert isinstance(gap, Gap)
    assert len(gap.reason) < 400


def test_a_clock_that_is_set_back_shows_in_no_gap():
    driver = Driver()
    driver.now = 100.0
    driver.send(1)
    driver.now = 50.0
    driver.interrupt()
    driver.acknowledge()
    gap, _ = driver.send(2)
    assert isinstance(gap, Gap)
    assert gap.from_ns <= gap.to_ns


def test_a_lost_frame_is_a_gap():
    driver = Driver()
    (before,) = driver.send(1)
    assert driver.take(driver.feed.lost(0, "unreadable", driver.now, driver.now_ns)) == []
    gap, after = driver.send(2)
    assert gap == Gap(TICKER.name, "unreadable", 0, 0, before, after, cause=GapCause.UNREADABLE)  # type: ignore[arg-type]  # both


def test_a_gap_has_the_cause_of_its_first_interruption():
    driver = Driver()
    driver.send(1)
    driver.take(driver.feed.silent(0, "silent for 10 s", driver.now, driver.now_ns))
    driver.acknowledge()
    driver.interrupt("closed")
    gap, _ = driver.send(2)
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.reason) == (GapCause.SILENT, "silent for 10 s; then closed")


def test_a_frame_lost_on_a_connection_that_does_not_bring_it_is_none():
    driver = Driver()
    driver.feed.lost(0, "unreadable", 0.0, 0)
    driver.acknowledge()
    driver.send(1)
    assert driver.gaps == []


def test_the_end_of_the_stream_tells_what_is_still_open():
    driver = Driver()
    driver.send(1)
    driver.interrupt()
    driver.pass_seconds(1)
    (gap,) = driver.take(driver.feed.finish(driver.now, driver.now_ns))
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.to_ns, gap.first) == ("it broke", SECOND, None)
    assert driver.feed.finish(driver.now, driver.now_ns) == []


# --- repairs


def test_executions_are_backfilled_before_later_ones_are_given():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.execute(1, 2)
    driver.interrupt()
    driver.acknowledge()
    assert driver.execute(6) == []
    assert driver.execute(7, 8) == []
    (life,) = driver.feed.gaps.to_repair
    assert (life.after, life.before) == (2, 6)
    gap, *messages = driver.repair([3, 4, 5])
    assert isinstance(gap, Gap)
    assert (gap.repaired, gap.recovered, gap.first) == (Repaired.FULL, 3, messages[1])
    assert ids(messages) == [3, 4, 5, 6, 7, 8]
    assert [str(message.origin) for message in messages if isinstance(message, Message)] == [
        "backfilled",
        "live",
        "live",
    ]


def test_alongside_later_executions_do_not_wait_and_the_gap_comes_twice():
    driver = Driver(EXECUTIONS, RepairMode.ALONGSIDE)
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    gap, _ = driver.execute(4)
    assert isinstance(gap, Gap)
    assert gap.repaired is Repaired.PENDING
    assert ids(driver.execute(5)) == [5]
    recovered, again = driver.repair([2, 3], Repaired.PARTIAL, note="and why")
    assert ids([recovered]) == [2, 3]
    assert again == msgspec.structs.replace(gap, repaired=Repaired.PARTIAL, recovered=2, note="and why")


def test_executions_that_the_caller_fetched_are_given_once():
    """Those that came live are left out of the fetched ones, and those that were fetched are not given live."""
    driver = Driver(EXECUTIONS)
    driver.execute(3, 4)
    early, known = driver.fetched(2, 3), driver.fetched(3, 4)
    fetched = driver.feed.recovered(early)
    assert fetched is not None
    assert ids([fetched]) == [2]
    assert driver.feed.recovered(known) is None
    assert ids(driver.execute(2, 5)) == [5]


def test_a_second_gap_during_a_repair_waits_for_the_first():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.execute(1)
    for first in (4, 8):
        driver.interrupt(f"before {first}")
        driver.acknowledge()
        driver.execute(first)
    first_gap, second_gap = driver.feed.gaps.to_repair
    assert driver.finish_repair(second_gap, [5, 6, 7]) == []
    assert ids(driver.finish_repair(first_gap, [2, 3])) == [2, 3, 4, 5, 6, 7, 8]
    assert [gap.reason for gap in driver.gaps] == ["before 4", "before 8"]


def test_what_a_backfill_without_an_end_brought_is_not_given_again():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    driver.pass_seconds(FIRST_MESSAGE_SECONDS)
    (life,) = driver.feed.gaps.to_repair
    assert life.before is None
    driver.execute(4, 5)
    driver.repair([2, 3, 4])
    assert driver.ids == [1, 2, 3, 4, 5]
    assert driver.executions.duplicates == 1


def test_a_repair_that_takes_too_long_is_given_up():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    for number in range(3, HELD_LIMIT + 3):
        driver.execute(number)
    (gap,) = driver.gaps
    assert (gap.repaired, gap.note) == (Repaired.NONE, f"not repaired: {HELD_LIMIT} messages were waiting for it")
    assert driver.ids == [1, *range(3, HELD_LIMIT + 3)]


def test_a_repair_that_comes_after_it_was_given_up_changes_nothing():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    driver.execute(3)
    (life,) = driver.feed.gaps.to_repair
    given = driver.take(driver.feed.finish(driver.now, driver.now_ns))
    assert ids(given) == [3]
    assert driver.gaps[0].note == "not repaired: the stream was closed"
    assert driver.finish_repair(life, [2]) == []


def test_the_end_of_the_stream_tells_of_repairs_that_are_under_way():
    driver = Driver(EXECUTIONS, RepairMode.ALONGSIDE)
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    driver.execute(3)
    (again,) = driver.take(driver.feed.finish(driver.now, driver.now_ns))
    assert isinstance(again, Gap)
    assert again.repaired is Repaired.NONE


def test_channels_that_cannot_be_repaired_wait_for_nothing():
    driver = Driver(TICKER, RepairMode.BEFORE)
    driver.send(1)
    driver.interrupt()
    assert len(driver.send(2)) == 2
    assert driver.feed.gaps.to_repair == []


# --- duplicates


def test_executions_that_were_given_are_left_out():
    driver = Driver(EXECUTIONS)
    driver.execute(1, 2)
    assert driver.execute(1, 2) == []
    (message,) = driver.execute(2, 3)
    assert ids([message]) == [3]
    assert driver.executions.duplicates == 3


def test_executions_with_id_0_are_told_apart_by_their_orders():
    driver = Driver(EXECUTIONS)
    assert len(driver.send([row(0, "JRF7"), row(0, "JRF8")])) == 1
    assert driver.send([row(0, "JRF7")]) == []
    assert len(driver.send([row(0, "JRF9")])) == 1


@pytest.mark.parametrize("message", [[], {"no": "list"}, [{"id": "x"}], "text"])
def test_executions_that_cannot_be_read_are_given_as_they_came(message):
    driver = Driver(EXECUTIONS)
    (given,) = driver.send(message)
    assert isinstance(given, Message)
    assert json.loads(given.raw) == message


# --- books


def level(price: float, size: float) -> dict[str, float]:
    return {"price": price, "size": size}


class BookDriver:
    """The two feeds of a book."""

    def __init__(self) -> None:
        self.diffs, self.snapshots = Driver(board("BTC_JPY")), Driver(board_snapshot("BTC_JPY"))
        self.diffs.feed.keeper = self.snapshots.feed.keeper = self.keeper = BookKeeper()

    def snapshot(self) -> None:
        self.snapshots.send({"mid_price": 100.5, "bids": [level(100, 1)], "asks": [level(101, 1)]})

    def diff(self) -> None:
        self.diffs.send({"mid_price": 100.5, "bids": [level(99, 2)], "asks": []})

    @property
    def state(self) -> str:
        return str(self.keeper.book.state)


def test_a_book_is_live_with_a_snapshot_while_diffs_can_come():
    books = BookDriver()
    books.snapshot()
    assert books.state == "WAITING_SNAPSHOT", "without diffs it would be wrong soon"
    books.diffs.acknowledge()
    books.snapshot()
    assert books.state == "LIVE"
    books.diff()
    assert [level.price for level in books.keeper.book.bids()] == [100.0, 99.0]


def test_a_book_is_stale_from_the_interruption_to_the_next_snapshot():
    books = BookDriver()
    books.diffs.acknowledge()
    books.snapshot()
    books.diffs.interrupt("it broke")
    assert (books.state, books.keeper.book.reason) == ("STALE", "it broke")
    books.snapshot()
    assert books.state == "STALE", "diffs cannot come yet"
    books.diffs.acknowledge()
    assert books.state == "STALE"
    books.snapshot()
    assert books.state == "LIVE"


def test_after_a_silence_an_acknowledgement_is_not_enough():
    books = BookDriver()
    books.diff()
    books.snapshot()
    books.diffs.take(books.diffs.feed.silent(0, "silent for 10 s", 0.0, 0))
    books.diffs.acknowledge()
    books.snapshot()
    assert books.state == "STALE"
    books.diff()
    books.snapshot()
    assert books.state == "LIVE"


def test_a_diff_that_cannot_be_read_makes_the_book_stale():
    books = BookDriver()
    books.diff()
    books.snapshot()
    books.diffs.send({"mid_price": "x"})
    assert books.state == "STALE"
    books.snapshot()
    assert books.state == "LIVE"


def test_snapshots_that_stop_do_not_make_it_stale():
    books = BookDriver()
    books.diff()
    books.snapshot()
    books.snapshots.interrupt()
    assert books.state == "LIVE"


# --- several connections


def test_while_one_of_two_connections_works_there_is_no_gap():
    driver = Driver(EXECUTIONS, connections=2)
    driver.acknowledge(0)
    driver.acknowledge(1)
    for number in range(1, 10):
        for connection in (number % 2, 1 - number % 2):
            driver.send([row(number)], connection)
    driver.interrupt("it broke", 0)
    driver.send([row(10)], 1)
    assert driver.ids == list(range(1, 11))
    assert driver.gaps == []


def test_when_both_connections_end_there_is_one_gap():
    driver = Driver(TICKER, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
        driver.send({"tick_id": 1}, connection)
    driver.interrupt("one", 0)
    driver.pass_seconds(1)
    driver.interrupt("two", 1)
    driver.pass_seconds(1)
    driver.acknowledge(1)
    driver.acknowledge(0)
    given = driver.send({"tick_id": 5}, 1) + driver.send({"tick_id": 5}, 0)
    (gap,) = driver.gaps
    assert gap.reason == "two"
    assert len(given) == 2


def test_a_gap_between_connections_is_a_gap():
    """The connection ahead ends before the other is known to follow, so the messages in between are unknown."""
    keeper = BookKeeper()
    driver = Driver(board("BTC_JPY"), connections=2)
    driver.feed.keeper = keeper
    driver.acknowledge(0)
    driver.send({"mid_price": 1.0, "bids": [level(1, 1)], "asks": []}, 0)
    driver.acknowledge(1)
    driver.interrupt("it broke", 0)
    driver.send({"mid_price": 2.0, "bids": [level(2, 1)], "asks": []}, 1)
    assert [gap.reason for gap in driver.gaps] == ["it broke"]


def test_a_message_of_executions_that_cannot_be_read_leaves_a_gap():
    driver = Driver(EXECUTIONS)
    driver.acknowledge()
    driver.execute(1)
    driver.send([{**row(2), "size": "0.1"}])
    driver.execute(3)
    (gap,) = driver.gaps
    assert "could not be read" in gap.reason
    assert (gap.last, gap.first) == (driver.given[0], driver.given[-1])


def test_what_came_without_an_id_does_not_come_again_with_one():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.send([row(1, "A")])
    driver.send([{**row(2, "B"), "id": 0}])
    driver.interrupt()
    driver.acknowledge()
    driver.send([row(4, "D")])
    (life,) = driver.feed.gaps.to_repair
    found = [{**row(2, "B"), "exec_date": "2026-11-22T00:00:00"}, row(3, "C")]
    message = Message(driver.feed.name, 0, "", msgspec.Raw(json.dumps(found).encode()), origin=Origin.BACKFILLED)
    driver.take(driver.feed.repaired(life, [message], Repaired.FULL))
    assert driver.ids == [1, 0, 3, 4]


def test_a_gap_that_another_connection_shows_late_begins_where_it_was():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for number in (1, 3):
        driver.pass_seconds(1)
        driver.send([row(number)], 0)
    # The second connection was behind, and now brings the messages that the first has lost.
    for number in (1, 2, 3):
        driver.send([row(number)], 1)
    driver.pass_seconds(1)
    driver.send([row(4)], 1)
    (life,) = driver.feed.gaps.to_repair
    assert (life.after, life.before) == (1, 4)
    assert ids([life.item.last] if life.item.last else []) == [1]


@pytest.mark.parametrize("mode", [RepairMode.BEFORE, RepairMode.OFF])
def test_what_a_connection_that_takes_over_brings_late_comes_after_a_gap_that_names_it(mode):
    driver = Driver(EXECUTIONS, mode, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
        driver.send([row(1)], connection)
    driver.take(driver.feed.lost(1, "unreadable", driver.now, driver.now_ns))
    driver.pass_seconds(1)
    driver.send([row(5)], 0)  # it has lost 2, 3 and 4, and nobody knows
    driver.interrupt(connection=0)
    for number in (2, 4, 5, 6):  # the second connection, which was behind, lost 3 with the frame that cannot be read
        driver.send([row(number)], 1)
    if mode is RepairMode.BEFORE:
        (life,) = driver.feed.gaps.to_repair
        assert (life.after, life.before) == (1, 6)
        driver.repair([2, 3, 4, 5])
        assert driver.ids == [1, 5, 2, 3, 4, 6]
    else:
        assert driver.ids == [1, 5, 2, 4, 6]
    (gap,) = driver.gaps
    assert (_last_id(gap), _first_id(gap)) == (1, 6)
    assert driver.given.index(gap) == 2


@pytest.mark.parametrize("mode", [RepairMode.BEFORE, RepairMode.OFF])
def test_what_only_a_newcomer_brought_is_given_where_the_other_one_goes_past_it(mode):
    """Both have just joined a channel that is quiet, and the first is mute for a while."""
    driver = Driver(EXECUTIONS, mode, connections=2)
    driver.send([row(16)], 0)
    driver.interrupt(connection=0)
    driver.acknowledge(0)
    driver.acknowledge(1)
    driver.pass_seconds(FIRST_MESSAGE_SECONDS)
    if mode is RepairMode.BEFORE:
        driver.repair([17])
    assert driver.send([row(18)], 1) == []
    driver.send([row(19)], 0)
    if mode is RepairMode.BEFORE:
        assert driver.ids == [16, 17, 18, 19]
        assert len(driver.gaps) == 1
    else:
        assert driver.ids == [16, 18, 19]


def test_what_only_a_newcomer_brought_is_given_before_the_interruption_that_ends_it():
    driver = Driver(EXECUTIONS, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    driver.send([row(16)], 0)
    driver.send([row(18)], 1)
    driver.interrupt(connection=1)
    driver.interrupt(connection=0)
    driver.acknowledge(0)
    driver.send([row(20)], 0)
    assert driver.ids == [16, 18, 20]
    assert [(_last_id(gap), _first_id(gap)) for gap in driver.gaps] == [(16, 18), (18, 20)]


def test_what_only_a_newcomer_brought_is_given_at_the_end():
    driver = Driver(EXECUTIONS, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    driver.send([row(16)], 0)
    driver.send([row(18)], 1)
    driver.take(driver.feed.finish(driver.now, driver.now_ns))
    assert driver.ids == [16, 18]
    assert [(_last_id(gap), _first_id(gap)) for gap in driver.gaps] == [(16, 18)]


def test_what_came_late_is_given_after_the_gap_that_names_it_where_nothing_is_repaired():
    driver = Driver(EXECUTIONS, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for connection, number in ((0, 16), (1, 16), (0, 18), (1, 17), (1, 18), (1, 19)):
        driver.pass_seconds(1)
        driver.send([row(number)], connection)
    assert driver.ids == [16, 18, 17, 19]
    (gap,) = driver.gaps
    assert driver.given.index(gap) == 2
    assert (_last_id(gap), _first_id(gap)) == (16, 19)


def test_what_came_late_into_a_gap_that_has_been_told_is_no_other_gap():
    driver = Driver(EXECUTIONS, connections=2)
    driver.send([row(16)], 0)
    driver.interrupt(connection=0)
    driver.take(driver.feed.acknowledged(0, 0, driver.now, driver.now_ns))
    driver.take(driver.feed.acknowledged(1, -1, driver.now, driver.now_ns))  # asked for at the same time
    for connection, number in ((0, 18), (1, 17), (1, 18), (0, 19)):
        driver.send([row(number)], connection)
    assert driver.ids == [16, 18, 19]
    assert [(_last_id(gap), _first_id(gap)) for gap in driver.gaps] == [(16, 18)]


def test_what_came_late_after_a_gap_that_was_told_without_its_end_is_in_another_gap():
    driver = Driver(EXECUTIONS, connections=2)
    driver.send([row(16)], 0)
    driver.interrupt(connection=0)
    driver.take(driver.feed.acknowledged(0, 0, driver.now, driver.now_ns))
    driver.take(driver.feed.acknowledged(1, -1, driver.now, driver.now_ns))
    driver.pass_seconds(FIRST_MESSAGE_SECONDS)
    for connection, number in ((0, 18), (1, 17), (1, 18), (0, 19)):
        driver.send([row(number)], connection)
    assert driver.ids == [16, 18, 17, 19]
    assert [(_last_id(gap), _first_id(gap)) for gap in driver.gaps] == [(16, float("inf")), (16, 19)]


def test_executions_that_one_connection_brings_twice_are_no_gap():
    driver = Driver(EXECUTIONS, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for number in (1, 2, 3):
        driver.send([row(number)], 0)
    for number in (1, 1, 2, 2, 3, 3):
        driver.send([row(number)], 1)
    driver.send([row(4)], 1)
    assert not driver.gaps
    assert driver.ids == [1, 2, 3, 4]


def test_a_book_takes_no_snapshot_that_was_held_back_while_its_diffs_went_on():
    driver, keeper = Driver(board_snapshot("BTC_JPY"), connections=2), BookKeeper()
    keeper.resumed(board("BTC_JPY").kind)
    driver.feed.keeper = keeper
    older, newer = ({"mid_price": 100.0, "bids": [{"price": 99.0, "size": size}], "asks": []} for size in (1.0, 2.0))
    for connection in (0, 1):
        driver.acknowledge(connection)
    driver.send(older, 0)
    driver.send(older, 1)
    driver.take(driver.feed.lost(0, "it could not be read", driver.now, driver.now_ns))
    assert driver.send(newer, 0) == []  # the place of this connection is not known
    diff = {"mid_price": 100.0, "bids": [{"price": 99.0, "size": 3.0}], "asks": []}
    keeper.apply(board("BTC_JPY").kind, msgspec.json.decode(json.dumps(diff), type=Board))
    given = driver.interrupt(connection=1)
    assert isinstance(given[-1], Message)  # it is an item all the same
    assert keeper.book.bids()[0].size == 3.0


def test_a_book_takes_no_snapshot_that_is_older_than_its_diffs():
    """It comes over a connection that lags; the consumer gets it all the same."""
    keeper = BookKeeper()
    keeper.resumed(board("BTC_JPY").kind)
    feed = Feed(board_snapshot("BTC_JPY"), 2)
    feed.keeper = keeper
    feed.acknowledged(0, 0, 0.0, 0)
    levels = [{"price": 100.0, "size": 1.0}]
    for second, (bids, is_in_place) in enumerate([(levels, True), ([], False)]):
        text = msgspec.Raw(json.dumps({"mid_price": 100.0, "bids": bids, "asks": []}).encode())
        message = Message(feed.name, second * SECOND, "", text)
        assert list(feed.message(0, message, float(second), is_in_place)) == [message]
    assert keeper.book.best_bid is not None


# --- everything at once

Event = st.one_of(
    st.tuples(st.just("execute"), st.integers(1, 3)),
    st.tuples(st.just("interrupt"), st.none()),
    st.tuples(st.just("acknowledge"), st.none()),
    st.tuples(st.just("lose"), st.integers(1, 2)),
    st.tuples(st.just("repeat"), st.integers(0, 5)),
    st.tuples(st.just("repair"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.floats(0, 10)),
)


@settings(max_examples=300)
@example(
    [("execute", 1), ("wait", 1.0), ("acknowledge", None), ("acknowledge", None), ("repeat", 2)], RepairMode.BEFORE
)
@given(st.lists(Event, max_size=60), st.sampled_from(RepairMode))
def test_no_execution_is_lost_without_a_gap_none_comes_twice_and_repairs_bring_all(events, mode):
    driver = Driver(EXECUTIONS, mode)
    published = 1
    sent = [1]
    is_on = True
    gaps: list[GapLife] = []
    driver.execute(1)
    for kind, value in events:
        gaps += driver.feed.gaps.to_repair
        driver.feed.gaps.to_repair.clear()
        match kind:
            case "execute":
                numbers = range(published + 1, published + 1 + value)
                published += value
                if is_on:
                    driver.execute(*numbers)
                    sent += numbers
            case "interrupt":
                driver.interrupt()
                is_on = False
                sent.clear()
            case "acknowledge":
                driver.acknowledge()
                is_on = True
            case "lose":
                published += value
                if is_on:
                    driver.take(driver.feed.lost(0, "unreadable", driver.now, driver.now_ns))
            case "repeat":
                # The server repeats messages of this connection. On another they might be a new numbering.
                if is_on and (again := sent[len(sent) - value :]):
                    driver.execute(*again)
            case "repair" if value < len(gaps):
                gap = gaps.pop(value)
                assert gap.after is not None
                driver.finish_repair(gap, range(gap.after + 1, gap.before or published + 1))
            case "wait":
                driver.pass_seconds(value)
    # The rest of the repairs, and one more message to resume it all.
    driver.acknowledge()
    published += 1
    driver.execute(published)
    for gap in [*gaps, *driver.feed.gaps.to_repair]:
        driver.finish_repair(gap, range((gap.after or 0) + 1, gap.before or published + 1))
    driver.take(driver.feed.finish(driver.now, driver.now_ns))

    given = driver.ids
    assert len(set(given)) == len(given), "none comes twice"
    missing = set(range(1, published + 1)) - set(given)
    if mode is not RepairMode.ALONGSIDE:
        assert given == sorted(given)
    if mode is RepairMode.OFF:
        for number in missing:
            assert any(_last_id(gap) < number < _first_id(gap) for gap in driver.gaps), number
    else:
        assert not missing


Doing = st.tuples(
    st.sampled_from(
        ["publish", "publish", "publish", "deliver", "deliver", "deliver", "miss", "interrupt", "lose", "wait"]
    ),
    st.integers(0, 1),
    st.sampled_from([0.0, 0.1]),
)


@settings(max_examples=300)
@given(st.lists(Doing, max_size=80), st.sampled_from(RepairMode))
def test_no_execution_that_any_connection_brought_is_lost_without_a_gap(events, mode):
    """This holds for all losses of two connections, silent or not, and all times of joining and ending."""
    driver = Driver(EXECUTIONS, mode, connections=2)
    driver.send([row(1)], 0)
    published, brought = 1, {1}
    # The messages on their way over an open connection; 0 is the acknowledgement.
    ways: list[list[int] | None] = [[], None]
    asked_ns = [0, 0]
    for kind, connection, seconds in [*events, ("deliver", 0, 0.1), ("deliver", 1, 0.1)]:
        driver.now += seconds  # many messages come at one time
        way = ways[connection]
        if kind == "publish":
            published += 1
            for open_way in ways:
                if open_way is not None:
                    open_way.append(published)
        elif kind == "wait":
            driver.pass_seconds(FIRST_MESSAGE_SECONDS)
        elif way is None:
            ways[connection] = [0]
            asked_ns[connection] = driver.now_ns
        elif kind == "interrupt":
            ways[connection] = None
            driver.interrupt(connection=connection)
        elif kind == "deliver" and way[:1] == [0]:
            driver.acknowledge(connection, asked_ns[connection])
            del way[0]
        elif way:
            number = way.pop(0)
            if kind == "deliver":
                brought.add(number)
                driver.send([row(number)], connection)
            elif kind == "lose" and number:
                driver.take(driver.feed.lost(connection, "unreadable", driver.now, driver.now_ns))
    for gap in driver.feed.gaps.to_repair:
        driver.finish_repair(gap, range((gap.after or 0) + 1, gap.before or published + 1))
    driver.take(driver.feed.finish(driver.now, driver.now_ns))

    given = driver.ids
    assert len(set(given)) == len(given), "none comes twice"
    newest = 0
    for index, item in enumerate(driver.given):
        for number in ids([item]):
            if number < newest:
                named = [gap for gap in driver.given[:index] if isinstance(gap, Gap) and _last_id(gap) < number]
                assert named, f"{number} comes after {newest}"
            newest = max(newest, number)
    for number in brought - set(given):
        assert any(_last_id(gap) < number < _first_id(gap) for gap in driver.gaps), number


def _last_id(gap: Gap) -> int:
    return max(_ids(gap.last)) if gap.last is not None else 0


def _first_id(gap: Gap) -> float:
    return min(_ids(gap.first)) if gap.first is not None else float("inf")


# --- executions whose ids begin again


def other(number: int) -> dict[str, Any]:
    """An execution of a service that was restarted: the ids of the former, and other orders."""
    return row(number, "JRF7")


def test_executions_of_a_restarted_service_are_given_after_a_gap_that_says_so():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.execute(10, 11, 12)
    driver.pass_seconds(1)
    driver.interrupt("closed by the server: 1006")
    driver.pass_seconds(1)
    driver.acknowledge()
    gap, first = driver.send([other(10), other(11)])
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.repaired, gap.first) == (GapCause.RENUMBERED, Repaired.NONE, first)
    assert gap.reason == "closed by the server: 1006; then the ids of executions began again"
    assert ids([first]) == [10, 11]
    assert driver.send([other(12), other(13)]) == driver.given[-1:]
    assert driver.ids == [10, 11, 12, 10, 11, 12, 13]
    assert driver.executions.newest_id == 13, "the next repair asks from here"
    driver.interrupt()
    driver.acknowledge()
    driver.send([other(20)])
    (life,) = driver.feed.gaps.to_repair
    assert (life.after, life.before) == (13, 20)


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("mode", list(RepairMode))
def test_a_service_that_is_started_as_it_was_gives_the_same_executions_again(mode, connections):
    driver = Driver(EXECUTIONS, mode, connections)
    everyone = range(connections)
    for life in range(3):
        for connection in everyone:
            driver.acknowledge(connection)
        for number in (10, 11, 12, 13)[: 4 - life]:
            for connection in everyone:
                driver.execute_over(connection, number)
        driver.pass_seconds(1)
        for connection in everyone:
            driver.interrupt(connection=connection)
        driver.pass_seconds(1)
    assert driver.ids == [10, 11, 12, 13, 10, 11, 12, 10, 11]
    assert [(gap.cause, gap.repaired) for gap in driver.gaps] == [("renumbered", Repaired.NONE)] * 2
    assert all("began again" in gap.reason for gap in driver.gaps)


def test_what_begins_with_an_unknown_execution_goes_on_with_those_that_read_like_former_ones():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.execute(10, 12, 13)
    driver.send([other(9)])
    driver.execute(10)
    driver.execute(12, 13)
    assert driver.ids == [10, 12, 13, 9, 10, 12, 13]
    assert [gap.cause for gap in driver.gaps] == ["renumbered"]


def test_a_connection_that_lags_behind_another_brings_nothing_twice():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for number in (5, 6, 7):
        driver.execute_over(0, number)
    driver.pass_seconds(1)
    driver.interrupt(connection=1)
    driver.acknowledge(1)
    for number in (5, 6, 7, 8):
        driver.execute_over(1, number)
    assert driver.ids == [5, 6, 7, 8]
    assert driver.gaps == []


def test_ids_may_begin_again_on_a_connection_that_goes_on():
    """As with a recording that is played in a loop."""
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    for first in (5, 7):
        driver.execute(first)
    for number in range(3):
        given_now = driver.send([row(5, f"JRF{number + 8}")]) + driver.send([row(7, f"JRF{number + 8}")])
        assert [item.cause if isinstance(item, Gap) else ids([item]) for item in given_now] == ["renumbered", [5], [7]]
    assert driver.executions.duplicates == 0


def test_a_service_that_repeats_itself_numbers_nothing_anew():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE)
    driver.acknowledge()
    driver.execute(5)
    driver.execute(6)
    assert driver.execute(5) == []
    assert ids(driver.execute(7)) == [7]
    assert driver.gaps == []


@pytest.mark.parametrize("repair", [RepairMode.BEFORE, RepairMode.ALONGSIDE])
def test_a_repair_that_asks_for_ids_of_a_former_numbering_ends(repair):
    driver = Driver(EXECUTIONS, repair)
    driver.acknowledge()
    driver.execute(10)
    driver.interrupt()
    driver.acknowledge()
    driver.execute(20)
    (life,) = driver.feed.gaps.to_repair
    driver.feed.gaps.to_repair.clear()
    driver.send([other(1)])
    assert [(gap.cause, gap.repaired) for gap in driver.gaps if gap.repaired is not Repaired.PENDING] == [
        ("interrupted", Repaired.NONE),
        ("renumbered", Repaired.NONE),
    ]
    assert driver.ids == [10, 20, 1]
    assert not life.is_repairing
    assert driver.finish_repair(life, [15]) == []


def test_two_connections_follow_into_a_new_numbering_with_one_gap():
    driver = Driver(EXECUTIONS, RepairMode.BEFORE, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for number in (5, 6, 7):
        driver.send([row(number)], 0)
    for number in (5, 6):
        driver.send([row(number)], 1)
    driver.send([other(1)], 0)
    driver.send([other(2)], 0)
    driver.send([row(7)], 1)
    for number in (1, 2, 3):
        driver.send([other(number)], 1)
    driver.send([other(3)], 0)
    driver.send([other(4)], 0)
    assert driver.ids == [5, 6, 7, 1, 2, 3, 4]
    assert [gap.cause for gap in driver.gaps] == ["renumbered"]
    assert driver.executions.newest_id == 4


def test_what_a_connection_brings_late_is_no_new_numbering():
    driver = Driver(EXECUTIONS, RepairMode.OFF, connections=2)
    for connection in (0, 1):
        driver.acknowledge(connection)
    for number in (5, 6, 8):
        driver.send([row(number)], 0)
    for number in (5, 6, 7, 8, 9):
        driver.send([row(number)], 1)
    assert sorted(driver.ids) == [5, 6, 7, 8, 9]
    assert [gap.cause for gap in driver.gaps] == ["interrupted"]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["on", "restart", "reconnect", "both"])), max_size=12))
def test_nothing_of_a_service_that_restarts_is_lost_or_given_twice(steps):
    driver = Driver(EXECUTIONS)
    driver.acknowledge()
    number, life, sent = 100, 0, []
    for count, what in steps:
        if what in ("reconnect", "both"):
            driver.pass_seconds(1)
            driver.interrupt()
            driver.pass_seconds(1)
            driver.acknowledge()
        if what in ("restart", "both"):
            number, life = 1, life + 1
        rows = [row(number + place, f"JRF-life-{life}") for place in range(count)]
        number += count
        sent += [(each["id"], each["buy_child_order_acceptance_id"]) for each in rows]
        driver.send(rows)
    assert sent == [
        (each.id, each.buy_child_order_acceptance_id)
        for message in driver.given
        if isinstance(message, Message)
        for each in executions_of(message)
    ]
