"""Price-time-priority matching of one product, in integer ticks and lots. Pure.

The engine knows orders and levels, and nothing of time, accounts, channels or text. A caller submits an
order with an id of its own, and gets a report: fills, each at the maker's price, and the levels with a changed total.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from fulgurite.errors import InputError


class Side(StrEnum):
    """The side of an order; of an execution it is the taker's side, in the wire's own words."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class TimeInForce(StrEnum):
    """The fate of the part of an order that finds no counterpart at once."""

    GTC = "GTC"
    """It rests in the order book."""
    IOC = "IOC"
    """It lapses."""
    FOK = "FOK"
    """The whole order lapses, without any fill."""


class Order:
    """One order, from its submission on.

    Args:
        id: unique within the engine for as long as the order rests.
        owner: the account or the flow that sent it.
        side: BUY or SELL.
        price: ticks, at least 1; None makes it a market order; those rest before an itayose only.
        size: lots, at least 1.
        accepted_ns: when it was accepted; the engine only keeps it.

    Raises:
        InputError: a price or size below 1.
    """

    __slots__ = ("accepted_ns", "id", "owner", "payable_price", "price", "remaining", "side", "size")

    def __init__(self, *, id: int, owner: str, side: Side, price: int | None, size: int, accepted_ns: int = 0) -> None:
        if price is not None and price < 1:
            raise InputError("price", price, "1 tick or more")
        if size < 1:
            raise InputError("size", size, "1 lot or more")
        self.id = id
        self.owner = owner
        self.side = side
        self.price = price
        self.size = size
        self.accepted_ns = accepted_ns
        # Lots that are not filled yet.
        self.remaining = size
        # Of a market buy that waits for an itayose: the highest price in ticks that its owner can pay; None is any.
        self.payable_price: int | None = None


class Fill(NamedTuple):
    """One match: `size` lots at `price` ticks, the price of the resting maker.

    In an itayose both have rested and the price is that of all. There the seller stands as maker and the buyer as
    taker, without a meaning.
    """

    maker: Order
    taker: Order
    price: int
    size: int


MARKET_PRICE = 0
"""The price of the queue of market orders of a side, a level as on the wire (section 3.2)."""


class LevelKey(NamedTuple):
    """The name of a level: side and price in ticks, `MARKET_PRICE` for the queue of market orders."""

    side: Side
    price: int


class Report(NamedTuple):
    """The result of a submission or a cancellation."""

    fills: list[Fill]
    """In the order of matching: best price first, then oldest order."""
    changed: list[LevelKey]
    """Levels with a changed total size, each once."""


