"""Items as lines: JSON for programs, and words with styles for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

import msgspec

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.errors import ChannelError, MessageError
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, ChildOrderEvent, Execution, ParentOrderEvent, Ticker

Words: TypeAlias = list[tuple[str, str]]
"""One line for people, without its time: pieces of text, each with a style of rich ("" for none)."""

_JSON = msgspec.json.Encoder()

_STYLES = {"BUY": "green", "SELL": "red"}
_KINDS = {Kind.BOARD_SNAPSHOT: "snapshot", Kind.CHILD_ORDER_EVENTS: "orders", Kind.PARENT_ORDER_EVENTS: "special"}
_LOUD = (StatusKind.REFUSED, StatusKind.UNANSWERED, StatusKind.CLOSED, StatusKind.SILENT, StatusKind.DEAD)


def json_line(item: Item) -> bytes | None:
    """The item as one line of JSON with its newline; None for what is no message and no gap.

    The message stands in it byte for byte as it came, except that line breaks between its tokens, which the real
    service never sends, become spaces. Messages that were fetched afterwards have `"backfilled": true` or
    `"reconciled": true`.
    """
    if isinstance(item, Message):
        channel = _JSON.encode(item.channel)
        message = item.raw
        if b"\n" in message or b"\r" in message:
            message = message.replace(b"\n", b" ").replace(b"\r", b" ")
        origin = b"" if item.origin is Origin.LIVE else b',"%b":true' % item.origin.encode()
        return b'{"channel":%b,"received_ns":%d,"message":%b%b}\n' % (channel, item.received_ns, message, origin)
    if isinstance(item, Gap):
        return _JSON.encode(_gap_members(item)) + b"\n"
    return None


def _gap_members(gap: Gap) -> dict[str, object]:
    members: dict[str, object] = {"event": "gap"}
    for name, value in msgspec.structs.asdict(gap).items():
        # The messages around it have lines of their own; here is what finds them.
        members[f"{name}_ns" if name in ("last", "first") else name] = (
            value.received_ns if isinstance(value, Message) else value
        )
    return members


def human_lines(item: Item) -> Iterator[Words]:
    """The item as lines for people: one, or one for each execution and order event of a message."""
    match item:
        case Message():
            label = (_label(item.channel), "cyan")
            if item.origin is not Origin.LIVE:
                label = (f"{label[0]}{item.origin} ", "cyan")
            try:
                data = item.data
            except MessageError as error:
                yield [label, (printable(f"cannot be read: {error}"), "bold red")]
                return
            for words in _data_lines(data):
                yield [label, *words]
        case Gap():
            seconds = (item.to_ns - item.from_ns) / 1e9
            text = f"GAP of {seconds:.3f} s, {item.reason}; {_repair(item)}"
            yield [(_label(item.channel), "cyan"), (printable(text), "bold white on red")]
        case Status():
            # What went wrong is a sentence already.
            is_loud = item.kind in _LOUD
            text = item.detail if is_loud else f"{item.kind.replace('_', ' ')} {item.detail}".rstrip()
            yield [(_label(item.channel or ""), "cyan"), (printable(text), "bold yellow" if is_loud else "dim")]
        case Malformed():
            yield [(_label(""), ""), (printable(f"not the protocol: {item.error}: {item.frame[:200]}"), "bold red")]
        case Frame():
            arrow = ">" if item.direction == "sent" else "<"
            yield [(_label(""), ""), (printable(f"{arrow} {item.text}"), "dim")]


def _repair(gap: Gap) -> str:
    words = "its repair is under way" if gap.repaired is Repaired.PENDING else f"repaired: {gap.repaired}"
    if gap.recovered:
        words += f", {gap.recovered} recovered"
    if gap.unresolved:
        words += f", {len(gap.unresolved)} orders ended and nobody can say how: {', '.join(gap.unresolved)}"
    return f"{words} ({gap.note})" if gap.note else words


def _data_lines(data: object) -> Iterator[Words]:
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


def _row(row: object) -> Words:
    match row:
        case Execution():
            # No side: the fill of an itayose (protocol reference, section 3.4).
            side = row.side or "----"
            return [
                (f"{printable(side):4} {number_text(row.price)} x {number_text(row.size)}", _STYLES.get(row.side, "")),
                (f"  id {row.id}", "dim"),
            ]
        case ChildOrderEvent() | ParentOrderEvent():
            words = [printable(row.event_type)]
            if row.side:
                words.append(printable(row.side))
            if row.price is not None and row.size is not None:
                words.append(f"{number_text(row.price)} x {number_text(row.size)}")
            if row.reason:
                words.append(printable(row.reason))
            number = (
                row.parent_order_acceptance_id if isinstance(row, ParentOrderEvent) else row.child_order_acceptance_id
            )
            return [
                (f"{printable(row.product_code)} {' '.join(words)}", _STYLES.get(row.side or "", "")),
                (f"  {printable(number)}", "dim"),
            ]
    raise AssertionError(f"a list of a message's data never holds {type(row)}")


def _side(name: str, prices: list[float], word: str, nearest: float | None) -> str:
    count = f"{len(prices)} {name}{'' if len(prices) == 1 else 's'}"
    return count if nearest is None else f"{count} {word} {number_text(nearest)}"


def _label(channel: str) -> str:
    """The channel in one column: its product and what it carries."""
    try:
        kind, product_code = parse_channel(channel)
    except ChannelError:
        text = channel
    else:
        text = f"{product_code} {_KINDS.get(kind, kind.removeprefix('lightning_'))}".lstrip()
    return f"{printable(text):22} "


def number_text(value: float) -> str:
    """A number as the wire means it, without exponent, with separators for thousands."""
    text = f"{Decimal(repr(value)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def printable(text: str) -> str:
    """The text without anything that could command a terminal: a server chooses it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
