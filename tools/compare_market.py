"""Compares the simulated market with recordings of the real one, and prints the tables of docs/market.md.

    python -m tools.compare_market RECORDING...

A recording is a frame log (see docs/exchange.md) or a capture as `tests.captures` reads it. Each cell is
`recorded / simulated`, of the simulated the lowest and the highest of several seeds. A dash stands for no figure.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from statistics import correlation, fmean, median, pstdev, pvariance

from fulgurite.exchange.products import PRODUCTS
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.framelog import Line, recorded_messages
from fulgurite.protocol.logreader import read_log
from fulgurite.protocol.messages import Board, Execution, decode_message, parse_time

SEEDS = (1, 2, 3, 4, 5)
START_NS = parse_time("2026-09-23T03:31:00Z")
SIMULATED_SECONDS = 120

NEAR_DIFFS = 5
"""A snapshot counts as the book of the diffs if it is so within so many of them either way."""

Cells = dict[str, float | None]
"""The figures of one product; None stands for no figure."""

FORMATS = {
    "diffs/s": ".2f",
    "tickers/s": ".2f",
    "levels/s": ".1f",
    "diff gap ms, median": ".0f",
    "diff gap ms, 95%": ".0f",
    "levels a diff, mean": ".1f",
    "levels a diff, 90%": ".0f",
    "levels a diff, most": ".0f",
    "variance/mean of levels, 1 s": ".1f",
    "variance/mean of levels, 5 s": ".1f",
    "diff bytes, mean": ".0f",
    "snapshot bytes": ".0f",
    "snapshots that are the diffs' book, %": ".0f",
    "executions/s": ".2f",
    "takers/s": ".2f",
    "executions a taker, mean": ".1f",
    "executions a frame, most": ".0f",
    "takers on the last one's side": ".2f",
    "execution's size, median": ".4g",
    "size 90% / median": ".1f",
    "move in 1 s bp": ".2f",
    "move in 5 s bp": ".2f",
    "1 s moves, correlation": "z.2f",
    "largest move of a diff bp": ".1f",
    "levels, both sides": ".0f",
    "spread bp": ".1f",
    "3rd level bp": ".1f",
    "10th level bp": ".1f",
    "20th level bp": ".1f",
    "100th level bp": ".1f",
    "size of the best ten, median": ".4g",
}
"""The rows of a table, and how their numbers are written."""


def numbers(messages: list[tuple[float, Kind, bytes, object]], seconds: float) -> Cells:
    """Measure one product.

    Args:
        messages: seconds since the beginning, kind of channel, text and content.
        seconds: how long it was listened to; 0 has no rates.
    """
    kinds: dict[Kind, list[tuple[float, bytes, object]]] = defaultdict(list)
    for at_s, kind, text, data in messages:
        kinds[kind].append((at_s, text, data))
    diffs = [(at_s, data) for at_s, _, data in kinds[Kind.BOARD] if isinstance(data, Board)]
    snapshots = [data for _, _, data in kinds[Kind.BOARD_SNAPSHOT] if isinstance(data, Board)]
    frames = [data for _, _, data in kinds[Kind.EXECUTIONS] if isinstance(data, list)]
    gaps_ms = [(later[0] - earlier[0]) * 1000 for earlier, later in pairwise(diffs)]
    levels = [(at_s, len(data.bids) + len(data.asks)) for at_s, data in diffs]
    counts = [count for _, count in levels]
    cells: Cells = {
        "diffs/s": len(diffs) / seconds if seconds else None,
        "tickers/s": len(kinds[Kind.TICKER]) / seconds if seconds else None,
        "levels/s": sum(counts) / seconds if seconds else None,
        "diff gap ms, median": quantile(gaps_ms, 0.5),
        "diff gap ms, 95%": quantile(gaps_ms, 0.95),
        "levels a diff, mean": fmean(counts) if counts else None,
        "levels a diff, 90%": quantile(counts, 0.9),
        "levels a diff, most": max(counts, default=None),
        "variance/mean of levels, 1 s": clustering(levels, 1, seconds),
        "variance/mean of levels, 5 s": clustering(levels, 5, seconds),
        "diff bytes, mean": fmean(len(text) for _, text, _ in kinds[Kind.BOARD]) if diffs else None,
        "snapshot bytes": quantile([len(text) for _, text, _ in kinds[Kind.BOARD_SNAPSHOT]], 0.5),
        "snapshots that are the diffs' book, %": alignment([(kind, data) for _, kind, _, data in messages]),
    }
    return cells | _takers(frames, seconds) | _moves(diffs, seconds) | _shape(snapshots)


Sides = tuple[dict[float, float], dict[float, float]]
"""Price to size, of bids and asks."""


def alignment(messages: Sequence[tuple[Kind, object]]) -> float | None:
    """The percentage of snapshots that equal the book made of the snapshot before and the diffs since.

    Within `NEAR_DIFFS` diffs either way, and as far as both snapshots reach (protocol reference, section 3.2).
    """
    boards = [(kind, data) for kind, data in messages if isinstance(data, Board)]
    diffs = [data for kind, data in boards if kind is Kind.BOARD]
    snapshots: list[tuple[int, Sides]] = []  # each after so many diffs
    seen = 0
    for kind, data in boards:
        seen += kind is Kind.BOARD
        if kind is Kind.BOARD_SNAPSHOT:
            snapshots.append((seen, _changed(({}, {}), data)))
    agreeing = 0
    start = snapshots[0][0] if snapshots else 0
    for (_, book), (position, snapshot) in pairwise(snapshots):
        lowest = max(min(bids, default=0.0) for bids, _ in (book, snapshot))
        highest = min(max(asks, default=1e18) for _, asks in (book, snapshot))
        shown = _window(snapshot, lowest, highest)
        first = max(start, position - NEAR_DIFFS)
        for diff in diffs[start:first]:
            book = _changed(book, diff)
        start = position
        for place in range(first, min(len(diffs), position + NEAR_DIFFS) + 1):
            if _window(book, lowest, highest) == shown:
                agreeing += 1
                start = place  # earlier diffs are in this snapshot
                break
            book = _changed(book, diffs[place]) if place < len(diffs) else book
    return 100 * agreeing / (len(snapshots) - 1) if len(snapshots) > 1 else None


def _changed(book: Sides, board: Board) -> Sides:
    bids, asks = (
        {price: size for price, size in (levels | {level.price: level.size for level in changes}).items() if size}
        for levels, changes in zip(book, (board.bids, board.asks), strict=True)
    )
    return bids, asks


def _window(book: Sides, lowest: float, highest: float) -> Sides:
    bids, asks = book
    return (
        {price: size for price, size in bids.items() if price >= lowest},
        {price: size for price, size in asks.items() if price <= highest},
    )


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value that this part of all is below; None of no values."""
    return sorted(values)[int(len(values) * part)] if values else None


