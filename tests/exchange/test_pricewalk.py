from __future__ import annotations

from itertools import pairwise
from math import sqrt
from random import Random
from statistics import correlation, fmean, pstdev, pvariance

import pytest

from fulgurite.exchange.pricewalk import MeanRevertingWalk, PriceWalk

SECOND_NS = 1_000_000_000


def walk(**settings) -> MeanRevertingWalk:
    return MeanRevertingWalk(Random(1), start_ns=0, **settings)


class TestMeanRevertingWalk:
    def test_depends_on_the_time_and_not_on_how_often_it_is_asked(self):
        settings = {"volatility_bp": 1.0, "reach_bp": 100.0}
        often, seldom = walk(**settings), walk(**settings)
        path = [often.at(at_ns) for at_ns in range(0, 100 * SECOND_NS, SECOND_NS // 10)]
        assert [seldom.at(at_ns) for at_ns in range(0, 100 * SECOND_NS, 7 * SECOND_NS)] == path[::70]

    def test_moves_as_far_in_a_second_as_it_is_told(self):
        fast = walk(volatility_bp=2.0, reach_bp=1e6)
        path = [fast.at(second * SECOND_NS) for second in range(4000)]
        moves = [later - earlier for earlier, later in pairwise(path)]
        assert pstdev(moves) == pytest.approx(2e-4, rel=0.1)

    def test_is_drawn_back_for_ever(self):
        long = walk(volatility_bp=20.0, reach_bp=100.0)  # forgets in 50 seconds
        path = [long.at(second * SECOND_NS) for second in range(0, 100_000, 50)]
        assert pstdev(path) == pytest.approx(0.01, rel=0.2)
        assert abs(fmean(path)) < 5 * 0.01 / sqrt(len(path) / 3)
        assert max(map(abs, path)) < 0.06


@pytest.fixture(scope="module")
def paths() -> list[list[float]]:
    """Where each of four price walks is at each minute of two days."""
    walks = [PriceWalk(Random(seed), start_ns=0, volatility_bp=2.0, reach_bp=200.0) for seed in range(1, 5)]
    return [[price.at(minute * 60 * SECOND_NS) for minute in range(2 * 1440)] for price in walks]


def moves(paths: list[list[float]], minutes: int) -> list[float]:
    return [later - earlier for path in paths for earlier, later in pairwise(path[::minutes])]


class TestPriceWalk:
    def test_depends_on_the_time_and_not_on_what_it_is_asked(self):
        often, seldom = (PriceWalk(Random(1), start_ns=0, volatility_bp=1.0, reach_bp=100.0) for _ in range(2))
        path = [(often.trend(at_ns), often.at(at_ns)) for at_ns in range(0, 100 * SECOND_NS, SECOND_NS // 10)]
        late = [(seldom.at(at_ns), seldom.trend(at_ns)) for at_ns in range(0, 100 * SECOND_NS, 7 * SECOND_NS)]
        assert [(trend, value) for value, trend in late] == path[::70]

    def test_is_drawn_back_for_ever(self, paths):
        values = [value for path in paths for value in path]
        assert pstdev(values) == pytest.approx(0.02, rel=0.4)
        assert abs(fmean(values)) < 0.02
        assert max(map(abs, values)) < 0.1

    def test_has_trends(self, paths):
        """It comes further in an hour than steps of a minute would lead, had the one nothing to do with the other."""
        assert pvariance(moves(paths, 60)) > 1.3 * 60 * pvariance(moves(paths, 1))

    def test_has_calm_and_wild_times(self, paths):
        sizes = [abs(move) for move in moves(paths, 1)]
        assert correlation(sizes[:-10], sizes[10:]) > 0.1
