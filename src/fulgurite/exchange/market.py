"""The market of one product: its matching engine, and what the exchange remembers of it.

All times are nanoseconds since 1970-01-01 UTC and come in as arguments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from fulgurite.exchange.matching import Fill, LevelKey, MatchingEngine, Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS, acceptance_id, wire_time
from fulgurite.exchange.products import Product
from fulgurite.protocol.messages import Execution

KEPT_EXECUTIONS = 10_000
"""The newest executions that a market remembers; older ones cannot be had over HTTP any more."""

_MINUTE_NS = 60_000_000_000
_DAY_MINUTES = 1440


class Outcome(NamedTuple):
    """What one order or cancellation did to a market."""

    executions: list[Execution]
    changed: list[LevelKey]


class Market:
    """The market of one product.

    Args:
        product: its rules.
        start_ns: when the exchange starts; the 24 hours before it have the product's typical volume.
        execution_ids: where the ids of executions come from; products may share one counter (section 3.4).
    """

    def __init__(self, product: Product, *, start_ns: int, execution_ids: Iterator[int]) -> None:
        self.product = product
        self.engine = MatchingEngine()
        # The newest executions, oldest first.
        self.executions: deque[Execution] = deque(maxlen=KEPT_EXECUTIONS)
        # Rises with every order and cancellation: what the ticker calls `tick_id` (section 3.3).
        self.tick_id = 0
        # When the last one was.
        self.changed_ns = start_ns
        # The last price in ticks; before the first trade the typical one.
        self.last_price = product.typical.price
        # The order whose price that was.
        self.last_maker_id = 0
        self._volume = _RollingVolume(start_ns, product.typical.daily_lots)
        self._execution_ids = execution_ids

    def submit(self, order: Order, now_ns: int, time_in_force: TimeInForce = TimeInForce.GTC) -> Outcome:
        """Match an order and keep the executions.

        Raises:
            InputError: an order of this id rests already.
        """
        report = self.engine.submit(order, time_in_force)
        self._tick(now_ns)
        executions = [self._execution(fill, now_ns) for fill in report.fills]
        self.executions.extend(executions)
        return Outcome(executions, report.changed)

    def cancel(self, order_id: int, now_ns: int) -> Outcome | None:
        """Take a resting order out; None where no such order rests (any more)."""
        report = self.engine.cancel(order_id)
        if report is None:
            return None
        self._tick(now_ns)
        return Outcome([], report.changed)

    def volume(self) -> int:
        """Lots traded in the 24 hours before `changed_ns`, to the minute."""
        return self._volume.total(self.changed_ns)

    def mid_price(self) -> int:
        """The middle of the best prices in ticks, rounded down (section 3.1).

        With one side empty the reference is silent. Then it is the best bid, or one tick below the best ask, or 0:
        so it is still never below a bid and always below every ask, which is what clients check books against.
        """
        bid, ask = self.engine.best(Side.BUY), self.engine.best(Side.SELL)
        if bid is not None and ask is not None:
            return (bid + ask) // 2
        if bid is not None:
            return bid
        return 0 if ask is None else ask - 1

    def _tick(self, now_ns: int) -> None:
        self.tick_id += 1
        self.changed_ns = now_ns

    def _execution(self, fill: Fill, now_ns: int) -> Execution:
        self.last_price, self.last_maker_id = fill.price, fill.maker.id
        self._volume.add(now_ns, fill.size)
        taker, maker = (acceptance_id(order.accepted_ns, order.id) for order in (fill.taker, fill.maker))
        buyer, seller = (taker, maker) if fill.taker.side is Side.BUY else (maker, taker)
        return Execution(
            id=next(self._execution_ids),
            side=str(fill.taker.side),
            # Quotients of integers below 2^53: exactly the floats that the decimal texts give.
            price=fill.price / 10**self.product.price_decimals,
            size=fill.size / LOTS,
            exec_date=wire_time(now_ns),
            buy_child_order_acceptance_id=buyer,
            sell_child_order_acceptance_id=seller,
        )


class _RollingVolume:
    """The sum of the last 24 hours, in buckets of a minute: at most 1441 of them."""

    def __init__(self, start_ns: int, daily_lots: int) -> None:
        # Minutes are counted from the start, so that the volume does not depend on where in a minute that is.
        self._start_ns = start_ns
        self._buckets = dict.fromkeys(range(-_DAY_MINUTES, 0), daily_lots // _DAY_MINUTES)
        self._total = sum(self._buckets.values())

    def add(self, now_ns: int, lots: int) -> None:
        minute = self._expire(now_ns)
        self._buckets[minute] = self._buckets.get(minute, 0) + lots
        self._total += lots

    def total(self, now_ns: int) -> int:
        self._expire(now_ns)
        return self._total

    def _expire(self, now_ns: int) -> int:
        minute = (now_ns - self._start_ns) // _MINUTE_NS
        while self._buckets and (oldest := next(iter(self._buckets))) < minute - _DAY_MINUTES:
            self._total -= self._buckets.pop(oldest)
        return minute
