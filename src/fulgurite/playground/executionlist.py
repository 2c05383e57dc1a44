"""The newest executions of one product, with the gaps between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fulgurite.playground.messages import Execution, Gap

ROW_LIMIT: Final = 100
"""The oldest rows go."""


class ExecutionList:
    """Rows in the order of the executions, not of their arrival."""

    def __init__(self) -> None:
        self.rows: list[Execution | Gap] = []

    def add(self, rows: Iterable[Execution | Gap]) -> None:
        """Add rows at the newer end."""
        self.rows.extend(rows)
        del self.rows[:-ROW_LIMIT]

    def insert(self, executions: Iterable[Execution]) -> None:
        """Add executions that were fetched afterwards where they belong by their ids, after the gap that they fill."""
        for execution in executions:
            later = (
                place for place, row in enumerate(self.rows) if isinstance(row, Execution) and row.id > execution.id
            )
            self.rows.insert(next(later, len(self.rows)), execution)
        del self.rows[:-ROW_LIMIT]

    def update(self, gap: Gap) -> bool:
        """Replace a gap that is told once more, after its repair; False if it is not among the rows."""
        for place, row in enumerate(self.rows):
            if isinstance(row, Gap) and row.from_ms == gap.from_ms:
                self.rows[place] = gap
                return True
        return False
