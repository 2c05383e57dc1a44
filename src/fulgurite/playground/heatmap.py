"""The book over the last minutes, in columns for a heat map: sizes by price, twice a second. Pure.

A column holds the levels around the middle of the book, added up in steps of price that stay the same, so that columns
fit beside each other. While the book may be wrong a column has no sizes.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import msgspec

from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.messages import Level

COLUMN_MS: Final = 500
"""The time between two columns."""

COLUMN_LIMIT: Final = 600
"""Five minutes; the oldest go."""

STEPS: Final = 120
"""Prices of a column, half of them below the middle."""

_LEVELS: Final = 250
"""So many levels a side are looked at, from the best: more are hardly ever within reach."""

_TYPICAL_LEVELS: Final = 40
"""So many levels a side decide how wide the map is, within the following bounds."""

_NARROWEST, _WIDEST = 0.0005, 0.01
"""Of the price, above and below the middle."""


class Trade(msgspec.Struct, array_like=True):
    """The executions of one side during a column, an array on the wire."""

    side: str
    price: float
    """The average, by size."""
    size: float


class Column(msgspec.Struct, array_like=True, frozen=True):
    """The book at one moment, an array on the wire."""

    at_ms: float
    """On this machine's clock, since it is the age of a book that counts."""
    best_bid: float
    best_ask: float
    first: int
    """The price of the first size, in steps."""
    sizes: list[float]
    """Ascending by price; empty while the book may be wrong."""
    trades: list[Trade]


class HeatMap:
    """The columns of one product."""

    def __init__(self) -> None:
        self.step = 0.0
        """The difference between two prices of a column; 0 until a book was live."""
        self.columns: deque[Column] = deque(maxlen=COLUMN_LIMIT)
        self._trades: dict[str, Trade] = {}

    def trade(self, side: str, price: float, size: float) -> None:
        """Take an execution, for the column that comes next."""
        trade = self._trades.setdefault(side, Trade(side, price, 0.0))
        if size > 0:
            trade.price += (price - trade.price) * size / (trade.size + size)
            trade.size += size

    def sample(self, at_ms: float, book: OrderBook | None) -> Column:
        """Make a column of the book as it is now."""
        trades, self._trades = list(self._trades.values()), {}
        column = Column(at_ms, 0.0, 0.0, 0, [], trades)
        if book is not None and book.state is BookState.LIVE:
            bids, asks = book.bids(_LEVELS), book.asks(_LEVELS)
            if bids and asks:
                column = self._column(at_ms, bids, asks, trades)
        self.columns.append(column)
        return column

    def _column(self, at_ms: float, bids: list[Level], asks: list[Level], trades: list[Trade]) -> Column:
        best_bid, best_ask = bids[0].price, asks[0].price
        middle = (best_bid + best_ask) / 2
        if not self.step:
            typical = max(middle - bids[:_TYPICAL_LEVELS][-1].price, asks[:_TYPICAL_LEVELS][-1].price - middle)
            reach = min(max(typical, middle * _NARROWEST), middle * _WIDEST)
            self.step = round_up(2 * reach / STEPS)
        first = self._index(middle) - STEPS // 2
        sizes = [0.0] * STEPS
        for level in (*bids, *asks):
            index = self._index(level.price) - first
            if 0 <= index < STEPS:
                sizes[index] += level.size
        return Column(at_ms, best_bid, best_ask, first, [float(f"{size:.3g}") for size in sizes], trades)

    def _index(self, price: float) -> int:
        # A price on the grid must not fall below its line because of its binary fraction.
        return math.floor(price / self.step + 1e-6)


def round_up(value: float) -> float:
    """The next higher of 1, 2 and 5, with any power of ten."""
    power = math.floor(math.log10(value))
    factor = next(factor for factor in (1, 2, 5, 10) if factor >= value / 10.0**power - 1e-9)
    return float(f"{factor}e{power}")