class MatchingEngine:
    """The resting orders of one product.

    Memory grows with the resting orders only.
    """

    def __init__(self) -> None:
        self._bids = _BookSide(sign=1)
        self._asks = _BookSide(sign=-1)
        # Market orders that wait for an itayose.
        self._market_orders = {side: _Level() for side in Side}
        self._resting: dict[int, Order] = {}

    def submit(self, order: Order, time_in_force: TimeInForce = TimeInForce.GTC) -> Report:
        """Match `order` against the other side; rest the remainder where `time_in_force` says so.

        A market order takes all there is, at any price, and its remainder lapses.

        Raises:
            InputError: an order of this id rests already.
        """
        self._require_new(order)
        makers = self._side(order.side.opposite)
        # In keys of the makers' side, the worst price that `order` accepts; None is any.
        limit = None if order.price is None else makers.sign * order.price
        if time_in_force is TimeInForce.FOK and makers.size_up_to(limit, order.size) < order.size:
            return Report([], [])
        fills, changed = self._match(order, makers, limit)
        if order.remaining and order.price is not None and time_in_force is TimeInForce.GTC:
            self._side(order.side).add(order, order.price)
            self._resting[order.id] = order
            changed.append(LevelKey(order.side, order.price))
        return Report(fills, changed)

    def rest(self, order: Order) -> Report:
        """Let an order rest without matching it, as before an itayose: it may cross others, and be a market order.

        Nothing else may be submitted before `uncross` has been called.

        Raises:
            InputError: an order of this id rests already.
        """
        self._require_new(order)
        self._resting[order.id] = order
        if order.price is None:
            self._market_orders[order.side].add(order)
            return Report([], [LevelKey(order.side, MARKET_PRICE)])
        self._side(order.side).add(order, order.price)
        return Report([], [LevelKey(order.side, order.price)])

    def uncross(self, price: int) -> Report:
        """Execute at `price` ticks everything that accepts it, each side in its own order of priority.

        Market orders stand before all others, then the best price, then the oldest order. Where `price` is one that
        `itayose.uncrossing_price` gives, the book is not crossed afterwards.
        """
        fills: list[Fill] = []
        changed: dict[LevelKey, None] = {}
        while (buyer := self._front_at(Side.BUY, price)) and (seller := self._front_at(Side.SELL, price)):
            size = min(buyer.remaining, seller.remaining)
            for order in (buyer, seller):
                changed[LevelKey(order.side, order.price or MARKET_PRICE)] = None
                if order.price is None:
                    self._market_orders[order.side].fill(order, size)
                else:
                    self._side(order.side).fill(order, order.price, size)
                if not order.remaining:
                    del self._resting[order.id]
            fills.append(Fill(maker=seller, taker=buyer, price=price, size=size))
        return Report(fills, list(changed))

    def market_orders(self, side: Side) -> list[Order]:
        """The market orders that wait for an itayose, oldest first."""
        return list(self._market_orders[side].orders.values())

    def cancel(self, order_id: int) -> Report | None:
        """Take a resting order out; None where no such order rests (any more)."""
        order = self._resting.pop(order_id, None)
        if order is None:
            return None
        if order.price is None:
            self._market_orders[order.side].remove(order)
            return Report([], [LevelKey(order.side, MARKET_PRICE)])
        self._side(order.side).remove(order, order.price)
        return Report([], [LevelKey(order.side, order.price)])

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._resting

    def best(self, side: Side) -> int | None:
        """The best price of a side in ticks, or None where it is empty; market orders have none."""
        return self._side(side).best

    def front(self, side: Side) -> Order | None:
        """The order of a side with a price that would be matched next, or None where it is empty."""
        book = self._side(side)
        return None if book.best is None else book.levels[book.best].front

    def level_size(self, side: Side, price: int) -> int:
        """The total of a level in lots, 0 where there is none; at `MARKET_PRICE` that of the market orders."""
        level = self._market_orders[side] if price == MARKET_PRICE else self._side(side).levels.get(price)
        return level.size if level else 0

    def total_size(self, side: Side) -> int:
        """The total of a side in lots, without market orders."""
        return self._side(side).total

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Price in ticks and total in lots of each level of a side, best first."""
        book = self._side(side)
        for key in reversed(book.keys):
            yield book.sign * key, book.levels[book.sign * key].size

    def _require_new(self, order: Order) -> None:
        if order.id in self._resting:
            raise InputError("id", order.id, "an id that no resting order has")

    def _front_at(self, side: Side, price: int) -> Order | None:
        """The order of a side that an itayose at `price` would execute next."""
        waiting = self._market_orders[side]
        if waiting.orders:
            return waiting.front
        book = self._side(side)
        if not book.keys or book.keys[-1] < book.sign * price:
            return None
        return self.front(side)

    def _side(self, side: Side) -> _BookSide:
        return self._bids if side is Side.BUY else self._asks

    def _match(self, taker: Order, makers: _BookSide, limit: int | None) -> tuple[list[Fill], list[LevelKey]]:
        fills: list[Fill] = []
        changed: list[LevelKey] = []
        while taker.remaining and makers.keys and (limit is None or makers.keys[-1] >= limit):
            price = makers.sign * makers.keys[-1]
            maker = makers.levels[price].front
            size = min(taker.remaining, maker.remaining)
            taker.remaining -= size
            makers.fill(maker, price, size)
            if not maker.remaining:
                del self._resting[maker.id]
            fills.append(Fill(maker, taker, price, size))
            if not changed or changed[-1].price != price:
                changed.append(LevelKey(maker.side, price))
        return fills, changed


class _Level:
    """The orders of one price, oldest first, and their total kept with every change."""

    __slots__ = ("orders", "size")

    def __init__(self) -> None:
        # Not a plain dict: taking a long queue from its front would cost the square of its length.
        self.orders: OrderedDict[int, Order] = OrderedDict()
        self.size = 0

    @property
    def front(self) -> Order:
        return next(iter(self.orders.values()))

    def add(self, order: Order) -> None:
        self.orders[order.id] = order
        self.size += order.remaining

    def fill(self, order: Order, size: int) -> None:
        order.remaining -= size
        self.size -= size
        if not order.remaining:
            del self.orders[order.id]

    def remove(self, order: Order) -> None:
        del self.orders[order.id]
        self.size -= order.remaining


class _BookSide:
    """The levels of one side.

    `keys` ascend towards the best price, so bids are kept as they are and asks negated (`sign`), and all that
    matching touches is at the end of the list.
    """

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, _Level] = {}
        self.total = 0

    @property
    def best(self) -> int | None:
        return self.sign * self.keys[-1] if self.keys else None

    def add(self, order: Order, price: int) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = _Level()
            insort(self.keys, self.sign * price)
        level.add(order)
        self.total += order.remaining

    def fill(self, order: Order, price: int, size: int) -> None:
        self.levels[price].fill(order, size)
        self.total -= size
        self._drop_if_empty(price)

    def remove(self, order: Order, price: int) -> None:
        self.levels[price].remove(order)
        self.total -= order.remaining
        self._drop_if_empty(price)

    def _drop_if_empty(self, price: int) -> None:
        if not self.levels[price].orders:
            del self.levels[price]
            del self.keys[bisect_left(self.keys, self.sign * price)]

    def size_up_to(self, limit: int | None, enough: int) -> int:
        """The total of the levels at key `limit` or better, counted until it reaches `enough`."""
        size = 0
        for key in reversed(self.keys):
            if size >= enough or (limit is not None and key < limit):
                break
            size += self.levels[self.sign * key].size
        return size
