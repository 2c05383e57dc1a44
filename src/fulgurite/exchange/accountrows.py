"""The rows of the private HTTP API: an account's money, positions and orders (protocol reference, section 5). Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Annotated, Final, NamedTuple

import msgspec

from fulgurite.exchange.accountorders import Records
from fulgurite.exchange.accounts import (
    AMOUNT_DECIMALS,
    COMMISSION_PARTS,
    LEVERAGE,
    Account,
    is_fx,
    position_profit,
    required_collateral,
    total_required,
)
from fulgurite.exchange.childorders import (
    ChildOrder,
    ChildOrderRow,
    ExecutionRow,
    OrderState,
    execution_row,
    lots_number,
    number,
    order_row,
    price_number,
)
from fulgurite.exchange.funds import Venue, keep_rate
from fulgurite.exchange.matching import Side
from fulgurite.exchange.numbers import Number, http_time, wire_number, wire_time
from fulgurite.exchange.products import Product
from fulgurite.exchange.specialorders import ParentOrder, ParentOrderRow, parent_row


class Page(NamedTuple):
    """The part of a list that is asked for."""

    limit: int
    before: int | None = None
    """Only ids below this."""
    after: int | None = None
    """Only ids above this."""

    @property
    def is_by_id(self) -> bool:
        return self.before is not None or self.after is not None

    def holds(self, row_id: int) -> bool:
        """Whether the row of this id is within `before` and `after`."""
        return (self.before is None or row_id < self.before) and (self.after is None or row_id > self.after)


class Balance(msgspec.Struct, frozen=True):
    """The balance of an account in a currency."""

    currency_code: str
    amount: Number
    available: Annotated[Number, msgspec.Meta(description="The part that no open order reserves.")]


class Collateral(msgspec.Struct, frozen=True):
    """The yen behind the FX positions."""

    collateral: Number
    open_position_pnl: Number
    require_collateral: Number
    keep_rate: Annotated[Number, msgspec.Meta(description="0 while no position is open.")]
    margin_call_amount: Annotated[Number, msgspec.Meta(description="Always 0 here: margin calls are not imitated.")]
    margin_call_due_date: Annotated[None, msgspec.Meta(description="Always null here.")]


class PositionRow(msgspec.Struct, frozen=True):
    """An open FX position."""

    product_code: str
    side: Side
    price: Number
    size: Number
    commission: Number
    swap_point_accumulate: Number
    require_collateral: Number
    open_date: str
    leverage: Number
    pnl: Annotated[Number, msgspec.Meta(description="The profit or loss at the last price.")]
    sfd: Number


class TradingCommission(msgspec.Struct, frozen=True):
    """The commission of an order, as a part of its size."""

    commission_rate: Number


_ZERO: Final = number(0, 0)


def balance_rows(account: Account) -> list[Balance]:
    """The body of `getbalance`."""
    return [
        Balance(currency_code=currency, amount=money(owned), available=money(account.available(currency)))
        for currency, owned in account.balances.items()
    ]


def collateral_body(account: Account, venues: Collection[Venue]) -> Collateral:
    """The body of `getcollateral`; `keep_rate` is 0 while no position is open."""
    profit = required = 0
    for venue in venues:
        if is_fx(venue.product):
            profit += account.profit(venue.product, venue.last_price)
            required += total_required(venue.product, account.positions.get(venue.product.code, ()))
    return Collateral(
        collateral=money(account.collateral),
        open_position_pnl=money(profit),
        require_collateral=money(required),
        keep_rate=number(keep_rate(account, venues) or 0, 4),
        margin_call_amount=_ZERO,
        margin_call_due_date=None,
    )


def position_rows(account: Account, venue: Venue) -> list[PositionRow]:
    """The body of `getpositions`: none for a spot product."""
    product = venue.product
    return [
        PositionRow(
            product_code=product.code,
            side=row.side,
            price=price_number(product, row.price),
            size=lots_number(row.lots),
            commission=_ZERO,
            swap_point_accumulate=_ZERO,
            require_collateral=money(required_collateral(product, row.price, row.lots)),
            open_date=http_time(wire_time(row.opened_ns)),
            leverage=number(LEVERAGE, 0),
            pnl=money(position_profit(product, row, venue.last_price)),
            sfd=_ZERO,
        )
        for row in account.positions.get(product.code, ())
    ]


def commission_body(product: Product) -> TradingCommission:
    """The body of `gettradingcommission`."""
    return TradingCommission(number(0 if is_fx(product) else COMMISSION_PARTS, 4))


def child_order_rows(
    records: Records, product: Product, page: Page, is_wanted: Callable[[ChildOrder], bool]
) -> list[ChildOrderRow]:
    """The body of `getchildorders`: active orders first, then the others, newest first.

    Active ones have no id, and so are left out where ids bound the page; orders that ended without any execution are
    not listed at all (section 5).
    """
    active = [] if page.is_by_id else [order for order in records.open.values() if order.placed_ns]
    ended = (order for order in reversed(records.ended) if order.executed_lots and page.holds(order.list_id))
    rows = (order for order in (*reversed(active), *ended) if order.product is product and is_wanted(order))
    return [order_row(order) for order in islice(rows, page.limit)]


def parent_order_rows(records: Records, product: Product, page: Page, state: OrderState | None) -> list[ParentOrderRow]:
    """The body of `getparentorders`: active ones first, then the others, newest first."""
    active = [] if page.is_by_id else [parent for parent in records.open_parents.values() if parent.order_id]
    ended = (parent for parent in reversed(records.ended_parents) if page.holds(parent.list_id))
    rows: Iterable[ParentOrder] = (
        parent
        for parent in (*reversed(active), *ended)
        if parent.product_code == product.code and state in (None, parent.machine.state)
    )
    return [parent_row(parent) for parent in islice(rows, page.limit)]


def execution_rows(
    records: Records, product: Product, page: Page, is_wanted: Callable[[ChildOrder], bool]
) -> list[ExecutionRow]:
    """The body of `getexecutions`: newest first."""
    rows = (
        execution
        for execution in reversed(records.executions)
        if execution.order.product is product and page.holds(execution.id) and is_wanted(execution.order)
    )
    return [execution_row(execution) for execution in islice(rows, page.limit)]


def money(units: int) -> Number:
    """An amount as a JSON number, exactly."""
    text = wire_number(abs(units), AMOUNT_DECIMALS).removesuffix(".0")
    return msgspec.Raw(f"-{text}".encode() if units < 0 else text.encode())
