"""The times of pings to a silent server, and of the end of its connection. Pure.

Times are seconds on a monotonic clock.
"""

from __future__ import annotations

from enum import Enum, auto


class KeepAliveStep(Enum):
    """A step after silence."""

    PING = auto()
    GIVE_UP = auto()


class KeepAlive:
    """The silence of one connection.

    Args:
        ping_after: seconds without any frame before a ping to the server.
        pong_timeout: seconds without any frame between that ping and the end of the connection.
        now: the present time.
    """

    def __init__(self, ping_after: float, pong_timeout: float, now: float) -> None:
        self.heard_at = now
        """The time of the latest frame, set by the connection."""
        self._ping_after = ping_after
        self._pong_timeout = pong_timeout
        self._pinged_at = now - 1.0

    def next_timer(self) -> float:
        """The time of the next call of `handle_timer`."""
        return self._pinged_at + self._pong_timeout if self._is_pinged() else self.heard_at + self._ping_after

    def handle_timer(self, now: float) -> KeepAliveStep | None:
        """Process the passing of time; return the due step, if any. A ping counts as sent."""
        if now < self.next_timer():
            return None
        if self._is_pinged():
            return KeepAliveStep.GIVE_UP
        self._pinged_at = now
        return KeepAliveStep.PING

    def _is_pinged(self) -> bool:
        return self._pinged_at >= self.heard_at
