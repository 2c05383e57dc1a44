"""One page: its requests are carried out, and events are sent to it in batches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from fulgurite.client import Endpoint, Signer, resolve_endpoint
from fulgurite.client.credentials import KeychainKey, keychain, saved_keys
from fulgurite.errors import FulguriteError, InputError
from fulgurite.playground import messages
from fulgurite.playground.byhand import ByHand
from fulgurite.playground.framelogs import FrameLogs
from fulgurite.playground.indexedlog import IndexedLog
from fulgurite.playground.marketview import MarketView
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.owned import OwnedExchange
from fulgurite.playground.pagesigner import PageSigner
from fulgurite.playground.products import JP_PRODUCT_CODES, find_product_codes
from fulgurite.playground.recordings import Recordings, log_channels, log_endpoint
from fulgurite.playground.tasks import Tasks
from fulgurite.playground.upstream import Upstream
from fulgurite.protocol.channels import Channel, check_channel
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO, find_dialect
from fulgurite.version import __version__

BATCH_SECONDS = 0.05
"""Batches go out at most this often."""

HEARTBEAT_SECONDS = 1.0
"""An empty one goes out where there has been nothing to say for so long: the page must know that we are there."""

OVERSLEPT_SECONDS = 3.0
"""A batch that is due and comes later than this shows that the program did not run."""

ERRAND_LIMIT = 16
"""The most requests of a page on their way to the exchange or the keychain at once; further ones are refused."""

_encoder = msgspec.json.Encoder()


@dataclass
class _Source:
    """The page's choice of a source, an endpoint or a frame log. It outlives a connection."""

    number: int
    """See `messages.Source`."""
    market: MarketView
    endpoint: Endpoint | None = None
    """The endpoint, or the stand-in for a log's; None before the first connection."""


