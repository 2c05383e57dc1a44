"""One connection to an endpoint on behalf of one page: its items go to the page's outbox."""

from __future__ import annotations

import asyncio
import time

import msgspec

from fulgurite.client import (
    Credentials,
    Endpoint,
    Frame,
    Gap,
    Item,
    Malformed,
    Message,
    Origin,
    Signer,
    Status,
    StatusKind,
    Stream,
    connect,
)
from fulgurite.client.backoff import in_maintenance
from fulgurite.client.credentials import KeychainKey
from fulgurite.client.duplicates import executions_of
from fulgurite.client.fetching import fetch_executions
from fulgurite.client.http import HttpApi
from fulgurite.client.repairs import executions_messages
from fulgurite.errors import (
    AuthenticationError,
    ConnectFailure,
    FulguriteError,
    InputError,
    KeychainError,
    MessageError,
    SubscriptionError,
)
from fulgurite.orderbook import OrderBook
from fulgurite.playground import messages
from fulgurite.playground.channelstates import ChannelStates
from fulgurite.playground.framelogs import Recording
from fulgurite.playground.history import PAGES
from fulgurite.playground.latency import LatencyMeter
from fulgurite.playground.marketview import MarketView
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.paced import Paced
from fulgurite.playground.replaying import Replaying
from fulgurite.protocol.channels import Channel, Kind, executions, parse_channel
from fulgurite.protocol.choices import MAINTENANCE_CLOSE
from fulgurite.protocol.dialects import Dialect

CHANNELS_SECONDS = 0.25
"""The states of all channels are sent this often."""

LATENCIES_SECONDS = 1.0
"""And the latencies this often."""

CHANNEL_LIMIT = 1_000
"""Channels of a page at most: no server is known to take more."""

BOOK_KINDS = (Kind.BOARD_SNAPSHOT, Kind.BOARD)
"""The channels of a book."""

NEIGHBOUR_LIMIT = 400
"""Characters that are shown of the messages before and after a gap."""

_AUTH_STATES = {
    StatusKind.CONNECTING: "none",
    StatusKind.OPEN: "asked",
    StatusKind.AUTHENTICATED: "authenticated",
    StatusKind.CLOSED: "none",
}
_FATAL: dict[type[FulguriteError], str] = {AuthenticationError: "key_refused", SubscriptionError: "channel_refused"}
_REFUSAL = 503
"""The status of a refused handshake in a maintenance, and also of a service that has too much to do."""

_CHANNEL_STATES = {
    StatusKind.SUBSCRIBED: "acknowledged",
    StatusKind.REFUSED: "refused",
    StatusKind.UNANSWERED: "refused",
}
_CONNECTION_STATES = {
    StatusKind.CONNECTING: "connecting",
    StatusKind.OPEN: "open",
    # The client always tries again, so that the end of one connection is the wait for the next.
    StatusKind.CLOSED: "backing_off",
    StatusKind.BACKING_OFF: "backing_off",
}


