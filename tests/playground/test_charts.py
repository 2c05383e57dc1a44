"""The parts of the charts: candles, columns of the heat map, points of the depth chart, rows of the execution list."""

from __future__ import annotations

import random

import pytest

from fulgurite.orderbook import OrderBook
from fulgurite.playground.candles import CANDLE_LIMIT, INTERVALS, Candles, GapSpan, Series
from fulgurite.playground.depth import POINTS, depth_points
from fulgurite.playground.executionlist import ROW_LIMIT, ExecutionList
from fulgurite.playground.heatmap import STEPS, HeatMap, round_up
from fulgurite.playground.messages import Execution, Gap
from fulgurite.protocol.messages import Board, Level


def book_of(bids, asks):
    book = OrderBook()
    levels = [[Level(float(price), float(size)) for price, size in side] for side in (bids, asks)]
    book.apply_snapshot(Board((bids[0][0] + asks[0][0]) / 2, *levels))
    return book


def values(candle):
    return (candle.time_s, candle.open, candle.high, candle.low, candle.close, candle.volume)


def test_a_candle_is_the_same_in_whatever_order_its_executions_come():
    executions = [(number, number * 700.0, float(random.Random(number).randint(1, 50)), 1.0) for number in range(1, 40)]
    expected: list[tuple[float, ...]] = []
    for seed in range(20):
        series = Series(10)
        for number, at_ms, price, size in random.Random(seed).sample(executions, len(executions)):
            series.add(number, at_ms, price, size)
        candles = [values(candle) for candle in series.all()]
        expected = expected or candles
        assert candles == expected
    assert [candle[0] for candle in expected] == [0, 10, 20]
    assert expected[0][1:5] == (
        executions[0][2],
        max(price for _, _, price, _ in executions[:14]),
        min(price for _, _, price, _ in executions[:14]),
        executions[13][2],
    )


def test_an_execution_without_an_id_is_taken_for_the_newest():
    series = Series(1)
    for number, price in ((5, 100.0), (0, 103.0), (6, 101.0), (0, 102.0)):
        series.add(number, 0.0, price, 1.0)
    [candle] = series.all()
    assert values(candle) == (0, 100.0, 103.0, 100.0, 102.0, 4.0)


def test_candles_reach_back_so_far_and_no_further():
    series = Series(1)
    for second in range(3 * CANDLE_LIMIT):
        series.add(second + 1, second * 1e3, 100.0, 1.0)
    assert [candle.time_s for candle in series.all()] == list(range(2 * CANDLE_LIMIT, 3 * CANDLE_LIMIT))
    series.add(1, 0.0, 100.0, 1.0)
    assert series.changed() == [], "what is older than the oldest is not taken"
    series.add(3 * CANDLE_LIMIT + 1, 1e12, 100.0, 1.0)
    assert len(series.all()) == 1


def test_changes_are_told_once():
    series = Series(60)
    series.add(1, 0.0, 100.0, 1.0)
    series.add(2, 60_000.0, 100.0, 1.0)
    assert len(series.changed()) == 2
    assert series.changed() == []
    series.add(3, 1_000.0, 100.0, 1.0)
    assert [candle.time_s for candle in series.changed()] == [0]
    series.add(4, 61_000.0, 100.0, 1.0)
    assert len(series.all()) == 2
    assert series.changed() == []


def test_every_interval_has_all_executions():
    candles = Candles()
    for number in range(1, 100):
        candles.add(number, number * 5_000.0, 100.0, 0.5)
    for interval_s in INTERVALS:
        found = candles.series[interval_s].all()
        assert sum(candle.volume for candle in found) == 49.5
        assert all(candle.time_s % interval_s == 0 for candle in found)


def test_a_gap_of_the_candles_is_known_by_its_beginning():
    candles = Candles()
    candles.mark(1.0, GapSpan(10.0, 20.0))
    candles.mark(1.0, GapSpan(10.0, 21.0))
    candles.mark(2.0, GapSpan(30.0, 40.0))
    assert candles.gaps == [GapSpan(10.0, 21.0), GapSpan(30.0, 40.0)]
    candles.fill(1.0)
    candles.fill(99.0)
    assert candles.gaps == [GapSpan(30.0, 40.0)]


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1), (1.1, 2), (3, 5), (7, 10), (75, 100), (0.00012, 0.0002), (2e-6, 2e-6), (1e-5, 1e-5)]
)
def test_steps_are_round(value, expected):
    assert round_up(value) == expected


