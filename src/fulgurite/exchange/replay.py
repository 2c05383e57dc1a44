"""Serving a frame log instead of order flow: recorded messages go out at their recorded pace, to the byte."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fulgurite.errors import InputError
from fulgurite.exchange.reissue import Reissue
from fulgurite.exchange.replayedmarkets import ReplayedMarkets
from fulgurite.protocol import framelog
from fulgurite.protocol.framelog import Line, Recorded, parse_line, recorded_messages
from fulgurite.server.serve import RealtimeServer

BURST_BYTES: Final = 256 * 1024
"""Bytes of messages that go out before readers are waited for again, at speed 0."""

SKIMMED_LINES: Final = 2_000
"""Lines that are passed over at once while the position is sought."""

log = logging.getLogger(__name__)


class ReplayStatus(msgspec.Struct, frozen=True):
    """What `/control/replay` answers."""

    paused: bool
    speed: float
    """Recorded seconds that pass in one second; 0 is as fast as readers take it."""
    position: float
    """Seconds from the first frame of the log."""
    sent: int
    """Messages that went out since the start of the program."""
    malformed: int
    """Lines of the log that could not be read, and were skipped."""
    finished: bool
    """Whether the end of the log is reached; a new position starts it again."""


class ReplayChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `/control/replay` takes; what is left out stays as it is."""

    paused: bool | None = None
    speed: float | None = None
    position: float | None = None


class Burst(NamedTuple):
    """The messages of one recorded frame."""

    received_ns: int
    messages: list[Recorded]


