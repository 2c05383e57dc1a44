"""One pass through a frame log at a pace that can be changed, in place of a connection."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
from collections.abc import AsyncIterator
from typing import Final, Self

from fulgurite.client import Frame, Item, Status, StatusKind
from fulgurite.client.bookkeeping import Books
from fulgurite.client.logreplay import LogReplay
from fulgurite.playground.indexedlog import IndexedLog
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol.framelog import Line
from fulgurite.protocol.logformats import Odd, Step
from fulgurite.protocol.logreader import read_log
from fulgurite.protocol.pacedclock import PacedClock

TURN_SECONDS: Final = 0.005
"""The time for reading lines until others have their turn."""

BATCH_ITEMS: Final = 64
"""The number of items given at a time: whether the page has room for more is seen only when it has been given these."""

BATCH_NS: Final = 250_000_000
"""And of so much of the log's time: the kept books are as new as the last of them."""

FRAMES_BEFORE: Final = 1_000
"""The frames of so many lines before a sought point are shown."""

FULL_SECONDS: Final = 0.01
"""The pause when the page has not taken the frames that wait for it."""


class Replaying:
    """Reads an opened log from its beginning, and gives the items that a stream gave when it was made.

    The client's own feeds make the gaps of it (`client.logreplay`). It is iterated as a stream is, once; going back
    takes another.

    Args:
        log: the frame log.
        outbox: as fast as possible means as fast as this is emptied, so that no frame is left out.
        speed: recorded seconds in one second; None is as fast as possible.
        is_paused: whether it stands still.
        until_ns: the position to begin at: earlier lines are read as fast as possible, and only the last frames of them
            are given.
    """

    def __init__(
        self, log: IndexedLog, outbox: Outbox, *, speed: float | None, is_paused: bool, until_ns: int = 0
    ) -> None:
        self.log = log
        self.has_ended = False
        self._outbox = outbox
        self.speed = speed
        self.is_paused = is_paused
        self._log_replay = LogReplay()
        self.books = Books(self._log_replay)
        # The number of steps taken, and the number up to which they are taken without waiting.
        self._taken = 0
        self._target = bisect.bisect_left(log.positions, until_ns)
        self._sought_from = 0
        # Shows the position; None until the first step that has to wait, and after each move.
        self._clock: PacedClock | None = None
        self._changed = asyncio.Event()

    @property
    def is_seeking(self) -> bool:
        """Whether it is on its way to a point that was asked for."""
        return self._taken < self._target and not self.has_ended

    @property
    def progress(self) -> float:
        """The share of the way to that point that is done, 0 to 1."""
        return (self._taken - self._sought_from) / max(1, self._target - self._sought_from)

    @property
    def position_ns(self) -> int:
        """Its position, as in `IndexedLog.positions`."""
        positions = self.log.positions
        if self._taken >= len(positions):
            return positions[-1]
        reached = positions[max(0, self._taken - 1)]
        shown = 0 if self._clock is None else self._clock.at(_now())
        return max(reached, min(shown, positions[self._taken]))

    @property
    def at_ns(self) -> int:
        """The time in the log, by its recorder's clock, in nanoseconds since 1970."""
        latest = max(0, self._taken - 1)
        return self.log.times[latest] + self.position_ns - self.log.positions[latest]

    def set_pace(self, speed: float | None, is_paused: bool) -> None:
        """Go on at another speed, or stand still."""
        self.speed, self.is_paused = speed, is_paused
        if self._clock is not None:
            self._clock.set(self.position_ns, _now())
            self._clock.set_speed(0.0 if is_paused or speed is None else speed, _now())
        self._changed.set()

    def can_seek(self, at_ns: int) -> bool:
        """Whether a position is still to come."""
        return not self.has_ended and bisect.bisect_left(self.log.positions, at_ns) >= self._taken

    def seek(self, at_ns: int) -> None:
        """Go to a position that is still to come, as fast as possible."""
        self._sought_from = self._taken
        self._target = bisect.bisect_left(self.log.positions, at_ns)
        self._clock = None
        self._changed.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.has_ended = True

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Iterate over all that is due, in lists; see `Stream.batches`."""
        loop = asyncio.get_running_loop()
        items: list[Item] = []
        if self.log.begins_open:
            items.append(Status(StatusKind.OPEN, self.log.times[0], detail=self.log.name))
        turn_ends_at = loop.time() + TURN_SECONDS
        self.log.file.seek(0)
        for step in read_log(self.log.file):
            if not self._is_due():
                if items:
                    yield items
                    items = []
                await self._until_due()
                turn_ends_at = loop.time() + TURN_SECONDS
            slot = self._log_replay.at_ns // BATCH_NS
            items += self._items_of(step)
            is_over = loop.time() >= turn_ends_at
            if is_over or len(items) >= BATCH_ITEMS or slot != self._log_replay.at_ns // BATCH_NS:
                yield items
                items = []
            if is_over:
                await asyncio.sleep(0)
                turn_ends_at = loop.time() + TURN_SECONDS
        self.has_ended = True
        yield [*items, *self._log_replay.finish()]

    # --- inside

    def _items_of(self, step: Step) -> list[Item]:
        self._taken += 1
        if isinstance(step, Line):
            return self._items_of_line(step)
        if isinstance(step, Odd):
            shown = step.text[:400].decode(errors="backslashreplace")
            return self._log_replay.unreadable(shown, f"line {step.number} of {self.log.name}: {step.problem}")
        return self._log_replay.unreadable("", f"{self.log.name}: {step.problem}")

    def _items_of_line(self, line: Line) -> list[Item]:
        items = self._log_replay.receive(line)
        if seconds := self.log.passed_over.get(self._taken - 1):
            items.insert(0, Status(StatusKind.PASSED_OVER, self.log.times[self._taken - 1], seconds=seconds))
        if line.frame is None or self._taken <= self._target - FRAMES_BEFORE:
            return items
        number = line.connection or 0
        if line.received_ns is not None:
            return [Frame("received", line.received_ns, line.frame, number), *items]
        return [Frame("sent", line.sent_ns or 0, line.frame, number), *items]

    def _is_due(self) -> bool:
        if self._taken < self._target:
            return True
        if self.is_paused:
            return False
        if self.speed is None:
            return not self._outbox.is_half_full
        return self._seconds_to_wait(self.speed) <= 0

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_due():
            self._changed.clear()
            delay: float | None = None
            if not self.is_paused:
                delay = FULL_SECONDS
                if self.speed is not None:
                    delay = self._seconds_to_wait(self.speed)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if delay is None else loop.time() + delay):
                    await self._changed.wait()

    def _seconds_to_wait(self, speed: float) -> float:
        due_ns = self.log.positions[self._taken]
        if self._clock is None:
            self._clock = PacedClock(due_ns, _now(), speed)
        return self._clock.seconds_until(due_ns, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
