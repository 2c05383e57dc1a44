"""The schedule of the accounts' orders: steps that wait for the order latency, and expiries. Pure."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from fulgurite.exchange.childorders import ChildOrder
from fulgurite.exchange.specialorders import ParentOrder

NEVER_NS: Final = 2**63 - 1

Step: TypeAlias = Callable[[int], None]
"""Something to do; its argument is the time, nanoseconds since 1970 UTC."""


class Schedule:
    """Steps at their times; those of the same time in the order of their adding."""

    def __init__(self) -> None:
        self._serial = 0
        self._steps: list[tuple[int, int, Step]] = []
        # Orders that have ended stay in it until they reach the front, or there are too many.
        self._expiries: list[tuple[int, int, ChildOrder | ParentOrder, Step]] = []
        self._expiries_limit = 100

    @property
    def next_ns(self) -> int:
        """The time of the next step or expiry; `NEVER_NS` without one."""
        while self._expiries and not self._expiries[0][2].is_active:
            heappop(self._expiries)
        return min(self._steps[0][0] if self._steps else NEVER_NS, self._expiries[0][0] if self._expiries else NEVER_NS)

    def add(self, due_ns: int, step: Step) -> None:
        """Do a step at `due_ns`."""
        self._serial += 1
        heappush(self._steps, (due_ns, self._serial, step))

    def add_expiry(self, order: ChildOrder | ParentOrder, step: Step) -> None:
        """Do a step when an order expires, if it is still active then."""
        if len(self._expiries) > self._expiries_limit:
            self._expiries = [entry for entry in self._expiries if entry[2].is_active]
            heapify(self._expiries)
            self._expiries_limit = 100 + 4 * len(self._expiries)
        self._serial += 1
        heappush(self._expiries, (order.expire_ns, self._serial, order, step))

    def run(self, now_ns: int) -> None:
        """Do all steps that are due by `now_ns`, then all expiries."""
        while self._steps and self._steps[0][0] <= now_ns:
            heappop(self._steps)[2](now_ns)
        while self._expiries and self._expiries[0][0] <= now_ns:
            _, _, order, step = heappop(self._expiries)
            if order.is_active:
                step(now_ns)
