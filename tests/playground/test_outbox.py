"""The rows that wait for a slow page are bounded; omissions are told; the page is right afterwards."""

from __future__ import annotations

from fulgurite.playground.messages import (
    Book,
    Dropped,
    Execution,
    Executions,
    Frame,
    Hello,
    Problem,
    Source,
    Status,
    Ticker,
)  # fmt: skip
from fulgurite.playground.outbox import Outbox


def frame(text="x"):
    return Frame("received", 0.0, text, len(text))


def executions(*ids):
    return [Execution(number, "BUY", 1.0, 1.0, "") for number in ids]


def test_rows_come_in_order_and_once():
    outbox = Outbox()
    rows = [frame("a"), Status("open", 1.0), frame("b")]
    for row in rows:
        outbox.add_row(row)
    assert outbox.drain() == rows
    assert outbox.drain() == []


def test_too_many_rows_cost_the_oldest_and_say_so():
    outbox = Outbox(row_limit=3)
    for number in range(10):
        outbox.add_row(frame(str(number)))
    assert outbox.drain() == [Dropped(7), frame("7"), frame("8"), frame("9")]
    outbox.add_row(frame("later"))
    assert outbox.drain() == [frame("later")], "the drop is told once"


def test_long_frames_count_by_their_length():
    outbox = Outbox(character_limit=10)
    for text in ("1234", "1234", "123456"):
        outbox.add_row(frame(text))
    assert outbox.drain() == [Dropped(1), frame("1234"), frame("123456")]


def test_a_frame_longer_than_the_limit_is_sent_with_what_comes_after_it():
    outbox = Outbox(character_limit=10)
    outbox.add_row(frame("123456"))
    outbox.add_row(frame("12345678901"))
    outbox.add_row(frame("later"))
    assert outbox.drain() == [Dropped(1), frame("12345678901"), frame("later")]


def test_only_the_latest_state_of_a_type_waits():
    outbox = Outbox()
    old, new = (Book("FX_BTC_JPY", "LIVE", "", drift) for drift in (1, 2))
    outbox.set_state(old)
    outbox.set_state(Problem("no"))
    outbox.set_state(new)
    assert outbox.drain() == [new, Problem("no")]


def test_executions_are_joined_and_bounded():
    outbox = Outbox(execution_limit=3)
    outbox.restart_executions("FX_BTC_JPY", [])
    outbox.drain()
    outbox.add_executions(executions(1, 2))
    outbox.add_executions(executions(3, 4))
    assert outbox.drain() == [Executions("FX_BTC_JPY", executions(2, 3, 4))]


def test_another_product_forgets_what_waits_of_the_one_before():
    outbox = Outbox()
    outbox.add_executions(executions(1))
    outbox.restart_executions("BTC_JPY", executions(7))
    outbox.add_executions(executions(8))
    assert outbox.drain() == [Executions("BTC_JPY", executions(7, 8), restart=True)]


def test_nothing_of_a_former_source_is_sent_after_the_next_began():
    outbox = Outbox()
    outbox.set_state(Hello("1", "", "wss://live"))
    outbox.set_state(Problem("not that"))
    outbox.set_state(Ticker("BTC_JPY", 1.0, 1.0, 1.0, 1.0, "", ""))
    outbox.add_row(Status("open", 1.0))
    outbox.add_executions([Execution(1, "BUY", 1.0, 1.0, "")])
    outbox.begin(Source(3))
    outbox.set_state(Ticker("BTC_JPY", 2.0, 2.0, 2.0, 2.0, "", ""))
    batch = outbox.drain()
    assert batch[0] == Source(3), "it tells what the rest of the batch is of"
    assert [type(message) for message in batch] == [Source, Hello, Problem, Ticker]
    assert [message.ltp for message in batch if isinstance(message, Ticker)] == [2.0]
