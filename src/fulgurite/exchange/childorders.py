"""Orders of accounts and their executions: the events on `child_order_events` (section 3.5 of the protocol reference)
and the rows of `/v1/me/getchildorders` and `/v1/me/getexecutions` (section 5). Pure.

Pure text: an order is changed by `exchange.accountorders` and written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

import msgspec

from fulgurite.exchange.accounts import Account, is_fx
from fulgurite.exchange.matching import Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOT_DECIMALS, Number, acceptance_id, http_time, js_number, wire_time
from fulgurite.exchange.orderrequests import ChildOrderType, ChildRequest
from fulgurite.exchange.products import Product

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS


class OrderState(StrEnum):
    """The states of an order and of a special order, in the wire's words (section 3.6)."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class ChildExecution(NamedTuple):
    """One execution, as the account that took part in it sees it."""

    id: int
    order: ChildOrder
    price: int
    """Ticks."""
    lots: int
    commission: int
    """Lots of the first currency."""
    at_ns: int


@dataclass(slots=True, eq=False)
class ChildOrder:
    """One order of an account, from its acceptance on."""

    account: Account
    request: ChildRequest
    order: Order
    """The matching engine's order; its `id` makes the acceptance id, as for the order flow."""
    expire_ns: int
    parent_id: str = ""
    """The `parent_order_id` of the special order that placed it."""
    order_id: str = ""
    """`child_order_id`; "" until the order is placed."""
    placed_ns: int = 0
    reserved_price: int = 0
    """Ticks: the price at which the account has reserved each lot."""
    reserved_lots: int = 0
    state: OrderState = OrderState.ACTIVE
    list_id: int = 0
    """The `id` of `getchildorders`: 0 while the order is active (section 5)."""
    executed_lots: int = 0
    executed_ticks: int = 0
    """Sum of price in ticks by lots, for the average price."""
    commission: int = 0
    """Lots of the first currency."""
    acceptance_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.acceptance_id = acceptance_id(self.order.accepted_ns, self.order.id)

    @property
    def product(self) -> Product:
        return self.request.product

    @property
    def is_active(self) -> bool:
        return self.state is OrderState.ACTIVE

    @property
    def remaining_lots(self) -> int:
        """The lots that are not executed."""
        return self.request.lots - self.executed_lots


def expiry_ns(accepted_ns: int, minutes: int) -> int:
    """The time of an order's expiry: so many minutes after the second of its acceptance."""
    return accepted_ns - accepted_ns % _SECOND_NS + minutes * _MINUTE_NS


def child_order_id(product: Product, at_ns: int, serial: int) -> str:
    """Write a `child_order_id`: ``JFX20210226-070310-350246F`` for FX, ``JOR20150101-070921-038077`` for spot."""
    stamp = acceptance_id(at_ns, serial).removeprefix("JRF")
    return f"JFX{stamp}F" if is_fx(product) else f"JOR{stamp}"


# --- events


def order_event(order: ChildOrder, now_ns: int) -> bytes:
    """ORDER: the order is in the market."""
    return event(
        order,
        now_ns,
        "ORDER",
        child_order_type=order.request.order_type,
        side=order.request.side,
        price=price_number(order.product, order.request.price),
        size=lots_number(order.request.lots),
        expire_date=second_text(order.expire_ns),
    )


def execution_event(execution: ChildExecution, outstanding_lots: int) -> bytes:
    """EXECUTION; `outstanding_lots` is the rest of the order after it."""
    order = execution.order
    return event(
        order,
        execution.at_ns,
        "EXECUTION",
        exec_id=execution.id,
        side=order.request.side,
        price=price_number(order.product, execution.price),
        size=lots_number(execution.lots),
        commission=lots_number(execution.commission),
        sfd=0,
        outstanding_size=lots_number(outstanding_lots),
    )


def ended_event(order: ChildOrder, now_ns: int, event_type: Literal["CANCEL", "EXPIRE"]) -> bytes:
    """CANCEL, or EXPIRE, also of IOC, FOK and MARKET that found nothing more; `size` is the remainder."""
    price = price_number(order.product, order.request.price)
    return event(order, now_ns, event_type, price=price, size=lots_number(order.remaining_lots))


