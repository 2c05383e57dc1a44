"""The gaps of one channel, and the messages held back behind them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from fulgurite.client.gaplife import GapEvent, GapLife, GapState
from fulgurite.client.items import GapCause, Message, Repaired

HELD_LIMIT: Final = 10_000
"""Limit on the messages of a channel held back behind a repair; at the limit the repair is given up."""

REPAIRS_LIMIT: Final = 100
"""Limit on the concurrent repairs of a channel alongside its messages; at the limit the oldest is given up."""

PENDING_NOTE: Final = (
    "the repair is retried for as long as the service keeps executions, 31 days, unless the stream is closed"
)
RENUMBERED_NOTE: Final = "not repaired: executions of an earlier numbering cannot be requested by id"


class RepairMode(StrEnum):
    """The place of fetched messages."""

    BEFORE = "before"
    """Before the channel's later messages, which wait."""
    ALONGSIDE = "alongside"
    """As soon as they are fetched, among later messages."""
    OFF = "off"


class ChannelGaps:
    """The gaps not yet given, in order, with the messages between them.

    Args:
        mode: the repair of gaps.
        unrepaired: the note of gaps without repair.
    """

    def __init__(self, mode: RepairMode, unrepaired: str) -> None:
        self.mode = mode
        self.latest: GapLife | None = None
        """The last gap that began, in any state."""
        self.to_repair: list[GapLife] = []
        """Gaps for the caller to remove, and to start their repairs."""
        self.repairing: list[GapLife] = []
        """Gaps under repair."""
        self._unrepaired = unrepaired
        self._held: deque[GapLife | Message] = deque()
        # Gaps to be given a second time.
        self._again: list[GapLife] = []

    @property
    def holds_back(self) -> bool:
        """Whether later messages are held back behind a gap."""
        return bool(self._held)

    @property
    def open(self) -> GapLife | None:
        """The gap without an end: interrupted or pending."""
        entry = self._held[-1] if self._held else None
        if isinstance(entry, GapLife) and entry.state in (GapState.INTERRUPTED, GapState.PENDING):
            return entry
        return None

    @property
    def pending(self) -> GapLife | None:
        """The open gap, if the channel has resumed."""
        gap = self.open
        return gap if gap is not None and gap.state is GapState.PENDING else None

    @property
    def is_interrupted(self) -> bool:
        """Whether the channel is interrupted."""
        gap = self.open
        return gap is not None and gap.state is GapState.INTERRUPTED

    def messages(self) -> list[Message]:
        """The messages held back."""
        return [entry for entry in self._held if isinstance(entry, Message)]

    def begin(self, gap: GapLife) -> None:
        """Add the gap of a new interruption. There must be no open gap."""
        self._held.append(gap)
        self.latest = gap

    def hold(self, message: Message, *, before_open: bool = False) -> None:
        """Hold back a message, at the end or just before the open gap. At the limit, give up repairs."""
        self._held.insert(len(self._held) - before_open, message)
        if len(self._held) > HELD_LIMIT:
            self.give_up(f"{HELD_LIMIT} messages were waiting for it")

    def close(self, first: Message | None, before: int | None = None) -> None:
        """End the pending gap, with or without a message after it, and queue its repair, if there is one."""
        gap = self.pending
        assert gap is not None  # the caller has checked it
        gap.before = before
        gap.amend(first=first)
        if gap.item.cause is GapCause.RENUMBERED:
            gap.on(GapEvent.CLOSE, note=RENUMBERED_NOTE)
        elif self.mode is RepairMode.OFF:
            gap.on(GapEvent.CLOSE, note=self._unrepaired)
        else:
            self._begin_repair(gap)

    def repaired(self, gap: GapLife, messages: Iterable[Message], **result: Any) -> bool:
        """End the repair of a gap with these messages, and change these fields of its item.

        Returns:
            Whether the repair was still expected.
        """
        if gap not in self.repairing:
            return False
        gap.recovered = list(messages)
        self._end_repair(gap, **result)
        return True

    def give_up(self, why: str) -> None:
        """Stop waiting for repairs, and for the first message after the open gap."""
        gap = self.pending
        if gap is not None:
            gap.on(GapEvent.CLOSE, note="" if self.mode is RepairMode.OFF else f"not repaired: {why}")
        self.give_up_repairs(why)

    def give_up_repairs(self, why: str) -> None:
        """Stop waiting for repairs."""
        for gap in list(self.repairing):
            self._end_repair(gap, repaired=Repaired.NONE, note=f"not repaired: {why}")
        self.to_repair.clear()

    def release(self) -> Sequence[GapLife | Message]:
        """Remove and return the entries ready to be given, in order, after the gaps to be given a second time."""
        released: list[GapLife | Message] = [*self._again]
        self._again.clear()
        while self._held:
            entry = self._held[0]
            if isinstance(entry, GapLife) and not entry.is_ready:
                break
            released.append(self._held.popleft())
        return released

    # --- inside

    def _begin_repair(self, gap: GapLife) -> None:
        self.to_repair.append(gap)
        self.repairing.append(gap)
        if self.mode is RepairMode.BEFORE:
            gap.on(GapEvent.REPAIR_BEFORE)
            return
        gap.on(GapEvent.REPAIR_ALONGSIDE, repaired=Repaired.PENDING, note=PENDING_NOTE)
        if len(self.repairing) > REPAIRS_LIMIT:
            note = f"not repaired: more than {REPAIRS_LIMIT} later gaps of the channel are waiting for repair"
            self._end_repair(self.repairing[0], repaired=Repaired.NONE, note=note)

    def _end_repair(self, gap: GapLife, **result: Any) -> None:
        self.repairing.remove(gap)
        gap.on(GapEvent.END_REPAIR, **result)
        if gap.state is GapState.READY_AGAIN:
            self._again.append(gap)
