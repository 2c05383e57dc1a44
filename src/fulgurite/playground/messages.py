"""What the page and its backend say to each other; `static/messages.js` mirrors it for the page.

Every message is a JSON object whose `type` names it. The page sends one per WebSocket message; the backend sends
arrays of them, one array a batch. Times are milliseconds since 1970-01-01 UTC, which JavaScript holds exactly.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from fulgurite.errors import InputError

# A channel's name is at most 64 characters long here, and a URL 2,000: both many times what is in use.
ChannelName: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]
ChannelNames: TypeAlias = Annotated[list[ChannelName], msgspec.Meta(max_length=200)]
Url: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]


class _FromPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=str.lower):
    """What the page may say."""


class Connect(_FromPage, frozen=True):
    """Connect to `endpoint` ("embedded", "live" or a URL), ending the connection there may be."""

    endpoint: Url
    dialect: Annotated[str, msgspec.Meta(max_length=16)]
    channels: ChannelNames = []
    http: Url = ""
    """Where the endpoint's HTTP API is, if elsewhere; "" to leave it to the endpoint."""


class Disconnect(_FromPage, frozen=True):
    """End the connection and stay without one."""


class Subscribe(_FromPage, frozen=True):
    """Subscribe to these channels too."""

    channels: ChannelNames


class Unsubscribe(_FromPage, frozen=True):
    """Subscribe to these channels no longer."""

    channels: ChannelNames


class View(_FromPage, frozen=True):
    """Show the order book, the executions and the ticker of this product."""

    product_code: ChannelName


FromPage: TypeAlias = Connect | Disconnect | Subscribe | Unsubscribe | View


class _ToPage(msgspec.Struct, frozen=True, tag=str.lower):
    """What the backend may say."""


class Hello(_ToPage, frozen=True):
    """The first message: what this backend offers."""

    version: str
    embedded: str
    """Where the embedded exchange listens, or "" if there is none."""
    live: str


class Products(_ToPage, frozen=True):
    """The product codes of the endpoint."""

    endpoint: str
    product_codes: list[str]
    from_endpoint: bool
    """False where the endpoint did not say, and the nine products of the Japanese service stand in."""


class Connection(_ToPage, frozen=True):
    """The state of the connection; the latest counts."""

    state: str
    """closed, connecting, open, backing_off, failed."""
    endpoint: str
    dialect: str
    since_ms: float
    detail: str = ""
    retry_at_ms: float | None = None
    """When the next attempt is due, while backing off."""


class ChannelState(msgspec.Struct, frozen=True):
    """The state of one channel that was asked for."""

    channel: str
    state: str
    """waiting (for a connection), asked, acknowledged, refused, receiving."""
    messages: int = 0
    last_ms: float | None = None
    detail: str = ""


class Channels(_ToPage, frozen=True):
    """All channels asked for, and the traffic of the connection so far; the latest counts."""

    now_ms: float
    frames: int
    bytes: int
    channels: list[ChannelState]


class Frame(_ToPage, frozen=True):
    """One frame of the connection."""

    direction: str
    """sent, received."""
    at_ms: float
    text: str
    size: int
    """In bytes."""


class Status(_ToPage, frozen=True):
    """Something happened to the connection or to one channel."""

    kind: str
    """That of the client's status; or unreachable, failed, disconnected."""
    at_ms: float
    channel: str = ""
    detail: str = ""


class Gap(_ToPage, frozen=True):
    """A known or suspected interval of missing messages on a channel."""

    channel: str
    reason: str
    from_ms: float
    to_ms: float
    repaired: str


class Malformed(_ToPage, frozen=True):
    """A frame that could not be understood."""

    at_ms: float
    text: str
    problem: str


class Dropped(_ToPage, frozen=True):
    """The page was too slow: so many rows were left out here. The connection itself lost nothing."""

    count: int


class Book(_ToPage, frozen=True):
    """The order book of the product in view; the latest counts."""

    product_code: str
    state: str
    """LIVE, STALE, WAITING_SNAPSHOT."""
    reason: str
    drift_count: int
    bids: list[tuple[float, float]] = []
    """Best first, [price, size]; empty unless LIVE."""
    asks: list[tuple[float, float]] = []


class Execution(msgspec.Struct, frozen=True):
    """One execution; `exec_date` as it came."""

    id: int
    side: str
    price: float
    size: float
    exec_date: str


class Executions(_ToPage, frozen=True):
    """Executions of the product in view, oldest first."""

    product_code: str
    executions: list[Execution]
    restart: bool = False
    """True if these take the place of all that the page has shown."""


class Ticker(_ToPage, frozen=True):
    """The ticker of the product in view; the latest counts."""

    product_code: str
    ltp: float
    best_bid: float
    best_ask: float
    volume: float
    state: str
    timestamp: str


class Problem(_ToPage, frozen=True):
    """What the page last asked for cannot be done."""

    text: str


ToPage: TypeAlias = (
    Hello
    | Products
    | Connection
    | Channels
    | Frame
    | Status
    | Gap
    | Malformed
    | Dropped
    | Book
    | Executions
    | Ticker
    | Problem
)

MESSAGE_LIMIT = 65_536
"""How many characters a message of the page may have; those it really sends have a few thousand at most."""

_decoder = msgspec.json.Decoder(FromPage)


def decode(text: str) -> FromPage:
    """Read one message of the page.

    Raises:
        InputError: it is none.
    """
    if len(text) > MESSAGE_LIMIT:
        raise InputError("message of the page", text, f"at most {MESSAGE_LIMIT} characters")
    try:
        message: FromPage = _decoder.decode(text)
    # Lone surrogates and JSON nested some thousand levels deep are bad input too, whatever msgspec raises for them.
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError("message of the page", text, f"one of playground/messages.py ({error})") from error
    return message
