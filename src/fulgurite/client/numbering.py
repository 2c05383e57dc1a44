"""Whether the ids of a channel's executions fall back, and what that means. Pure.

Ids ascend inside and across the messages of a channel (protocol reference, section 3.4), and each connection brings the
same messages in the same order (section 1.3). So an execution that was not given before, with an id below one that the
*same connection* has brought, or that was given before this connection was asked for the channel, belongs to a new
numbering: the service was restarted, or plays a recording once more. What another connection brings late is older, but
that connection has brought nothing newer yet, so it is no such thing.

A service that is started once more as it was, with the same seed, brings what was given before, to the byte. That is
told from a repetition by the connection: what is published after a subscription was asked for is no older than what had
been brought by then. Where nobody else brought the channel then, so that nobody is ahead of the service, what a
connection brings first begins a new numbering if it lies behind that, known or not. A service that repeats on
subscribing more than its newest execution is taken for such a one: better given twice, after a gap that says why, than
withheld. Executions that a connection brings later, and that were brought before, are a repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class _Place(NamedTuple):
    """Where a connection stands."""

    number: int
    """Its numbering."""
    floor: int = 0
    """An id that none of its messages falls behind while that lasts."""
    is_first: bool = False
    """Whether it was asked for the channel while none brought it, and has brought nothing yet."""
    has_brought: bool = False


class Numbering:
    """Where the ids of one channel stand, on each of its connections."""

    def __init__(self) -> None:
        self._number = 0
        # The highest id of the present numbering, and of all that was brought in it the first; 0 where there is none.
        self.newest = 0
        self.first = 0
        # When they were brought; nanoseconds since 1970.
        self._newest_ns = 0
        self.first_ns = 0
        self.begins_everywhere = False
        """Whether no connection is to bring anything of the numbering before the present one."""
        self._connections: dict[int, _Place] = {}

    def asked(self, connection: int, asked_ns: int) -> None:
        """A connection was asked for the channel at this time, and will bring what is published from then on."""
        floor = self.newest if self._newest_ns < asked_ns else 0
        is_first = not any(place.has_brought for place in self._connections.values())
        # One that is asked again while it brings the channel goes on as before.
        has_brought = connection in self._connections and self._connections[connection].has_brought
        self._connections[connection] = _Place(self._number, floor, is_first, has_brought)

    def came(self, connection: int, ids: Sequence[int], at_ns: int, is_new: Callable[[], bool]) -> bool:
        """A connection brought executions with these ids, 0 where one has none.

        Args:
            connection: which one.
            ids: in any order.
            at_ns: when they came.
            is_new: tells whether some of them were never brought before; it is asked only where that matters.

        Returns:
            Whether a new numbering begins with them.
        """
        numbers = [each for each in ids if each]
        if not numbers:
            return False
        lowest, highest = min(numbers), max(numbers)
        number, floor, is_first, _ = self._connections.get(connection, _Place(self._number))
        begins = False
        is_anew = is_first and lowest < floor
        if number < self._number:
            # Another connection was here before.
            if is_anew or (highest < floor and (highest <= self.newest or is_new())):
                number, floor = self._number, 0
        elif is_anew or (highest < floor and is_new()):
            begins = True
            self.begins_everywhere = is_first
            self._number += 1
            self.newest = self.first = 0
            number, floor = self._number, 0
        self._connections[connection] = _Place(number, max(floor, highest), has_brought=True)
        if number == self._number:
            if not self.first:
                self.first, self.first_ns = lowest, at_ns
            if highest > self.newest:
                self.newest, self._newest_ns = highest, at_ns
        return begins

    def learned(self, newest: int, at_ns: int) -> None:
        """Before anything was brought, the newest execution was this one, and all up to it had been sent by then."""
        if not self.newest:
            self.newest, self._newest_ns = newest, at_ns

    def left(self, connection: int) -> None:
        """A connection ended."""
        self._connections.pop(connection, None)
