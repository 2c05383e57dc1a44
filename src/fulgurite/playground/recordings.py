"""The recording that a page makes, and the one that it replays: their files and their states."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time

from fulgurite.client import Endpoint
from fulgurite.playground import messages
from fulgurite.playground.framelogs import FrameLogs, Recording
from fulgurite.playground.indexedlog import IndexedLog, index_log
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.replaying import Replaying
from fulgurite.protocol.channels import Channel, parse_channel

STATE_SECONDS = 0.5
"""The state of a recording is sent, and its buffer written, this often."""

_runs = itertools.count(1)


class Recordings:
    """Records one page's connection, and replays frame logs in its place.

    Args:
        logs: where files come from and go to.
        outbox: the page's.
    """

    def __init__(self, logs: FrameLogs, outbox: Outbox) -> None:
        self._logs = logs
        self._outbox = outbox
        self.recording: Recording | None = None
        self.replaying: Replaying | None = None
        self._state_sent_at = 0.0

    # --- recording

    def record(self) -> Recording:
        """Begin to record, unless that is under way."""
        if self.recording is None:
            self.recording = Recording(time.time() * 1e3)
            self._outbox.set_state(self.recording.state())
        return self.recording

    def end_recording(self, problem: str = "") -> None:
        """End it, and offer the file to the page."""
        recording, self.recording = self.recording, None
        if recording is not None:
            state = recording.state()
            key = self._logs.put(recording.end())
            problem = recording.failure or problem
            self._outbox.set_state(messages.Recording(False, state.since_ms, state.frames, state.bytes, key, problem))

    # --- replaying

    async def open(self, key: str, name: str) -> IndexedLog:
        """Open a file that was sent here.

        Raises:
            InputError: there is none, or it is no frame log.
        """
        file = self._logs.pop(key)
        try:
            return await asyncio.to_thread(index_log, name, file)
        except BaseException:
            file.close()
            raise

    def begin(self, log: IndexedLog, *, until_ns: int = 0) -> Replaying:
        """Replay from the beginning, at the pace of the replay before; the page is to show all anew."""
        before = self.replaying
        speed, is_paused = (1.0, False) if before is None else (before.speed, before.is_paused)
        self.replaying = Replaying(log, self._outbox, speed=speed, is_paused=is_paused, until_ns=until_ns)
        self._outbox.set_state(
            messages.Replay(
                next(_runs),
                log.name,
                log.dialect.name,
                from_ms=log.positions[0] / 1e6,
                to_ms=log.positions[-1] / 1e6,
                to_clock_ms=log.times[-1] / 1e6,
                lines=len(log.times),
                malformed=log.malformed,
                problems=log.problems,
                channels=log.channels,
            )
        )
        self._outbox.set_state(self._state(self.replaying))
        return self.replaying

    def end(self) -> None:
        """Replay no more."""
        replaying, self.replaying = self.replaying, None
        if replaying is not None:
            replaying.log.file.close()
            self._outbox.set_state(messages.Replay(0))

    def close(self) -> None:
        """The page has gone: its recording goes with it."""
        self.end()
        if self.recording is not None:
            self.recording.end().close()

    # --- telling

    def send_states(self, now: float) -> None:
        """Send the states that are due; `now` in seconds on any clock that never goes back."""
        if self.replaying is not None:
            self._outbox.set_state(self._state(self.replaying))
        if self.recording is None or now - self._state_sent_at < STATE_SECONDS:
            return
        self._state_sent_at = now
        state = self.recording.state()
        if self.recording.problem:
            self.end_recording(self.recording.problem)
        else:
            self._outbox.set_state(state)

    def waiting(self) -> list[messages.ToPage] | None:
        """The batch while the replay is on its way to a point, in place of the outbox's; None otherwise."""
        replaying = self.replaying
        return [self._state(replaying)] if replaying is not None and replaying.is_seeking else None

    def _state(self, replaying: Replaying) -> messages.ReplayState:
        return messages.ReplayState(
            replaying.position_ns / 1e6,
            replaying.at_ns / 1e6,
            replaying.speed,
            replaying.is_paused,
            replaying.has_ended,
            replaying.progress if replaying.is_seeking else None,
        )


def log_channels(log: IndexedLog) -> list[Channel]:
    """The channels of a log that the page knows how to show."""
    found = []
    for name in log.channels:
        with contextlib.suppress(ValueError):  # a ChannelError is one
            found.append(parse_channel(name))
    return found


def log_endpoint(log: IndexedLog) -> Endpoint:
    """A stand-in for an endpoint."""
    return Endpoint(log.name, "", "")
