"""Running a Starlette app inside our own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS: Final = 75
"""How long an HTTP connection may be idle. The side that closes it can cross a request, so clients, most of which give
theirs up after 5 to 15 seconds, are to be the first."""

MAX_WEBSOCKET_BYTES: Final = 1_000_000
"""The longest message that an app's WebSocket takes."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: only the command line touches signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve_app(
    app: ASGIApp, listening: list[socket.socket], ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve an app on sockets that listen already, until the context is left.

    Requests and WebSockets that are open then are given 1 second to end.

    Args:
        app: what answers.
        listening: the sockets; they are closed at the end.
        ssl_context: speak TLS with it.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="websockets-sansio",
        ws_max_size=MAX_WEBSOCKET_BYTES,
        ws_per_message_deflate=False,  # what we serve is on this machine, mostly
        log_config=None,  # only the command line sets logging up
        server_header=False,
    )
    config.load()
    config.ssl = ssl_context  # uvicorn's own way wants the private key in a file
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=listening), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await task
