"""The levels of one side of an order book, in Python and, where it was compiled, in C. Pure.

The order book uses `BookSide`: that of `_speedups.c`, five times as fast, or `PlainBookSide` where an install
found no compiler. Both do the same, and the tests hold them to it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from math import inf
from typing import TYPE_CHECKING

from fulgurite.protocol.messages import Level


class PlainBookSide:
    """The levels of one side.

    A dict with a sorted list beside it is the fastest shape that was found in Python. Floats are safe as keys, since
    the same decimal text always gives the same float.

    Args:
        sign: 1.0 where the highest price is the best, -1.0 where the lowest is.
    """

    def __init__(self, sign: float) -> None:
        # Market orders that wait for an itayose: rows of price 0, no levels (protocol reference, 3.2).
        self.market_size = 0.0
        self._sizes: dict[float, float] = {}
        # Prices times sign, ascending. So the best is the last, and the changes, most of them near the best, move
        # little of the list, however deep the book is.
        self._keys: list[float] = []
        self._sign = sign

    @property
    def best_price(self) -> float | None:
        """The best price, or None where there are no levels."""
        return self._keys[-1] * self._sign if self._keys else None

    def best(self) -> Level | None:
        """The best level, or None where there are none."""
        if not self._keys:
            return None
        price = self._keys[-1] * self._sign
        return Level(price, self._sizes[price])

    def levels(self, depth: int | None) -> list[Level]:
        """The best `depth` levels (None: all), best first."""
        sizes, sign = self._sizes, self._sign
        stop = None if depth is None else -max(depth, 0) - 1
        return [Level(price, sizes[price]) for price in [key * sign for key in self._keys[:stop:-1]]]

    def replace(self, levels: list[Level]) -> int:
        """Forget all levels for these, in any order; those of size 0 are absent.

        Returns how many of the new ones' window were other ones before: beyond the worst of them, levels may only have
        been cut off.
        """
        before = self._sizes
        self._sizes = {level.price: level.size for level in levels if level.size and level.price}
        worst = min([price * self._sign for price in self._sizes], default=-inf)
        gone = sum(price * self._sign >= worst and price not in self._sizes for price in before)
        changed = gone + sum(before.get(price) != size for price, size in self._sizes.items())
        self._keys = sorted([price * self._sign for price in self._sizes])
        for level in levels:
            if not level.price:
                self.market_size = level.size
        return changed

    def update(self, levels: list[Level]) -> float | None:
        """Take changed levels, those of size 0 being gone; returns the best price as `best_price` does."""
        sizes, keys, sign = self._sizes, self._keys, self._sign
        for level in levels:
            price = level.price
            if size := level.size:
                if price in sizes:
                    sizes[price] = size
                elif price:
                    sizes[price] = size
                    insort(keys, price * sign)
                else:
                    self.market_size = size
            elif price in sizes:
                del sizes[price]
                del keys[bisect_left(keys, price * sign)]
            elif not price:
                self.market_size = size
        return keys[-1] * sign if keys else None

    def drop_best(self) -> None:
        """Forget the best level.

        Raises:
            IndexError: there is none.
        """
        del self._sizes[self._keys.pop() * self._sign]

    def copy(self) -> PlainBookSide:
        """A side with the same levels, changed by its owner alone."""
        other = PlainBookSide(self._sign)
        other.market_size, other._sizes, other._keys = self.market_size, self._sizes.copy(), self._keys.copy()
        return other


if TYPE_CHECKING:
    BookSide = PlainBookSide
else:
    try:
        from fulgurite._speedups import BookSide
    except ImportError:  # it was not compiled
        BookSide = PlainBookSide
