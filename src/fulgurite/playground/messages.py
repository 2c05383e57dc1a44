"""The messages between the page and its backend; `static/js/messages.js` mirrors them for the page. Pure.

Every message is a JSON object whose `type` names it. The page sends one per WebSocket message; the backend sends
arrays of them, one array a batch. Times are milliseconds since 1970-01-01 UTC: JavaScript holds them exactly.

This module is long because it lists all messages of both sides.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from fulgurite.errors import InputError
from fulgurite.playground.candles import Candle, GapSpan
from fulgurite.playground.heatmap import Column

# A channel's name is at most 64 characters long here, and a URL 2,000: both many times what is in use.
ChannelName: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]
ChannelNames: TypeAlias = Annotated[list[ChannelName], msgspec.Meta(max_length=200)]
Url: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
Key: TypeAlias = Annotated[str, msgspec.Meta(max_length=256)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Hex: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Body: TypeAlias = Annotated[str, msgspec.Meta(max_length=20_000)]


class _FromPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=str.lower):
    """A message of the page."""


class Connect(_FromPage, frozen=True):
    """Connect to `endpoint` ("embedded", "live" or a URL), ending the connection there may be."""

    endpoint: Url
    dialect: Annotated[str, msgspec.Meta(max_length=16)]
    channels: ChannelNames = []
    http: Url = ""
    """Where the endpoint's HTTP API is, if elsewhere; "" to leave it to the endpoint."""
    api_key: Key = ""
    """The key that the page signs with when it is asked to; "" if it has none."""
    stored: ChannelName = ""
    """Or the name of a key in the keychain for the backend to sign with; "" for none."""
    source: Number = 0
    """The number of the page's choice of a source; see `Source`."""


class Disconnect(_FromPage, frozen=True):
    """End the connection and stay without one."""

    source: Number = 0
    """The number of the page's choice of a source: another endpoint may have been chosen, and not connected to."""


class Subscribe(_FromPage, frozen=True):
    """Subscribe to these channels too."""

    channels: ChannelNames


class Unsubscribe(_FromPage, frozen=True):
    """Subscribe to these channels no longer."""

    channels: ChannelNames


class View(_FromPage, frozen=True):
    """Show the order book, the executions and the ticker of this product."""

    product_code: ChannelName


class Charts(_FromPage, frozen=True):
    """Send the state of these parts of the market view, and nothing for the others."""

    parts: Annotated[list[Literal["book", "candles", "depth", "heatmap"]], msgspec.Meta(max_length=4)]
    interval_s: Literal[1, 10, 60, 300]
    """The length of a candle."""


class Record(_FromPage, frozen=True):
    """Begin to record the connection, or end that and offer the file."""

    on: bool


class OpenReplay(_FromPage, frozen=True):
    """Replay a frame log that was sent here under this key, in place of a connection."""

    key: Annotated[str, msgspec.Meta(max_length=64)]
    name: Annotated[str, msgspec.Meta(max_length=200)]


class Pace(_FromPage, frozen=True):
    """Replay at this pace."""

    speed: Annotated[float, msgspec.Meta(ge=0.5, le=100)] | None
    """Recorded seconds in one second; None is as fast as possible."""
    paused: bool


class Seek(_FromPage, frozen=True):
    """Go to this time of the replay."""

    at_ms: float


class ByHand(_FromPage, frozen=True):
    """Send this frame, over a connection of its own."""

    text: Annotated[str, msgspec.Meta(max_length=50_000)]
    endpoint: Url
    dialect: Annotated[str, msgspec.Meta(max_length=16)]
    confirmed: bool = False
    """Whether the user means the real service."""


class EndByHand(_FromPage, frozen=True):
    """Close the connection by hand."""


class Signature(_FromPage, frozen=True):
    """The answer to `Sign`."""

    number: Number
    signature: Hex
    """Empty where the page does not sign."""


class Demo(_FromPage, frozen=True):
    """Give the key and the secret of the embedded exchange's demo account."""


