"""The table of a gap's life: every cell of it, and the diagram that is made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fulgurite import Gap, GapCause, Repaired
from fulgurite.client.gaplife import TRANSITIONS, GapEvent, GapLife, GapState, Interruption
from fulgurite.errors import LocalProtocolError
from tools.draw_gaplife import diagram

CELLS = [(state, event) for state in GapState for event in GapEvent]


def life_in(state: GapState) -> GapLife:
    """A gap that has come to this state by legal events."""
    paths: dict[GapState, list[GapEvent]] = {GapState.INTERRUPTED: []}
    for _ in GapState:
        for start, path in list(paths.items()):
            for event, end in TRANSITIONS[start].items():
                paths.setdefault(end, [*path, event])
    gap = GapLife(Gap("a channel", "it broke", 1, 1), 1)
    for event in paths[state]:
        gap.on(event)
    return gap


@pytest.mark.parametrize(("state", "event"), CELLS)
def test_an_event_leads_to_the_state_in_its_cell_or_is_illegal_and_changes_nothing(state, event):
    gap = life_in(state)
    item = gap.item
    end = TRANSITIONS[state].get(event)
    if end is None:
        with pytest.raises(LocalProtocolError, match=f"a gap that is {state} cannot {event}"):
            gap.on(event, note="changed")
        assert (gap.state, gap.item) == (state, item)
    else:
        gap.on(event, note="changed")
        assert (gap.state, gap.item.note) == (end, "changed")


def test_every_life_ends_given():
    ends = {state: set(TRANSITIONS[state].values()) for state in GapState}
    reached = {GapState.GIVEN}
    for _ in GapState:
        reached |= {state for state, targets in ends.items() if targets & reached}
    assert reached == set(GapState)
    assert not TRANSITIONS[GapState.GIVEN]


@pytest.mark.parametrize("state", GapState)
def test_a_gap_is_given_exactly_where_it_is_ready_and_its_repair_ends_exactly_where_it_goes_on(state):
    gap = life_in(state)
    assert gap.is_ready == (GapEvent.GIVE in TRANSITIONS[state])
    assert gap.is_repairing == (GapEvent.END_REPAIR in TRANSITIONS[state])


def test_a_gap_says_each_reason_once_and_keeps_its_first_close_code():
    gap = GapLife(Gap("a channel", "it broke", 1, 1), 1)
    gap.join(Interruption("closed", close_code=1012))
    gap.join(Interruption("closed", GapCause.SILENT, 1006))
    assert (gap.item.reason, gap.item.close_code) == ("it broke; then closed", 1012)
    assert gap.item.cause is GapCause.INTERRUPTED
    for number in range(1000):
        gap.join(Interruption(f"reason {number}"))
    assert len(gap.item.reason) < 350
    assert gap.item.repaired is Repaired.NONE


def test_the_diagram_of_the_architecture_is_made_from_the_table():
    text = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text()
    assert diagram() in text, "python -m tools.draw_gaplife prints the diagram to be put there"
