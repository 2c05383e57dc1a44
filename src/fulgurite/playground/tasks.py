"""Tasks of one owner, which end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks(set[asyncio.Task[None]]):
    """Tasks; `check` and `end` raise the error of one, so that no bug goes unseen."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        self.add(asyncio.create_task(work))

    def check(self) -> None:
        """Forget the tasks that have ended."""
        ended = {task for task in self if task.done()}
        self -= ended
        for task in ended:
            if not task.cancelled():
                task.result()

    async def end(self) -> None:
        """Cancel all tasks and wait for their end."""
        tasks = list(self)
        self.clear()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
