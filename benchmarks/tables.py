"""What a table of the benchmarks is: rows that each know how to measure themselves, columns, and goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Range(NamedTuple):
    """The median of the rounds, with the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Range:
        kept = list(values)
        return cls(median(kept), min(kept), max(kept))

    def text(self, decimals: int) -> str:
        return f"{self.median:,.{decimals}f} ({self.least:,.{decimals}f}-{self.most:,.{decimals}f})"


class Grid(NamedTuple):
    """A table, whatever it is printed on."""

    title: str
    head: list[str]
    rows: list[list[str]]


class Figures(NamedTuple):
    """What one run of one row gave: a number a column, by the column's key; one that it lacks stays empty."""

    values: dict[str, float]
    versions: dict[str, str]


class Column(NamedTuple):
    """One figure."""

    key: str
    head: str
    decimals: int = 1


class Compared(NamedTuple):
    """A column of ratios: how many times as good the first row is as each other."""

    key: str
    head: str
    is_cost: bool = False
    """Whether less is better."""


class Row(NamedTuple):
    """One of those that are measured side by side."""

    name: str
    environment: str
    measure: Callable[[Path, int], Figures]
    """Takes a folder for files, and what the usual work is divided by; raises `Failed`."""
    does: str = ""


class Goal(NamedTuple):
    """What is promised: of the first row alone, or of its ratio to another row."""

    what: str
    column: str
    limit: float
    is_most: bool = False
    """Whether the limit is the most that the figure may be, rather than the least."""
    other: str = ""
    cost: str = ""
    """Of a ratio: the column that holds the processor time, for the ratio by CPU."""
    is_cost: bool = False
    """Of a ratio: whether less is better in the column."""
    decimals: int = 2
    row: str = ""
    """Of a figure alone: the row that it is, if not the first."""


class Table(NamedTuple):
    """Rows side by side; ours is the first."""

    section: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    compared: tuple[Compared, ...] = ()
    goals: tuple[Goal, ...] = ()


AllFigures = dict[tuple[str, str], list[Figures]]
"""By the table's title and the row's name, one entry a round."""


def grid(table: Table, figures: AllFigures, failures: dict[tuple[str, str], str]) -> Grid:
    """The table with what was measured."""
    rows = []
    width = len(table.columns) + len(table.compared)
    for row in table.rows:
        samples = figures.get((table.title, row.name))
        why = failures.get((table.title, row.name))
        if not samples:
            if why:
                rows.append([row.name, row.does, f"not measured: {why}", *[""] * (width - 1)])
            continue
        cells = []
        for column in table.columns:
            values = [sample.values[column.key] for sample in samples if column.key in sample.values]
            cells.append(Range.of(values).text(column.decimals) if values else "")
        for compared in table.compared:
            ratio = _ratio(table, figures, row.name, compared.key, compared.is_cost)
            cells.append(ratio.text(2) if ratio else "")
        does = f"{row.does} (after {len(samples)} rounds: {why})" if why else row.does
        rows.append([row.name, does, *cells])
    heads = [*(column.head for column in table.columns), *(compared.head for compared in table.compared)]
    return Grid(table.title, ["", "what it does", *heads], rows)


def goal_rows(table: Table, figures: AllFigures) -> Iterator[list[str]]:
    """The lines of the table of goals, for those that were measured."""
    for goal in table.goals:
        by_cpu = None
        if goal.other:
            found = _ratio(table, figures, goal.other, goal.column, goal.is_cost)
            by_cpu = _ratio(table, figures, goal.other, goal.cost, is_cost=True) if goal.cost else None
        else:
            samples = figures.get((table.title, goal.row or table.rows[0].name), [])
            found = Range.of(sample.values[goal.column] for sample in samples) if samples else None
        if found:
            holds = found.median <= goal.limit if goal.is_most else found.median >= goal.limit
            limit = f"at {'most' if goal.is_most else 'least'} {goal.limit:g}"
            yield [
                goal.what,
                limit,
                found.text(goal.decimals),
                by_cpu.text(2) if by_cpu else "",
                "yes" if holds else "NO",
            ]


def _ratio(table: Table, figures: AllFigures, other: str, key: str, is_cost: bool) -> Range | None:
    """How many times as good ours is as another row, round by round; None where one of them is missing."""
    ours, theirs = (figures.get((table.title, name), []) for name in (table.rows[0].name, other))
    pairs = [(mine.values.get(key), its.values.get(key)) for mine, its in zip(ours, theirs, strict=False)]
    values = [its / mine if is_cost else mine / its for mine, its in pairs if mine and its]
    return Range.of(values) if values else None
