"""Draws a simulated day as candles, for docs/market.md, and prints how far its prices move.

    python -m tools.draw_market FILE.svg

The product is BTC_JPY, simulated without the others. The candle of 19:00 UTC has the maintenance in it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import pstdev
from typing import NamedTuple

from fulgurite.exchange.products import BTC_JPY
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.messages import Execution, parse_time

SEED = 1
START_NS = parse_time("2026-09-23T00:00:00Z")
MINUTE_NS = 60_000_000_000
CANDLE_MINUTES = 15
WIDTH, PRICE_HEIGHT, VOLUME_HEIGHT, MARGIN = 960, 300, 60, 20


class Candle(NamedTuple):
    """The executions of one stretch of time."""

    opened: float
    highest: float
    lowest: float
    closed: float
    volume: float


def candle(rows: Sequence[Execution]) -> Candle | None:
    """The candle of these executions, oldest first; None of none."""
    prices = [row.price for row in rows]
    if not prices:
        return None
    return Candle(prices[0], max(prices), min(prices), prices[-1], sum(row.size for row in rows))


def minutes_of_a_day() -> list[list[Execution]]:
    """The executions of each minute."""
    simulation, last_id = Simulation(SEED, START_NS, [BTC_JPY]), 0
    minutes = []
    for minute in range(1441):
        simulation.advance(START_NS + minute * MINUTE_NS)
        minutes.append([row for row in simulation.executions(BTC_JPY.code) if row.id > last_id])
        last_id = max((row.id for row in minutes[-1]), default=last_id)
    return minutes[1:]  # the first were before the start


def draw(candles: Sequence[Candle | None]) -> str:
    """An SVG: prices above, volumes below, hours in UTC."""
    found = [one for one in candles if one]
    low, high = min(one.lowest for one in found), max(one.highest for one in found)
    largest = max(one.volume for one in found)
    step = (WIDTH - 2 * MARGIN) / len(candles)
    bottom = MARGIN + PRICE_HEIGHT + VOLUME_HEIGHT

    def height(price: float) -> float:
        return MARGIN + PRICE_HEIGHT * (high - price) / (high - low)

    shapes = []
    for number, one in enumerate(candles):
        if one is None:
            continue
        x, colour = MARGIN + number * step, "#2a9d63" if one.closed >= one.opened else "#d1495b"
        top = height(max(one.opened, one.closed))
        body = max(height(min(one.opened, one.closed)) - top, 1)
        volume = VOLUME_HEIGHT * 0.9 * one.volume / largest
        shapes += [
            f'<path stroke="{colour}" d="M{x + step / 2:.1f} {height(one.highest):.1f}V{height(one.lowest):.1f}"/>',
            f'<rect fill="{colour}" x="{x + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" height="{body:.1f}"/>',
            f'<path stroke="#8899a6" stroke-width="{step - 2:.1f}" d="M{x + step / 2:.1f} {bottom}v{-volume:.1f}"/>',
        ]
    for hour in range(0, 24, 3):
        x = MARGIN + (WIDTH - 2 * MARGIN) * hour / 24
        shapes.append(f'<text x="{x:.0f}" y="{bottom + 16}">{hour:02}:00</text>')
    shapes += [
        f'<text x="{MARGIN}" y="14">BTC_JPY, seed {SEED}, {CANDLE_MINUTES} minutes a candle, UTC</text>',
        f'<text x="{WIDTH - 6}" y="14" text-anchor="end">{low:,.0f} to {high:,.0f}</text>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + MARGIN}" font-family="sans-serif" '
        f'font-size="12" fill="#667"><rect width="100%" height="100%" fill="#fff"/>{"".join(shapes)}</svg>\n'
    )


def main() -> None:
    """Write the picture and print the moves."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    minutes = minutes_of_a_day()
    stretches = [minutes[first : first + CANDLE_MINUTES] for first in range(0, len(minutes), CANDLE_MINUTES)]
    candles = [candle([row for rows in stretch for row in rows]) for stretch in stretches]
    Path(sys.argv[1]).write_text(draw(candles))
    closes = [rows[-1].price for rows in minutes if rows]
    for length in (1, 5, 15, 60):
        moves = [log(later / earlier) * 1e4 for earlier, later in pairwise(closes[::length])]
        print(f"{length} minutes: standard deviation {pstdev(moves):.1f} bp")


if __name__ == "__main__":
    main()
