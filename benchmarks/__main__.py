"""`scripts/bench`: runs all rows in alternating rounds, prints the tables and writes docs/benchmarks.md.

A run of some sections, or a quick one, writes the page into a temporary folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report, results
from benchmarks.environments import PACKAGES, ROOT, find_python, install
from benchmarks.probes import TABLES
from benchmarks.processes import Failed
from benchmarks.tables import Row, Table

SECTIONS = tuple(dict.fromkeys(table.section for table in TABLES))
ROUNDS = 3
QUICK_DIVISOR = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each row is measured")
    parser.add_argument("--quick", action="store_true", help="one short round to see that it works")
    parser.add_argument(
        "--section",
        action="append",
        choices=SECTIONS,
        help="measure this alone; may be given repeatedly",
    )
    arguments = parser.parse_args()
    is_quick: bool = arguments.quick
    sections = set(arguments.section or SECTIONS)
    rounds = 1 if is_quick else arguments.rounds

    console = Console()
    if not console.is_terminal:
        console.width = 150
    found = results.Results()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    seconds = dict.fromkeys(sections, 0.0)
    with tempfile.TemporaryDirectory() as name, Progress(*columns, console=console) as progress:
        folder = Path(name)
        tables = [table for table in TABLES if table.section in sections]
        broken = _install_all({row.environment for table in tables for row in table.rows}, progress)
        turns = [(table, row) for table in tables for row in table.rows]
        task = progress.add_task("", total=len(turns) * rounds)
        for number in range(rounds):
            for table, row in turns if number % 2 == 0 else reversed(turns):
                progress.update(task, description=f"round {number + 1}: {table.section}, {row.name}")
                began = time.monotonic()
                if not (table.is_once and number):
                    _measure(table, row, folder, found, broken, QUICK_DIVISOR if is_quick else 1)
                seconds[table.section] += time.monotonic() - began
                progress.advance(task)
    for table in tables:
        done = 1 if table.is_once else rounds
        found.measured[table.section] = results.Measured(f"{datetime.now(UTC):%Y-%m-%d}", done, results.machine())
    report.show(console, found, sections)
    console.print(", ".join(f"{section} took {each:.0f} s" for section, each in seconds.items() if each))
    is_whole = not is_quick and sections == set(SECTIONS)
    docs = ROOT / "docs" if is_whole else Path(tempfile.mkdtemp(prefix="fulgurite-bench-"))
    report.write(docs, found, is_quick)
    console.print(f"Written: {docs / 'benchmarks.md'}")


def _install_all(wanted: set[str], progress: Progress) -> dict[str, str]:
    """Make the environments; return why some could not be made."""
    python = find_python()
    task = progress.add_task("installing", total=len(PACKAGES))
    broken: dict[str, str] = {}
    for name in PACKAGES:
        if name in wanted:
            progress.update(task, description=f"installing {name}")
            why = install(name, python)
            if why:
                broken[name] = why
        progress.advance(task)
    progress.update(task, description=f"installed, on {python}")
    return broken


def _measure(
    table: Table, row: Row, folder: Path, found: results.Results, broken: dict[str, str], divisor: int
) -> None:
    key = table.title, row.name
    if key in found.failures:
        return  # a row that fails once is out, so that the rounds of all others stay side by side
    try:
        if row.environment in broken:
            raise Failed(broken[row.environment])
        found.figures.setdefault(key, []).append(row.measure(folder, divisor))
    except Failed as error:
        found.failures[key] = str(error)


if __name__ == "__main__":
    main()
