"""The bounded queue between the sockets and the consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from itertools import chain
from typing import Generic, Self, cast

import msgspec

from fulgurite.client.items import D_co, Frame, Gap, GapCause, Item, Malformed, Message, Status, StatusKind
from fulgurite.errors import LocalProtocolError, SlowConsumerError


class Overflow(StrEnum):
    """The policy for a full queue."""

    PAUSE = "pause"
    """Stop reading the sockets until half of the items are taken. Nothing is dropped, but a server may end a connection
    after some 15 seconds without reading."""
    DROP_OLDEST = "drop-oldest"
    """Replace the older half by a gap for each channel, and a status that counts all other items."""
    END = "end"
    """End the stream with `SlowConsumerError`."""


class Inbox:
    """A bounded queue of items.

    The turn of a connection that fills the queue may exceed the bound.

    Without an iteration, before it or after `abandon`, a full queue drops its older half.

    Args:
        limit: limit on the waiting items, at least 2.
        overflow: the policy for a full queue during an iteration.
        pause: stops the source.
        resume: resumes the source.
    """

    def __init__(
        self, limit: int, pause: Callable[[], None], resume: Callable[[], None], overflow: Overflow = Overflow.PAUSE
    ) -> None:
        self.items: deque[Item] = deque()
        """The waiting items, oldest first. Call `added` once after appending any number."""
        self._limit = limit
        self._overflow = overflow
        self._pause = pause
        self._resume = resume
        self._is_full = False
        # Whether there is an iteration, and whether it has taken an item since the last call of `was_taken_from`.
        self._is_iterated = False
        self._was_taken_from = False
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._waiter: asyncio.Future[None] | None = None
        self._is_closed = False
        self._error: Exception | None = None

    def added(self) -> None:
        """Wake the consumer, and apply the policy if the queue is full."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            # It is done if the consumer was cancelled.
            if not waiter.done():
                waiter.set_result(None)
        if len(self.items) >= self._limit and not self._is_full and not self._is_closed:
            self._overflows()

    def put(self, *items: Item) -> None:
        """Append items."""
        self.items.extend(items)
        self.added()

    async def room(self) -> None:
        """Wait until there is room."""
        await self._has_room.wait()

    @property
    def is_waited_for(self) -> bool:
        """Whether a consumer waits for an item."""
        return self._waiter is not None

    def was_taken_from(self) -> bool:
        """Whether an item was taken since the last call."""
        was, self._was_taken_from = self._was_taken_from, False
        return was

    def abandon(self) -> None:
        """Make room after the end of an iteration, and do not stop the source before the next one."""
        self._is_iterated = False
        self._drop()
        self._go_on()

    async def get(self) -> Item:
        """Wait for the oldest item, remove and return it.

        Raises:
            StopAsyncIteration: the queue is closed and empty.
        """
        self._is_iterated = self._was_taken_from = True
        while not self.items:
            await self._wait()
        item = self.items.popleft()
        if self._is_full:
            self._check_room()
        return item

    async def get_all(self) -> list[Item]:
        """Wait for at least one item, remove and return all; see `get`."""
        self._is_iterated = self._was_taken_from = True
        while not self.items:
            await self._wait()
        items = list(self.items)
        self.items.clear()
        if self._is_full:
            self._check_room()
        return items

    def close(self, items: Iterable[Item] = (), error: Exception | None = None) -> None:
        """Close the queue. After the waiting items the iteration raises `error`, or ends.

        A closed queue keeps its first error.
        """
        self.items.extend(items)
        if not self._is_closed:
            self._is_closed = True
            self._error = error
        self._has_room.set()
        self.added()

    def take_error(self) -> Exception | None:
        """Remove and return the error that ended the queue, unless it was raised before."""
        error, self._error = self._error, None
        return error

    async def _wait(self) -> None:
        if self._is_closed:
            error = self.take_error()
            raise StopAsyncIteration if error is None else error
        if self._waiter is not None:
            raise LocalProtocolError("this is being iterated already; one consumer at a time")
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _overflows(self) -> None:
        match self._overflow if self._is_iterated else Overflow.DROP_OLDEST:
            case Overflow.PAUSE:
                self._is_full = True
                self._has_room.clear()
                self._pause()
            case Overflow.DROP_OLDEST:
                self._drop()
            case Overflow.END:
                raise SlowConsumerError(self._limit)

    def _drop(self) -> None:
        """Replace the oldest items by a gap for each channel, and a status that counts all other items."""
        dropped: dict[str, _Dropped] = {}
        others: list[Status | Malformed | Frame] = []
        telling: list[Status | Malformed] = []
        for _ in range(len(self.items) - self._limit // 2):
            item = self.items.popleft()
            if isinstance(item, Message | Gap):
                dropped.setdefault(item.channel, _Dropped()).add(item)
            elif isinstance(item, Frame) or _is_count(item):
                others.append(item)
            else:
                telling.append(item)
        # Statuses and malformed frames give reasons, so the newest are kept, within the bound.
        forgotten = max(len(telling) - self._limit // 4, 0)
        others += telling[:forgotten]
        firsts: dict[str, Message] = {}
        for item in reversed(self.items):
            if isinstance(item, Message):
                firsts[item.channel] = item
        why = "the consumer was too slow" if self._is_iterated else "nobody iterated over it"
        gaps = [lost.gap(channel, firsts.get(channel), why) for channel, lost in dropped.items()]
        counted = [_count(others, why)] if others else []
        self.items.extendleft(reversed([*telling[forgotten:], *counted, *gaps]))

    def _check_room(self) -> None:
        if len(self.items) <= self._limit // 2:
            self._go_on()

    def _go_on(self) -> None:
        self._is_full = False
        self._has_room.set()
        self._resume()


class ChannelItems(Generic[D_co]):
    """Iterates over the items of one channel; `Stream.only` makes it. `close` gives the channel back to the stream."""

    def __init__(self, inbox: Inbox, give_back: Callable[[], None]) -> None:
        self._inbox = inbox
        self._give_back = give_back
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[Message[D_co] | Gap | Status]:
        return cast("Awaitable[Message[D_co] | Gap | Status]", self._inbox.get())  # nothing else has a channel

    def close(self) -> None:
        """Give the channel back to the stream, with its waiting items."""
        if not self._is_closed:
            self._is_closed = True
            self._give_back()
            self._inbox.close()


def _is_count(item: Item) -> bool:
    return isinstance(item, Status) and item.kind is StatusKind.DROPPED


def _count(items: list[Status | Malformed | Frame], why: str) -> Status:
    """The status that counts these items, and those counted by earlier such statuses among them."""
    at_ns = max(item.received_ns if isinstance(item, Malformed) else item.at_ns for item in items)
    number = sum(item.dropped if isinstance(item, Status) and _is_count(item) else 1 for item in items)
    phrase = "item that is no message was" if number == 1 else "items that are no messages were"
    return Status(StatusKind.DROPPED, at_ns, detail=f"{why}: {number} {phrase} dropped", dropped=number)


class _Dropped:
    """The dropped messages and gaps of one channel."""

    def __init__(self) -> None:
        self._messages = 0
        self._gaps: list[Gap] = []
        self._times_ns: list[int] = []

    def add(self, item: Message | Gap) -> None:
        if isinstance(item, Gap):
            self._gaps.append(item)
            self._messages += item.dropped
            self._times_ns += item.from_ns, item.to_ns
        else:
            self._messages += 1
            self._times_ns.append(item.received_ns)

    def gap(self, channel: str, first: Message | None, why: str) -> Gap:
        """The one gap for all of them."""
        from_ns, to_ns = min(self._times_ns), max(self._times_ns)
        unresolved = tuple(dict.fromkeys(chain.from_iterable(gap.unresolved for gap in self._gaps)))
        if not self._messages:
            # Only gaps were dropped; the last one has the latest data.
            return msgspec.structs.replace(
                self._gaps[-1], from_ns=from_ns, to_ns=to_ns, first=first, unresolved=unresolved
            )
        also = ", and the gaps among them are one with this" if self._gaps else ""
        messages = "1 message was" if self._messages == 1 else f"{self._messages} messages were"
        reason = f"{why}: {messages} dropped{also}"
        return Gap(
            channel, reason, from_ns, to_ns,
            first=first, unresolved=unresolved, cause=GapCause.DROPPED, dropped=self._messages,
        )  # fmt: skip
