"""Rows of the private HTTP API's lists of orders, and channel events made from them. Pure.

Sections 3.5, 3.6 and 5 of the protocol reference.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from fulgurite.protocol.messages import ChildOrderEvent

Event = TypeVar("Event")


class ChildOrderRow(msgspec.Struct, frozen=True, gc=False):
    """The needed members of a row of `getchildorders`."""

    child_order_id: str
    child_order_acceptance_id: str
    child_order_state: str
    child_order_type: str
    child_order_date: str
    expire_date: str
    side: str
    price: float
    size: float
    outstanding_size: float
    cancel_size: float


class ExecutionRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `getexecutions`."""

    id: int
    child_order_id: str
    child_order_acceptance_id: str
    exec_date: str
    side: str
    price: float
    size: float
    commission: float


class Listing(msgspec.Struct, frozen=True):
    """The HTTP API's lists of an account's orders for one product, to be fetched in this order."""

    product_code: str
    active: list[ChildOrderRow]
    executions: list[ExecutionRow]
    """All with ids above `OrderLedger.newest_id`; others are ignored."""
    ended: list[ChildOrderRow]
    """At least the listed ones of `OrderLedger.unexplained`."""
    problem: str = ""
    """The reason that the lists are incomplete, in plain words; then an order absent from them may still be open."""


class ParentOrderRow(msgspec.Struct, frozen=True, gc=False):
    """The needed members of a row of `getparentorders`."""

    id: int
    parent_order_id: str
    parent_order_acceptance_id: str
    parent_order_state: str
    parent_order_type: str
    parent_order_date: str
    expire_date: str


class ParentListing(msgspec.Struct, frozen=True):
    """The HTTP API's list of an account's special orders for one product."""

    product_code: str
    rows: list[ParentOrderRow]
    """All active ones, all with ids above the newest id before the interruption, and any older ones fetched."""
    problem: str = ""
    """The reason that the list is incomplete, in plain words; then an order absent from it may still be open."""


class Reconciliation(msgspec.Struct, Generic[Event], frozen=True):
    """The missed events, as far as they can be concluded."""

    events: list[Event]
    """The events in a possible order. `event_date` is HTTP's time, without Z and with 0 to 3 fraction digits; that of
    an ORDER is the time of acceptance, to the second, and that of CANCEL and EXPIRE is ""."""
    unresolved: list[str]
    """Acceptance ids of orders that were open before and are no longer: cancelled or expired without a fill since."""
    problem: str
    """Other possible omissions and their reasons, in plain words; "" if there are none."""


def order_event(product_code: str, row: ChildOrderRow) -> ChildOrderEvent:
    return ChildOrderEvent(
        product_code=product_code,
        child_order_id=row.child_order_id,
        child_order_acceptance_id=row.child_order_acceptance_id,
        event_date=row.child_order_date,
        event_type="ORDER",
        child_order_type=row.child_order_type,
        side=row.side,
        price=row.price,
        size=row.size,
        expire_date=row.expire_date,
    )


def execution_event(product_code: str, fill: ExecutionRow, outstanding: float | None) -> ChildOrderEvent:
    return ChildOrderEvent(
        product_code=product_code,
        child_order_id=fill.child_order_id,
        child_order_acceptance_id=fill.child_order_acceptance_id,
        event_date=fill.exec_date,
        event_type="EXECUTION",
        exec_id=fill.id,
        side=fill.side,
        price=fill.price,
        size=fill.size,
        commission=fill.commission,
        outstanding_size=outstanding,
    )


def ended_event(product_code: str, row: ChildOrderRow, event_type: str) -> ChildOrderEvent:
    return ChildOrderEvent(
        product_code=product_code,
        child_order_id=row.child_order_id,
        child_order_acceptance_id=row.child_order_acceptance_id,
        event_date="",
        event_type=event_type,
        price=row.price,
        size=row.cancel_size,
    )
