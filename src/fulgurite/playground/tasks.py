"""Tasks of one owner, which end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Running tasks. An error in one is raised by `check` or `end`: a bug must not go unseen."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        self._running.add(asyncio.create_task(work))

    def check(self) -> None:
        """Forget the tasks that have ended, and raise the error of one."""
        ended = {task for task in self._running if task.done()}
        self._running -= ended
        for task in ended:
            if not task.cancelled():
                task.result()

    async def end(self) -> None:
        """Cancel all tasks and wait for their end."""
        tasks, self._running = self._running, set()
        await end(*tasks)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel these tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
