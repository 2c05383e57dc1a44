"""A clock that runs at a speed of its own: the exchange's, and those of all replays. Pure."""

from __future__ import annotations

import math
from typing import Final

_LATEST_NS: Final = 2**63 - 1


class PacedClock:
    """Shows a time that passes `speed` times as fast as the machine's.

    `now` is the machine's time in every method: seconds of any clock that never goes back.

    Args:
        shown_ns: the time that it shows first, in nanoseconds.
        now: the machine's time at this moment.
        speed: its seconds that pass in one second, 0 or more; at 0 it stands.
    """

    def __init__(self, shown_ns: int, now: float, speed: float = 1.0) -> None:
        self._shown_ns, self._anchor, self._speed = shown_ns, now, speed

    def at(self, now: float) -> int:
        """The time that it shows, in nanoseconds."""
        return self._shown_ns + int(min((now - self._anchor) * self._speed * 1e9, _LATEST_NS))

    def set(self, shown_ns: int, now: float) -> None:
        """Show another time, and go on from there."""
        self._shown_ns, self._anchor = shown_ns, now

    def set_speed(self, speed: float, now: float) -> None:
        """Go on at another speed from the time that it shows."""
        self.set(self.at(now), now)
        self._speed = speed

    def seconds_until(self, due_ns: int, now: float) -> float:
        """Seconds of the machine until it shows a time; below 0 where that has passed, infinity while it stands."""
        if not self._speed:
            return math.inf
        return (due_ns - self._shown_ns) / 1e9 / self._speed - (now - self._anchor)
