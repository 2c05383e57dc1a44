"""The time that passes in a log, by the times of its lines. Pure."""

from __future__ import annotations

from typing import Final

from fulgurite.errors import InputError

LONGEST_PAUSE_SECONDS: Final = 86_400.0
"""A pause of a recording of this length or more is passed over at once, unless it is told otherwise: nobody waits for
a day, and mostly it was the recorder's clock that was set."""


class LogClock:
    """Adds up the seconds that pass from line to line, in the order of the file.

    A recorder's clock may be set meanwhile. Where it goes back no time passes, and from there it goes on; where it
    jumps `longest_pause` ahead, or further, no time passes either.

    Args:
        longest_pause: seconds, above 0; infinity passes over no pause.

    Raises:
        InputError: it is not above 0.
    """

    def __init__(self, longest_pause: float = LONGEST_PAUSE_SECONDS) -> None:
        if isinstance(longest_pause, bool) or not isinstance(longest_pause, int | float) or not longest_pause > 0:
            raise InputError("longest_pause", longest_pause, "seconds above 0; infinity passes over no pause")
        self._longest_ns = longest_pause * 1e9
        self._latest_ns: int | None = None
        self.passed_ns = 0
        """Nanoseconds that have passed since the first line."""

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.passed_ns / 1e9

    def advance(self, at_ns: int) -> float:
        """Go on to the time of the next line, and return the seconds passed over; 0.0 where none were."""
        passed_ns = 0 if self._latest_ns is None else at_ns - self._latest_ns
        self._latest_ns = at_ns
        if passed_ns >= self._longest_ns:
            return passed_ns / 1e9
        self.passed_ns += max(0, passed_ns)
        return 0.0
