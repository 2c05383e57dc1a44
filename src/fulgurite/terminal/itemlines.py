"""Items as lines: JSON for programs, and words with styles for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.errors import ChannelError, MessageError
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.words import Words, data_words, printable

_JSON = msgspec.json.Encoder()

_KINDS = {Kind.BOARD_SNAPSHOT: "snapshot", Kind.CHILD_ORDER_EVENTS: "orders", Kind.PARENT_ORDER_EVENTS: "special"}
_LOUD = (
    StatusKind.REFUSED,
    StatusKind.UNANSWERED,
    StatusKind.CLOSED,
    StatusKind.SILENT,
    StatusKind.DEAD,
    StatusKind.BEHIND,
    StatusKind.DROPPED,
)


def json_line(item: Item) -> bytes | None:
    """The item as one line of JSON with its newline; None unless it is a message or a gap.

    The message stands in it byte for byte as it came, except that line breaks between its tokens become spaces; the
    real service sends none. Messages that were fetched afterwards have `"backfilled": true` or
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
        # The messages around it have lines of their own, and are found by these times.
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
            for words in data_words(data):
                yield [label, *words]
        case Gap():
            seconds = (item.to_ns - item.from_ns) / 1e9
            text = f"GAP of {seconds:.3f} s, {item.reason}; {_repair(item)}"
            yield [(_label(item.channel), "cyan"), (printable(text), "bold white on red")]
        case Status():
            # The details of these are sentences already.
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


def _label(channel: str) -> str:
    """The channel in one column: its product and its kind."""
    try:
        kind, product_code = parse_channel(channel)
    except ChannelError:
        text = channel
    else:
        text = f"{product_code} {_KINDS.get(kind, kind.removeprefix('lightning_'))}".lstrip()
    return f"{printable(text):22} "
