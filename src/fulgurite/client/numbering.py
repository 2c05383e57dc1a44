"""Whether the ids of a channel's executions fall back, and what that means. Pure.

Ids ascend inside and across the messages of a channel (protocol reference, section 3.4), and each connection brings the
same messages in the same order (section 1.3). So an execution that was not given before, with an id below one that the
*same connection* has brought, or that was given before this connection was asked for the channel, belongs to a new
numbering: the service was restarted, or plays a recording once more. What another connection brings late is older, but
that connection has brought nothing newer yet, so it is no such thing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


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
        # Of each connection: its numbering, and an id that none of its messages falls behind while that lasts.
        self._connections: dict[int, tuple[int, int]] = {}

    def asked(self, connection: int, asked_ns: int) -> None:
        """A connection was asked for the channel at this time, and will bring what is published from then on."""
        floor = self.newest if self._newest_ns < asked_ns else 0
        self._connections[connection] = (self._number, floor)

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
        highest = max(ids, default=0)
        if not highest:
            return False
        number, floor = self._connections.get(connection, (self._number, 0))
        begins = False
        if highest < floor:
            if number < self._number:
                # Another connection was here before.
                if highest <= self.newest or is_new():
                    number, floor = self._number, 0
            elif is_new():
                begins = True
                self._number += 1
                self.newest = self.first = 0
                number, floor = self._number, 0
        self._connections[connection] = (number, max(floor, highest))
        if number == self._number:
            if not self.first:
                self.first, self.first_ns = min(each for each in ids if each), at_ns
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
