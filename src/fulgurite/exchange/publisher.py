"""From the outcomes in a market to the messages of its four public channels (protocol reference, section 3). Pure.

Key order, number formats, order of levels and cadence are the wire's. A message here is the value of
`message` in a frame; dialects and sockets are no business of this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from random import Random
from typing import NamedTuple

from fulgurite.exchange.market import Market, Outcome, middle
from fulgurite.exchange.matching import MARKET_PRICE, LevelKey, Side
from fulgurite.exchange.numbers import LOT_DECIMALS, LOTS, wire_number, wire_time
from fulgurite.exchange.timeline import MarketState
from fulgurite.protocol.channels import Channel, Kind
from fulgurite.protocol.choices import (
    END_TIMES_HAVE_Z,
    MARKET_BID_SIZE_IS_BUY_ORDERS,
    PRICE_ZERO_ROWS_ONLY_AT_THE_ITAYOSE,
)
from fulgurite.protocol.messages import Execution

BATCH_NS = 120_000_000
"""Changes of the board are collected this long, plus or minus some jitter (section 3.2)."""

TICKER_GAP_NS = 500_000_000
"""At most one ticker in this time (section 3.3)."""

UNCUT_LEVELS = 503
"""A snapshot of more levels than this is cut: the largest uncut one seen had 503 (section 3.1)."""

CUT_DEPTH = 300
"""The levels of each side of a cut snapshot."""

VOLUME_DECIMALS = 12
"""The decimals that `volume` shows at least."""

AHEAD_NS = 60_000_000
"""A diff that is due within this time of a snapshot follows it at once, so that the snapshot has it already, as every
second one of a busy product does on the wire (section 3.2). Half a batch, so diffs stay as far apart as measured."""

NEAR_LEVELS = 5
"""The best levels of a side; their deletions are always told. On the wire those that never came lay further out, and
within the next snapshot."""


class TimedMessage(NamedTuple):
    """One message on its way out."""

    at_ns: int
    channel: str
    message: bytes
    account: str = ""
    """The key of the account that it is for; "" for everybody."""


class Publisher:
    """Turns the outcomes of one market into messages, when they are due.

    Args:
        market: the market; it must be changed by nobody without `record` being told.
        rng: where the jitter of its times comes from; nobody else may draw from it.
    """

    def __init__(self, market: Market, rng: Random) -> None:
        self._market = market
        self._rng = rng
        self._channels = {kind: Channel(kind, market.product.code).name for kind in Kind if not kind.is_private}
        # The book as the diffs have told it: prices and lots of each side.
        self._told = {side: dict(market.engine.levels(side)) for side in Side}
        # Levels that changed since the last diff; a dict because its order is that of the changes, a set's is not.
        self._changed: dict[LevelKey, None] = {}
        # Whether the next diff that can leaves out a deletion.
        self._loses_deletion = False
        # Executions that are not published yet.
        self._executions: list[Execution] = []
        # When the diff, the executions and a ticker of its own are due, as far as there is anything to send.
        self._due_ns: dict[Kind, int] = {}
        # No diff, and no ticker, before these.
        self._from_ns = {Kind.BOARD: 0, Kind.TICKER: 0}

    @property
    def next_ns(self) -> int | None:
        """The time at which the next message is due, or None."""
        return min(self._due_ns.values(), default=None)

    def record(self, outcome: Outcome, now_ns: int) -> None:
        """Take note of an outcome in the market."""
        if outcome.executions:
            self._executions += outcome.executions
            if Kind.EXECUTIONS not in self._due_ns:
                self._due_ns[Kind.EXECUTIONS] = now_ns + self._rng.randrange(5_000_000, 40_000_000)
        changed = outcome.changed
        if self._market.state.is_auction and PRICE_ZERO_ROWS_ONLY_AT_THE_ITAYOSE:
            changed = [key for key in changed if key.price != MARKET_PRICE]
            if len(changed) < len(outcome.changed):
                self.announce(now_ns)
        if changed:
            self._changed.update(dict.fromkeys(changed))
            self._set_due(Kind.BOARD, now_ns)

    def announce(self, now_ns: int) -> None:
        """Take note that the ticker has changed though no level has: the state, or the size of market orders."""
        self._set_due(Kind.TICKER, now_ns)

    def _set_due(self, kind: Kind, now_ns: int) -> None:
        if kind not in self._due_ns:
            # A quiet market is published soon after a change, a busy one in its rhythm.
            self._due_ns[kind] = max(now_ns + self._rng.randrange(10_000_000, 60_000_000), self._from_ns[kind])

    def publish(self) -> list[TimedMessage]:
        """The messages that are due at `next_ns`."""
        now_ns = self.next_ns
        published: list[TimedMessage] = []
        if now_ns is None:
            return published
        if self._due_ns.get(Kind.EXECUTIONS) == now_ns:
            published.append(TimedMessage(now_ns, self._channels[Kind.EXECUTIONS], self._render_executions()))
            self._executions.clear()
            del self._due_ns[Kind.EXECUTIONS]
        if self._due_ns.get(Kind.BOARD) == now_ns:
            published += self._publish_diff(now_ns)
        elif self._due_ns.get(Kind.TICKER) == now_ns:
            published.append(self._publish_ticker(now_ns))
        return published

    def flush(self, now_ns: int) -> list[TimedMessage]:
        """Publish all that waits at once, before its time."""
        self._due_ns = dict.fromkeys(self._due_ns, now_ns)
        published = self.publish()
        self._due_ns.pop(Kind.TICKER, None)  # one that has to keep its distance is told with the next change
        return published

    def _publish_diff(self, now_ns: int) -> list[TimedMessage]:
        published = []
        # A ticker comes just before the diff of the same product (section 3.3).
        if now_ns >= self._from_ns[Kind.TICKER]:
            published.append(self._publish_ticker(now_ns))
        published.append(TimedMessage(now_ns, self._channels[Kind.BOARD], self._render_diff()))
        self._changed.clear()
        del self._due_ns[Kind.BOARD]
        self._from_ns[Kind.BOARD] = now_ns + int(BATCH_NS * self._rng.uniform(0.9, 1.15))
        return published

    def _publish_ticker(self, now_ns: int) -> TimedMessage:
        self._due_ns.pop(Kind.TICKER, None)
        self._from_ns[Kind.TICKER] = now_ns + TICKER_GAP_NS
        return TimedMessage(now_ns, self._channels[Kind.TICKER], self.ticker())

    def snapshot(self, now_ns: int) -> list[TimedMessage]:
        """The board snapshot of this moment, and the diff that follows it at once where one is nearly due.

        It is the book between two diffs, never in the middle of one (section 3.2): as the last diff left it, or as the
        next one does. Cut ones have the best 300 levels of each side, bids descending; uncut ones have bids ascending,
        worst first (section 3.1).
        """
        diff: list[TimedMessage] = []
        if Kind.BOARD in self._due_ns and self._due_ns[Kind.BOARD] <= now_ns + AHEAD_NS:
            diff = self._publish_diff(now_ns)
        bids = sorted(self._told[Side.BUY].items(), reverse=True)
        asks = sorted(self._told[Side.SELL].items())
        mid_price = middle(bids[0][0] if bids else None, asks[0][0] if asks else None)
        if len(bids) + len(asks) > UNCUT_LEVELS:
            bids, asks = bids[:CUT_DEPTH], asks[:CUT_DEPTH]
        else:
            bids.reverse()
        snapshot = self._render_board(mid_price, bids, asks)
        return [TimedMessage(now_ns, self._channels[Kind.BOARD_SNAPSHOT], snapshot), *diff]

    def lose_deletion(self) -> None:
        """Let a deletion be missing in the next diff that has one a little away from the best prices.

        It never comes; only the next snapshot is without the level. So it is on the wire now and then (section 3.2).
        """
        self._loses_deletion = True

    def ticker(self) -> bytes:
        """The ticker of the present state."""
        market = self._market
        product, engine = market.product, market.engine
        best_bid, best_bid_size = self._best(Side.BUY)
        best_ask, best_ask_size = self._best(Side.SELL)
        bid_depth, ask_depth = (
            wire_number(engine.total_size(side), LOT_DECIMALS, decimals)
            for side, decimals in zip(Side, product.depth_decimals, strict=True)
        )
        ltp = wire_number(market.last_price, product.price_decimals, self._price_decimals(market.last_maker_id))
        volume = wire_number(market.volume(), LOT_DECIMALS, VOLUME_DECIMALS)
        market_bid_size, market_ask_size = (
            wire_number(
                engine.level_size(side if MARKET_BID_SIZE_IS_BUY_ORDERS else side.opposite, MARKET_PRICE), LOT_DECIMALS
            )
            for side in Side
        )
        preopen_end, circuit_break_end = (
            self._end_time() if market.state is state else "null"
            for state in (MarketState.PREOPEN, MarketState.CIRCUIT_BREAK)
        )
        return (
            f'{{"product_code":"{product.code}","state":"{market.state}","timestamp":"{wire_time(market.changed_ns)}",'
            f'"tick_id":{market.tick_id},"best_bid":{best_bid},"best_ask":{best_ask},'
            f'"best_bid_size":{best_bid_size},"best_ask_size":{best_ask_size},'
            f'"total_bid_depth":{bid_depth},"total_ask_depth":{ask_depth},'
            f'"market_bid_size":{market_bid_size},"market_ask_size":{market_ask_size},"ltp":{ltp},'
            f'"volume":{volume},"volume_by_product":{volume},'
            f'"preopen_end":{preopen_end},"circuit_break_end":{circuit_break_end}}}'
        ).encode()

    def _end_time(self) -> str:
        if self._market.auction_end_ns is None:
            return "null"
        text = wire_time(self._market.auction_end_ns)
        return f'"{text if END_TIMES_HAVE_Z else text.removesuffix("Z")}"'

    def _render_diff(self) -> bytes:
        engine = self._market.engine
        lost = self._lost_deletion() if self._loses_deletion else None
        sides: dict[Side, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for key in self._changed:
            lots = engine.level_size(key.side, key.price)
            if key != lost:
                sides[key.side].append((key.price, lots))
            if lots and key.price != MARKET_PRICE:
                self._told[key.side][key.price] = lots
            else:
                self._told[key.side].pop(key.price, None)
        return self._render_board(self._market.mid_price(), sides[Side.BUY], sides[Side.SELL])

    def _lost_deletion(self) -> LevelKey | None:
        """The level with a deletion that this diff does not tell; None where none may be missing."""
        engine = self._market.engine
        if self._market.state.is_auction or len(self._changed) < 2:
            return None
        for key in self._changed:
            if engine.level_size(key.side, key.price) or key.price not in self._told[key.side]:
                continue
            middling = [price for price, _ in islice(engine.levels(key.side), NEAR_LEVELS, CUT_DEPTH // 2)]
            if middling and min(middling) < key.price < max(middling):
                self._loses_deletion = False
                return key
        return None

    def _render_board(self, mid_price: int, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> bytes:
        decimals = self._market.product.price_decimals
        bids_text, asks_text = (
            ",".join(
                f'{{"price":{wire_number(price, decimals)},"size":{wire_number(lots, LOT_DECIMALS)}}}'
                for price, lots in levels
            )
            for levels in (bids, asks)
        )
        return f'{{"mid_price":{wire_number(mid_price, decimals)},"bids":[{bids_text}],"asks":[{asks_text}]}}'.encode()

    def _best(self, side: Side) -> tuple[str, str]:
        """Price and size of the best level; 0.0 where there is none: the reference does not tell."""
        front = self._market.engine.front(side)
        if front is None or front.price is None:
            return "0.0", "0.0"
        price = wire_number(front.price, self._market.product.price_decimals, self._price_decimals(front.id))
        size = self._market.engine.level_size(side, front.price)
        return price, wire_number(size, LOT_DECIMALS, 6 if self._has_six_decimals(front.id) else 1)

    def _price_decimals(self, order_id: int) -> int:
        return 6 if self._has_six_decimals(order_id) else self._market.product.ticker_price_decimals

    def _has_six_decimals(self, order_id: int) -> bool:
        # The ticker gives numbers back as the sender of the order wrote them, and some write six decimals
        # (section 3: `471501.000000`). Those orders cannot be known; here they are some of the ids.
        return order_id % 100 < self._market.product.six_decimals_percent

    def _render_executions(self) -> bytes:
        decimals = self._market.product.price_decimals
        # Prices and sizes are decimals of at most 15 digits, so rounding finds the very ticks and lots again.
        rows = (
            f'{{"id":{row.id},"side":"{row.side}",'
            f'"price":{wire_number(round(row.price * 10**decimals), decimals)},'
            f'"size":{wire_number(round(row.size * LOTS), LOT_DECIMALS)},"exec_date":"{row.exec_date}",'
            f'"buy_child_order_acceptance_id":"{row.buy_child_order_acceptance_id}",'
            f'"sell_child_order_acceptance_id":"{row.sell_child_order_acceptance_id}"}}'
            for row in self._executions
        )
        return f"[{','.join(rows)}]".encode()
