"""A table of the benchmarks: rows that each know how to measure themselves, columns, and goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

BEST = "(the best of the others)"
"""As the other row of a goal: the best one of that round."""


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
    """A table, for the terminal and for Markdown."""

    title: str
    head: list[str]
    rows: list[list[str]]


class Figures(NamedTuple):
    """The result of one run of one row: a number a column, by the column's key; a missing one stays empty."""

    values: dict[str, float]
    versions: dict[str, str]
    note: str = ""
    """A remark on it, such as that its order book was wrong at the end."""


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
    """Takes a folder for files, and the divisor of the usual work; raises `Failed`."""
    does: str = ""


class Goal(NamedTuple):
    """A promise: of the first row alone, or of its ratio to another row."""

    what: str
    column: str
    limit: float
    is_most: bool = False
    """Whether the limit is the most that the figure may be, rather than the least."""
    other: str = ""
    table: str = ""
    """The title of the table that the other row is in, if not the same."""
    cost: str = ""
    """Of a ratio: the column that holds the processor time, for the ratio by CPU."""
    is_cost: bool = False
    """For a ratio: whether less is better in the column, so that the ratio is the other way round."""
    decimals: int = 2
    row: str = ""
    """For a single figure: its row, if not the first."""


AllFigures = dict[tuple[str, str], list[Figures]]
"""By the table's title and the row's name, one entry a round."""


class Table(NamedTuple):
    """Rows side by side; ours is the first."""

    section: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    compared: tuple[Compared, ...] = ()
    goals: tuple[Goal, ...] = ()
    does: str = "work"
    """The head of the column that describes each row's work; "" for no such column."""
    words: Callable[[AllFigures], str] | None = None
    """The meaning of the figures, as Markdown; "" while they are not all there."""
    is_once: bool = False
    """Whether it is measured in the first round alone, since it takes so long."""


def grid(table: Table, figures: AllFigures, failures: dict[tuple[str, str], str]) -> Grid:
    """The table with its figures."""
    rows = []
    width = len(table.columns) + len(table.compared)
    for row in table.rows:
        samples = figures.get((table.title, row.name))
        why = failures.get((table.title, row.name))
        if not samples:
            if why:
                rows.append([row.name, row.does, f"not measured: {why}", *[""] * (width - 1)])
            continue
        cells = [_cell(samples, column.key, column.decimals) for column in table.columns]
        for compared in table.compared:
            ratio = ratio_of(table, figures, row.name, compared.key, compared.is_cost)
            cells.append(ratio.text(2) if ratio else "")
        notes = [sample.note for sample in samples if sample.note][-1:]
        if why:
            notes.append(f"after {len(samples)} rounds: {why}")
        rows.append([row.name, row.does + "".join(f" ({note})" for note in notes), *cells])
    head = ["", table.does, *(column.head for column in table.columns), *(compared.head for compared in table.compared)]
    if not table.does and all(not row[1] for row in rows):
        return Grid(table.title, [head[0], *head[2:]], [[row[0], *row[2:]] for row in rows])
    return Grid(table.title, head, rows)


def _cell(samples: list[Figures], key: str, decimals: int) -> str:
    found = range_of(samples, key)
    return found.text(decimals) if found else ""


def range_of(samples: list[Figures], key: str) -> Range | None:
    """The figures of one column of a row; None where it has none."""
    values = [sample.values[key] for sample in samples if key in sample.values]
    return Range.of(values) if values else None


def goal_rows(table: Table, figures: AllFigures) -> Iterator[list[str]]:
    """The lines of the table of goals, for those that were measured."""
    for goal in table.goals:
        by_cpu = None
        if goal.other:
            found = ratio_of(table, figures, goal.other, goal.column, goal.is_cost, goal.table)
            if goal.cost:
                by_cpu = ratio_of(table, figures, goal.other, goal.cost, True, goal.table)
        else:
            found = range_of(figures.get((table.title, goal.row or table.rows[0].name), []), goal.column)
        if found:
            holds = found.median <= goal.limit if goal.is_most else found.median >= goal.limit
            limit = f"at {'most' if goal.is_most else 'least'} {goal.limit:,g}"
            yield [
                goal.what,
                limit,
                found.text(goal.decimals),
                by_cpu.text(2) if by_cpu else "",
                "yes" if holds else "NO",
            ]


def ratio_of(
    table: Table, figures: AllFigures, other: str, key: str, is_cost: bool, other_table: str = ""
) -> Range | None:
    """How many times as good ours is as another row, round by round; None where one of them is missing."""
    names = [row.name for row in table.rows[1:]] if other == BEST else [other]
    ratios: list[list[float]] = []
    for name in names:
        ours = figures.get((table.title, table.rows[0].name), [])
        theirs = figures.get((other_table or table.title, name), [])
        pairs = [(mine.values.get(key), its.values.get(key)) for mine, its in zip(ours, theirs, strict=False)]
        ratios.append([its / mine if is_cost else mine / its for mine, its in pairs if mine and its])
    values = [min(of_a_round) for of_a_round in zip(*filter(None, ratios), strict=False)]
    return Range.of(values) if values else None
