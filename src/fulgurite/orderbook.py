"""The order book of one product, kept from its snapshots and diffs (protocol reference, sections 3.1 and 3.2).

The wire gives nothing to check a book with but `mid_price`: no sequence number, no checksum. A snapshot comes
about every 5 seconds and replaces everything; between two of them a lost deletion leaves a stale level. So a book
is either LIVE or it refuses to answer; wherever it contradicts `mid_price` it counts a drift and goes on, because
the next snapshot heals it and a reconnect would only lose more.
"""

from __future__ import annotations

from copy import copy
from enum import StrEnum
from math import remainder
from typing import Final

from fulgurite.bookside import BookSide
from fulgurite.errors import BookNotLiveError
from fulgurite.protocol.messages import Board, Level
from fulgurite.protocol.words import number_text

TICK_LEVELS: Final = 100
"""At so many levels of each side of a snapshot it is looked how fine the prices are."""

SHOWN_LEVELS: Final = 5
"""Levels of each side that a printed book shows."""


class BookState(StrEnum):
    """Whether the book may be asked."""

    WAITING_SNAPSHOT = "WAITING_SNAPSHOT"
    LIVE = "LIVE"
    STALE = "STALE"


class OrderBook:
    """Feed it every message of `lightning_board_snapshot_P` and `lightning_board_P` in the order of arrival.

    A snapshot of a large product is cut to its best 300 levels a side, so the book knows nothing of the levels
    beyond until a diff touches them.

    Memory: the levels of the last snapshot, and those that the diffs since then have added.
    """

    def __init__(self) -> None:
        # Whether the book may be asked, and why not where it may not.
        self.state = BookState.WAITING_SNAPSHOT
        self.reason = "no snapshot has come yet"
        # Diffs that the book did not agree with; one diff counts once.
        self.drift_count = 0
        # Levels that a snapshot corrected while the book was LIVE, and how many the latest snapshot did. Snapshots are
        # up to two diffs older or one newer than the diffs around them (3.2), so a few are no drift.
        self.healed_levels = 0
        self.last_healed_levels = 0
        self._bids = BookSide(1.0)
        self._asks = BookSide(-1.0)
        # The price step as far as it is known: only ever made finer, by the prices that come by.
        self._tick = 1.0
        # What our middle may differ from `mid_price`; see `_agrees_with`.
        self._lowest, self._highest = -0.25, 0.75
        # Whether a diff has agreed since the book became LIVE.
        self._is_proven = False

    def apply_snapshot(self, board: Board) -> None:
        """Replace the whole book and make it LIVE.

        Levels may be unsorted and of size 0 (which means absent), and `mid_price` need not match them: the
        reference saw all three in one burst (3.1), so a snapshot is never checked.
        """
        bids, asks = self._bids.replace(board.bids), self._asks.replace(board.asks)
        best = (*self._bids.levels(TICK_LEVELS), *self._asks.levels(TICK_LEVELS))
        self._learn_tick(board.mid_price, *[level.price for level in best])
        if self.state is BookState.LIVE:
            self.last_healed_levels = bids + asks
            self.healed_levels += self.last_healed_levels
        else:
            self.state = BookState.LIVE
            self._is_proven = False

    def apply_diff(self, board: Board) -> None:
        """Apply the changed levels; does nothing before the first snapshot and while STALE.

        Afterwards levels that contradict `mid_price` are dropped: bids above it, asks at or below it. The diff is
        the newer evidence, and the error that really happens is a deletion that never came (3.2), so the level
        that crosses is the stale one, on either side. A right level never goes: `mid_price` is the middle of the
        best prices rounded down to the tick, hence never below the best bid and always below the best ask. In an
        itayose that does not hold, and the drift stays until the first snapshot after it.

        If it is the first diff after the book became LIVE, its snapshot was an old one, and the book is STALE again: of
        292 snapshots of two recordings two were taken for old that were not, which costs 5 seconds.
        """
        if self.state is not BookState.LIVE:
            return
        bid, ask, mid_price = self._bids.update(board.bids), self._asks.update(board.asks), board.mid_price
        # Nearly every diff agrees, and each is asked: so it is asked without a call.
        if (
            bid is not None
            and ask is not None
            and bid <= mid_price < ask
            and self._lowest < (bid + ask) / 2 - mid_price < self._highest
        ):
            self._is_proven = True
            return
        is_right = True
        while (bid := self._bids.best_price) is not None and bid > mid_price:
            self._bids.drop_best()
            is_right = False
        while (ask := self._asks.best_price) is not None and ask <= mid_price:
            self._asks.drop_best()
            is_right = False
        if not (is_right and self._agrees_with(mid_price)):
            self.drift_count += 1
            if not self._is_proven:
                self.invalidate("its snapshot does not fit the first diff after it, so it is an old one")
                return
        self._is_proven = True

    def invalidate(self, reason: str) -> None:
        """Clear the book because messages were missed (a Gap); it is STALE until the next snapshot."""
        self._bids = BookSide(1.0)
        self._asks = BookSide(-1.0)
        self.state = BookState.STALE
        self.reason = reason

    def copy(self) -> OrderBook:
        """A book with the same levels and state, which nothing changes but its owner."""
        book = copy(self)
        book._bids, book._asks = self._bids.copy(), self._asks.copy()
        return book

    @property
    def market_bid_size(self) -> float:
        """Market orders to buy that wait for an itayose, by the last row of price 0 seen; 0.0 where none came."""
        return self._bids.market_size

    @property
    def market_ask_size(self) -> float:
        """Market orders to sell that wait for an itayose; see `market_bid_size`."""
        return self._asks.market_size

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, or None where there are no bids.

        Raises:
            BookNotLiveError: no snapshot has come yet, or none since a gap. So do all the queries.
        """
        self._require_live()
        return self._bids.best()

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, or None where there are no asks."""
        self._require_live()
        return self._asks.best()

    @property
    def mid(self) -> float | None:
        """The middle of the best prices, not rounded; None where a side is empty."""
        self._require_live()
        bid, ask = self._bids.best_price, self._asks.best_price
        return None if bid is None or ask is None else (bid + ask) / 2

    def bids(self, depth: int | None = None) -> list[Level]:
        """The best `depth` bids (None: all that are known), highest first."""
        self._require_live()
        return self._bids.levels(depth)

    def asks(self, depth: int | None = None) -> list[Level]:
        """The best `depth` asks (None: all that are known), lowest first."""
        self._require_live()
        return self._asks.levels(depth)

    def __str__(self) -> str:
        """A ladder of the best levels; or why there is none, without raising anything."""
        if self.state is not BookState.LIVE:
            return f"order book {self.state}: {self.reason}"
        mid = "a side is empty" if self.mid is None else f"mid {number_text(self.mid)}"
        asks, bids = self.asks(SHOWN_LEVELS)[::-1], self.bids(SHOWN_LEVELS)
        rows = [("ask", level) for level in asks] + [("bid", level) for level in bids]
        width = max((len(number_text(level.price)) for _, level in rows), default=0)
        lines = (f"  {side} {number_text(level.price):>{width}}  {number_text(level.size)}" for side, level in rows)
        return "\n".join([f"order book {self.state}, {mid}", *lines])

    def __repr__(self) -> str:
        return f"<{str(self).splitlines()[0]}>"

    def _require_live(self) -> None:
        if self.state is not BookState.LIVE:
            raise BookNotLiveError(self.state, self.reason)

    def _agrees_with(self, mid_price: float) -> bool:
        """Whether our middle, rounded down to the tick, is `mid_price`: then it lies 0 or half a tick above it.

        The wire does not tell the tick. Until a price with all its decimals has come by, in a snapshot or here, the
        tick is taken too coarse, which makes this too lenient, never too strict.
        """
        bid, ask = self._bids.best_price, self._asks.best_price
        if bid is None or ask is None:
            return True
        self._learn_tick(mid_price, bid, ask)
        return self._lowest < (bid + ask) / 2 - mid_price < self._highest

    def _learn_tick(self, *prices: float) -> None:
        tick = self._tick
        for price in prices:
            # Every known tick is a power of ten, 1 to 0.00001; the bound only keeps odd input from looping.
            while tick > 1e-8 and abs(remainder(price, tick)) > tick * 1e-4:
                tick /= 10
        self._tick, self._lowest, self._highest = tick, -tick / 4, tick * 3 / 4
