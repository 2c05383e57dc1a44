"""The life of a gap: from the interruption of its channel to its last delivery. Pure.

Rules:

* A gap begins with the interruption of its channel. It is *pending* from the channel's resumption until the first
  message, or until the wait for that message is over.
* A further interruption of a pending gap belongs to the same gap, because no message came in between.
* Then the end of the gap is known. Without a repair, the gap is *ready*. If later messages wait for its repair, it is
  *repairing* until the repair ends. If they do not wait, it is ready and repairing at the same time.
* A gap is *given* in its turn, after all earlier gaps and messages.
* A gap given during its repair is ready again when the repair ends, and is given a second time.

The table below is the source of the diagram in `ARCHITECTURE.md`, and the tests walk through every cell of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Any, Final, NamedTuple

import msgspec

from fulgurite.client.items import Gap, GapCause, Message
from fulgurite.errors import LocalProtocolError


class GapState(StrEnum):
    """The state of a gap."""

    INTERRUPTED = auto()
    """The channel is interrupted."""
    PENDING = auto()
    """The channel has resumed; its first message is expected."""
    REPAIRING = auto()
    """Missed messages are being fetched; later messages wait."""
    READY_REPAIRING = auto()
    """The gap can be given; its repair is under way."""
    GIVEN_REPAIRING = auto()
    """The gap was given; its repair is under way."""
    READY = auto()
    """The gap can be given, in its final form."""
    READY_AGAIN = auto()
    """The gap can be given a second time, in its final form."""
    GIVEN = auto()
    """The gap was given in its final form."""


class GapEvent(StrEnum):
    """An event in the life of a gap."""

    INTERRUPT = auto()
    """A further interruption of the channel."""
    RESUME = auto()
    """The channel's resumption."""
    CLOSE = auto()
    """The end of a gap without repair."""
    REPAIR_BEFORE = auto()
    """The end of a gap, and the start of a repair that later messages wait for."""
    REPAIR_ALONGSIDE = auto()
    """The end of a gap, and the start of a repair beside later messages."""
    END_REPAIR = auto()
    """The end of the repair."""
    GIVE = auto()
    """The delivery to the consumer."""


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
"""Length of a gap's reason, in characters, from which the reasons of further interruptions are left out."""


class Interruption(NamedTuple):
    """The reason, the cause and the close code of an interruption."""

    reason: str
    cause: GapCause = GapCause.INTERRUPTED
    close_code: int | None = None


class GapLife:
    """One gap: its item, its state, and the data for its repair.

    Args:
        item: the gap's item in its present form.
        began_ns: the time of detection of the interruption.
        after: the highest execution id before the gap; None if unknown.
        taken: the number of executions messages before the gap.
    """

    def __init__(self, item: Gap, began_ns: int, after: int | None = None, taken: int = 0) -> None:
        self.item = item
        self.began_ns = began_ns
        self.state = GapState.INTERRUPTED
        self.taken = taken
        # The ids of missing executions lie between these two; the second becomes known later.
        self.after = after
        self.before: int | None = None
        # The first value of `after`: only a higher id ends the gap.
        self.highest_before = after
        # The end of the wait for the first message after the gap, by the clock of its feed.
        self.deadline: float | None = None
        # The messages of the repair; and late messages of a lagging connection.
        self.recovered: list[Message] = []
        self.late: list[Message] = []

    def on(self, event: GapEvent, **changes: Any) -> None:
        """Go to the next state and change these fields of the item.

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
        """Add the reason of a further interruption. The first cause and the first close code stay."""
        said = self.item.reason
        if interruption.reason not in said and len(said) <= REASON_LIMIT:
            self.amend(reason=f"{said}; then {interruption.reason}")
        if self.item.close_code is None:
            self.amend(close_code=interruption.close_code)

    @property
    def is_repairing(self) -> bool:
        """Whether its repair is under way."""
        return self.state in (GapState.REPAIRING, GapState.READY_REPAIRING, GapState.GIVEN_REPAIRING)

    @property
    def is_ready(self) -> bool:
        """Whether it can be given."""
        return self.state in (GapState.READY, GapState.READY_REPAIRING, GapState.READY_AGAIN)

    def spans(self, number: int) -> bool:
        """Whether an execution with this id lies in the gap. False while its end is unknown."""
        return self.before is not None and (self.after or 0) < number < self.before
