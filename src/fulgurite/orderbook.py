"""The order book of one product, kept from its snapshots and diffs (protocol reference, sections 3.1 and 3.2). Pure.

The wire gives nothing to check a book with but `mid_price`: no sequence number, no checksum. A snapshot comes
about every 5 seconds and replaces everything; between two of them a lost deletion leaves a stale level. So a book
is either LIVE or it refuses to answer. Where it contradicts `mid_price` it counts a drift and goes on, because the
levels dropped for it heal it nearly always; where the next diff contradicts it again it is STALE until the next
snapshot. A reconnect would only lose more.

Before an itayose bids and asks cross by right, and nothing but the levels themselves says so: the board has no market
state. A crossed book with the middle `mid_price` is the sender's book, too. A stale level
moves the middle, except an ask that stayed at the very bid while the spread is one tick; then the book refuses to
answer for a while: no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from enum import StrEnum
from math import inf, remainder
from typing import Final

from fulgurite.bookside import BookSide
from fulgurite.errors import BookNotLiveError, InputError
from fulgurite.itayose import uncrossing_price
from fulgurite.protocol.arguments import check_integer, check_number, check_type
from fulgurite.protocol.messages import Board, Level
from fulgurite.protocol.words import number_text

TICKS: Final = tuple(10.0**-decimals for decimals in range(9))
"""The possible ticks of a product; every known one is among 1 to 0.00001."""

_LOTS: Final = 100_000_000

STALE_LEVELS: Final = 5
"""So many of the best levels of a side may be stale at a time for the one behind them to be found."""

SHOWN_LEVELS: Final = 5
"""Levels of each side that a printed book shows."""

OLD_SNAPSHOT: Final = "its snapshot does not fit the first diff after it, so it is an old one"
TWICE_CONTRADICTED: Final = "two diffs in a row contradict it by their mid_price, so a message was lost or wrong"


class BookState(StrEnum):
    """Whether the book may be asked."""

    WAITING_SNAPSHOT = "WAITING_SNAPSHOT"
    LIVE = "LIVE"
    AUCTION = "AUCTION"
    """Bids and asks cross until an itayose executes them. There are levels, but no best prices."""
    STALE = "STALE"


class OrderBook:
    """Feed it every message of `lightning_board_snapshot_P` and `lightning_board_P` in the order of arrival.

    A snapshot of a large product is cut to its best 300 levels a side, so the book knows nothing of the levels
    beyond until a diff touches them.

    Memory: the levels of the last snapshot, and those that the diffs since then have added.

    Args:
        look: called before each answer; it calls `invalidate` where the book has fallen behind the
            messages, because nobody has fed it.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        if look is not None and not callable(look):
            raise InputError("look", look, "a function without arguments, or None")
        self._state = BookState.WAITING_SNAPSHOT
        self.reason = "no snapshot has come yet"
        """Why it may not be asked; "" while it is LIVE."""
        self._look = look
        # Whether there are levels to answer with: it is LIVE, or an AUCTION.
        self._is_known = False
        # Diffs that the book did not agree with; one diff counts once.
        self.drift_count = 0
        # Levels that a snapshot corrected in a book that could be asked, and how many the latest snapshot did.
        # Snapshots are up to two diffs older or one newer than the diffs around them (3.2), so a few are no drift.
        self.healed_levels = 0
        self.last_healed_levels = 0
        self._bids = BookSide(1.0)
        self._asks = BookSide(-1.0)
        # Whether a diff has agreed since the book could be asked, and whether the latest one contradicted it.
        self._is_proven = False
        self._is_contradicted = False

    def apply_snapshot(self, board: Board) -> None:
        """Replace the whole book and make it LIVE, or AUCTION where the snapshot has crossed.

        Levels may be unsorted and of size 0 (absent), and `mid_price` need not match them: the
        reference saw all three in one burst (3.1), so a snapshot is never checked.
        """
        check_type("board", board, Board, "a Board, the `data` of a message")
        healed = self._bids.replace(board.bids) + self._asks.replace(board.asks)
        self._is_contradicted = False
        if self._is_known:
            self.last_healed_levels = healed
            self.healed_levels += healed
        else:
            self._is_proven = False
        bid, ask = self._bids.best_price, self._asks.best_price
        self._answer(has_crossed=bid is not None and ask is not None and bid >= ask)

    def apply_diff(self, board: Board) -> None:
        """Apply the changed levels; does nothing before the first snapshot and while STALE.

        Where the book then contradicts `mid_price`, the levels that cannot be right are dropped: bids above it, asks at
        or below it. The diff is the newer evidence, and the error that really happens is a deletion that never came
        (3.2), so the level that crosses is the stale one, on either side. A right level never goes: `mid_price` is the
        middle of the best prices rounded down to the tick, hence never below the best bid and always below the best
        ask. Where the book still contradicts it, a stale level lies between the best prices, and the best levels of one
        side are dropped down to the one that agrees, if there is one. Where a whole side would have to go, the book is
        STALE. A book that does not contradict it and has crossed is in an AUCTION, and nothing is dropped until that is
        over: when a diff agrees that does not cross, or with the next snapshot.

        Where two diffs in a row contradict the book it is STALE: it has lost more than was dropped, or the first of the
        two was odd and took away right levels. If it is the first diff after the book was STALE, its snapshot was an
        old one, and the book is STALE again: of 292 snapshots of two recordings two were wrongly taken for old, at a
        cost of 5 seconds.
        """
        if not self._is_known:
            return
        bid, ask, mid_price = self._bids.update(board.bids), self._asks.update(board.asks), board.mid_price
        # Nearly every diff agrees, and each is asked: so of prices that are whole numbers it is asked without a call.
        if (
            bid is not None
            and ask is not None
            and (
                (above := (bid + ask) / 2 - mid_price) == 0.0
                or (above == 0.5 and not bid % 1.0 and not mid_price % 1.0)
                or is_middle(bid, ask, mid_price)
            )
        ):
            self._is_proven = True
            self._is_contradicted = False
            if bid >= ask or self._state is not BookState.LIVE:
                self._answer(has_crossed=bid >= ask)
            return
        may_drop = self._state is BookState.LIVE or bid is None or ask is None
        if not (may_drop and self._drop(mid_price)):
            self.drift_count += 1
            if not self._is_proven:
                self.invalidate(OLD_SNAPSHOT)
                return
            if [bid is None, ask is None] != [side.best_price is None for side in (self._bids, self._asks)]:
                self.invalidate("by the mid_price of a diff a whole side of the book is wrong, so one of the two is")
                return
            if self._is_contradicted:
                self.invalidate(TWICE_CONTRADICTED)
                return
            self._is_contradicted = True
        else:
            self._is_contradicted = False
        self._is_proven = True

    def invalidate(self, reason: str) -> None:
        """Clear the book because messages were missed (a Gap); it is STALE until the next snapshot."""
        self._bids = BookSide(1.0)
        self._asks = BookSide(-1.0)
        self._state = BookState.STALE
        self.reason = reason
        self._is_known = False

    def copy(self) -> OrderBook:
        """A book with the same levels and state, changed by its owner alone."""
        _ = self.state  # it is the present truth
        book = copy(self)
        book._look = None
        book._bids, book._asks = self._bids.copy(), self._asks.copy()
        return book

    @property
    def state(self) -> BookState:
        """Whether the book may be asked; `reason` says why not."""
        if self._is_known and self._look is not None:
            self._look()
        return self._state

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
            BookNotLiveError: no snapshot has come yet, or none since a gap; or it is an auction, without best
                prices.
        """
        self._require_live()
        return self._bids.best()

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, or None where there are no asks; raises as `best_bid` does."""
        self._require_live()
        return self._asks.best()

    @property
    def mid(self) -> float | None:
        """The middle of the best prices, not rounded; None where a side is empty. Raises as `best_bid` does."""
        self._require_live()
        bid, ask = self._bids.best_price, self._asks.best_price
        return None if bid is None or ask is None else (bid + ask) / 2

    def bids(self, depth: int | None = None) -> list[Level]:
        """The best `depth` bids (None: all that are known), highest first; in an auction some are above asks.

        Raises:
            InputError: the depth is no integer from 0.
            BookNotLiveError: no snapshot has come yet, or none since a gap.
        """
        self._require_known()
        return self._bids.levels(_checked(depth))

    def asks(self, depth: int | None = None) -> list[Level]:
        """The best `depth` asks (None: all that are known), lowest first; see `bids`."""
        self._require_known()
        return self._asks.levels(_checked(depth))

    def uncrossing_price(
        self,
        last_price: float | None = None,
        *,
        market_bid_size: float | None = None,
        market_ask_size: float | None = None,
    ) -> float | None:
        """The price of an itayose that would execute most of the resting orders; None outside of an auction.

        Nobody knows the service's own rule; `itayose` has the one that is taken here.

        Args:
            last_price: the last traded price, to decide between several; the ticker tells it.
            market_bid_size: market orders to buy that wait; by default those that the book knows. The ticker tells
                that, too, and earlier.
            market_ask_size: the same of those to sell.

        Raises:
            InputError: one of them is no number.
            BookNotLiveError: no snapshot has come yet, or none since a gap.
        """
        if last_price is not None:
            check_number("last_price", last_price, "a price, or None", least=-inf)
        for name, size in (("market_bid_size", market_bid_size), ("market_ask_size", market_ask_size)):
            if size is not None:
                check_number(name, size, "a size from 0, or None")
        self._require_known()
        if self.state is not BookState.AUCTION:
            return None
        return uncrossing_price(
            [(level.price, _lots(level.size)) for level in self._bids.levels(None)],
            [(level.price, _lots(level.size)) for level in self._asks.levels(None)],
            last_price,
            market_bids=_lots(self.market_bid_size if market_bid_size is None else market_bid_size),
            market_asks=_lots(self.market_ask_size if market_ask_size is None else market_ask_size),
        )

    def __str__(self) -> str:
        """A ladder of the best levels; or why there is none, without raising anything."""
        book = self.copy()  # this one stays as it is
        if not book._is_known:
            return f"order book {book.state}: {book.reason}"
        if book.state is BookState.AUCTION:
            mid = "bids and asks cross"
        else:
            mid = "a side is empty" if book.mid is None else f"mid {number_text(book.mid)}"
        asks, bids = book.asks(SHOWN_LEVELS)[::-1], book.bids(SHOWN_LEVELS)
        rows = [("ask", level) for level in asks] + [("bid", level) for level in bids]
        width = max((len(number_text(level.price)) for _, level in rows), default=0)
        lines = (f"  {side} {number_text(level.price):>{width}}  {number_text(level.size)}" for side, level in rows)
        return "\n".join([f"order book {book.state}, {mid}", *lines])

    def __repr__(self) -> str:
        return f"<{str(self).splitlines()[0]}>"

    # --- inside

    def _require_live(self) -> None:
        state = self.state
        if state is not BookState.LIVE:
            raise BookNotLiveError(state, self.reason)

    def _require_known(self) -> None:
        state = self.state
        if not self._is_known:
            raise BookNotLiveError(state, self.reason)

    def _answer(self, *, has_crossed: bool) -> None:
        self._is_known = True
        if has_crossed:
            self._state = BookState.AUCTION
            self.reason = "an auction: bids and asks cross until an itayose executes them at one price"
        else:
            self._state = BookState.LIVE
            self.reason = ""

    def _drop(self, mid_price: float) -> bool:
        """Drop the levels that contradict this `mid_price`; whether the book agreed with it before."""
        is_right = True
        while (bid := self._bids.best_price) is not None and bid > mid_price:
            self._bids.drop_best()
            is_right = False
        while (ask := self._asks.best_price) is not None and ask <= mid_price:
            self._asks.drop_best()
            is_right = False
        self._answer(has_crossed=False)
        if bid is None or ask is None or is_middle(bid, ask, mid_price):
            return is_right
        if (bid + ask) / 2 < mid_price:
            _drop_down_to(self._asks, lambda price: is_middle(bid, price, mid_price))
        else:
            _drop_down_to(self._bids, lambda price: is_middle(price, ask, mid_price))
        return False


def _drop_down_to(side: BookSide, is_right: Callable[[float], bool]) -> None:
    """Drop the best levels of a side where one of the next is right: the deletions of those before never came."""
    for stale, level in enumerate(side.levels(STALE_LEVELS + 1)):
        if stale and is_right(level.price):
            for _ in range(stale):
                side.drop_best()
            return


def is_middle(bid: float, ask: float, mid_price: float) -> bool:
    """Whether `mid_price` is the middle of two prices, rounded down to the tick: 0 or half a tick below it.

    The wire does not tell the tick, and one odd message is enough to learn a wrong one; so nothing is learned. Half a
    tick above `mid_price` means: half of a tick that divides all three prices.
    """
    above = (bid + ask) / 2 - mid_price
    if abs(above) <= abs(mid_price) * 1e-12 < inf:
        return True
    for tick in TICKS:
        if abs(above - tick / 2) < tick * 1e-3:
            return all(abs(remainder(price, tick)) < tick * 1e-3 for price in (bid, ask, mid_price))
    return False


def _lots(size: float) -> int:
    return round(size * _LOTS)


def _checked(depth: int | None) -> int | None:
    return None if depth is None else check_integer("depth", depth, 0)
