"""The kept books: each from two channels, which may be interrupted, over connections that may fall behind.

Pure. These are the rules of every kept book: of the live stream, of a replay, of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board


class BookKeeper:
    """Feeds one book, and makes it STALE when diffs may be missing, or what comes may be old.

    A snapshot makes the book LIVE only while diffs can come: without them it is right for a moment and wrong from then
    on. Snapshots that do not come only mean that what a lost diff left behind stays for longer.

    Args:
        look: called before each answer of the book; see `OrderBook`.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self.book = OrderBook(look)
        self._has_diffs = False
        self._behind: set[int] = set()

    def apply(self, kind: Kind, board: Board, connection: int = 0) -> None:
        """Take a message of either channel, which came over this connection."""
        if kind is Kind.BOARD:
            self.book.apply_diff(board)
        elif self._has_diffs and connection not in self._behind:
            self.book.apply_snapshot(board)

    def interrupted(self, kind: Kind, reason: str) -> None:
        """Messages of a channel may be missing from now on."""
        if kind is Kind.BOARD:
            self._has_diffs = False
            self.book.invalidate(reason)

    def resumed(self, kind: Kind) -> None:
        """Messages of a channel can come from now on."""
        if kind is Kind.BOARD:
            self._has_diffs = True

    def doubt(self, connection: int) -> None:
        """It is not known yet whether what comes over this connection is old: until then no snapshot of it counts."""
        self._behind.add(connection)

    def behind(self, connection: int, reason: str) -> None:
        """What comes over this connection may be old from now on, so that no snapshot of it counts."""
        self.doubt(connection)
        if self.book.state is not BookState.STALE:  # else the first reason stays
            self.book.invalidate(reason)

    def caught_up(self, connection: int) -> None:
        """What comes over this connection is new from now on."""
        self._behind.discard(connection)


class Bookkeeping:
    """The books of one stream.

    Args:
        look: called before each answer of a book; see `OrderBook`.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self.keepers: dict[str, BookKeeper] = {}
        """By product code."""
        self._look = look
        self._behind: dict[int, str] = {}

    def keep(self, product_code: str) -> BookKeeper:
        """The keeper of a product's book; there is one from now on."""
        keeper = self.keepers.get(product_code)
        if keeper is None:
            keeper = self.keepers[product_code] = BookKeeper(self._look)
            for connection, reason in self._behind.items():
                keeper.behind(connection, reason)
        return keeper

    def behind(self, connection: int, reason: str) -> None:
        """What comes over a connection may be old from now on."""
        self._behind[connection] = reason
        for keeper in self.keepers.values():
            keeper.behind(connection, reason)

    def caught_up(self, connection: int) -> None:
        """What comes over a connection is new from now on: it has been read to its end, or is a new one."""
        self._behind.pop(connection, None)
        for keeper in self.keepers.values():
            keeper.caught_up(connection)

    def left(self, connection: int) -> None:
        """A connection has ended. If others that are behind go on, there is nothing but old messages from now on."""
        self.caught_up(connection)
        for other, reason in self._behind.items():
            self.behind(other, reason)


class KeepsBooks(Protocol):
    """A stream, or what stands for one in a replay."""

    @property
    def bookkeeping(self) -> Bookkeeping:
        """The kept books."""
        ...

    def keep_book(self, product_code: str) -> BookKeeper:
        """Keep the book of a product from now on."""
        ...


class Books(Mapping[str, OrderBook]):
    """The order books that a stream keeps, by product code: ``stream.books["BTC_JPY"].best_bid``.

    Asking for a product subscribes what its book needs, `board` and `board_snapshot`; the stream still yields only the
    channels that were subscribed by name. A book is as new as the newest message that has come, which may be newer
    than the item in hand. While messages may be missing it is STALE and refuses to answer.
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
