"""Serving a frame log instead of order flow: recorded messages go out at their recorded pace, to the byte."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final, NamedTuple

import msgspec

from fulgurite.errors import InputError
from fulgurite.exchange.reissue import Reissue
from fulgurite.exchange.replayedmarkets import ReplayedMarkets
from fulgurite.logfile import LogFile
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.framelog import Line, Recorded, recorded_messages
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS, LogClock
from fulgurite.protocol.logformats import Odd
from fulgurite.protocol.pacedclock import PacedClock
from fulgurite.server.serve import RealtimeServer

BURST_BYTES: Final = 256 * 1024
"""Bytes of messages that go out before readers are waited for again, at speed 0."""

SKIMMED_LINES: Final = 2_000
"""Lines that are passed over at once while the position is sought."""

LONGEST_LAG_SECONDS: Final = 5.0
"""A replay that is later than this, since its process was suspended, goes on where it stood instead of catching up."""

MAX_POSITION_SECONDS: Final = 1e9
"""Positions beyond this are the end of every log."""

RESTART_CODE: Final = 1012
"""The WebSocket close code of a service that restarts."""

log = logging.getLogger(__name__)


class ReplayStatus(msgspec.Struct, kw_only=True):
    """The answer of `/control/replay`."""

    paused: bool
    speed: float
    """Recorded seconds that pass in one second; 0 is as fast as readers take it."""
    position: float = 0.0
    """Seconds that have passed in the log since its first message; at its end, all of them."""
    sent: int = 0
    """Messages that went out since the start of the program."""
    malformed: int = 0
    """Lines of the log, and damaged parts of the file, that could not be read and were skipped."""
    finished: bool = False
    """Whether the end of the log is reached; a new position starts it again, unless it is a pipe."""
    problem: str = ""
    """The latest damage of the file, or its early end: `malformed` counts these beside lines."""


class ReplayChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that `/control/replay` takes; a member that is left out stays as it is."""

    paused: bool | None = None
    speed: float | None = None
    position: float | None = None


class Burst(NamedTuple):
    """The messages of one recorded frame."""

    received_ns: int
    messages: list[Recorded]


