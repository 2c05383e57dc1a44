"""The kept books: each from two channels that may be interrupted, over connections that may fall behind.

Pure. The live stream, a replay and the page keep their books by these rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board


class BookKeeper:
    """Updates one book, and makes it STALE when diffs may be missing or messages may be old.

    A snapshot makes the book LIVE only while diffs can come: without diffs it is right for a moment only. Missing
    snapshots do not make it STALE; they only delay the repair of levels that a lost diff left behind.

    Args:
        look: called before each answer of the book; see `OrderBook`.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self.book = OrderBook(look)
        self._has_diffs = False
        self._behind: set[int] = set()

    def apply(self, kind: Kind, board: Board, connection: int = 0) -> None:
        """Apply a message of either channel, received over this connection."""
        if kind is Kind.BOARD:
            self.book.apply_diff(board)
        elif self._has_diffs and connection not in self._behind:
            self.book.apply_snapshot(board)

    def interrupted(self, kind: Kind, reason: str) -> None:
        """Process an interruption of a channel."""
        if kind is Kind.BOARD:
            self._has_diffs = False
            self.book.invalidate(reason)

    def resumed(self, kind: Kind) -> None:
        """Process the resumption of a channel."""
        if kind is Kind.BOARD:
            self._has_diffs = True

    def doubt(self, connection: int) -> None:
        """Ignore snapshots of this connection until the age of its messages is known."""
        self._behind.add(connection)

    def behind(self, connection: int, reason: str) -> None:
        """Ignore snapshots of this connection, and make the book STALE: messages may be old."""
        self.doubt(connection)
        if self.book.state is not BookState.STALE:  # else the first reason stays
            self.book.invalidate(reason)

    def caught_up(self, connection: int) -> None:
        """Use snapshots of this connection again."""
        self._behind.discard(connection)


class Bookkeeping:
    """The books of one stream.

    Args:
        look: called before each answer of a book; see `OrderBook`.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self.keepers: dict[str, BookKeeper] = {}
        """The keepers by product code."""
        self._look = look
        self._behind: dict[int, str] = {}

    def keep(self, product_code: str) -> BookKeeper:
        """The keeper of a product's book, made if there is none."""
        keeper = self.keepers.get(product_code)
        if keeper is None:
            keeper = self.keepers[product_code] = BookKeeper(self._look)
            for connection, reason in self._behind.items():
                keeper.behind(connection, reason)
        return keeper

    def behind(self, connection: int, reason: str) -> None:
        """Expect old messages on a connection from now on."""
        self._behind[connection] = reason
        for keeper in self.keepers.values():
            keeper.behind(connection, reason)

    def caught_up(self, connection: int) -> None:
        """Expect new messages on a connection: its backlog was read, or it is a new connection."""
        self._behind.pop(connection, None)
        for keeper in self.keepers.values():
            keeper.caught_up(connection)

    def left(self, connection: int) -> None:
        """Process the end of a connection. Only old messages are left if all others are behind."""
        self.caught_up(connection)
        for other, reason in self._behind.items():
            self.behind(other, reason)


class KeepsBooks(Protocol):
    """A stream or a replay."""

    @property
    def bookkeeping(self) -> Bookkeeping:
        """The kept books."""
        ...

    def keep_book(self, product_code: str) -> BookKeeper:
        """Keep the book of a product from now on."""
        ...


class Books(Mapping[str, OrderBook]):
    """The order books that a stream keeps, by product code: ``stream.books["BTC_JPY"].best_bid``.

    Access to a product subscribes the channels of its book, `board` and `board_snapshot`. The stream still yields only
    the channels subscribed by name. A book includes the newest message received, which may be newer than the present
    item. While messages may be missing, the book is STALE and refuses to answer.
    """

    def __init__(self, keeping: KeepsBooks) -> None:
        self._keeping = keeping

    def __getitem__(self, product_code: str) -> OrderBook:
        return self._keeping.keep_book(product_code).book

    def __iter__(self) -> Iterator[str]:
        return iter(self._keeping.bookkeeping.keepers)

    def __len__(self) -> int:
        return len(self._keeping.bookkeeping.keepers)

    def __contains__(self, product_code: object) -> bool:
        return product_code in self._keeping.bookkeeping.keepers