class Replay:
    """Sends what a frame log holds to whoever has subscribed it.

    Frames are taken in the order of the file. One whose time lies before that of an earlier one goes out right
    behind it. What is sent again, in another pass or after a step back, has higher ids (see `reissue`). At speed 0
    nothing moves while nobody has subscribed anything, and no faster than the slowest reader.

    Args:
        path: the frame log; a name that ends in .zst is decompressed.
        server: where the messages go out.
        speed: recorded seconds that pass in one second; 0 is as fast as readers take it.
        loop: begin again at the end.
        paused: wait for `change`.

    Raises:
        InputError: there is no such file, or it holds no received frame, or the speed is not accepted.
    """

    def __init__(
        self, path: Path, server: RealtimeServer, *, speed: float = 1.0, loop: bool = False, paused: bool = False
    ) -> None:
        self._path = path
        self._server = server
        self._loops = loop
        self._paused = paused
        self._speed = _checked("speed", speed)
        self._sent = 0
        self._malformed = 0
        self._finished = False
        self._changed = asyncio.Event()
        # A position that was asked for and is still to be sought; None while none is.
        self._sought: float | None = None
        self._first_ns = self._find_first_ns()
        # At this moment of the loop's clock the replay stood at this position.
        self._anchor_time = 0.0
        self._anchor_position = 0.0
        # What was sent once is sent again under higher ids; so far the present pass has come in the log.
        self._reissue = Reissue()
        self._reached = -1.0
        self.markets = ReplayedMarkets()
        """What the HTTP API is answered from: the state after what was sent."""

    def status(self) -> ReplayStatus:
        """Where the replay stands."""
        return ReplayStatus(
            self._paused, self._speed, round(self._position(), 6), self._sent, self._malformed, self._finished
        )

    def change(self, change: ReplayChange) -> None:
        """Pause or go on, set the speed, or go to another position.

        Raises:
            InputError: speed or position is negative or not finite; nothing has changed then.
        """
        speed = self._speed if change.speed is None else _checked("speed", change.speed)
        if change.position is not None:
            self._sought = _checked("position", change.position)
        self._anchor(self._position() if self._sought is None else self._sought)
        self._speed = speed
        self._paused = self._paused if change.paused is None else change.paused
        self._changed.set()

    async def run(self) -> None:
        """Send, until cancelled."""
        while True:
            start = self._sought or 0.0
            self._sought = None
            self._finished = False
            is_again = start <= self._reached
            if is_again:
                self._reissue.begin_again()
                self._reached = -1.0
            self.markets.clear(keep_executions=is_again)
            self._anchor(start)
            await self._play_from(start)
            while self._sought is None and not self._loops:
                self._finished = True
                await self._wait_for_change()
            # A log without a single message must not spin.
            await asyncio.sleep(0)

    async def _play_from(self, start: float) -> None:
        unread = 0
        for number, burst in enumerate(self._bursts()):
            if number % SKIMMED_LINES == 0:
                await asyncio.sleep(0)
            position = (burst.received_ns - self._first_ns) / 1e9
            if position >= start:
                await self._wait_until(position)
            if self._sought is not None:
                return
            self._reached = max(self._reached, position)
            messages = [(channel, self._reissue.message(channel, message)) for channel, message in burst.messages]
            for channel, message in messages:
                self.markets.apply(channel, message)
            if position < start:
                continue
            for channel, message in messages:
                self._server.hub.publish(channel, message)
                unread += len(message)
            self._sent += len(messages)
            if unread >= BURST_BYTES:
                unread = 0
                if self._speed == 0:
                    await self._server.writable()
                # Others have their turn however far behind the replay is.
                await asyncio.sleep(0)
        self._server.hub.flush()

    async def _wait_until(self, position: float) -> None:
        """Wait until the replay may send what was recorded at `position`, or another position is sought."""
        loop = asyncio.get_running_loop()
        while self._sought is None:
            if self._paused:
                await self._wait_for_change()
            elif self._speed == 0:
                self._anchor_position = max(position, self._anchor_position)
                if self._server.hub.has_subscribers():
                    return
                await self._wait_for_change(self._server.subscribed())
            else:
                due = self._anchor_time + (position - self._anchor_position) / self._speed
                if due <= loop.time():
                    return
                await self._wait_for_change(asyncio.sleep(due - loop.time()))

    async def _wait_for_change(self, other: Coroutine[Any, Any, object] | None = None) -> None:
        """Wait until `change` was called, or until `other` is done."""
        self._changed.clear()
        waiting: list[asyncio.Task[object]] = [asyncio.create_task(self._changed.wait())]
        if other is not None:
            waiting.append(asyncio.create_task(other))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _position(self) -> float:
        if self._paused or self._speed == 0 or self._finished or self._anchor_time == 0:
            return self._anchor_position
        elapsed = asyncio.get_running_loop().time() - self._anchor_time
        return self._anchor_position + elapsed * self._speed

    def _anchor(self, position: float) -> None:
        self._anchor_position = position
        self._anchor_time = asyncio.get_running_loop().time()

    def _find_first_ns(self) -> int:
        with contextlib.closing(self._bursts()) as bursts:
            first = next(bursts, None)
        self._malformed = 0  # they are counted when they are played
        if first is None:
            raise InputError("replay", str(self._path), "a frame log with at least one channelMessage frame in it")
        return first.received_ns

    def _bursts(self) -> Generator[Burst, None, None]:
        for line in self._lines():
            if line.received_ns is None or line.frame is None:
                continue
            messages = recorded_messages(line.frame)
            if messages:
                yield Burst(line.received_ns, messages)

    def _lines(self) -> Iterator[Line]:
        for number, text in enumerate(read_lines(self._path), start=1):
            if not text.strip():
                continue
            try:
                yield parse_line(text)
            except InputError as error:
                self._malformed += 1
                log.warning("%s line %d is skipped: %s", self._path, number, error)


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a frame log, decompressed where its name ends in .zst.

    What cannot be decompressed, as the end of a file that was damaged, ends it with a warning.

    Raises:
        InputError: there is no such file, or it is compressed and the library for that is missing.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError("replay", str(path), f"the path of a frame log ({error.strerror})") from error
    with file:
        lines = framelog.read_lines(file, path.suffix == ".zst")
        try:
            yield from lines
        except InputError as error:
            if not isinstance(error.__cause__, ImportError):
                log.warning("%s ends early: %s", path, error.value)
                return
            raise InputError("replay", str(path), error.accepted) from error


def _checked(field: str, value: float) -> float:
    if not math.isfinite(value) or value < 0:
        raise InputError(field, value, "a number of 0 or more")
    return value
