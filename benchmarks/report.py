"""What was measured, as tables in the terminal, as docs/benchmarks.md and as charts."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich import table as rich_table
from rich.console import Console

from benchmarks.charts import Bar, bars
from benchmarks.measure import BookSample, Sample
from benchmarks.probes import HOWS, TABLES
from benchmarks.rows import (
    BOOK_LEVELS,
    BOOKS,
    CRYPTOFEED,
    FLOOR,
    OURS,
    PYBOTTERS,
    SECTIONS,
    TARDIS,
    TARDIS_MESSAGES,
    Section,
)
from benchmarks.tables import AllFigures, Grid, Range, Table, goal_rows
from benchmarks.tables import grid as table_grid

FLAT = 0.9
"""From this ratio on a rate counts as the same."""

OURS_NAMES = {client.name for section in SECTIONS for client in section.clients if "run_ours.py" in client.program}
OURS_NAMES |= {table.rows[0].name for table in TABLES}


@dataclass
class Results:
    """All samples of a run, a list a row with one entry a round; and why rows are missing."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    """By the section's key and the client's name."""
    books: dict[tuple[str, int], list[BookSample]] = field(default_factory=dict)
    """By the book's name and the levels a side."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """By the section's key, "books" or a table's title, and the row's name."""
    figures: AllFigures = field(default_factory=dict)
    """Of the tables that say by themselves how they are measured."""


def ratios(results: Results, section: str, other: str, figure: Callable[[Sample], float | None]) -> Range | None:
    """Ours divided by another row's, round by round; None where one of them is missing."""
    ours, theirs = (results.samples.get((section, name), []) for name in (OURS.name, other))
    pairs = [(figure(mine), figure(its)) for mine, its in zip(ours, theirs, strict=False)]
    values = [mine / its for mine, its in pairs if mine and its]
    return Range.of(values) if values else None


def grids(results: Results) -> list[Grid]:
    """All tables that have something to show."""
    found = [*(_section_grid(results, section) for section in SECTIONS), _book_grid(results)]
    found += [*(table_grid(table, results.figures, results.failures) for table in TABLES), goals(results)]
    return [grid for grid in found if grid.rows]


def _section_grid(results: Results, section: Section) -> Grid:
    figures = ["p50, µs", "p99, µs", "ours to its p99"] if section.pace else ["1,000 messages/s"]
    if not section.pace:
        figures += ["CPU µs/message", "ours is times as fast", "and by CPU"]
    rows = []
    for client in section.clients:
        samples = results.samples.get((section.key, client.name))
        why = results.failures.get((section.key, client.name))
        if not samples:
            if why:
                rows.append([client.name, client.does, f"not measured: {why}", *[""] * (len(figures) - 1)])
            continue
        if section.pace:
            cells = [_range(sample.p50_us for sample in samples), _range(sample.p99_us for sample in samples)]
            ratio = ratios(results, section.key, client.name, lambda sample: sample.p99_us)
            cells.append(ratio.text(2) if ratio else "")
        else:
            cells = [
                Range.of(sample.rate / 1000 for sample in samples).text(1),
                Range.of(sample.cpu_us for sample in samples).text(2),
            ]
            for figure in (rate, cpu_rate):
                ratio = ratios(results, section.key, client.name, figure)
                cells.append(ratio.text(2) if ratio else "")
        does = client.does
        if any(sample.book_is_right is False for sample in samples):
            does += " (WRONG at the end)"
        if why:
            does += f" (after {len(samples)} rounds: {why})"
        rows.append([client.name, does, *cells])
    return Grid(section.title, ["", "what a message becomes", *figures], rows)


def _range(values: Iterable[float | None]) -> str:
    return Range.of(value for value in values if value is not None).text(0)


def _book_grid(results: Results) -> Grid:
    head = ["", *(f"{query}, {levels:,} levels" for levels in BOOK_LEVELS for query in ("best", "top 20"))]
    rows = []
    for book in BOOKS:
        name = book.name
        cells = []
        for levels in BOOK_LEVELS:
            samples = results.books.get((book.name, levels), [])
            for figure in (lambda sample: sample.best_us, lambda sample: sample.top_us):
                cells.append(Range.of(map(figure, samples)).text(1) if samples else "")
            if not all(sample.book_is_right for sample in samples):
                name = f"{book.name} (WRONG at the end with {levels:,})"
        why = results.failures.get(("books", book.name))
        if why:
            cells[0] = f"not measured: {why}"
        if any(cells):
            rows.append([name, *cells])
    return Grid("Order books alone: apply a diff and look, µs of CPU a diff", head, rows)


