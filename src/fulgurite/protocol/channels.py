"""Names of realtime channels, and their parts (protocol reference, section 3). Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, Self

from fulgurite.errors import ChannelError


class Kind(StrEnum):
    """The six kinds of channel; the value is the channel's name, or its prefix where a product follows."""

    BOARD_SNAPSHOT = "lightning_board_snapshot"
    BOARD = "lightning_board"
    TICKER = "lightning_ticker"
    EXECUTIONS = "lightning_executions"
    CHILD_ORDER_EVENTS = "child_order_events"
    PARENT_ORDER_EVENTS = "parent_order_events"

    @property
    def is_private(self) -> bool:
        """Whether the channel carries the events of one account and so needs `auth` first."""
        return self in (Kind.CHILD_ORDER_EVENTS, Kind.PARENT_ORDER_EVENTS)


PUBLIC_KINDS = tuple(kind for kind in Kind if not kind.is_private)
PRIVATE_KINDS = tuple(kind for kind in Kind if kind.is_private)

# The service writes products in capitals. To any other name it listens, and stays silent (section 1.2).
_PRODUCT_CODE = re.compile("[A-Z0-9][A-Z0-9_]{0,63}")

# `lightning_board_snapshot_` also begins with `lightning_board_`, so the longer prefix is tried first.
_PREFIXES = sorted(((f"{kind}_", kind) for kind in PUBLIC_KINDS), key=lambda pair: -len(pair[0]))


if TYPE_CHECKING:
    from typing_extensions import TypeVar  # a type checker has it; with a default, `Channel` alone is one of any kind

    K_co = TypeVar("K_co", bound=Kind, default=Kind, covariant=True)
else:
    from typing import TypeVar

    K_co = TypeVar("K_co")


class _Parts(NamedTuple):
    kind: Kind
    product_code: str


class Channel(_Parts, Generic[K_co]):
    """One channel: its kind, and the product it is about ("" for the two private ones).

    Raises:
        ChannelError: the kind is none, or the product is none that the service may have, or one with a private kind.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        kind: K_co

    def __new__(cls, kind: K_co, product_code: str = "") -> Self:
        """Make one that the service may have; `parse_channel` makes those of any product, as servers take them."""
        if not isinstance(kind, Kind):
            raise ChannelError("kind", kind, [f"Kind.{each.name}" for each in Kind])
        return super().__new__(cls, kind, _check_product(kind, product_code))

    @property
    def name(self) -> str:
        """The name as it goes over the wire, for example ``lightning_ticker_BTC_JPY``."""
        return f"{self.kind}_{self.product_code}" if self.product_code else str(self.kind)

    def __str__(self) -> str:
        return self.name


def parse_channel(name: str) -> Channel:
    """Take a channel's name apart.

    Product codes are not checked: the real service acknowledges any product under a known prefix and then stays
    silent (protocol reference, section 1.2).

    Raises:
        ChannelError: the name has none of the known prefixes, or no product where one must follow.
    """
    if isinstance(name, str):
        for kind in PRIVATE_KINDS:
            if name == kind:
                return Channel(kind)
        for prefix, kind in _PREFIXES:
            if name.startswith(prefix) and len(name) > len(prefix):
                return Channel._make((kind, name[len(prefix) :]))
    raise ChannelError("channel", name, [*(f"{prefix}PRODUCT" for prefix, _ in _PREFIXES), *PRIVATE_KINDS])


def check_product_code(code: object) -> str:
    """Give back a product code as the service writes them.

    Raises:
        ChannelError: it is none.
    """
    if not isinstance(code, str) or not _PRODUCT_CODE.fullmatch(code):
        meant = code.strip().upper() if isinstance(code, str) else ""
        example = meant if _PRODUCT_CODE.fullmatch(meant) else "BTC_JPY"
        raise ChannelError("product_code", code, f"a product code in capitals, such as {example}")
    return code


def check_channel(channel: object) -> Channel:
    """Give back a channel that a caller names, or has made; its product must be one that the service may have.

    Raises:
        ChannelError: it is none.
    """
    if not isinstance(channel, Channel):
        channel = parse_channel(channel) if isinstance(channel, str) else channel
    if not isinstance(channel, Channel) or not isinstance(channel.kind, Kind):
        raise ChannelError(
            "channel", channel, 'one that `ticker` and its like make, or a name such as "lightning_ticker_BTC_JPY"'
        )
    _check_product(channel.kind, channel.product_code)
    return channel


def _check_product(kind: Kind, product_code: object) -> str:
    if not kind.is_private:
        return check_product_code(product_code)
    if product_code != "":
        raise ChannelError("product_code", product_code, f'"" with {kind}: it is about all products')
    return ""


def board_snapshot(product_code: str) -> Channel[Literal[Kind.BOARD_SNAPSHOT]]:
    """The whole order book, about every 5 seconds (section 3.1)."""
    return Channel(Kind.BOARD_SNAPSHOT, check_product_code(product_code))


def board(product_code: str) -> Channel[Literal[Kind.BOARD]]:
    """The changed levels of the order book, batched to about 120 ms (section 3.2)."""
    return Channel(Kind.BOARD, check_product_code(product_code))


def ticker(product_code: str) -> Channel[Literal[Kind.TICKER]]:
    """Best prices, depth, volume and state, at most every 500 ms (section 3.3)."""
    return Channel(Kind.TICKER, check_product_code(product_code))


def executions(product_code: str) -> Channel[Literal[Kind.EXECUTIONS]]:
    """Every execution (section 3.4)."""
    return Channel(Kind.EXECUTIONS, check_product_code(product_code))


def child_order_events() -> Channel[Literal[Kind.CHILD_ORDER_EVENTS]]:
    """Events of the account's orders, all products (section 3.5)."""
    return Channel(Kind.CHILD_ORDER_EVENTS)


def parent_order_events() -> Channel[Literal[Kind.PARENT_ORDER_EVENTS]]:
    """Events of the account's special orders, all products (section 3.6)."""
    return Channel(Kind.PARENT_ORDER_EVENTS)
