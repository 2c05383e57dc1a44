"""The items of a stream: messages, and everything else that a consumer must know to trust them. Pure.

Times are nanoseconds since 1970-01-01 UTC by this machine's clock.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, cast

import msgspec

from fulgurite.errors import ChannelError, ConnectFailure, MessageError
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.framelog import without_credentials
from fulgurite.protocol.messages import Data, decode_message
from fulgurite.protocol.words import data_text, one_line, time_text

_parse_channel = lru_cache(maxsize=1024)(parse_channel)


class Origin(StrEnum):
    """How a message came."""

    LIVE = "live"
    """Over the channel."""
    BACKFILLED = "backfilled"
    """Executions that were missed, fetched from the HTTP API."""
    RECONCILED = "reconciled"
    """Order events that were missed, concluded from the HTTP API's lists of orders and executions."""


def _in_brackets(item: Item) -> str:
    """How an item shows itself in a list, or in a debugger: its line and its type."""
    return f"<{type(item).__name__} {item}>"


if TYPE_CHECKING:
    from typing_extensions import TypeVar  # as in `protocol.channels`

    D_co = TypeVar("D_co", bound=Data, default=Data, covariant=True)
else:
    from typing import TypeVar

    D_co = TypeVar("D_co")


class Message(msgspec.Struct, Generic[D_co], gc=False, eq=False):
    """One message of a channel. It is decoded when `data` is first asked for, so forwarding it costs no decoding."""

    channel: str
    """The channel's name, for example ``lightning_ticker_BTC_JPY``."""
    received_ns: int
    """When the last byte of its frame was taken from the socket; or when the answer to our HTTP request was."""
    frame: str
    """The whole frame that carried it; "" where it was no frame."""
    _json: msgspec.Raw | str
    _data: Data | msgspec.UnsetType = msgspec.UNSET
    origin: Origin = Origin.LIVE

    @property
    def raw(self) -> bytes:
        """The message's JSON text, byte for byte as it came.

        Executions that were given before, in a backfill or because the server repeats itself, are left out of it.
        """
        return self._json.encode() if isinstance(self._json, str) else bytes(self._json)

    @property
    def json(self) -> msgspec.Raw | str:
        """The same text as it is kept, without a copy."""
        return self._json

    @property
    def data(self) -> D_co:
        """The message, typed after its channel.

        Raises:
            MessageError: it does not fit the channel's type, or the server made up a channel; `raw` is still good.
        """
        if self._data is msgspec.UNSET:
            try:
                self._data = decode_message(_parse_channel(self.channel), self._json)
            except ChannelError as error:
                raise MessageError(self.channel, "not a channel of this API", self.raw) from error
        return cast("D_co", self._data)

    @property
    def exact(self) -> Any:
        """The message as plain dicts and lists, each number digit by digit as the wire wrote it.

        One with a point or an exponent is a `Decimal`, trailing zeros and all; a whole one is an `int`.

        Raises:
            MessageError: it is no JSON.
        """
        try:
            return _EXACT.decode(self._json)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise MessageError(self.channel, str(error), self.raw) from error

    def __str__(self) -> str:
        try:
            text = data_text(self.data)
        except MessageError as error:
            text = f"cannot be read: {error.problem.removeprefix(f'{self.channel}: ')}"
        origin = "" if self.origin is Origin.LIVE else str(self.origin)
        return one_line(self.channel, time_text(self.received_ns), origin, text)

    __repr__ = _in_brackets


_EXACT = msgspec.json.Decoder(float_hook=Decimal)


class Repaired(StrEnum):
    """How much of a gap was filled afterwards."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    PENDING = "pending"
    """It is under way; the same gap comes once more when it has ended (`repair="alongside"`)."""


class GapCause(StrEnum):
    """The kind of cause; `Gap.reason` tells it in words."""

    INTERRUPTED = "interrupted"
    """The channel's connection ended, or another connection shows that this one lost messages."""
    SILENT = "silent"
    """The channel was silent for too long, and was subscribed again."""
    UNREADABLE = "unreadable"
    """A frame came that could not be read, and may have been a message of the channel."""
    DROPPED = "dropped"
    """The stream itself dropped `Gap.dropped` messages: the consumer was too slow (`overflow="drop-oldest"`), or nobody
    iterated over the queue that they were in."""
    RENUMBERED = "renumbered"
    """The ids of executions fell back behind those that were given: the service was restarted, or plays a recording
    once more, and numbers anew. Earlier missed executions cannot be asked for by id."""
    WITHHELD = "withheld"
    """The HTTP API lists executions that were never given, though the channel went on; they follow. The `reason` is the
    same word."""
    UNRECORDED = "unrecorded"
    """Only in a recording, and a replay of it: its file could not be written for a while."""


