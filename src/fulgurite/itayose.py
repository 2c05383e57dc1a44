"""The one price of an itayose: the auction that opens trade after PREOPEN and CIRCUIT BREAK. Pure.

The reference knows that all executions have one price and that fills walk two queues (sections 3.4 and 10); how the
price is found is ours, after the rules that auctions commonly have:

1. the price with the largest executed size;
2. of several, the one that leaves the least unexecuted on the side that has too much;
3. of several, the highest where all leave buyers over, the lowest where all leave sellers over;
4. of several, the one nearest to the last price, and of two the lower one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from operator import sub
from typing import TypeVar

Price = TypeVar("Price", bound=float)


def uncrossing_price(
    bids: Iterable[tuple[Price, int]],
    asks: Iterable[tuple[Price, int]],
    last_price: Price | None,
    *,
    market_bids: int = 0,
    market_asks: int = 0,
) -> Price | None:
    """The uncrossing price of these levels, None where nothing can be executed.

    Args:
        bids: prices and sizes in lots, each price once, in any order, crossed or not.
        asks: the same.
        last_price: the last one that was traded at. With market orders alone on both sides it is the price. None where
            it is not known: then there is no price in that case, and of several equally good ones it is the lowest.
        market_bids: lots of market orders to buy.
        market_asks: lots of market orders to sell.
    """
    demands, supplies = dict(bids), dict(asks)
    # Only at levels that the other side accepts does anything change, so these are the candidates; and the last price,
    # perhaps between two of them. Any other level finds no counterpart at any candidate.
    lowest, highest = min(supplies, default=None), max(demands, default=None)
    reachable = {price for price in demands if market_asks or (lowest is not None and price >= lowest)}
    reachable.update(price for price in supplies if market_bids or (highest is not None and price <= highest))
    prices = sorted(reachable if last_price is None else {last_price, *reachable})
    demand = list(accumulate((demands.get(price, 0) for price in reversed(prices)), initial=market_bids))[:0:-1]
    supply = list(accumulate((supplies.get(price, 0) for price in prices), initial=market_asks))[1:]
    volumes = dict(zip(prices, map(min, demand, supply), strict=True))
    surpluses = dict(zip(prices, map(sub, demand, supply), strict=True))
    most = max(volumes.values(), default=0)
    if most == 0:
        return None
    best = [price for price in prices if volumes[price] == most]
    least = min(abs(surpluses[price]) for price in best)
    best = [price for price in best if abs(surpluses[price]) == least]
    if all(surpluses[price] > 0 for price in best):
        return best[-1]
    if last_price is None or all(surpluses[price] < 0 for price in best):
        return best[0]
    return min(best, key=lambda price: (abs(price - last_price), price))
