"""All tables, in the order in which they are shown."""

from __future__ import annotations

from benchmarks import clients, fanout, framelog, page, slow, start

_MODULES = (clients, fanout, slow, framelog, start, page)

TABLES = tuple(table for module in _MODULES for table in module.TABLES)
HOWS = tuple(module.HOW for module in _MODULES)
"""How each was measured, as items of a list in Markdown."""
