"""`replay`: the items of a recorded stream, without any connection."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, NamedTuple, Self

from fulgurite.client.items import Item, Malformed
from fulgurite.client.playback import Playback
from fulgurite.errors import InputError
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.framelog import Line, parse_line, read_lines

TURN_SECONDS: Final = 0.005
"""How long lines are read until others have their turn."""

BATCH_ITEMS: Final = 64
"""After so many items a batch is given, however many more are due: as with `session.TURN_FRAMES`."""

SHOWN_LIMIT: Final = 4_096
"""Characters that are shown of what is no line of a frame log."""


def replay(path: str | os.PathLike[str], *, speed: float | None = None) -> Replay:
    """Give what a stream yielded, from the frame log that was made of it::

        async for item in replay("day.jsonl"):
            ...

    The items are those of `connect`, with the times that they had: messages of both dialects, each once where several
    connections brought it, the gaps at their places, statuses, and malformed frames. A line that cannot be read is a
    `Malformed` that names it; a gap follows for the channels of which it may have been a message.

    A gap that was repaired comes twice, as with ``repair="alongside"``: where it was, and once more where the stream
    told of its repair, with what was recovered.

    A log that holds nothing but frames says nothing of connections: its messages are given as they come.

    Args:
        path: the frame log, as `fulgurite listen --record` writes it; a name that ends in .zst is decompressed, which
            needs the extra `zst`.
        speed: recorded seconds that pass in one second; None is as fast as they are taken.

    Raises:
        InputError: there is no such file, it is not compressed although its name says so, the extra `zst` is missing,
            or the speed is not above 0.
    """
    if speed is not None:
        check_number("speed", speed, "a number above 0, or None for as fast as possible", above=0.0)
    if not isinstance(path, str | os.PathLike):
        raise InputError("path", path, "the path of a frame log")
    try:
        with open(path, "rb") as file:
            next(read_lines(file, Path(path).suffix == ".zst"), None)
    except InputError as error:
        raise InputError("path", str(path), error.accepted) from error
    except OSError as error:
        raise InputError("path", str(path), f"the path of a frame log ({error.strerror})") from error
    return Replay(Path(path), speed)


class Replay:
    """An async iterator of items, for one consumer, once; `replay` makes it.

    It reads the file as it is iterated, a piece at a time, and holds no more of it than that. It may be entered as a
    stream is, which closes the file where it is left early.
    """

    def __init__(self, path: Path, speed: float | None) -> None:
        self._path = path
        self._speed = speed
        self._playback = Playback()
        self.books: Mapping[str, OrderBook] = _Books(self._playback)
        """The order book of each product, kept from the moment it is first asked for, out of the log's channels `board`
        and `board_snapshot`. It is as new as the item in hand, or the batch, and STALE after each gap in the diffs."""
        self._steps = self._read()
        # What comes next, and is not due yet.
        self._next: Line | _Odd | None = None
        # What followed from the latest step and was not taken yet.
        self._items: deque[Item] = deque()
        # When others are to have their turn.
        self._turn_ends_at = 0.0
        # The replay's own clock showed this when the first line was read, and the log that.
        self._began_at: float | None = None
        self._began_ns = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Read no further."""
        self._steps.close()
        self._next = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        items = self._items
        while not items:
            step = self._next_step()
            if step is None:
                raise StopAsyncIteration
            if not self._is_ready():
                await self._wait()
            items.extend(self._take_step(step))
        return items.popleft()

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Iterate over all that is due, in lists of at least one item; see `Stream.batches`."""
        batch: list[Item] = []
        while (step := self._next_step()) is not None:
            # The end comes by itself, since it makes the books STALE.
            if batch and (len(batch) >= BATCH_ITEMS or not self._is_due() or not isinstance(step, Line)):
                yield batch
                batch = []
            if not batch and not self._is_ready():
                await self._wait()
            batch += self._take_step(step)
        if batch:
            yield batch

    # --- inside

    def _is_ready(self) -> bool:
        """Whether the next step is due, and others need not have their turn before."""
        return monotonic() < self._turn_ends_at and self._is_due()

    def _is_due(self) -> bool:
        return self._speed is None or self._delay(monotonic()) <= 0

    async def _wait(self) -> None:
        """Wait until the next step is due; meanwhile, others have their turn."""
        await asyncio.sleep(max(self._delay(monotonic()), 0.0))
        self._turn_ends_at = monotonic() + TURN_SECONDS

    def _delay(self, now: float) -> float:
        """Seconds until the next step is due."""
        if self._speed is None:
            return 0.0
        step = self._next_step()
        if not isinstance(step, Line):
            return 0.0
        at_ns = step.received_ns or step.sent_ns or step.at_ns
        if not at_ns:
            return 0.0
        if self._began_at is None:
            self._began_at, self._began_ns = now, at_ns
        return self._began_at + (at_ns - self._began_ns) / 1e9 / self._speed - now

    def _next_step(self) -> Line | _Odd | None:
        if self._next is None:
            self._next = next(self._steps, None)
        return self._next

    def _take_step(self, step: Line | _Odd) -> list[Item]:
        """Take the next step: none, one or several items follow from it."""
        self._next = None
        if isinstance(step, Line):
            return self._playback.take(step)
        if step.line is None:
            return [*self._ends_early(step.error), *self._playback.finish()]
        text = step.line[:SHOWN_LIMIT].decode(errors="backslashreplace")
        return self._playback.unreadable(text, f"line {step.number} of {self._path}: {step.error}")

    def _ends_early(self, error: str) -> list[Item]:
        return [Malformed(self._playback.at_ns, "", f"{self._path} ends early: {error}")] if error else []

    def _read(self) -> Generator[Line | _Odd, None, None]:
        number = 0
        error = ""
        with self._path.open("rb") as file:
            try:
                for text in read_lines(file, self._path.suffix == ".zst"):
                    number += 1
                    if text.strip():
                        yield _step(number, text)
            except (InputError, OSError) as problem:
                error = str(problem)
        yield _Odd(number, None, error)


class _Odd(NamedTuple):
    """What was read and is no line, or that there is nothing more."""

    number: int
    line: bytes | None
    error: str = ""


def _step(number: int, text: bytes) -> Line | _Odd:
    try:
        return parse_line(text)
    except InputError as error:
        return _Odd(number, text, f"not a line of a frame log, which is {error.accepted}")


class _Books(Mapping[str, OrderBook]):
    """The books that a playback keeps."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    def __getitem__(self, product_code: str) -> OrderBook:
        return self._playback.keep_book(product_code).book

    def __iter__(self) -> Iterator[str]:
        return iter(self._playback.keepers)

    def __len__(self) -> int:
        return len(self._playback.keepers)

    def __contains__(self, product_code: object) -> bool:
        return product_code in self._playback.keepers
