"""One product's book, kept from its two channels, each of which may be interrupted by itself. Pure."""

from __future__ import annotations

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
