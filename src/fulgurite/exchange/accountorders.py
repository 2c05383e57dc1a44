"""The orders of accounts, from acceptance to their end: brought to the markets, booked, and told in events. Pure.

An order or cancellation is accepted first and meets its market `ORDER_LATENCY_NS` later, in the exchange's own order of
time: so the answer to the request comes before the events. Those go out as `TimedMessage` with their account
(sections 3.5, 3.6 and 5 of the protocol reference).

Pure: the time is an argument. Memory is bounded: `MAX_OPEN_ORDERS` open orders of each kind and `KEPT` ended ones,
an account. `exchange.specialorders` decides about special orders; their parts are placed here as orders like others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange import childorders, funds, parentevents
from fulgurite.exchange.accounts import Account, is_fx
from fulgurite.exchange.childorders import ChildExecution, ChildOrder, OrderState, child_order_id, expiry_ns
from fulgurite.exchange.funds import OPEN_STATES, Venue
from fulgurite.exchange.market import Outcome
from fulgurite.exchange.matching import Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS, acceptance_id
from fulgurite.exchange.orderrequests import MAX_MINUTES, ChildOrderType, ChildRequest, Condition, ParentRequest
from fulgurite.exchange.products import Product
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.schedule import NEVER_NS, Schedule
from fulgurite.exchange.specialorders import (
    Action,
    CancelPart,
    Complete,
    Finish,
    ParentOrder,
    SpecialOrder,
    Trigger,
    part_request,
)
from fulgurite.protocol import channels
from fulgurite.protocol.choices import (
    LOSS_CUT_RATE,
    NOT_ACCEPTED,
    ORDER_FAILED_REASONS,
    ORDER_LATENCY_NS,
    ORDER_NOT_FOUND,
    Refusal,
)

MAX_OPEN_ORDERS: Final = 1_000
"""Open orders, and open special orders, of one account; more are refused."""

KEPT: Final = 10_000
"""The newest orders that are over, special orders that are over, and executions, of one account."""

CHILD_CHANNEL: Final = channels.child_order_events().name
PARENT_CHANNEL: Final = channels.parent_order_events().name

OrderT = TypeVar("OrderT", ChildOrder, ParentOrder)


@dataclass(slots=True)
class Records:
    """The orders and executions of one account."""

    account: Account
    open: dict[str, ChildOrder] = field(default_factory=dict)
    """By acceptance id: accepted, and perhaps not placed yet."""
    ended: deque[ChildOrder] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Oldest first; those without executions are in it, too, though the wire does not list them."""
    executions: deque[ChildExecution] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Oldest first."""
    is_cut: bool = False
    """Whether its FX positions are being closed for want of collateral."""
    open_parents: dict[str, ParentOrder] = field(default_factory=dict)
    ended_parents: deque[ParentOrder] = field(default_factory=lambda: deque(maxlen=KEPT))


class AccountOrders:
    """The orders of all accounts.

    Args:
        accounts: the accounts that may trade.
        venues: the markets, by product code.
        order_ids: where orders get their numbers from; all of the exchange share one counter.
        last_list_id: the number before the first id of a row in lists of orders.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        venues: Mapping[str, Venue],
        order_ids: Iterator[int],
        *,
        last_list_id: int = 1,
    ) -> None:
        self.records = {account.api_key: Records(account) for account in accounts}
        self.venues = venues
        self.products = {code: venue.product for code, venue in venues.items()}
        self._order_ids = order_ids
        self._last_list_id = last_list_id
        self._schedule = Schedule()
        # Orders in a market, by acceptance id, and the special orders that some of them are parts of.
        self._placed: dict[str, ChildOrder] = {}
        self._part_of: dict[str, tuple[ParentOrder, int]] = {}
        # Special orders that have begun, by the products of their parts, oldest first; a dict serves as an ordered set.
        self._parents_of: dict[str, dict[ParentOrder, None]] = {code: {} for code in venues}
        # Events on their way out: account, channel, text; and when they happened.
        self._events: list[tuple[str, str, bytes]] = []
        self._events_ns = NEVER_NS

    # --- requests; each changes nothing where it raises

    def send_child_order(self, api_key: str, request: ChildRequest, now_ns: int) -> str:
        """Accept an order; return its acceptance id.

        Raises:
            RequestRefusedError: the market is closed, there are too many orders, or the funds do not suffice.
        """
        records = self.records[api_key]
        refusal = NOT_ACCEPTED if len(records.open) >= MAX_OPEN_ORDERS else None
        refusal = refusal or funds.refusal(records.account, request, self.venues[request.product.code])
        if refusal:
            raise refused("sendchildorder", refusal)
        order = self._accept(records, request, now_ns, expiry_ns(now_ns, request.minutes))
        order.reserved_price = funds.price_to_reserve(request, self.venues[request.product.code])
        self._set_reserved(order, request.lots)
        return order.acceptance_id

    def send_parent_order(self, api_key: str, request: ParentRequest, now_ns: int) -> str:
        """Accept a special order; return its acceptance id.

        Raises:
            RequestRefusedError: a market is closed, there are too many, or the funds do not suffice for a part that
                would be placed at once.
        """
        records = self.records[api_key]
        refusal = NOT_ACCEPTED if len(records.open_parents) >= MAX_OPEN_ORDERS else None
        for part in request.parts:
            if self.venues[part.product.code].state not in OPEN_STATES:
                refusal = refusal or NOT_ACCEPTED
        if request.parts[0].condition in (Condition.LIMIT, Condition.MARKET):
            first = part_request(request, 0)
            refusal = refusal or funds.refusal(records.account, first, self.venues[first.product.code])
        if refusal:
            raise refused("sendparentorder", refusal)
        parent = ParentOrder(
            account=records.account,
            request=request,
            serial=next(self._order_ids),
            accepted_ns=now_ns,
            expire_ns=expiry_ns(now_ns, request.minutes),
            machine=SpecialOrder(request),
        )
        records.open_parents[parent.acceptance_id] = parent
        self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._begin, parent))
        return parent.acceptance_id

    def cancel_child_order(self, api_key: str, order_id: str, accepted_id: str, now_ns: int) -> None:
        """Ask for an order to be cancelled, by either of its ids; an event tells the outcome.

        Raises:
            RequestRefusedError: the account has no such order, or had it long ago.
        """
        records = self.records[api_key]
        order = _find((*records.open.values(), *records.ended), order_id, accepted_id)
        if order is None:
            raise refused("cancelchildorder", ORDER_NOT_FOUND)
        self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._cancel, order))

    def cancel_parent_order(self, api_key: str, order_id: str, accepted_id: str, now_ns: int) -> None:
        """Ask for a special order to be cancelled, by either of its ids. One that is over stays as it is.

        Raises:
            RequestRefusedError: the account has no such special order, or had it long ago.
        """
        parent = self.find_parent(api_key, order_id, accepted_id)
        if parent is None:
            raise refused("cancelparentorder", ORDER_NOT_FOUND)
        self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._end_parent, parent, OrderState.CANCELED))

    def cancel_all_child_orders(self, api_key: str, product: Product, now_ns: int) -> None:
        """Ask for all open orders of a product to be cancelled; special orders that wait for their price stay."""
        for order in self.records[api_key].open.values():
            if order.product is product:
                self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._cancel, order, tells_failure=False))

    def find_parent(self, api_key: str, order_id: str, accepted_id: str) -> ParentOrder | None:
        """A special order of the account by either of its ids."""
        records = self.records[api_key]
        return _find((*records.open_parents.values(), *records.ended_parents), order_id, accepted_id)

    # --- time

    @property
    def next_ns(self) -> int:
        """The next time at which `act` must be called; `NEVER_NS` where there is none."""
        return min(self._events_ns, self._schedule.next_ns)

    def act(self) -> list[TimedMessage]:
        """Do all that is due at `next_ns`; return the events since the last time, in one message for each moment."""
        return self._do(self.next_ns)

    def stand_still(self, until_ns: int) -> list[TimedMessage]:
        """Do at `until_ns` all that was due by then."""
        return self._do(until_ns) if self.next_ns <= until_ns else []

    def _do(self, now_ns: int) -> list[TimedMessage]:
        self._schedule.run(now_ns)
        messages: list[tuple[str, str, list[bytes]]] = []
        for api_key, channel, event in self._events:
            if messages and messages[-1][:2] == (api_key, channel):
                messages[-1][2].append(event)
            else:
                messages.append((api_key, channel, [event]))
        self._events.clear()
        self._events_ns = NEVER_NS
        return [
            TimedMessage(now_ns, channel, b"[" + b",".join(events) + b"]", api_key)
            for api_key, channel, events in messages
        ]

    def record(self, product_code: str, outcome: Outcome, now_ns: int) -> None:
        """Book the outcome of an order, cancellation or itayose in a market, of the flow and of accounts alike."""
        for execution in outcome.executions:
            product = self.products[product_code]
            # Decimals of at most 15 digits, so rounding finds the very ticks and lots again.
            price, lots = round(execution.price * 10**product.price_decimals), round(execution.size * LOTS)
            for side, accepted_id in (
                (Side.BUY, execution.buy_child_order_acceptance_id),
                (Side.SELL, execution.sell_child_order_acceptance_id),
            ):
                order = self._placed.get(accepted_id)
                if order is not None and order.request.side is side:
                    self._execute(ChildExecution(execution.id, order, price, lots, 0, now_ns))
            for parent in tuple(self._parents_of[product_code]):
                self._perform(parent, parent.machine.price(product_code, price), now_ns)
        # Market orders that found nobody in an itayose are out of the market without a word; the queue has price 0.
        if any(not execution.side for execution in outcome.executions) or any(not key.price for key in outcome.changed):
            for order in tuple(self._placed.values()):
                if order.product.code == product_code:
                    self._expire_if_out(order, now_ns)
        if outcome.executions and is_fx(self.products[product_code]):
            self._watch_keep_rates(now_ns)

    # --- collateral

    def _watch_keep_rates(self, now_ns: int) -> None:
        for records in self.records.values():
            rate = funds.keep_rate(records.account, self.venues.values())
            if rate is not None and rate < LOSS_CUT_RATE and not records.is_cut:
                records.is_cut = True
                self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._cut_losses, records))

    def _cut_losses(self, records: Records, now_ns: int) -> None:
        """Close the FX positions of an account: cancel its open orders there, then send a market order."""
        records.is_cut = False
        for venue in self.venues.values():
            product, held = venue.product, records.account.open_lots(venue.product.code)
            if not held or venue.state != "RUNNING":
                continue  # it is looked at again with the next execution
            for order in tuple(records.open.values()):
                if order.product is product:
                    self._cancel(order, now_ns, tells_failure=False)
            side = Side.SELL if held > 0 else Side.BUY
            request = ChildRequest(product, ChildOrderType.MARKET, side, 0, abs(held), MAX_MINUTES, TimeInForce.IOC)
            # No latency of its own: nothing may come between, and turn the position over.
            self._place(self._take_up(records, request, now_ns, expiry_ns(now_ns, MAX_MINUTES)), now_ns)

    # --- orders

    def _accept(self, records: Records, request: ChildRequest, now_ns: int, expire_ns: int) -> ChildOrder:
        """Take an order up, and let it come to its market."""
        order = self._take_up(records, request, now_ns, expire_ns)
        self._schedule.add(now_ns + ORDER_LATENCY_NS, partial(self._place, order))
        return order

    def _take_up(self, records: Records, request: ChildRequest, now_ns: int, expire_ns: int) -> ChildOrder:
        order = ChildOrder(
            account=records.account,
            request=request,
            order=Order(
                id=next(self._order_ids),
                owner=records.account.api_key,
                side=request.side,
                price=request.price if request.order_type is ChildOrderType.LIMIT else None,
                size=request.lots,
                accepted_ns=now_ns,
            ),
            expire_ns=expire_ns,
        )
        records.open[order.acceptance_id] = order
        return order

    def _place(self, order: ChildOrder, now_ns: int) -> None:
        venue = self.venues[order.product.code]
        order.order_id = child_order_id(order.product, now_ns, order.order.id)
        # The market has moved on: a market order costs another sum now, or the market is closed.
        self._set_reserved(order, 0)
        refusal = funds.refusal(order.account, order.request, venue)
        if refusal:
            reason = ORDER_FAILED_REASONS[refusal.code]
            self._tell(order, childorders.event(order, now_ns, "ORDER_FAILED", reason=reason), now_ns)
            self._end(order, OrderState.REJECTED, now_ns)
            return
        order.reserved_price = funds.price_to_reserve(order.request, venue)
        self._set_reserved(order, order.request.lots)
        if not is_fx(order.product):
            order.order.payable_price = order.reserved_price
        order.placed_ns = now_ns
        self._placed[order.acceptance_id] = order
        self._schedule.add_expiry(order, partial(self._expire, order))
        self._tell(order, childorders.order_event(order, now_ns), now_ns)
        self.record(order.product.code, venue.submit(order.order, now_ns, order.request.time_in_force), now_ns)
        self._expire_if_out(order, now_ns)

    def _execute(self, execution: ChildExecution) -> None:
        order, now_ns = execution.order, execution.at_ns
        remaining = order.remaining_lots - execution.lots
        self._set_reserved(order, remaining)
        commission = order.account.settle(order.product, order.request.side, execution.price, execution.lots, now_ns)
        execution = execution._replace(commission=commission)
        order.executed_lots += execution.lots
        order.executed_ticks += execution.price * execution.lots
        order.commission += commission
        self.records[order.account.api_key].executions.append(execution)
        self._tell(order, childorders.execution_event(execution, remaining), now_ns)
        part = self._part_of.get(order.acceptance_id)
        if part is not None:
            parent, index = part
            parent.executed_lots += execution.lots
            parent.executed_ticks += execution.price * execution.lots
            parent.commission += commission
            self._perform(parent, parent.machine.executed(index), now_ns)
        if not remaining:
            self._end(order, OrderState.COMPLETED, now_ns)

    def _cancel(self, order: ChildOrder, now_ns: int, *, tells_failure: bool = True) -> None:
        outcome = None
        if order.acceptance_id in self._placed:
            outcome = self.venues[order.product.code].cancel(order.order.id, now_ns)
        if outcome is not None:
            self._tell(order, childorders.ended_event(order, now_ns, "CANCEL"), now_ns)
            self._end(order, OrderState.CANCELED, now_ns)
        elif tells_failure:
            self._tell(order, childorders.event(order, now_ns, "CANCEL_FAILED"), now_ns)

    def _expire(self, order: ChildOrder, now_ns: int) -> None:
        self.venues[order.product.code].cancel(order.order.id, now_ns)
        self._tell(order, childorders.ended_event(order, now_ns, "EXPIRE"), now_ns)
        self._end(order, OrderState.EXPIRED, now_ns)

    def _expire_if_out(self, order: ChildOrder, now_ns: int) -> None:
        """The remainder of IOC, FOK and market orders does not rest."""
        is_out = order.order.id not in self.venues[order.product.code].engine
        if is_out and order.is_active:
            self._expire(order, now_ns)

    def _end(self, order: ChildOrder, state: OrderState, now_ns: int) -> None:
        order.state = state
        order.list_id = self._list_id()
        self._set_reserved(order, 0)
        self._placed.pop(order.acceptance_id, None)
        records = self.records[order.account.api_key]
        del records.open[order.acceptance_id]
        records.ended.append(order)
        part = self._part_of.pop(order.acceptance_id, None)
        if part is None:
            return
        parent, index = part
        if state is OrderState.COMPLETED:
            self._perform(parent, parent.machine.completed(index, self._last_prices()), now_ns, order)
        else:
            self._perform(parent, parent.machine.lost(index, state), now_ns)

    # --- special orders

    def _begin(self, parent: ParentOrder, now_ns: int) -> None:
        parent.order_id = "JCP" + acceptance_id(now_ns, parent.serial).removeprefix("JRF")
        self._schedule.add_expiry(parent, partial(self._end_parent, parent, OrderState.EXPIRED))
        for part in parent.request.parts:
            self._parents_of[part.product.code][parent] = None
        self._tell(parent, parentevents.order_event(parent, now_ns), now_ns)
        self._perform(parent, parent.machine.begin(self._last_prices()), now_ns)

    def _end_parent(self, parent: ParentOrder, state: OrderState, now_ns: int) -> None:
        self._perform(parent, parent.machine.end(state), now_ns)

    def _perform(
        self, parent: ParentOrder, actions: Iterable[Action], now_ns: int, completed: ChildOrder | None = None
    ) -> None:
        for action in actions:
            match action:
                case Trigger(index):
                    self._place_part(parent, index, now_ns)
                case CancelPart(index):
                    for accepted_id, part in self._part_of.items():
                        if part == (parent, index):
                            order = self.records[parent.account.api_key].open[accepted_id]
                            cancel = partial(self._cancel, order, tells_failure=False)
                            self._schedule.add(now_ns + ORDER_LATENCY_NS, cancel)
                case Complete(index):
                    assert completed is not None, "an order is executed in full, and here it is"
                    event = parentevents.complete_event(parent, now_ns, index, completed.acceptance_id)
                    self._tell(parent, event, now_ns)
                case Finish(state):
                    self._finish_parent(parent, state, now_ns)

    def _place_part(self, parent: ParentOrder, index: int, now_ns: int) -> None:
        # Whether the funds suffice is found out in its market, so that there is an ORDER_FAILED to tell it.
        request, records = part_request(parent.request, index), self.records[parent.account.api_key]
        order = self._accept(records, request, now_ns, parent.expire_ns)
        order.parent_id = parent.order_id
        self._part_of[order.acceptance_id] = (parent, index)
        self._tell(parent, parentevents.trigger_event(parent, now_ns, index, order), now_ns)

    def _finish_parent(self, parent: ParentOrder, state: OrderState, now_ns: int) -> None:
        records = self.records[parent.account.api_key]
        parent.list_id = self._list_id()
        del records.open_parents[parent.acceptance_id]
        for part in parent.request.parts:
            self._parents_of[part.product.code].pop(parent, None)
        records.ended_parents.append(parent)
        if state is not OrderState.COMPLETED:  # its last event is COMPLETE
            self._tell(parent, parentevents.ended_event(parent, now_ns, state), now_ns)

    # --- small things

    def _set_reserved(self, order: ChildOrder, lots: int) -> None:
        account, side = order.account, order.request.side
        account.release(order.product, side, order.reserved_price, order.reserved_lots)
        account.reserve(order.product, side, order.reserved_price, lots)
        order.reserved_lots = lots

    def _last_prices(self) -> dict[str, int]:
        return {code: venue.last_price for code, venue in self.venues.items()}

    def _tell(self, order: ChildOrder | ParentOrder, event: bytes, now_ns: int) -> None:
        channel = CHILD_CHANNEL if isinstance(order, ChildOrder) else PARENT_CHANNEL
        self._events.append((order.account.api_key, channel, event))
        self._events_ns = now_ns

    def _list_id(self) -> int:
        self._last_list_id += 1
        return self._last_list_id


def refused(request: str, refusal: Refusal) -> RequestRefusedError:
    """The error that says so."""
    return RequestRefusedError(request, refusal.code, refusal.message)


def _find(orders: Iterable[OrderT], order_id: str, accepted_id: str) -> OrderT | None:
    for order in orders:
        if (order_id and order.order_id == order_id) or (accepted_id and order.acceptance_id == accepted_id):
            return order
    return None
