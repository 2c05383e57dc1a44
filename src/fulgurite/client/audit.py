"""Which executions a channel ought to have brought and did not, by the HTTP API's list of them. Pure.

Nothing on the wire tells that a connection, which goes on, has left out a message (protocol reference, section 0). The
list tells, some time later: it may be a second old, and the channel may be behind. So an execution is due only

* where the channel has brought a later one, since each connection brings them in order (section 1.3), or
* where the list had it at the comparison before this one already.

What was executed before the channel was listened to is never due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fulgurite.protocol.messages import Execution

LIST_AGE_NS: Final = 1_000_000_000
"""The list may be as old as this (section 5)."""


class Audit:
    """How far one channel's executions were compared with the list."""

    def __init__(self) -> None:
        self.reached: int | None = None
        """All executions up to this id were compared, or were never due; None before `begin`."""
        self.since_ns = 0
        """Nothing that is still to be compared was executed before; nanoseconds since 1970."""
        # The newest that the last list had, and when it was asked for.
        self._listed = 0
        self._asked_ns = 0

    def begin(self, newest: int, now_ns: int) -> None:
        """What is executed from now on is due.

        Args:
            newest: the id of the first execution that the channel brought, or of the newest that was listed when it
                had been listened to for longer than the list is old; 0 where none was.
            now_ns: when that was.
        """
        self.reached = newest
        self.since_ns = self._asked_ns = now_ns - LIST_AGE_NS

    def compare(
        self, listed: Sequence[Execution], brought: int, is_given: Callable[[Execution], bool], asked_ns: int
    ) -> list[int]:
        """Take the list from `reached` on.

        Args:
            listed: the executions, ascending.
            brought: the highest id that the channel has brought by now.
            is_given: tells whether an execution was given, or is the business of somebody else.
            asked_ns: when the list was asked for.

        Returns:
            Where those stand in the list that are due and were not given.
        """
        reached = self.reached or 0
        due = max(brought, self._listed)
        missing = [place for place, row in enumerate(listed) if reached < row.id <= due and not is_given(row)]
        newest = max((row.id for row in listed), default=0)
        # What is due and not listed yet is compared the next time, and what is listed and not due yet; the latter was
        # not in the list before this one.
        self.reached = max(reached, min(due, newest))
        self.since_ns, self._asked_ns = self._asked_ns, asked_ns - LIST_AGE_NS
        self._listed = newest
        return missing
