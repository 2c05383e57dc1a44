"""The items of a stream: messages, and the events that a consumer needs to trust them. Pure.

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
    """The origin of a message."""

    LIVE = "live"
    """The channel."""
    BACKFILLED = "backfilled"
    """Missed executions, fetched from the HTTP API."""
    RECONCILED = "reconciled"
    """Missed order events, concluded from the HTTP API's lists of orders and executions."""


def _in_brackets(item: Item) -> str:
    """The representation of an item in a list or a debugger: its type and its line."""
    return f"<{type(item).__name__} {item}>"


if TYPE_CHECKING:
    from typing_extensions import TypeVar  # as in `protocol.channels`

    D_co = TypeVar("D_co", bound=Data, default=Data, covariant=True)
else:
    from typing import TypeVar

    D_co = TypeVar("D_co")


class Message(msgspec.Struct, Generic[D_co], gc=False, eq=False):
    """One message of a channel. It is decoded at the first access to `data`, so forwarding it costs no decoding."""

    channel: str
    """The channel's name, for example ``lightning_ticker_BTC_JPY``."""
    received_ns: int
    """The time at which its frame, or the answer to an HTTP request, was read completely."""
    frame: str
    """The whole frame; "" if the message came without one."""
    _json: msgspec.Raw | str
    _data: Data | msgspec.UnsetType = msgspec.UNSET
    origin: Origin = Origin.LIVE

    @property
    def raw(self) -> bytes:
        """The message's JSON text, byte for byte as received.

        Executions given before, in a backfill or because of a repetition by the server, are left out.
        """
        return self._json.encode() if isinstance(self._json, str) else bytes(self._json)

    @property
    def json(self) -> msgspec.Raw | str:
        """The same text in its stored form, without a copy."""
        return self._json

    @property
    def data(self) -> D_co:
        """The message in the type of its channel.

        Raises:
            MessageError: it does not fit this type, or the channel is unknown; `raw` is still valid.
        """
        if self._data is msgspec.UNSET:
            try:
                self._data = decode_message(_parse_channel(self.channel), self._json)
            except ChannelError as error:
                raise MessageError(self.channel, "not a channel of this API", self.raw) from error
        return cast("D_co", self._data)

    @property
    def exact(self) -> Any:
        """The message as plain dicts and lists, with all digits of the wire's numbers.

        A number with a point or an exponent is a `Decimal`, trailing zeros included; any other is an `int`.

        Raises:
            MessageError: it is not JSON.
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
    """The result of a gap's repair."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    PENDING = "pending"
    """The repair is under way; the gap comes a second time when it has ended (`repair="alongside"`)."""


class GapCause(StrEnum):
    """The cause of a gap; `Gap.reason` describes it in words."""

    INTERRUPTED = "interrupted"
    """The channel's connection ended, or another connection shows that this one lost messages."""
    SILENT = "silent"
    """The channel was silent for too long, and was subscribed again."""
    UNREADABLE = "unreadable"
    """A frame was unreadable, and may have been a message of the channel."""
    DROPPED = "dropped"
    """The stream itself dropped `Gap.dropped` messages: the consumer was too slow (`overflow="drop-oldest"`), or their
    queue had no consumer."""
    RENUMBERED = "renumbered"
    """The ids of executions fell back: the service was restarted, or replays a recording again, with a new numbering.
    Executions missed before cannot be requested by id."""
    WITHHELD = "withheld"
    """The HTTP API lists executions that never came, though the channel went on; they follow. The `reason` is the same
    word."""
    UNRECORDED = "unrecorded"
    """The file of a recording could not be written for a while; only in a recording and its replay."""


