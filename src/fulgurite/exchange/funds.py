"""The solvency of an account for an order, and the reserve that an order takes (section 5 of the protocol reference).
Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from fulgurite.exchange.accounts import Account, cost, is_fx, required_collateral, total_required
from fulgurite.exchange.market import Outcome
from fulgurite.exchange.matching import MatchingEngine, Order, Side, TimeInForce
from fulgurite.exchange.orderrequests import ChildOrderType, ChildRequest
from fulgurite.exchange.products import Product
from fulgurite.protocol.choices import INSUFFICIENT_FUNDS, INSUFFICIENT_MARGIN, NOT_ACCEPTED, Refusal

OPEN_STATES: Final = frozenset({"RUNNING", "PREOPEN", "CIRCUIT BREAK"})
"""The states of a market that takes orders; cancellations are always taken."""


UNKNOWN_PRICE_PARTS: Final = 2
"""A spot market buy before an itayose reserves this many times the last price."""


class Venue(Protocol):
    """One product's market, as the orders of accounts need it; its publisher tells every change."""

    @property
    def product(self) -> Product: ...

    @property
    def engine(self) -> MatchingEngine: ...

    @property
    def last_price(self) -> int:
        """Ticks."""
        ...

    @property
    def state(self) -> str:
        """RUNNING, CLOSED, STARTING, PREOPEN or CIRCUIT BREAK."""
        ...

    def submit(self, order: Order, now_ns: int, time_in_force: TimeInForce) -> Outcome: ...

    def cancel(self, order_id: int, now_ns: int) -> Outcome | None: ...


def refusal(account: Account, request: ChildRequest, venue: Venue) -> Refusal | None:
    """Why an order would not be taken; None where it would."""
    product = request.product
    if venue.state not in OPEN_STATES:
        return NOT_ACCEPTED
    if not is_fx(product):
        currency, needed = cost(product, request.side, price_to_reserve(request, venue), request.lots)
        return None if needed <= account.available(currency) else INSUFFICIENT_FUNDS
    exposure = account.exposure_lots(product.code, request.side, request.lots)
    if exposure <= account.exposure_lots(product.code):
        return None  # it makes a position smaller: always allowed
    available = account.collateral + account.profit(product, venue.last_price)
    return None if required_collateral(product, venue.last_price, exposure) <= available else INSUFFICIENT_MARGIN


def keep_rate(account: Account, venues: Iterable[Venue]) -> int | None:
    """The collateral, with the profit or loss of the open FX positions, in 1/10000 of their requirement.

    None while no position is open. Rounded down.
    """
    held, required = account.collateral, 0
    for venue in venues:
        rows = account.positions.get(venue.product.code, ())
        if rows:
            held += account.profit(venue.product, venue.last_price)
            required += total_required(venue.product, rows)
    return held * 10_000 // required if required else None


def price_to_reserve(request: ChildRequest, venue: Venue) -> int:
    """The highest price of an order, in ticks: for a market buy the mean of the levels it would meet, rounded up."""
    if request.order_type is ChildOrderType.LIMIT:
        return request.price
    if request.side is Side.SELL or is_fx(request.product):
        return venue.last_price  # they reserve nothing by it
    if venue.state != "RUNNING":
        # An itayose is to come, and nobody knows its price: at a higher one the order lapses.
        return UNKNOWN_PRICE_PARTS * venue.last_price
    left, ticks = request.lots, 0
    for price, lots in venue.engine.levels(Side.SELL):
        taken = min(left, lots)
        ticks += price * taken
        left -= taken
        if not left:
            break
    return -(-ticks // request.lots)
