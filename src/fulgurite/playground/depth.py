"""The total size bid and asked for up to a price, for the depth chart. Pure."""

from __future__ import annotations

from typing import Final

from fulgurite.orderbook import OrderBook
from fulgurite.protocol.messages import Level

POINTS: Final = 100
"""Points a side at most, evenly apart."""

_TYPICAL_LEVELS: Final = 25
"""So many levels a side are shown at least, within the following bounds."""

_NARROWEST, _WIDEST = 0.01, 0.1
"""Of the price, above and below the middle."""


def depth_points(book: OrderBook) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The bids and the asks as [price, size of all levels up to it], best first.

    Each side reaches equally far from the middle of the book. Where levels lie closer together than can be drawn, the
    outermost of them stands for all, so that each point is exact.

    Raises:
        BookNotLiveError: the book may be wrong.
    """
    bids, asks, middle = book.bids(), book.asks(), book.mid
    if middle is None:
        return [], []
    typical = max(middle - bids[:_TYPICAL_LEVELS][-1].price, asks[:_TYPICAL_LEVELS][-1].price - middle)
    reach = min(max(typical, middle * _NARROWEST), middle * _WIDEST)
    return _add_up(bids, middle, reach), _add_up(asks, middle, reach)


def _add_up(levels: list[Level], middle: float, reach: float) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    total, slot = 0.0, -1
    for level in levels:
        distance = abs(level.price - middle)
        if distance > reach:
            break
        total += level.size
        point = (level.price, round(total, 8))
        if int(distance / reach * POINTS) == slot:
            points[-1] = point
        else:
            points.append(point)
            slot = int(distance / reach * POINTS)
    return points
