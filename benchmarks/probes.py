"""The tables whose rows measure themselves, in the order in which they are shown."""

from __future__ import annotations

from benchmarks import exchange, fanout, framelog, slow, start

TABLES = (*fanout.TABLES, *slow.TABLES, *start.TABLES, *framelog.TABLES, *exchange.TABLES)

HOWS = (fanout.HOW, slow.HOW, start.HOW, framelog.HOW, exchange.HOW)
"""How each was measured, as items of a list in Markdown."""
