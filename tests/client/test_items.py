"""Items: the raw message is kept to the byte, decoded once, when asked, and exact to the digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Origin, Status, StatusKind
from fulgurite.errors import MessageError
from fulgurite.protocol.messages import Board, Level
from tests.captures import SESSIONS, received_messages

BOARD = b'{"mid_price": 1.50, "bids":[],"asks":[{"price":2.0,"size":0.10}]}'


def message(channel: str, text: bytes) -> Message:
    return Message(channel, 1, "the frame", msgspec.Raw(text))


def test_raw_is_the_text_as_it_came():
    assert message("lightning_board_BTC_JPY", BOARD).raw == BOARD


def test_data_is_typed_after_the_channel_and_decoded_once():
    item = message("lightning_board_BTC_JPY", BOARD)
    assert item.data == Board(1.5, [], [Level(2.0, 0.1)])
    assert item.data is item.data


def test_message_can_be_matched_with_its_data():
    match message("lightning_board_BTC_JPY", BOARD):
        case Message(channel="lightning_board_BTC_JPY", data=Board(mid_price=mid_price)):
            assert mid_price == 1.5
        case _:
            pytest.fail("it did not match")


def test_message_that_does_not_fit_keeps_its_raw_text():
    item = message("lightning_ticker_BTC_JPY", BOARD)
    with pytest.raises(MessageError, match="lightning_ticker_BTC_JPY"):
        _ = item.data
    assert item.raw == BOARD


def test_channel_that_is_not_of_this_api_has_raw_text_only():
    with pytest.raises(MessageError, match="not a channel of this API"):
        _ = message("lightning_news", b"{}").data


# --- exact numbers


class Literal(str):
    """A number that is written with a point or an exponent, as it was written."""


def written(text: bytes) -> Any:
    """The JSON text with its numbers as they are written; by a decoder that is not ours."""
    return json.loads(text, parse_float=Literal)


def pairs(literals: Any, values: Any) -> Iterator[tuple[Literal, Any]]:
    """Pairs of each written number and its decoded form, with a check that everything else is the same."""
    if isinstance(literals, Literal):
        yield literals, values
    elif isinstance(literals, dict):
        assert literals.keys() == values.keys()
        for name, literal in literals.items():
            yield from pairs(literal, values[name])
    elif isinstance(literals, list):
        assert isinstance(values, list)
        for literal, value in zip(literals, values, strict=True):
            yield from pairs(literal, value)
    else:
        assert (type(literals), literals) == (type(values), values)


@pytest.mark.parametrize("session", SESSIONS)
def test_every_recorded_number_is_given_digit_by_digit(captures: Path, session: str):
    numbers = 0
    for channel, text in received_messages(captures / session):
        for literal, value in pairs(written(text), message(channel.name, text).exact):
            assert type(value) is Decimal
            assert value.as_tuple() == Decimal(literal).as_tuple()
            if "e" not in literal.lower():
                assert f"{value:f}" == literal, "with its trailing zeros"
            numbers += 1
    assert numbers > 10_000


digits = st.text("0123456789", min_size=1, max_size=40)
whole = digits.map(lambda text: text.lstrip("0") or "0")
exponents = st.tuples(st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 400)).map(
    lambda parts: f"{parts[0]}{parts[1]}{parts[2]}"
)
points = st.tuples(whole, digits).map(".".join)
fractions = st.one_of(points, st.tuples(whole, exponents).map("".join), st.tuples(points, exponents).map("".join))


def signed(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text, f"-{text}"])


@given(st.lists(fractions.flatmap(signed), min_size=1))
def test_any_number_with_a_fraction_is_a_decimal_with_the_digits_that_were_written(literals):
    values = message("lightning_ticker_BTC_JPY", f"[{','.join(literals)}]".encode()).exact
    assert [value.as_tuple() for value in values] == [Decimal(literal).as_tuple() for literal in literals]


@given(st.lists(whole.flatmap(signed), min_size=1))
def test_any_whole_number_is_an_int_however_long(literals):
    values = message("lightning_ticker_BTC_JPY", f"[{','.join(literals)}]".encode()).exact
    assert [(type(value), value) for value in values] == [(int, int(literal)) for literal in literals]


def test_a_message_that_does_not_fit_its_channel_is_still_exact():
    item = message("lightning_ticker_BTC_JPY", BOARD)
    assert item.exact == {"mid_price": Decimal("1.50"), "bids": [], "asks": [{"price": 2, "size": Decimal("0.10")}]}
    assert str(item.exact["mid_price"]) == "1.50"


@pytest.mark.parametrize("text", [b"[1.5,", b"[" * 100_000, b'"\xff"'])
def test_what_is_no_json_has_no_exact_numbers(text):
    with pytest.raises(MessageError, match="lightning_ticker_BTC_JPY") as caught:
        _ = message("lightning_ticker_BTC_JPY", text).exact
    assert caught.value.received == text


# --- printed

AT_NS = 1_790_134_285_649_103_700  # 2026-09-23T03:31:25.6491037Z
TICKER_JSON = (
    b'{"product_code":"BTC_JPY","state":"RUNNING","timestamp":"2026-09-23T03:31:25.6491037Z","tick_id":1,'
    b'"best_bid":13544000.0,"best_ask":13544203.0,"best_bid_size":0.1,"best_ask_size":0.2,"total_bid_depth":1.0,'
    b'"total_ask_depth":1.0,"market_bid_size":0.0,"market_ask_size":0.0,"ltp":13544100.0,"volume":1234.5,'
    b'"volume_by_product":1234.5}'
)
EXECUTION_JSON = (
    b'{"id":%d,"side":"BUY","price":13544203.0,"size":0.01,"exec_date":"2026-09-23T03:31:25.6491037Z",'
    b'"buy_child_order_acceptance_id":"JRF1","sell_child_order_acceptance_id":"JRF2"}'
)
AUTH_FRAME = '{"jsonrpc":"2.0","method":"auth","params":{"api_key":"KEY","signature":"abc"},"id":1}'


def at(channel: str, text: bytes, **more: Any) -> Message:
    return Message(channel, AT_NS, "a frame " * 1000, msgspec.Raw(text), **more)


PRINTED: list[tuple[Item, str]] = [
    (
        at("lightning_ticker_BTC_JPY", TICKER_JSON),
        "lightning_ticker_BTC_JPY 2026-09-23T03:31:25.649Z 13,544,000 / 13,544,203  last 13,544,100  volume 1,234.5",
    ),
    (
        at("lightning_executions_BTC_JPY", b"[" + EXECUTION_JSON % 7 + b"]", origin=Origin.BACKFILLED),
        "lightning_executions_BTC_JPY 2026-09-23T03:31:25.649Z backfilled BUY  13,544,203 x 0.01  id 7",
    ),
    (
        at("lightning_executions_BTC_JPY", b"[" + EXECUTION_JSON % 7 + b"," + EXECUTION_JSON % 8 + b"]"),
        "lightning_executions_BTC_JPY 2026-09-23T03:31:25.649Z 2 of them: "
        "BUY  13,544,203 x 0.01  id 7; BUY  13,544,203 x 0.01  id 8",
    ),
    (
        at("lightning_ticker_BTC_JPY", b"[]"),
        "lightning_ticker_BTC_JPY 2026-09-23T03:31:25.649Z cannot be read: Expected `object`, got `array`",
    ),
    (at("lightning_executions_BTC_JPY", b"[]"), "lightning_executions_BTC_JPY 2026-09-23T03:31:25.649Z nothing"),
    (
        Gap("lightning_ticker_BTC_JPY", "closed by the server: 1012", AT_NS - 1_500_000_000, AT_NS, note="no HTTP API"),
        "lightning_ticker_BTC_JPY 2026-09-23T03:31:25.649Z gap of 1.500 s, repaired: none: "
        "closed by the server: 1012 no HTTP API",
    ),
    (
        Status(StatusKind.BACKING_OFF, AT_NS, detail="1.5 s", connection=1),
        "connection 1 2026-09-23T03:31:25.649Z backing off 1.5 s",
    ),
    (
        Status(
            StatusKind.DROPPED,
            AT_NS,
            dropped=3,
            detail="the consumer was too slow: 3 items that are no messages were dropped",
        ),
        "stream 2026-09-23T03:31:25.649Z dropped the consumer was too slow: 3 items that are no messages were dropped",
    ),
    (
        Status(StatusKind.SUBSCRIBED, AT_NS, "lightning_ticker_BTC_JPY"),
        "lightning_ticker_BTC_JPY 2026-09-23T03:31:25.649Z subscribed",
    ),
    (
        Malformed(AT_NS, "nonsense", "no JSON"),
        "malformed frame 2026-09-23T03:31:25.649Z no JSON: nonsense",
    ),
    (
        Frame("sent", AT_NS, AUTH_FRAME),
        'sent frame 2026-09-23T03:31:25.649Z {"jsonrpc":"2.0","method":"auth","params":{},"id":1}',
    ),
]


@pytest.mark.parametrize(("item", "line"), PRINTED)
def test_an_item_is_printed_in_a_line(item: Item, line: str):
    assert str(item) == line
    assert repr(item) == f"<{type(item).__name__} {line}>"


@pytest.mark.parametrize(
    "item",
    [
        at("lightning_executions_BTC_JPY", b"[" + b",".join(EXECUTION_JSON % n for n in range(500)) + b"]"),
        at("x" * 10_000, b"1"),
        Gap("c" * 300, "r\n" * 1000, 0, 2**63),
        Status(StatusKind.CLOSED, -(2**70), None, "\x1b[2J" * 500),
        Malformed(AT_NS, "\n" * 100_000, "e" * 1000),
        Frame("received", AT_NS, "\u202e" + "f" * 100_000),
    ],
)
def test_whatever_is_in_an_item_it_is_one_short_line_that_commands_no_terminal(item: Item):
    assert len(str(item)) <= 160
    assert str(item).isprintable()
