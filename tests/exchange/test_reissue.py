"""Messages sent again have ids above all earlier ones, and are unchanged otherwise."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.exchange.reissue import Reissue

EXECUTIONS = "lightning_executions_BTC_JPY"
ROW = b'{"id":%d,"side":"BUY","price":1.0,"buy_child_order_acceptance_id":"JRF20210722-222924-155235"}'
ids = st.lists(st.integers(1, 2**40), min_size=1, unique=True).map(sorted)


def sent(reissue: Reissue, numbers: list[int]) -> list[int]:
    texts = [reissue.message(EXECUTIONS, b"[%b]" % (ROW % number)) for number in numbers]
    return [msgspec.json.decode(text)[0]["id"] for text in texts]


@given(ids, st.integers(1, 5))
def test_ids_ascend_from_pass_to_pass(numbers, passes):
    reissue = Reissue()
    given_ids = sent(reissue, numbers)
    assert given_ids == numbers
    for _ in range(passes):
        reissue.begin_again()
        given_ids += sent(reissue, numbers)
    assert given_ids == sorted(set(given_ids))


@given(ids, st.data())
def test_ids_ascend_after_steps_back_too(numbers, data):
    reissue = Reissue()
    newest = 0
    for _ in range(4):
        reached = data.draw(st.integers(1, len(numbers)))
        given_ids = sent(reissue, numbers[:reached])
        assert given_ids[0] > newest
        newest = given_ids[-1]
        reissue.begin_again()


@given(st.binary() | st.just(b'[{"id":5,"price":1}]'), st.sampled_from([EXECUTIONS, "lightning_ticker_X", "other", ""]))
def test_first_pass_is_what_was_recorded_to_the_byte(message, channel):
    assert Reissue().message(channel, message) == message


def test_a_later_pass_changes_nothing_but_ids():
    reissue = Reissue()
    text = b"[" + ROW % 7 + b',\t{ "id" : 9 , "size":1e-8}]'
    reissue.message(EXECUTIONS, text)
    reissue.begin_again()
    again = reissue.message(EXECUTIONS, text)
    assert b'"id":10,' in again
    assert b'{ "id" : 12 , "size":1e-8}' in again
    assert re.sub(rb"\d", b"", again) == re.sub(rb"\d", b"", text)
    assert b"JRF20210722-222924-469394" in again, "the serial number of the order"
    assert reissue.message("lightning_board_BTC_JPY", text) == text


def test_what_is_no_id_stays():
    reissue = Reissue()
    text = b'[{"id":0},{"id":-3},{"id":"5"},{"id":5.5},{"id":1e3},{"id":99999999999999999999},{"note":"\\"id\\":5"}]'
    reissue.message(EXECUTIONS, b'[{"id":4}]')
    reissue.begin_again()
    assert reissue.message(EXECUTIONS, text) == text


def test_tickers_have_a_numbering_of_their_own_and_orders_that_of_executions():
    reissue = Reissue()
    reissue.message(EXECUTIONS, b'[{"id":100},{"id":149}]')
    reissue.message("lightning_ticker_BTC_JPY", b'{"tick_id":3}')
    reissue.begin_again()
    assert reissue.message("lightning_ticker_BTC_JPY", b'{"tick_id":3}') == b'{"tick_id":4}'
    assert reissue.message("child_order_events", b'[{"exec_id":120}]') == b'[{"exec_id":170}]'
