"""The embedded exchange without its sockets: all markets, driven by order flow, as one stream of messages. Pure.

A discrete-event simulation: it jumps from one event to the next. So its stream depends
on the seed, the start and the products alone, and not on how often, or how late, it is asked to advance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from random import Random

from fulgurite.errors import InputError
from fulgurite.exchange.accountorders import AccountOrders
from fulgurite.exchange.accounts import Account
from fulgurite.exchange.market import Market, Outcome
from fulgurite.exchange.marketdata import MarketInfo
from fulgurite.exchange.matching import MatchingEngine, Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.orderflow import SHARED_REACH_BP, SHARED_VOLATILITY_BP, OrderFlow
from fulgurite.exchange.pricewalk import PriceWalk
from fulgurite.exchange.products import PRODUCTS, Product
from fulgurite.exchange.publisher import Publisher, TimedMessage
from fulgurite.exchange.timeline import (
    CloseConnections,
    MarketState,
    Step,
    next_step,
    steps_taken,
)
from fulgurite.protocol import channels
from fulgurite.protocol.choices import MAINTENANCE_CLOSE, MAINTENANCE_SENDS_SNAPSHOTS
from fulgurite.protocol.messages import Board, Execution, Level, Ticker, decode_message

SNAPSHOT_NS = 5_000_000_000
"""Snapshots come about this often, changed or not (section 3.1)."""

SNAPSHOT_PHASES_NS = {"Spot": 800_000_000, "FX": 2_300_000_000}
"""The time from the start to the first burst of each market type: the two have different phases (section 3.1)."""

LOST_DELETION_SHARE = 0.06
"""The share of snapshots that show a deletion untold by any diff: 4 to 8 of 100 recorded ones (section 3.2)."""

FIRST_EXECUTION_IDS = {"Spot": 2_652_000_001, "FX": 2_812_000_001}
"""Spot products share one counter of execution ids, FX has another range (section 3.4); see `IDS_PER_SECOND`."""

IDS_PER_SECOND = 100_000
"""Ids begin higher by so many for each second that the exchange starts later, from 1970 on: after a restart none comes
again. No machine makes so many in a second, and until 4800 they stay below 2**53, where JavaScript's numbers end."""

WARM_UP_EVENTS = 1000
"""Every market has about so many orders and cancellations behind it at the start, so that there are executions."""


