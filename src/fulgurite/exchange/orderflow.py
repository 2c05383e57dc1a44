"""Seeded order flow: the participants of the embedded exchange. Pure.

It aims at markets that look like the captures in rates, bursts, spread, depth and sizes, and that can run for ever:
the number of resting orders and the price are both drawn back to the typical values. It is no model of real traders.

Three parts of it are models of the field. Arrivals excite themselves: an event leads to others soon after it (a Hawkes
process, drawn as a branching process). The worth of a product has trends and volatility that comes and goes
(`PriceWalk`). Takers stay on their side for a while, like people with a large order to split, and rather on that of the
trend.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from math import ceil, exp, floor
from random import Random

from fulgurite.exchange.market import Market, Outcome
from fulgurite.exchange.matching import LevelKey, Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOT_DECIMALS
from fulgurite.exchange.pricewalk import PriceWalk, forgetful
from fulgurite.exchange.products import Typical
from fulgurite.exchange.timeline import MarketState

OWNER = "order flow"
"""The owner of all its orders. Those of others it trades with, and never cancels."""

# The move of all prices in yen together: per second, and how far from typical it stays (standard deviation).
SHARED_VOLATILITY_BP = 0.65
SHARED_REACH_BP = 400.0
OWN_REACH_BP = 40.0

# The mean delay of the events that one leads to: this part at once, as programs send it, the others as answers.
AT_ONCE_SHARE = 0.6
AT_ONCE_PAUSE_S = 0.015
ANSWER_PAUSE_S = 0.3
# At most so many events wait for their time; further ones do not come.
MOST_PENDING = 1000

# Beside that all is busier at times and quieter at others: the standard deviation of the logarithm of the pace, and
# how long in seconds it stays about as it is.
PACE_REACH = 0.2
PACE_MEMORY_S = 30.0

# How often a quote that has become too good is overlooked at an event, and how often otherwise its owner pulls it
# before a taker comes. The second sets how many executions there are when the price moves.
OVERSIGHT = 0.2
OWNER_IS_QUICKER = 0.92

# The part of orders and cancellations that are about the orders far from the best price, and how much larger those are.
FAR_SHARE = 0.08
FAR_SIZE = 4
# The size of takers beside resting orders, and the part of takers that leave the side of the last one.
TAKER_SIZE = 0.5
TURNING_SHARE = 0.5
# While a market is closed, orders that rest are cancelled so seldom: 4 to 10 seconds apart in a busy product
# (section 1.4), and never more often than once in so many seconds where less happens anyway.
TRICKLE_PAUSES_S = (4.0, 10.0)

# Before an itayose: how much longer the pauses are than in trade, the part of orders that are market orders, and the
# part of the others that accept a worse price than the product's worth.
AUCTION_SLOWNESS = 2.0
AUCTION_MARKET_SHARE = 0.04
AUCTION_EAGER_SHARE = 0.3

# Trade after an itayose begins about a second later (section 10).
REOPENING_PAUSE_S = 1.0

NEVER_NS = 2**63 - 1
"""A time that does not come."""

# No order is further than this from the middle, as a logarithm: a bid at 40% of it, an ask at 250%.
FAR_LIMIT = 0.9


class OrderFlow:
    """The flow of one product.

    Args:
        market: where its orders go.
        rng: where its decisions come from; nobody else may draw from it.
        start_ns: when it begins.
        order_ids: where the ids of its orders come from.
        shared_walk: the move that this product shares with others, None where it shares none.
    """

    def __init__(
        self,
        market: Market,
        rng: Random,
        *,
        start_ns: int,
        order_ids: Iterator[int],
        shared_walk: PriceWalk | None,
    ) -> None:
        self.next_ns = start_ns
        self.market = market
        self._typical = market.product.typical
        self._rng = rng
        self._order_ids = order_ids
        own_walk = PriceWalk(
            Random(rng.getrandbits(64)),
            start_ns=start_ns,
            volatility_bp=self._typical.volatility_bp,
            reach_bp=OWN_REACH_BP,
        )
        self._walks = [own_walk, shared_walk] if shared_walk else [own_walk]
        # The side of the last taker.
        self._taker_side = Side.BUY
        # Ids of orders that probably still rest (those that were filled are found out when drawn).
        self._near: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}
        self._far: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}
        # The id of the newest order, 0 before the first.
        self._last_id = 0
        self._arrivals = _Arrivals(self._typical, rng, start_ns)

    def act(self) -> Outcome | None:
        """Do the act that is due at `next_ns`, and set the next time. The first time it places the initial book."""
        now_ns, state = self.next_ns, self.market.state
        outcome: Outcome | None
        if not self._last_id:
            outcome = self._place_initial_book(now_ns)
        elif state is MarketState.CLOSED:
            outcome = self._cancel_one(self._near[self._either_side()], now_ns)
        elif state.is_auction:
            outcome = self._decide_before_itayose(now_ns)
        else:
            outcome = self._handle_stale_quote(now_ns) or self._decide(now_ns)
        self._set_next(now_ns)
        return outcome

    def enter_state(self, now_ns: int) -> None:
        """The market's state has changed: the next time comes at the new pace."""
        is_running = self.market.state is MarketState.RUNNING
        begin_ns = now_ns + (int(REOPENING_PAUSE_S * 1e9) if is_running else 0)
        self._arrivals.begin(begin_ns)
        self._set_next(begin_ns)

    def sleep(self) -> None:
        """Do nothing until the next `enter_state`."""
        self.next_ns = NEVER_NS

    def stand_still(self, until_ns: int) -> None:
        """Do nothing before `until_ns`, and all that was due by then at that time."""
        self.next_ns = max(self.next_ns, until_ns)
        self._arrivals.stand_still(until_ns)
        for walk in self._walks:
            walk.stand_still(until_ns)

    def _set_next(self, after_ns: int) -> None:
        if self.market.state is MarketState.CLOSED:
            pause_s = self._rng.uniform(*TRICKLE_PAUSES_S) * max(1.0, 1 / self._typical.events_per_second)
            self.next_ns = after_ns + 1 + int(pause_s * 1e9)
        else:
            self.next_ns = self._arrivals.next(after_ns, AUCTION_SLOWNESS if self.market.state.is_auction else 1.0)

    def _place_initial_book(self, now_ns: int) -> Outcome:
        changed: list[LevelKey] = []
        for side in Side:
            for _ in range(self._typical.far_orders):
                changed += self._place_far(side, now_ns).changed
            for _ in range(self._typical.near_orders):
                changed += self._place_near(side, now_ns).changed
        return Outcome([], changed)  # both sides keep off the worth, so nothing can be executed

    def _fair(self, now_ns: int) -> float:
        """The product's worth, in ticks."""
        return self._typical.price * exp(sum(walk.at(now_ns) for walk in self._walks))

    def _handle_stale_quote(self, now_ns: int) -> Outcome | None:
        """If the worth comes close to a best price or passes it, either its owner or a taker is quick."""
        engine, fair = self.market.engine, self._fair(now_ns)
        # Close is a quarter of half the spread, the distance of new quotes.
        margin = 1 + self._typical.spread_bp / 2 / 4 / 1e4
        for side in Side:
            quote = engine.front(side)
            if quote is None or quote.price is None:
                continue
            stale = quote.price > fair / margin if side is Side.BUY else quote.price < fair * margin
            if not stale or self._rng.random() < OVERSIGHT:
                continue
            if quote.owner == OWNER and self._rng.random() < OWNER_IS_QUICKER:
                return self.market.cancel(quote.id, now_ns)
            return self._submit(side.opposite, quote.price, self._lots(TAKER_SIZE), now_ns, TimeInForce.IOC)
        return None

    def _decide_before_itayose(self, now_ns: int) -> Outcome | None:
        rng = self._rng
        side = self._either_side()
        if rng.random() < AUCTION_MARKET_SHARE:
            return self._submit(side, None, self._lots(), now_ns)
        if rng.random() < AUCTION_EAGER_SHARE:
            # As far on the other side of the worth as others keep off it, so that orders cross.
            return self._place_near(side, now_ns, eagerness=-1.0)
        return self._place_or_cancel(side, now_ns)

    def _decide(self, now_ns: int) -> Outcome | None:
        # The first is a taker in any case, so that there is a last price from the start.
        if not self.market.executions or self._rng.random() < self._typical.taker_share:
            if self._rng.random() < TURNING_SHARE:
                # Rather with the trend than against it: nearly three in four where it is of the usual strength.
                share_of_buyers = 1 / (1 + exp(-self._walks[-1].trend(now_ns)))
                self._taker_side = Side.BUY if self._rng.random() < share_of_buyers else Side.SELL
            return self._submit(self._taker_side, None, self._lots(TAKER_SIZE), now_ns, TimeInForce.IOC)
        return self._place_or_cancel(self._either_side(), now_ns)

    def _either_side(self) -> Side:
        return Side.BUY if self._rng.random() < 0.5 else Side.SELL

    def _place_or_cancel(self, side: Side, now_ns: int) -> Outcome | None:
        rng = self._rng
        if rng.random() < FAR_SHARE:
            ids, typical, place = self._far[side], self._typical.far_orders, self._place_far
        else:
            ids, typical, place = self._near[side], self._typical.near_orders, self._place_near
        # As many come as go when there are as many as typical, and none come when there are twice as many.
        if rng.random() * 2 * typical >= len(ids):
            return place(side, now_ns)
        return self._cancel_one(ids, now_ns)

    def _cancel_one(self, ids: list[int], now_ns: int) -> Outcome | None:
        while ids:
            index = self._rng.randrange(len(ids))
            ids[index], ids[-1] = ids[-1], ids[index]
            outcome = self.market.cancel(ids.pop(), now_ns)
            if outcome:
                return outcome
        return None

    def _place_near(self, side: Side, now_ns: int, eagerness: float = 1.0) -> Outcome:
        distance_bp = self._typical.spread_bp / 2 + self._rng.expovariate(1 / self._typical.near_bp)
        price = self._price(side, eagerness * distance_bp / 1e4, now_ns)
        outcome = self._submit(side, price, self._lots(), now_ns)
        self._near[side].append(self._last_id)
        return outcome

    def _place_far(self, side: Side, now_ns: int) -> Outcome:
        distance = min(self._rng.lognormvariate(0.0, 1.0) * self._typical.far_bp / 1e4, FAR_LIMIT)
        price = self._price(side, self._typical.spread_bp / 1e4 + distance, now_ns)
        # Many of these stand at round prices.
        step = 10 ** self._rng.choice((0, 0, 1, 2))
        if step < price * distance / 4:
            price -= price % step
        outcome = self._submit(side, price, self._lots(FAR_SIZE), now_ns)
        self._far[side].append(self._last_id)
        return outcome

    def _price(self, side: Side, distance: float, now_ns: int) -> int:
        if side is Side.BUY:
            return max(1, floor(self._fair(now_ns) * exp(-distance)))
        return ceil(self._fair(now_ns) * exp(distance))

    def _lots(self, scale: float = 1.0) -> int:
        """A size as people and bots choose them: mostly round."""
        lots = round(scale * self._typical.lots * self._rng.lognormvariate(0.0, 1.0))
        roundness = self._rng.random()
        if roundness < 0.85:
            zeros = len(str(lots)) - (1 if roundness < 0.6 else 2)
        else:
            zeros = LOT_DECIMALS - self._typical.size_decimals
        step: int = 10**zeros
        return max(lots - lots % step, self.market.product.min_lots)

    def _submit(
        self, side: Side, price: int | None, lots: int, now_ns: int, time_in_force: TimeInForce = TimeInForce.GTC
    ) -> Outcome:
        self._last_id = next(self._order_ids)
        order = Order(id=self._last_id, owner=OWNER, side=side, price=price, size=lots, accepted_ns=now_ns)
        return self.market.submit(order, now_ns, time_in_force)


