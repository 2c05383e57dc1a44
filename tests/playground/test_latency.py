"""How long things took: percentiles of the newest measurements, and of nothing that says nothing."""

from __future__ import annotations

import pytest

from fulgurite.playground.latency import KEPT, LatencyMeter
from fulgurite.playground.messages import Latency
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board, Execution, Ticker, parse_time

MADE = "2026-11-22T00:00:00.5Z"
RECEIVED_NS = parse_time(MADE) + 12_500_000


def ticker(timestamp=MADE):
    return Ticker("BTC_JPY", timestamp, 1, 99.0, 101.0, 1.0, 1.0, 1.0, 1.0, 100.0, 5.0, 6.0)


def fill(date):
    return Execution(1, "SELL", 100.0, 0.1, date, "JRF1", "JRF2")


def test_percentiles_are_measurements_that_so_many_do_not_exceed():
    meter = LatencyMeter()
    for ms in range(200, 0, -1):
        meter.add("subscribe", ms)
    assert meter.summary() == [Latency("subscribe", 200, 100, 180, 198, 200)]


def test_one_measurement_is_every_percentile():
    meter = LatencyMeter()
    meter.add("heartbeat", 3.0)
    assert meter.summary() == [Latency("heartbeat", 1, 3.0, 3.0, 3.0, 3.0)]


def test_only_the_newest_count():
    meter = LatencyMeter()
    for _ in range(KEPT):
        meter.add("ticker", 50.0)
    for _ in range(KEPT):
        meter.add("ticker", 5.0)
    assert meter.summary() == [Latency("ticker", KEPT, 5.0, 5.0, 5.0, 5.0)]


def test_tickers_and_executions_say_when_they_were_made():
    meter = LatencyMeter()
    meter.add_message(Kind.TICKER, ticker(), RECEIVED_NS)
    meter.add_message(Kind.EXECUTIONS, [fill("2026-11-22T00:00:00Z"), fill(MADE)], RECEIVED_NS)
    assert [(each.what, each.p50) for each in meter.summary()] == [("executions", 12.5), ("ticker", 12.5)]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.BOARD, Board(1.0, [], [])),
        (Kind.EXECUTIONS, []),
        (Kind.EXECUTIONS, [fill("")]),
        (Kind.TICKER, ticker("yesterday")),
        (Kind.TICKER, ticker("2024-01-01T00:00:00Z")),
    ],
)
def test_what_has_no_time_or_that_of_another_day_is_not_measured(kind, data):
    meter = LatencyMeter()
    meter.add_message(kind, data, RECEIVED_NS)
    assert meter.summary() == []
