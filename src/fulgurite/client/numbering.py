"""Detection of a new numbering of a channel's executions by ids that fall back. Pure.

Ids ascend inside and across the messages of a channel (protocol reference, section 3.4), and each connection brings the
same messages in the same order (section 1.3). The service begins a new numbering when it restarts or replays a
recording again. A new execution belongs to a new numbering if its id is below an id of the *same connection*, or below
an id given before this connection requested the channel. Late messages of another connection are older too, but follow
nothing newer on that connection.

A service restarted with the same seed brings the same executions as before, to the byte. The first executions of a
connection distinguish a restart from a repetition: messages published after a request are no older than messages
received before it. If no other connection carried the channel then, none is ahead of the service, and first executions
with lower ids begin a new numbering, known or not. A service that repeats more than its newest execution to new
subscribers is taken for a restarted one: executions given twice, after a gap with the reason, are better than withheld
ones. Known executions later on a connection are a repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec


class _Place(msgspec.Struct):
    """The place of a connection."""

    number: int
    """Its numbering."""
    floor: int = 0
    """An id that no message of this connection falls below in its numbering."""
    is_first: bool = False
    """Whether it requested the channel while no other brought it, and has brought nothing yet."""
    has_brought: bool = False


class Numbering:
    """The present numbering of one channel, and the place of each connection in it."""

    def __init__(self) -> None:
        self._number = 0
        # The highest and the first id received in the present numbering; 0 if there is none.
        self.newest = 0
        self.first = 0
        # The times of their receipt; nanoseconds since 1970.
        self._newest_ns = 0
        self.first_ns = 0
        self.begins_everywhere = False
        """Whether no connection can still bring executions of the previous numbering."""
        self._connections: dict[int, _Place] = {}

    def asked(self, connection: int, asked_ns: int) -> None:
        """Process a request of the channel on a connection, which brings all messages published from then on."""
        floor = self.newest if self._newest_ns < asked_ns else 0
        is_first = not any(place.has_brought for place in self._connections.values())
        # A second request on a connection that brings the channel changes nothing.
        has_brought = connection in self._connections and self._connections[connection].has_brought
        self._connections[connection] = _Place(self._number, floor, is_first, has_brought)

    def came(self, connection: int, ids: Sequence[int], at_ns: int, is_new: Callable[[], bool]) -> bool:
        """Process the ids of executions.

        Args:
            connection: the connection that brought them.
            ids: the ids in any order; 0 for an execution without an id.
            at_ns: the time of receipt.
            is_new: returns whether some of the executions are new; called only if needed.

        Returns:
            Whether a new numbering begins with them.
        """
        numbers = [each for each in ids if each]
        if not numbers:
            return False
        lowest, highest = min(numbers), max(numbers)
        place = self._connections.get(connection, _Place(self._number))
        number, floor, is_first = place.number, place.floor, place.is_first
        begins = False
        is_anew = is_first and lowest < floor
        if number < self._number:
            # Another connection began the present numbering.
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

    def follow(self, connection: int, newest: int, at_ns: int) -> bool:
        """Process ids up to `newest` that ascend from the newest one; as `came`, with less work.

        Returns:
            Whether the connection has brought ids of the present numbering before. If not, nothing is done.
        """
        place = self._connections.get(connection)
        if place is None or not place.has_brought or place.number != self._number:
            return False
        place.floor = self.newest = newest
        self._newest_ns = at_ns
        return True

    def learned(self, newest: int, at_ns: int) -> None:
        """Record the newest execution of a lookup before the first message; all up to it were sent by `at_ns`."""
        if not self.newest:
            self.newest, self._newest_ns = newest, at_ns

    def left(self, connection: int) -> None:
        """Process the end of a connection."""
        self._connections.pop(connection, None)
