"""The realtime server: both dialects on one port, and the hub behind them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from picows import (
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from fulgurite.protocol.choices import MAX_MESSAGE_BYTES, PONG_TIMEOUT_SECONDS, SOCKETIO_VERSIONS
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO, Dialect
from fulgurite.server.bind import bind_socket, port_of, url_host
from fulgurite.server.connection import Connection, Connections, Drop, Handshake, HeldAnswer
from fulgurite.server.faults import CloseAtOnce, Dummy, Pings, Refuse, SlowHandshake
from fulgurite.server.inject import FaultInjector
from fulgurite.server.records import ConnectionReport

PING_INTERVAL_SECONDS: Final = 15.0
"""The interval of the real service (protocol reference, section 1.3)."""

MAX_CONNECTIONS: Final = 10_000
"""Further handshakes are refused with HTTP status 503."""

STALL_LIMIT_SECONDS: Final = 10.0
"""The time after which `writable` drops a client that reads nothing as a slow consumer."""

MAX_CLIENT_NAME: Final = 100
"""Characters of the name that a client gives itself; the rest is cut off."""


class RealtimeServer:
    """The server behind one realtime port.

    Args:
        check_auth: returns the key that `auth` params prove, or None; where a fault makes our clock wrong, it is
            told the seconds too.
        ping_interval: seconds between WebSocket pings, one timer for all connections.
    """

    def __init__(self, check_auth: Callable[..., str | None], ping_interval: float = PING_INTERVAL_SECONDS) -> None:
        self._default_pings = Pings(interval=ping_interval, timeout=PONG_TIMEOUT_SECONDS)
        self._loop = asyncio.get_running_loop()
        # Long ago, as in the reference implementation: a pong before the first ping is one too late.
        self._last_ping_at = 0.0
        self._ping_timer = self._loop.call_later(ping_interval, self._ping_all)
        self.connections = Connections(check_auth, self._default_pings)
        self.hub = self.connections.hub
        self.log = self.connections.log
        self.faults = FaultInjector(self.connections, self._set_pings)
        self.is_refusing = False
        """Whether every handshake is refused with HTTP status 503, as if for maintenance."""
        self.url = ""
        """The address without a path, for example ``ws://127.0.0.1:7351``."""

    def reports(self) -> list[ConnectionReport]:
        """The deliveries to each connection, and to the last closed ones."""
        self.hub.flush()
        return self.connections.records.report(self.log.last_number)

    async def writable(self) -> None:
        """Wait until no client has more unread than its buffer's high water mark.

        A client that reads nothing for `STALL_LIMIT_SECONDS` is dropped as a slow consumer.
        """
        self.hub.flush()
        while self.connections.paused:
            self.connections.caught_up.clear()
            try:
                async with asyncio.timeout(STALL_LIMIT_SECONDS):
                    await self.connections.caught_up.wait()
            except TimeoutError:
                for connection in tuple(self.connections.paused):
                    self.connections.dropped[Drop.SLOW_CONSUMER] += 1
                    connection.abort()

    async def subscribed(self) -> None:
        """Wait until anybody has subscribed anything."""
        await self._until(self.hub.has_subscribers)

    def close_all(self, code: int, reason: str) -> None:
        """Close every connection, after all that has been published to it."""
        for connection in tuple(self.connections.open):
            connection.close(code, reason)

    async def stop(self) -> None:
        """Say 1001 to every client and wait for them, a second at most."""
        self.faults.stop()
        self._ping_timer.cancel()
        self.hub.flush()
        self.close_all(1001, "the server is going away")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._until(lambda: not self.connections.open)
        for connection in (*self.connections.open, *self.connections.held):
            connection.abort()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self.connections.changed.clear()
            await self.connections.changed.wait()

    def _set_pings(self, pings: Pings | None) -> None:
        self.connections.pings = pings or self._default_pings
        self._ping_timer.cancel()
        self._ping_timer = self._loop.call_later(self.connections.pings.interval, self._ping_all)

    def _ping_all(self) -> None:
        self._ping_timer = self._loop.call_later(self.connections.pings.interval, self._ping_all)
        for connection in tuple(self.connections.open):
            if connection.handshake.dialect.websocket_pings:
                connection.ping(self._last_ping_at, self.connections.pings.timeout)
        self._last_ping_at = self._loop.time()

    def route(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
        """Choose the dialect by the path that a handshake asks for."""
        path, _, query = request.path.decode(errors="replace").partition("?")
        if len(self.connections.open) >= MAX_CONNECTIONS:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, b"too many connections")
        if self.is_refusing:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, b"scheduled maintenance")
        is_upgrade = _is_upgrade(request)
        named = dict(parse_qsl(query.partition("#")[0]))  # where a name stands twice, the last counts
        # Ours alone: the real service does not look at it.
        client = named.get("client", "")[:MAX_CLIENT_NAME]
        if path.rstrip("/") == JSON_RPC.path:
            return self._accept(request, JSON_RPC, client) if is_upgrade else _refuse(HTTPStatus.UPGRADE_REQUIRED)
        if f"{path}/".startswith(SOCKETIO.path):  # engine.io does not look at the rest
            refusal = _socketio_refusal(named, is_upgrade)
            return self._accept(request, SOCKETIO, client) if refusal is None else refusal
        return None  # picows answers 404

    def _accept(self, request: WSUpgradeRequest, dialect: Dialect, client: str) -> WSUpgradeResponseWithListener:
        # Firefox sends "keep-alive, Upgrade" and picows takes nothing but "upgrade".
        if "upgrade" in _connection_options(request):
            request.headers["connection"] = "upgrade"
        # A client that offers subprotocols, however odd, wants one chosen; the real server's library takes the first.
        offered = request.headers.get("sec-websocket-protocol", "").split(",")[0].strip()
        headers = {"Sec-WebSocket-Protocol": offered} if offered else None
        now = self._loop.time()
        refuse = self.faults.plan.hit(Refuse, client, now)
        if refuse is not None:
            return _refuse(HTTPStatus(refuse.status), retry_after=refuse.retry_after)
        slow = self.faults.plan.hit(SlowHandshake, client, now)
        response = WSUpgradeResponse.create_101_response(headers)
        held = None if slow is None else HeldAnswer(response, slow.by)
        is_dummy = self.faults.plan.hit(Dummy, client, now) is not None
        handshake = Handshake(dialect, client, is_dummy, held, self.faults.plan.hit(CloseAtOnce, client, now))
        return WSUpgradeResponseWithListener(held or response, Connection(self.connections, handshake))


