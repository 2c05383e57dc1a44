"""Typed messages: those of the captures, and those that the reference describes."""

import ast
import contextlib
import gc
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError, MessageError
from fulgurite.protocol.channels import (
    Kind,
    board,
    child_order_events,
    executions,
    parent_order_events,
    parse_channel,
    ticker,
)
from fulgurite.protocol.framelog import recorded_messages
from fulgurite.protocol.messages import (
    Board,
    ChildOrderEvent,
    Execution,
    ParentOrderEvent,
    Ticker,
    decode_message,
    parse_time,
)
from tests.captures import SESSIONS, received_frames

TICKER = {
    "product_code": "BTC_JPY",
    "timestamp": "2021-07-22T22:29:23.0441643Z",
    "tick_id": 9025808,
    "best_bid": 3539640.0,
    "best_ask": 3541058.0,
    "best_bid_size": 0.008,
    "best_ask_size": 0.041,
    "total_bid_depth": 893.6,
    "total_ask_depth": 668.9,
    "ltp": 3539894.0,
    "volume": 3153.8,
    "volume_by_product": 3153.8,
}
EXECUTION = {
    "id": 39287,
    "side": "",
    "price": 31690,
    "size": 27.04,
    "exec_date": "2015-07-08T02:43:34.823Z",
    "buy_child_order_acceptance_id": "JRF20150707-200203-452209",
    "sell_child_order_acceptance_id": "JRF20150708-024334-060234",
}


@pytest.mark.parametrize("session", SESSIONS)
def test_every_recorded_message_decodes(captures: Path, session: str):
    kinds = set()
    for frame in received_frames(captures / session):
        recorded = recorded_messages(frame)
        assert recorded, frame
        for channel_name, message in recorded:
            channel = parse_channel(channel_name)
            decode_message(channel, message)
            kinds.add(channel.kind)
    assert kinds == {Kind.BOARD, Kind.BOARD_SNAPSHOT, Kind.TICKER, Kind.EXECUTIONS}


@pytest.mark.parametrize("session", SESSIONS)
def test_floats_give_the_recorded_decimals_back_exactly(captures: Path, session: str):
    """Why messages may hold floats: the wire's numbers have at most 15 significant digits."""
    numbers = 0
    for frame in received_frames(captures / session):
        for literal in re.findall(r":(-?\d+\.\d+)", frame):
            assert Decimal(repr(float(literal))) == Decimal(literal)
            numbers += 1
    assert numbers > 10_000


def test_the_wire_frames_of_2026_decode(captures: Path):
    decoded = []
    for line in (captures / "2026-09-23_wire-frames.txt").read_text().splitlines():
        for channel, message in recorded_messages(line.removeprefix("< ")):
            decoded.append(decode_message(parse_channel(channel), message))
    assert [type(data) for data in decoded] == [Board, Board, Ticker, list]
    newest = decoded[2]
    assert isinstance(newest, Ticker)
    assert newest.preopen_end is newest.circuit_break_end is None


