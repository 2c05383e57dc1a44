"""The pace of a state that changes more often than it is worth sending. Pure."""

from __future__ import annotations

import math


class Paced:
    """Lets one through in so many seconds.

    Args:
        seconds: the shortest time between two, above 0.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._passed_at = -math.inf

    def is_due(self, now: float) -> bool:
        """Whether the next may pass, and then counts as passed; `now` in seconds on a clock that never goes back."""
        if now - self._passed_at < self._seconds:
            return False
        self._passed_at = now
        return True