class PageSession:
    """Serves one page from the opening of its WebSocket to the end.

    Args:
        websocket: the page's, accepted already.
        endpoints: those that have a name: "live", and "embedded" if there is one.
        logs: frame logs on their way to and from pages.
        owned: the embedded exchange, where the page may trade there and make it go wrong.
        name: the name of the page's connections to the embedded exchange.
    """

    def __init__(
        self,
        websocket: WebSocket,
        endpoints: Mapping[str, Endpoint],
        logs: FrameLogs,
        owned: OwnedExchange | None = None,
        name: str = "page",
    ) -> None:
        self._websocket = websocket
        self._endpoints = endpoints
        # The embedded exchange under addresses that tell it the page's name.
        self._embedded = _as_client(endpoints["embedded"], name) if "embedded" in endpoints else None
        self._owned = owned
        self._outbox = Outbox()
        self._signer = PageSigner(self._outbox.send)
        self._recordings = Recordings(logs, self._outbox)
        self._by_hand = ByHand(self._outbox)
        self._source = _Source(0, MarketView(self._outbox, JP_PRODUCT_CODES[0]))
        # The connection to the endpoint, and the tasks that belong to it.
        self._upstream: Upstream | None = None
        self._upstream_tasks = Tasks()
        # Requests of the page that wait for their answers.
        self._errands = Tasks()
        self._outbox.set_state(
            messages.Hello(
                __version__,
                embedded=endpoints["embedded"].json_rpc if "embedded" in endpoints else "",
                live=endpoints["live"].json_rpc,
                is_owned=owned is not None,
                client=name,
            )
        )

    async def run(self) -> None:
        """Serve until the page goes away."""
        line = Tasks()
        line.start(self._send_batches())
        line.start(self._read())
        try:
            # The first to end ends the other: a page that went away, or one that cannot be sent to.
            await asyncio.wait(line, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with contextlib.closing(self._recordings):
                await line.end()
                await self._errands.end()
                await self._by_hand.close()
                await self._disconnect()

    async def _send_batches(self) -> None:
        sent_at = time.monotonic()
        try:
            while True:
                # The wall clock goes on while a computer sleeps; others may stand.
                before = time.time()
                await asyncio.sleep(BATCH_SECONDS)
                overslept = time.time() - before - BATCH_SECONDS
                if overslept > OVERSLEPT_SECONDS:
                    self._outbox.add_row(messages.Status("overslept", time.time() * 1e3, seconds=overslept))
                if self._upstream is not None:
                    self._upstream.send_states(time.monotonic())
                self._source.market.send(time.monotonic())
                self._upstream_tasks.check()
                self._errands.check()
                self._recordings.send_states(time.monotonic())
                batch = self._recordings.waiting() or self._outbox.drain()
                if batch or time.monotonic() - sent_at >= HEARTBEAT_SECONDS:
                    sent_at = time.monotonic()
                    # While a slow page holds this up the outbox drops its oldest rows.
                    await self._websocket.send_text(_encoder.encode(batch).decode())
        except WebSocketDisconnect:
            return

    async def _read(self) -> None:
        try:
            async for text in self._websocket.iter_text():
                try:
                    await self._obey(messages.decode(text))
                except FulguriteError as error:
                    self._outbox.set_state(messages.Problem(str(error)))
        except (WebSocketDisconnect, KeyError):  # KeyError: a binary message; a page never sends one
            return

    async def _obey(self, message: messages.FromPage) -> None:
        match message:
            case messages.Connect():
                await self._leave(message.source)
                await self._connect(message)
            case messages.Disconnect():
                await self._leave(message.source)
                await self._disconnect()
            case messages.Subscribe():
                if self._upstream is not None:
                    await self._upstream.subscribe(_parse_channels(message.channels))
            case messages.Unsubscribe():
                if self._upstream is not None:
                    await self._upstream.unsubscribe(_parse_channels(message.channels))
            case messages.Signature():
                self._signer.answer(message.number, message.signature)
            case messages.ListKeys():
                self._run_errand(_stored_keys())
            case messages.Demo():
                if self._owned is None:
                    raise InputError("demo", "", "an embedded exchange: there is none here")
                self._outbox.send(self._owned.demo)
            case messages.Private() | messages.Control() | messages.Maintain():
                self._run_errand(self._ask_exchange(message))
            case messages.View():
                self._source.market.view(message.product_code)
            case messages.Charts():
                self._source.market.show(message)
            case _:
                await self._obey_frames(message)

    async def _obey_frames(self, message: messages.FromPage) -> None:
        recordings, replaying = self._recordings, self._recordings.replaying
        match message:
            case messages.Record(on=True):
                recording = recordings.record()
                if self._upstream is not None and replaying is None:
                    self._upstream.recording = recording
            case messages.Record():
                recordings.end_recording()
            case messages.OpenReplay():
                log = await recordings.open(message.key, message.name)
                await self._disconnect()
                recordings.end()
                await self._replay(log)
            case messages.Pace() if replaying is not None:
                replaying.set_pace(message.speed, message.paused)
            case messages.Seek() if replaying is not None:
                at_ns = int(message.at_ms * 1e6)
                if replaying.can_seek(at_ns):
                    passed = max(0, at_ns - replaying.position_ns) / 1e9
                    self._outbox.add_row(messages.Status("skipped", message.at_ms, seconds=passed))
                    replaying.seek(at_ns)
                else:
                    await self._disconnect()
                    await self._replay(replaying.log, until_ns=at_ns)
            case messages.ByHand():
                endpoint = self._find_endpoint(message.endpoint)
                dialect = find_dialect(message.dialect)
                await self._by_hand.send(message.text, endpoint, dialect, is_confirmed=message.confirmed)
            case messages.EndByHand():
                await self._by_hand.close()

    async def _leave(self, number: int) -> None:
        """Leave a replay, and the source that is shown unless it is still the page's choice."""
        was_replaying = self._recordings.replaying is not None
        if was_replaying or number != self._source.number:
            await self._disconnect()
            self._recordings.end()
            await self._begin(number)

    async def _begin(self, number: int) -> None:
        """Show another source from here on: nothing of the one before is kept, and none of it is sent any more."""
        self._recordings.end_recording()
        await self._by_hand.close()
        self._outbox.begin(messages.Source(number))
        shown = self._source.market
        self._source = _Source(number, MarketView(self._outbox, shown.product_code, shown.charts))

    async def _replay(self, log: IndexedLog, *, until_ns: int = 0) -> None:
        await self._begin(self._source.number)
        self._source.endpoint = log_endpoint(log)
        replaying = self._recordings.begin(log, until_ns=until_ns)
        channels = log_channels(log)
        product_codes = list(dict.fromkeys(channel.product_code for channel in channels if channel.product_code))
        self._upstream = Upstream(
            log_endpoint(log), log.dialect, channels, self._outbox, self._source.market, replaying=replaying
        )
        self._outbox.set_state(messages.Products(log.name, product_codes or JP_PRODUCT_CODES, True))
        self._upstream_tasks.start(self._upstream.run())

    def _find_endpoint(self, name: str, http: str = "") -> Endpoint:
        if name == "embedded" and name not in self._endpoints:
            raise InputError("endpoint", name, '"live" or a URL: there is no embedded exchange here')
        if name in self._endpoints and http:
            raise InputError("http", http, f"nothing beside {name}, whose HTTP API is known")
        return self._endpoints.get(name) or resolve_endpoint(name, http or None)

    async def _connect(self, message: messages.Connect) -> None:
        channels = _parse_channels(message.channels)
        dialect = find_dialect(message.dialect)
        endpoint = self._find_endpoint(message.endpoint, message.http)
        if self._embedded is not None and endpoint is self._endpoints["embedded"]:
            endpoint = self._embedded
        credentials = self._credentials(message)
        await self._disconnect()
        if self._source.endpoint not in (None, endpoint):
            await self._begin(self._source.number)
        self._source.endpoint = endpoint
        self._outbox.set_state(messages.Auth("none"))
        upstream = self._upstream = Upstream(
            endpoint,
            dialect,
            channels,
            self._outbox,
            self._source.market,
            credentials,
            recording=self._recordings.recording,
        )
        for work in (upstream.run(), upstream.fetch_histories(), self._send_product_codes(endpoint)):
            self._upstream_tasks.start(work)

    def _credentials(self, message: messages.Connect) -> KeychainKey | Signer | None:
        """The signer: the page, the keychain or None."""
        if message.stored:
            return keychain(message.stored)
        return self._signer.signer(message.api_key, message.endpoint, message.http) if message.api_key else None

    def _run_errand(self, errand: Coroutine[Any, Any, messages.Letter]) -> None:
        if len(self._errands) >= ERRAND_LIMIT:
            errand.close()
            raise InputError("request", "one more", f"at most {ERRAND_LIMIT} at once; wait until some are answered")

        async def run() -> None:
            self._outbox.send(await errand)

        self._errands.start(run())

    async def _ask_exchange(self, message: messages.Private | messages.Control | messages.Maintain) -> messages.Answer:
        upstream = self._upstream
        if self._owned is None or (upstream is not None and upstream.endpoint is not self._embedded):
            return messages.Answer(message.number, 0, "this is possible on the embedded exchange only")
        match message:
            case messages.Private():
                return await self._owned.private(message)
            case messages.Control():
                return await self._owned.control(message)
        return await self._owned.maintain(message.number)

    async def _disconnect(self) -> None:
        upstream, self._upstream = self._upstream, None
        await self._upstream_tasks.end()
        if upstream is not None:
            upstream.close()

    async def _send_product_codes(self, endpoint: Endpoint) -> None:
        found = await find_product_codes(endpoint.http)
        self._outbox.set_state(messages.Products(endpoint.name, found or JP_PRODUCT_CODES, found is not None))


def _as_client(endpoint: Endpoint, name: str) -> Endpoint:
    """The endpoint for a client with this name; an exchange of ours reads it from the handshake's address."""
    return msgspec.structs.replace(
        endpoint,
        json_rpc=f"{endpoint.websocket_url(JSON_RPC)}?client={name}",
        socketio=f"{endpoint.websocket_url(SOCKETIO)}&client={name}",
    )


async def _stored_keys() -> messages.Keys:
    """The keys in the keychain; asked in a thread, since the keychain may ask its user."""
    try:
        return messages.Keys(await asyncio.to_thread(saved_keys))
    except FulguriteError as error:
        return messages.Keys({}, str(error))


def _parse_channels(names: list[str]) -> list[Channel]:
    """Check channels of the page.

    Raises:
        ChannelError: one is no channel.
    """
    return [check_channel(name) for name in dict.fromkeys(names)]
