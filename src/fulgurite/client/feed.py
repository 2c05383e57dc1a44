"""One channel: messages of its connections become items for the consumer, gaps included. Pure.

`now` is in seconds on a monotonic clock. `now_ns` is in nanoseconds since 1970 on a clock that may be set back; no gap
ends before it begins even then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from fulgurite.client.audit import Audit
from fulgurite.client.bookkeeping import BookKeeper
from fulgurite.client.channelexecutions import ChannelExecutions
from fulgurite.client.channelgaps import ChannelGaps, RepairMode
from fulgurite.client.duplicates import executions_of, reduced
from fulgurite.client.gaplife import GapEvent, GapLife, GapState, Interruption
from fulgurite.client.items import Gap, GapCause, Message, Repaired
from fulgurite.client.merge import ChannelMerge, GapStart, Verdict
from fulgurite.client.reconcile import OrderLedger
from fulgurite.client.reconcileparents import ParentOrderLedger
from fulgurite.errors import MessageError
from fulgurite.protocol.channels import Channel, Kind
from fulgurite.protocol.messages import Board, Execution, decoder_of

FIRST_MESSAGE_SECONDS: Final = 5.0
"""Seconds that a gap waits for the channel's next message, its `first`. On a quiet channel the gap has none."""

RENUMBERED: Final = Interruption("the ids of executions began again", GapCause.RENUMBERED)


class _Link:
    """The connections that carry a channel at present, and the trust in them."""

    def __init__(self) -> None:
        self.connections: set[int] = set()
        # Time of the first connection after there was none.
        self.since_ns = 0
        # Time of the latest sign of life; None before the first.
        self.alive_ns: int | None = None
        # True after an excessive silence, until the next message.
        self.is_doubted = False
        # Reason and close code of the latest ending of a connection, for gaps that are found later.
        self.stopped = Interruption("a connection lost messages")


