"""One product's book, kept from its two channels, each of which may be interrupted by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from fulgurite.orderbook import OrderBook
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board


class BookKeeper:
    """Feeds the book, and makes it STALE when diffs may be missing.

    A snapshot makes the book LIVE only while diffs can come: without them it is right for a moment and wrong from then
    on. Snapshots that do not come only mean that what a lost diff left behind stays for longer.
    """

    def __init__(self) -> None:
        self.book = OrderBook()
        self._has_diffs = False

    def apply(self, kind: Kind, board: Board) -> None:
        """Take a message of either channel."""
        if kind is Kind.BOARD:
            self.book.apply_diff(board)
        elif self._has_diffs:
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


class KeepsBooks(Protocol):
    """A stream, or what stands for one in a replay."""

    keepers: dict[str, BookKeeper]

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
        return iter(self._keeping.keepers)

    def __len__(self) -> int:
        return len(self._keeping.keepers)

    def __contains__(self, product_code: object) -> bool:
        return product_code in self._keeping.keepers