class ListKeys(_FromPage, frozen=True):
    """Give the names of the keys in the keychain."""


class Private(_FromPage, frozen=True):
    """Pass a private HTTP request on to the embedded exchange, signed by the page (section 5)."""

    number: Number
    method: Literal["GET", "POST"]
    target: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^/v1/me/[a-z]+([?][A-Za-z0-9_=&-]*)?\Z")]
    body: Body
    api_key: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,256}\Z")]
    timestamp: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{13}\Z")]
    signature: Hex


class Control(_FromPage, frozen=True):
    """Pass a request on to the control API of the embedded exchange."""

    number: Number
    method: Literal["GET", "POST", "DELETE"]
    path: Annotated[str, msgspec.Meta(pattern=r"^(market|faults(/[0-9]{1,9})?)\Z")]
    body: Body = ""


class Maintain(_FromPage, frozen=True):
    """Take the markets of the embedded exchange through a short maintenance."""

    number: Number


FromPage: TypeAlias = (
    Connect
    | Disconnect
    | Subscribe
    | Unsubscribe
    | View
    | Charts
    | Record
    | OpenReplay
    | Pace
    | Seek
    | ByHand
    | EndByHand
    | Signature
    | Demo
    | ListKeys
    | Private
    | Control
    | Maintain
)


class ToPage(msgspec.Struct, frozen=True, tag=str.lower):
    """A message of the backend."""


class Row(ToPage, frozen=True):
    """One of many, of which each counts."""


class State(ToPage, frozen=True):
    """The latest of its type counts."""


class OwnState(State, frozen=True):
    """A state of the backend itself, independent of the page's source."""


class Letter(ToPage, frozen=True):
    """A question, or the answer to one."""


class Hello(OwnState, frozen=True):
    """The first message: the backend's endpoints and abilities."""

    version: str
    embedded: str
    """Where the embedded exchange listens, or "" if there is none."""
    live: str
    is_owned: bool = False
    """Whether the embedded exchange lets itself be controlled, and its demo account be used."""
    client: str = ""
    """The name of the page's connections to the embedded exchange, so that faults can be aimed at them."""


class Source(State, frozen=True):
    """From here on all messages are of another source: another endpoint, or another run of a replay."""

    number: int
    """The number of the page's choice. Messages before the one with the page's latest number are of another source."""


class Products(State, frozen=True):
    """The product codes of the endpoint."""

    endpoint: str
    product_codes: list[str]
    from_endpoint: bool
    """False where the endpoint did not say, and the nine products of the Japanese service stand in."""


class Connection(State, frozen=True):
    """The state of the connection."""

    state: str
    """closed, connecting, open, backing_off, failed."""
    endpoint: str
    dialect: str
    since_ms: float
    detail: str = ""
    retry_at_ms: float | None = None
    """When the next attempt is due, while backing off."""
    why: str = ""
    """Why there is none: a kind of `ConnectFailure`; closed (one that there was has ended); maintenance (it ended with
    1012 or was answered 503, or this is the time for it); key_refused, channel_refused, failed (in some other way)."""
    code: int | None = None
    """The close code or the HTTP status, where there was one."""


class ChannelState(msgspec.Struct, frozen=True):
    """The state of one channel that was asked for."""

    channel: str
    state: str
    """waiting (for a connection), asked, acknowledged, refused, receiving."""
    messages: int = 0
    last_ms: float | None = None
    detail: str = ""


class Channels(State, frozen=True):
    """All channels asked for, and the traffic of the connection so far."""

    now_ms: float
    frames: int
    bytes: int
    channels: list[ChannelState]


class Frame(Row, frozen=True):
    """One frame of the connection."""

    direction: str
    """sent, received."""
    at_ms: float
    text: str
    size: int
    """In bytes."""
    by_hand: bool = False
    """Whether it went over the connection for frames written by hand."""


