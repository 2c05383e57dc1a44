"""Serves the page: takes the port, runs the application, ends cleanly."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from fulgurite.client import Endpoint
from fulgurite.exchange.run import Exchange
from fulgurite.playground.app import create_app
from fulgurite.playground.framelogs import FrameLogs
from fulgurite.playground.owned import OwnedExchange
from fulgurite.server.bind import bind_socket, port_of, url_host
from fulgurite.server.http import serve_app


class Page(NamedTuple):
    """The page, being served."""

    url: str
    """Its address for a browser on this machine."""
    port: int


@contextlib.asynccontextmanager
async def run(
    embedded: Endpoint | None, host: str = "127.0.0.1", port: int = 0, *, owned: Exchange | None = None
) -> AsyncIterator[Page]:
    """Serve the page until the context is left; pages that are open then are told and let go.

    Args:
        embedded: the embedded exchange, which the page connects to by itself; None to offer only what the user names.
        host: the name or address to listen on; one that others can reach is at the caller's own risk.
        port: 0 for any free one.
        owned: the embedded exchange itself, where the page may trade with its demo account and make it go wrong.
            Whoever can open the page can do so, too.

    Raises:
        ListenError: the port is taken (AddressInUseError), or the host is not of this machine.
    """
    listening = bind_socket(host, port)
    port = port_of(listening)
    async with contextlib.AsyncExitStack() as stack:
        exchange = None if owned is None else await stack.enter_async_context(OwnedExchange(owned))
        logs = stack.enter_context(contextlib.closing(FrameLogs()))
        app = create_app(embedded, logs, port=port, hosts=[host], owned=exchange)
        await stack.enter_async_context(serve_app(app, listening))
        yield Page(f"http://{url_host(host)}:{port}/", port)
