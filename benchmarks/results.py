"""What was measured, kept in a file for each section: one can be measured again without the others."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.tables import AllFigures, Figures


class Measured(msgspec.Struct, frozen=True):
    """How a section came about."""

    when: str
    """The day, as in 2026-11-27."""
    rounds: int
    machine: str


class _Row(msgspec.Struct):
    table: str
    row: str
    failure: str
    figures: list[Figures]


class _File(msgspec.Struct):
    measured: Measured
    rows: list[_Row]


@dataclass
class Results:
    """All that is known; by the table's title and the row's name where nothing else is said."""

    figures: AllFigures = field(default_factory=dict)
    """One entry a round."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why rows are missing."""
    measured: dict[str, Measured] = field(default_factory=dict)
    """By section."""


def save(results: Results, section: str, titles: set[str], folder: Path) -> None:
    """Keep what was measured of a section, whose tables have these titles."""
    keys = dict.fromkeys(key for key in (*results.figures, *results.failures) if key[0] in titles)
    rows = [_Row(*key, results.failures.get(key, ""), results.figures.get(key, [])) for key in keys]
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.encode(_File(results.measured[section], rows))
    (folder / f"{section}.json").write_bytes(msgspec.json.format(text, indent=1) + b"\n")


def load(folder: Path) -> Results:
    """All that was kept."""
    results = Results()
    for path in sorted(folder.glob("*.json")):
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        results.measured[path.stem] = file.measured
        for row in file.rows:
            if row.figures:
                results.figures[row.table, row.row] = row.figures
            if row.failure:
                results.failures[row.table, row.row] = row.failure
    return results


def forget(results: Results, titles: set[str]) -> None:
    """Make room for measuring the tables of these titles anew."""
    results.figures = {key: each for key, each in results.figures.items() if key[0] not in titles}
    results.failures = {key: each for key, each in results.failures.items() if key[0] not in titles}


def machine() -> str:
    """What it is measured on, in one line."""
    cpu = "unknown CPU"
    memory = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kilobytes / 1024**2:.0f} GiB, "
    return f"{os.cpu_count()} x {cpu}, {memory}{platform.system()} {platform.release()}"
