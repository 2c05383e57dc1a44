"""One channel: from what its connections bring to what the consumer gets, gaps and repairs included. Pure.

`now` is in seconds on any clock that never goes back; `now_ns` in nanoseconds since 1970 by a clock that may be set
back, which no gap shows. This module is long because gaps, repairs, duplicates and several connections meet in a feed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from fulgurite.client.audit import Audit
from fulgurite.client.bookkeeping import BookKeeper
from fulgurite.client.duplicates import GivenExecutions, executions_of, reduced
from fulgurite.client.items import Gap, GapCause, Message, Repaired
from fulgurite.client.merge import WINDOW, ChannelMerge, HoleStart, Verdict
from fulgurite.client.numbering import Numbering
from fulgurite.client.reconcile import OrderLedger
from fulgurite.client.reconcileparents import ParentOrderLedger
from fulgurite.errors import MessageError
from fulgurite.protocol.channels import Channel, Kind
from fulgurite.protocol.messages import Board, ChildOrderEvent, Execution, ParentOrderEvent, decoder_of

FIRST_MESSAGE_SECONDS: Final = 5.0
"""How long a gap waits for the channel's first message, which then stands in it. A quiet channel's has none."""

WAITING_LIMIT: Final = 10_000
"""Messages of a channel that may wait for a repair; at the limit the repair is given up."""

REASON_LIMIT: Final = 300
"""Characters of a gap's reason after which the reasons of further interruptions are left out."""

REPAIRS_LIMIT: Final = 100
"""Holes of a channel whose repairs go on alongside its messages; the oldest one's is given up for another."""

PENDING_NOTE: Final = (
    "it is tried again for as long as the service keeps executions, 31 days, unless the stream is closed"
)
AUDITED_AFTER_NS: Final = 2_000_000_000
"""A channel that has been listened to for so long is to have what the HTTP API's list, which may be a second old, shows
to be new."""

RENUMBERED_REASON: Final = "the ids of executions began again"


class RepairMode(StrEnum):
    """When what was missed is given, where it can be fetched."""

    BEFORE = "before"
    """Before the channel's later messages, which wait for it."""
    ALONGSIDE = "alongside"
    """As soon as it has come; later messages do not wait."""
    OFF = "off"


class Hole:
    """An interruption that has ended, from then until all is said about it."""

    def __init__(self, gap: Gap, began_ns: int, after: int | None, deadline: float, taken: int) -> None:
        self.gap = gap
        # How many messages from several connections were taken before it.
        self.taken = taken
        # When it was known that the channel was interrupted.
        self.began_ns = began_ns
        # Executions: the newest id before the hole (None: none was known), and the first one after it, once known.
        self.after = after
        self.before: int | None = None
        self.deadline = deadline
        # It waits for the first message after it; then perhaps for its repair; then it can be given.
        self.is_pending = True
        self.is_ready = False
        self.found: list[Message] = []
        # What a connection that lagged brought of it, after later ones: given after the gap, if no repair brings it.
        self.late: list[Message] = []
        # The highest id before the hole as it was first known: only what goes beyond it ends the hole.
        self.newest = after