class Simulation:
    """The exchange.

    Implements `fulgurite.exchange.marketdata.MarketData`. Memory is bounded, however long it runs.

    Args:
        seed: the source of all its randomness.
        start_ns: when it starts, nanoseconds since 1970-01-01 UTC. A start whole days later gives the same stream,
            its times and its ids shifted; so does any other, as long as no maintenance comes (see `timeline`).
        products: its products, at least one.
        open_until_ns: a maintenance that begins before this does not take place.
        accounts: the accounts that can trade, by `orders`; the stream changes only where they do.
        lost_deletion_share: the share of snapshots that show a deletion untold by any diff, 0 to 1.
    """

    def __init__(
        self,
        seed: int,
        start_ns: int,
        products: Sequence[Product] = PRODUCTS,
        *,
        open_until_ns: int = 0,
        accounts: Iterable[Account] = (),
        lost_deletion_share: float = LOST_DELETION_SHARE,
    ) -> None:
        order_ids = count(Random(f"{seed} order ids").randrange(1, 1_000_000))
        later = max(start_ns, 0) * IDS_PER_SECOND // 1_000_000_000
        flows = _flows(seed, start_ns, products, order_ids, later)
        _warm_up(flows, start_ns)
        # Only now: nothing before the start is published.
        trading = [_Trading(flow, Random(f"{seed} {flow.market.product.code} publisher")) for flow in flows]
        self._trading = {each.product.code: each for each in trading}
        self._maintenance = _Maintenance(trading, start_ns, open_until_ns)
        self._bursts = []
        for market_type, phase_ns in SNAPSHOT_PHASES_NS.items():
            publishers = [each.publisher for each in trading if each.market_type == market_type]
            rng = Random(f"{seed} {market_type} snapshots")
            first_ns = start_ns + phase_ns
            self._bursts.append(_SnapshotBurst(publishers, first_ns, rng, self._maintenance, lost_deletion_share))
        self.orders = AccountOrders(accounts, self._trading, order_ids, last_list_id=later)
        # The maintenance stands first: all else of the same moment happens in the new state. The orders of
        # accounts stand last: an execution comes before the events that tell its account of it.
        self._sources: list[_Maintenance | _Trading | _SnapshotBurst | AccountOrders] = [
            self._maintenance, *trading, *self._bursts, self.orders,
        ]  # fmt: skip
        # Everything up to here has happened.
        self._now_ns = start_ns
        for each in trading:
            each.orders = self.orders
        taken = steps_taken(start_ns, open_until_ns)
        if taken and taken[-1].state is not MarketState.RUNNING:
            self._maintenance.enter(taken[-1], start_ns)

    @property
    def next_event_ns(self) -> int:
        """The time of the next event, published or not."""
        return self._next().next_ns

    def advance(self, until_ns: int) -> list[TimedMessage | CloseConnections]:
        """Let everything up to and including `until_ns` happen; return the messages and closes, in order of time.

        Does nothing where that time has passed already. Every second is simulated: a caller that has slept for hours
        has `stand_still` first.
        """
        published: list[TimedMessage | CloseConnections] = []
        while (source := self._next()).next_ns <= until_ns:
            published += source.act()
        self._now_ns = max(self._now_ns, until_ns)
        return published

    def stand_still(self, until_ns: int) -> list[TimedMessage | CloseConnections]:
        """Let nothing happen up to `until_ns` but events with a date; return their messages and closes.

        Nobody orders anything meanwhile, and prices stay. Events with a date (the maintenance, the end of an
        auction and of an order) and those under way happen at `until_ns`, as does all from then on.
        """
        published = self._maintenance.stand_still(until_ns)
        for trading in self._trading.values():
            published += trading.stand_still(until_ns)
        for burst in self._bursts:
            burst.stand_still(until_ns)
        published += self.orders.stand_still(until_ns)
        self._now_ns = max(self._now_ns, until_ns)
        return published

    def markets(self) -> list[MarketInfo]:
        """Every product, in the given order."""
        return [MarketInfo(code, trading.market_type) for code, trading in self._trading.items()]

    def board(self, product_code: str) -> Board:
        """The whole book: bids descending, asks ascending."""
        market = self._trading[product_code].market
        units = 10**market.product.price_decimals
        bids, asks = (
            [Level(price / units, lots / LOTS) for price, lots in market.engine.levels(side)] for side in Side
        )
        return Board(market.mid_price() / units, bids, asks)

    def ticker(self, product_code: str) -> Ticker:
        """The ticker of this moment."""
        channel = channels.ticker(product_code)
        # Decoded from the text, so that the two can never tell different things.
        ticker = decode_message(channel, self._trading[product_code].publisher.ticker())
        assert isinstance(ticker, Ticker), "the type of the ticker channel"
        return ticker

    def executions(self, product_code: str) -> Sequence[Execution]:
        """The newest executions, oldest first, at most `exchange.market.KEPT_EXECUTIONS`."""
        return self._trading[product_code].market.executions

    def state(self, product_code: str) -> str:
        """The state of a market (section 3.3)."""
        return str(self._trading[product_code].market.state)

    def health(self, product_code: str) -> str:
        """NORMAL, NO ORDER while closed, STOP once the connections have been closed, too (section 3.7)."""
        if self.is_stopped:
            return "STOP"
        return "NO ORDER" if self._trading[product_code].market.state is MarketState.CLOSED else "NORMAL"

    @property
    def is_stopped(self) -> bool:
        """Whether the realtime service is stopped: from the close of the connections on until PREOPEN."""
        return self._maintenance.is_stopped

    def change_state(self, product_code: str, state: MarketState, auction_ns: int | None = None) -> None:
        """Bring a market to a state, outside of the daily maintenance; that comes and ends as always.

        It happens at the present time of the simulation, so that nothing is left that came before it.

        Args:
            product_code: one of `markets()`.
            state: the state from now on. An auction that another one does not follow ends with an itayose.
            auction_ns: how many nanoseconds an auction is to last; then the market is RUNNING.

        Raises:
            InputError: the daily maintenance is on.
        """
        if self._maintenance.state is not MarketState.RUNNING:
            raise InputError("state", str(state), "a state at another time: the daily maintenance is on")
        end_ns = None if auction_ns is None else self._now_ns + auction_ns
        self._trading[product_code].change_state(state, self._now_ns, end_ns)

    def auction_end_ns(self, product_code: str) -> int | None:
        """The time at which the auction of a market ends; None where none is held."""
        return self._trading[product_code].market.auction_end_ns

    def _next(self) -> _Maintenance | _Trading | _SnapshotBurst | AccountOrders:
        # Of several at the same time the first in this order acts first, always.
        return min(self._sources, key=lambda source: source.next_ns)


