"""Executions that were given before: by id and content, and not for ever."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client import duplicates
from fulgurite.client.duplicates import GivenExecutions, executions_of, reduced
from fulgurite.client.items import Message
from fulgurite.protocol.channels import executions
from fulgurite.protocol.messages import Execution

NAME = executions("BTC_JPY").name


def row(number: int, orders: int | None = None, exec_date: str = "2026-11-22T00:00:00.0000000Z") -> Execution:
    buyer = f"JRF{number if orders is None else orders}"
    return Execution(number, "BUY", 100.0, 0.1, exec_date, buyer, "JRF0")


def test_an_execution_is_fresh_once():
    given_ones = GivenExecutions()
    assert given_ones.fresh([row(1), row(2)]) == [0, 1]
    assert given_ones.fresh([row(2), row(3), row(3)]) == [1]
    assert given_ones.has(row(3))
    assert not given_ones.has(row(4))


def test_without_an_id_it_is_told_apart_by_its_orders():
    given_ones = GivenExecutions()
    assert given_ones.fresh([row(0, 7), row(0, 8), row(0, 7)]) == [0, 1]
    assert given_ones.fresh([row(5, 7)]) == []  # HTTP has the id of an execution that came without one
    assert given_ones.fresh([row(6, 9), row(10, 9)]) == [0, 1]  # two orders may meet twice


def test_with_the_same_id_and_another_content_it_is_another_one():
    given_ones = GivenExecutions()
    assert given_ones.fresh([row(1, 7), row(1, 8), row(1, 7)]) == [0, 1]
    assert not given_ones.has(row(1, 9))
    assert given_ones.fresh([row(2, 7)]) == [0]
    assert given_ones.fresh([row(1, 7), row(2, 7)]) == []  # though the latest with this content has another id


@given(st.integers(1, 5), st.lists(st.integers(1, 4), max_size=40))
def test_at_least_the_last_half_of_the_limit_is_remembered_and_no_more_than_the_limit(half, sizes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "SEEN_LIMIT", 2 * half)
        given_ones, count = GivenExecutions(), 0
        for size in sizes:
            rows = [row(number) for number in range(count + 1, count + 1 + size)]
            assert given_ones.fresh(rows) == list(range(size))
            count += size
            assert all(given_ones.has(row(number)) for number in range(max(1, count + 1 - half), count + 1))
            remembered = sum(given_ones.has(row(number)) for number in range(1, count + 1))
            assert remembered <= 2 * (half + max(sizes))  # a message is remembered as a whole
            above = range(given_ones.forgotten_up_to + 1, count + 1)
            assert all(given_ones.has(row(number)) for number in above)


def test_a_message_is_reduced_to_what_is_fresh_as_it_was_written():
    text = b'[{"id":1 ,"side":"BUY"}, {"id":2,"side":""}]'
    message = Message(NAME, 0, "frame", msgspec.Raw(text))
    assert reduced(message, ["one", "two"], [0, 1]) is message
    assert reduced(message, ["one", "two"], []) is None
    kept = reduced(message, ["one", "two"], [1])
    assert kept is not None
    assert bytes(kept.raw) == b'[{"id":2,"side":""}]'
    assert kept.data == ["two"]


def test_a_message_that_cannot_be_read_has_no_executions():
    assert executions_of(Message(NAME, 0, "frame", msgspec.Raw(b'[{"id":"1"}]'))) == []
