"""Bar charts as SVG, readable on light and dark pages."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

WIDTH, LABEL, NUMBER, BAR, GAP = 760, 230, 110, 18, 8
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.number { font-size: 12px; fill: #59636e }
.bar { fill: #8c959f } .ours { fill: #bf5b00 } .spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .number { fill: #9198a1 }
  .bar { fill: #6e7681 } .ours { fill: #f0883e } .spread { stroke: #e6edf3 }
}
"""


class Bar(NamedTuple):
    """One bar: a median and the least and the most that was measured."""

    label: str
    median: float
    least: float
    most: float
    text: str
    is_ours: bool


def bars(title: str, rows: list[Bar]) -> str:
    """A chart of horizontal bars on one linear scale, each with its spread and its number."""
    top = 34
    height = top + len(rows) * (BAR + GAP) + 4
    scale = (WIDTH - LABEL - NUMBER) / max(row.most for row in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text x="0" y="17" font-weight="600">{escape(title)}</text>',
    ]
    for index, row in enumerate(rows):
        y = top + index * (BAR + GAP)
        middle = y + BAR / 2
        low, median, high = (LABEL + value * scale for value in (row.least, row.median, row.most))
        parts += [
            f'<text x="{LABEL - 8}" y="{middle + 4.5}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{"ours" if row.is_ours else "bar"}" x="{LABEL}" y="{y}" '
            f'width="{max(median - LABEL, 1):.1f}" height="{BAR}" rx="2"/>',
            f'<path class="spread" d="M{low:.1f} {middle}H{high:.1f}"/>',
            f'<text class="number" x="{max(high, median) + 8:.1f}" y="{middle + 4}">{escape(row.text)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
