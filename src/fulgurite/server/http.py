"""Running a Starlette app inside our own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

KEEP_ALIVE_SECONDS: Final = 75
"""The time for which an HTTP connection may be idle. The side that closes it can cross a request, so clients are to be
the first; most give theirs up after 5 to 15 seconds."""

MAX_WEBSOCKET_BYTES: Final = 1_000_000
"""The longest message that an app's WebSocket takes."""


LINGER_SECONDS: Final = 2.0
"""So long a client that sends too much is heard out after it was answered."""

_TOO_LONG = (
    b"The head of the request is longer than 64 KiB, most likely by its cookies. A browser sends them to every port "
    b"of a host: delete those of this host."
)


class _Protocol(H11Protocol):
    """Answers a head that is too long as such, so that the answer arrives."""

    _is_refused = False

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        error = sys.exc_info()[1]  # uvicorn calls this where it has caught one, and does not hand it on
        if (
            not isinstance(error, h11.RemoteProtocolError)
            or error.error_status_hint != HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        ):
            super().send_400_response(msg)
            return
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(_TOO_LONG))),
            ("Connection", "close"),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase),
            h11.Data(data=_TOO_LONG),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        # A connection that is closed while something is unread is reset, and the answer with it.
        self._is_refused = True
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


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
        app: the application.
        listening: the sockets; they are closed at the end.
        ssl_context: speak TLS with it.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=_Protocol,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="websockets-sansio",
        ws_max_size=MAX_WEBSOCKET_BYTES,
        ws_per_message_deflate=False,  # clients are on this machine, mostly
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