class Upstream:
    """Reads one `Stream` until it is cancelled, and keeps the state of the connection and of each channel.

    Args:
        endpoint: where to connect.
        dialect: the dialect to speak.
        channels: those to subscribe from the start.
        outbox: the page's.
        market: the page's market view.
        credentials: the signer; None for nobody.
        replaying: a replay in place of a connection; its time is used, too.
        recording: a recording of all items.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialect: Dialect,
        channels: list[Channel],
        outbox: Outbox,
        market: MarketView,
        credentials: Credentials | Signer | KeychainKey | None = None,
        *,
        replaying: Replaying | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.recording = recording
        self._market = market
        self._outbox = outbox
        # The execution list moves on meanwhile; missed executions are put in their places later.
        self._stream = replaying or connect(
            *channels, endpoint=endpoint, dialect=dialect.name, credentials=credentials, repair="alongside", frames=True
        )
        self._is_signed = credentials is not None
        self._connection = messages.Connection("closed", endpoint.name, dialect.name, since_ms=0.0)
        self._channels = ChannelStates(channel.name for channel in channels)
        self._latencies = LatencyMeter(dialect.heartbeat)
        self._paces = Paced(CHANNELS_SECONDS), Paced(LATENCIES_SECONDS)
        # The latest gap of each channel, as the page knows it.
        self._gaps: dict[str, messages.Gap] = {}
        # Products whose executions from before are to be fetched.
        self._histories: asyncio.Queue[str] = asyncio.Queue()
        market.book_of = self._book_of
        self._keep_books()

    async def run(self) -> None:
        """Connect, and read until cancelled; the client reconnects by itself."""
        try:
            async with self._stream as stream:
                async for batch in stream.batches():
                    if self.recording is not None:
                        self.recording.write(batch)
                    for item in batch:
                        self._receive(item)
        except FulguriteError as error:
            if isinstance(error, AuthenticationError):
                self._outbox.set_state(messages.Auth("refused", str(error)))
            elif isinstance(error, KeychainError):
                self._outbox.set_state(messages.Auth("unsigned", str(error)))
            why = _FATAL.get(type(error), "failed"), None
            self._set_connection("failed", self._now_ms(), why, str(error))
            self._channels.set_all("waiting")
            self._outbox.add_row(messages.Status("failed", self._now_ms(), detail=str(error)))

    async def fetch_histories(self) -> None:
        """Fetch the executions from before each subscription, one product after the other, until cancelled."""
        assert isinstance(self._stream, Stream)  # a replay asks for none
        while True:
            product_code = await self._histories.get()
            after = self._market.begin_history(product_code, self._now_ms())
            if after is None:
                continue
            found, problem = await self._fetch_history(product_code, after)
            if self._market.is_loading(product_code):
                given = [recovered for message in found if (recovered := self._stream.recovered(message)) is not None]
                rows = [row for message in given for row in executions_of(message)]
                self._market.end_history(product_code, rows, problem)

    async def _fetch_history(self, product_code: str, after: int) -> tuple[list[Message], str]:
        """The executions after this one, and the reason for missing ones, or "". After 0, only the newest are due."""
        if self.endpoint.http is None:
            return [], "the endpoint has no HTTP API that we know of"
        try:
            async with HttpApi(self.endpoint.http) as api:
                found = await fetch_executions(api, product_code, after, max_pages=PAGES)
        except FulguriteError as error:
            return [], str(error)
        problem = str(found.error) if found.error is not None else found.problem if after else ""
        return executions_messages(executions(product_code).name, found.executions, found.rows), problem

    async def subscribe(self, channels: list[Channel]) -> None:
        """Subscribe to these channels too.

        Raises:
            InputError: together there would be too many; none of them is subscribed then.
        """
        count = len(self._channels.by_name.keys() | {channel.name for channel in channels})
        if count > CHANNEL_LIMIT:
            raise InputError("channels", count, f"at most {CHANNEL_LIMIT:,} of a page")
        if isinstance(self._stream, Stream):
            await self._stream.subscribe(*channels)
        for channel in channels:
            self._channels.set(channel.name, "asked" if self._connection.state == "open" else "waiting")
        self._keep_books()

    async def unsubscribe(self, channels: list[Channel]) -> None:
        """Subscribe to these channels no longer."""
        for channel in channels:
            self._channels.by_name.pop(channel.name, None)
            self._gaps.pop(channel.name, None)
            self._market.forget(channel, self._now_ms())
            if isinstance(self._stream, Stream) and channel.kind in BOOK_KINDS:
                self._stream.forget_book(channel.product_code)
        if isinstance(self._stream, Stream):
            await self._stream.unsubscribe(*channels)

    def close(self) -> None:
        """Tell the page that the connection is over because the user ended it."""
        at_ms = self._now_ms()
        self._market.pause(at_ms)
        self._set_connection("closed", at_ms, ("", None))
        self._channels.by_name.clear()
        self._outbox.set_state(self._channels.told(at_ms))
        self._outbox.add_row(messages.Status("disconnected", at_ms))

    def send_states(self, now: float) -> None:
        """Have the states sent that are due; `now` in seconds on any clock that never goes back."""
        self._market.sample(self._now_ms())
        channels_pace, latencies_pace = self._paces
        if channels_pace.is_due(now):
            self._outbox.set_state(self._channels.told(self._now_ms()))
        if latencies_pace.is_due(now):
            self._outbox.set_state(messages.Latencies(self._latencies.summary()))

    def _keep_books(self) -> None:
        """Have the books kept whose channels are subscribed, from their first message on."""
        for name in list(self._channels.by_name):
            self._book_of(parse_channel(name).product_code)

    def _book_of(self, product_code: str) -> OrderBook | None:
        """The book as the stream keeps it; None unless both its channels are subscribed: asking subscribes them."""
        try:
            if any(Channel(kind, product_code).name not in self._channels.by_name for kind in BOOK_KINDS):
                return None
            return self._stream.books[product_code]
        except InputError:  # the channels of a log may be called anything
            return None

    def _now_ms(self) -> float:
        return self._stream.at_ns / 1e6 if isinstance(self._stream, Replaying) else time.time() * 1e3

    def _receive(self, item: Item) -> None:
        match item:
            case Frame():
                self._receive_frame(item)
            case Message():
                self._receive_message(item)
            case Gap():
                gap = _gap(item)
                known = self._gaps.get(gap.channel)
                # It comes again once it is repaired.
                if gap.first is None and known is not None and (known.from_ms, known.to_ms) == (gap.from_ms, gap.to_ms):
                    gap = msgspec.structs.replace(gap, first=known.first)
                self._gaps[gap.channel] = gap
                self._market.miss(gap)
                self._outbox.add_row(gap)
            case Status():
                self._receive_status(item)
            case Malformed():
                self._add_malformed(item.received_ns / 1e6, item.frame, item.error)

    def _receive_frame(self, frame: Frame) -> None:
        size = len(frame.text.encode())
        if frame.direction == "received":
            self._channels.add_frame(size)
        self._latencies.add_frame(frame)
        self._outbox.add_row(messages.Frame(frame.direction, frame.at_ns / 1e6, frame.text, size))

    def _add_malformed(self, at_ms: float, frame: str, problem: str) -> None:
        # The frame stands beside it as a row of its own, whole.
        self._outbox.add_row(messages.Malformed(at_ms, frame[:NEIGHBOUR_LIMIT], problem))

    def _receive_message(self, message: Message) -> None:
        if message.channel not in self._channels.by_name:
            return  # it was on its way when the channel was unsubscribed
        at_ms = message.received_ns / 1e6
        try:
            data = message.data
        except MessageError as error:
            self._add_malformed(at_ms, message.frame, str(error))
            return
        channel = parse_channel(message.channel)
        is_live = message.origin is Origin.LIVE
        if channel.kind.is_private:
            events = msgspec.Raw(message.raw)
            self._outbox.add_row(messages.OrderEvents(message.channel, at_ms, str(message.origin), events))
        if is_live:
            self._end_gap(self._gaps.get(message.channel), message)
            self._channels.add_message(message.channel, at_ms)
            self._latencies.add_message(channel.kind, data, message.received_ns)
        self._market.receive(channel, data, at_ms, is_backfilled=not is_live)

    def _end_gap(self, gap: messages.Gap | None, message: Message) -> None:
        """Tell the first message after a gap, where the gap was told before it came."""
        first = _neighbour(message)
        if gap is not None and gap.first is None and first is not None:
            self._gaps[gap.channel] = msgspec.structs.replace(gap, first=first)
            self._outbox.add_row(messages.GapFirst(gap.channel, gap.from_ms, gap.to_ms, first))

    def _receive_status(self, status: Status) -> None:
        kind = str(status.kind)
        if status.kind is StatusKind.CLOSED and status.channel is None and self._connection.state != "open":
            kind = "unreachable"
        if status.kind is StatusKind.SUBSCRIBED and status.seconds is not None:
            self._latencies.add("subscribe", status.seconds * 1e3)
        if self._is_signed and status.kind in _AUTH_STATES:
            self._outbox.set_state(messages.Auth(_AUTH_STATES[status.kind]))
        if status.channel is not None:
            self._channel_changed(status, status.channel)
        elif status.kind in _CONNECTION_STATES:
            self._connection_changed(status)
        self._outbox.add_row(
            messages.Status(
                kind,
                status.at_ns / 1e6,
                status.channel or "",
                status.detail,
                status.connection,
                status.seconds,
                status.close_code,
                status.close_reason,
                None if status.failure is None else str(status.failure),
                status.http_status,
            )
        )

    def _channel_changed(self, status: Status, name: str) -> None:
        state = _CHANNEL_STATES.get(status.kind)
        if state is not None and name in self._channels.by_name:
            self._channels.set(name, state, status.detail)
            # Asked for now and not before, so that no execution is missed between them and the first live one.
            channel, is_live = parse_channel(name), isinstance(self._stream, Stream)
            if is_live and status.kind is StatusKind.SUBSCRIBED and channel.kind is Kind.EXECUTIONS:
                self._histories.put_nowait(channel.product_code)

    def _connection_changed(self, status: Status) -> None:
        why = self._connection.why, self._connection.code
        if status.kind is StatusKind.CLOSED:
            why = _why(status, why[0], is_bitflyer=self.endpoint.is_bitflyer)
            self._latencies.closed()
        elif status.kind is StatusKind.OPEN:
            why = ("", None)
        self._set_connection(_CONNECTION_STATES[status.kind], status.at_ns / 1e6, why, status.detail, status.seconds)
        self._channels.set_all("asked" if status.kind is StatusKind.OPEN else "waiting")

    def _set_connection(
        self, state: str, at_ms: float, why: tuple[str, int | None], detail: str = "", wait: float | None = None
    ) -> None:
        self._connection = messages.Connection(
            state,
            self._connection.endpoint,
            self._connection.dialect,
            since_ms=at_ms,
            detail=detail,
            retry_at_ms=None if wait is None else at_ms + wait * 1e3,
            why=why[0],
            code=why[1],
        )
        self._outbox.set_state(self._connection)


def _gap(gap: Gap) -> messages.Gap:
    return messages.Gap(
        gap.channel,
        gap.reason,
        from_ms=gap.from_ns / 1e6,
        to_ms=gap.to_ns / 1e6,
        repaired=str(gap.repaired),
        recovered=gap.recovered,
        note=gap.note,
        last=_neighbour(gap.last),
        first=_neighbour(gap.first),
        unresolved=gap.unresolved,
        code=gap.close_code,
        cause=str(gap.cause),
    )


def _why(status: Status, before: str, *, is_bitflyer: bool) -> tuple[str, int | None]:
    """Why a connection ended or could not be made, and the code that came with it.

    It is a maintenance where the service announces one in its close frame, and where bitFlyer ends or refuses
    connections at the time of its daily one; a refusal after that is still part of it.
    """
    code = status.http_status or status.close_code
    is_announced = (status.close_code, status.close_reason) == MAINTENANCE_CLOSE
    goes_on = before == "maintenance" and status.http_status == _REFUSAL
    is_time = (
        is_bitflyer and in_maintenance(status.at_ns / 1e9) and status.failure in (None, ConnectFailure.HTTP_STATUS)
    )
    if is_announced or goes_on or is_time:
        return "maintenance", code
    return str(status.failure or "closed"), code


def _neighbour(message: Message | None) -> messages.Neighbour | None:
    if message is None:
        return None
    text = message.raw[: 4 * NEIGHBOUR_LIMIT].decode(errors="ignore")[:NEIGHBOUR_LIMIT]
    return messages.Neighbour(message.received_ns / 1e6, text)
