"""The embedded exchange without its sockets: all markets, driven by order flow, as one stream of messages.

A discrete-event simulation: it jumps from one moment at which something happens to the next. So its stream depends
on the seed, the start and the products alone, and not on how often, or how late, it is asked to advance.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random

from fulgurite.exchange.market import Market
from fulgurite.exchange.marketdata import MarketInfo
from fulgurite.exchange.matching import Side
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.orderflow import SHARED_REACH_BP, SHARED_VOLATILITY_BP, MeanRevertingWalk, OrderFlow
from fulgurite.exchange.products import PRODUCTS, Product
from fulgurite.exchange.publisher import Published, Publisher
from fulgurite.protocol import channels
from fulgurite.protocol.messages import Board, Execution, Level, Ticker, decode_message

SNAPSHOT_NS = 5_000_000_000
"""Snapshots come about this often, changed or not (section 3.1)."""

SNAPSHOT_PHASES_NS = {"Spot": 800_000_000, "FX": 2_300_000_000}
"""When after the start the burst of each market type first comes: the two have different phases (section 3.1)."""

FIRST_EXECUTION_IDS = {"Spot": 2_652_000_001, "FX": 2_812_000_001}
"""Spot products share one counter of execution ids, FX has another range (section 3.4)."""

WARM_UP_EVENTS = 1000
"""Every market has about so many orders and cancellations behind it at the start, so that there are executions."""


class Simulation:
    """The exchange.

    Implements `fulgurite.exchange.marketdata.MarketData`. Memory is bounded, however long it runs.

    Args:
        seed: what all its randomness comes from.
        start_ns: when it starts, nanoseconds since 1970-01-01 UTC. Another start gives the same stream, shifted.
        products: which products it has, at least one.
    """

    def __init__(self, seed: int, start_ns: int, products: Sequence[Product] = PRODUCTS) -> None:
        warm_ups_ns = {
            product.code: round(WARM_UP_EVENTS / product.typical.events_per_second * 1e9) for product in products
        }
        shared_walk = MeanRevertingWalk(
            Random(f"{seed} shared"),
            start_ns=start_ns - max(warm_ups_ns.values()),
            volatility_bp=SHARED_VOLATILITY_BP,
            reach_bp=SHARED_REACH_BP,
        )
        order_ids = count(Random(f"{seed} order ids").randrange(1, 1_000_000))
        execution_ids = {market_type: count(first) for market_type, first in FIRST_EXECUTION_IDS.items()}
        self._trading: dict[str, _Trading] = {}
        for product in products:
            market = Market(product, start_ns=start_ns, execution_ids=execution_ids[product.market_type])
            flow = OrderFlow(
                market,
                Random(f"{seed} {product.code} flow"),
                start_ns=start_ns - warm_ups_ns[product.code],
                order_ids=order_ids,
                shared_walk=shared_walk if product.code.endswith("_JPY") else None,
            )
            publisher = Publisher(market, Random(f"{seed} {product.code} publisher"))
            self._trading[product.code] = _Trading(market, flow, publisher)
        bursts = [
            _SnapshotBurst(
                [trading.publisher for trading in self._trading.values() if trading.market_type == market_type],
                start_ns + phase_ns,
                Random(f"{seed} {market_type} snapshots"),
            )
            for market_type, phase_ns in SNAPSHOT_PHASES_NS.items()
        ]
        self._sources: list[_Trading | _SnapshotBurst] = [*self._trading.values(), *bursts]
        self._warm_up(start_ns)

    @property
    def next_event_ns(self) -> int:
        """When something happens next, published or not."""
        return self._next().next_ns

    def advance(self, until_ns: int) -> list[Published]:
        """Let everything up to and including `until_ns` happen; return what is published, in order of time.

        Does nothing where that time has passed already. A caller that has slept for hours rather begins a new
        simulation: every second of them is simulated.
        """
        published: list[Published] = []
        while (source := self._next()).next_ns <= until_ns:
            published += source.act()
        return published

    def markets(self) -> list[MarketInfo]:
        """Every product, in the order in which they were given."""
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
        """Always RUNNING: maintenance and itayose are not built yet."""
        return "RUNNING"

    def health(self, product_code: str) -> str:
        """Always NORMAL."""
        return "NORMAL"

    def _next(self) -> _Trading | _SnapshotBurst:
        # Of several at the same time the first in this order acts first, always.
        return min(self._sources, key=lambda source: source.next_ns)

    def _warm_up(self, start_ns: int) -> None:
        """Trade up to the start, without publishing."""
        flows = [trading.flow for trading in self._trading.values()]
        while (flow := min(flows, key=lambda flow: flow.next_ns)).next_ns < start_ns:
            flow.act()


class _Trading:
    """One product: its market, those who trade there, and what is published of it."""

    def __init__(self, market: Market, flow: OrderFlow, publisher: Publisher) -> None:
        self.market = market
        self.flow = flow
        self.publisher = publisher

    @property
    def market_type(self) -> str:
        return self.market.product.market_type

    @property
    def next_ns(self) -> int:
        due_ns = self.publisher.next_ns
        return self.flow.next_ns if due_ns is None else min(due_ns, self.flow.next_ns)

    def act(self) -> list[Published]:
        """Do what is due at `next_ns`; where both are, publish first."""
        now_ns = self.next_ns
        if self.publisher.next_ns == now_ns:
            return self.publisher.publish()
        outcome = self.flow.act()
        if outcome:
            self.publisher.record(outcome, now_ns)
        return []


class _SnapshotBurst:
    """The snapshots of all products of one market type, which come together."""

    def __init__(self, publishers: Sequence[Publisher], first_ns: int, rng: Random) -> None:
        self.next_ns = first_ns
        self._publishers = publishers
        self._due_ns = first_ns
        self._rng = rng

    def act(self) -> list[Published]:
        """The snapshots that are due at `next_ns`."""
        snapshots = [publisher.snapshot(self.next_ns) for publisher in self._publishers]
        # The jitter does not add up: 4,898 to 5,111 ms apart were measured, 5.0 s on average (section 3.1).
        self._due_ns += SNAPSHOT_NS
        self.next_ns = self._due_ns + self._rng.randrange(-50_000_000, 50_000_000)
        return snapshots
