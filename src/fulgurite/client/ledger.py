"""The common part of the ledgers of orders and special orders. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MAX_ORDERS: Final = 10_000
"""Limit on remembered open orders, and on ended ones; the oldest are forgotten and give no events."""

Key = TypeVar("Key")
Value = TypeVar("Value")
OrderT = TypeVar("OrderT", bound="KnownOrder")


@dataclass(slots=True, kw_only=True)
class KnownOrder:
    """The known state of an order or a special order."""

    product_code: str
    is_announced: bool = False
    """Whether its ORDER was given, or preceded the ledger."""
    outstanding: float | None = None
    """None if unknown, as of every special order."""
    ending: str | None = None
    """The type of its final event; "" if unknown, None while it is open."""


@dataclass(slots=True, frozen=True)
class Baseline:
    """The state of a product at the beginning of an interruption."""

    newest_id: int
    outstanding: dict[str, float | None]
    """The outstanding sizes of open orders, by acceptance id."""


class Ledger(Generic[OrderT]):
    """Keeps orders by acceptance id; `OrderLedger` and `ParentOrderLedger` conclude from lists of HTTP."""

    def __init__(self) -> None:
        self.started_ns: int | None = None
        """Time of the lookup of all orders; None before. It makes even the first gap repairable."""
        self._open: dict[str, OrderT] = {}
        self._ended: dict[str, OrderT] = {}
        # The newest id of an execution or a special order in each started product; 0 if there is none.
        self._newest_ids: dict[str, int] = {}
        self._baselines: dict[str, Baseline] = {}

    def interrupt(self) -> None:
        """Begin an interruption. A product not yet reconciled keeps the baseline of the previous one."""
        for product_code, newest_id in self._newest_ids.items():
            if product_code not in self._baselines:
                orders = self._open.items()
                known = {key: order.outstanding for key, order in orders if order.product_code == product_code}
                self._baselines[product_code] = Baseline(newest_id, known)

    def _begin(self, product_code: str, newest_id: int) -> None:
        """Treat all known orders of a product as given."""
        self._newest_ids[product_code] = newest_id
        for known in (*self._open.values(), *self._ended.values()):
            if known.product_code == product_code:
                known.is_announced = True

    def _find(self, key: str) -> OrderT | None:
        return self._open.get(key) or self._ended.get(key)

    def _add(self, key: str, order: OrderT) -> OrderT:
        put(self._open, key, order, MAX_ORDERS)
        return order

    def _end(self, key: str, order: OrderT, event_type: str) -> None:
        order.ending = event_type
        self._open.pop(key, None)
        put(self._ended, key, order, MAX_ORDERS)


def put(into: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    """Put a value at the end of a dict; beyond the limit forget the first."""
    into[key] = value
    if len(into) > limit:
        del into[next(iter(into))]
