"""The messages of the six channels as typed values, and the times in them (protocol reference, section 3). Pure.

Field names are the wire's own. A field that the wire leaves out is None here (never on the wire); members that
the reference does not know are ignored, since "items may change or be added" (section 3.3). Numbers are `float`:
the wire's decimals have at most 15 significant digits, so ``Decimal(repr(x))`` gives them back exactly.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from fulgurite.errors import InputError, MessageError
from fulgurite.protocol.channels import Channel, Kind


def _words(description: str, *words: str) -> msgspec.Meta:
    """The schema of a text of a few words, for the descriptions of the API; decoding takes any text."""
    return msgspec.Meta(description=description, extra_json_schema={"enum": list(words)})


class Level(msgspec.Struct, frozen=True, gc=False):
    """One price of the order book with its total size; size 0 means that the level is gone."""

    price: float
    size: float


class Board(msgspec.Struct, frozen=True, gc=False):
    """A board snapshot (3.1) or a diff (3.2): the same shape on two channels. The order of levels means nothing."""

    mid_price: float
    bids: list[Level]
    asks: list[Level]


class Ticker(msgspec.Struct, frozen=True, gc=False):
    """The ticker of one product (3.3)."""

    product_code: str
    timestamp: str
    tick_id: int
    best_bid: float
    best_ask: float
    best_bid_size: float
    best_ask_size: float
    total_bid_depth: float
    total_ask_depth: float
    ltp: float
    volume: float
    volume_by_product: float
    state: Annotated[
        str | None, _words("Absent before 2020.", "RUNNING", "CLOSED", "STARTING", "PREOPEN", "CIRCUIT BREAK")
    ] = None
    market_bid_size: float | None = None
    market_ask_size: float | None = None
    # Present since 2022 or 2023; their values are unknown, so anything is taken.
    preopen_end: Annotated[Any, msgspec.Meta(description="Null while RUNNING.")] = None
    circuit_break_end: Annotated[Any, msgspec.Meta(description="Null while RUNNING.")] = None


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution (3.4). The product is not in it: it stands in the channel's name."""

    id: Annotated[int, msgspec.Meta(description='Rises within a product; 0 is known to happen and means "no id".')]
    side: Annotated[str, _words('The taker\'s side; "" for the executions of an itayose.', "BUY", "SELL", "")]
    price: float
    size: float
    exec_date: str
    buy_child_order_acceptance_id: str
    sell_child_order_acceptance_id: str


class ChildOrderEvent(msgspec.Struct, frozen=True, gc=False):
    """One event in the life of an order (3.5); its optional fields depend on `event_type`."""

    product_code: str
    child_order_id: str
    child_order_acceptance_id: str
    event_date: str
    event_type: Annotated[
        str,
        _words(
            "Decides about the other members.",
            *("ORDER", "ORDER_FAILED", "CANCEL", "CANCEL_FAILED", "EXECUTION", "EXPIRE"),
        ),
    ]
    child_order_type: str | None = None
    side: str | None = None
    price: float | None = None
    size: float | None = None
    expire_date: str | None = None
    reason: str | None = None
    exec_id: int | None = None
    commission: float | None = None
    sfd: float | None = None
    outstanding_size: float | None = None


class ParentOrderEvent(msgspec.Struct, frozen=True, gc=False):
    """One event in the life of a special order (3.6); its optional fields depend on `event_type`."""

    product_code: str
    parent_order_id: str
    parent_order_acceptance_id: str
    event_date: str
    event_type: Annotated[
        str,
        _words(
            "Decides about the other members.",
            *("ORDER", "ORDER_FAILED", "CANCEL", "TRIGGER", "COMPLETE", "EXPIRE"),
        ),
    ]
    parent_order_type: str | None = None
    reason: str | None = None
    child_order_type: str | None = None
    parameter_index: int | None = None
    child_order_acceptance_id: str | None = None
    side: str | None = None
    price: float | None = None
    size: float | None = None
    expire_date: str | None = None


Data: TypeAlias = Board | Ticker | list[Execution] | list[ChildOrderEvent] | list[ParentOrderEvent]
"""The type of a channel's decoded message."""

TYPES: Final[Mapping[Kind, Any]] = {
    Kind.BOARD_SNAPSHOT: Board,
    Kind.BOARD: Board,
    Kind.TICKER: Ticker,
    Kind.EXECUTIONS: list[Execution],
    Kind.CHILD_ORDER_EVENTS: list[ChildOrderEvent],
    Kind.PARENT_ORDER_EVENTS: list[ParentOrderEvent],
}
"""The type of the messages of each kind of channel."""

_DECODERS: dict[Kind, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(type_) for kind, type_ in TYPES.items()}


def decoder_of(channel: Channel) -> msgspec.json.Decoder[Any]:
    """The decoder of a channel's messages; it raises msgspec's errors."""
    return _DECODERS[channel.kind]


def decode_message(channel: Channel, message: msgspec.Raw | bytes | str) -> Data:
    """Decode the JSON text of one message of `channel`.

    Raises:
        MessageError: it does not fit the channel's type; `received` keeps the whole text.
    """
    try:
        data: Data = _DECODERS[channel.kind].decode(message)
    # Lone surrogates and JSON nested some thousand levels deep are bad input too, with other errors of msgspec.
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MessageError(channel.name, str(error), message if isinstance(message, str) else bytes(message)) from error
    return data


# Accepts the forms of section 3: 0 to 7 fraction digits (up to 9 here), seconds or minutes left out, Z or none.
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?Z?", re.ASCII)


def parse_time(text: str) -> int:
    """Read a time of the API as nanoseconds since 1970-01-01 UTC.

    All its times are UTC, with Z (realtime) or without (HTTP, and `expire_date` in order events); the
    number of fraction digits varies (section 3).

    Raises:
        InputError: it is no such time, for example blank, as is known to happen.
    """
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match:
        year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
        days_in_month = calendar.monthrange(year, month)[1] if year and 1 <= month <= 12 else 0
        if 1 <= day <= days_in_month and hour < 24 and minute < 60 and second <= 60:
            seconds = calendar.timegm((year, month, day, hour, minute, second))
            return seconds * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))
    raise InputError("time", text, "UTC as in 2026-09-23T03:31:25.6491037Z, with 0 to 9 fraction digits")
