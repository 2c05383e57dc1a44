"""All channels of a stream at once: the channels that only a book needs, unreadable frames, repairs to be made."""

from __future__ import annotations

import json

import msgspec
import pytest

from fulgurite.client.channelgaps import RepairMode
from fulgurite.client.feeds import Feeds
from fulgurite.client.items import Gap, Message, Repaired
from fulgurite.errors import InputError
from fulgurite.orderbook import BookState
from fulgurite.protocol.channels import Channel, board, board_snapshot, executions, ticker

BOARD, SNAPSHOT, TICKER, EXECUTIONS = (make("BTC_JPY").name for make in (board, board_snapshot, ticker, executions))
SECOND = 1_000_000_000


def levels(price: float) -> dict[str, object]:
    return {"mid_price": price, "bids": [{"price": price - 1, "size": 1}], "asks": [{"price": price + 1, "size": 1}]}


def message(channel: str, data: object, at_ns: int = SECOND) -> Message:
    return Message(channel, at_ns, "", msgspec.Raw(json.dumps(data).encode()))


def flowing(*channels: Channel, connections: int = 1, repair: RepairMode = RepairMode.OFF) -> Feeds:
    feeds = Feeds(connections, repair)
    for channel in channels:
        feeds.add(channel)
        for connection in range(connections):
            feeds.acknowledged(connection, channel.name, 0, 0.0, 0)
    return feeds


def test_a_message_of_a_channel_without_a_feed_is_an_item_as_it_is() -> None:
    odd = message("lightning_odd_BTC_JPY", {})
    assert Feeds().message(0, odd, 1.0) == [odd]


def test_a_book_is_kept_of_channels_that_are_no_items() -> None:
    feeds = flowing(board_snapshot("BTC_JPY"), board("BTC_JPY"))
    for feed in feeds.by_name.values():
        feed.is_given = False
    book = feeds.keep_book("BTC_JPY").book
    assert feeds.message(0, message(SNAPSHOT, levels(100.0)), 1.0) == []
    assert book.state is BookState.LIVE
    assert book.bids(1)[0].price == 99.0
    # Its gap is one all the same.
    assert feeds.interrupted(0, "cut", 2.0, 2 * SECOND) == []
    assert book.state is BookState.STALE
    feeds.acknowledged(0, BOARD, 2 * SECOND, 3.0, 3 * SECOND)
    (gap,) = feeds.message(0, message(BOARD, levels(100.0), 4 * SECOND), 4.0)
    assert isinstance(gap, Gap)
    assert feeds.forget_book("BTC_JPY") == [SNAPSHOT, BOARD]
    assert not feeds.by_name


def test_a_channel_that_is_given_outlives_its_book() -> None:
    feeds = flowing(board("BTC_JPY"))
    feeds.keep_book("BTC_JPY")
    assert feeds.forget_book("BTC_JPY") == []
    assert feeds.forget_book("BTC_JPY") == []
    assert [*feeds.by_name] == [BOARD]


def test_a_book_is_kept_of_channels_to_come() -> None:
    feeds = Feeds()
    book = feeds.keep_book("BTC_JPY").book
    for channel in (board_snapshot("BTC_JPY"), board("BTC_JPY")):
        feeds.add(channel)
        feeds.acknowledged(0, channel.name, 0, 0.0, 0)
    feeds.message(0, message(SNAPSHOT, levels(100.0)), 1.0)
    assert book.state is BookState.LIVE
    with pytest.raises(InputError):
        feeds.keep_book("btc jpy")


def test_the_gap_of_the_diffs_stands_before_the_snapshot_that_heals_the_book() -> None:
    feeds = flowing(board_snapshot("BTC_JPY"), board("BTC_JPY"))
    feeds.message(0, message(BOARD, levels(100.0)), 1.0)
    feeds.interrupted(0, "cut", 2.0, 2 * SECOND)
    for channel in (SNAPSHOT, BOARD):
        feeds.acknowledged(0, channel, 2 * SECOND, 3.0, 3 * SECOND)
    items = feeds.message(0, message(SNAPSHOT, levels(100.0), 4 * SECOND), 4.0)
    assert [(type(item), item.channel) for item in items[-3:]] == [
        (Gap, BOARD),
        (Gap, SNAPSHOT),
        (Message, SNAPSHOT),
    ]


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        (f'{{"channel":"{TICKER}"', [TICKER]),
        (json.dumps({"received_ns": 1, "frame": f'{{"channel":"{TICKER}","message":'}), [TICKER]),
        (f'[{{"channel":"{TICKER}"', [TICKER, EXECUTIONS]),  # a batch, of which the rest cannot be read
        ("{", [TICKER, EXECUTIONS]),
    ],
)
def test_a_frame_that_cannot_be_read_is_about_the_channels_that_it_names(text: str, channels: list[str]) -> None:
    feeds = flowing(ticker("BTC_JPY"), executions("BTC_JPY"))
    feeds.lost(0, text, "not JSON", 1.0, SECOND)
    assert [item.channel for item in feeds.handle_timer(1000.0) if isinstance(item, Gap)] == channels


def test_each_repair_is_asked_for_once() -> None:
    feeds = flowing(executions("BTC_JPY"), repair=RepairMode.BEFORE)
    feeds.interrupted(0, "cut", 2.0, 2 * SECOND)
    feeds.acknowledged(0, EXECUTIONS, 2 * SECOND, 3.0, 3 * SECOND)
    assert feeds.handle_timer(1000.0) == []  # the gap waits for it
    ((feed, life),) = feeds.to_repair
    feeds.to_repair.clear()
    assert feeds.handle_timer(2000.0) == []
    assert not feeds.to_repair
    (gap,) = feed.repaired(life, [], Repaired.FULL)
    assert isinstance(gap, Gap)
    assert gap.repaired is Repaired.FULL