class Status(Row, frozen=True):
    """Something happened to the connection or to one channel."""

    kind: str
    """That of the client's status; or unreachable, failed, disconnected, overslept; hand_open, hand_closed (the
    connection by hand); skipped (of a replay)."""
    at_ms: float
    channel: str = ""
    detail: str = ""
    connection: int = 0
    """The number of the stream's connection, from 0."""
    seconds: float | None = None
    """How long is waited (backing_off), nothing came (silent, dead), nothing ran (overslept), or the answer took
    (subscribed)."""
    code: int | None = None
    """The close code, where a connection ended with one (RFC 6455, section 7.4); see the client's status."""
    words: str | None = None
    """The server's own words in its close frame; None where there was none."""
    failure: str | None = None
    """The obstacle to the connection (unreachable): a kind of `ConnectFailure`; None where it had been made."""
    http_status: int | None = None
    """The status of the server's answer to the handshake, if that was no connection."""


class Neighbour(msgspec.Struct, frozen=True):
    """The last message before a gap, or the first one after it."""

    at_ms: float
    text: str
    """The beginning of its JSON text."""


class Gap(Row, frozen=True):
    """A known or suspected interval of missing messages on a channel.

    One that is being repaired comes a second time, with the same channel and times, when that has ended.
    """

    channel: str
    reason: str
    from_ms: float
    to_ms: float
    repaired: str
    """pending, full, partial, none."""
    recovered: int = 0
    note: str = ""
    """The part that was not repaired, and the reason."""
    last: Neighbour | None = None
    first: Neighbour | None = None
    unresolved: tuple[str, ...] = ()
    """Acceptance ids of orders that ended meanwhile, nobody can say how."""
    code: int | None = None
    """The close code, where the end of a connection made it; of several ends the first."""
    cause: str = "interrupted"
    """interrupted, silent, unreadable, dropped, renumbered, withheld; see the client's `GapCause`."""


class GapFirst(Row, frozen=True):
    """The first message after a gap that was told before one had come."""

    channel: str
    from_ms: float
    to_ms: float
    first: Neighbour


class Latency(msgspec.Struct, frozen=True):
    """The percentiles of one kind of delay, in milliseconds."""

    what: str
    """executions, ticker: from the message's own time to its receipt, by two clocks. subscribe: until the
    acknowledgement. heartbeat: until Socket.IO's answer to its ping."""
    count: int
    p50: float
    p90: float
    p99: float
    most: float


class Latencies(State, frozen=True):
    """How long things took of late."""

    latencies: list[Latency]


class Malformed(Row, frozen=True):
    """A frame that could not be understood."""

    at_ms: float
    text: str
    problem: str


class Dropped(ToPage, frozen=True):
    """The page was too slow: so many rows were left out here. The connection itself lost nothing."""

    count: int


class Book(State, frozen=True):
    """The order book of the product in view."""

    product_code: str
    state: str
    """LIVE, AUCTION, STALE, WAITING_SNAPSHOT."""
    reason: str
    drift_count: int
    bids: list[tuple[float, float]] = []
    """Best first, [price, size]; empty unless LIVE or AUCTION. In an AUCTION they cross the asks."""
    asks: list[tuple[float, float]] = []
    uncrossing: float | None = None
    """In an AUCTION: the price at which an itayose would execute most of it now; None where nothing would be."""


class Execution(msgspec.Struct, frozen=True, tag="execution", omit_defaults=True):
    """One execution; `exec_date` as it came, but always with Z."""

    id: int
    side: str
    price: float
    size: float
    exec_date: str
    backfilled: bool = False
    """Whether it was not received live but fetched from the HTTP API."""


class Executions(ToPage, frozen=True):
    """Executions of the product in view, oldest first, and the gaps between them."""

    product_code: str
    rows: list[Execution | Gap]
    restart: bool = False
    """True if these take the place of all that the page has shown."""


class Candles(State, frozen=True):
    """Candles of the product in view that are new or have changed, oldest first."""

    product_code: str
    interval_s: int
    candles: list[Candle]
    gaps: list[GapSpan]
    """All there are."""
    history: str
    """Whether executions from before the connection are in them: unasked, loading, ready, failed."""
    problem: str
    """Why not, if it failed."""
    restart: bool
    """True if these are all there are."""


