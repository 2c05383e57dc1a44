"""Serves the page: binds the port, runs uvicorn, ends cleanly. Signals are left to whoever calls."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import uvicorn

from fulgurite.client import Endpoint
from fulgurite.errors import AddressInUseError, InputError
from fulgurite.playground.app import MESSAGE_BYTES, create_app

SHUTDOWN_SECONDS = 2
"""How long open pages are given to go at the end."""


class Page(NamedTuple):
    """The page, being served."""

    url: str
    """Its address for a browser on this machine."""
    port: int


@contextlib.asynccontextmanager
async def run(embedded: Endpoint | None, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Page]:
    """Serve the page as long as the context lasts.

    Args:
        embedded: the embedded exchange, which the page connects to by itself; None to offer only what the user names.
        host: the name or address to listen on.
        port: 0 for any free one.

    Raises:
        AddressInUseError: the port is taken.
        InputError: there is no such host on this machine.
    """
    listener = _bind(host, port)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        create_app(embedded, hosts=[host], port=port),
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # the page is on this machine, mostly
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # The kernel takes connections from here on; uvicorn answers them as soon as it runs.
        yield Page(f"http://{_name_for_browser(host)}:{port}/", port)
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """uvicorn that leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    """Bind before the server starts: uvicorn would end the whole program on a port that is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(host, port) from error
        raise InputError(
            "host", host, f"a name or address of this machine, and a port you may use ({error})"
        ) from error


def _name_for_browser(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
