"""The rules of a kept book: LIVE only on a snapshot that is new, while diffs can come."""

from __future__ import annotations

import pytest

from fulgurite.client.bookkeeping import BookKeeper, Bookkeeping
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board, Level

BOARD = Board(100.0, [Level(99.0, 1.0)], [Level(101.0, 1.0)])


def live() -> Bookkeeping:
    books = Bookkeeping()
    keeper = books.keep("P")
    keeper.resumed(Kind.BOARD)
    keeper.apply(Kind.BOARD_SNAPSHOT, BOARD)
    assert keeper.book.state == "LIVE"
    return books


def snapshot(books: Bookkeeping, connection: int = 0) -> str:
    keeper = books.keep("P")
    keeper.apply(Kind.BOARD_SNAPSHOT, BOARD, connection)
    return str(keeper.book.state)


def test_snapshots_alone_make_no_book():
    keeper = BookKeeper()
    keeper.apply(Kind.BOARD_SNAPSHOT, BOARD)
    assert keeper.book.state == "WAITING_SNAPSHOT"


def test_a_gap_of_snapshots_alone_does_no_harm():
    books = live()
    books.keep("P").interrupted(Kind.BOARD_SNAPSHOT, "silent")
    assert books.keep("P").book.state == "LIVE"


def test_while_what_comes_may_be_old_no_snapshot_counts():
    books = live()
    books.behind(0, "nobody read")
    book = books.keep("P").book
    assert (book.state, book.reason) == ("STALE", "nobody read")
    assert snapshot(books) == "STALE"
    books.caught_up(0)
    assert book.state == "STALE", "only a snapshot tells what it is now"
    assert snapshot(books) == "LIVE"


def test_a_book_that_is_first_asked_for_while_what_comes_may_be_old_is_stale():
    books = Bookkeeping()
    books.behind(0, "nobody read")
    keeper = books.keep("P")
    assert (keeper.book.state, keeper.book.reason) == ("STALE", "nobody read")


def test_the_snapshots_of_another_connection_count():
    books = live()
    books.behind(0, "the network stands still")
    assert snapshot(books, connection=0) == "STALE"
    assert snapshot(books, connection=1) == "LIVE"


@pytest.mark.parametrize("other_is_behind", [True, False])
def test_with_the_last_connection_that_is_not_behind_the_book_goes(other_is_behind):
    books = live()
    if other_is_behind:
        books.behind(1, "the network stands still")
    snapshot(books, connection=0)
    books.left(0)
    assert books.keep("P").book.state == ("STALE" if other_is_behind else "LIVE")


def test_a_new_connection_is_not_behind():
    books = live()
    books.behind(0, "nobody read")
    books.left(0)
    assert snapshot(books) == "LIVE"
