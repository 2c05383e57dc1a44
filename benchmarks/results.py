"""The figures of a run, and the machine that they come from."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.tables import AllFigures


class Measured(NamedTuple):
    """How a section came about."""

    when: str
    """The day, as in 2026-11-27."""
    rounds: int
    machine: str


@dataclass
class Results:
    """The figures by the table's title and the row's name."""

    figures: AllFigures = field(default_factory=dict)
    """One entry a round."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why rows are missing."""
    measured: dict[str, Measured] = field(default_factory=dict)
    """By section."""


def machine() -> str:
    """The machine of the measurement, in one line."""
    cpu = "unknown CPU"
    memory = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kilobytes / 1024**2:.0f} GiB, "
    return f"{os.cpu_count()} x {cpu}, {memory}{platform.system()} {platform.release()}"