def test_a_column_has_every_size_near_the_middle_once():
    bids = [(100_000 - 10 * place, 0.1) for place in range(1, 200)]
    asks = [(100_000 + 10 * place, 0.2) for place in range(1, 200)]
    heatmap = HeatMap()
    column = heatmap.sample(0.0, book_of(bids, asks))
    low, high = column.first * heatmap.step, (column.first + STEPS) * heatmap.step
    assert (column.best_bid, column.best_ask) == (99_990, 100_010)
    assert low < 99_600 < 100_400 < high, "forty levels a side are in sight"
    near = sum(size for price, size in bids + asks if low <= price < high)
    assert sum(column.sizes) == pytest.approx(near)
    assert len(column.sizes) == STEPS


@pytest.mark.parametrize(("middle", "tick"), [(13_500_000.0, 1.0), (378.19, 0.001), (0.034, 0.00001), (5.0, 0.0001)])
def test_a_price_on_the_grid_falls_into_its_own_row(middle, tick):
    heatmap = HeatMap()
    bids = [(round(middle - tick * place, 8), 1) for place in range(1, 60)]
    asks = [(round(middle + tick * place, 8), 1) for place in range(1, 60)]
    first = heatmap.sample(0.0, book_of(bids, asks))
    for row in (first.first + 3, first.first + 40, first.first + 100):
        bid = float(f"{row * heatmap.step:.10g}")
        column = heatmap.sample(0.0, book_of([(bid, 7)], [(bid + heatmap.step * 2, 1)]))
        assert column.sizes[row - column.first] == 7


def test_a_map_keeps_its_step_so_that_its_columns_fit_together():
    heatmap = HeatMap()
    heatmap.sample(0.0, book_of([(99, 1)], [(101, 1)]))
    step = heatmap.step
    heatmap.sample(1.0, book_of([(500, 1)], [(900, 1)]))
    assert heatmap.step == step


def test_a_book_with_an_empty_side_is_no_column():
    heatmap = HeatMap()
    book = OrderBook()
    book.apply_snapshot(Board(100.0, [Level(99.0, 1.0)], []))
    assert heatmap.sample(0.0, book).sizes == []
    assert heatmap.sample(0.0, None).sizes == []


def test_depth_adds_up_and_keeps_its_totals_exact():
    generator = random.Random(3)
    bids = [(10_000_000 - 20 * place, round(generator.random(), 8)) for place in range(1, 5_000)]
    asks = [(10_000_000 + 20 * place, round(generator.random(), 8)) for place in range(1, 5_000)]
    for side, points in zip((bids, asks), depth_points(book_of(bids, asks)), strict=True):
        assert len(points) <= POINTS + 1
        assert [size for _, size in points] == sorted(size for _, size in points)
        for price, total in points:
            nearer = [size for at, size in side if abs(at - 10_000_000) <= abs(price - 10_000_000)]
            assert total == pytest.approx(sum(nearer), abs=1e-6)
        assert abs(points[-1][0] - 10_000_000) == pytest.approx(100_000, rel=0.01), "one percent"


def test_depth_of_a_thin_market_reaches_further():
    bids = [(100 - place, 1) for place in range(1, 40)]
    asks = [(100 + place, 1) for place in range(1, 40)]
    found_bids, found_asks = depth_points(book_of(bids, asks))
    assert len(found_bids) == len(found_asks) == 10, "as many levels as are within ten percent"


def rows_of(listed):
    return [row.reason if isinstance(row, Gap) else row.id for row in listed.rows]


def execution(number):
    return Execution(number, "BUY", 1.0, 1.0, "")


def test_backfilled_executions_come_after_their_gap():
    listed = ExecutionList()
    listed.add([execution(1), Gap("lightning_executions_X", "closed", 0.0, 1.0, "pending"), execution(5), execution(0)])
    listed.insert([execution(2), execution(3)])
    assert rows_of(listed) == [1, "closed", 2, 3, 5, 0]
    listed.insert([execution(9)])
    assert rows_of(listed) == [1, "closed", 2, 3, 5, 0, 9]


def test_a_gap_is_updated_in_its_place():
    listed = ExecutionList()
    gap = Gap("lightning_executions_X", "closed", 0.0, 1.0, "pending")
    assert not listed.update(gap)
    listed.add([gap, execution(5)])
    assert listed.update(Gap("lightning_executions_X", "closed, repaired", 0.0, 1.0, "full"))
    assert rows_of(listed) == ["closed, repaired", 5]


def test_the_execution_list_is_bounded():
    listed = ExecutionList()
    listed.add(execution(number) for number in range(1, 1_000))
    listed.insert([execution(number) for number in range(1, 1_000)])
    assert len(listed.rows) == ROW_LIMIT