def _is_upgrade(request: WSUpgradeRequest) -> bool:
    return "upgrade" in request.headers and "upgrade" in _connection_options(request)


def _connection_options(request: WSUpgradeRequest) -> set[str]:
    return {option.strip().lower() for option in request.headers.get("connection", "").split(",")}


def _socketio_refusal(named: Mapping[str, str], is_upgrade: bool) -> WSUpgradeResponseWithListener | None:
    """The answer of engine.io to a handshake that it refuses, by the names in its query; None where it takes it."""
    if named.get("transport") != "websocket":
        code, message = 0, "Transport unknown"
    elif "sid" in named:
        code, message = 1, "Session ID unknown"
    # A client that names no version speaks 3 (protocol reference, section 1.6), and so does one that names an odd one.
    elif ("4" if named.get("EIO") == "4" else "3") not in SOCKETIO_VERSIONS:
        code, message = 5, "Unsupported protocol version"
    elif not is_upgrade:
        code, message = 3, "Bad request"
    else:
        return None
    body = message if is_upgrade else f'{{"code":{code},"message":"{message}"}}'
    return _refuse(HTTPStatus.BAD_REQUEST, body.encode())


def _refuse(status: HTTPStatus, body: bytes = b"", retry_after: int | None = None) -> WSUpgradeResponseWithListener:
    body = body or status.phrase.encode()
    kind = "application/json" if body.startswith(b"{") else "text/plain; charset=utf-8"
    headers = {"Content-Type": kind} | ({} if retry_after is None else {"Retry-After": str(retry_after)})
    response = WSUpgradeResponse.create_error_response(status, body, headers)
    return WSUpgradeResponseWithListener(response, None)


@contextlib.asynccontextmanager
async def serve(
    host: str,
    port: int,
    *,
    check_auth: Callable[..., str | None],
    ssl_context: ssl.SSLContext | None = None,
    ping_interval: float = PING_INTERVAL_SECONDS,
) -> AsyncIterator[RealtimeServer]:
    """Run a realtime server until the context is left.

    Args:
        host: where to listen.
        port: 0 to 65535; 0 takes any free one.
        check_auth: returns the key that `auth` params prove, or None; where a fault makes our clock wrong, it is
            told the seconds too.
        ssl_context: speak TLS with it.
        ping_interval: seconds between WebSocket pings.

    Raises:
        ListenError: the host or the port cannot be had.
    """
    listening = bind_socket(host, port)
    server = RealtimeServer(check_auth, ping_interval)
    server.url = f"{'wss' if ssl_context else 'ws'}://{url_host(host)}:{port_of(listening)}"
    listener = await ws_create_server(
        server.route,
        sock=listening,
        ssl=ssl_context,
        max_frame_size=MAX_MESSAGE_BYTES,
        enable_auto_pong=False,  # pongs, too, go the way that faults can bar
        read_buffer_init_size=1024,  # a client sends little, and each connection holds one
    )
    try:
        yield server
    finally:
        listener.close()
        await server.stop()
        await listener.wait_closed()