class _Arrivals:
    """The times of a product's orders and cancellations: a Hawkes process whose pace changes."""

    def __init__(self, typical: Typical, rng: Random, start_ns: int) -> None:
        self._rng = rng
        # The pause before an event that no other led to, in seconds (mean): of all events that many are left.
        self._pause_s = 1 / typical.events_per_second / (1 - typical.clustering)
        # With this chance an event leads to one more, and then to another, and so on: `clustering` on average.
        self._one_more = typical.clustering / (1 + typical.clustering)
        # When the next of those is due, and when those that others led to are: a heap.
        self._spontaneous_ns = start_ns
        self._led_to_ns: list[int] = []
        # The logarithm of the pace, above 0 while the market is quieter than usual.
        self._pace = forgetful(rng, start_ns, PACE_REACH, PACE_MEMORY_S)

    def begin(self, at_ns: int) -> None:
        """Begin anew at a time: events that others led to do not come."""
        self._led_to_ns.clear()
        self._spontaneous_ns = at_ns

    def stand_still(self, until_ns: int) -> None:
        """Put off all that is due before `until_ns` to that time."""
        self._spontaneous_ns = max(self._spontaneous_ns, until_ns)
        self._led_to_ns = [max(due_ns, until_ns) for due_ns in self._led_to_ns]  # still a heap
        self._pace.stand_still(until_ns)

    def next(self, after_ns: int, slowness: float) -> int:
        """The time of the event that follows one at `after_ns`; spontaneous pauses are `slowness` times as long."""
        rng = self._rng
        while rng.random() < self._one_more and len(self._led_to_ns) < MOST_PENDING:
            mean_s = AT_ONCE_PAUSE_S if rng.random() < AT_ONCE_SHARE else ANSWER_PAUSE_S
            heappush(self._led_to_ns, after_ns + 1 + int(rng.expovariate(1 / mean_s) * 1e9))
        if self._spontaneous_ns <= after_ns:
            # Times the mean of 1/exp(pace), so that as many events as usual come in the long run.
            pause_s = rng.expovariate(1 / self._pause_s) * exp(self._pace.at(after_ns) + PACE_REACH**2 / 2)
            self._spontaneous_ns = after_ns + 1 + int(pause_s * slowness * 1e9)
        if self._led_to_ns and self._led_to_ns[0] < self._spontaneous_ns:
            return heappop(self._led_to_ns)
        return self._spontaneous_ns
