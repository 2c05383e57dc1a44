"""The market views: the product in view is shown, the others are ready, and no book is shown that may be wrong."""

from __future__ import annotations

from fulgurite.playground.market import Market
from fulgurite.playground.messages import Book, Executions, Ticker
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol import channels
from fulgurite.protocol.messages import Board, Execution, Level
from fulgurite.protocol.messages import Ticker as WireTicker


def board(bid, ask):
    return Board((bid + ask) / 2, [Level(bid, 1.0)], [Level(ask, 2.0)])


def ticker(product_code):
    return WireTicker(product_code, "2026-11-22T00:00:00Z", 1, 99.0, 101.0, 1.0, 1.0, 1.0, 1.0, 100.0, 5.0, 6.0)


def fill(number):
    return Execution(number, "SELL", 100.0, 0.1, "2026-11-22T00:00:00Z", "JRF1", "JRF2")


def made(product_code="FX_BTC_JPY"):
    outbox = Outbox()
    return outbox, Market(outbox, product_code)


def sent(outbox, kind):
    return [message for message in outbox.drain() if isinstance(message, kind)]


def test_a_book_waits_for_its_snapshot_then_is_live():
    outbox, market = made()
    market.take(channels.board("FX_BTC_JPY"), board(99, 101))
    market.send_book(1.0)
    assert [book.state for book in sent(outbox, Book)] == ["WAITING_SNAPSHOT"]
    market.take(channels.board_snapshot("FX_BTC_JPY"), board(99, 101))
    market.send_book(2.0)
    [book] = sent(outbox, Book)
    assert (book.state, book.bids, book.asks) == ("LIVE", [(99, 1.0)], [(101, 2.0)])


def test_the_book_is_sent_ten_times_a_second_at_most_and_only_when_changed():
    outbox, market = made()
    outbox.drain()
    counts = []
    for step in range(20):
        market.take(channels.board_snapshot("FX_BTC_JPY"), board(99 - step, 101))
        market.send_book(10 + step / 16)
        counts.append(len(sent(outbox, Book)))
    assert sum(counts) == 10, "every 62.5 ms it was asked, so every other time it was due"
    market.send_book(20.0)
    market.send_book(30.0)
    assert len(sent(outbox, Book)) <= 1
    market.send_book(40.0)
    assert sent(outbox, Book) == []


def test_no_book_is_shown_after_an_interruption():
    outbox, market = made()
    market.take(channels.board_snapshot("FX_BTC_JPY"), board(99, 101))
    market.interrupt_all("closed by the server: 1012")
    market.send_book(1.0)
    [book] = sent(outbox, Book)
    assert (book.state, book.reason, book.bids) == ("STALE", "closed by the server: 1012", [])


def test_a_gap_of_the_ticker_leaves_the_book_alone():
    outbox, market = made()
    market.take(channels.board_snapshot("FX_BTC_JPY"), board(99, 101))
    market.interrupt(channels.ticker("FX_BTC_JPY"), "a malformed frame")
    market.send_book(1.0)
    assert [book.state for book in sent(outbox, Book)] == ["LIVE"]
    market.interrupt(channels.board("FX_BTC_JPY"), "a malformed frame")
    market.send_book(2.0)
    assert [book.state for book in sent(outbox, Book)] == ["STALE"]


def test_another_product_is_ready_when_it_comes_into_view():
    outbox, market = made()
    market.take(channels.board_snapshot("BTC_JPY"), board(9, 11))
    market.take(channels.ticker("BTC_JPY"), ticker("BTC_JPY"))
    market.take(channels.executions("BTC_JPY"), [fill(1), fill(2)])
    market.send_book(1.0)
    assert sent(outbox, Ticker) == []
    market.view("BTC_JPY")
    batch = outbox.drain()
    assert [message.state for message in batch if isinstance(message, Book)] == ["LIVE"]
    assert [message.product_code for message in batch if isinstance(message, Ticker)] == ["BTC_JPY"]
    assert [[row.id for row in message.executions] for message in batch if isinstance(message, Executions)] == [[1, 2]]


def test_an_unsubscribed_book_is_forgotten():
    outbox, market = made()
    market.take(channels.board_snapshot("FX_BTC_JPY"), board(99, 101))
    market.forget(channels.board("FX_BTC_JPY"))
    market.send_book(1.0)
    assert [book.state for book in sent(outbox, Book)] == ["WAITING_SNAPSHOT"]


def test_backfilled_executions_are_marked_and_stand_in_their_place():
    outbox, market = made()
    channel = channels.executions("FX_BTC_JPY")
    market.take(channel, [fill(1), fill(4)])
    market.take(channel, [fill(2), fill(3)], is_backfilled=True)
    assert [(row.id, row.backfilled) for row in sent(outbox, Executions)[-1].executions] == [
        (1, False), (4, False), (2, True), (3, True),
    ]  # fmt: skip
    market.view("BTC_JPY")
    market.view("FX_BTC_JPY")
    assert [row.id for row in sent(outbox, Executions)[-1].executions] == [1, 2, 3, 4]
