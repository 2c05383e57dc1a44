"""What was measured, as tables in the terminal, as docs/benchmarks.md and as charts."""

from __future__ import annotations

import re
from pathlib import Path

from rich import table as rich_table
from rich.console import Console

from benchmarks.charts import Bar, Line, bars, lines
from benchmarks.probes import HOWS, TABLES
from benchmarks.results import Measured, Results
from benchmarks.tables import Grid, Lines, Range, Table, goal_rows, grid, range_of


def goals(results: Results) -> Grid:
    """What the project has promised itself, and whether it holds."""
    rows = [row for table in TABLES for row in goal_rows(table, results.figures)]
    return Grid("The goals", ["Fulgurite has ...", "goal", "measured", "by CPU", "met"], rows)


def versions(results: Results) -> dict[str, str]:
    """What was measured, by name."""
    found: dict[str, str] = {}
    for figures in results.figures.values():
        for each in figures:
            found |= each.versions
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def show(console: Console, results: Results, sections: set[str]) -> None:
    """Print the tables of these sections, and the goals."""
    for table in TABLES:
        if table.section in sections:
            _show(console, grid(table, results.figures, results.failures))
            if table.words:
                console.print(table.words(results.figures))
    _show(console, goals(results))
    for measured in {results.measured[section] for section in sections}:
        console.print(measured.machine)
    console.print(", ".join(f"{name} {version}" for name, version in versions(results).items()))


def _show(console: Console, found: Grid) -> None:
    shown = rich_table.Table(title=found.title, title_justify="left")
    for index, name in enumerate(found.head):
        shown.add_column(name, justify="left" if index == 0 else "right")
    for row in found.rows:
        shown.add_row(*row, style="bold" if _is_ours(row[0]) else "")
    console.print(shown)


def write(folder: Path, results: Results, is_quick: bool) -> None:
    """Write benchmarks.md and its charts into a folder, and remove charts that are there no longer."""
    charts = folder / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, str] = {}
    parts = [INTRODUCTION]
    if is_quick:
        parts.append("**This was a quick run: short, and good for nothing but to see that it works.**\n")
    parts.append(_markdown(goals(results)))
    for table in TABLES:
        found = grid(table, results.figures, results.failures)
        if found.rows:
            parts.append(_markdown(found, "".join(_images(results, table, pictures))))
            parts.append(_when(results.measured.get(table.section)))
            parts += [f"{words}\n" for words in [table.words and table.words(results.figures)] if words]
    parts.append(HOW + "".join(HOWS) + "\n## Versions\n")
    parts.append("\n".join(f"* {name} {version}" for name, version in versions(results).items()) + "\n")
    (folder / "benchmarks.md").write_text("\n".join(part for part in parts if part))
    for old in charts.glob("*.svg"):
        if old.name not in pictures:
            old.unlink()
    for name, picture in pictures.items():
        (charts / name).write_text(picture)


def _when(measured: Measured | None) -> str:
    if measured is None:
        return ""
    rounds = "one round" if measured.rounds == 1 else f"{measured.rounds} rounds"
    return f"Measured {measured.when} in {rounds} on {measured.machine}.\n"


def _markdown(found: Grid, images: str = "") -> str:
    head = f"## {found.title}\n\n{images}| " + " | ".join(found.head) + " |"
    rule = "| --- |" + " ---: |" * (len(found.head) - 1)
    rows = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in found.rows]
    return "\n".join([head, rule, *rows]) + "\n"


def _images(results: Results, table: Table, pictures: dict[str, str]) -> list[str]:
    """Draw a table's charts, and return the Markdown that shows them."""
    drawn = {table.title: _bars(results, table)} if table.compared else {}
    drawn |= {chart.title: _lines(results, table, chart) for chart in table.lines}
    images = []
    for title, picture in drawn.items():
        if picture:
            name = re.sub(r"\W+", "-", title.lower(), flags=re.ASCII).strip("-") + ".svg"
            pictures[name] = picture
            images.append(f"![{title}](benchmarks/{name})\n\n")
    return images


def _bars(results: Results, table: Table) -> str:
    column = next((each for each in table.columns if each.key == table.chart), table.columns[0])
    rows = []
    for row in table.rows:
        found = range_of(results.figures.get((table.title, row.name), []), column.key)
        if found:
            rows.append(Bar(row.name, *found, f"{found.median:,.{column.decimals}f}", _is_ours(row.name)))
    return bars(f"{table.title} ({column.head})", rows) if rows else ""


def _lines(results: Results, table: Table, chart: Lines) -> str:
    drawn = []
    for column in table.columns:
        if column.key in chart.columns:
            points: list[tuple[float, Range]] = []
            for row in table.rows:
                found = range_of(results.figures.get((table.title, row.name), []), column.key)
                if found:
                    points.append((float(row.name.replace(",", "")), found))
            if points:
                drawn.append(Line(column.head, [(x, *found) for x, found in points]))
    return lines(chart.title, chart.across, drawn) if drawn else ""


def _is_ours(name: str) -> bool:
    return "fulgurite" in name.lower()


INTRODUCTION = """# Benchmarks

How fast Fulgurite's client and server are beside others, and beside the least that any in Python could do. This page is
written by `scripts/bench`, which installs the others into environments of their own; `scripts/bench --section fanout`
measures a part again and keeps the rest. All figures are in `benchmarks/figures`.

Each figure is the median of the rounds, with the least and the most in parentheses; ratios are taken round by round. A
goal is met when the median is.
"""

HOW = """## How it was measured

* The rounds alternate: each runs every row once, forwards and backwards in turn. Every row runs in a fresh process.
"""