class Feed:
    """One channel of a stream.

    Args:
        channel: the channel.
        connections: the number of connections that bring it at the same time; more than one are merged.
        repair: the repair of its gaps, before later messages, alongside them, or none.
        unrepaired: the reason against repairs, if there is one. It becomes the note of repairable gaps.
    """

    def __init__(
        self, channel: Channel, connections: int = 1, repair: RepairMode = RepairMode.OFF, unrepaired: str = ""
    ) -> None:
        is_executions = channel.kind is Kind.EXECUTIONS
        can_be_repaired = is_executions or channel.kind.is_private
        self.channel = channel
        self.decode = decoder_of(channel).decode
        self.is_given = True
        """Whether the consumer asked for it. A book may need a channel that the consumer has not asked for."""
        self.keeper: BookKeeper | None = None
        self.is_plain = False
        """Whether the next message needs no decision, so that `pass_on` may process it; executions also `follow`."""
        self.executions = ChannelExecutions(connections > 1) if is_executions else None
        self.orders: OrderLedger | ParentOrderLedger | None = None
        """The account's orders, if missed events are to be reconciled."""
        if repair is not RepairMode.OFF and channel.kind.is_private:
            self.orders = OrderLedger() if channel.kind is Kind.CHILD_ORDER_EVENTS else ParentOrderLedger()
        self.gaps = ChannelGaps(repair, unrepaired) if can_be_repaired else ChannelGaps(RepairMode.OFF, "")
        self._merge: ChannelMerge[Message] | None = ChannelMerge(channel.kind) if connections > 1 else None
        self._link = _Link()
        self._last: Message | None = None
        # The message in process, unless it is unfit for the book, and its connection.
        self._current: tuple[Message | None, int] = None, 0

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.channel.name

    # --- events; each returns items for the consumer

    def message(self, connection: int, message: Message, now: float, is_in_place: bool = True) -> list[Message | Gap]:
        """Process a message. A snapshot is not `is_in_place` if its connection lags behind the diffs already given."""
        now_ns = message.received_ns
        self._current = message if is_in_place else None, connection
        if connection not in self._link.connections:
            self._flows(connection, now_ns)
        problem = self._problem(message)
        if problem is not None:
            # The consumer gets the unreadable message, and a gap for its contents.
            return [message, *self.lost(connection, f"a message that could not be read: {problem}", now, now_ns)]
        items = self._number(connection, message, now)
        if self._merge is None:
            items += self._accept(message, now, now_ns)
        else:
            items += self._merged(self._merge.receive(connection, message, message.json, now_ns), now, now_ns)
        # A snapshot given later is older than the diffs given in between.
        self._current = None, connection
        is_ordinary = self._merge is None and self.channel.kind in (Kind.BOARD, Kind.TICKER, Kind.EXECUTIONS)
        self.is_plain = is_ordinary and not (self.gaps.holds_back or self.gaps.repairing)
        return items

    def pass_on(self, message: Message, data: Any) -> Message | None:
        """Process and return a message that needs no decision, as nearly all; only while `is_plain`; see `follow`."""
        self._link.alive_ns = message.received_ns
        self._last = message
        if self.keeper is not None:
            self.keeper.book.apply_diff(data)  # a plain channel with a keeper carries diffs
        return message if self.executions is None else self.executions.without_given(message)

    def acknowledged(self, connection: int, asked_ns: int, now: float, now_ns: int) -> list[Message | Gap]:
        """Process the acknowledgement of the subscription that was requested at `asked_ns`: messages can come."""
        self._flows(connection, now_ns)
        if self.executions is not None:
            self.executions.numbering.asked(connection, asked_ns)
        items = self._resume(now, now_ns)
        if self._merge is not None:
            items += self._merged(self._merge.joined(connection, asked_ns, now_ns), now, now_ns)
        return items

    def silent(self, connection: int, reason: str, now: float, now_ns: int) -> list[Message | Gap]:
        """Process an excessive silence on a connection. Only a message restores trust, not an acknowledgement."""
        self._link.is_doubted = True
        self.is_plain = False
        return self._stop(connection, Interruption(reason, GapCause.SILENT), now, now_ns)

    def interrupted(
        self, connection: int, reason: str, now: float, now_ns: int, close_code: int | None = None
    ) -> list[Message | Gap]:
        """Process the end of a connection. A channel that is already interrupted keeps the first reason."""
        return self._stop(connection, Interruption(reason, close_code=close_code), now, now_ns)

    def lost(self, connection: int, reason: str, now: float, now_ns: int) -> list[Message | Gap]:
        """Process an unreadable frame, perhaps a message of this channel."""
        if connection not in self._link.connections:
            return []
        self.is_plain = False
        self._link.stopped = Interruption(reason, GapCause.UNREADABLE)
        if self._merge is not None:
            return self._merged(self._merge.lost(connection, now_ns), now, now_ns)
        self._interrupt(self._link.stopped, now_ns)
        return self._resume(now, now_ns)

    def repaired(
        self,
        gap: GapLife,
        messages: Iterable[Message],
        repaired: Repaired,
        note: str = "",
        unresolved: Iterable[str] = (),
    ) -> list[Message | Gap]:
        """Process the end of a gap's repair, with the messages that it brought, in order."""
        is_wanted = self.gaps.repaired(gap, messages, repaired=repaired, note=note, unresolved=tuple(unresolved))
        return self._release() if is_wanted else []

    def handle_timer(self, now: float) -> list[Message | Gap]:
        """Give the pending gap if its wait for a message is over."""
        gap = self.gaps.pending
        is_due = gap is not None and gap.deadline is not None and now >= gap.deadline
        return self.tell() if is_due else []

    def tell(self) -> list[Message | Gap]:
        """Give the pending gap now, without a message after it."""
        if self.gaps.pending is None:
            return []
        self._close_gap(None)
        return self._release()

    def finish(self, now: float, now_ns: int) -> list[Message | Gap]:
        """End the channel and its repairs; give the open gap and all messages held back."""
        items = [] if self._merge is None else self._merged(self._merge.finish(), now, now_ns)
        if self.gaps.is_interrupted:
            items += self._resume(now, now_ns)
        self.gaps.give_up("the stream was closed")
        return items + self._release()

    def learned(self, newest_id: int, now_ns: int) -> None:
        """Use the newest listed execution as the beginning of a gap before the channel's first message."""
        if self.executions is not None and self.executions.newest_id is None and not self.gaps.holds_back:
            # The list is a little ahead of the channel.
            self.executions.learn(newest_id, now_ns + int(FIRST_MESSAGE_SECONDS * 1e9))

    def begin_audit(self, now_ns: int) -> Audit | None:
        """Begin an audit of the executions; None while the due executions are unknown, as during a gap.

        The `reached` of the result is None if the audit begins with the newest listed execution.
        """
        if self.executions is None or not self._link.connections or self.gaps.holds_back:
            return None
        return self.executions.begin_audit(self._link.since_ns, now_ns)

    def compare(self, listed: Sequence[Execution], asked_ns: int) -> list[int]:
        """Indexes of the executions listed at `asked_ns` that are due and were not given."""
        assert self.executions is not None  # only executions are audited
        return self.executions.compare(listed, self.gaps.repairing, asked_ns)

    def withheld(self, messages: Iterable[Message], since_ns: int, now_ns: int, note: str) -> list[Message | Gap]:
        """Give executions that have been due since `since_ns` and never came, after a gap that reports them."""
        found = self._without_given(messages)
        gap = Gap(
            self.name, GapCause.WITHHELD.value, min(since_ns, now_ns), now_ns, cause=GapCause.WITHHELD,
            recovered=_count(found), repaired=Repaired.PARTIAL if note else Repaired.FULL, note=note,
        )  # fmt: skip
        return [gap, *found] if found else []

    def recovered(self, message: Message) -> Message | None:
        """Remember executions that the caller has; return the message without those given before, or None."""
        return message if self.executions is None else self.executions.without_given(message)

    # --- state

    @property
    def needs_repair(self) -> bool:
        """Whether its gaps need repair."""
        return self.gaps.mode is not RepairMode.OFF

    @property
    def waits_for_repairs(self) -> bool:
        """Whether later messages wait for the repair of a gap."""
        return self.gaps.mode is RepairMode.BEFORE

    @property
    def is_live(self) -> bool:
        """Whether any connection carries the channel at present."""
        return bool(self._link.connections)

    def is_level(self, connection: int) -> bool:
        """Whether this connection has brought all messages given."""
        return self._merge is None or self._merge.is_level(connection)

    def is_flowing_over(self, connection: int) -> bool:
        """Whether this connection carries the channel at present."""
        return connection in self._link.connections

    # --- the sequence of messages

    def _accept(self, message: Message, now: float, now_ns: int) -> list[Message | Gap]:
        """Process the next message of the sequence."""
        link, gaps = self._link, self.gaps
        if link.is_doubted:
            link.is_doubted = False
            if self.keeper is not None:
                self.keeper.resumed(self.channel.kind)
        items = self._resume(now, now_ns) if gaps.is_interrupted else []
        link.alive_ns = now_ns
        self._last = message
        if self.executions is not None:
            self._note_executions(message)
        elif self.channel.kind.is_private:
            fresh = self._record(message)
            if fresh is None:
                return items
            message = fresh
        if not gaps.holds_back:
            return items + self._give(message)
        gap = gaps.pending
        if gap is None:
            gaps.hold(message)
        elif self.executions is None or _goes_beyond(message, gap):
            self._close_gap(message)
            gaps.hold(message)
        elif self._reach_back(gap, message):
            gap.late.append(message)
        else:
            # A repetition of earlier messages ends no gap.
            gaps.hold(message, before_open=True)
        return items + self._release()

    def _merged(self, verdict: Verdict[Message], now: float, now_ns: int) -> list[Message | Gap]:
        """Process a verdict of the merge."""
        items: list[Message | Gap] = []
        late = [message for message in verdict.late if self._new_rows(message)]
        start = verdict.gap or self._start_of(late)
        if start is not None and self._link.alive_ns is not None:
            self._begin_earlier(start, now_ns)
            gap = self.gaps.open
            assert gap is not None  # it was begun, or moved
            gap.late += late
            if gap.state is GapState.INTERRUPTED and self._link.connections:
                items += self._resume(now, now_ns)
        for message in verdict.items:
            items += self._accept(message, now, now_ns)
        return items

    def _number(self, connection: int, message: Message, now: float) -> list[Message | Gap]:
        """Record the ids of executions, and begin a gap if the numbering began again."""
        if self.executions is None:
            return []
        numbering, now_ns = self.executions.numbering, message.received_ns
        ids = [row.id for row in executions_of(message)]
        if not numbering.came(connection, ids, now_ns, lambda: bool(self._new_rows(message))):
            return []
        self.gaps.give_up_repairs(RENUMBERED.reason)
        items = self._release()
        if self._merge is not None and numbering.begins_everywhere:
            items += self._merged(self._merge.begin_again(connection, now_ns), now, now_ns)
        self._interrupt(RENUMBERED, now_ns)
        items += self._resume(now, now_ns)
        gap = self.gaps.pending
        if gap is not None:
            gap.join(RENUMBERED)
            gap.amend(cause=GapCause.RENUMBERED)
            gap.after = gap.highest_before = None
        self.executions.begin_again()
        return items

    def _problem(self, message: Message) -> MessageError | None:
        """The reason that a message is unreadable; None also if nothing here reads it."""
        if self.executions is None and self.keeper is None and not self.channel.kind.is_private:
            return None
        try:
            _ = message.data
        except MessageError as error:
            return error
        return None

    def _note_executions(self, message: Message) -> None:
        assert self.executions is not None  # the caller has seen it
        for gap in self.gaps.repairing:
            if gap.before is None and gap.after is not None:
                # No message followed when it was closed. It ends with this one.
                gap.before = min((row.id for row in executions_of(message) if row.id > gap.after), default=None)
        self.executions.note(message)

    def _record(self, message: Message) -> Message | None:
        """Record order events; return the message without those given before, or None if none is left."""
        if self.orders is None:
            return message
        events: Any = message.data
        fresh = [index for index, event in enumerate(events) if self.orders.record(event)]
        return reduced(message, events, fresh)

    # --- gaps

    def _flows(self, connection: int, now_ns: int) -> None:
        if not self._link.connections:
            self._link.since_ns = now_ns
        self._link.connections.add(connection)
        if self.keeper is not None and not self._link.is_doubted:
            self.keeper.resumed(self.channel.kind)

    def _stop(self, connection: int, interruption: Interruption, now: float, now_ns: int) -> list[Message | Gap]:
        if connection not in self._link.connections:
            return []
        self.is_plain = False
        self._link.connections.discard(connection)
        self._link.stopped = interruption
        if self.executions is not None:
            self.executions.numbering.left(connection)
        # The merge may give messages of this connection before the interruption.
        items = [] if self._merge is None else self._merged(self._merge.left(connection, now_ns), now, now_ns)
        if not self._link.connections:
            self._interrupt(interruption, now_ns)
        return items

    def _interrupt(self, interruption: Interruption, now_ns: int) -> None:
        if self.keeper is not None:
            self.keeper.interrupted(self.channel.kind, interruption.reason)
        if self._link.alive_ns is None or self.gaps.is_interrupted:
            return  # no promise has been made yet, or the first reason stays
        gap = self.gaps.open
        if gap is None:
            taken = 0 if self.executions is None else self.executions.taken
            last, after = self._known_after(taken)
            alive_ns = self._link.alive_ns
            reason, cause, close_code = interruption
            item = Gap(self.name, reason, alive_ns, alive_ns, last, cause=cause, close_code=close_code)
            self.gaps.begin(GapLife(item, now_ns, after, taken))
        else:
            gap.on(GapEvent.INTERRUPT)
            gap.join(interruption)
        if self.orders is not None:
            self.orders.interrupt()

    def _resume(self, now: float, now_ns: int) -> list[Message | Gap]:
        if self.keeper is not None and not self._link.is_doubted:
            self.keeper.resumed(self.channel.kind)
        self._link.alive_ns = to_ns = max(now_ns, self._link.alive_ns or 0)
        gap = self.gaps.open
        if gap is None or gap.state is GapState.PENDING:
            return []
        gap.on(GapEvent.RESUME, to_ns=to_ns)
        if gap.deadline is None:
            gap.deadline = now + FIRST_MESSAGE_SECONDS
        if self.channel.kind.is_private:
            # The next event may be days ahead.
            self._close_gap(None)
        return self._release()

    def _close_gap(self, first: Message | None) -> None:
        """Close the pending gap: only the messages of its repair are still unknown."""
        gap = self.gaps.pending
        before = None
        if first is not None and gap is not None and self.executions is not None:
            before = min((row.id for row in executions_of(first) if row.id > (gap.after or 0)), default=None)
        self.gaps.close(first, before)

    def _start_of(self, late: Sequence[Message]) -> GapStart | None:
        """The start of the latest gap, unless all these late messages lie in it."""
        gap = self.gaps.latest
        if gap is None or all(gap.spans(row.id) for message in late for row in self._new_rows(message)):
            return None
        return GapStart(gap.taken, gap.item.to_ns)

    def _begin_earlier(self, start: GapStart, now_ns: int) -> None:
        """Have the open gap, or a new one, begin no later than `start`."""
        if self.gaps.open is None:
            self._interrupt(self._link.stopped, now_ns)
        gap = self.gaps.open
        assert gap is not None  # the channel was alive
        gap.taken = min(start.after, gap.taken)
        last, gap.after = self._known_after(gap.taken)
        gap.amend(from_ns=min(start.since_ns, gap.item.from_ns), last=last)
        if gap.deadline is None:
            gap.highest_before = gap.after

    def _reach_back(self, gap: GapLife, message: Message) -> bool:
        """Begin a pending gap earlier if a message has earlier executions that were never given; whether it did.

        This happens if one connection lost them unnoticed and left, and another, lagging one takes over with them.
        """
        new = [row.id for row in self._new_rows(message)]
        if self._merge is None or self.executions is None or not new:
            return False
        taken = self.executions.taken_before(min(new))
        if taken is None:
            gap.taken, last, gap.after = self.executions.taken - self.executions.remembered, None, min(new) - 1
        else:
            gap.taken = taken
            last, gap.after = self._known_after(taken)
        gap.amend(from_ns=gap.item.from_ns if last is None else min(last.received_ns, gap.item.from_ns), last=last)
        return True

    def _known_after(self, taken: int) -> tuple[Message | None, int | None]:
        """The last of the first `taken` messages, and the highest id in them."""
        if self.executions is None:
            return self._last, None
        return self.executions.last_of(taken) or (self._last, self.executions.newest_id)

    def _new_rows(self, message: Message) -> list[Execution]:
        """The executions of a message that were neither given nor held back."""
        return [] if self.executions is None else self.executions.new_rows(message, self.gaps.messages())

    # --- to the consumer

    def _release(self) -> list[Message | Gap]:
        items: list[Message | Gap] = []
        for entry in self.gaps.release():
            items += self._give_gap(entry) if isinstance(entry, GapLife) else self._give(entry)
        return items

    def _give_gap(self, gap: GapLife) -> list[Message | Gap]:
        """Give a gap and the messages of its repair that were not given before."""
        recovered = self._without_given(gap.recovered)
        late = self._without_given(gap.late)
        is_again = gap.state is GapState.READY_AGAIN
        gap.on(GapEvent.GIVE)
        item = msgspec.structs.replace(gap.item, recovered=_count(recovered))
        return [*recovered, item] if is_again else [item, *recovered, *late]

    def _give(self, message: Message) -> list[Message | Gap]:
        if self.executions is not None:
            fresh = self.executions.without_given(message)
            return [] if fresh is None else [fresh]
        if self.keeper is not None:
            self._keep(message, self.keeper)
        return [message]

    def _keep(self, message: Message, keeper: BookKeeper) -> None:
        current, connection = self._current
        if self.channel.kind is Kind.BOARD_SNAPSHOT and message is not current:
            return  # it was held back, or its connection lags: later diffs have already been applied
        board = message.data
        assert isinstance(board, Board)  # only the feeds of boards have a keeper
        keeper.apply(self.channel.kind, board, connection)

    def _without_given(self, messages: Iterable[Message]) -> list[Message]:
        if self.executions is None:
            return list(messages)
        found = (self.executions.without_given(message) for message in messages)
        return [message for message in found if message is not None]


def _count(messages: Iterable[Message]) -> int:
    return sum(len(message.data) for message in messages if isinstance(message.data, list))


def _goes_beyond(message: Message, gap: GapLife) -> bool:
    highest, rows = gap.highest_before, executions_of(message)
    return highest is None or not rows or any(row.id > highest or not row.id for row in rows)