class Heatmap(State, frozen=True):
    """New columns of the heat map of the product in view, oldest first."""

    product_code: str
    step: float
    """The difference between two prices of a column."""
    columns: list[Column]
    restart: bool
    """True if these are all there are."""


class Depth(State, frozen=True):
    """The sizes of the book in view, added up."""

    product_code: str
    state: str
    """LIVE, AUCTION, STALE, WAITING_SNAPSHOT."""
    bids: list[tuple[float, float]] = []
    """Best first, [price, size up to it]; empty unless LIVE."""
    asks: list[tuple[float, float]] = []


class Ticker(State, frozen=True):
    """The ticker of the product in view."""

    product_code: str
    ltp: float
    best_bid: float
    best_ask: float
    volume: float
    state: str
    timestamp: str


class Auth(State, frozen=True):
    """The state of `auth` on the connection."""

    state: str
    """none, asked, authenticated, refused, or unsigned: nothing was asked, as the stored key gave no signature."""
    detail: str = ""
    """The server's words, where it refused; or why nothing was signed."""


class Sign(Letter, frozen=True):
    """Give the HMAC-SHA256 of this text under the secret, for this endpoint."""

    number: int
    text: str
    endpoint: str
    """As the page named it in `Connect`."""
    http: str


class DemoKey(Letter, frozen=True):
    """The key and the secret of the demo account. They are no secret: the exchange prints them when it starts."""

    api_key: str
    api_secret: str


class Keys(Letter, frozen=True):
    """The names of the keys in the keychain, each with its endpoint, or the problem if they cannot be had."""

    names: dict[str, str]
    problem: str = ""


class Answer(Letter, frozen=True):
    """The answer to `Private`, `Control` or `Maintain`."""

    number: int
    status: int
    """The HTTP status; 0 where the request was not made or not answered, and `body` says why."""
    body: str
    at_ms: float = 0.0
    """When it came."""


class OrderEvents(Row, frozen=True):
    """One message of a private channel."""

    channel: str
    at_ms: float
    origin: str
    """live, or reconciled: concluded from the HTTP API's lists."""
    events: msgspec.Raw
    """The message's JSON as it came."""


class Recording(OwnState, frozen=True):
    """The recording, under way or ended."""

    active: bool
    since_ms: float = 0.0
    frames: int = 0
    bytes: int = 0
    key: str = ""
    """The key for fetching the file, once; "" while it is not finished."""
    problem: str = ""
    """The reason that it ended by itself: full; or the error of writing it."""


class Replay(OwnState, frozen=True):
    """The frame log that is replayed."""

    run: int
    """Differs each time that all is shown anew, from the log's beginning; 0 where nothing is replayed."""
    name: str = ""
    dialect: str = ""
    from_ms: float = 0.0
    to_ms: float = 0.0
    """As `ReplayState.at_ms` is at the end."""
    to_clock_ms: float = 0.0
    lines: int = 0
    malformed: int = 0
    problems: list[str] = []
    """The first of the lines, and damaged parts of the file, that could not be read."""
    channels: list[str] = []
    """The busiest first."""


class ReplayState(OwnState, frozen=True):
    """The place and the pace of the replay."""

    at_ms: float
    """As on a clock that was never set: the log's beginning, and the time passed in it since."""
    clock_ms: float
    """By its recorder's clock."""
    speed: float | None
    paused: bool
    ended: bool
    seeking: float | None
    """How much is done of the way to the point that was asked for, 0 to 1; None when it is there."""


class HandState(State, frozen=True):
    """The connection for frames written by hand."""

    state: str
    """closed, connecting, open."""
    url: str
    detail: str


class Problem(OwnState, frozen=True):
    """The page's last request cannot be done."""

    text: str


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
    # Lone surrogates and JSON nested some thousand levels deep are bad input too; msgspec has other errors for them.
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError("message of the page", text, f"one of playground/messages.py ({error})") from error
    return message