class Feed:
    """What a stream knows of one channel.

    Args:
        channel: which.
        connections: how many bring it at the same time; more than one are merged.
        repair: whether holes in it are to be repaired, and what its later messages do meanwhile.
        unrepaired: why they cannot be, where they otherwise would; it stands in their gaps.
    """

    def __init__(
        self, channel: Channel, connections: int = 1, repair: RepairMode = RepairMode.OFF, unrepaired: str = ""
    ) -> None:
        self.channel = channel
        self.name = channel.name
        self.decode = decoder_of(channel).decode
        # Whether the consumer asked for it; a book may need a channel that nobody wants to see.
        self.is_given = True
        self.keeper: BookKeeper | None = None
        # Whether a message is given as it comes, with nothing to be looked at: `pass_on` takes it then.
        self.is_plain = False
        # Executions and order events left out because they had been given before.
        self.duplicates = 0
        # The highest execution id of what was taken, and what all connections show of how executions are numbered.
        self.newest_id: int | None = None
        self.numbering = Numbering()
        # How far its executions were compared with what the HTTP API lists.
        self._audit = Audit()
        # Holes whose repair is to be started; whoever starts it takes them out, and calls `repaired` once.
        self.to_repair: list[Hole] = []
        # When it was looked up where the channel stands, so that its first hole can be repaired, too.
        self.learned_ns: int | None = None
        # What is known of the account's orders, where missed events are to be reconciled.
        self.orders: OrderLedger | None = None
        self.parent_orders: ParentOrderLedger | None = None
        if repair is not RepairMode.OFF and channel.kind is Kind.CHILD_ORDER_EVENTS:
            self.orders = OrderLedger()
        if repair is not RepairMode.OFF and channel.kind is Kind.PARENT_ORDER_EVENTS:
            self.parent_orders = ParentOrderLedger()
        is_executions = channel.kind is Kind.EXECUTIONS
        can_be_repaired = is_executions or channel.kind.is_private
        self._repair = repair if can_be_repaired else RepairMode.OFF
        self._unrepaired = unrepaired if can_be_repaired else ""
        self._given = GivenExecutions() if is_executions else None
        self._merge: ChannelMerge[Message] | None = ChannelMerge(channel.kind) if connections > 1 else None
        self._may_be_plain = connections == 1 and channel.kind in (Kind.BOARD, Kind.TICKER)
        # The connections over which it can come at present, and since when there is one.
        self._flowing: set[int] = set()
        self._flowing_ns = 0
        # When it was last known to be alive (None: never yet), and why it is not at present.
        self._alive_ns: int | None = None
        self._last: Message | None = None
        # The message that is just being taken, where its book may take it, and over which connection.
        self._in_place: Message | None = None
        self._came_over = 0
        self._interruption: str | None = None
        self._close_code: int | None = None
        self._interrupted_ns = 0
        # Executions from several connections, which may show late where a hole was: the messages of the merge's window,
        # each with the highest id until then; how many there have been; and after how many of them the interruption is
        # that has not ended (None: after all).
        self._history: deque[tuple[Message, int | None]] = deque(maxlen=WINDOW)
        self._taken = 0
        self._interrupted_after: int | None = None
        # Whether it was silent for too long, and no message has come since.
        self._is_doubted = False
        # Why it stopped on one of several connections: the reason of a hole that this may turn out to have left.
        self._latest_reason = ""
        self._latest_code: int | None = None
        # What cannot be given yet, because there is a hole before it of which not all is known.
        self._waiting: deque[Hole | Message] = deque()
        # Holes whose repair has not ended; and the latest one, whatever became of it.
        self._repairing: list[Hole] = []
        # Gaps that come once more, since their repairs were given up for others.
        self._again: list[Gap] = []
        self._latest_hole: Hole | None = None

    # --- what happens to it; each gives what the consumer gets now

    def take(self, connection: int, message: Message, now: float, is_in_place: bool = True) -> Sequence[Message | Gap]:
        """A message came; a snapshot is `is_in_place` unless newer diffs have been given than this connection has."""
        now_ns = message.received_ns
        self._in_place = message if is_in_place else None
        self._came_over = connection
        if connection not in self._flowing:
            self._flows(connection, now_ns)
        problem = self._problem(message)
        if problem is not None:
            # The consumer gets it as it came; what it ought to have been is missing.
            return [message, *self.lost(connection, f"a message that could not be read: {problem}", now, now_ns)]
        begun = self._number(connection, message, now)
        if self._merge is None:
            items = self._take(message, now, now_ns)
        else:
            items = self._take_verdict(self._merge.receive(connection, message, message.json, now_ns), now, now_ns)
        # Given later, it would be older than the diffs that have been given meanwhile.
        self._in_place = None
        self.is_plain = self._may_be_plain and self._interruption is None and not self._waiting
        return [*begun, *items] if begun else items

    def pass_on(self, message: Message, data: Any) -> None:
        """Take a message about which there is nothing to be said, as about nearly every one; only while `is_plain`."""
        self._alive_ns = message.received_ns
        self._last = message
        if self.keeper is not None:
            self.keeper.book.apply_diff(data)  # of the plain channels only diffs have a keeper

    def acknowledged(self, connection: int, asked_ns: int, now: float, now_ns: int) -> Sequence[Message | Gap]:
        """The subscription, asked for at `asked_ns`, was acknowledged: from now on messages can come."""
        self._flows(connection, now_ns)
        self.numbering.asked(connection, asked_ns)
        items = self._resume(now, now_ns)
        if self._merge is None:
            return items
        return [*items, *self._take_verdict(self._merge.joined(connection, asked_ns, now_ns), now, now_ns)]

    def silent(self, connection: int, reason: str, now: float, now_ns: int) -> Sequence[Message | Gap]:
        """It was silent for too long on this connection: an acknowledgement is not enough to trust it again."""
        self._is_doubted = True
        self.is_plain = False
        return self.interrupted(connection, reason, now, now_ns)

    def interrupted(
        self, connection: int, reason: str, now: float, now_ns: int, close_code: int | None = None
    ) -> Sequence[Message | Gap]:
        """Nothing can come over this connection. What was interrupted before stays so, for its first reason."""
        if connection not in self._flowing:
            return ()
        self.is_plain = False
        self._flowing.discard(connection)
        self.numbering.left(connection)
        self._latest_reason, self._latest_code = reason, close_code
        # What had come over it before, and is given for that, is before the interruption.
        items = () if self._merge is None else self._take_verdict(self._merge.left(connection, now_ns), now, now_ns)
        if not self._flowing:
            self._interrupt(reason, now_ns, close_code)
        return items

    def lost(self, connection: int, reason: str, now: float, now_ns: int) -> Sequence[Message | Gap]:
        """A frame came over this connection that may have been a message of the channel, and cannot be read."""
        if connection not in self._flowing:
            return ()
        self.is_plain = False
        self._latest_reason, self._latest_code = reason, None
        if self._merge is not None:
            return self._take_verdict(self._merge.lost(connection, now_ns), now, now_ns)
        self._interrupt(reason, now_ns)
        return self._resume(now, now_ns)

    def repaired(
        self,
        hole: Hole,
        messages: Iterable[Message],
        repaired: Repaired,
        note: str = "",
        unresolved: Iterable[str] = (),
    ) -> list[Message | Gap]:
        """The repair of a hole has ended; `messages` are what it brought, in order."""
        if hole not in self._repairing:
            return []  # it was given up before
        self._repairing.remove(hole)
        hole.gap = msgspec.structs.replace(hole.gap, repaired=repaired, note=note, unresolved=tuple(unresolved))
        hole.found = list(messages)
        if hole.is_ready:
            # Its gap was given, and comes once more.
            gap, *recovered = self._fill(hole)
            return [*recovered, gap]
        hole.is_ready = True
        return self._flush()

    def handle_timer(self, now: float) -> list[Message | Gap]:
        """Give the gap of a hole after which no message has come for a while."""
        hole = self._pending()
        if hole is not None and now >= hole.deadline:
            return self.tell()
        return []

    def tell(self) -> list[Message | Gap]:
        """Give the gap of a hole after which no message has come yet, now and without one."""
        hole = self._pending()
        if hole is not None:
            self._settle(hole, None)
            return self._flush()
        return []

    def finish(self, now: float, now_ns: int) -> list[Message | Gap]:
        """No more will come, and no repair will end: give all that waits, and the gap that is still open."""
        items = [] if self._merge is None else self._take_verdict(self._merge.finish(), now, now_ns)
        if self._interruption is not None:
            self._resume(now, now_ns)
        return [*items, *self._give_up("the stream was closed"), *self._flush()]

    def learned(self, newest_id: int, now_ns: int) -> None:
        """It was looked up that the newest execution is this one, so that a hole before its first message is known."""
        if self.newest_id is None and self._interruption is None and not self._waiting:
            self.newest_id = newest_id
            # The list is ahead of the channel by some moments.
            self.numbering.learned(newest_id, now_ns + int(FIRST_MESSAGE_SECONDS * 1e9))

    def begin_audit(self, now_ns: int) -> Audit | None:
        """How far its executions were compared; None while it cannot be said what is due, as while it is interrupted.

        The audit's `reached` is None where it is to be begun with the newest execution that is listed.
        """
        if not self._flowing or self._interruption is not None or self._waiting:
            return None
        if self._audit.reached is None:
            if self.numbering.first:
                self._audit.begin(self.numbering.first, self.numbering.first_ns)
            elif now_ns < self._flowing_ns + AUDITED_AFTER_NS:
                return None
        return self._audit

    def compare(self, listed: Sequence[Execution], asked_ns: int) -> list[int]:
        """Which of the executions that were listed at `asked_ns` are due and were not given: their places."""
        return self._audit.compare(listed, self.numbering.newest, self._is_settled, asked_ns)

    def withheld(self, messages: Iterable[Message], since_ns: int, now_ns: int, note: str) -> list[Message | Gap]:
        """These executions ought to have come since then, and have not: give them, after the gap that says so."""
        found = [message for each in messages for message in self._without_known(each)]
        count = sum(len(executions_of(message)) for message in found)
        gap = Gap(
            self.name, GapCause.WITHHELD.value, min(since_ns, now_ns), now_ns, cause=GapCause.WITHHELD, recovered=count,
            repaired=Repaired.PARTIAL if note else Repaired.FULL, note=note,
        )  # fmt: skip
        return [gap, *found] if found else []

    def recovered(self, message: Message) -> None:
        """A message was given that was not brought by a connection: its executions are not to be given again."""
        if self._given is not None:
            self._given.fresh(executions_of(message))

    # --- what is known of it

    @property
    def is_repaired(self) -> bool:
        """Whether holes in it are to be repaired."""
        return self._repair is not RepairMode.OFF

    @property
    def waits_for_repairs(self) -> bool:
        """Whether later messages wait for the repair of a hole."""
        return self._repair is RepairMode.BEFORE

    @property
    def is_live(self) -> bool:
        """Whether messages can come at present."""
        return bool(self._flowing)

    def is_level(self, connection: int) -> bool:
        """Whether this connection has brought all that was given."""
        return self._merge is None or self._merge.is_level(connection)

    def is_repairing(self, hole: Hole) -> bool:
        """Whether the repair of a hole is still wanted."""
        return hole in self._repairing

    def is_flowing_over(self, connection: int) -> bool:
        """Whether messages can come over this connection at present."""
        return connection in self._flowing

    # --- inside

    def _take(self, message: Message, now: float, now_ns: int) -> Sequence[Message | Gap]:
        if self._is_doubted:
            self._is_doubted = False
            if self.keeper is not None:
                self.keeper.resumed(self.channel.kind)
        if self._interruption is not None:
            self._resume(now, now_ns)
        self._alive_ns = now_ns
        self._last = message
        if self._given is not None:
            self._note_ids(message)
        elif self.channel.kind.is_private:
            known = self._record(message)
            if known is None:
                return ()
            message = known
        if not self._waiting:
            return self._give(message)
        hole = self._waiting[-1]
        if not isinstance(hole, Hole) or not hole.is_pending:
            self._waiting.append(message)
        elif self._given is None or _goes_beyond(message, hole):
            self._settle(hole, message)
            self._waiting.append(message)
        elif self._reach_back(hole, message):
            hole.late.append(message)
        else:
            # The server repeats what came before; that ends no hole.
            self._waiting.insert(len(self._waiting) - 1, message)
        if len(self._waiting) > WAITING_LIMIT:
            self._give_up(f"{WAITING_LIMIT} messages were waiting for it")
        return self._flush()

    def _number(self, connection: int, message: Message, now: float) -> list[Message | Gap]:
        """Take note of the ids of executions; where they begin again, the gap that begins is to have that reason."""
        if self._given is None:
            return []
        ids, now_ns = [row.id for row in executions_of(message)], message.received_ns
        if not self.numbering.came(connection, ids, now_ns, lambda: bool(self._new_rows(message))):
            return []
        again = self._end_repairs(RENUMBERED_REASON)
        if self._merge is not None and self.numbering.begins_everywhere:
            again += self._take_verdict(self._merge.begin_again(connection, now_ns), now, now_ns)
        self._interrupt(RENUMBERED_REASON, now_ns)
        items = self._resume(now, now_ns)
        hole = self._pending()
        if hole is not None:
            reason = _joined(hole.gap.reason, RENUMBERED_REASON)
            hole.gap = msgspec.structs.replace(hole.gap, cause=GapCause.RENUMBERED, reason=reason)
            hole.after = hole.newest = None
        self.newest_id = None
        self._history.clear()
        # An execution of the new numbering may read like one of the former, and is another one.
        self._given = GivenExecutions()
        self._audit = Audit()
        return [*again, *items]

    def _problem(self, message: Message) -> MessageError | None:
        """Why a message cannot be read; None also where nobody here has to."""
        if self._given is None and self.keeper is None and not self.channel.kind.is_private:
            return None
        try:
            _ = message.data
        except MessageError as error:
            return error
        return None

    def _is_settled(self, row: Execution) -> bool:
        """Whether an execution was given, or a repair that goes on will bring it, as far as is remembered."""
        assert self._given is not None  # only executions are audited
        is_known = row.id <= self._given.forgotten_up_to or self._given.has(row)
        return is_known or any(
            (hole.after or 0) < row.id and (hole.before is None or row.id < hole.before) for hole in self._repairing
        )

    def _flows(self, connection: int, now_ns: int) -> None:
        if not self._flowing:
            self._flowing_ns = now_ns
        self._flowing.add(connection)
        if self.keeper is not None and not self._is_doubted:
            self.keeper.resumed(self.channel.kind)

    def _take_verdict(self, verdict: Verdict[Message], now: float, now_ns: int) -> list[Message | Gap]:
        items: list[Message | Gap] = []
        start = verdict.hole
        late = [message for message in verdict.late if self._new_rows(message)]
        latest = self._latest_hole
        if start is None and latest is not None:
            late_ids = [row.id for message in late for row in self._new_rows(message)]
            if not all(_spans(latest, number) for number in late_ids):
                start = HoleStart(latest.taken, latest.gap.to_ns)
        if start is not None and self._alive_ns is not None:
            hole = self._pending()
            if hole is not None:
                hole.taken = min(start.after, hole.taken)
                last, hole.after = self._known_after(hole.taken)
                hole.gap = msgspec.structs.replace(hole.gap, from_ns=min(start.since_ns, hole.gap.from_ns), last=last)
            else:
                self._interrupt(self._latest_reason or "a connection lost messages", now_ns, self._latest_code)
                self._alive_ns = min(start.since_ns, self._alive_ns)
                self._interrupted_after = start.after
                if self._flowing:
                    items += self._resume(now, now_ns)
            hole = self._pending()
            if hole is not None:
                hole.late += late
        for message in verdict.items:
            items += self._take(message, now, now_ns)
        return items

    def _new_rows(self, message: Message) -> list[Execution]:
        """The executions of a message that have not been given, and do not wait to be."""
        if self._given is None:
            return []
        rows = [row for row in executions_of(message) if row.id and not self._given.has(row)]
        if rows and self._waiting:
            waiting = GivenExecutions()
            for entry in self._waiting:
                waiting.fresh(executions_of(entry) if isinstance(entry, Message) else ())
            rows = [row for row in rows if not waiting.has(row)]
        return rows

    def _pending(self) -> Hole | None:
        """The hole after which no message has come yet."""
        hole = self._waiting[-1] if self._waiting else None
        return hole if isinstance(hole, Hole) and hole.is_pending else None

    def _known_after(self, taken: int) -> tuple[Message | None, int | None]:
        """The last of so many messages, and the highest id in them."""
        if not self._history:
            return self._last, self.newest_id
        behind = max(0, self._taken - taken)
        return self._history[-1 - behind] if behind < len(self._history) else (None, None)

    def _interrupt(self, reason: str, now_ns: int, close_code: int | None = None) -> None:
        if self.keeper is not None:
            self.keeper.interrupted(self.channel.kind, reason)
        if self._alive_ns is not None and self._interruption is None:
            self._interruption, self._close_code = reason, close_code
            self._interrupted_ns = now_ns
            if self.orders is not None:
                self.orders.interrupt()
            if self.parent_orders is not None:
                self.parent_orders.interrupt()

    def _resume(self, now: float, now_ns: int) -> list[Message | Gap]:
        if self.keeper is not None and not self._is_doubted:
            self.keeper.resumed(self.channel.kind)
        if self._interruption is None or self._alive_ns is None:
            self._alive_ns = max(now_ns, self._alive_ns or 0)
            return []
        to_ns = max(now_ns, self._alive_ns)
        hole = self._pending()
        if hole is not None:
            # Nothing came between this interruption and the one before: it is one gap.
            reason = _joined(hole.gap.reason, self._interruption)
            code = self._close_code if hole.gap.close_code is None else hole.gap.close_code
            hole.gap = msgspec.structs.replace(hole.gap, to_ns=to_ns, reason=reason, close_code=code)
        else:
            taken = self._taken if self._interrupted_after is None else self._interrupted_after
            last, after = self._known_after(taken)
            gap = Gap(self.name, self._interruption, self._alive_ns, to_ns, last, close_code=self._close_code)
            hole = Hole(gap, self._interrupted_ns, after, now + FIRST_MESSAGE_SECONDS, taken)
            self._waiting.append(hole)
            self._latest_hole = hole
            if self.channel.kind.is_private:
                # The next event may be days away.
                self._settle(hole, None)
        self._alive_ns = to_ns
        self._interruption = self._interrupted_after = None
        return self._flush()

    def _reach_back(self, hole: Hole, message: Message) -> bool:
        """Begin a pending hole earlier, where a message has executions before it that were never given; whether so.

        One connection lost them unnoticed and then left, and another, which was behind, takes over with them.
        """
        new = [row.id for row in self._new_rows(message)]
        if self._merge is None or not new:
            return False
        older = [n for n, (_, newest) in enumerate(self._history, 1) if newest is not None and newest < min(new)]
        hole.taken = self._taken - len(self._history) + max(older, default=0)
        last, after = self._known_after(hole.taken) if older else (None, min(new) - 1)
        from_ns = hole.gap.from_ns if last is None else min(last.received_ns, hole.gap.from_ns)
        hole.gap = msgspec.structs.replace(hole.gap, from_ns=from_ns, last=last)
        hole.after = after
        return True

    def _settle(self, hole: Hole, first: Message | None) -> None:
        """All is known about the hole but what a repair may bring."""
        hole.is_pending = False
        hole.gap = msgspec.structs.replace(hole.gap, first=first)
        if first is not None and self._given is not None:
            hole.before = min((row.id for row in executions_of(first) if row.id > (hole.after or 0)), default=None)
        is_renumbered = hole.gap.cause is GapCause.RENUMBERED
        if self._repair is RepairMode.OFF or is_renumbered:
            hole.is_ready = True
            note = "not repaired: what was executed before cannot be asked for by its ids"
            hole.gap = msgspec.structs.replace(hole.gap, note=note if is_renumbered else self._unrepaired)
            return
        self.to_repair.append(hole)
        self._repairing.append(hole)
        if self._repair is RepairMode.ALONGSIDE:
            hole.gap = msgspec.structs.replace(hole.gap, repaired=Repaired.PENDING, note=PENDING_NOTE)
            hole.is_ready = True
            if len(self._repairing) > REPAIRS_LIMIT:
                # Its gap was given, and comes once more.
                oldest = self._repairing.pop(0)
                note = f"not repaired: more than {REPAIRS_LIMIT} later gaps of the channel wait to be repaired"
                self._again.append(msgspec.structs.replace(oldest.gap, repaired=Repaired.NONE, note=note))

    def _give_up(self, why: str) -> list[Message | Gap]:
        """Wait for nothing any more, as `_end_repairs`."""
        for hole in self._waiting:
            if isinstance(hole, Hole) and hole.is_pending:
                hole.is_pending = False
                hole.is_ready = self._repair is RepairMode.OFF
                if not hole.is_ready:
                    self._repairing.append(hole)
        return self._end_repairs(why)

    def _end_repairs(self, why: str) -> list[Message | Gap]:
        """Wait for no repair any more; give the gaps that were given already and are to come once more."""
        again: list[Message | Gap] = []
        for hole in self._repairing:
            hole.gap = msgspec.structs.replace(hole.gap, repaired=Repaired.NONE, note=f"not repaired: {why}")
            if hole.is_ready:
                again.append(hole.gap)
            hole.is_ready = True
        self._repairing.clear()
        self.to_repair.clear()
        return again

    def _flush(self) -> list[Message | Gap]:
        items: list[Message | Gap] = [*self._again]
        self._again.clear()
        while self._waiting:
            entry = self._waiting[0]
            if isinstance(entry, Hole):
                if not entry.is_ready:
                    break
                items += self._fill(entry)
            else:
                items += self._give(entry)
            self._waiting.popleft()
        return items

    def _fill(self, hole: Hole) -> list[Message | Gap]:
        """The hole's gap, and what its repair brought that was not given before."""
        recovered = [message for found in hole.found for message in self._without_known(found)]
        count = sum(len(message.data) for message in recovered if isinstance(message.data, list))
        late = [message for came in hole.late for message in self._without_known(came)]
        return [msgspec.structs.replace(hole.gap, recovered=count), *recovered, *late]

    def _give(self, message: Message) -> Sequence[Message]:
        if self._given is not None:
            return self._without_known(message)
        if self.keeper is not None:
            self._keep(message)
        return (message,)

    def _keep(self, message: Message) -> None:
        assert self.keeper is not None  # it is who calls
        if self.channel.kind is Kind.BOARD_SNAPSHOT and message is not self._in_place:
            # It came over a connection that lags, or was held back: what the diffs have changed since is not in it.
            return
        board = message.data
        assert isinstance(board, Board)  # only the feeds of boards have a keeper
        self.keeper.apply(self.channel.kind, board, self._came_over)

    def _note_ids(self, message: Message) -> None:
        for hole in self._repairing:
            if hole.before is None and hole.after is not None:
                # Nothing had come when it was told. What comes now is where it ends.
                hole.before = min((row.id for row in executions_of(message) if row.id > hole.after), default=None)
        for row in executions_of(message):
            # What another connection still brings of a former numbering lies above all of the present one.
            if (self.newest_id or 0) < row.id <= self.numbering.newest:
                self.newest_id = row.id
        if self._merge is not None:
            self._history.append((message, self.newest_id))
            self._taken += 1

    def _without_known(self, message: Message) -> Sequence[Message]:
        """The message without the executions that were given before; nothing if none is left."""
        if self._given is None:
            return (message,)
        rows = executions_of(message)
        kept = self._without(message, rows, self._given.fresh(rows))
        return () if kept is None else (kept,)

    def _record(self, message: Message) -> Message | None:
        """Take note of order events; the message without those that were given before, or None if none is left."""
        events: Any = message.data
        fresh = []
        for index, event in enumerate(events):
            if isinstance(event, ChildOrderEvent):
                is_new = self.orders is None or self.orders.record(event)
            else:
                assert isinstance(event, ParentOrderEvent)  # the two private channels bring nothing else
                is_new = self.parent_orders is None or self.parent_orders.record(event)
            if is_new:
                fresh.append(index)
        return self._without(message, events, fresh)

    def _without(self, message: Message, rows: Sequence[Any], fresh: list[int]) -> Message | None:
        self.duplicates += len(rows) - len(fresh)
        return reduced(message, rows, fresh)


def _joined(reason: str, then: str) -> str:
    if then in reason or len(reason) > REASON_LIMIT:
        return reason
    return f"{reason}; then {then}"


def _spans(hole: Hole, number: int) -> bool:
    """Whether an execution with this id lies in a hole of which the end is known."""
    return hole.before is not None and (hole.after or 0) < number < hole.before


def _goes_beyond(message: Message, hole: Hole) -> bool:
    rows = executions_of(message)
    return hole.newest is None or not rows or any(row.id > hole.newest or not row.id for row in rows)
