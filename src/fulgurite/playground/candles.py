"""The candles of one product, from its executions. Pure.

An execution belongs to the interval in which its `exec_date` lies, whenever it comes: those fetched afterwards, before
the page connected or in a gap, complete the candles. Intervals without executions have no candle.
"""

from __future__ import annotations

from typing import Final

import msgspec

INTERVALS: Final = (1, 10, 60, 300)
"""The lengths of candles, in seconds."""

CANDLE_LIMIT: Final = 1_000
"""The number of intervals kept back from the newest execution, with or without a candle."""

GAP_LIMIT: Final = 100


class Candle(msgspec.Struct, array_like=True):
    """One candle, an array on the wire."""

    time_s: int
    """The beginning of its interval, seconds since 1970-01-01 UTC by the exchange's clock."""
    open: float
    high: float
    low: float
    close: float
    volume: float


class GapSpan(msgspec.Struct, array_like=True, frozen=True):
    """A time in which executions were missed, by the exchange's clock; an array on the wire."""

    from_ms: float
    to_ms: float


class Candles:
    """The candles of one product, at each of `INTERVALS`, and the gaps between them."""

    def __init__(self) -> None:
        self.series = {interval_s: Series(interval_s) for interval_s in INTERVALS}
        # By the moment at which the gap began, on our clock: a gap that is told again is known by it.
        self._gaps: dict[float, GapSpan] = {}

    def add(self, number: int, at_ms: float, price: float, size: float) -> None:
        """Take an execution.

        Args:
            number: its id, which gives the order; 0 where it has none, and then it is taken for the newest.
            at_ms: when it was, milliseconds since 1970-01-01 UTC by the exchange's clock.
            price: its price.
            size: its size.
        """
        for series in self.series.values():
            series.add(number, at_ms, price, size)

    def mark(self, gap_from_ms: float, gap: GapSpan) -> None:
        """Mark a gap; the oldest goes if there are too many.

        Args:
            gap_from_ms: the key of the gap.
            gap: the time in which executions were missed.
        """
        self._gaps[gap_from_ms] = gap
        if len(self._gaps) > GAP_LIMIT:
            del self._gaps[next(iter(self._gaps))]

    def fill(self, gap_from_ms: float) -> None:
        """Take note that all executions of a gap have come by now."""
        self._gaps.pop(gap_from_ms, None)

    @property
    def gaps(self) -> list[GapSpan]:
        """The gaps, in the order in which they were found."""
        return list(self._gaps.values())


class Series:
    """The candles of one product and interval.

    Args:
        interval_s: the length of a candle, in seconds.
    """

    def __init__(self, interval_s: int) -> None:
        self._interval_s = interval_s
        self._candles: dict[int, Candle] = {}
        # The ids of the first and the last execution of each candle: they make its open and its close.
        self._ends: dict[int, tuple[int, int]] = {}
        self._newest = 0
        self._changed: set[int] = set()

    def add(self, number: int, at_ms: float, price: float, size: float) -> None:
        """Take an execution, as `Candles.add`."""
        time_s = int(at_ms // (self._interval_s * 1_000)) * self._interval_s
        if time_s > self._newest:
            self._newest = time_s
            self._forget_oldest()
        elif time_s <= self._newest - CANDLE_LIMIT * self._interval_s:
            return
        self._changed.add(time_s)
        candle = self._candles.get(time_s)
        if candle is None:
            self._candles[time_s] = Candle(time_s, price, price, price, price, size)
            self._ends[time_s] = (number, number)
            return
        first, last = self._ends[time_s]
        if 0 < number < first:
            candle.open, first = price, number
        if number >= last or number == 0:
            candle.close, last = price, number or last
        self._ends[time_s] = (first, last)
        candle.high = max(candle.high, price)
        candle.low = min(candle.low, price)
        candle.volume += size

    def all(self) -> list[Candle]:
        """All candles, oldest first; none counts as changed afterwards."""
        self._changed.clear()
        return [self._candles[time_s] for time_s in sorted(self._candles)]

    def changed(self) -> list[Candle]:
        """The candles that changed since they were last asked for, oldest first."""
        candles = [self._candles[time_s] for time_s in sorted(self._changed)]
        self._changed.clear()
        return candles

    def _forget_oldest(self) -> None:
        oldest = self._newest - CANDLE_LIMIT * self._interval_s
        for time_s in [time_s for time_s in self._candles if time_s <= oldest]:
            del self._candles[time_s]
            del self._ends[time_s]
            self._changed.discard(time_s)
