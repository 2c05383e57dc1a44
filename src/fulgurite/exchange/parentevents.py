"""The events on `parent_order_events`, as text (section 3.6 of the protocol reference). Pure."""

from __future__ import annotations

import msgspec

from fulgurite.exchange.childorders import ChildOrder, OrderState, lots_number, price_number
from fulgurite.exchange.numbers import wire_time
from fulgurite.exchange.specialorders import ParentOrder


def order_event(parent: ParentOrder, now_ns: int) -> bytes:
    """ORDER: the special order has begun."""
    expire_date = wire_time(parent.expire_ns)
    return _event(parent, now_ns, "ORDER", parent_order_type=parent.order_type, expire_date=expire_date)


def trigger_event(parent: ParentOrder, now_ns: int, index: int, order: ChildOrder) -> bytes:
    """TRIGGER: the order of a part was accepted; `index` counts from 0, the wire from 1."""
    return _event(
        parent,
        now_ns,
        "TRIGGER",
        parameter_index=index + 1,
        child_order_type=order.request.order_type,
        side=order.request.side,
        price=price_number(order.product, order.request.price),
        size=lots_number(order.request.lots),
        expire_date=wire_time(parent.expire_ns),
        child_order_acceptance_id=order.acceptance_id,
    )


def complete_event(parent: ParentOrder, now_ns: int, index: int, accepted_id: str) -> bytes:
    """COMPLETE: the order of a part was executed in full."""
    return _event(parent, now_ns, "COMPLETE", parameter_index=index + 1, child_order_acceptance_id=accepted_id)


def ended_event(parent: ParentOrder, now_ns: int, state: OrderState) -> bytes:
    """The end of a special order that is not executed: EXPIRE, else CANCEL, also if a part is refused."""
    return _event(parent, now_ns, "EXPIRE" if state is OrderState.EXPIRED else "CANCEL")


def _event(parent: ParentOrder, now_ns: int, event_type: str, **more: object) -> bytes:
    return msgspec.json.encode(
        {
            "product_code": parent.product_code,
            "parent_order_id": parent.order_id,
            "parent_order_acceptance_id": parent.acceptance_id,
            "event_date": wire_time(now_ns),
            "event_type": event_type,
            **more,
        }
    )
