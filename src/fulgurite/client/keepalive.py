"""When a silent server is pinged, and when its connection is given up. Pure.

Times are seconds on any clock that never goes back.
"""

from __future__ import annotations

from enum import Enum, auto


class KeepAliveStep(Enum):
    """What silence calls for."""

    PING = auto()
    GIVE_UP = auto()


class KeepAlive:
    """The silence of one connection.

    Args:
        ping_after: seconds without any frame until the server is pinged.
        pong_timeout: seconds without any frame after that ping until the connection is given up.
        now: the present time.
    """

    def __init__(self, ping_after: float, pong_timeout: float, now: float) -> None:
        self.heard_at = now
        """The time of the latest frame, which the connection writes."""
        self._ping_after = ping_after
        self._pong_timeout = pong_timeout
        self._pinged_at = now - 1.0

    def next_timer(self) -> float:
        """When `handle_timer` must be called next."""
        return self._pinged_at + self._pong_timeout if self._is_pinged() else self.heard_at + self._ping_after

    def handle_timer(self, now: float) -> KeepAliveStep | None:
        """Time has passed; return the step that is due, if one is. A ping counts as sent."""
        if now < self.next_timer():
            return None
        if self._is_pinged():
            return KeepAliveStep.GIVE_UP
        self._pinged_at = now
        return KeepAliveStep.PING

    def _is_pinged(self) -> bool:
        return self._pinged_at >= self.heard_at
