"""The market of one product: its matching engine, and the exchange's memory of it. Pure.

All times are nanoseconds since 1970-01-01 UTC and come in as arguments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fulgurite.errors import InputError
from fulgurite.exchange.matching import MARKET_PRICE, Fill, LevelKey, MatchingEngine, Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS, acceptance_id, wire_time
from fulgurite.exchange.products import Product
from fulgurite.exchange.timeline import MarketState
from fulgurite.itayose import uncrossing_price
from fulgurite.protocol.choices import CIRCUIT_BREAK_PERCENT, CIRCUIT_BREAK_SECONDS
from fulgurite.protocol.messages import Execution

KEPT_EXECUTIONS = 10_000
"""The newest executions that a market remembers; older ones cannot be had over HTTP any more."""

_MINUTE_NS = 60_000_000_000
_DAY_MINUTES = 1440


def middle(bid: int | None, ask: int | None) -> int:
    """The middle of the best prices in ticks, rounded down (section 3.1).

    With one side empty the reference is silent. Then it is the best bid, or one tick below the best ask, or 0: so it is
    still never below a bid and always below every ask: clients check books against that. Only before an
    itayose that does not hold: there the best prices may have crossed.
    """
    if bid is not None and ask is not None:
        return (bid + ask) // 2
    if bid is not None:
        return bid
    return 0 if ask is None else ask - 1


class Outcome(NamedTuple):
    """The outcome of one order, cancellation or itayose in a market."""

    executions: list[Execution]
    changed: list[LevelKey]
    fills: Sequence[Fill] = ()
    """The orders behind each of `executions`."""


class Market:
    """The market of one product.

    Args:
        product: its rules.
        start_ns: when the exchange starts; the 24 hours before it have the product's typical volume.
        execution_ids: where the ids of executions come from; products may share one counter (section 3.4).
        last_tick_id: the number before the first `tick_id`.
        breaks_circuit: whether an execution too far from the last minutes' price begins a circuit break.
    """

    def __init__(
        self,
        product: Product,
        *,
        start_ns: int,
        execution_ids: Iterator[int],
        last_tick_id: int = 0,
        breaks_circuit: bool = False,
    ) -> None:
        self.product = product
        self.engine = MatchingEngine()
        # The present state, and the end of an auction: None where that is not known or none is held.
        self.state = MarketState.RUNNING
        self.auction_end_ns: int | None = None
        # The newest executions, oldest first.
        self.executions: deque[Execution] = deque(maxlen=KEPT_EXECUTIONS)
        # Rises with every order and cancellation: the ticker's `tick_id` (section 3.3).
        self.tick_id = last_tick_id
        # When the last one was.
        self.changed_ns = start_ns
        # The last price in ticks; before the first trade the typical one.
        self.last_price = product.typical.price
        # The order with that price.
        self.last_maker_id = 0
        self._volume = _RollingVolume(start_ns, product.typical.daily_lots)
        self._band = _PriceBand() if breaks_circuit else None
        self._execution_ids = execution_ids

    def submit(self, order: Order, now_ns: int, time_in_force: TimeInForce = TimeInForce.GTC) -> Outcome:
        """Take an order: match it, or let it rest where an itayose is to come; keep the executions.

        Before an itayose an IOC or FOK order lapses, since nothing can be executed at once. An execution too far from
        the price of the minutes before begins a circuit break, once the whole order has been matched.

        Raises:
            InputError: an order of this id rests already, or the market is CLOSED.
        """
        if self.state is MarketState.CLOSED:
            raise InputError("state", str(self.state), "an order while the market is not CLOSED")
        self._tick(now_ns)
        if self.state.is_auction:
            return Outcome([], self.engine.rest(order).changed if time_in_force is TimeInForce.GTC else [])
        report = self.engine.submit(order, time_in_force)
        executions = [self._execution(fill, str(fill.taker.side), now_ns) for fill in report.fills]
        self.executions.extend(executions)
        if executions and self._band is not None and self._band.leaves(self.last_price, now_ns):
            self.break_circuit(now_ns)
        return Outcome(executions, report.changed, report.fills)

    def break_circuit(self, now_ns: int) -> None:
        """Begin a circuit break; does nothing where the market is not RUNNING."""
        if self.state is MarketState.RUNNING:
            self.change_state(MarketState.CIRCUIT_BREAK, now_ns, now_ns + CIRCUIT_BREAK_SECONDS * 1_000_000_000)

    def change_state(self, state: MarketState, now_ns: int, auction_end_ns: int | None = None) -> Outcome:
        """Go over to another state. An auction ends with an itayose, also one that maintenance cuts short.

        Args:
            state: the state from now on.
            now_ns: the present; all executions of the itayose have this time.
            auction_end_ns: when the auction that begins now is to end.
        """
        outcome = Outcome([], [])
        if self.state.is_auction and not state.is_auction:
            outcome = self._itayose(now_ns)
        if state is MarketState.RUNNING and self._band is not None:
            self._band.restart(self.last_price, now_ns)
        self.state, self.auction_end_ns = state, auction_end_ns
        self._tick(now_ns)
        return outcome

    def _itayose(self, now_ns: int) -> Outcome:
        changed: dict[LevelKey, None] = {}
        executions: list[Execution] = []
        fills: list[Fill] = []
        price, lapsed = self._payable_price()
        if price is not None:
            report = self.engine.uncross(price)
            changed.update(dict.fromkeys(report.changed))
            fills = report.fills
            executions = [self._execution(fill, "", now_ns) for fill in fills]
            self.executions.extend(executions)
        # A market order does not rest where orders are matched as they come.
        left = [order for side in Side for order in self.engine.market_orders(side)]
        for order in left:
            self.engine.cancel(order.id)
        lapsed += left
        changed.update(dict.fromkeys(LevelKey(order.side, MARKET_PRICE) for order in lapsed))
        return Outcome(executions, list(changed), fills)

    def _payable_price(self) -> tuple[int | None, list[Order]]:
        """The price of the itayose, once no market buy is left that could not be paid at it; and those taken out.

        Without them there is less demand, and so perhaps another price.
        """
        lapsed: list[Order] = []
        while (price := self._uncrossing_price()) is not None:
            waiting = self.engine.market_orders(Side.BUY)
            unpayable = [order for order in waiting if order.payable_price is not None and order.payable_price < price]
            if not unpayable:
                break
            for order in unpayable:
                self.engine.cancel(order.id)
            lapsed += unpayable
        return price, lapsed

    def _uncrossing_price(self) -> int | None:
        return uncrossing_price(
            self.engine.levels(Side.BUY),
            self.engine.levels(Side.SELL),
            self.last_price,
            market_bids=self.engine.level_size(Side.BUY, MARKET_PRICE),
            market_asks=self.engine.level_size(Side.SELL, MARKET_PRICE),
        )

    def cancel(self, order_id: int, now_ns: int) -> Outcome | None:
        """Take a resting order out; None where no such order rests (any more)."""
        report = self.engine.cancel(order_id)
        if report is None:
            return None
        self._tick(now_ns)
        return Outcome([], report.changed)

    def volume(self) -> int:
        """Lots traded in the 24 hours before `changed_ns`, to the minute."""
        return self._volume.total(self.changed_ns)

    def mid_price(self) -> int:
        """The middle of the best prices in ticks; see `middle`."""
        return middle(self.engine.best(Side.BUY), self.engine.best(Side.SELL))

    def _tick(self, now_ns: int) -> None:
        self.tick_id += 1
        self.changed_ns = now_ns

    def _execution(self, fill: Fill, side: str, now_ns: int) -> Execution:
        self.last_price, self.last_maker_id = fill.price, fill.maker.id
        self._volume.add(now_ns, fill.size)
        taker, maker = (acceptance_id(order.accepted_ns, order.id) for order in (fill.taker, fill.maker))
        buyer, seller = (taker, maker) if fill.taker.side is Side.BUY else (maker, taker)
        return Execution(
            id=next(self._execution_ids),
            side=side,
            # Quotients of integers below 2^53: exactly the floats that the decimal texts give.
            price=fill.price / 10**self.product.price_decimals,
            size=fill.size / LOTS,
            exec_date=wire_time(now_ns),
            buy_child_order_acceptance_id=buyer,
            sell_child_order_acceptance_id=seller,
        )


class _PriceBand:
    """Around the price of some minutes ago: an execution outside of it is a reason for a circuit break."""

    def __init__(self) -> None:
        # The last price of each minute that had one, oldest first: the newest of those that are old enough, and later.
        self._prices: deque[tuple[int, int]] = deque()

    def restart(self, price: int, now_ns: int) -> None:
        """Forget the past: this is the price."""
        self._prices = deque([(now_ns // _MINUTE_NS, price)])

    def leaves(self, price: int, now_ns: int) -> bool:
        """Take note of the price in ticks of an execution; tell whether it is outside."""
        minute = now_ns // _MINUTE_NS
        prices = self._prices
        while len(prices) > 1 and prices[1][0] <= minute - CIRCUIT_BREAK_SECONDS // 60:
            prices.popleft()
        reference = prices[0][1] if prices else price
        if len(prices) > 1 and prices[-1][0] == minute:
            prices.pop()
        if not prices or prices[-1][0] != minute:
            prices.append((minute, price))
        return abs(price - reference) * 100 > CIRCUIT_BREAK_PERCENT * reference


class _RollingVolume:
    """The sum of the last 24 hours, in buckets of a minute: at most 1441 of them."""

    def __init__(self, start_ns: int, daily_lots: int) -> None:
        # Minutes are counted from the start, so that the volume does not depend on where in a minute that is.
        self._start_ns = start_ns
        self._buckets = dict.fromkeys(range(-_DAY_MINUTES, 0), daily_lots // _DAY_MINUTES)
        self._total = sum(self._buckets.values())

    def add(self, now_ns: int, lots: int) -> None:
        minute = self._expire(now_ns)
        self._buckets[minute] = self._buckets.get(minute, 0) + lots
        self._total += lots

    def total(self, now_ns: int) -> int:
        self._expire(now_ns)
        return self._total

    def _expire(self, now_ns: int) -> int:
        minute = (now_ns - self._start_ns) // _MINUTE_NS
        while self._buckets and (oldest := next(iter(self._buckets))) < minute - _DAY_MINUTES:
            self._total -= self._buckets.pop(oldest)
        return minute
