"""Special orders: the placing of their parts, and their ends (sections 3.6 and 5 of the protocol reference).
Pure.

A state machine that is told prices and the fate of its orders, and answers with actions; `exchange.accountorders`
carries them out and writes the events.

The named choices, where the reference is silent: a part with its price reached already triggers at once; the last
price counts; of two parts that cancel each other, one does so as soon as its condition is met or its first
execution comes; a special order ends as its last part does, where that is not executed.
`cancelallchildorders` cancels the orders that parts have placed, and leaves waiting parts alone: the documentation has
it cancel child orders, and says nothing of special orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, NamedTuple, TypeAlias

import msgspec

from fulgurite.exchange.accounts import Account
from fulgurite.exchange.childorders import OrderState, average_price, lots_number, price_number, second_text
from fulgurite.exchange.matching import Side, TimeInForce
from fulgurite.exchange.numbers import Number, acceptance_id
from fulgurite.exchange.orderrequests import ChildOrderType, ChildRequest, Condition, OrderMethod, ParentRequest, Part

_STAGES = {
    OrderMethod.SIMPLE: ((0,),),
    OrderMethod.IFD: ((0,), (1,)),
    OrderMethod.OCO: ((0, 1),),
    OrderMethod.IFDOCO: ((0,), (1, 2)),
}
# The parts of each stage; a stage begins when the one before it is executed.


class Trigger(NamedTuple):
    """Place the order of a part."""

    part: int


class CancelPart(NamedTuple):
    """Cancel the order of a part."""

    part: int


class Complete(NamedTuple):
    """The order of a part is executed in full."""

    part: int


class Finish(NamedTuple):
    """The special order is over."""

    state: OrderState


Action: TypeAlias = Trigger | CancelPart | Complete | Finish


class _PartState(Enum):
    WAITING = "its stage has not begun"
    WATCHING = "its price has not been reached"
    PLACED = "its order is in the market, or on the way"
    OVER = "executed, cancelled, expired, or not wanted any more"


class SpecialOrder:
    """The state machine of one special order.

    Every method returns the actions to be done, in that order. Parts are counted from 0.

    Args:
        request: the request.
    """

    def __init__(self, request: ParentRequest) -> None:
        self.state = OrderState.ACTIVE
        self._method = request.method
        self._parts = request.parts
        self._states = [_PartState.WAITING] * len(request.parts)
        # TRAIL: the best price since the part began.
        self._best: dict[int, int] = {}
        self._stage = -1

    def begin(self, last_prices: dict[str, int]) -> list[Action]:
        """Begin the first stage.

        Args:
            last_prices: by product, in ticks.
        """
        return self._next_stage(last_prices)

    def price(self, product_code: str, ticks: int) -> list[Action]:
        """A product was traded at this price."""
        actions: list[Action] = []
        for index, part in enumerate(self._parts):
            watching = self._states[index] is _PartState.WATCHING
            if watching and part.product.code == product_code and self._is_reached(index, ticks):
                actions += self._trigger(index)
        return actions

    def executed(self, index: int) -> list[Action]:
        """The order of a part was executed, at least in part."""
        return self._drop_others(index) if self._states[index] is _PartState.PLACED else []

    def completed(self, index: int, last_prices: dict[str, int]) -> list[Action]:
        """The order of a part was executed in full."""
        # One that was not wanted any more may still be executed before its cancellation comes; nothing follows from it.
        if self._states[index] is not _PartState.PLACED:
            return []
        self._states[index] = _PartState.OVER
        return [Complete(index), *self._next_stage(last_prices)]

    def lost(self, index: int, state: OrderState) -> list[Action]:
        """The order of a part is over without being executed in full: `state` says how."""
        if self._states[index] is not _PartState.PLACED:
            return []
        self._states[index] = _PartState.OVER
        if any(self._is_live(other) for other in _STAGES[self._method][self._stage]):
            return []
        return self._finish(state)

    def end(self, state: OrderState) -> list[Action]:
        """It is cancelled, or its time has come."""
        return self._finish(state)

    def _next_stage(self, last_prices: dict[str, int]) -> list[Action]:
        stages = _STAGES[self._method]
        if self.state is not OrderState.ACTIVE:
            return []
        if self._stage + 1 == len(stages):
            return self._finish(OrderState.COMPLETED)
        self._stage += 1
        actions: list[Action] = []
        for index in stages[self._stage]:
            self._states[index] = _PartState.WATCHING
        for index in stages[self._stage]:
            part = self._parts[index]
            is_watched = part.condition not in (Condition.LIMIT, Condition.MARKET)
            if self._states[index] is not _PartState.WATCHING:
                continue  # the other one has triggered at once
            if not is_watched:
                self._states[index] = _PartState.PLACED
                actions.append(Trigger(index))
            elif self._is_reached(index, last_prices[part.product.code]):
                actions += self._trigger(index)
        return actions

    def _trigger(self, index: int) -> list[Action]:
        self._states[index] = _PartState.PLACED
        return [*self._drop_others(index), Trigger(index)]

    def _drop_others(self, index: int) -> list[Action]:
        """One of two parts is taken: the other is not wanted any more."""
        actions: list[Action] = []
        for other in _STAGES[self._method][self._stage]:
            if other == index or not self._is_live(other):
                continue
            if self._states[other] is _PartState.PLACED:
                actions.append(CancelPart(other))
            self._states[other] = _PartState.OVER
        return actions

    def _finish(self, state: OrderState) -> list[Action]:
        if self.state is not OrderState.ACTIVE:
            return []
        self.state = state
        placed = [index for index, each in enumerate(self._states) if each is _PartState.PLACED]
        self._states = [_PartState.OVER] * len(self._states)
        return [*(CancelPart(index) for index in placed), Finish(state)]

    def _is_live(self, index: int) -> bool:
        return self._states[index] in (_PartState.WATCHING, _PartState.PLACED)

    def _is_reached(self, index: int, ticks: int) -> bool:
        part = self._parts[index]
        rising = 1 if part.side is Side.BUY else -1
        if part.condition is not Condition.TRAIL:
            return rising * (ticks - part.trigger_price) >= 0
        best = self._best.setdefault(index, ticks)
        # For a buy the best is the lowest.
        best = self._best[index] = min(best, ticks) if part.side is Side.BUY else max(best, ticks)
        return rising * (ticks - best) >= part.offset


@dataclass(slots=True, eq=False)
class ParentOrder:
    """A special order of an account, with its fields on the wire."""

    account: Account
    request: ParentRequest
    serial: int
    accepted_ns: int
    expire_ns: int
    machine: SpecialOrder
    order_id: str = ""
    """`parent_order_id`; "" until it is placed."""
    list_id: int = 0
    executed_lots: int = 0
    executed_ticks: int = 0
    commission: int = 0
    acceptance_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.acceptance_id = acceptance_id(self.accepted_ns, self.serial)

    @property
    def is_active(self) -> bool:
        return self.machine.state is OrderState.ACTIVE

    @property
    def product_code(self) -> str:
        """The product of its first part."""
        return self.request.parts[0].product.code

    @property
    def order_type(self) -> str:
        """`parent_order_type`: the method, or for SIMPLE the condition."""
        method = self.request.method
        return str(self.request.parts[0].condition if method is OrderMethod.SIMPLE else method)


def part_request(request: ParentRequest, index: int) -> ChildRequest:
    """The order that a part of a special order places."""
    part = request.parts[index]
    is_limit = part.condition in (Condition.LIMIT, Condition.STOP_LIMIT)
    order_type = ChildOrderType.LIMIT if is_limit else ChildOrderType.MARKET
    return ChildRequest(
        part.product, order_type, part.side, part.price, part.lots, request.minutes, request.time_in_force
    )


_ORDER_TYPES = [*Condition, *(method for method in OrderMethod if method is not OrderMethod.SIMPLE)]


class ParentOrderRow(msgspec.Struct, frozen=True):
    """A special order; price and sizes are those of its first part, and executions of all parts count."""

    id: int
    parent_order_id: str
    product_code: str
    side: Annotated[
        str,
        msgspec.Meta(description="BUYSELL where the parts' differ.", extra_json_schema={"enum": [*Side, "BUYSELL"]}),
    ]
    parent_order_type: Annotated[
        str,
        msgspec.Meta(
            description="The method, or for SIMPLE the condition.",
            extra_json_schema={"enum": _ORDER_TYPES},
        ),
    ]
    price: Number
    average_price: Number
    size: Number
    parent_order_state: OrderState
    expire_date: str
    parent_order_date: str
    parent_order_acceptance_id: str
    outstanding_size: Number
    cancel_size: Number
    executed_size: Number
    total_commission: Number


class PartRow(msgspec.Struct, frozen=True):
    """A part of a special order; a number that its condition does not have is 0."""

    product_code: str
    condition_type: Condition
    side: Side
    price: Number
    size: Number
    trigger_price: Number
    offset: Number


class ParentOrderDetails(msgspec.Struct, frozen=True):
    """A special order with its parts."""

    id: int
    parent_order_id: str
    order_method: OrderMethod
    expire_date: str
    time_in_force: TimeInForce
    parameters: list[PartRow]
    parent_order_acceptance_id: str


def parent_row(parent: ParentOrder) -> ParentOrderRow:
    """One row of `getparentorders`.

    Price and side are those of the first part, the side ``BUYSELL`` where the parts' differ, as the documentation has
    it; the sizes are of the first part, too, and executions of all parts count.
    """
    part = parent.request.parts[0]
    sides = {each.side for each in parent.request.parts}
    remaining = max(0, part.lots - parent.executed_lots)
    return ParentOrderRow(
        id=parent.list_id,
        parent_order_id=parent.order_id,
        product_code=part.product.code,
        side=part.side if len(sides) == 1 else "BUYSELL",
        parent_order_type=parent.order_type,
        price=price_number(part.product, part.price),
        average_price=average_price(part.product, parent.executed_ticks, parent.executed_lots),
        size=lots_number(part.lots),
        parent_order_state=parent.machine.state,
        expire_date=second_text(parent.expire_ns),
        parent_order_date=second_text(parent.accepted_ns),
        parent_order_acceptance_id=parent.acceptance_id,
        outstanding_size=lots_number(remaining if parent.is_active else 0),
        cancel_size=lots_number(0 if parent.is_active else remaining),
        executed_size=lots_number(parent.executed_lots),
        total_commission=lots_number(parent.commission),
    )


def parent_details(parent: ParentOrder) -> ParentOrderDetails:
    """The body of `getparentorder`."""
    return ParentOrderDetails(
        id=parent.list_id,
        parent_order_id=parent.order_id,
        order_method=parent.request.method,
        expire_date=second_text(parent.expire_ns),
        time_in_force=parent.request.time_in_force,
        parameters=[_part_row(part) for part in parent.request.parts],
        parent_order_acceptance_id=parent.acceptance_id,
    )


def _part_row(part: Part) -> PartRow:
    return PartRow(
        product_code=part.product.code,
        condition_type=part.condition,
        side=part.side,
        price=price_number(part.product, part.price),
        size=lots_number(part.lots),
        trigger_price=price_number(part.product, part.trigger_price),
        offset=price_number(part.product, part.offset),
    )
