"""Lines: JSON to the byte for programs; for people, the essentials, and nothing that commands a terminal."""

from __future__ import annotations

import json

import msgspec
import pytest

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Status, StatusKind
from fulgurite.terminal.itemlines import human_lines, json_line


def message(channel: str, text: str) -> Message:
    return Message(channel, 1_795_371_403_000_000_001, "", msgspec.Raw(text.encode()))


def words(item: Item) -> list[str]:
    return [" ".join("".join(text for text, _ in line).split()) for line in human_lines(item)]


TICKER = (
    '{"product_code":"BTC_JPY","state":"RUNNING","timestamp":"2021-07-22T22:29:23.0441643Z","tick_id":9025808,'
    '"best_bid":3539640.0,"best_ask":3541058.0,"best_bid_size":0.008,"best_ask_size":0.041,'
    '"total_bid_depth":893.65294380,"total_ask_depth":668.937245840000,"market_bid_size":0.0,"market_ask_size":0.0,'
    '"ltp":3539894.0,"volume":3153.890029890000,"volume_by_product":3153.890029890000}'
)
EXECUTIONS = (
    '[{"id":2207054798,"side":"SELL","price":7188432.0,"size":0.00000001,"exec_date":"2021-04-17T16:39:42.1624293Z",'
    '"buy_child_order_acceptance_id":"a","sell_child_order_acceptance_id":"b"},{"id":2207054799,"side":"",'
    '"price":7186655.5,"size":1.0,"exec_date":"","buy_child_order_acceptance_id":"","sell_child_order_acceptance_id":""}]'
)


def test_json_line_holds_the_message_as_it_came():
    line = json_line(message("lightning_ticker_BTC_JPY", TICKER))
    assert line == (
        b'{"channel":"lightning_ticker_BTC_JPY","received_ns":1795371403000000001,"message":%b}\n' % TICKER.encode()
    )


def test_json_line_is_one_line_whatever_a_server_puts_between_tokens():
    line = json_line(message("lightning_board_BTC_JPY", '{"mid_price":\r\n1.0}'))
    assert line is not None
    assert line.count(b"\n") == 1
    assert json.loads(line)["message"] == {"mid_price": 1.0}


def test_json_line_of_a_gap():
    line = json_line(Gap("lightning_ticker_BTC_JPY", 'closed: "メンテナンス"', 1, 2))
    assert (
        line
        == (
            '{"event":"gap","channel":"lightning_ticker_BTC_JPY","reason":"closed: \\"メンテナンス\\"",'
            '"from_ns":1,"to_ns":2,"last_ns":null,"first_ns":null,"repaired":"none","recovered":0,"note":"",'
            '"unresolved":[],"cause":"interrupted","dropped":0,"close_code":null}\n'
        ).encode()
    )


@pytest.mark.parametrize("item", [Status(StatusKind.OPEN, 1), Malformed(1, "", ""), Frame("sent", 1, "")])
def test_only_messages_and_gaps_are_json_lines(item):
    assert json_line(item) is None


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        (
            message("lightning_ticker_BTC_JPY", TICKER),
            ["BTC_JPY ticker 3,539,640 / 3,541,058 last 3,539,894 volume 3,153.89002989"],
        ),
        (
            message("lightning_ticker_BTC_JPY", TICKER.replace("RUNNING", "PREOPEN")),
            ["BTC_JPY ticker 3,539,640 / 3,541,058 last 3,539,894 volume 3,153.89002989 PREOPEN"],
        ),
        (
            message("lightning_executions_FX_BTC_JPY", EXECUTIONS),
            [
                "FX_BTC_JPY executions SELL 7,188,432 x 0.00000001 id 2207054798",
                "FX_BTC_JPY executions ---- 7,186,655.5 x 1 id 2207054799",
            ],
        ),
        (
            message(
                "lightning_board_ETH_BTC",
                '{"mid_price":0.06252,"bids":[],"asks":[{"price":0.06286,"size":5.98},{"price":0.0629,"size":0.0}]}',
            ),
            ["ETH_BTC board mid 0.06252 0 bids 1 ask from 0.06286 1 gone"],
        ),
        (
            message(
                "child_order_events",
                '[{"product_code":"FX_BTC_JPY","child_order_id":"JFX","child_order_acceptance_id":"JRF1",'
                '"event_date":"2021-02-26T07:03:10.4226465Z","event_type":"EXECUTION","side":"BUY","price":5119848,'
                '"size":0.01,"exec_id":1},{"product_code":"FX_BTC_JPY","child_order_id":"JFX",'
                '"child_order_acceptance_id":"JRF2","event_date":"","event_type":"ORDER_FAILED","reason":"why"}]',
            ),
            [
                "FX_BTC_JPY EXECUTION BUY 5,119,848 x 0.01 JRF1",
                "FX_BTC_JPY ORDER_FAILED why JRF2",
            ],
        ),
        (
            message(
                "parent_order_events",
                '[{"product_code":"BTC_JPY","parent_order_id":"JCP","parent_order_acceptance_id":"JRF9",'
                '"event_date":"","event_type":"COMPLETE","parameter_index":1,"child_order_acceptance_id":"JRF1"}]',
            ),
            ["BTC_JPY COMPLETE JRF9"],
        ),
        (
            Gap("lightning_ticker_BTC_JPY", "closed by the server: 1012 scheduled maintenance", 0, 1_500_000_000),
            [
                "BTC_JPY ticker GAP of 1.500 s, closed by the server: 1012 scheduled maintenance; repaired: none",
            ],
        ),
        (Status(StatusKind.BACKING_OFF, 1, None, "1.7 s"), ["backing off 1.7 s"]),
        (Status(StatusKind.CLOSED, 1, None, "closed by the server: 1000"), ["closed by the server: 1000"]),
        (Frame("received", 1, "3"), ["< 3"]),
    ],
)
def test_people_see_the_essentials(item, lines):
    shown = words(item)
    # The two private channels have no product to name.
    assert [line.removeprefix("orders ").removeprefix("special ") for line in shown] == lines


def test_message_that_cannot_be_read_says_so():
    (line,) = words(message("lightning_ticker_BTC_JPY", "{}"))
    assert line.startswith("BTC_JPY ticker cannot be read: ")


@pytest.mark.parametrize(
    "item",
    [
        Gap("lightning_ticker_BTC_JPY", "closed by the server: 1000 \x1b[2J\x9b", 0, 1),
        Status(StatusKind.REFUSED, 1, "\x1b[2J", "no\nway"),
        Malformed(1, "\x1b]0;title\x07", "\r"),
        Frame("received", 1, "\x1b[2J"),
        message("lightning_executions_BTC_JPY", EXECUTIONS.replace("SELL", "\\u001b[2J")),
        message("\x1b[2J", "{}"),
    ],
)
def test_server_cannot_command_the_terminal(item):
    for line in human_lines(item):
        assert all(text.isprintable() for text, _ in line)