class Replay:
    """Sends the messages of a frame log to their subscribers.

    Frames go out in the order of the file. Where the recorder's clock was set back, no time passes; where it was set
    ahead, or nothing was recorded for long, that is said and passed over at once. Messages that are sent again, in
    another pass or after a step back, have higher ids (see `reissue`). At speed 0 nothing moves while nobody has
    subscribed anything, and no faster than the slowest reader.

    Args:
        log: the file.
        server: where the messages go out.
        speed: recorded seconds that pass in one second; 0 is as fast as readers take it.
        loop: begin again at the end; a pipe cannot.
        paused: wait for `change`.
        longest_pause: seconds without a message, above 0, that are passed over, as are longer ones.

    Raises:
        InputError: an argument is not accepted.
    """

    def __init__(
        self,
        log: LogFile,
        server: RealtimeServer,
        *,
        speed: float = 1.0,
        loop: bool = False,
        paused: bool = False,
        longest_pause: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        if loop and not log.is_rewindable:
            raise InputError("loop", True, f"it with a file: {log.path} is a pipe, readable once")
        self._server = server
        self._loops = loop
        self._status = ReplayStatus(paused=paused, speed=check_number("speed", speed, "a number of 0 or more"))
        self._reading = _Reading(log, self._status, longest_pause)
        self._changed = asyncio.Event()
        # A position in nanoseconds that was asked for and is still to be sought; None while none is.
        self._sought: int | None = None
        # Shows the position in nanoseconds; it stands until `run`.
        self._clock = PacedClock(0, 0.0, speed=0.0)
        # Messages are sent again under higher ids; the present pass has reached this position.
        self._reissue = Reissue()
        self._reached = -1
        self.markets = ReplayedMarkets()
        """The source of the HTTP API's answers: the state after the messages sent so far."""

    async def start(self) -> None:
        """Read as far as the first message.

        Raises:
            InputError: there is none, or the file is none that can be read.
        """
        if await self._reading.peek() is None:
            path = self._reading.log.path
            what = f"{path}, {self._status.problem}" if self._status.problem else str(path)
            raise InputError("path", what, "a frame log with at least one channelMessage frame in it")

    def status(self) -> ReplayStatus:
        """The position of the replay."""
        self._status.position = round(self._clock.at(_now()) / 1e9, 6)
        return self._status

    def change(self, change: ReplayChange) -> None:
        """Pause or go on, set the speed, or go to another position.

        Raises:
            InputError: speed or position is negative or not finite, or lies behind in a pipe; nothing has changed then.
        """
        speed = (
            self._status.speed if change.speed is None else check_number("speed", change.speed, "a number of 0 or more")
        )
        if change.position is not None:
            self._sought = self._reachable(check_number("position", change.position, "seconds of 0 or more"))
        if self._sought is not None:
            self._clock.set(self._sought, _now())
        self._status.speed = speed
        self._status.paused = self._status.paused if change.paused is None else change.paused
        self._set_clock_speed()
        self._changed.set()

    async def run(self) -> None:
        """Send, until cancelled."""
        while True:
            start = self._sought or 0
            self._sought = None
            if self._reached >= 0:
                self._end_books()
            if self._reading.log.is_rewindable:
                await self._begin_again(is_again=start <= self._reached)
            self._clock.set(start, _now())
            self._set_clock_speed()
            await self._play_from(start)
            self._status.finished = self._sought is None and not self._loops
            if self._status.finished:
                self._set_clock_speed()
                self._clock.set(self._reading.clock.passed_ns, _now())
                while self._sought is None:
                    await self._wait_for_change()
                self._status.finished = False
            # A log without a single message must not spin.
            await asyncio.sleep(0)

    def _end_books(self) -> None:
        """Disconnect every client that keeps a book: the next messages do not continue the last ones."""
        for connection in tuple(self._server.connections.open):
            if any(_is_of_changes(channel) for channel in self._server.hub.channels_of(connection)):
                connection.close(RESTART_CODE, "replay begins again")

    async def _begin_again(self, *, is_again: bool) -> None:
        """Go to the beginning of the log; `is_again` is whether the messages from here on were sent before."""
        if is_again:
            self._reissue.begin_again()
            self._reached = -1
        self.markets.clear(keep_executions=is_again)
        await self._reading.begin_again()

    async def _play_from(self, start: int) -> None:
        unread = 0
        taken = 0
        while (burst := await self._reading.peek()) is not None:
            position = self._reading.clock.passed_ns
            taken += 1
            if taken % SKIMMED_LINES == 0:
                await asyncio.sleep(0)
            if position >= start:
                await self._wait_until(position)
            if self._sought is not None:
                return
            self._reading.drop()
            self._reached = max(self._reached, position)
            messages = [(channel, self._reissue.message(channel, message)) for channel, message in burst.messages]
            for channel, message in messages:
                self.markets.apply(channel, message)
            if position < start:
                continue
            for channel, message in messages:
                self._server.hub.publish(channel, message)
                unread += len(message)
            self._status.sent += len(messages)
            if unread >= BURST_BYTES:
                unread = 0
                if self._status.speed == 0:
                    await self._server.writable()
                # Others have their turn however far behind the replay is.
                await asyncio.sleep(0)
        self._server.hub.flush()

    async def _wait_until(self, position: int) -> None:
        """Wait until the replay may send the burst of `position`, or another position is sought."""
        while self._sought is None:
            if self._status.paused:
                await self._wait_for_change()
            elif self._status.speed == 0:
                self._clock.set(max(position, self._clock.at(_now())), _now())
                if self._server.hub.has_subscribers():
                    return
                await self._wait_for_change(self._server.subscribed())
            else:
                seconds = self._clock.seconds_until(position, _now())
                if seconds < -LONGEST_LAG_SECONDS:
                    self._clock.set(position, _now())
                if seconds <= 0:
                    return
                await self._wait_for_change(asyncio.sleep(seconds))

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

    def _set_clock_speed(self) -> None:
        self._clock.set_speed(0.0 if self._status.paused or self._status.finished else self._status.speed, _now())

    def _reachable(self, position: float) -> int:
        position_ns = int(min(position, MAX_POSITION_SECONDS) * 1e9)
        clock = self._reading.clock
        if not self._reading.log.is_rewindable and (self._status.finished or position_ns < clock.passed_ns):
            passed = f"{clock.seconds:.6f}"
            raise InputError("position", position, f"one that is still to come: {passed} s have passed of a pipe")
        return position_ns


class _Reading:
    """A pass through a log: its bursts one after the other, and the time that has passed."""

    def __init__(self, log: LogFile, status: ReplayStatus, longest_pause: float) -> None:
        self.log = log
        # Where damage is told.
        self._status = status
        self._longest_pause = longest_pause
        self._bursts = self._read()
        self._next: Burst | None = None
        self.clock = LogClock(longest_pause)
        """The position of the burst that comes next."""

    async def begin_again(self) -> None:
        """Go to the beginning of the log, a file."""
        await self._bursts.aclose()
        self.log.rewind()
        self._bursts = self._read()
        self._next = None
        self.clock = LogClock(self._longest_pause)

    async def peek(self) -> Burst | None:
        """The burst that comes next; None at the end of the log."""
        if self._next is None:
            self._next = await anext(self._bursts, None)
            passed_over = 0.0 if self._next is None else self.clock.advance(self._next.received_ns)
            if passed_over:
                log.warning(
                    "%s pauses for %.0f s after %.6f s, or its recorder's clock was set ahead; that is passed over",
                    self.log.path,
                    passed_over,
                    self.clock.seconds,
                )
        return self._next

    def drop(self) -> None:
        """Go on to the burst after the one that comes next."""
        self._next = None

    async def _read(self) -> AsyncGenerator[Burst, None]:
        while True:
            for step in self.log.steps:
                if isinstance(step, Line):
                    messages = recorded_messages(step.frame or "") if step.received_ns is not None else []
                    if step.received_ns is not None and messages:
                        yield Burst(step.received_ns, messages)
                else:
                    self._skip(step)
            if not await self.log.more():
                return
            # Others have their turn however many lines hold no message.
            await asyncio.sleep(0)

    def _skip(self, step: Odd | Damage) -> None:
        self._status.malformed += 1
        if isinstance(step, Odd):
            log.warning("%s line %d is skipped: %s", self.log.path, step.number, step.problem)
        else:
            self._status.problem = step.problem
            log.warning("%s%s: %s", self.log.path, " ends early" if step.is_end else "", step.problem)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_of_changes(channel: str) -> bool:
    return channel.startswith(Kind.BOARD) and not channel.startswith(Kind.BOARD_SNAPSHOT)
