"""Prints the diagram of a gap's life for `ARCHITECTURE.md`, in Mermaid: `python -m tools.draw_gaplife`."""

from __future__ import annotations

from fulgurite.client.gaplife import TRANSITIONS, GapState


def diagram() -> str:
    """The table as a state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {GapState.INTERRUPTED}: the channel is interrupted"]
    lines += [
        f"    {start} --> {end}: {event.replace('_', ' ')}"
        for start, events in TRANSITIONS.items()
        for event, end in events.items()
    ]
    return "\n".join([*lines, f"    {GapState.GIVEN} --> [*]", "```"])


if __name__ == "__main__":
    print(diagram())
