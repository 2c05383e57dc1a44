"""Missed events of an account's special orders, concluded from the HTTP API's list. Pure.

Sections 3.6 and 5 of the protocol reference. The list shows the beginning and the end of a special order, and nothing
in between. So these events are not given:

* TRIGGER. The ledger of `child_order_events` finds the orders that it sent.
* COMPLETE of a part before the last. A special order executed as a whole gives one COMPLETE, without
  `parameter_index` and `child_order_acceptance_id`.
* ORDER_FAILED.

An order that was open before and is in no list now was cancelled or expired: it is unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fulgurite.client.ledger import KnownOrder, Ledger
from fulgurite.client.orderrows import ParentListing, ParentOrderRow, Reconciliation
from fulgurite.protocol.messages import ParentOrderEvent

_CHANGES: Final = ("ORDER", "ORDER_FAILED", "CANCEL", "COMPLETE", "EXPIRE")
"""The events that change an order: all but TRIGGER."""

_ENDINGS: Final = {"CANCELED": "CANCEL", "EXPIRED": "EXPIRE", "COMPLETED": "COMPLETE"}
"""The final event of a special order by its state."""

_TWO_STEPS: Final = ("IFD", "IFDOCO")
"""The types that end only with the completion of a part other than the first."""


@dataclass(slots=True, kw_only=True)
class _Order(KnownOrder):
    parent_order_type: str | None = None
    has_completed: bool = False
    """Whether it has had a COMPLETE."""


class ParentOrderLedger(Ledger[_Order]):
    """Keeps an account's special orders from the events of `parent_order_events`; used like `OrderLedger`.

    The newest id of a product is the highest of its latest list; orders with higher ids are newer than that list.
    """

    def start(self, listing: ParentListing) -> None:
        """Treat all listed special orders of a product as given."""
        self._begin(listing.product_code, max((row.id for row in listing.rows), default=0))
        for row in listing.rows:
            key = row.parent_order_acceptance_id
            if row.parent_order_state == "ACTIVE" and key not in self._ended:
                order = _Order(product_code=listing.product_code, is_announced=True)
                order.parent_order_type = row.parent_order_type
                self._add(key, order)

    def record(self, event: ParentOrderEvent) -> bool:
        """Record an event of the channel.

        Returns:
            Whether it is new: neither given over the channel before, nor reconciled.
        """
        if event.event_type not in _CHANGES:
            return True
        key = event.parent_order_acceptance_id
        order = self._find(key) or self._add(key, _Order(product_code=event.product_code))
        if event.event_type == "ORDER":
            if order.is_announced:
                return False
            order.is_announced = True
            order.parent_order_type = event.parent_order_type
            self._end_if_complete(key, order)
        elif event.event_type == "COMPLETE":
            if order.ending == "COMPLETE":
                return False
            order.has_completed = True
            if (event.parameter_index or 1) > 1:
                self._end(key, order, "COMPLETE")
            else:
                self._end_if_complete(key, order)
        else:
            if order.ending == event.event_type:
                return False
            self._end(key, order, event.event_type)
        return True

    def is_enough(self, listing: ParentListing) -> bool:
        """Whether older rows would add nothing."""
        baseline = self._baselines.get(listing.product_code)
        if baseline is None:
            return True
        listed = {row.parent_order_acceptance_id for row in listing.rows}
        is_old = any(0 < row.id <= baseline.newest_id for row in listing.rows)
        is_listed = all(key in listed or key in self._ended for key in baseline.outstanding)
        return is_listed and (is_old or not baseline.newest_id)

    def reconcile(self, listings: Iterable[ParentListing]) -> Reconciliation[ParentOrderEvent]:
        """Conclude the missed events and record them, so that each is returned once.

        Args:
            listings: one for each product. A product that was not started is started, without events.
        """
        self.interrupt()
        events: list[ParentOrderEvent] = []
        unresolved: list[str] = []
        problems: list[str] = []
        for listing in listings:
            product_code = listing.product_code
            baseline = self._baselines.pop(product_code, None)
            if baseline is None:
                self.start(listing)
                problems.append(f"{product_code}: its special orders were not known before the interruption")
                continue
            problems += [f"{product_code}: {listing.problem}"] if listing.problem else []
            # An order that is active in one fetched page may have ended in a later one.
            rows = sorted(listing.rows, key=lambda row: (row.parent_order_date, row.parent_order_state != "ACTIVE"))
            for row in rows:
                if row.parent_order_state == "ACTIVE" or row.id > baseline.newest_id:
                    events += self._announce(product_code, row)
                events += self._conclude(product_code, row)
            self._newest_ids[product_code] = max((baseline.newest_id, *(row.id for row in rows)))
            active = {row.parent_order_acceptance_id for row in rows if row.parent_order_state == "ACTIVE"}
            listed = {row.parent_order_acceptance_id for row in rows}
            for key in [key for key in self._open if key in baseline.outstanding and key not in active]:
                if key in listed or not listing.problem:
                    unresolved.append(key)
                    self._end(key, self._open[key], "")
        return Reconciliation(events, unresolved, "; ".join(problems))

    def _announce(self, product_code: str, row: ParentOrderRow) -> list[ParentOrderEvent]:
        key = row.parent_order_acceptance_id
        order = self._find(key) or self._add(key, _Order(product_code=product_code))
        if order.is_announced:
            return []
        order.is_announced = True
        order.parent_order_type = row.parent_order_type
        self._end_if_complete(key, order)
        return [_event(product_code, row, "ORDER")]

    def _conclude(self, product_code: str, row: ParentOrderRow) -> list[ParentOrderEvent]:
        key = row.parent_order_acceptance_id
        event_type = _ENDINGS.get(row.parent_order_state)
        if key not in self._open or event_type is None:
            return []
        self._end(key, self._open[key], event_type)
        return [_event(product_code, row, event_type)]

    def _end_if_complete(self, key: str, order: _Order) -> None:
        # An order of unknown type, whose ORDER was missed, may have a second step.
        if order.has_completed and order.parent_order_type not in (None, *_TWO_STEPS):
            self._end(key, order, "COMPLETE")


def _event(product_code: str, row: ParentOrderRow, event_type: str) -> ParentOrderEvent:
    is_order = event_type == "ORDER"
    return ParentOrderEvent(
        product_code=product_code,
        parent_order_id=row.parent_order_id,
        parent_order_acceptance_id=row.parent_order_acceptance_id,
        event_date=row.parent_order_date if is_order else "",
        event_type=event_type,
        parent_order_type=row.parent_order_type if is_order else None,
        expire_date=row.expire_date if is_order else None,
    )