def test_the_recorded_order_events_decode(captures: Path):
    """Private messages, which client programs dumped as Python or JavaScript."""
    events: list[ChildOrderEvent | ParentOrderEvent] = []
    for line in (captures / "child-order-events.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        # The documentation's examples have bare keys.
        dumped = ast.literal_eval(re.sub(r"([{,])(\w+):", r"\1'\2':", line))
        message = dumped.get("message", dumped) if isinstance(dumped, dict) else dumped
        message = message if isinstance(message, list) else [message]
        parent = "parent_order_id" in message[0]
        channel = parent_order_events() if parent else child_order_events()
        decoded = decode_message(channel, json.dumps(message))
        assert isinstance(decoded, list)
        for event in decoded:
            assert isinstance(event, ChildOrderEvent | ParentOrderEvent)
            events.append(event)
    assert {type(event) for event in events} == {ChildOrderEvent, ParentOrderEvent}
    assert {event.event_type for event in events} == {"ORDER", "EXECUTION", "TRIGGER"}
    fill = next(event for event in events if isinstance(event, ChildOrderEvent) and event.outstanding_size is not None)
    assert (fill.exec_id, fill.price, fill.outstanding_size) == (2184727760, 5119848.0, 0.15324826)


def test_fields_that_came_later_may_be_absent():
    """The ticker of 2018 had no state and no market sizes (section 3.3)."""
    old = decode_message(ticker("BTC_JPY"), json.dumps(TICKER))
    assert isinstance(old, Ticker)
    assert old.state is old.market_bid_size is old.preopen_end is None


def test_unknown_fields_are_ignored():
    """Items may change or be added (section 3.3)."""
    known = decode_message(ticker("BTC_JPY"), json.dumps(TICKER))
    assert decode_message(ticker("BTC_JPY"), json.dumps(TICKER | {"new": {"deep": [1]}})) == known


def test_an_itayose_execution_has_no_side():
    decoded = decode_message(executions("BTC_JPY"), json.dumps([EXECUTION]))
    assert isinstance(decoded, list)
    assert isinstance(decoded[0], Execution)
    assert decoded[0].side == ""


def test_integers_are_taken_for_numbers():
    """Private channels print 5119848 where public ones print 5119848.0 (section 3)."""
    data = decode_message(board("X"), '{"mid_price":1,"bids":[{"price":0,"size":0}],"asks":[]}')
    assert isinstance(data, Board)
    assert data.bids[0].price == 0.0


@pytest.mark.parametrize("missing", sorted(TICKER))
def test_a_missing_field_is_named(missing: str):
    with pytest.raises(MessageError, match=missing) as caught:
        decode_message(ticker("BTC_JPY"), json.dumps({name: TICKER[name] for name in TICKER if name != missing}))
    assert caught.value.channel == "lightning_ticker_BTC_JPY"


CHANNELS = [ticker("A"), board("A"), executions("A"), child_order_events(), parent_order_events()]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*TICKER, *EXECUTION]), inner),
    max_leaves=10,
)


@given(st.sampled_from(CHANNELS), st.binary() | st.text() | JSON.map(json.dumps))
def test_anything_decodes_or_is_a_message_error(channel, message):
    with contextlib.suppress(MessageError):
        decode_message(channel, message)


def test_deep_nesting_is_a_message_error():
    with pytest.raises(MessageError):
        decode_message(ticker("A"), '{"preopen_end":' + "[" * 200_000)


@pytest.mark.parametrize(
    ("text", "seconds", "nanoseconds"),
    [
        ("2026-09-23T03:31:25.6491037Z", 1790134285, 649_103_700),
        ("2021-04-05T17:29:22.37897Z", 1617643762, 378_970_000),
        ("2021-04-05T17:29:22.3789Z", 1617643762, 378_900_000),
        ("2021-04-05T17:29:22Z", 1617643762, 0),
        ("2021-04-05T17:29Z", 1617643740, 0),
        ("2021-04-05T17Z", 1617642000, 0),
        ("2021-02-26T07:05:31", 1614323131, 0),
        ("2015-07-08T02:43:34.823", 1436323414, 823_000_000),
    ],
)
def test_every_known_form_of_time_is_read(text: str, seconds: int, nanoseconds: int):
    assert parse_time(text) == seconds * 1_000_000_000 + nanoseconds


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2021-13-01T00:00:00Z", "2021-02-30T00:00:00Z", "2021-01-01T24:00:00Z", "0000-01-01T00:00:00Z"],
)
def test_other_times_are_refused(text: str):
    with pytest.raises(InputError, match="UTC as in"):
        parse_time(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1)))
def test_any_time_is_read_exactly(moment):
    text = moment.isoformat() + "Z"
    epoch = datetime(1970, 1, 1)
    assert parse_time(text) == (moment - epoch) // timedelta(microseconds=1) * 1000


def test_the_structs_are_not_tracked_by_the_garbage_collector():
    """They are made by the thousand; none can be part of a cycle."""
    assert not gc.is_tracked(msgspec.json.decode(json.dumps(TICKER), type=Ticker))
