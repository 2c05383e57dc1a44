"""Missed events of an account's orders, concluded from lists of the private HTTP API. Pure.

Sections 3.5, 5 and 7 of the protocol reference. Members that HTTP does not give are None in the events, and the time of
a cancellation or expiry is "". The lists leave these questions open:

* An order that was open before and is in no list now was cancelled or expired without a fill since: it is unresolved.
* An order that was sent during the gap and ended without a fill leaves no trace.
* ORDER_FAILED and CANCEL_FAILED, and `sfd`, are in no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fulgurite.client.ledger import Baseline, KnownOrder, Ledger, put
from fulgurite.client.orderrows import (
    ChildOrderRow,
    ExecutionRow,
    Listing,
    Reconciliation,
    ended_event,
    execution_event,
    order_event,
)
from fulgurite.errors import InputError
from fulgurite.protocol.messages import ChildOrderEvent, parse_time

MAX_FILLS: Final = 50_000
"""Limit on remembered executions; the oldest are forgotten."""

SIZE_DECIMALS: Final = 8
"""Sizes are multiples of 1e-8 (section 4)."""

_CHANGES: Final = ("ORDER", "ORDER_FAILED", "CANCEL", "EXECUTION", "EXPIRE")
"""The events that change an order: all but CANCEL_FAILED."""

_ENDINGS: Final = {"CANCELED": "CANCEL", "EXPIRED": "EXPIRE", "COMPLETED": "EXECUTION"}
"""The final event of an order by its state."""


@dataclass(slots=True, kw_only=True)
class _Order(KnownOrder):
    size: float | None = None


class OrderLedger(Ledger[_Order]):
    """Keeps an account's orders from the events of `child_order_events`, and reconciles it after an interruption.

    Call `start` once with the lists at the first subscription, `record` for each event, `interrupt` when the channel
    stops, and `reconcile` when it has resumed. Events may be recorded before `start`, and during the requests of the
    lists for `reconcile`.
    """

    def __init__(self) -> None:
        super().__init__()
        # Given executions by acceptance id and execution id, since both sides of one may be the account's own.
        self._fills: dict[tuple[str, int], None] = {}

    def start(self, listing: Listing) -> None:
        """Treat the open orders of a product, and all its executions so far, as given."""
        self._begin(listing.product_code, max((row.id for row in listing.executions), default=0))
        for row in listing.active:
            key = row.child_order_acceptance_id
            if key in self._ended:
                continue  # a live event was faster than the list
            order = self._open.get(key) or _Order(product_code=listing.product_code)
            order.is_announced = True
            order.size = row.size
            if order.outstanding is None:
                order.outstanding = row.outstanding_size
            self._add(key, order)

    def record(self, event: ChildOrderEvent) -> bool:
        """Record an event of the channel.

        Returns:
            Whether it is new: neither given over the channel before, nor reconciled.
        """
        if event.event_type not in _CHANGES:
            return True
        key = event.child_order_acceptance_id
        order = self._find(key) or self._add(key, _Order(product_code=event.product_code))
        if event.event_type == "ORDER":
            if order.is_announced:
                return False
            order.is_announced = True
            order.size = event.size
            if order.outstanding is None:
                order.outstanding = event.size
        elif event.event_type == "EXECUTION":
            if event.exec_id:
                if (key, event.exec_id) in self._fills:
                    return False
                self._note_fill(event.product_code, key, event.exec_id)
            if event.outstanding_size is not None:
                order.outstanding = event.outstanding_size
            else:
                order.outstanding = _remaining(order.outstanding, event.size or 0.0)
            if order.outstanding == 0:
                self._end(key, order, event.event_type)
        else:
            if order.ending == event.event_type:
                return False
            self._end(key, order, event.event_type)
        return True

    def newest_id(self, product_code: str) -> int | None:
        """The id of the last execution before the interruption, 0 for none; None if the product is not started."""
        baseline = self._baselines.get(product_code)
        return self._newest_ids.get(product_code) if baseline is None else baseline.newest_id

    def unexplained(self, listing: Listing) -> list[str]:
        """The acceptance ids of orders with an outcome that only a list of ended orders can show.

        Orders without a fill are left out: once ended they are listed nowhere (section 5).
        """
        self.interrupt()
        baseline = self._baselines.get(listing.product_code)
        if baseline is None:
            return []
        explained = {row.child_order_acceptance_id for row in (*listing.active, *listing.ended)}
        fills = _fills_after(baseline, listing)
        executed = {
            key
            for key, rows in fills.items()
            if _remaining(baseline.outstanding.get(key), sum(row.size for row in rows)) == 0
        }
        gone = (
            key
            for key, outstanding in baseline.outstanding.items()
            if key in self._open
            and key not in executed
            and (key in fills or outstanding is None or outstanding != self._open[key].size)
        )
        unknown = (key for key in fills if key not in baseline.outstanding and not self._is_announced(key))
        return [key for key in (*gone, *unknown) if key not in explained]

    def reconcile(self, listings: Iterable[Listing]) -> Reconciliation[ChildOrderEvent]:
        """Conclude the missed events and record them, so that each is returned once.

        Args:
            listings: one for each product. A product that was not started is started, without events.
        """
        self.interrupt()
        timed: list[tuple[tuple[int, int, int], ChildOrderEvent]] = []
        unresolved: list[str] = []
        problems: list[str] = []
        for listing in listings:
            product_code = listing.product_code
            baseline = self._baselines.pop(product_code, None)
            if baseline is None:
                self.start(listing)
                problems.append(f"{product_code}: its orders were not known before the interruption")
                continue
            problems += [f"{product_code}: {listing.problem}"] if listing.problem else []
            without_id = sum(not row.id for row in listing.executions)
            problems += [f"{product_code}: {without_id} executions without an id"] if without_id else []
            rows = {row.child_order_acceptance_id: row for row in (*listing.active, *listing.ended)}
            fills = _fills_after(baseline, listing)
            active = (row.child_order_acceptance_id for row in listing.active)
            for key in dict.fromkeys((*baseline.outstanding, *active, *fills)):
                events = self._conclude(product_code, key, baseline, rows.get(key), fills.get(key, []))
                timed += _timed(events)
                order = self._open.get(key)
                if order is None or (key in rows and rows[key].child_order_state == "ACTIVE"):
                    continue
                if key in rows or (key in baseline.outstanding and not listing.problem):
                    unresolved.append(key)
                    self._end(key, order, "")
        timed.sort(key=lambda pair: pair[0])
        return Reconciliation([event for _, event in timed], unresolved, "; ".join(problems))

    def _conclude(
        self, product_code: str, key: str, baseline: Baseline, row: ChildOrderRow | None, fills: list[ExecutionRow]
    ) -> list[ChildOrderEvent]:
        """Return the missed events of one order, and update its known state."""
        events: list[ChildOrderEvent] = []
        order = self._find(key)
        if key in baseline.outstanding:
            outstanding = baseline.outstanding[key]
        else:
            outstanding = row.size if row is not None else order.size if order is not None else None
        if row is not None and (order is None or not order.is_announced):
            order = order or self._add(key, _Order(product_code=product_code))
            order.is_announced = True
            order.size = row.size
            events.append(order_event(product_code, row))
        for fill in fills:
            outstanding = _remaining(outstanding, fill.size)
            if (key, fill.id) not in self._fills:
                self._note_fill(product_code, key, fill.id)
                events.append(execution_event(product_code, fill, outstanding))
        if order is None or order.ending is not None:
            return events
        if outstanding is not None:
            # A live event after the list may have left less.
            order.outstanding = min(outstanding, outstanding if order.outstanding is None else order.outstanding)
        if order.outstanding == 0:
            self._end(key, order, "EXECUTION")
        elif row is not None and row.child_order_state in _ENDINGS:
            event_type = _ENDINGS[row.child_order_state]
            self._end(key, order, event_type)
            if event_type != "EXECUTION":
                events.append(ended_event(product_code, row, event_type))
        return events

    def _is_announced(self, key: str) -> bool:
        order = self._find(key)
        return order is not None and order.is_announced

    def _note_fill(self, product_code: str, key: str, fill_id: int) -> None:
        put(self._fills, (key, fill_id), None, MAX_FILLS)
        if product_code in self._newest_ids:
            self._newest_ids[product_code] = max(self._newest_ids[product_code], fill_id)


def _fills_after(baseline: Baseline, listing: Listing) -> dict[str, list[ExecutionRow]]:
    """The executions since the baseline, by acceptance id, each once and ascending by id."""
    rows = {(row.child_order_acceptance_id, row.id): row for row in listing.executions if row.id > baseline.newest_id}
    fills: dict[str, list[ExecutionRow]] = {}
    for row in sorted(rows.values(), key=lambda row: row.id):
        fills.setdefault(row.child_order_acceptance_id, []).append(row)
    return fills


def _remaining(outstanding: float | None, executed: float) -> float | None:
    return None if outstanding is None else max(0.0, round(outstanding - executed, SIZE_DECIMALS))


def _timed(events: list[ChildOrderEvent]) -> Iterable[tuple[tuple[int, int, int], ChildOrderEvent]]:
    """The events of one order with keys that sort all events, and keep the order of these."""
    at_ns = 0
    for event in events:
        with suppress(InputError):  # blank, as an ending's is
            at_ns = max(at_ns, parse_time(event.event_date))
        rank = {"ORDER": 0, "EXECUTION": 1}.get(event.event_type, 2)
        yield (at_ns, rank, event.exec_id or 0), event
