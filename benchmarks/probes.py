"""The tables whose rows measure themselves, in the order in which they are shown."""

from __future__ import annotations

from benchmarks import fanout

TABLES = (*fanout.TABLES,)

HOWS = (fanout.HOW,)
"""How each was measured, as items of a list in Markdown."""