def goals(results: Results) -> Grid:
    """What the project has promised itself, and whether it holds."""
    rows = []
    for what, section, other, least in (
        ("cryptofeed's rate, times", "tls", CRYPTOFEED, 5.0),
        ("the rate of pybotters with its store, times", "tls", PYBOTTERS, 40.0),
        ("the rate of tardis-dev with its OrderBook, times", "tls", TARDIS, 1.5),
        ("the rate of tardis-dev without a book, times", "tls", TARDIS_MESSAGES, 1.5),
        ("the floor's rate over TLS, times", "tls", FLOOR, 0.5),
        ("the floor's rate without TLS, times", "plain", FLOOR, 0.5),
    ):
        by_rate = ratios(results, section, other.name, rate)
        by_cpu = ratios(results, section, other.name, cpu_rate)
        if by_rate and by_cpu:
            rows.append([what, f"at least {least:g}", by_rate.text(2), by_cpu.text(2), _yes(by_rate.median >= least)])
    flatness = [_flatness(results, figure) for figure in (rate, cpu_rate)]
    if flatness[0] and flatness[1]:
        cells = [found.text(2) for found in flatness if found]
        rows.append(["with 10,000 levels the rate with 300, times", "1", *cells, _yes(flatness[0].median >= FLAT)])
    latency = ratios(results, "latency", FLOOR.name, lambda sample: sample.p99_us)
    if latency:
        rows.append(["the floor's p99 latency, times", "at most 1.5", latency.text(2), "", _yes(latency.median <= 1.5)])
    for table in TABLES:
        rows += goal_rows(table, results.figures)
    return Grid("The goals", ["Fulgurite has ...", "goal", "measured", "by CPU", "met"], rows)


def rate(sample: Sample) -> float:
    """How fast it was by the clock on the wall."""
    return sample.rate


def cpu_rate(sample: Sample) -> float:
    """How fast it would be if nothing but its own processor time were spent."""
    return 1e6 / sample.cpu_us


def _yes(holds: bool) -> str:
    return "yes" if holds else "NO"


def _flatness(results: Results, figure: Callable[[Sample], float]) -> Range | None:
    shallow, deep = (results.samples.get((key, OURS.name), []) for key in ("tls", "deep"))
    values = [figure(below) / figure(above) for above, below in zip(shallow, deep, strict=False)]
    return Range.of(values) if values else None


def versions(results: Results) -> dict[str, str]:
    """What was measured, by name."""
    found: dict[str, str] = {}
    for samples in results.samples.values():
        for sample in samples:
            found |= sample.versions
    for book_samples in results.books.values():
        for book_sample in book_samples:
            found |= book_sample.versions
    for figures in results.figures.values():
        for each in figures:
            found |= each.versions
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def machine() -> str:
    """What it was measured on, in one line."""
    cpu = "unknown CPU"
    memory = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kilobytes / 1024**2:.0f} GiB, "
    return f"{os.cpu_count()} x {cpu}, {memory}{platform.system()} {platform.release()}"


def show(console: Console, results: Results) -> None:
    """Print all tables."""
    for grid in grids(results):
        shown = rich_table.Table(title=grid.title, title_justify="left")
        for index, name in enumerate(grid.head):
            shown.add_column(name, justify="left" if index == 0 else "right")
        for row in grid.rows:
            shown.add_row(*row, style="bold" if row[0] in OURS_NAMES else "")
        console.print(shown)
    console.print(machine(), ", ".join(f"{name} {version}" for name, version in versions(results).items()))


