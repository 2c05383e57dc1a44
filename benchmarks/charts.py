"""Charts as SVG, readable on light and dark pages."""

from __future__ import annotations

from html import escape
from math import ceil, floor, log, log10
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
DASHES = ("none", "7 4", "2 3")
LINE_STYLE = """
.grid { stroke: #8c959f; stroke-width: 0.5; opacity: 0.35 }
.line { fill: none; stroke: #59636e; stroke-width: 2 } .line0 { stroke: #bf5b00 }
@media (prefers-color-scheme: dark) { .line { stroke: #9198a1 } .line0 { stroke: #f0883e } }
""" + "\n".join(f".line{number} {{ stroke-dasharray: {dashes} }}" for number, dashes in enumerate(DASHES))


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


class Line(NamedTuple):
    """One line: a name and its points, each as (x, median, least, most)."""

    label: str
    points: list[tuple[float, float, float, float]]


def lines(title: str, across: str, drawn: list[Line]) -> str:
    """A chart of lines, both scales logarithmic; the first line is ours."""
    left, right, top, bottom, height = 60, 40, 44, 64 + 20 * len(drawn), 260
    xs = [point[0] for line in drawn for point in line.points]
    ys = [value for line in drawn for point in line.points for value in point[1:] if value > 0]
    low_y, high_y = 10 ** floor(log10(min(ys))), 10 ** ceil(log10(max(ys)))
    low_x, high_x = min(xs), max(xs)

    def across_at(x: float) -> float:
        return left + (WIDTH - left - right) * log(x / low_x) / log(high_x / low_x) if high_x > low_x else left

    def up_at(y: float) -> float:
        return top + height * (1 - log(max(y, low_y) / low_y) / log(high_y / low_y)) if high_y > low_y else top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + height + bottom}" width="{WIDTH}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}{LINE_STYLE}</style>",
        f'<text x="0" y="17" font-weight="600">{escape(title)}</text>',
    ]
    y = low_y
    while y <= high_y * 1.001:
        for part in (1, 2, 5):
            if y * part <= high_y * 1.001:
                at = up_at(y * part)
                parts.append(f'<path class="grid" d="M{left} {at:.1f}H{WIDTH - right}"/>')
                parts.append(
                    f'<text class="number" x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{y * part:,g}</text>'
                )
        y *= 10
    for x in sorted(set(xs)):
        at = across_at(x)
        parts.append(f'<path class="grid" d="M{at:.1f} {top}V{top + height}"/>')
        parts.append(f'<text class="number" x="{at:.1f}" y="{top + height + 16}" text-anchor="middle">{x:,.0f}</text>')
    parts.append(f'<text class="number" x="{WIDTH - right}" y="{top + height + 34}" text-anchor="end">{across}</text>')
    for index, line in enumerate(drawn):
        shape = f"line{index % len(DASHES)}"
        path = " ".join(f"{across_at(x):.1f} {up_at(median):.1f}" for x, median, _, _ in line.points)
        parts.append(f'<path class="line {shape}" d="M{path}"/>')
        parts += [
            f'<path class="spread" d="M{across_at(x):.1f} {up_at(least):.1f}V{up_at(most):.1f}"/>'
            for x, _, least, most in line.points
        ]
        at_y = top + height + 50 + index * 20
        parts.append(f'<path class="line {shape}" d="M{left} {at_y}h40"/>')
        parts.append(f'<text x="{left + 48}" y="{at_y + 4}">{escape(line.label)}</text>')
    return "\n".join([*parts, "</svg>", ""])
