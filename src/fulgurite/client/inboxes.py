"""The queues of a stream: one for everything, and one for each channel that is iterated by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fulgurite.client.inbox import Inbox, Overflow
from fulgurite.client.items import Item

ABANDONED_SECONDS: Final = 10.0
"""Where nothing was taken from a full queue for so long while somebody waits for another, it stops nobody any more."""


class Inboxes:
    """Tells an item's queue, and has the sockets stopped while any of them is full.

    No queue stops the iterator of another for ever: one that was never iterated drops its older half when it is full,
    and so does one that is iterated no more.

    Args:
        limit: how many items may wait in each.
        overflow: the policy then.
        pause: stops the sockets, with the reason.
        resume: lets them go on.
    """

    def __init__(
        self, limit: int, overflow: Overflow, pause: Callable[[str], None], resume: Callable[[], None]
    ) -> None:
        self._limit = limit
        self._overflow = overflow
        self._pause_all = pause
        self._resume_all = resume
        self.own: dict[str, Inbox] = {}
        """Those of channels that have an iterator of their own."""
        self._full: set[Inbox] = set()
        # Since when nothing was taken from a full queue.
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
        """The queue of a channel's items; the main one where `channel` is none."""
        return self.own.get(channel, self.main) if isinstance(channel, str) else self.main

    def put(self, items: Iterable[Item]) -> None:
        """Append items, each to its queue."""
        for item in items:
            self.of(getattr(item, "channel", None)).put(item)

    def added(self) -> None:
        """Wake the waiters: something may have been appended."""
        for inbox in self:
            inbox.added()

    async def room(self) -> None:
        """Wait until there is room in all of them."""
        for inbox in [*self]:
            await inbox.room()

    def open(self, channel: str) -> Inbox:
        """Give a channel a queue of its own."""
        inbox = self.own[channel] = self._make()
        return inbox

    def join(self, channel: str) -> None:
        """Items left in a channel's own queue go back to the others."""
        inbox = self.own.pop(channel)
        self._resume(inbox)
        items = list(inbox.items)
        inbox.items.clear()
        self.main.put(*items)

    def close(self, error: Exception | None) -> None:
        """End all of them; see `Inbox.close`."""
        for inbox in self:
            inbox.close(error=error)

    def handle_timer(self, now: float, *, is_waiting: bool) -> None:
        """Let a queue that nobody takes from any more stop nobody else.

        Args:
            now: seconds on any clock that never goes back.
            is_waiting: whether somebody waits for something outside the queues, as a book.
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
            self._pause_all(f"{len(inbox.items)} items wait for the consumer, so nothing is read until half are taken")

    def _resume(self, inbox: Inbox) -> None:
        if inbox in self._full:
            self._full.discard(inbox)
            self._idle_since.pop(inbox, None)
            if not self._full:
                self._resume_all()
