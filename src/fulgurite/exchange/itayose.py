"""The one price of an itayose, pure: the auction that opens trade after PREOPEN and CIRCUIT BREAK.

The reference knows that all executions have one price and that fills walk two queues (sections 3.4 and 10); how the
price is found is ours, after the rules that auctions commonly have:

1. the price at which the most lots are executed;
2. of several, the one that leaves the fewest lots unexecuted on the side that has too many;
3. of several, the highest where all leave buyers over, the lowest where all leave sellers over;
4. of several, the one nearest to the last price, and of two the lower one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from operator import sub

from fulgurite.exchange.matching import MARKET_PRICE, MatchingEngine, Side


def uncrossing_price(engine: MatchingEngine, last_price: int) -> int | None:
    """The price in ticks at which `engine` is to be uncrossed, None where nothing can be executed.

    Args:
        engine: its orders rest, crossed or not; nothing is changed.
        last_price: ticks; with market orders alone on both sides it is the price.
    """
    # Only at levels that an order of the other side accepts does anything change, so these are the candidates; and the
    # last price, which may lie between two of them. Any other level finds no counterpart at any candidate.
    prices = sorted({last_price, *_reachable(engine, Side.BUY), *_reachable(engine, Side.SELL)})
    bids = [engine.level_size(Side.BUY, price) for price in prices]
    asks = [engine.level_size(Side.SELL, price) for price in prices]
    demand = list(accumulate(reversed(bids), initial=engine.level_size(Side.BUY, MARKET_PRICE)))[:0:-1]
    supply = list(accumulate(asks, initial=engine.level_size(Side.SELL, MARKET_PRICE)))[1:]
    volumes = dict(zip(prices, map(min, demand, supply), strict=True))
    surpluses = dict(zip(prices, map(sub, demand, supply), strict=True))
    most = max(volumes.values())
    if most == 0:
        return None
    best = [price for price in prices if volumes[price] == most]
    least = min(abs(surpluses[price]) for price in best)
    best = [price for price in best if abs(surpluses[price]) == least]
    if all(surpluses[price] > 0 for price in best):
        return best[-1]
    if all(surpluses[price] < 0 for price in best):
        return best[0]
    return min(best, key=lambda price: (abs(price - last_price), price))


def _reachable(engine: MatchingEngine, side: Side) -> Iterator[int]:
    """The prices of a side that the other side would execute with, best first."""
    other = side.opposite
    takes_any = engine.level_size(other, MARKET_PRICE) > 0
    limit = engine.best(other)
    for price, _ in engine.levels(side):
        if not takes_any and (limit is None or (price < limit if side is Side.BUY else price > limit)):
            return
        yield price
