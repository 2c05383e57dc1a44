"""The channels of a connection that have been silent for too long, and the steps against it. Pure.

A channel can die while others of the same connection flow, and a server can acknowledge everything and send nothing
(protocol reference, sections 1.2 and 1.4), so each channel is watched by itself, from the moment it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from fulgurite.errors import ChannelError
from fulgurite.protocol.channels import Kind, parse_channel

FIRST_LIMITS: Final[Mapping[Kind, float | None]] = {
    # About every 5 seconds, whether anything has changed or not (3.1).
    Kind.BOARD_SNAPSHOT: 20.0,
    # These come when something happens, so a quiet product is silent for minutes.
    Kind.TICKER: 60.0,
    Kind.BOARD: 60.0,
    Kind.EXECUTIONS: 300.0,
    # An account may do nothing for weeks: silence says nothing.
    Kind.CHILD_ORDER_EVENTS: None,
    Kind.PARENT_ORDER_EVENTS: None,
}
"""Seconds of silence that are allowed before a channel's pace is known; None for any length."""

LEARNED_FROM: Final = 20
"""How often a channel must have been found alive, at different looks, before its own pace counts."""
TIMES_THE_LONGEST: Final = 4.0
"""How many times the longest of the recent silences is still allowed."""
SHORTEST_LIMIT: Final = 10.0
LONGEST_LIMIT: Final = 3600.0
"""Bounds of the learned limit, seconds."""
FORGETTING: Final = 0.999
"""The factor of the longest silence at each look that finds messages: after 700 of them half is forgotten."""


class Step(Enum):
    """The steps against a silent channel, in this order; a message of the channel begins anew."""

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
        # The limit until the pace is known, or for good where the user set it.
        self.limit = limit
        self.count = 0
        self.longest = 0.0
        # Since when there can be messages, and the last one; only while it is armed.
        self.is_armed = False
        self.asked_at = 0.0
        self.heard_at: float | None = None
        # From when the limit is counted: the last message, or the last step.
        self.waits_from = 0.0
        # The steps tried since the last message, and the factor that stretches the limit after all were tried.
        self.steps = 0
        self.patience = 1.0


class Liveness:
    """Watches the channels of one connection, and of those that follow it.

    The learned limits and the tried steps outlive the connection, so that a channel that is dead on every connection
    costs one reconnection and not one every minute.

    Args:
        limits: limits that the user sets for kinds of channels, in seconds; they are not adapted. None for a kind
            that is not to be watched.
    """

    def __init__(self, limits: Mapping[Kind, float | None] | None = None) -> None:
        self._fixed = limits or {}
        self._channels: dict[str, _Channel] = {}
        self.heard: dict[str, float] = {}
        """When a message of each channel came last: to be written for every message, so it is only a dict."""

    def ask(self, channel: str, now: float) -> None:
        """The channel was asked for on this connection: watch it from now on."""
        state = self._channels.get(channel)
        if state is None:
            state = self._channels[channel] = _Channel(self._first_limit(channel))
        self.heard.pop(channel, None)
        state.is_armed = True
        state.asked_at = state.waits_from = now
        state.heard_at = None

    def forget(self, channel: str) -> None:
        """The channel is wanted no longer."""
        self._channels.pop(channel, None)
        self.heard.pop(channel, None)

    def disconnect(self) -> None:
        """The connection is gone; nothing is watched until it is asked for again."""
        self._take_heard()
        for state in self._channels.values():
            state.is_armed = False

    def has_heard(self, channel: str) -> bool:
        """Whether a message of the channel has come since it was asked for."""
        self._take_heard()
        state = self._channels.get(channel)
        return state is not None and state.is_armed and state.heard_at is not None

    def shift(self, seconds: float) -> None:
        """Nothing was read for so long (the process slept, or the consumer was slow): that was no silence."""
        self._take_heard()
        for state in self._channels.values():
            state.waits_from += seconds
            if state.heard_at is not None:
                state.heard_at += seconds

    def due(self, now: float) -> list[Silence]:
        """The channels that were silent for too long, each with the next step; that step is then taken for done.

        Where nothing at all has come since the channels were asked for, the connection is given up each time, with
        growing patience: it may have led to a stand-in that never sends anything.
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
        """Learn from the messages since the last time. Shorter silences than that are of no interest."""
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