def clustering(amounts: Sequence[tuple[float, int]], window_s: int, seconds: float) -> float | None:
    """Variance by mean (the Fano factor) of the number of events in whole windows: 1 where they are independent."""
    windows = Counter[int]()
    for at_s, amount in amounts:
        windows[int(at_s / window_s)] += amount
    sums = [windows[number] for number in range(int(seconds / window_s))]
    return pvariance(sums) / fmean(sums) if any(sums) else None


def _takers(frames: Sequence[list[Execution]], seconds: float) -> Cells:
    rows = [row for frame in frames for row in frame]
    takers = [
        (side, len(list(fills)))
        for (side, _), fills in groupby(
            rows,
            key=lambda row: (
                row.side,
                row.buy_child_order_acceptance_id if row.side == "BUY" else row.sell_child_order_acceptance_id,
            ),
        )
    ]
    sizes = [row.size for row in rows]
    return {
        "executions/s": len(rows) / seconds if seconds else None,
        "takers/s": len(takers) / seconds if seconds else None,
        "executions a taker, mean": len(rows) / len(takers) if takers else None,
        "executions a frame, most": max(map(len, frames), default=None),
        # Of fewer it says nothing.
        "takers on the last one's side": fmean(earlier[0] == later[0] for earlier, later in pairwise(takers))
        if len(takers) > 10
        else None,
        "execution's size, median": median(sizes) if sizes else None,
        "size 90% / median": (quantile(sizes, 0.9) or 0) / median(sizes) if len(sizes) > 10 else None,
    }


