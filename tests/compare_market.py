"""Compares the simulated market with recordings of the real one, and prints the table of docs/market.md.

    python -m tests.compare_market RECORDING...

A recording is a frame log (see docs/exchange.md) or a capture as `tests.captures` reads it. Each cell is
`recorded / simulated`; a dash is what the recording has nothing of.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from fulgurite.exchange.products import PRODUCTS
from fulgurite.exchange.publisher import Published
from fulgurite.exchange.replay import read_lines
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.framelog import Line, parse_line, recorded_messages
from fulgurite.protocol.messages import Board, decode_message, parse_time
from tests.captures import received_lines

SEED = 1
START_NS = parse_time("2026-09-23T03:31:00Z")
SIMULATED_SECONDS = 600


class Numbers:
    """What is measured of one product."""

    def __init__(self, messages: list[tuple[int, Kind, bytes, object]], seconds: float) -> None:
        self.seconds = seconds
        kinds: dict[Kind, list[tuple[int, bytes, object]]] = defaultdict(list)
        for at_ns, kind, text, data in messages:
            kinds[kind].append((at_ns, text, data))
        diffs, snapshots = kinds[Kind.BOARD], kinds[Kind.BOARD_SNAPSHOT]
        rows = sum(len(data) for _, _, data in kinds[Kind.EXECUTIONS] if isinstance(data, list))
        gaps = sorted((later[0] - earlier[0]) / 1e6 for earlier, later in pairwise(diffs))
        levels = [len(data.bids) + len(data.asks) for _, _, data in diffs if isinstance(data, Board)]
        self.cells: dict[str, str] = {
            "diffs/s": f"{len(diffs) / seconds:.2f}",
            "tickers/s": f"{len(kinds[Kind.TICKER]) / seconds:.2f}",
            "executions/s": f"{rows / seconds:.2f}",
            "diff gap ms, median": f"{median(gaps):.0f}" if gaps else "-",
            "diff gap ms, 95%": f"{gaps[len(gaps) * 95 // 100]:.0f}" if gaps else "-",
            "levels a diff, mean": f"{fmean(levels):.1f}" if levels else "-",
            "levels a diff, most": f"{max(levels)}" if levels else "-",
            "diff bytes, mean": f"{fmean(len(text) for _, text, _ in diffs):.0f}" if diffs else "-",
            "snapshot bytes": f"{median(len(text) for _, text, _ in snapshots):.0f}" if snapshots else "-",
        }
        self.cells |= _shape([data for _, _, data in snapshots if isinstance(data, Board)])


def _shape(snapshots: list[Board]) -> dict[str, str]:
    """The shape of the book: levels, spread, and how far in basis points the 10th and the 100th level are."""
    values: dict[str, list[float]] = {
        "levels, both sides": [],
        "spread bp": [],
        "10th level bp": [],
        "100th level bp": [],
    }
    for board in snapshots:
        bids = sorted((level.price for level in board.bids if level.size), reverse=True)
        asks = sorted(level.price for level in board.asks if level.size)
        if not bids or not asks:
            continue
        middle = (bids[0] + asks[0]) / 2
        values["levels, both sides"].append(len(bids) + len(asks))
        values["spread bp"].append((asks[0] - bids[0]) / middle * 1e4)
        for number in (10, 100):
            if min(len(bids), len(asks)) >= number:
                width = (asks[number - 1] - bids[number - 1]) / 2
                values[f"{number}th level bp"].append(width / middle * 1e4)
    return {
        name: (f"{median(found):.0f}" if name.startswith("levels") else f"{median(found):.1f}") if found else "-"
        for name, found in values.items()
    }


def measure(messages: Iterable[tuple[int, str, bytes]]) -> dict[str, Numbers]:
    """The numbers of each product in a stream of (nanoseconds, channel, message)."""
    products: dict[str, list[tuple[int, Kind, bytes, object]]] = defaultdict(list)
    times: list[int] = []
    for at_ns, name, text in messages:
        channel = parse_channel(name)
        products[channel.product_code].append((at_ns, channel.kind, text, decode_message(channel, text)))
        times.append(at_ns)
    seconds = (max(times) - min(times)) / 1e9
    return {code: Numbers(found, seconds) for code, found in products.items()}


def recorded(path: Path) -> Iterator[tuple[int, str, bytes]]:
    """The messages of a recording."""
    lines: Iterable[Line] = received_lines(path)
    if path.suffix in (".jsonl", ".zst"):
        lines = (parse_line(text) for text in read_lines(path) if not text.isspace())
    for line in lines:
        if line.received_ns is not None and line.frame is not None:
            for name, message in recorded_messages(line.frame):
                yield line.received_ns, name, message


def simulated() -> Iterator[tuple[int, str, bytes]]:
    """The messages of the simulated market, as long as no maintenance comes."""
    for event in Simulation(SEED, START_NS).advance(START_NS + SIMULATED_SECONDS * 1_000_000_000):
        if isinstance(event, Published):
            yield event.at_ns, event.channel, event.message


def table(real: dict[str, Numbers], ours: dict[str, Numbers]) -> str:
    """Markdown: a row for each number, a column for each product that both have."""
    codes = [product.code for product in PRODUCTS if product.code in real]
    rows = [["", *codes], ["---"] * (len(codes) + 1)]
    for name in ours[codes[0]].cells:
        rows.append([name, *(f"{real[code].cells[name]} / {ours[code].cells[name]}" for code in codes)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print one table for each recording."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ours = measure(simulated())
    for path in map(Path, sys.argv[1:]):
        real = measure(recorded(path))
        seconds = next(iter(real.values())).seconds
        print(f"`{path.name}`, {seconds:.0f} s; simulated: {SIMULATED_SECONDS} s, seed {SEED}\n")
        print(table(real, ours), end="\n\n")


if __name__ == "__main__":
    main()
