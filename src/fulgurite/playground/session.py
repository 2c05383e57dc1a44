"""One page: what it asks for is done, and what happens is sent to it in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

import fulgurite
from fulgurite.client import Endpoint, resolve_endpoint
from fulgurite.errors import FulguriteError, InputError
from fulgurite.playground import messages
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.products import JP_PRODUCT_CODES, find_product_codes
from fulgurite.playground.upstream import Upstream
from fulgurite.protocol.channels import Channel, parse_channel
from fulgurite.protocol.dialects import find_dialect

BATCH_SECONDS = 0.05
"""Batches go out at most this often."""

OVERSLEPT_SECONDS = 3.0
"""A batch that is due and comes later than this shows that the program did not run."""

_encoder = msgspec.json.Encoder()


class PageSession:
    """Serves one page from the opening of its WebSocket to the end.

    Args:
        websocket: the page's, accepted already.
        endpoints: those that have a name: "live", and "embedded" if there is one.
    """

    def __init__(self, websocket: WebSocket, endpoints: Mapping[str, Endpoint]) -> None:
        self._websocket = websocket
        self._endpoints = endpoints
        self._outbox = Outbox()
        self._product_code = JP_PRODUCT_CODES[0]
        # The connection to the endpoint, and the tasks that belong to it.
        self._upstream: Upstream | None = None
        self._upstream_tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve until the page goes away."""
        self._outbox.set_state(
            messages.Hello(
                fulgurite.__version__,
                embedded=self._endpoints["embedded"].json_rpc if "embedded" in self._endpoints else "",
                live=self._endpoints["live"].json_rpc,
            )
        )
        sender = asyncio.create_task(self._send_batches())
        reader = asyncio.create_task(self._read())
        try:
            # Whichever ends first ends the other: a page that went away, or one that cannot be sent to.
            await asyncio.wait({sender, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(sender, reader)
            await self._disconnect()

    async def _send_batches(self) -> None:
        try:
            while True:
                # The wall clock goes on while a computer sleeps, which others may not.
                before = time.time()
                await asyncio.sleep(BATCH_SECONDS)
                overslept = time.time() - before - BATCH_SECONDS
                if overslept > OVERSLEPT_SECONDS:
                    self._outbox.add_row(messages.Status("overslept", time.time() * 1e3, seconds=overslept))
                if self._upstream is not None:
                    self._upstream.send_states(time.monotonic())
                for task in self._upstream_tasks:
                    if task.done() and not task.cancelled():
                        task.result()  # a bug in there must not go unseen
                batch = self._outbox.drain()
                if batch:
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
        except (WebSocketDisconnect, KeyError):  # KeyError: a binary message, which a page never sends
            return

    async def _obey(self, message: messages.FromPage) -> None:
        match message:
            case messages.Connect():
                await self._connect(message)
            case messages.Disconnect():
                await self._disconnect()
            case messages.Subscribe():
                if self._upstream is not None:
                    await self._upstream.subscribe(_parse_channels(message.channels))
            case messages.Unsubscribe():
                if self._upstream is not None:
                    await self._upstream.unsubscribe(_parse_channels(message.channels))
            case messages.View():
                self._product_code = message.product_code
                if self._upstream is not None:
                    self._upstream.market.view(message.product_code)

    async def _connect(self, message: messages.Connect) -> None:
        channels = _parse_channels(message.channels)
        dialect = find_dialect(message.dialect)
        if message.endpoint == "embedded" and message.endpoint not in self._endpoints:
            raise InputError("endpoint", message.endpoint, '"live" or a URL: there is no embedded exchange here')
        endpoint = self._endpoints.get(message.endpoint) or resolve_endpoint(message.endpoint, message.http or None)
        await self._disconnect()
        self._upstream = Upstream(endpoint, dialect, channels, self._outbox, self._product_code)
        self._upstream_tasks = [
            asyncio.create_task(self._upstream.run()),
            asyncio.create_task(self._send_product_codes(endpoint)),
        ]

    async def _disconnect(self) -> None:
        upstream, self._upstream = self._upstream, None
        await _end(*self._upstream_tasks)
        self._upstream_tasks = []
        if upstream is not None:
            upstream.close()

    async def _send_product_codes(self, endpoint: Endpoint) -> None:
        found = await find_product_codes(endpoint.http)
        self._outbox.set_state(messages.Products(endpoint.name, found or JP_PRODUCT_CODES, found is not None))


def _parse_channels(names: list[str]) -> list[Channel]:
    """Check what the page gave.

    Raises:
        ChannelError: one is no channel.
        InputError: one has a product code of odd characters.
    """
    channels = [parse_channel(name) for name in dict.fromkeys(names)]
    for channel in channels:
        if not channel.product_code.replace("_", "a").isalnum() or not channel.product_code.isascii():
            raise InputError("product_code", channel.product_code, "letters, digits and _")
    return channels


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks that we own and wait until they have ended."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