class Gap(msgspec.Struct, frozen=True):
    """An interval of possibly missing messages on a channel.

    It is yielded before the channel's next message, and at the latest some seconds after its resumption.
    """

    channel: str
    reason: str
    """The reason in plain words, for example ``closed by the server: 1012 scheduled maintenance``."""
    from_ns: int
    """The time of the channel's last sign of life."""
    to_ns: int
    """The time of its resumption."""
    last: Message | None = None
    """The channel's last message before the gap."""
    first: Message | None = None
    """The channel's first message after the gap; None if none has come yet."""
    repaired: Repaired = Repaired.NONE
    recovered: int = 0
    """The number of recovered executions or order events, which follow the gap."""
    note: str = ""
    """The part that was not repaired, and the reason."""
    unresolved: tuple[str, ...] = ()
    """Acceptance ids of orders that ended in the gap without a fill. HTTP does not show whether they were cancelled or
    expired."""
    cause: GapCause = GapCause.INTERRUPTED
    dropped: int = 0
    """The number of messages that the stream itself dropped (`DROPPED`); 0 for every other cause."""
    close_code: int | None = None
    """The close code, as in `Status`, if the end of a connection caused the gap; the first of several."""

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
    """A channel is acknowledged but brings nothing, even on a new connection."""
    BEHIND = "behind"
    """Messages of the connection may be old, for the reason in `detail`. Kept books become STALE."""
    CAUGHT_UP = "caught_up"
    """Messages of the connection are new again. Kept books become LIVE with the next snapshot."""
    CLOSED = "closed"
    BACKING_OFF = "backing_off"
    PASSED_OVER = "passed_over"
    """The replay skips a pause of `seconds` in the log, or a jump ahead of its recorder's clock."""
    DROPPED = "dropped"
    """The stream itself dropped `dropped` items of no channel, such as frames. A gap with the cause `DROPPED` reports
    dropped items of a channel."""


class Status(msgspec.Struct, frozen=True):
    """An event of a connection, or of one of its channels."""

    kind: StatusKind
    at_ns: int
    channel: str | None = None
    """The channel; None for the connection."""
    detail: str = ""
    """Details in plain words: the address, the server's reason and code, the delay."""
    seconds: float | None = None
    """The delay (`BACKING_OFF`), the skipped pause (`PASSED_OVER`), the silence (`SILENT`, `DEAD`), or the time of the
    answer (`SUBSCRIBED`)."""
    connection: int = 0
    """The number of the stream's connection, from 0."""
    close_code: int | None = None
    """`CLOSED`: the code in the server's close frame (RFC 6455, section 7.4), 1005 for a frame without a code, 1006 for
    a connection cut without a frame. None if the client ended the connection, or none could be made."""
    close_reason: str | None = None
    """`CLOSED`: the server's words in its close frame; None if there was no frame."""
    failure: ConnectFailure | None = None
    """`CLOSED`: the kind of failure to connect; None after a connection."""
    http_status: int | None = None
    """`CLOSED`: the HTTP status of a refused handshake (`HTTP_STATUS`)."""
    dropped: int = 0
    """`DROPPED`: the number of frames, malformed frames and other statuses dropped since the consumer took the previous
    such status."""

    def __str__(self) -> str:
        if self.kind in (StatusKind.DROPPED, StatusKind.PASSED_OVER):
            subject = "stream"
        else:
            subject = f"connection {self.connection}" if self.channel is None else self.channel
        return one_line(subject, time_text(self.at_ns), self.kind.replace("_", " "), self.detail)

    __repr__ = _in_brackets


class Malformed(msgspec.Struct, frozen=True):
    """A frame that breaks the protocol, unchanged. A `Gap` follows for each channel whose message it may have been."""

    received_ns: int
    frame: str
    """The text of the frame; bytes that are not UTF-8 appear as ``\\xff``."""
    error: str

    def __str__(self) -> str:
        return one_line("malformed frame", time_text(self.received_ns), f"{self.error}:", self.frame)

    __repr__ = _in_brackets


class Frame(msgspec.Struct, frozen=True):
    """One frame of the wire, unchanged; answers and Engine.IO heartbeats included."""

    direction: Literal["sent", "received"]
    at_ns: int
    text: str
    connection: int = 0
    """The number of the stream's connection, from 0."""

    def __str__(self) -> str:
        is_sent = self.direction == "sent"
        text = without_credentials(self.text) if is_sent else self.text
        return one_line(f"{self.direction} frame", time_text(self.at_ns), text)

    __repr__ = _in_brackets


Item: TypeAlias = Message | Gap | Status | Malformed | Frame
"""An item of a stream."""
