"""The worth of a product: seeded random walks that can go on for ever. Pure.

Their paths depend on their generators and on time alone, never on how often they are asked.
"""

from __future__ import annotations

from math import exp, sqrt
from random import Random

# Of the variance of prices over hours, the part that trends make, and in how many seconds one is forgotten.
TREND_SHARE = 0.6
TREND_MEMORY_S = 1200.0
# Volatility is higher at times: the standard deviation of its logarithm, and how long in seconds it stays as it is.
UNREST_REACH = 0.5
UNREST_MEMORY_S = 1800.0

STEP_S = 0.25
"""The walks move in steps of so many seconds, however often they are asked."""


class MeanRevertingWalk:
    """A random walk that is drawn back to 0 (Ornstein-Uhlenbeck).

    It moves in steps of `STEP_S`, however often it is asked, so its path depends on `rng` alone.

    Args:
        rng: where its steps come from; nobody else may draw from it.
        start_ns: when it is at 0.
        volatility_bp: standard deviation of its move in one second.
        reach_bp: standard deviation of where it is in the long run.
    """

    def __init__(self, rng: Random, *, start_ns: int, volatility_bp: float, reach_bp: float) -> None:
        self._gauss = rng.gauss
        self._step_ns = round(STEP_S * 1e9)
        self._next_ns = start_ns + self._step_ns
        self._deviation = volatility_bp / 1e4 * sqrt(STEP_S)
        self._pull = (volatility_bp / reach_bp) ** 2 / 2 * STEP_S
        self._value = 0.0

    def at(self, now_ns: int) -> float:
        """Its value; `now_ns` must not go back."""
        while self._next_ns <= now_ns:
            self._value += self._gauss(0.0, self._deviation) - self._pull * self._value
            self._next_ns += self._step_ns
        return self._value

    def stand_still(self, until_ns: int) -> None:
        """Make no step before `until_ns`."""
        self._next_ns = max(self._next_ns, until_ns)


class PriceWalk:
    """The logarithm of a product's worth: it has trends, calm and wild times, and is drawn back to 0.

    Args:
        rng: where its steps come from; nobody else may draw from it.
        start_ns: when it is at 0.
        volatility_bp: standard deviation of its move in one second, in the long run.
        reach_bp: standard deviation of where it is in the long run.
    """

    def __init__(self, rng: Random, *, start_ns: int, volatility_bp: float, reach_bp: float) -> None:
        # The variance of a drift that is forgotten in T is 2 T times its own, in the long run.
        self._trend_reach = volatility_bp / 1e4 * sqrt(TREND_SHARE / (1 - TREND_SHARE) / (2 * TREND_MEMORY_S))
        self._trend = forgetful(rng, start_ns, self._trend_reach, TREND_MEMORY_S)
        self._unrest = forgetful(rng, start_ns, UNREST_REACH, UNREST_MEMORY_S)
        self._gauss = rng.gauss
        self._step_ns = round(STEP_S * 1e9)
        self._next_ns = start_ns + self._step_ns
        # Divided by the mean of its square, so that the variance is the given one on average.
        self._deviation = volatility_bp / 1e4 * sqrt(STEP_S) * exp(-(UNREST_REACH**2))
        self._pull = (volatility_bp / reach_bp) ** 2 / (1 - TREND_SHARE) / 2 * STEP_S
        self._value = 0.0

    def at(self, now_ns: int) -> float:
        """Its value; `now_ns` must not go back."""
        while self._next_ns <= now_ns:
            at_ns = self._next_ns
            self._value += (
                self._gauss(0.0, self._deviation * exp(self._unrest.at(at_ns)))
                + self._trend.at(at_ns) * STEP_S
                - self._pull * self._value
            )
            self._next_ns += self._step_ns
        return self._value

    def stand_still(self, until_ns: int) -> None:
        """Make no step before `until_ns`."""
        self._next_ns = max(self._next_ns, until_ns)
        self._trend.stand_still(until_ns)
        self._unrest.stand_still(until_ns)

    def trend(self, now_ns: int) -> float:
        """Its present trend, in standard deviations; `now_ns` as for `at`."""
        self.at(now_ns)  # the trend must not be ahead of the steps that it is part of
        return self._trend.at(now_ns) / self._trend_reach


def forgetful(rng: Random, start_ns: int, reach: float, memory_s: float) -> MeanRevertingWalk:
    """A walk around 0 with the standard deviation `reach` that forgets where it was in about `memory_s` seconds."""
    volatility = reach * sqrt(2 / memory_s)
    return MeanRevertingWalk(
        Random(rng.getrandbits(64)), start_ns=start_ns, volatility_bp=volatility * 1e4, reach_bp=reach * 1e4
    )
