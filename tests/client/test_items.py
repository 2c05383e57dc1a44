"""Items: the raw message is kept to the byte, and decoded once, when asked."""

from __future__ import annotations

import msgspec
import pytest

from fulgurite.client.items import Message
from fulgurite.errors import MessageError
from fulgurite.protocol.messages import Board, Level

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
