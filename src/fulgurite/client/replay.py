"""`replay`: the items of a recorded stream, without a connection."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping
from itertools import islice
from time import monotonic
from types import TracebackType
from typing import Final, Self

from fulgurite.client.bookkeeping import Books
from fulgurite.client.items import Item, Malformed, Status, StatusKind
from fulgurite.client.logreplay import LogReplay
from fulgurite.logfile import LogFile
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.framelog import Line
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS, LogClock
from fulgurite.protocol.logformats import Odd, Step
from fulgurite.protocol.pacedclock import PacedClock

TURN_SECONDS: Final = 0.005
"""Seconds of reading before other tasks have their turn."""

BATCH_ITEMS: Final = 64
"""Limit on the items of a batch, for the reason of `session.TURN_FRAMES`."""

SHOWN_LIMIT: Final = 4_096
"""Limit on the characters shown of an invalid line."""


def replay(
    path: str | os.PathLike[str],
    *,
    speed: float | None = None,
    longest_pause: float = LONGEST_PAUSE_SECONDS,
    frame_rate: float | None = None,
) -> Replay:
    """Yield the items of a recorded stream from its frame log::

        async for item in replay("day.jsonl"):
            ...

    The items are those of `connect`, with their original times: messages of both dialects, each once even if several
    connections brought it, the gaps in their places, statuses, and malformed frames. An unreadable line is a
    `Malformed` with the number of the line, followed by a gap for each channel whose message it may have been.

    A repaired gap comes twice, as with ``repair="alongside"``: in its place, and again in the place of its repair, with
    the recovered messages.

    A log of frames alone has no connections: its messages are given as they come. Such logs of other tools can be read,
    too: HAR with WebSocket messages, the raw lines of cryptofeed and of tardis, and one frame a line. The beginning of
    a file determines its kind and its compression, gzip or zstandard.

    Items come in the order of the file. No time passes at a setting back of the recorder's clock.

    Args:
        path: the frame log, as written by `fulgurite listen --record`, or a file of another tool; or a pipe.
            zstandard needs the extra `zst`.
        speed: speed of the replay, above 0, in recorded seconds per second; None for as fast as possible.
        longest_pause: limit on a pause of the log in recorded seconds, above 0; a day by default. The replay skips a
            pause of this length or more, with a `Status` of the kind `PASSED_OVER`. Only with a speed.
        frame_rate: frames a second, above 0, for a file without times, which has one frame a line; None for 33.

    Raises:
        InputError: the file does not exist, is of another kind, which the error names, needs the extra `zst`, or an
            argument is out of range. The iteration raises the errors of a pipe, and those at the end of a file.
    """
    if speed is not None:
        check_number("speed", speed, "a number above 0, or None for as fast as possible", above=0.0)
    clock = LogClock(longest_pause)
    return Replay(LogFile(path, frame_rate), speed, clock)


class Replay:
    """A single-use async iterator of items for one consumer; `replay` makes it.

    It reads the file a piece at a time, and holds only this piece in memory. As an async context manager it closes the
    file after an early exit.
    """

    def __init__(self, log: LogFile, speed: float | None, clock: LogClock) -> None:
        self._log = log
        self._speed = speed
        self._log_replay = LogReplay()
        self.books: Mapping[str, OrderBook] = Books(self._log_replay)
        """The order book of each product, kept from the first access to it, from the log's channels `board` and
        `board_snapshot`. It includes the present item, or batch, and is STALE after each gap in the diffs."""
        # The next step, until it is due.
        self._next: Step | None = None
        # Statuses to give before it.
        self._said: list[Item] = []
        # Items of the latest step that are still to be given.
        self._items: deque[Item] = deque()
        # The end of the turn; then other tasks have theirs.
        self._turn_ends_at = 0.0
        # The time passed in the log, and the clock of the replay, once it has begun.
        self._passed = clock
        self._clock: PacedClock | None = None
        self._has_ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and close the file."""
        self._log.close()
        self._next = None
        self._has_ended = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        items = self._items
        while not items:
            if self._advance():
                if not self._is_ready():
                    await self._wait()
                items.extend(self._take_next())
            elif not await self._log.more():
                if self._has_ended:
                    raise StopAsyncIteration
                items.extend(self._finish())
        return items.popleft()

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Iterate over the due items in lists of at least one; see `Stream.batches`."""
        batch: list[Item] = []
        while True:
            has_next = self._advance()
            if batch and (not has_next or len(batch) >= BATCH_ITEMS or not self._is_due()):
                yield batch
                batch = []
            if has_next:
                if not batch and not self._is_ready():
                    await self._wait()
                batch += self._take_next(BATCH_ITEMS - len(batch))
            elif not await self._log.more():
                # The end comes in a batch of its own, since it makes the books STALE.
                if not self._has_ended and (last := self._finish()):
                    yield last
                return

    # --- inside

    def _advance(self) -> bool:
        """Go to the next step, if it has been read."""
        if self._next is None:
            self._next = next(self._log.steps, None)
            if self._speed is not None and isinstance(self._next, Line):
                self._pass_time(self._next)
        return self._next is not None

    def _pass_time(self, line: Line) -> None:
        at_ns = line.received_ns or line.sent_ns or line.at_ns
        if at_ns and (seconds := self._passed.advance(at_ns)):
            detail = "the log pauses here, or its recorder's clock was set ahead; the replay goes on at once"
            self._said.append(Status(StatusKind.PASSED_OVER, at_ns, None, detail, seconds))

    def _is_ready(self) -> bool:
        """Whether the next step is due within the present turn."""
        return monotonic() < self._turn_ends_at and self._is_due()

    def _is_due(self) -> bool:
        return self._speed is None or self._delay(self._speed, monotonic()) <= 0

    async def _wait(self) -> None:
        """Wait until the next step is due, and let other tasks have their turn."""
        delay = 0.0 if self._speed is None else self._delay(self._speed, monotonic())
        await asyncio.sleep(max(delay, 0.0))
        self._turn_ends_at = monotonic() + TURN_SECONDS

    def _delay(self, speed: float, now: float) -> float:
        """Seconds until the next step is due."""
        if self._clock is None:
            self._clock = PacedClock(0, now, speed)
        return self._clock.seconds_until(self._passed.passed_ns, now)

    def _take_next(self, limit: int = 1) -> list[Item]:
        """Process the next step, and up to `limit` lines that are due with it; return their items, if any."""
        step, self._next = self._next, None
        said, self._said = self._said, []
        if not isinstance(step, Line):
            return said + self._items_of(step)
        lines = [step]
        if self._speed is None:  # all are due
            for step in islice(self._log.steps, limit - 1):
                if not isinstance(step, Line):
                    self._next = step
                    break
                lines.append(step)
        return said + self._log_replay.receive(*lines)

    def _items_of(self, step: Odd | Damage | None) -> list[Item]:
        if isinstance(step, Odd):
            text = step.text[:SHOWN_LIMIT].decode(errors="backslashreplace")
            return self._log_replay.unreadable(text, f"line {step.number} of {self._log.path}: {step.problem}")
        assert step is not None
        if step.is_end:
            return [Malformed(self._log_replay.at_ns, "", f"{self._log.path} ends early: {step.problem}")]
        return self._log_replay.unreadable("", f"{self._log.path}: {step.problem}")

    def _finish(self) -> list[Item]:
        self.close()
        return self._log_replay.finish()