def _moves(diffs: Sequence[tuple[float, Board]], seconds: float) -> Cells:
    """How the middle price moves from second to second, and from diff to diff."""
    mids = [data.mid_price for _, data in diffs]
    cells: Cells = {"largest move of a diff bp": max(map(abs, _returns_bp(mids)), default=None)}
    for window_s in (1, 5):
        path, position = [], 0
        for second in range(0, int(seconds) + 1, window_s):
            while position < len(diffs) and diffs[position][0] <= second:
                position += 1
            if position:
                path.append(mids[position - 1])
        moves = _returns_bp(path)
        cells[f"move in {window_s} s bp"] = pstdev(moves) if moves else None
        if window_s == 1:
            has_moved = len(set(moves[:-1])) > 1 and len(set(moves[1:])) > 1
            cells["1 s moves, correlation"] = correlation(moves[:-1], moves[1:]) if has_moved else None
    return cells


def _returns_bp(prices: Sequence[float]) -> list[float]:
    return [(later / earlier - 1) * 1e4 for earlier, later in pairwise(prices)]


def _shape(snapshots: list[Board]) -> Cells:
    """The median shape of the book: levels, spread, how far levels are in basis points, and their sizes."""
    values: dict[str, list[float]] = defaultdict(list)
    for board in snapshots:
        bids = sorted((level for level in board.bids if level.size), key=lambda level: -level.price)
        asks = sorted((level for level in board.asks if level.size), key=lambda level: level.price)
        if not bids or not asks:
            continue
        middle = (bids[0].price + asks[0].price) / 2
        values["levels, both sides"].append(len(bids) + len(asks))
        values["spread bp"].append((asks[0].price - bids[0].price) / middle * 1e4)
        values["size of the best ten, median"] += [level.size for level in (*bids[:10], *asks[:10])]
        for number, name in ((3, "3rd"), (10, "10th"), (20, "20th"), (100, "100th")):
            if min(len(bids), len(asks)) >= number:
                width = (asks[number - 1].price - bids[number - 1].price) / 2
                values[f"{name} level bp"].append(width / middle * 1e4)
    return {name: median(found) for name, found in values.items()}


def measure(messages: Iterable[tuple[int, str, bytes]]) -> tuple[float, dict[str, Cells]]:
    """The seconds of a stream of (nanoseconds, channel, message), and the numbers of each product in it."""
    products: dict[str, list[tuple[int, Kind, bytes, object]]] = defaultdict(list)
    times: list[int] = []
    for at_ns, name, text in messages:
        channel = parse_channel(name)
        products[channel.product_code].append((at_ns, channel.kind, text, decode_message(channel, text)))
        times.append(at_ns)
    first_ns, seconds = min(times), (max(times) - min(times)) / 1e9
    return seconds, {
        code: numbers([((at_ns - first_ns) / 1e9, kind, text, data) for at_ns, kind, text, data in found], seconds)
        for code, found in products.items()
    }


def recorded(path: Path) -> Iterator[tuple[int, str, bytes]]:
    """The messages of a recording."""
    with path.open("rb") as file:
        for step in read_log(file):
            if isinstance(step, Line) and step.received_ns is not None and step.frame is not None:
                for name, message in recorded_messages(step.frame):
                    yield step.received_ns, name, message


def simulated(seed: int) -> Iterator[tuple[int, str, bytes]]:
    """The messages of the simulated market, as long as no maintenance comes."""
    for event in Simulation(seed, START_NS).advance(START_NS + SIMULATED_SECONDS * 1_000_000_000):
        if isinstance(event, TimedMessage):
            yield event.at_ns, event.channel, event.message


def table(real: dict[str, Cells], ours: Sequence[dict[str, Cells]]) -> str:
    """Markdown: a row for each number, a column for each product that both have."""
    codes = [product.code for product in PRODUCTS if product.code in real]
    rows = [["", *codes], ["---"] * (len(codes) + 1)]
    for name in FORMATS:
        cells = (f"{_text([real[code]], name)} / {_text([run[code] for run in ours], name)}" for code in codes)
        rows.append([name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _text(runs: Sequence[Cells], name: str) -> str:
    found = sorted(value for cells in runs if (value := cells.get(name)) is not None)
    texts = [f"{value:{FORMATS[name]}}" for value in found[:1] + found[-1:]]
    return " to ".join(dict.fromkeys(texts)) or "-"


def main() -> None:
    """Print one table for each recording."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ours = [measure(simulated(seed))[1] for seed in SEEDS]
    for path in map(Path, sys.argv[1:]):
        seconds, real = measure(recorded(path))
        print(f"`{path.name}`, {seconds:.0f} s; simulated: {SIMULATED_SECONDS} s, {len(SEEDS)} seeds\n")
        print(table(real, ours), end="\n\n")


if __name__ == "__main__":
    main()
