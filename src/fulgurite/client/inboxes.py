"""The queues of a stream: the main one, and one for each channel with its own iterator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fulgurite.client.inbox import Inbox, Overflow
from fulgurite.client.items import Item

ABANDONED_SECONDS: Final = 10.0
"""Seconds without an item taken after which a full queue stops no other one."""


class Inboxes:
    """Sorts items into queues, and stops the sockets while any queue is full.

    No queue stops the iterator of another for ever: without an iteration, a full queue drops its older half.

    Args:
        limit: limit on the items in each queue.
        overflow: the policy for a full queue.
        pause: stops the sockets, for a reason.
        resume: resumes the sockets.
    """

    def __init__(
        self, limit: int, overflow: Overflow, pause: Callable[[str], None], resume: Callable[[], None]
    ) -> None:
        self._limit = limit
        self._overflow = overflow
        self._pause_all = pause
        self._resume_all = resume
        self.own: dict[str, Inbox] = {}
        """The queues of channels with their own iterator."""
        self._full: set[Inbox] = set()
        # For each full queue, the time of the latest item taken.
        self._idle_since: dict[Inbox, float] = {}
        self.main = self._make()

    def __iter__(self) -> Iterator[Inbox]:
        yield self.main
        yield from self.own.values()

    @property
    def is_paused(self) -> bool:
        """Whether the sockets are stopped."""
        return bool(self._full)

    def of(self, channel: object) -> Inbox:
        """The queue of a channel's items; the main one if `channel` is None."""
        return self.own.get(channel, self.main) if isinstance(channel, str) else self.main

    def put(self, items: Iterable[Item]) -> None:
        """Append items, each to its queue."""
        for item in items:
            self.of(getattr(item, "channel", None)).put(item)

    def added(self) -> None:
        """Wake the consumers after appending items to any queue."""
        for inbox in self:
            inbox.added()

    async def room(self) -> None:
        """Wait until all queues have room."""
        for inbox in [*self]:
            await inbox.room()

    def open(self, channel: str) -> Inbox:
        """Give a channel a queue of its own."""
        inbox = self.own[channel] = self._make()
        return inbox

    def join(self, channel: str) -> None:
        """Move the items of a channel's own queue to the main one."""
        inbox = self.own.pop(channel)
        self._resume(inbox)
        items = list(inbox.items)
        inbox.items.clear()
        self.main.put(*items)

    def close(self, error: Exception | None) -> None:
        """Close all queues; see `Inbox.close`."""
        for inbox in self:
            inbox.close(error=error)

    def handle_timer(self, now: float, *, is_waiting: bool) -> None:
        """Abandon full queues without a consumer, if a consumer of the stream is waiting.

        Args:
            now: seconds on a monotonic clock.
            is_waiting: whether a consumer waits outside the queues, for example for a book.
        """
        for inbox in [*self._full]:
            if inbox.was_taken_from():
                self._idle_since[inbox] = now
            idle = now - self._idle_since.setdefault(inbox, now)
            others = (other for other in self if other is not inbox)
            if idle >= ABANDONED_SECONDS and (is_waiting or any(other.is_waited_for for other in others)):
                inbox.abandon()

    # --- inside

    def _make(self) -> Inbox:
        inbox = Inbox(self._limit, lambda: self._pause(inbox), lambda: self._resume(inbox), self._overflow)
        return inbox

    def _pause(self, inbox: Inbox) -> None:
        was_paused = self.is_paused
        self._full.add(inbox)
        if not was_paused:
            self._pause_all(f"{len(inbox.items)} items wait for the consumer; reading stops until half are taken")

    def _resume(self, inbox: Inbox) -> None:
        if inbox in self._full:
            self._full.discard(inbox)
            self._idle_since.pop(inbox, None)
            if not self._full:
                self._resume_all()
