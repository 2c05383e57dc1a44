"""Opening of a connection: name, TCP, TLS and WebSocket handshake, with typed errors for all failures."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import time
from typing import Final

from picows import WSError, WSHandshakeError, ws_connect
from picows.url import WSParsedURL

from fulgurite.client.backoff import parse_retry_after
from fulgurite.client.hints import hints
from fulgurite.client.session import MAX_MESSAGE_BYTES, Session
from fulgurite.errors import ConnectError, ConnectFailure, HandshakeRefusedError

RECEIVE_BUFFER_BYTES: Final = 256 * 1024
"""Size of the system's receive buffer, and about the limit of one read. Without a limit it grows to megabytes if the
server is faster than the client, and picows' buffer and our queue grow with it. It allows 1 MB a second from afar."""

# Our errors report picows' failures; its log lines would repeat them.
_PICOWS_LOGGER = logging.getLogger("fulgurite.picows")
_PICOWS_LOGGER.addHandler(logging.NullHandler())
_PICOWS_LOGGER.propagate = False


async def open_session(
    url: str,
    session: Session,
    *,
    timeout: float,
    ssl_context: ssl.SSLContext | None = None,
    refused_advice: str = "",
) -> Session:
    """Connect a session and return it.

    Args:
        url: a ws:// or wss:// URL.
        session: a new session.
        timeout: seconds for the lookup of the name, TCP, TLS and the WebSocket handshake together.
        ssl_context: for wss://.
        refused_advice: the advice in the error if no program listens there.

    Raises:
        HandshakeRefusedError: the server answered with an HTTP status.
        ConnectError: no connection could be made.
    """
    try:
        async with asyncio.timeout(timeout):
            await _handshake(url, session, ssl_context)
    except TimeoutError as error:
        raise ConnectError(url, f"no connection within {timeout:g} s", failure=ConnectFailure.TIMEOUT) from error
    except (WSError, OSError) as error:
        raise _connect_error(url, error, refused_advice) from error
    if not session.is_connected:
        raise ConnectError(url, "the connection was closed during the WebSocket handshake")
    return session


async def _handshake(url: str, session: Session, ssl_context: ssl.SSLContext | None) -> None:
    """Connect a session; leave no connection behind when this is cancelled."""
    opened: list[socket.socket] = []

    async def open_socket(parsed: WSParsedURL) -> socket.socket:
        opened.append(await _connect_socket(parsed.host, parsed.port))
        return opened[0]

    connecting = asyncio.ensure_future(
        ws_connect(
            lambda request, response: session,
            url,
            ssl_context=ssl_context,
            websocket_handshake_timeout=None,  # the caller's covers it
            logger_name=_PICOWS_LOGGER,
            enable_auto_pong=False,  # so that a ping counts as a sign of life
            max_frame_size=MAX_MESSAGE_BYTES,
            max_redirects=0,  # no credentials go to another host
            socket_factory=open_socket,
        )
    )
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        if not opened:
            connecting.cancel()
        elif not session.is_connected:
            # picows would leave the connection open. A shutdown of the socket ends it quickly.
            with contextlib.suppress(OSError):
                opened[0].shutdown(socket.SHUT_RDWR)
        await asyncio.wait([connecting])
        if not connecting.cancelled() and connecting.exception() is None:
            await session.close()
        raise


def _connect_error(url: str, error: WSError | OSError, refused_advice: str) -> ConnectError:
    match error:
        case WSHandshakeError(response=None):
            return ConnectError(url, f"the answer to the WebSocket handshake is invalid: {error}")
        case WSHandshakeError(response=response):
            assert response is not None  # the case before
            retry_after = parse_retry_after(response.headers.get("Retry-After"), time.time())
            return HandshakeRefusedError(url, response.status.value, retry_after)
        case ssl.SSLCertVerificationError():
            problem = f"its TLS certificate is not trusted: {error.verify_message}"
            return ConnectError(url, problem, hints.get().trust, ConnectFailure.TLS)
        case OSError():
            failure = _kind(error)
            advice = refused_advice if failure is ConnectFailure.REFUSED else ""
            return ConnectError(url, _in_words(error), advice, failure)
    return ConnectError(url, str(error))


def _kind(error: OSError) -> ConnectFailure:
    match error:
        case socket.gaierror():
            return ConnectFailure.UNKNOWN_HOST
        case ssl.SSLError():
            return ConnectFailure.TLS
        case ConnectionRefusedError():
            return ConnectFailure.REFUSED
        case OSError(errno=errno.ENETUNREACH | errno.ENETDOWN | errno.EHOSTUNREACH):
            return ConnectFailure.UNREACHABLE
        case OSError(errno=errno.ETIMEDOUT):
            return ConnectFailure.TIMEOUT
    return ConnectFailure.OTHER


def _in_words(error: OSError) -> str:
    # asyncio replaces the operating system's words by the call and the address.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


async def _connect_socket(host: str, port: int) -> socket.socket:
    """Open a TCP connection to the first address that accepts it."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            await loop.sock_connect(connecting, address)
        except OSError as error:
            connecting.close()
            failure = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise failure or OSError("the name has no address")
