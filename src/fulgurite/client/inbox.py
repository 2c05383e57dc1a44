"""The bounded queue between the socket and the consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from fulgurite.client.items import Item
from fulgurite.errors import LocalProtocolError


class Inbox:
    """Holds what has come until it is taken, and stops the source while it is full. Nothing is ever dropped.

    The bound is soft by one read: what the socket gave in the read that fills the queue is still taken in.

    Args:
        limit: how many items may wait before the source is stopped, at least 1; it goes on at half of it.
        pause: stops the source.
        resume: lets it go on.
    """

    def __init__(self, limit: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.items: deque[Item] = deque()
        """What waits, oldest first. Whoever appends to it calls `added` afterwards, once for any number."""
        self._limit = limit
        self._low_water = limit // 2
        self._pause = pause
        self._resume = resume
        self._is_full = False
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._waiter: asyncio.Future[None] | None = None
        self._is_closed = False
        self._error: Exception | None = None

    def added(self) -> None:
        """Wake the consumer, and stop the source if it is enough."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            # A consumer that was cancelled has not left yet.
            if not waiter.done():
                waiter.set_result(None)
        if len(self.items) >= self._limit and not self._is_full:
            self._is_full = True
            self._has_room.clear()
            self._pause()

    def put(self, *items: Item) -> None:
        """Append items."""
        self.items.extend(items)
        self.added()

    async def room(self) -> None:
        """Wait until there is room."""
        await self._has_room.wait()

    async def get(self) -> Item:
        """Take the oldest item, and wait for one while there is none.

        Raises:
            StopAsyncIteration: the queue was closed, and all was taken.
        """
        while not self.items:
            await self._wait()
        item = self.items.popleft()
        if self._is_full:
            self._check_room()
        return item

    async def get_all(self) -> list[Item]:
        """Take all that waits, at least one item; see `get`."""
        while not self.items:
            await self._wait()
        items = list(self.items)
        self.items.clear()
        if self._is_full:
            self._check_room()
        return items

    def close(self, items: Iterable[Item] = (), error: Exception | None = None) -> None:
        """End the queue: what waits can still be taken, then `error` is raised, or the iteration ends."""
        self.items.extend(items)
        self._is_closed = True
        self._error = error
        self.added()

    def take_error(self) -> Exception | None:
        """The error that ended the queue, if it was never raised."""
        error, self._error = self._error, None
        return error

    async def _wait(self) -> None:
        if self._is_closed:
            error = self.take_error()
            raise StopAsyncIteration if error is None else error
        if self._waiter is not None:
            raise LocalProtocolError("this stream is being iterated already; one consumer at a time")
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _check_room(self) -> None:
        if len(self.items) <= self._low_water:
            self._is_full = False
            self._has_room.set()
            self._resume()
