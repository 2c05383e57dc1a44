"""Fault plans without sockets: parsing, timing, aiming, chance; waiting messages; deliveries."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.protocol.channels import board, executions
from fulgurite.protocol.messages import decoder_of
from fulgurite.server import spoiling
from fulgurite.server.faultplan import FaultPlan, Sufferer
from fulgurite.server.faults import (
    FAULTS,
    Aimed,
    Close,
    Freeze,
    MessageFault,
    Mute,
    Refuse,
    Trickle,
    parse_fault,
    parse_plan,
)
from fulgurite.server.frames import fragments
from fulgurite.server.outbox import Outbox
from fulgurite.server.published import DeliveryRecord, Published, PublishedLog
from fulgurite.server.records import MAX_FORMER_CHANNELS, ConnectionRecord

NEEDED: dict[str, dict[str, object]] = {
    "delay": {"by": 1.0},
    "trickle": {"bytes_per_second": 5.0},
    "clock-skew": {"by": -3},
    "slow-handshake": {"by": 1.0},
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_read_written_and_described(name):
    fault = parse_fault({"fault": name, **NEEDED.get(name, {})})
    assert isinstance(fault, FAULTS[name])
    assert parse_fault(msgspec.to_builtins(fault)) == fault
    assert (FAULTS[name].__doc__ or "").endswith(".")


def test_a_plan_in_toml_has_what_the_control_api_takes():
    plan = '[[fault]]\nfault = "close"\ncode = 1012\n\n[[fault]]\nfault = "mute"\nproduct = "BTC_JPY"\nseconds = 30\n'
    assert parse_plan(plan) == [Close(code=1012), Mute(product="BTC_JPY", seconds=30.0)]
    assert parse_plan("") == []


def test_nothing_overtakes_what_a_delay_that_is_over_has_held_back():
    plan = FaultPlan()
    sufferer = Sufferer(lambda channel, age: None)
    plan.add(parse_fault({"fault": "delay", "by": 1.0, "channel": "lightning_executions_BTC_JPY", "seconds": 0.5}), 0.0)
    plan.add(parse_fault({"fault": "fragmented"}), 0.0)
    sufferer.set_faults(plan.against(1, "", ["lightning_executions_BTC_JPY"], 0.0))
    assert sufferer.due(0.0, "lightning_executions_BTC_JPY") == 1.0
    sufferer.set_faults(plan.against(1, "", ["lightning_executions_BTC_JPY"], 0.6))
    assert sufferer.due(0.6, "lightning_executions_BTC_JPY") == 1.0
    assert sufferer.due(0.6, "lightning_ticker_BTC_JPY") == 0.6


@pytest.mark.parametrize("plan", ["[", "fault = 3", '[[faults]]\nfault = "close"', "[[fault]]\ncode = 3"])
def test_what_is_no_plan_is_refused(plan):
    with pytest.raises(InputError):
        parse_plan(plan)


@pytest.mark.parametrize("name", ["close", "close-at-once"])
@pytest.mark.parametrize(
    ("field", "value"),
    [*(("code", code) for code in (999, 1004, 1005, 1006, 1015, 2999, 5000)), ("reason", "鍵" * 42), ("client", "")],
)
def test_what_no_close_frame_can_tell_is_refused(name: str, field: str, value: object):
    with pytest.raises(InputError) as raised:
        parse_fault({"fault": name, field: value})
    assert field in str(raised.value)
    with pytest.raises(InputError):
        parse_fault(msgspec.structs.replace(FAULTS[name](), **{field: value}))


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_all_that_a_close_frame_can_tell_is_taken(code: int):
    assert parse_fault(Close(code=code, reason="鍵" * 41)) == Close(code=code, reason="鍵" * 41)


@given(st.sampled_from(sorted(FAULTS)), st.dictionaries(st.sampled_from(["after", "every", "code", "x"]), VALUES))
def test_whatever_is_given_is_a_fault_or_an_input_error(name, members):
    try:
        fault = parse_fault({"fault": name, **NEEDED.get(name, {}), **members})
    except InputError as error:
        assert error.accepted  # noqa: PT017  (most are no errors)
    else:
        assert fault.after >= 0


def test_a_span_begins_lasts_and_comes_again():
    plan = FaultPlan()
    plan.add(Freeze(after=10, seconds=2, every=5), 100.0)
    on = [now for now in range(100, 125) if plan.on(Freeze, now)]
    assert on == [110, 111, 115, 116, 120, 121]
    assert [plan.next_timer(now) for now in (100, 110, 112, 115, 117)] == [110, 112, 115, 117, 120]


@given(
    after=st.floats(0, 100),
    every=st.none() | st.floats(0.1, 50),
    share=st.floats(0.01, 0.99),
    given_at=st.floats(0, 1e6),
)
def test_a_fault_changes_only_when_it_said_it_would(after, every, share, given_at):
    plan = FaultPlan()
    plan.add(Mute(after=after, every=every, seconds=share * (every or 10)), given_at)
    now, state = given_at, bool(plan.on(Mute, given_at))
    for _ in range(10):
        due = plan.next_timer(now)
        if due is None:
            break
        assert due >= now
        middle = (now + due) / 2
        if due - now > 1e-3:
            assert bool(plan.on(Mute, middle)) == bool(plan.on(Mute, now + (due - now) / 3))
        now = due + 1e-6
    assert state in (True, False)


def test_moments_come_in_time_once_each_and_missed_ones_count_as_one():
    plan = FaultPlan()
    plan.add(Close(after=10, every=10, times=3), 0.0)
    struck = [now for now in (0, 9, 10, 11, 45, 46, 50, 51, 60, 70) if plan.struck(now)]
    assert struck == [10, 45, 50]
    assert plan.active() == []


def test_a_fault_without_end_is_there_until_it_is_ended():
    plan = FaultPlan()
    number = plan.add(Mute(), 0.0).number
    assert plan.struck(1e9) == []
    assert plan.next_timer(1e9) is None
    assert plan.end(number) == 1
    assert plan.end(number) == 0


def test_handshakes_are_counted_and_drawn_from_the_seed():
    def refused(seed: int) -> list[bool]:
        plan = FaultPlan()
        plan.add(Refuse(chance=0.5, seed=seed, times=5), 0.0)
        return [plan.hit(Refuse, "", 1.0) is not None for _ in range(30)]

    assert refused(1) == refused(1) != refused(2)
    assert sum(refused(1)) == 5


@pytest.mark.parametrize(
    ("aim", "hit"),
    [
        ({}, True),
        ({"connection": 3}, True),
        ({"connection": 4}, False),
        ({"channel": "lightning_board_BTC_JPY"}, True),
        ({"channel": "lightning_ticker_BTC_JPY"}, False),
        ({"product": "BTC_JPY"}, True),
        ({"product": "ETH_JPY"}, False),
        ({"connection": 3, "product": "ETH_JPY"}, False),
        ({"client": "bot"}, True),
        ({"client": "bot 2"}, False),
        ({"client": ""}, False),
        ({"client": "bot", "connection": 4}, False),
    ],
)
def test_aims(aim: dict[str, Any], hit: bool):
    assert Freeze(**aim).aims_at(3, "bot", ["lightning_board_BTC_JPY"]) is hit


def test_a_handshake_of_another_client_is_neither_hit_nor_counted():
    plan = FaultPlan()
    plan.add(Refuse(client="bot", times=1), 0.0)
    assert [plan.hit(Refuse, name, 1.0) is not None for name in ("", "bot 2", "bot", "bot")] == [
        False, False, True, False,
    ]  # fmt: skip


def test_only_those_of_a_channel_have_channels_in_their_aim():
    for kind in FAULTS.values():
        assert ("channel" in kind.__struct_fields__) == issubclass(kind, Aimed)


# --- spoiling


@given(VALUES, st.integers(0, 100))
def test_faults_leave_what_they_do_not_know(value, seed):
    """No message is so odd that a fault raises."""
    message = json.dumps(value).encode()
    rng = Random(seed)
    assert json.loads(spoiling.with_a_wrong_type(message, rng)) != "never"
    for kind in FAULTS.values():
        if issubclass(kind, MessageFault):
            for spoilt in kind().spoil(message, rng):
                assert isinstance(kind().spoil_payload(spoilt, rng), bytes)
    assert spoiling.anomalous(message, rng)
    assert spoiling.with_other_times(message, 5)


@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_a_wrong_type_stays_wrong_however_often_it_is_made(rng, times):
    """Faults overlap; a price that is another number would be a false one."""
    execution = (
        b'[{"id":7,"side":"BUY","price":100.0,"size":0.1,"exec_date":"2026-11-22T00:00:00.0000000Z",'
        b'"buy_child_order_acceptance_id":"JRF1","sell_child_order_acceptance_id":"JRF2"}]'
    )
    diff = b'{"mid_price":1.0,"bids":[{"price":1.0,"size":2.0}],"asks":[]}'
    for channel, spoilt in ((executions("BTC_JPY"), execution), (board("BTC_JPY"), diff)):
        for _ in range(times):
            spoilt = spoiling.with_a_wrong_type(spoilt, rng)
        with pytest.raises(msgspec.ValidationError):
            decoder_of(channel).decode(spoilt)


LEVELS = st.lists(st.tuples(st.integers(1, 10**7), st.sampled_from([0.0, 0.01, 2.5])), max_size=8)


@given(LEVELS, LEVELS)
def test_only_deletions_are_lost(bids, asks):
    def text(levels: list[tuple[int, float]]) -> str:
        return ",".join(f'{{"price":{price}.0,"size":{size}}}' for price, size in levels)

    def board(bids: list[tuple[int, float]], asks: list[tuple[int, float]]) -> bytes:
        return f'{{"mid_price":5.0,"bids":[{text(bids)}],"asks":[{text(asks)}]}}'.encode()

    left = [[level for level in side if level[1]] for side in (bids, asks)]
    untouched = left == [bids, asks]
    expected = [board(*left)] if any(left) or untouched else []
    assert spoiling.without_deletions(board(bids, asks)) == expected


@given(st.binary(max_size=2000), st.integers(2, 50))
def test_fragments_join_to_the_payload(payload, pieces):
    frames = fragments(payload, pieces)
    assert len(frames) <= pieces
    assert [frame[0] >> 7 for frame in frames] == [0] * (len(frames) - 1) + [1]
    assert sum(len(frame) for frame in frames) >= len(payload) + 2 * len(frames)


# --- waiting messages


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.floats(0, 5)), max_size=20), st.floats(1, 1000))
def test_everything_leaves_the_outbox_in_the_order_of_its_time(items, rate):
    outbox: Outbox[int] = Outbox()
    for number, (data, due) in enumerate(items):
        outbox.put(data, due, number)
    came, notes, now = b"", [], 0.0
    for _ in range(10_000):
        data, done = outbox.release(now, rate)
        came += data
        notes += done
        due_next = outbox.next_timer(rate)
        if due_next is None:
            break
        now = max(due_next, now)
    expected = sorted(range(len(items)), key=lambda number: (items[number][1], number))
    assert sorted(notes) == sorted(expected)
    if rate > 500:  # wide enough that no message holds up the next
        assert len(came) == sum(len(data) for data, _ in items)
    assert outbox.size == 0
    assert outbox.next_timer() is None


# --- the truth


def test_the_log_is_bounded_by_messages_and_by_bytes():
    log = PublishedLog(lambda: 5, max_messages=3, max_bytes=10_000)
    for number in range(5):
        log.add("a" if number % 2 else "b", b"%d" % number)
    assert [each.number for each in log.after(0)] == [3, 4, 5]
    assert [each.number for each in log.after(3, "a")] == [4]
    assert (log.first_number, log.last_number) == (3, 5)
    log.add("a", b"x" * 20_000)
    assert log.after(0) == []
    assert log.first_number == 7


def test_a_line_has_the_message_unchanged():
    log = PublishedLog(lambda: 5)
    line = log.add("a", b'{"size":1.50}').line()
    assert line == b'{"number":1,"published_ns":5,"channel":"a","message":{"size":1.50}}\n'
    assert json.loads(log.add("child_order_events", b"[]", "me").line())["account"] == "me"


@given(st.lists(st.sampled_from(["publish", "other", "lose", "filter", "unfilter", "leave", "enter"]), max_size=60))
def test_the_record_has_exactly_what_was_sent(steps):
    """Against a model that notes each number."""
    log, record = PublishedLog(lambda: 0), DeliveryRecord()
    record.subscribe(0)
    record.begin(0)
    is_in, filtered = True, False
    sent: set[int] = set()
    due: set[int] = set()
    for step in steps:
        if step in ("publish", "lose"):
            published = log.add("a", b"0")
            if is_in:
                due.add(published.number)
                if not filtered or step == "publish":
                    sent.add(published.number)
                if filtered and step == "publish":
                    record.sent(published)
        elif step == "other":
            log.add("b", b"0")
        elif step == "filter" and is_in and not filtered:
            record.end(log.last_number)
            filtered = True
        elif step == "unfilter" and is_in and filtered:
            record.begin(log.last_number)
            filtered = False
        elif step == "leave" and is_in:
            record.unsubscribe(log.last_number)
            is_in = False
        elif step == "enter" and not is_in:
            record.subscribe(log.last_number)
            if not filtered:
                record.begin(log.last_number)
            is_in = True
    report = record.report(log.last_number)

    def within(ranges: list[tuple[int, int]]) -> set[int]:
        numbers = [each.number for each in log.after(0, "a")]
        return {number for number in numbers if any(first <= number <= last for first, last in ranges)}

    assert within(report.delivered) == sent
    assert within(report.subscribed) == due


def test_what_a_connection_remembers_of_faults_goes_with_them():
    plan = FaultPlan()
    sufferer = Sufferer(lambda channel, age: None)
    for _ in range(50):
        plan.add(Mute(times=1), 0.0)
        plan.add(Trickle(bytes_per_second=1, chance=0.5), 0.0)
        sufferer.set_faults(plan.against(1, "", [], 1.0))
        message = Published(1, 0, "lightning_ticker_BTC_JPY", b"1", "", 0)
        assert sufferer.copies(message, lambda channel, text: text, 1.0) == []
        assert sufferer.copies(message, lambda channel, text: text, 1.0) != []
        plan.end()
        sufferer.set_faults([])
    assert not sufferer._chosen
    assert not sufferer._hits


def test_what_is_kept_of_channels_that_a_connection_has_no_longer_is_bounded():
    record = ConnectionRecord(1, "json-rpc", "", 0)
    record.subscribe("kept", 0)
    for number in range(3 * MAX_FORMER_CHANNELS):
        record.subscribe(f"channel {number}", number)
        record.unsubscribe(f"channel {number}", number + 1)
        record.subscribe("again and again", number)
        record.unsubscribe("again and again", number + 1)
    channels = record.report(10**6).channels
    assert len(channels) == 1 + MAX_FORMER_CHANNELS
    assert {"kept", "again and again", f"channel {3 * MAX_FORMER_CHANNELS - 1}"} <= channels.keys()
