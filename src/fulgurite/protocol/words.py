"""Messages in words, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from fulgurite.protocol.messages import Board, ChildOrderEvent, Data, Execution, ParentOrderEvent, Ticker

Words: TypeAlias = list[tuple[str, str]]
"""One line: pieces of text, each with a style of rich ("" for none)."""

LINE_LIMIT: Final = 160
"""The longest line, in characters."""

_STYLES = {"BUY": "green", "SELL": "red"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def one_line(*parts: str) -> str:
    """The parts that are not empty as one line that commands no terminal, cut with … at `LINE_LIMIT` characters."""
    text = printable(" ".join(part for part in parts if part)[: LINE_LIMIT + 1])
    return text if len(text) <= LINE_LIMIT else f"{text[: LINE_LIMIT - 1]}…"


def time_text(at_ns: int) -> str:
    """A moment in UTC to the millisecond, as in 2026-09-23T03:31:25.649Z.

    Args:
        at_ns: nanoseconds since 1970-01-01 UTC; beyond the year 9999 they are given as they are.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ns // 1_000_000)
    except OverflowError:
        return f"{at_ns} ns"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def data_text(data: Data) -> str:
    """A message in a line; of a long list its beginning, cut by `one_line`."""
    rows = ("".join(text for text, _ in words) for words in data_words(data))
    if not isinstance(data, list) or len(data) == 1:
        return next(rows, "")
    # Enough to fill a line: a backfilled message has 500.
    beginning = "; ".join(text for text, _ in zip(rows, range(LINE_LIMIT), strict=False))
    return f"{len(data)} of them: {beginning}" if data else "nothing"


def data_words(data: Data) -> Iterator[Words]:
    """A message in lines: one, or one for each execution and order event."""
    match data:
        case Ticker():
            words = [
                (f"{number_text(data.best_bid)}", "green"),
                (" / ", ""),
                (f"{number_text(data.best_ask)}", "red"),
                (f"  last {number_text(data.ltp)}  volume {number_text(data.volume)}", ""),
            ]
            if data.state not in (None, "RUNNING"):
                words.append((f"  {printable(str(data.state))}", "bold yellow"))
            yield words
        case Board():
            bids = [level.price for level in data.bids if level.size]
            asks = [level.price for level in data.asks if level.size]
            gone = len(data.bids) + len(data.asks) - len(bids) - len(asks)
            yield [
                (f"mid {number_text(data.mid_price)}  ", ""),
                (_side("bid", bids, "up to", max(bids, default=None)), "green"),
                ("  ", ""),
                (_side("ask", asks, "from", min(asks, default=None)), "red"),
                (f"  {gone} gone" if gone else "", "dim"),
            ]
        case list():
            for row in data:
                yield _row(row)


def _row(row: Execution | ChildOrderEvent | ParentOrderEvent) -> Words:
    if isinstance(row, Execution):
        # No side: the fill of an itayose (protocol reference, section 3.4).
        side = row.side or "----"
        return [
            (f"{printable(side):4} {number_text(row.price)} x {number_text(row.size)}", _STYLES.get(row.side, "")),
            (f"  id {row.id}", "dim"),
        ]
    words = [printable(row.event_type)]
    if row.side:
        words.append(printable(row.side))
    if row.price is not None and row.size is not None:
        words.append(f"{number_text(row.price)} x {number_text(row.size)}")
    if row.reason:
        words.append(printable(row.reason))
    number = row.parent_order_acceptance_id if isinstance(row, ParentOrderEvent) else row.child_order_acceptance_id
    return [
        (f"{printable(row.product_code)} {' '.join(words)}", _STYLES.get(row.side or "", "")),
        (f"  {printable(number)}", "dim"),
    ]


def _side(name: str, prices: list[float], word: str, nearest: float | None) -> str:
    count = f"{len(prices)} {name}{'' if len(prices) == 1 else 's'}"
    return count if nearest is None else f"{count} {word} {number_text(nearest)}"


def number_text(value: float) -> str:
    """A number as the wire means it, without exponent, with separators for thousands."""
    text = f"{Decimal(repr(value)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def printable(text: str) -> str:
    """The text without anything that could command a terminal: a server chooses it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
