"""`scripts/bench`: run all rows in alternating rounds, print the tables and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.environments import PACKAGES, ROOT, find_python, install
from benchmarks.measure import Frames, run_book, run_client
from benchmarks.probes import TABLES
from benchmarks.processes import Failed
from benchmarks.rows import BOOK_LEVELS, BOOKS, MESSAGES, SECTIONS, Book, Client, Section
from benchmarks.tables import Row, Table

LATENCY_SECONDS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    keys = [*(section.key for section in SECTIONS), "books", *dict.fromkeys(table.section for table in TABLES)]
    parser.add_argument("--section", action="append", choices=keys, help="measure this alone; may be given repeatedly")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where benchmarks.md is written")
    arguments = parser.parse_args()
    rounds, shorter = (1, 20) if arguments.quick else (arguments.rounds, 1)

    console = Console()
    if not console.is_terminal:
        console.width = 150
    results = report.Results()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory() as name, Progress(*columns, console=console) as progress:
        folder = Path(name)
        broken = _install_all(progress)
        frames = Frames(folder, MESSAGES)
        turns = list(_turns(arguments.section))
        task = progress.add_task("", total=len(turns) * rounds)
        for number in range(rounds):
            for turn in turns if number % 2 == 0 else reversed(turns):
                progress.update(task, description=f"round {number + 1}: {turn[0]}, {turn[1].name}")
                _measure(turn, frames, folder, results, broken, shorter)
                progress.advance(task)
    report.show(console, results)
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    report.write(arguments.docs, results, rounds, when, is_quick=arguments.quick or bool(arguments.section))
    console.print(f"Written: {arguments.docs / 'benchmarks.md'}")


Turn = tuple[str, Client | Book | Row, Section | Table | int]
"""A section's key, the row, and its conditions: the section, the table or, of a book, the levels a side."""


def _turns(sections: list[str] | None) -> Iterator[Turn]:
    for section in SECTIONS:
        if not sections or section.key in sections:
            yield from ((section.key, client, section) for client in section.clients)
    if not sections or "books" in sections:
        yield from (("books", book, levels) for levels in BOOK_LEVELS for book in BOOKS)
    for table in TABLES:
        if not sections or table.section in sections:
            yield from ((table.section, row, table) for row in table.rows)


def _install_all(progress: Progress) -> dict[str, str]:
    """Make the environments; return why some could not be made."""
    python = find_python()
    task = progress.add_task("installing", total=len(PACKAGES))
    broken: dict[str, str] = {}
    for name in PACKAGES:
        progress.update(task, description=f"installing {name}")
        why = install(name, python)
        if why:
            broken[name] = why
        progress.advance(task)
    progress.update(task, description=f"installed, on {python}")
    return broken


def _measure(
    turn: Turn, frames: Frames, folder: Path, results: report.Results, broken: dict[str, str], shorter: int
) -> None:
    key, row, conditions = turn
    if isinstance(conditions, Table):
        key = conditions.title  # a section can have several tables
    if (key, row.name) in results.failures:
        return  # a row that fails once is out, so that the rounds of all others stay side by side
    try:
        if row.environment in broken:
            raise Failed(broken[row.environment])
        if isinstance(row, Row):
            results.figures.setdefault((key, row.name), []).append(row.measure(folder, shorter))
        elif isinstance(row, Book):
            assert isinstance(conditions, int)
            count = max(row.counts[BOOK_LEVELS.index(conditions)] // shorter, 20)
            book_sample = run_book(row, conditions, count, frames)
            results.books.setdefault((row.name, conditions), []).append(book_sample)
        else:
            assert isinstance(conditions, Section)
            count = int(conditions.pace * LATENCY_SECONDS) or row.messages(conditions.levels)
            sample = run_client(row, conditions, frames, max(count // shorter, 20), folder)
            results.samples.setdefault((key, row.name), []).append(sample)
    except Failed as error:
        results.failures[key, row.name] = str(error)


if __name__ == "__main__":
    main()
