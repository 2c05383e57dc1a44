"""Detection of silent channels on a connection, and the steps against silence. Pure.

A channel can die while others on its connection live, and a server can acknowledge every request and send nothing
(protocol reference, sections 1.2 and 1.4). So each channel is watched by itself, from its request on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from fulgurite.errors import ChannelError
from fulgurite.protocol.channels import Kind, parse_channel

FIRST_LIMITS: Final[Mapping[Kind, float | None]] = {
    # About every 5 seconds, even without changes (3.1).
    Kind.BOARD_SNAPSHOT: 20.0,
    # Only after changes, so a quiet product is silent for minutes.
    Kind.TICKER: 60.0,
    Kind.BOARD: 60.0,
    Kind.EXECUTIONS: 300.0,
    # An account may be idle for weeks.
    Kind.CHILD_ORDER_EVENTS: None,
    Kind.PARENT_ORDER_EVENTS: None,
}
"""Limits in seconds on the silence of a channel with an unknown pace; None for no limit."""

LEARNED_FROM: Final = 20
"""The number of checks with new messages that make a channel's pace known."""
TIMES_THE_LONGEST: Final = 4.0
"""The learned limit as a multiple of the longest recent silence."""
SHORTEST_LIMIT: Final = 10.0
LONGEST_LIMIT: Final = 3600.0
"""Bounds of the learned limit, seconds."""
FORGETTING: Final = 0.999
"""The decay of the longest silence at each check with new messages: half is left after 700 of them."""


class Step(Enum):
    """The steps against a silent channel, in this order; a message of the channel resets it."""

    RESUBSCRIBE = "subscribe it again"
    RECONNECT = "make a new connection"
    REPORT = "say that it is dead"


class Silence(NamedTuple):
    """A channel that was silent for too long."""

    channel: str
    seconds: float
    step: Step


class _Channel:
    """One channel."""

    __slots__ = ("asked_at", "count", "heard_at", "is_armed", "limit", "longest", "patience", "steps", "waits_from")

    def __init__(self, limit: float | None) -> None:
        # The limit for an unknown pace, or the user's limit.
        self.limit = limit
        self.count = 0
        self.longest = 0.0
        # The times of the request and of the latest message; only while it is armed.
        self.is_armed = False
        self.asked_at = 0.0
        self.heard_at: float | None = None
        # The beginning of the present silence: the latest message, or the latest step.
        self.waits_from = 0.0
        # The steps since the latest message, and a factor on the limit after all of them.
        self.steps = 0
        self.patience = 1.0


class Liveness:
    """Watches the channels of one connection, and of its successors.

    The learned limits and the steps outlive the connection, so that a channel that is dead on every connection costs
    one reconnection and not one every minute.

    Args:
        limits: the user's limits by kind of channel, in seconds, used as they are; None for a kind without a limit.
    """

    def __init__(self, limits: Mapping[Kind, float | None] | None = None) -> None:
        self._fixed = limits or {}
        self._channels: dict[str, _Channel] = {}
        self.heard: dict[str, float] = {}
        """The time of each channel's latest message. The caller writes it for every message, so it is a plain dict."""

    def ask(self, channel: str, now: float) -> None:
        """Watch a channel from its request on."""
        state = self._channels.get(channel)
        if state is None:
            state = self._channels[channel] = _Channel(self._first_limit(channel))
        self.heard.pop(channel, None)
        state.is_armed = True
        state.asked_at = state.waits_from = now
        state.heard_at = None

    def forget(self, channel: str) -> None:
        """Forget a channel that is no longer wanted."""
        self._channels.pop(channel, None)
        self.heard.pop(channel, None)

    def disconnect(self) -> None:
        """Stop watching all channels until they are requested again."""
        self._take_heard()
        for state in self._channels.values():
            state.is_armed = False

    def has_heard(self, channel: str) -> bool:
        """Whether a message of the channel has come since its request."""
        self._take_heard()
        state = self._channels.get(channel)
        return state is not None and state.is_armed and state.heard_at is not None

    def shift(self, seconds: float) -> None:
        """Exclude a time without reading from all silences: the process slept, or the consumer was slow."""
        self._take_heard()
        for state in self._channels.values():
            state.waits_from += seconds
            if state.heard_at is not None:
                state.heard_at += seconds

    def due(self, now: float) -> list[Silence]:
        """Return the channels that were silent for too long, each with its next step, and count this step as done.

        A connection without any message is given up again and again, at growing intervals: it may lead to a stand-in
        that never sends anything.
        """
        self._take_heard()
        armed = [(name, state) for name, state in self._channels.items() if state.is_armed]
        is_deaf = all(state.heard_at is None for _, state in armed)
        silences = []
        for name, state in armed:
            limit = self._limit(name, state)
            if limit is None or now - state.waits_from < limit:
                continue
            since = state.asked_at if state.heard_at is None else state.heard_at
            step = (Step.RESUBSCRIBE, Step.RECONNECT, Step.REPORT)[min(state.steps, 2)]
            if step is Step.REPORT:
                state.patience *= 2
                if state.steps > 2:
                    step = Step.RECONNECT if is_deaf else Step.RESUBSCRIBE
            state.steps += 1
            state.waits_from = now
            silences.append(Silence(name, now - since, step))
        return silences

    def _take_heard(self) -> None:
        """Learn from the messages since the last check. Shorter silences are ignored."""
        for name, heard_at in self.heard.items():
            state = self._channels.get(name)
            if state is None or not state.is_armed:
                continue
            if state.heard_at is not None:
                state.longest = max(state.longest * FORGETTING, heard_at - state.heard_at)
                state.count += 1
            state.heard_at = state.waits_from = heard_at
            state.steps = 0
            state.patience = 1.0
        self.heard.clear()

    def _limit(self, name: str, state: _Channel) -> float | None:
        if state.limit is None:
            return None
        limit = state.limit
        if state.count >= LEARNED_FROM and not self._is_fixed(name):
            limit = max(TIMES_THE_LONGEST * state.longest, SHORTEST_LIMIT)
        return min(limit * state.patience, max(LONGEST_LIMIT, state.limit))

    def _first_limit(self, name: str) -> float | None:
        try:
            kind = parse_channel(name).kind
        except ChannelError:
            return None
        return self._fixed[kind] if kind in self._fixed else FIRST_LIMITS[kind]

    def _is_fixed(self, name: str) -> bool:
        return parse_channel(name).kind in self._fixed