def _flows(
    seed: int, start_ns: int, products: Sequence[Product], order_ids: Iterator[int], later: int
) -> list[OrderFlow]:
    """The order flow and the market of each product, before their first order."""
    warm_ups_ns = {
        product.code: round(WARM_UP_EVENTS / product.typical.events_per_second * 1e9) for product in products
    }
    shared_walk = PriceWalk(
        Random(f"{seed} shared"),
        start_ns=start_ns - max(warm_ups_ns.values()),
        volatility_bp=SHARED_VOLATILITY_BP,
        reach_bp=SHARED_REACH_BP,
    )
    execution_ids = {market_type: count(first + later) for market_type, first in FIRST_EXECUTION_IDS.items()}
    return [
        OrderFlow(
            Market(
                product,
                start_ns=start_ns,
                execution_ids=execution_ids[product.market_type],
                last_tick_id=later,
                breaks_circuit=True,
            ),
            Random(f"{seed} {product.code} flow"),
            start_ns=start_ns - warm_ups_ns[product.code],
            order_ids=order_ids,
            shared_walk=shared_walk if product.code.endswith("_JPY") else None,
        )
        for product in products
    ]


def _warm_up(flows: Sequence[OrderFlow], start_ns: int) -> None:
    """Trade up to the start, without publishing."""
    while (flow := min(flows, key=lambda flow: flow.next_ns)).next_ns < start_ns:
        flow.act()


class _Maintenance:
    """The daily maintenance of all markets (section 1.4)."""

    def __init__(self, trading: Sequence[_Trading], start_ns: int, open_until_ns: int) -> None:
        # Whether the realtime service is stopped: from the close of the connections on until PREOPEN.
        self.is_stopped = False
        # The state of all markets in the maintenance; RUNNING outside of one.
        self.state = MarketState.RUNNING
        self._trading = trading
        self._open_until_ns = open_until_ns
        self._next = next_step(start_ns, open_until_ns)

    @property
    def next_ns(self) -> int:
        return self._next.at_ns

    def act(self) -> list[TimedMessage | CloseConnections]:
        """Take the step that is due at `next_ns`."""
        return self._enter_next(self.next_ns)

    def stand_still(self, until_ns: int) -> list[TimedMessage | CloseConnections]:
        """Take all steps up to `until_ns`, at that time."""
        published: list[TimedMessage | CloseConnections] = []
        while self.next_ns <= until_ns:
            published += self._enter_next(until_ns)
        return published

    def _enter_next(self, now_ns: int) -> list[TimedMessage | CloseConnections]:
        step = self._next
        self._next = next_step(step.at_ns, self._open_until_ns)
        return self.enter(step, now_ns)

    def enter(self, step: Step, now_ns: int) -> list[TimedMessage | CloseConnections]:
        """Bring all markets to where they are after `step`, the last one before the next."""
        published: list[TimedMessage | CloseConnections] = []
        end_ns = self._next.at_ns if step.state.is_auction else None
        for trading in self._trading:
            trading.change_state(step.state, now_ns, end_ns)
            if step.closes_connections:
                trading.flow.sleep()
                # Nothing may be left that would come after the close.
                published += trading.publisher.flush(now_ns)
        self.state, self.is_stopped = step.state, step.closes_connections
        if step.closes_connections:
            published.append(CloseConnections(now_ns, *MAINTENANCE_CLOSE))
        return published


