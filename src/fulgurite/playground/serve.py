"""Serves the page: takes the port, runs the application, ends cleanly."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from fulgurite.client import Endpoint
from fulgurite.playground.app import create_app
from fulgurite.server.bind import bind_socket, port_of, url_host
from fulgurite.server.http import serve_app


class Page(NamedTuple):
    """The page, being served."""

    url: str
    """Its address for a browser on this machine."""
    port: int


@contextlib.asynccontextmanager
async def run(embedded: Endpoint | None, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Page]:
    """Serve the page until the context is left; pages that are open then are told and let go.

    Args:
        embedded: the embedded exchange, which the page connects to by itself; None to offer only what the user names.
        host: the name or address to listen on; one that others can reach is at the caller's own risk.
        port: 0 for any free one.

    Raises:
        ListenError: the port is taken (AddressInUseError), or the host is not of this machine.
    """
    listening = bind_socket(host, port)
    port = port_of(listening)
    async with serve_app(create_app(embedded, port=port, hosts=[host]), listening):
        yield Page(f"http://{url_host(host)}:{port}/", port)
