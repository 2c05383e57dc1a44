"""Words laid out in columns and lines of a given width. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fulgurite.protocol.words import Words, printable


class Column(NamedTuple):
    """A column of a table: its title, and its cells, each with a style."""

    title: str
    cells: list[tuple[str, str]]
    is_right: bool = True


def table(columns: list[Column]) -> list[Words]:
    """The titles, and the cells below them."""
    widths = [max(len(column.title), *(len(text) for text, _ in column.cells)) for column in columns]

    def cell(text: str, width: int, is_right: bool) -> str:
        return f"{text:>{width}}  " if is_right else f"{text:<{width}}  "

    pairs = list(zip(columns, widths, strict=True))
    lines: list[Words] = [[(cell(column.title, width, column.is_right), "dim") for column, width in pairs]]
    for i in range(len(columns[0].cells)):
        row: Words = []
        for column, width in pairs:
            text, style = column.cells[i]
            row.append((cell(text, width, column.is_right), style))
        lines.append(row)
    for line in lines:
        text, style = line[-1]
        line[-1] = text.removesuffix("  "), style
    return lines


def table_width(columns: list[Column]) -> int:
    """The width that `table` gives them."""
    return sum(max(len(column.title), *(len(text) for text, _ in column.cells)) + 2 for column in columns) - 2


def beside(panels: list[tuple[int, Words]]) -> Words:
    """One line of panels that stand side by side, each with its width."""
    line: Words = []
    for width, words in panels:
        fitting = cut(words, width - 1)
        line += [*fitting, (" " * (width - sum(len(text) for text, _ in fitting)), "")]
    return line


def cut(words: Words, width: int) -> Words:
    """The words as far as they fit."""
    fitting: Words = []
    for text, style in words:
        if len(text) > width:
            if width > 0:
                fitting.append((text[: width - 1] + "…", style))
            break
        fitting.append((text, style))
        width -= len(text)
    return fitting


def sized(lines: list[Words], width: int, height: int) -> list[Words]:
    """As many lines as `height`, each as wide as `width` or less."""
    fitting = [cut(line, width) for line in lines[:height]]
    return fitting + [[] for _ in range(height - len(fitting))]


def wrapped_words(words: Words, width: int, limit: int) -> list[Words]:
    """A line whose last piece is wrapped, below itself, to so many lines at the most."""
    *before, (text, style) = words
    indent = sum(len(text) for text, _ in before) + 1
    if limit == 1 or indent + len(text) <= width or indent > width // 2:
        return [words]
    first, *others = wrapped(text, width - indent)
    if len(others) >= limit:
        others[limit - 2 :] = [" ".join(others[limit - 2 :])]
    return [[*before, (f" {first}", style)], *([(" " * indent + line, style)] for line in others)]


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of that width; a longer word has a longer one."""
    lines = [""]
    for word in printable(text).split():
        if len(lines[-1]) + len(word) >= width and lines[-1]:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines
