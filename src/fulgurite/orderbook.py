"""The order book of one product, kept from its snapshots and diffs (protocol reference, sections 3.1 and 3.2).

The wire gives nothing to check a book with but `mid_price`: no sequence number, no checksum. A snapshot comes
about every 5 seconds and replaces everything; between two of them a lost deletion leaves a stale level. So a book
is either LIVE or it refuses to answer; wherever it contradicts `mid_price` it counts a drift and goes on, because
the next snapshot heals it and a reconnect would only lose more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from enum import StrEnum
from math import remainder

from fulgurite.errors import BookNotLiveError
from fulgurite.protocol.messages import Board, Level


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
        # Market orders that wait for an itayose, by the last row of price 0 seen; 0.0 where none came.
        self.market_bid_size = 0.0
        self.market_ask_size = 0.0
        self._bids = _BookSide()
        self._asks = _BookSide()
        # The price step as far as it is known: only ever made finer, by the prices that come by.
        self._tick = 1.0

    def apply_snapshot(self, board: Board) -> None:
        """Replace the whole book and make it LIVE.

        Levels may be unsorted and of size 0 (which means absent), and `mid_price` need not match them: the
        reference saw all three in one burst (3.1), so a snapshot is never checked.
        """
        self._bids.replace(board.bids)
        self._asks.replace(board.asks)
        self._keep_market_sizes(board)
        self._learn_tick(board.mid_price)
        self.state = BookState.LIVE

    def apply_diff(self, board: Board) -> None:
        """Apply the changed levels; does nothing before the first snapshot and while STALE.

        Afterwards levels that contradict `mid_price` are dropped: bids above it, asks at or below it. The diff is
        the newer evidence, and the error that really happens is a deletion that never came (3.2), so the level
        that crosses is the stale one, on either side. A right level never goes: `mid_price` is the middle of the
        best prices rounded down to the tick, hence never below the best bid and always below the best ask. In an
        itayose that does not hold, and the drift stays until the first snapshot after it.
        """
        if self.state is not BookState.LIVE:
            return
        self._bids.update(board.bids)
        self._asks.update(board.asks)
        self._keep_market_sizes(board)
        dropped = self._bids.drop_above(board.mid_price) + self._asks.drop_up_to(board.mid_price)
        if dropped or not self._agrees_with(board.mid_price):
            self.drift_count += 1

    def invalidate(self, reason: str) -> None:
        """Clear the book because messages were missed (a Gap); it is STALE until the next snapshot."""
        self._bids.replace([])
        self._asks.replace([])
        self.market_bid_size = self.market_ask_size = 0.0
        self.state = BookState.STALE
        self.reason = reason

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, or None where there are no bids.

        Raises:
            BookNotLiveError: no snapshot has come yet, or none since a gap. So do all the queries.
        """
        self._require_live()
        return self._bids.level(-1) if self._bids.prices else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, or None where there are no asks."""
        self._require_live()
        return self._asks.level(0) if self._asks.prices else None

    @property
    def mid(self) -> float | None:
        """The middle of the best prices, not rounded; None where a side is empty."""
        self._require_live()
        if not self._bids.prices or not self._asks.prices:
            return None
        return (self._bids.prices[-1] + self._asks.prices[0]) / 2

    def bids(self, depth: int | None = None) -> list[Level]:
        """The best `depth` bids (None: all that are known), highest first."""
        self._require_live()
        sizes = self._bids.sizes
        return [Level(price, sizes[price]) for price in self._bids.prices[: _start(depth) : -1]]

    def asks(self, depth: int | None = None) -> list[Level]:
        """The best `depth` asks (None: all that are known), lowest first."""
        self._require_live()
        sizes = self._asks.sizes
        return [Level(price, sizes[price]) for price in self._asks.prices[:depth]]

    def _require_live(self) -> None:
        if self.state is not BookState.LIVE:
            raise BookNotLiveError(self.state, self.reason)

    def _keep_market_sizes(self, board: Board) -> None:
        for level in board.bids:
            if level.price == 0:
                self.market_bid_size = level.size
        for level in board.asks:
            if level.price == 0:
                self.market_ask_size = level.size

    def _agrees_with(self, mid_price: float) -> bool:
        """Whether our middle, rounded down to the tick, is `mid_price`: then it lies 0 or half a tick above it.

        The wire does not tell the tick. Until a price with all its decimals has come by the tick is taken too
        coarse, which makes this too lenient, never too strict.
        """
        if not self._bids.prices or not self._asks.prices:
            return True
        bid, ask = self._bids.prices[-1], self._asks.prices[0]
        for price in (mid_price, bid, ask):
            self._learn_tick(price)
        return -self._tick / 4 < (bid + ask) / 2 - mid_price < self._tick * 3 / 4

    def _learn_tick(self, price: float) -> None:
        # Every known tick is a power of ten, 1 to 0.00001; the bound only keeps odd input from looping.
        while self._tick > 1e-8 and abs(remainder(price, self._tick)) > self._tick * 1e-4:
            self._tick /= 10


class _BookSide:
    """The levels of one side: sizes by price, and the prices ascending.

    A dict with a sorted list beside it is the fastest shape measured, and nearly flat in depth. Floats are safe
    as keys, since the same decimal text always gives the same float.
    """

    def __init__(self) -> None:
        self.sizes: dict[float, float] = {}
        self.prices: list[float] = []

    def level(self, index: int) -> Level:
        price = self.prices[index]
        return Level(price, self.sizes[price])

    def replace(self, levels: list[Level]) -> None:
        # Price 0 is no level but the queue of market orders in an itayose (3.2).
        self.sizes = {level.price: level.size for level in levels if level.size and level.price}
        self.prices = sorted(self.sizes)

    def update(self, levels: list[Level]) -> None:
        sizes, prices = self.sizes, self.prices
        for level in levels:
            price = level.price
            if not price:
                continue
            if level.size:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = level.size
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]

    def drop_above(self, price: float) -> int:
        return self._drop(bisect_right(self.prices, price), len(self.prices))

    def drop_up_to(self, price: float) -> int:
        return self._drop(0, bisect_right(self.prices, price))

    def _drop(self, start: int, stop: int) -> int:
        for price in self.prices[start:stop]:
            del self.sizes[price]
        del self.prices[start:stop]
        return stop - start


def _start(depth: int | None) -> int | None:
    """Where a slice of the last `depth` items, read backwards, stops."""
    return None if depth is None else -depth - 1
