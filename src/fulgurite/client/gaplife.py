"""The life of a gap: from the interruption of its channel to the last time that the consumer is told of it. Pure.

Rules that everybody must follow:

* A gap begins with the interruption of its channel, and is *pending* from the channel's resumption until its first
  message comes, or is waited for no longer.
* What interrupts the channel again while the gap is pending belongs to the same gap: nothing came in between.
* Then its end is known. Where nothing can be fetched, the gap is *ready*. Where the channel's later messages wait for
  its repair, it is *repairing* until that has ended. Where they do not wait, it is ready and repairing at once.
* A gap is *given* in its turn: after the gaps and messages that came before it.
* A gap that was given while its repair went on is ready again when the repair ends, and is given once more.

The table below is the truth. The diagram in `ARCHITECTURE.md` is made from it, and the tests walk through every cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Any, Final, NamedTuple

import msgspec

from fulgurite.client.items import Gap, GapCause, Message
from fulgurite.errors import LocalProtocolError


class GapState(StrEnum):
    """Where a gap is in its life."""

    INTERRUPTED = auto()
    """The channel brings nothing."""
    PENDING = auto()
    """The channel may bring messages again, and has brought none."""
    REPAIRING = auto()
    """What was missed is being fetched; later messages wait for it."""
    READY_REPAIRING = auto()
    """It can be given, as one whose repair goes on."""
    GIVEN_REPAIRING = auto()
    """It was given as one whose repair goes on."""
    READY = auto()
    """All is known that will be; it can be given."""
    READY_AGAIN = auto()
    """Likewise; it was given before its repair had ended, and is to be given once more."""
    GIVEN = auto()
    """The consumer knows all."""


class GapEvent(StrEnum):
    """What happens to a gap."""

    INTERRUPT = auto()
    """The channel is interrupted again."""
    RESUME = auto()
    """The channel may bring messages from now on."""
    CLOSE = auto()
    """Its end is known, and nothing can be fetched."""
    REPAIR_BEFORE = auto()
    """Its end is known; later messages wait for its repair."""
    REPAIR_ALONGSIDE = auto()
    """Its end is known; its repair goes on beside later messages."""
    END_REPAIR = auto()
    """The repair has ended, or is given up."""
    GIVE = auto()
    """Its turn has come."""


TRANSITIONS: Final[Mapping[GapState, Mapping[GapEvent, GapState]]] = {
    GapState.INTERRUPTED: {
        GapEvent.RESUME: GapState.PENDING,
    },
    GapState.PENDING: {
        GapEvent.INTERRUPT: GapState.INTERRUPTED,
        GapEvent.CLOSE: GapState.READY,
        GapEvent.REPAIR_BEFORE: GapState.REPAIRING,
        GapEvent.REPAIR_ALONGSIDE: GapState.READY_REPAIRING,
    },
    GapState.REPAIRING: {
        GapEvent.END_REPAIR: GapState.READY,
    },
    GapState.READY_REPAIRING: {
        GapEvent.GIVE: GapState.GIVEN_REPAIRING,
        GapEvent.END_REPAIR: GapState.READY,
    },
    GapState.GIVEN_REPAIRING: {
        GapEvent.END_REPAIR: GapState.READY_AGAIN,
    },
    GapState.READY: {
        GapEvent.GIVE: GapState.GIVEN,
    },
    GapState.READY_AGAIN: {
        GapEvent.GIVE: GapState.GIVEN,
    },
    GapState.GIVEN: {},
}

REASON_LIMIT: Final = 300
"""Characters of a gap's reason after which the reasons of further interruptions are left out."""


class Interruption(NamedTuple):
    """What interrupts a channel."""

    reason: str
    cause: GapCause = GapCause.INTERRUPTED
    close_code: int | None = None


class GapLife:
    """One gap, and what is known of it that its item does not say.

    Args:
        item: the gap as the consumer would be given it now.
        began_ns: when the interruption was noticed.
        after: of executions the highest id before the gap; None where none is known.
        taken: the number of executions messages that came before it.
    """

    def __init__(self, item: Gap, began_ns: int, after: int | None = None, taken: int = 0) -> None:
        self.item = item
        self.began_ns = began_ns
        self.state = GapState.INTERRUPTED
        self.taken = taken
        # Executions: the missing ones have ids between these two, of which the second is known later.
        self.after = after
        self.before: int | None = None
        # The same as `after`, but as first known: only a higher id ends the gap.
        self.highest_before = after
        # When to wait no longer for the first message after it, by the clock of its feed.
        self.deadline: float | None = None
        # What the repair brought; and what a lagging connection brought after later messages.
        self.recovered: list[Message] = []
        self.late: list[Message] = []

    def on(self, event: GapEvent, **changes: Any) -> None:
        """Go on to the next state, and change these fields of the item.

        Raises:
            LocalProtocolError: the event cannot happen in this state.
        """
        state = TRANSITIONS[self.state].get(event)
        if state is None:
            raise LocalProtocolError(f"a gap that is {self.state} cannot {event}")
        self.state = state
        if changes:
            self.amend(**changes)

    def amend(self, **changes: Any) -> None:
        """Change these fields of the item."""
        self.item = msgspec.structs.replace(self.item, **changes)

    def join(self, interruption: Interruption) -> None:
        """Say this reason, too. The first cause and the first close code stay."""
        said = self.item.reason
        if interruption.reason not in said and len(said) <= REASON_LIMIT:
            self.amend(reason=f"{said}; then {interruption.reason}")
        if self.item.close_code is None:
            self.amend(close_code=interruption.close_code)

    @property
    def is_repairing(self) -> bool:
        """Whether its repair goes on."""
        return self.state in (GapState.REPAIRING, GapState.READY_REPAIRING, GapState.GIVEN_REPAIRING)

    @property
    def is_ready(self) -> bool:
        """Whether it can be given."""
        return self.state in (GapState.READY, GapState.READY_REPAIRING, GapState.READY_AGAIN)

    def spans(self, number: int) -> bool:
        """Whether an execution with this id lies in it, as far as its end is known."""
        return self.before is not None and (self.after or 0) < number < self.before
