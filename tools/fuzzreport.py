"""The display of a fuzz run: its progress, the number of each outcome, and the exchange's memory."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.exchangeprocess import ExchangeProcess

SAMPLES = 20
FLAT_MIB = 16.0
"""By how much memory may differ between the means of the third and the last quarter of a long run."""


class FuzzReport:
    """Counts inputs and samples memory, with a progress bar, while its context is open.

    Args:
        title: the name of its input.
        inputs: how many will be.
        exchange: whose memory is looked at.
        is_shown: whether there is a progress bar.
    """

    def __init__(self, title: str, inputs: int, exchange: ExchangeProcess, *, is_shown: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.memory: list[tuple[int, float]] = []
        """Inputs so far, and MiB."""
        self._title = title
        self._inputs = inputs
        self._thrown = 0
        self._exchange = exchange
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), disable=not is_shown)
        self._bar = self._progress.add_task(title, total=inputs)

    def __enter__(self) -> FuzzReport:
        self._progress.start()
        self._sample()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @property
    def is_done(self) -> bool:
        """Whether all have been thrown."""
        return self._thrown >= self._inputs

    def thrown(self, count: int = 1) -> None:
        """So many more inputs have been thrown."""
        before, self._thrown = self._thrown, min(self._thrown + count, self._inputs)
        if before * SAMPLES // self._inputs != self._thrown * SAMPLES // self._inputs:
            self._sample()
        self._progress.update(self._bar, completed=self._thrown)

    def growth_mib(self) -> float:
        """By how much the mean of the last quarter of the samples is above that of the quarter before."""
        values = [mib for _, mib in self.memory]
        quarter = max(1, len(values) // 4)
        return (sum(values[-quarter:]) - sum(values[-2 * quarter : -quarter])) / quarter

    def show(self) -> None:
        """Print it."""
        counts = Table("outcome", "count", title=self._title)
        for what, count in sorted(self.counts.items()):
            counts.add_row(what, f"{count:,}")
        memory = Table("inputs so far", "MiB", title="memory of the exchange")
        for inputs, mib in self.memory:
            memory.add_row(f"{inputs:,}", f"{mib:.1f}")
        Console().print(counts, memory)
        Console().print(f"from the third quarter to the last it changed by {self.growth_mib():+.1f} MiB")

    def _sample(self) -> None:
        self.memory.append((self._thrown, self._exchange.memory_mib()))