class _Trading:
    """One product: its market, its order flow and its publisher.

    To the orders of accounts it is a `fulgurite.exchange.funds.Venue`.
    """

    def __init__(self, flow: OrderFlow, publisher_rng: Random) -> None:
        # Books the orders of accounts; None during the warm-up.
        self.orders: AccountOrders | None = None
        self.market = flow.market
        self.flow = flow
        self.publisher = Publisher(flow.market, publisher_rng)
        # The state that flow and publisher know of.
        self._known_state = flow.market.state

    @property
    def market_type(self) -> str:
        return self.market.product.market_type

    @property
    def next_ns(self) -> int:
        next_ns, due_ns, end_ns = self.flow.next_ns, self.publisher.next_ns, self.market.auction_end_ns
        if due_ns is not None and due_ns < next_ns:
            next_ns = due_ns
        return next_ns if end_ns is None or next_ns < end_ns else end_ns

    def act(self) -> list[TimedMessage]:
        """Do one thing that is due at `next_ns`: end an auction, else publish, else let the order flow act."""
        now_ns = self.next_ns
        if self.market.auction_end_ns == now_ns:
            self.change_state(MarketState.RUNNING, now_ns)
        elif self.publisher.next_ns == now_ns:
            return self.publisher.publish()
        else:
            outcome = self.flow.act()
            if outcome:
                self.record(outcome, now_ns)
        return []

    def stand_still(self, until_ns: int) -> list[TimedMessage]:
        """Let nobody order anything before `until_ns`; end an auction due by then, and publish all that waits."""
        self.flow.stand_still(until_ns)
        end_ns = self.market.auction_end_ns
        if end_ns is not None and end_ns <= until_ns:
            self.change_state(MarketState.RUNNING, until_ns)
        next_ns = self.publisher.next_ns
        return self.publisher.flush(until_ns) if next_ns is not None and next_ns <= until_ns else []

    @property
    def product(self) -> Product:
        return self.market.product

    @property
    def engine(self) -> MatchingEngine:
        return self.market.engine

    @property
    def last_price(self) -> int:
        return self.market.last_price

    @property
    def state(self) -> str:
        return str(self.market.state)

    def submit(self, order: Order, now_ns: int, time_in_force: TimeInForce) -> Outcome:
        """Take an order of an account; `AccountOrders` submits it and books the outcome."""
        outcome = self.market.submit(order, now_ns, time_in_force)
        self._show(outcome, now_ns)
        return outcome

    def cancel(self, order_id: int, now_ns: int) -> Outcome | None:
        """Take an account's order out; None where no such order rests (any more)."""
        outcome = self.market.cancel(order_id, now_ns)
        if outcome:
            self._show(outcome, now_ns)
        return outcome

    def record(self, outcome: Outcome, now_ns: int) -> None:
        """Take note of an outcome of the order flow or of a change of state, also for the accounts."""
        self._show(outcome, now_ns)
        if self.orders is not None:
            self.orders.record(self.product.code, outcome, now_ns)

    def _show(self, outcome: Outcome, now_ns: int) -> None:
        # Everything that happens in the market comes by here.
        self.publisher.record(outcome, now_ns)
        self.enter_state(now_ns)

    def change_state(self, state: MarketState, now_ns: int, auction_end_ns: int | None = None) -> None:
        """Bring the market to a state; does nothing where it is there already, and to end at the same time."""
        if (state, auction_end_ns) != (self.market.state, self.market.auction_end_ns):
            self.record(self.market.change_state(state, now_ns, auction_end_ns), now_ns)
            self.publisher.announce(now_ns)

    def enter_state(self, now_ns: int) -> None:
        """Tell the order flow and the ticker where the market is in another state than before."""
        if self._known_state is not self.market.state:
            self._known_state = self.market.state
            self.flow.enter_state(now_ns)
            self.publisher.announce(now_ns)


class _SnapshotBurst:
    """The snapshots of all products of one market type: they come together."""

    def __init__(
        self,
        publishers: Sequence[Publisher],
        first_ns: int,
        rng: Random,
        maintenance: _Maintenance,
        lost_deletion_share: float,
    ) -> None:
        self.next_ns = first_ns
        self._publishers = publishers
        self._due_ns = first_ns
        self._rng = rng
        self._maintenance = maintenance
        self._lost_deletion_share = lost_deletion_share

    def stand_still(self, until_ns: int) -> None:
        """Send nothing before `until_ns`, and all that was due by then at that time."""
        if self.next_ns < until_ns:
            self._due_ns = self.next_ns = until_ns

    def act(self) -> list[TimedMessage]:
        """The snapshots that are due at `next_ns`."""
        is_silent = self._maintenance.is_stopped and not MAINTENANCE_SENDS_SNAPSHOTS
        snapshots: list[TimedMessage] = []
        for publisher in () if is_silent else self._publishers:
            snapshots += publisher.snapshot(self.next_ns)
            if self._rng.random() < self._lost_deletion_share:
                publisher.lose_deletion()
        # The jitter does not add up: 4,898 to 5,111 ms apart were measured, 5.0 s on average (section 3.1).
        self._due_ns += SNAPSHOT_NS
        self.next_ns = self._due_ns + self._rng.randrange(-50_000_000, 50_000_000)
        return snapshots
