"""The balances of an account, the reserves for its orders, and its FX positions. Pure.

All money is integer: an amount is a count of 1e-13 of its currency, the finest product of a price (1e-5 at least) and
a size (1e-8), so that nothing is ever rounded but the commission.

A spot order reserves its highest cost: a buy its price in the second currency, a sell its size and commission in the
first. An FX order reserves nothing; it counts towards the collateral that is required (see `required_collateral`).

The named choices, where the reference is silent: the initial funds, the commission rate (the highest of the published
table), that a commission is rounded down to 1e-8 of the first currency and taken from it on both sides, that nothing
else is rounded, yen neither, and that FX positions are closed oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fulgurite.exchange.matching import Side
from fulgurite.exchange.numbers import LOT_DECIMALS
from fulgurite.exchange.products import Product

AMOUNT_DECIMALS: Final = 13
"""The decimals of an amount; see above."""

AMOUNTS: Final = 10**AMOUNT_DECIMALS
"""Amounts in 1 of a currency."""

LOT_AMOUNT: Final = 10 ** (AMOUNT_DECIMALS - LOT_DECIMALS)
"""Amounts in a lot of the first currency."""

COMMISSION_PARTS: Final = 15
"""The spot commission, in 1/10000 of the size; FX has none (section 3.5)."""

LEVERAGE: Final = 2
"""Of FX, as the exchange has it since 2021 (`leverage` of `/v1/me/getpositions`)."""

INITIAL_BALANCES: Final[Mapping[str, int]] = {
    currency: whole * AMOUNTS
    for currency, whole in {
        "JPY": 10_000_000,
        "BTC": 1,
        "BCH": 20,
        "ETH": 30,
        "ELF": 10_000,
        "MONA": 10_000,
        "XLM": 50_000,
        "XRP": 10_000,
    }.items()
}
"""The balances of every account at the beginning."""

INITIAL_COLLATERAL: Final = 5_000_000 * AMOUNTS
"""The yen that every account has as collateral for FX, beside its balances."""


@dataclass(slots=True)
class Position:
    """The open lots of one order that was executed in FX at one price."""

    side: Side
    price: int
    """Ticks."""
    lots: int
    opened_ns: int


class Account:
    """One account; the product decides whether it trades from its balances (spot) or its collateral (FX).

    Args:
        api_key: the key that speaks for the account, and so its name.
        balances: amounts by currency, at the beginning.
        collateral: an amount of yen.
    """

    def __init__(
        self,
        api_key: str,
        balances: Mapping[str, int] = INITIAL_BALANCES,
        collateral: int = INITIAL_COLLATERAL,
    ) -> None:
        self.api_key = api_key
        self.balances = dict(balances)
        # For orders that are open; never negative, and 0 without orders.
        self.reserved = dict.fromkeys(balances, 0)
        self.collateral = collateral
        # FX: positions by product, oldest first, all of one side; and the lots of open orders.
        self.positions: dict[str, list[Position]] = {}
        self.ordered_lots: dict[tuple[str, Side], int] = {}

    def available(self, currency: str) -> int:
        """The amount of a currency that no order has reserved."""
        return self.balances.get(currency, 0) - self.reserved.get(currency, 0)

    def reserve(self, product: Product, side: Side, price: int, lots: int) -> None:
        """Set aside the highest cost of an order.

        Args:
            product: the product of the order.
            side: of the order.
            price: the highest, or for a sell any, price in ticks.
            lots: how much.
        """
        self._set_aside(product, side, price, lots, 1)

    def release(self, product: Product, side: Side, price: int, lots: int) -> None:
        """Give back the sum that `reserve` set aside, for the very same lots.

        Where a part is executed, release the whole and reserve the rest: commissions are rounded, and so the parts
        need not add up.
        """
        self._set_aside(product, side, price, lots, -1)

    def settle(self, product: Product, side: Side, price: int, lots: int, now_ns: int) -> int:
        """Take an execution into the balances or the positions; return its commission in lots of the first currency.

        Args:
            product: the traded product.
            side: the account's.
            price: ticks.
            lots: how much.
            now_ns: when.
        """
        if is_fx(product):
            self._settle_position(product, Position(side, price, lots, now_ns))
            return 0
        base, quote = currencies(product)
        sign = 1 if side is Side.BUY else -1
        commission = commission_lots(lots)
        self._pay(base, (sign * lots - commission) * LOT_AMOUNT)
        self._pay(quote, -sign * amount(product, price, lots))
        return commission

    def open_lots(self, product_code: str) -> int:
        """The net FX position in lots, negative where it is short."""
        return sum(row.lots if row.side is Side.BUY else -row.lots for row in self.positions.get(product_code, ()))

    def exposure_lots(self, product_code: str, side: Side | None = None, more_lots: int = 0) -> int:
        """The largest FX position in lots, long or short, that open orders may lead to.

        Args:
            product_code: the product.
            side: of an order that is to be counted in, too.
            more_lots: that order's size.
        """
        sizes = {each: self.ordered_lots.get((product_code, each), 0) for each in Side}
        if side is not None:
            sizes[side] += more_lots
        held = self.open_lots(product_code)
        return max(held + sizes[Side.BUY], sizes[Side.SELL] - held)

    def profit(self, product: Product, last_price: int) -> int:
        """The profit or loss of the open positions at a price in ticks, an amount."""
        return sum(position_profit(product, row, last_price) for row in self.positions.get(product.code, ()))

    def _set_aside(self, product: Product, side: Side, price: int, lots: int, sign: int) -> None:
        if is_fx(product):
            key = (product.code, side)
            self.ordered_lots[key] = self.ordered_lots.get(key, 0) + sign * lots
            return
        currency, needed = cost(product, side, price, lots)
        self.reserved[currency] = self.reserved.get(currency, 0) + sign * needed

    def _pay(self, currency: str, change: int) -> None:
        self.balances[currency] = self.balances.get(currency, 0) + change

    def _settle_position(self, product: Product, new: Position) -> None:
        rows = self.positions.setdefault(product.code, [])
        while new.lots and rows and rows[0].side is not new.side:
            oldest = rows[0]
            closed = Position(oldest.side, oldest.price, min(oldest.lots, new.lots), oldest.opened_ns)
            self.collateral += position_profit(product, closed, new.price)
            oldest.lots -= closed.lots
            new.lots -= closed.lots
            if not oldest.lots:
                del rows[0]
        if not new.lots:
            return
        # Fills of the same moment and price are one row: a large order may take a level of a hundred small ones.
        if rows and (rows[-1].price, rows[-1].opened_ns) == (new.price, new.opened_ns):
            rows[-1].lots += new.lots
        else:
            rows.append(new)


def is_fx(product: Product) -> bool:
    """Whether a product is traded on collateral."""
    return product.market_type == "FX"


def currencies(product: Product) -> tuple[str, str]:
    """The first and the second currency of a product, as BTC and JPY of BTC_JPY and of FX_BTC_JPY."""
    base, quote = product.code.split("_")[-2:]
    return base, quote


def amount(product: Product, price: int, lots: int) -> int:
    """The worth of lots at a price in ticks, an amount of the second currency."""
    scale: int = 10 ** (AMOUNT_DECIMALS - LOT_DECIMALS - product.price_decimals)
    return price * lots * scale


def commission_lots(lots: int) -> int:
    """The commission of a spot execution, in lots of the first currency."""
    return lots * COMMISSION_PARTS // 10_000


def cost(product: Product, side: Side, price: int, lots: int) -> tuple[str, int]:
    """The highest cost of a spot order: the currency, and an amount of it.

    It never falls short: the commissions of several executions, each rounded down, are at most that of their sum.
    """
    base, quote = currencies(product)
    if side is Side.BUY:
        return quote, amount(product, price, lots)
    return base, (lots + commission_lots(lots)) * LOT_AMOUNT


def position_profit(product: Product, row: Position, price: int) -> int:
    """The profit or loss of a position at a price in ticks, an amount."""
    sign = 1 if row.side is Side.BUY else -1
    return sign * amount(product, price - row.price, row.lots)


def required_collateral(product: Product, price: int, lots: int) -> int:
    """The collateral for FX lots at a price in ticks, an amount."""
    return amount(product, price, lots) // LEVERAGE


def total_required(product: Product, rows: Iterable[Position]) -> int:
    """The collateral for open positions, an amount."""
    return sum(required_collateral(product, row.price, row.lots) for row in rows)
