"""The executions of one channel: duplicates, numbering, history and audit. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from fulgurite.client.audit import Audit
from fulgurite.client.duplicates import GivenExecutions, executions_of, reduced
from fulgurite.client.gaplife import GapLife
from fulgurite.client.items import Message
from fulgurite.client.merge import WINDOW
from fulgurite.client.numbering import Numbering
from fulgurite.protocol.messages import Execution

AUDITED_AFTER_NS: Final = 2_000_000_000
"""Age of a subscription from which the channel must bring all new executions of the HTTP API's list. The list may be a
second old."""


class ChannelExecutions:
    """The record of a channel's executions.

    Args:
        is_merged: whether several connections bring them.
    """

    def __init__(self, is_merged: bool) -> None:
        self.newest_id: int | None = None
        """The highest id processed."""
        self.taken = 0
        """The number of messages processed; counted only for several connections."""
        self.duplicates = 0
        """The number of executions left out because they had been given before."""
        self.numbering = Numbering()
        self._given = GivenExecutions()
        self._audit = Audit()
        # The latest messages, each with the highest id so far. A gap that is found late begins after one of them.
        self._history: deque[tuple[Message, int | None]] = deque(maxlen=WINDOW if is_merged else 0)

    def learn(self, newest_id: int, at_ns: int) -> None:
        """Record the newest execution of a lookup before the first message."""
        self.newest_id = newest_id
        self.numbering.learned(newest_id, at_ns)

    def follow(self, connection: int, rows: Sequence[Execution], at_ns: int) -> bool:
        """Record executions that simply follow all others, as nearly all do; return whether they do.

        Nothing is recorded if they do not. Only for one connection, which has no history.
        """
        newest = self.numbering.newest
        for row in rows:
            if row.id <= newest:
                return False
            newest = row.id
        if not rows or not self.numbering.follow(connection, newest, at_ns):
            return False
        self.newest_id = newest
        return True

    def note(self, message: Message) -> None:
        """Record a message of the channel."""
        for row in executions_of(message):
            # A lagging connection still brings the former numbering, with ids above all of the present one.
            if (self.newest_id or 0) < row.id <= self.numbering.newest:
                self.newest_id = row.id
        if self._history.maxlen:
            self._history.append((message, self.newest_id))
            self.taken += 1

    def begin_again(self) -> None:
        """Begin a new numbering. Its executions are new ones even if they equal former ones."""
        self.newest_id = None
        self._history.clear()
        self._given = GivenExecutions()
        self._audit = Audit()

    # --- duplicates

    def without_given(self, message: Message) -> Message | None:
        """Remember a message as given; return it without executions given before, or None if none is left."""
        rows = executions_of(message)
        fresh = self._given.fresh(rows)
        self.duplicates += len(rows) - len(fresh)
        return reduced(message, rows, fresh)

    def new_rows(self, message: Message, held: Sequence[Message]) -> list[Execution]:
        """The executions of a message that were neither given nor held back in these messages."""
        rows = [row for row in executions_of(message) if row.id and not self._given.has(row)]
        if rows and held:
            waiting = GivenExecutions()
            for each in held:
                waiting.fresh(executions_of(each))
            rows = [row for row in rows if not waiting.has(row)]
        return rows

    # --- gaps that are found late

    @property
    def remembered(self) -> int:
        """The number of messages in the history."""
        return len(self._history)

    def last_of(self, taken: int) -> tuple[Message | None, int | None] | None:
        """The last of the first `taken` messages, and the highest id in them; None if the history is empty."""
        if not self._history:
            return None
        behind = max(0, self.taken - taken)
        return self._history[-1 - behind] if behind < len(self._history) else (None, None)

    def taken_before(self, number: int) -> int | None:
        """The number of messages up to the last one with only ids below `number`; None if it is not remembered."""
        older = [n for n, (_, newest) in enumerate(self._history, 1) if newest is not None and newest < number]
        return self.taken - len(self._history) + older[-1] if older else None

    # --- audits

    def begin_audit(self, flowing_ns: int, now_ns: int) -> Audit | None:
        """Begin or continue the audit; None while the due executions are unknown.

        Args:
            flowing_ns: the time of the channel's resumption.
            now_ns: the present time.
        """
        if self._audit.reached is None:
            if self.numbering.first:
                self._audit.begin(self.numbering.first, self.numbering.first_ns)
            elif now_ns < flowing_ns + AUDITED_AFTER_NS:
                return None
        return self._audit

    def compare(self, listed: Sequence[Execution], repairing: Sequence[GapLife], asked_ns: int) -> list[int]:
        """Indexes of listed executions that are due, were not given, and lie in no gap under repair."""

        def is_settled(row: Execution) -> bool:
            is_known = row.id <= self._given.forgotten_up_to or self._given.has(row)
            return is_known or any(
                (gap.after or 0) < row.id and (gap.before is None or row.id < gap.before) for gap in repairing
            )

        return self._audit.compare(listed, self.numbering.newest, is_settled, asked_ns)
