"""Comparison of a channel's executions with the HTTP API's list. Pure.

Nothing on the wire shows that an open connection has left out a message (protocol reference, section 0). The list shows
it some time later: the list may be a second old, and the channel may be behind. So an execution is due only

* if the channel has brought a later one, since each connection brings them in order (section 1.3), or
* if it was already in the list at the previous comparison.

Executions before the subscription are never due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fulgurite.protocol.messages import Execution

LIST_AGE_NS: Final = 1_000_000_000
"""Limit on the age of the list (section 5)."""


class Audit:
    """The progress of the comparison of one channel with the list."""

    def __init__(self) -> None:
        self.reached: int | None = None
        """All executions up to this id were compared, or were never due; None before `begin`."""
        self.since_ns = 0
        """The earliest time of executions still to be compared; nanoseconds since 1970."""
        # The newest execution of the last list, and the time of its request.
        self._listed = 0
        self._asked_ns = 0

    def begin(self, newest: int, now_ns: int) -> None:
        """Begin the audit with executions after this one.

        Args:
            newest: the id of the channel's first execution, or of the newest listed one once the subscription is older
                than the list can be; 0 if there is none.
            now_ns: the time of that execution's receipt, or of the list.
        """
        self.reached = newest
        self.since_ns = self._asked_ns = now_ns - LIST_AGE_NS

    def compare(
        self, listed: Sequence[Execution], brought: int, is_given: Callable[[Execution], bool], asked_ns: int
    ) -> list[int]:
        """Compare the list from `reached` on.

        Args:
            listed: the executions, ascending.
            brought: the highest id that the channel has brought.
            is_given: returns whether an execution was given or lies in a gap under repair.
            asked_ns: the time of the list's request.

        Returns:
            The indexes of listed executions that are due and were not given.
        """
        reached = self.reached or 0
        due = max(brought, self._listed)
        missing = [place for place, row in enumerate(listed) if reached < row.id <= due and not is_given(row)]
        newest = max((row.id for row in listed), default=0)
        # Executions that are due but not yet listed, or listed but not yet due, are left to the next comparison.
        self.reached = max(reached, min(due, newest))
        self.since_ns, self._asked_ns = self._asked_ns, asked_ns - LIST_AGE_NS
        self._listed = newest
        return missing
