"""The figures as tables in the terminal and as docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

from rich import table as rich_table
from rich.console import Console

from benchmarks.probes import HOWS, TABLES
from benchmarks.results import Measured, Results
from benchmarks.tables import Grid, goal_rows, grid


def goals(results: Results) -> Grid:
    """The project's goals, and whether it reaches them."""
    rows = [row for table in TABLES for row in goal_rows(table, results.figures)]
    return Grid("The goals", ["Fulgurite has ...", "goal", "measured", "by CPU", "met"], rows)


def versions(results: Results) -> dict[str, str]:
    """The results, by name."""
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
    """Write benchmarks.md into a folder."""
    parts = [INTRODUCTION]
    if is_quick:
        parts.append("**This was a quick run: short, and good for nothing but to see that it works.**\n")
    parts.append(_markdown(goals(results)))
    for table in TABLES:
        found = grid(table, results.figures, results.failures)
        if found.rows:
            parts.append(_markdown(found))
            parts.append(_when(results.measured.get(table.section)))
            parts += [f"{words}\n" for words in [table.words and table.words(results.figures)] if words]
    parts.append(HOW + "".join(HOWS) + "\n## Versions\n")
    parts.append("\n".join(f"* {name} {version}" for name, version in versions(results).items()) + "\n")
    (folder / "benchmarks.md").write_text("\n".join(part for part in parts if part))


def _when(measured: Measured | None) -> str:
    if measured is None:
        return ""
    rounds = "one round" if measured.rounds == 1 else f"{measured.rounds} rounds"
    return f"Measured {measured.when} in {rounds} on {measured.machine}.\n"


def _markdown(found: Grid) -> str:
    head = f"## {found.title}\n\n| " + " | ".join(found.head) + " |"
    rule = "| --- |" + " ---: |" * (len(found.head) - 1)
    rows = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in found.rows]
    return "\n".join([head, rule, *rows]) + "\n"


def _is_ours(name: str) -> bool:
    return "fulgurite" in name.lower()


INTRODUCTION = """# Benchmarks

The speed of Fulgurite's client and server beside others, and beside a floor: the least work that any program in Python
must do. `scripts/bench` writes this page. It installs the others into environments of their own.

Each figure is the median of the rounds, with the least and the most in parentheses; ratios are taken round by round. A
goal is met when the median is.
"""

HOW = """## How it was measured

* The rounds alternate: each runs every row once, forwards and backwards in turn. Every row runs in a fresh process.
"""