class Gap(msgspec.Struct, frozen=True):
    """Messages of a channel may be missing between two moments.

    It is yielded before the channel's first later message, and at the latest some seconds after its resumption.
    """

    channel: str
    reason: str
    """The reason in plain words, for example ``closed by the server: 1012 scheduled maintenance``."""
    from_ns: int
    """The last moment at which the channel was known to be alive."""
    to_ns: int
    """The moment of its resumption."""
    last: Message | None = None
    """The channel's last message before."""
    first: Message | None = None
    """Its first one after; None where none had come yet."""
    repaired: Repaired = Repaired.NONE
    recovered: int = 0
    """How many executions or order events were recovered; they follow the gap."""
    note: str = ""
    """The part that was not repaired, and the reason."""
    unresolved: tuple[str, ...] = ()
    """Acceptance ids of orders that ended meanwhile without a fill: cancelled or expired, which HTTP does not tell."""
    cause: GapCause = GapCause.INTERRUPTED
    dropped: int = 0
    """How many messages the stream itself dropped (`DROPPED`); 0 for every other cause."""
    close_code: int | None = None
    """The close code, as in `Status`, where the end of a connection made the gap; of several ends the first."""

    def __str__(self) -> str:
        seconds = (self.to_ns - self.from_ns) / 1e9
        text = f"gap of {seconds:.3f} s, repaired: {self.repaired}: {self.reason}"
        return one_line(self.channel, time_text(self.to_ns), text, self.note)

    __repr__ = _in_brackets


class StatusKind(StrEnum):
    """The kind of a status."""

    CONNECTING = "connecting"
    OPEN = "open"
    AUTHENTICATED = "authenticated"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    SILENT = "silent"
    """A channel has been silent for longer than its pace allows; `detail` names the next step."""
    DEAD = "dead"
    """A channel is acknowledged and yet brings nothing, on a new connection neither."""
    BEHIND = "behind"
    """Messages of the connection may be old, since it was not read for a while; `detail` says why. Kept books are
    STALE from now on."""
    CAUGHT_UP = "caught_up"
    """All waiting bytes have been read, so messages are new again; so are the books with the next
    snapshot."""
    CLOSED = "closed"
    BACKING_OFF = "backing_off"
    PASSED_OVER = "passed_over"
    """Of a replay: the log pauses here for `seconds`, or its recorder's clock was set ahead; nothing is waited for."""
    DROPPED = "dropped"
    """The stream itself dropped `dropped` items that belong to no channel, such as frames; dropped items of channels
    is told by gaps of the cause `DROPPED`."""


class Status(msgspec.Struct, frozen=True):
    """Something happened to the connection, or to one channel of it."""

    kind: StatusKind
    at_ns: int
    channel: str | None = None
    """The channel it is about, or None for the connection."""
    detail: str = ""
    """More in plain words: the address, the server's reason and code, how long is waited."""
    seconds: float | None = None
    """How long is waited (`BACKING_OFF`) or would have been (`PASSED_OVER`), nothing came (`SILENT`, `DEAD`), or the
    answer took (`SUBSCRIBED`)."""
    connection: int = 0
    """The number of the stream's connection, from 0."""
    close_code: int | None = None
    """`CLOSED`: the code in the server's close frame (RFC 6455, section 7.4), 1005 where the frame had none, 1006 where
    the connection was cut without one. None where we ended the connection, or none could be made."""
    close_reason: str | None = None
    """`CLOSED`: the server's own words in its close frame; None where there was none."""
    failure: ConnectFailure | None = None
    """`CLOSED`: the obstacle to the connection; None where it had been made."""
    http_status: int | None = None
    """`CLOSED`: the status of the server's answer to the handshake, if that was no connection (`HTTP_STATUS`)."""
    dropped: int = 0
    """`DROPPED`: how many frames, malformed frames and other statuses, over all times that this happened since one of
    these was taken."""

    def __str__(self) -> str:
        if self.kind in (StatusKind.DROPPED, StatusKind.PASSED_OVER):
            subject = "stream"
        else:
            subject = f"connection {self.connection}" if self.channel is None else self.channel
        return one_line(subject, time_text(self.at_ns), self.kind.replace("_", " "), self.detail)

    __repr__ = _in_brackets


class Malformed(msgspec.Struct, frozen=True):
    """A frame that is not the protocol. It is given as it came, and nothing else is lost with it.

    A `Gap` follows for each channel whose message it may have been.
    """

    received_ns: int
    frame: str
    """Bytes that are not UTF-8 stand in it as ``\\xff``."""
    error: str

    def __str__(self) -> str:
        return one_line("malformed frame", time_text(self.received_ns), f"{self.error}:", self.frame)

    __repr__ = _in_brackets


class Frame(msgspec.Struct, frozen=True):
    """One frame as it went over the wire, answers and Engine.IO heartbeats included."""

    direction: Literal["sent", "received"]
    at_ns: int
    text: str
    connection: int = 0
    """The number of its connection of the stream, from 0."""

    def __str__(self) -> str:
        is_sent = self.direction == "sent"
        text = without_credentials(self.text) if is_sent else self.text
        return one_line(f"{self.direction} frame", time_text(self.at_ns), text)

    __repr__ = _in_brackets


Item: TypeAlias = Message | Gap | Status | Malformed | Frame
"""An item of a stream."""