def write(folder: Path, results: Results, rounds: int, when: str, is_quick: bool) -> None:
    """Write benchmarks.md and its charts into a folder."""
    charts = folder / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION.format(rounds=rounds, when=when, machine=machine())]
    if is_quick:
        parts.append("**This was a quick run: short, and good for nothing but to see that it works.**\n")
    parts.append(_markdown(goals(results)))
    for section in SECTIONS:
        picture = _chart(results, section)
        image = ""
        if picture:
            (charts / f"{section.key}.svg").write_text(picture)
            image = f"![{section.title}](benchmarks/{section.key}.svg)\n\n"
        parts.append(_markdown(_section_grid(results, section), image))
    parts.append(_markdown(_book_grid(results)))
    for table in TABLES:
        grid = table_grid(table, results.figures, results.failures)
        if grid.rows:
            parts.append(_markdown(grid, _table_image(results, table, charts)))
    parts.append(HOW + "".join(HOWS) + "\n## Versions\n")
    parts.append("\n".join(f"* {name} {version}" for name, version in versions(results).items()) + "\n")
    (folder / "benchmarks.md").write_text("\n".join(parts))


def _markdown(grid: Grid, image: str = "") -> str:
    lines = [f"## {grid.title}", "", f"{image}| " + " | ".join(grid.head) + " |"]
    lines.append("| --- |" + " ---: |" * (len(grid.head) - 1))
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in grid.rows]
    return "\n".join(lines) + "\n"


def _chart(results: Results, section: Section) -> str:
    rows = []
    for client in section.clients:
        samples = results.samples.get((section.key, client.name))
        if not samples:
            continue
        if section.pace:
            found = Range.of(sample.p99_us for sample in samples if sample.p99_us is not None)
            text = f"{found.median:,.0f}"
        else:
            found = Range.of(sample.rate for sample in samples)
            text = f"{found.median / 1000:,.1f} k"
        rows.append(Bar(client.name, *found, text, client.name in OURS_NAMES))
    unit = "p99, µs, less is better" if section.pace else "messages a second"
    return bars(f"{section.title} ({unit})", rows) if rows else ""


def _table_image(results: Results, table: Table, charts: Path) -> str:
    """Draw the first column of a table that compares, and return the Markdown that shows it."""
    first = table.columns[0]
    rows = []
    for row in table.rows:
        samples = results.figures.get((table.title, row.name))
        if samples and table.compared:
            found = Range.of(sample.values[first.key] for sample in samples)
            text = f"{found.median:,.{first.decimals}f}"
            rows.append(Bar(row.name, *found, text, row.name in OURS_NAMES))
    if not rows:
        return ""
    name = re.sub(r"\W+", "-", table.title.lower())
    (charts / f"{name}.svg").write_text(bars(f"{table.title} ({first.head})", rows))
    return f"![{table.title}](benchmarks/{name}.svg)\n\n"


INTRODUCTION = """# Benchmarks

How fast Fulgurite's client and server are beside others, and beside the least that any in Python could do. This page is
written by `scripts/bench`, which installs the others into environments of their own.

Measured {when} in {rounds} rounds on {machine}.
Each figure is the median of the rounds, with the least and the most
in parentheses; ratios are taken round by round.
"""

HOW = """## How it was measured

* All rows read the same messages: a market of the embedded exchange with a fixed seed; 80 % diffs of the order book
  with some ten levels each, 13 % tickers, 7 % executions, about 440 bytes a frame, in laps that each begin with a
  snapshot of the whole book.
* The server is a process of its own. It sends the snapshot, waits until the client has handled it, and sends all else
  as fast as the client reads. The rate counts from the server's first write to the moment the client has handled the
  last message; the processor time is that of the client's process alone and is the steadier of the two figures.
* Each client runs in a fresh process as its users run it: typed or plain messages as it gives them, and its own order
  book where it has one. At the end the best bid and ask must be those of the market, and all messages must have come.
* The rounds alternate: each runs every row once, forwards and backwards in turn.
* The floor is picows and msgspec with no session, no reconnecting, no gaps and no book: decode and forget. Half of it
  is the goal for a client that does all of these.
* For latency the server writes one message every 333 µs and notes when; the client notes when it has handled each
  diff; both by the same clock of the machine.
* cryptofeed takes nothing but TLS, so it is missing without. It and pylightningfx need Python 3.13; all rows in Python
  run on the same one.
* The other clients' books know nothing of levels that have gone stale, and need not: no message is lost here.
"""
