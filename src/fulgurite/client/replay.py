"""`replay`: the items of a recorded stream, without any connection."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping
from time import monotonic
from types import TracebackType
from typing import Final, Self

from fulgurite.client.bookkeeping import Books
from fulgurite.client.items import Item, Malformed, Status, StatusKind
from fulgurite.client.logreplay import LogReplay
from fulgurite.logfile import LogFile
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.framelog import Line
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS, LogClock
from fulgurite.protocol.logformats import Odd, Step
from fulgurite.protocol.pacedclock import PacedClock

TURN_SECONDS: Final = 0.005
"""How long lines are read until others have their turn."""

BATCH_ITEMS: Final = 64
"""After so many items a batch is given, however many more are due: as with `session.TURN_FRAMES`."""

SHOWN_LIMIT: Final = 4_096
"""Characters that are shown of what is no line of a frame log."""


def replay(
    path: str | os.PathLike[str],
    *,
    speed: float | None = None,
    longest_pause: float = LONGEST_PAUSE_SECONDS,
    frame_rate: float | None = None,
) -> Replay:
    """Give what a stream yielded, from the frame log that was made of it::

        async for item in replay("day.jsonl"):
            ...

    The items are those of `connect`, with the times that they had: messages of both dialects, each once where several
    connections brought it, the gaps at their places, statuses, and malformed frames. A line that cannot be read is a
    `Malformed` that names it; a gap follows for the channels of which it may have been a message.

    A gap that was repaired comes twice, as with ``repair="alongside"``: where it was, and once more where the stream
    told of its repair, with what was recovered.

    A log that holds nothing but frames says nothing of connections: its messages are given as they come. Such logs are
    read from other tools, too: HAR with WebSocket messages, the raw lines of cryptofeed and of tardis, and one frame a
    line. What a file is, and whether it is compressed with gzip or zstandard, is told by how it begins.

    Items come in the order of the file. Where the recorder's clock was set back, no time passes.

    Args:
        path: the frame log, as `fulgurite listen --record` writes it, or such a file; or a pipe in its place. For
            zstandard the extra `zst` is needed.
        speed: recorded seconds that pass in one second; None is as fast as they are taken.
        longest_pause: where the log pauses for so many of its seconds, or for more, that is passed over at once, and a
            `Status` of the kind `PASSED_OVER` says so; above 0, a day by default. Only with a speed.
        frame_rate: frames a second, above 0, of a file that has no times, which is one frame a line; None is 33.

    Raises:
        InputError: there is no such file, or it is of another kind, which is named; the extra `zst` is missing; or an
            argument is out of its range. What is wrong with a pipe, or only at a file's end, the iteration raises.
    """
    if speed is not None:
        check_number("speed", speed, "a number above 0, or None for as fast as possible", above=0.0)
    clock = LogClock(longest_pause)
    return Replay(LogFile(path, frame_rate), speed, clock)


class Replay:
    """An async iterator of items, for one consumer, once; `replay` makes it.

    It reads the file as it is iterated, a piece at a time, and holds no more of it than that. It may be entered as a
    stream is, which closes the file where it is left early.
    """

    def __init__(self, log: LogFile, speed: float | None, clock: LogClock) -> None:
        self._log = log
        self._speed = speed
        self._log_replay = LogReplay()
        self.books: Mapping[str, OrderBook] = Books(self._log_replay)
        """The order book of each product, kept from the moment it is first asked for, out of the log's channels `board`
        and `board_snapshot`. It is as new as the item in hand, or the batch, and STALE after each gap in the diffs."""
        # What comes next, and is not due yet.
        self._next: Step | None = None
        # What is to be said before it.
        self._said: list[Item] = []
        # What followed from the latest step and was not taken yet.
        self._items: deque[Item] = deque()
        # When others are to have their turn.
        self._turn_ends_at = 0.0
        # How much time has passed in the log, and in the replay once that has begun.
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
        """Read no further."""
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
        """Iterate over all that is due, in lists of at least one item; see `Stream.batches`."""
        batch: list[Item] = []
        while True:
            has_next = self._advance()
            if batch and (not has_next or len(batch) >= BATCH_ITEMS or not self._is_due()):
                yield batch
                batch = []
            if has_next:
                if not batch and not self._is_ready():
                    await self._wait()
                batch += self._take_next()
            elif not await self._log.more():
                # The end comes by itself, since it makes the books STALE.
                if not self._has_ended and (last := self._finish()):
                    yield last
                return

    # --- inside

    def _advance(self) -> bool:
        """Go on to the next step, if it has been read."""
        if self._next is None:
            self._next = next(self._log.steps, None)
            if self._speed is not None and isinstance(self._next, Line):
                self._pass_time(self._next)
        return self._next is not None

    def _pass_time(self, line: Line) -> None:
        at_ns = line.received_ns or line.sent_ns or line.at_ns
        if at_ns and (seconds := self._passed.take(at_ns)):
            detail = "the log pauses here, or its recorder's clock was set ahead; the replay goes on at once"
            self._said.append(Status(StatusKind.PASSED_OVER, at_ns, None, detail, seconds))

    def _is_ready(self) -> bool:
        """Whether the next step is due, and others need not have their turn before."""
        return monotonic() < self._turn_ends_at and self._is_due()

    def _is_due(self) -> bool:
        return self._speed is None or self._delay(self._speed, monotonic()) <= 0

    async def _wait(self) -> None:
        """Wait until the next step is due; meanwhile, others have their turn."""
        delay = 0.0 if self._speed is None else self._delay(self._speed, monotonic())
        await asyncio.sleep(max(delay, 0.0))
        self._turn_ends_at = monotonic() + TURN_SECONDS

    def _delay(self, speed: float, now: float) -> float:
        """Seconds until the next step is due."""
        if self._clock is None:
            self._clock = PacedClock(0, now, speed)
        return self._clock.seconds_until(self._passed.passed_ns, now)

    def _take_next(self) -> list[Item]:
        """Take the next step: none, one or several items follow from it."""
        step, self._next = self._next, None
        said, self._said = self._said, []
        return said + self._items_of(step)

    def _items_of(self, step: Step | None) -> list[Item]:
        if isinstance(step, Line):
            return self._log_replay.receive(step)
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