def event(order: ChildOrder, now_ns: int, event_type: str, **more: object) -> bytes:
    """An event with `more` behind the members of all; ORDER_FAILED has a `reason`, CANCEL_FAILED nothing more."""
    return msgspec.json.encode(
        {
            "product_code": order.product.code,
            "child_order_id": order.order_id,
            "child_order_acceptance_id": order.acceptance_id,
            "event_date": wire_time(now_ns),
            "event_type": event_type,
            **more,
        }
    )


# --- rows


class ChildOrderRow(msgspec.Struct, frozen=True):
    """An order."""

    id: Annotated[int, msgspec.Meta(description="0 while the order is active.")]
    child_order_id: str
    product_code: str
    side: Side
    child_order_type: ChildOrderType
    price: Annotated[Number, msgspec.Meta(description="0 for MARKET.")]
    average_price: Annotated[Number, msgspec.Meta(description="0 before the first execution.")]
    size: Number
    child_order_state: OrderState
    expire_date: str
    child_order_date: str
    child_order_acceptance_id: str
    outstanding_size: Number
    cancel_size: Number
    executed_size: Number
    total_commission: Annotated[Number, msgspec.Meta(description="In the product's first currency.")]
    time_in_force: TimeInForce


class ExecutionRow(msgspec.Struct, frozen=True):
    """An execution of one of the account's orders."""

    id: int
    child_order_id: str
    side: Annotated[Side, msgspec.Meta(description="That of the account's order.")]
    price: Number
    size: Number
    commission: Annotated[Number, msgspec.Meta(description="In the product's first currency.")]
    exec_date: str
    child_order_acceptance_id: str


def order_row(order: ChildOrder) -> ChildOrderRow:
    """One row of `getchildorders`."""
    cancelled = 0 if order.is_active else order.remaining_lots
    return ChildOrderRow(
        id=order.list_id,
        child_order_id=order.order_id,
        product_code=order.product.code,
        side=order.request.side,
        child_order_type=order.request.order_type,
        price=price_number(order.product, order.request.price),
        average_price=average_price(order.product, order.executed_ticks, order.executed_lots),
        size=lots_number(order.request.lots),
        child_order_state=order.state,
        expire_date=second_text(order.expire_ns),
        child_order_date=second_text(order.order.accepted_ns),
        child_order_acceptance_id=order.acceptance_id,
        outstanding_size=lots_number(order.remaining_lots - cancelled),
        cancel_size=lots_number(cancelled),
        executed_size=lots_number(order.executed_lots),
        total_commission=lots_number(order.commission),
        time_in_force=order.request.time_in_force,
    )


def execution_row(execution: ChildExecution) -> ExecutionRow:
    """One row of `getexecutions`."""
    order = execution.order
    return ExecutionRow(
        id=execution.id,
        child_order_id=order.order_id,
        side=order.request.side,
        price=price_number(order.product, execution.price),
        size=lots_number(execution.lots),
        commission=lots_number(execution.commission),
        exec_date=http_time(wire_time(execution.at_ns)),
        child_order_acceptance_id=order.acceptance_id,
    )


# --- numbers and times


def price_number(product: Product, ticks: int) -> msgspec.Raw:
    """A price as JavaScript prints it, on the private channels and the HTTP API alike (section 3)."""
    return number(ticks, product.price_decimals)


def lots_number(lots: int) -> msgspec.Raw:
    """A size as JavaScript prints it."""
    return number(lots, LOT_DECIMALS)


def number(units: int, decimals: int) -> msgspec.Raw:
    """`units` x 10^-`decimals` as JavaScript prints it: the nearest float, exact up to 15 digits."""
    return msgspec.Raw(js_number(units / 10**decimals).encode())


def average_price(product: Product, executed_ticks: int, executed_lots: int) -> msgspec.Raw:
    """The mean of the prices, rounded down to the tick; 0 before the first execution."""
    return price_number(product, executed_ticks // executed_lots if executed_lots else 0)


def second_text(at_ns: int) -> str:
    """A time in whole seconds without Z, as `expire_date` has it (section 3)."""
    return wire_time(at_ns - at_ns % _SECOND_NS).removesuffix("Z")
