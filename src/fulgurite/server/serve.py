"""The realtime server: both dialects on one port, and the hub behind them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
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
from fulgurite.server.connection import Connection, Drop, HeldAnswer
from fulgurite.server.faults import CloseAtOnce, Dummy, Pings, Refuse, SlowHandshake
from fulgurite.server.hub import Hub
from fulgurite.server.inject import FaultInjector
from fulgurite.server.published import Published, PublishedLog
from fulgurite.server.records import ConnectionRecords, ConnectionReport

PING_INTERVAL_SECONDS: Final = 15.0
"""What the real service has (protocol reference, section 1.3)."""

MAX_CONNECTIONS: Final = 10_000
"""Further handshakes are refused with HTTP status 503."""

STALL_LIMIT_SECONDS: Final = 10.0
"""How long `writable` waits for a client that reads nothing before it drops it as a slow consumer."""

MAX_CLIENT_NAME: Final = 100
"""Characters of the name that a client gives itself; the rest is cut off."""


class RealtimeServer:
    """What runs behind one realtime port.

    Args:
        check_auth: returns the key that `auth` params prove, or None; where a fault makes our clock wrong, it is
            told the seconds too.
        ping_interval: seconds between WebSocket pings, one timer for all connections.
    """

    def __init__(self, check_auth: Callable[..., str | None], ping_interval: float = PING_INTERVAL_SECONDS) -> None:
        self._check_auth = check_auth
        self._default_pings = Pings(interval=ping_interval, timeout=PONG_TIMEOUT_SECONDS)
        self._pings = self._default_pings
        self._loop = asyncio.get_running_loop()
        self._connections: dict[Connection, None] = {}  # in their order
        self.held: set[Connection] = set()
        """Those whose handshake a fault holds back."""
        # Those whose write buffer is above its high water mark.
        self._paused: set[Connection] = set()
        self._writable = asyncio.Event()
        self._all_closed = asyncio.Event()
        self._has_subscriber = asyncio.Event()
        # Long ago, as in the reference implementation: a pong before the first ping is one too late.
        self._last_ping_at = 0.0
        self._ping_timer = self._loop.call_later(ping_interval, self._ping_all)
        self._records = ConnectionRecords()
        self.log = PublishedLog(time.time_ns)
        """What was published."""
        self.faults = FaultInjector(self)
        """What is made to go wrong."""
        self.hub: Hub[Connection] = Hub(self._deliver, self._flush_this_tick, self.log, self._filter)
        """What is published here goes out at the end of this tick of the event loop."""
        self.is_refusing = False
        """Whether every handshake is refused with HTTP status 503, as if for maintenance."""
        self.dropped: Counter[Drop] = Counter()
        """How many connections the server ended, by reason."""
        self.url = ""
        """The address without a path, for example ``ws://127.0.0.1:7351``."""

    @property
    def pings(self) -> Pings:
        """The times of heartbeats, those of a fault while one is on."""
        return self._pings

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Who is connected, in the order in which they came."""
        return tuple(self._connections)

    def reports(self) -> list[ConnectionReport]:
        """What was delivered to each connection, and to the last that are gone."""
        self.hub.flush()
        return self._records.report(self.log.last_number)

    async def writable(self) -> None:
        """Wait until no client has more unread than its buffer's high water mark.

        A client that reads nothing for `STALL_LIMIT_SECONDS` is dropped as a slow consumer.
        """
        self.hub.flush()
        while self._paused:
            self._writable.clear()
            try:
                async with asyncio.timeout(STALL_LIMIT_SECONDS):
                    await self._writable.wait()
            except TimeoutError:
                for connection in tuple(self._paused):
                    self.count_drop(Drop.SLOW_CONSUMER)
                    connection.abort()

    async def subscribed(self) -> None:
        """Wait until anybody has subscribed anything."""
        while not self.hub.has_subscribers():
            self._has_subscriber.clear()
            await self._has_subscriber.wait()

    def close_all(self, code: int, reason: str) -> None:
        """Close every connection, after what has been published to it."""
        for connection in tuple(self._connections):
            connection.close(code, reason)

    async def stop(self) -> None:
        """Say 1001 to every client and wait for them, a second at most."""
        self.faults.stop()
        self._ping_timer.cancel()
        self.hub.flush()
        self.close_all(1001, "the server is going away")
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._all_closed.wait()
        for connection in (*self._connections, *self.held):
            connection.abort()

    # --- called by connections

    def opened(self, connection: Connection) -> None:
        """A handshake is done."""
        self._connections[connection] = None
        self._all_closed.clear()
        connection.record = self._records.open(connection.dialect.name, connection.client, time.time_ns())
        self.hub.add(connection, connection.dialect.name)
        if connection.sufferer.filters:
            self.set_filtered(connection, True)
        self.faults.refresh(connection)

    def closed(self, connection: Connection) -> None:
        """The socket is gone."""
        self._connections.pop(connection, None)
        self.remove(connection)
        self._records.close(connection.record, self.log.last_number, time.time_ns())
        self.resumed(connection)
        if not self._connections:
            self._all_closed.set()

    def subscribe(self, connection: Connection, channel: str) -> None:
        """A client subscribed a channel."""
        self.hub.subscribe(connection, channel)
        connection.record.subscribe(channel, self.log.last_number)
        self.faults.refresh(connection)
        self._has_subscriber.set()

    def unsubscribe(self, connection: Connection, channel: str) -> None:
        """A client wants a channel no longer."""
        self.hub.unsubscribe(connection, channel)
        connection.record.unsubscribe(channel, self.log.last_number)
        self.faults.refresh(connection)

    def authenticate(self, connection: Connection, account: str) -> None:
        """A client has proved whose it is."""
        self.hub.authenticate(connection, account)
        connection.record.account = account

    def set_filtered(self, connection: Connection, is_filtered: bool) -> None:
        """Faults decide about each message to a client, or no longer."""
        self.hub.set_filtered(connection, is_filtered)
        connection.record.set_filtered(is_filtered, self.log.last_number)

    def remove(self, connection: Connection) -> None:
        """Nothing more is sent to this client."""
        self.hub.remove(connection)
        connection.record.close(self.log.last_number)

    def check_auth(self, params: object, clock_skew: int) -> str | None:
        """The key that `auth` params prove, or None.

        Args:
            params: what the client sent.
            clock_skew: seconds by which a fault has our clock ahead.
        """
        return self._check_auth(params, clock_skew) if clock_skew else self._check_auth(params)

    def set_pings(self, pings: Pings | None) -> None:
        """Ping at another interval from now on; None restores the first."""
        self._pings = pings or self._default_pings
        self._ping_timer.cancel()
        self._ping_timer = self._loop.call_later(self._pings.interval, self._ping_all)

    def paused(self, connection: Connection) -> None:
        """More waits for this client than its buffer's high water mark."""
        self._paused.add(connection)

    def resumed(self, connection: Connection) -> None:
        """This client has caught up, or is gone."""
        self._paused.discard(connection)
        self._writable.set()

    def count_drop(self, reason: Drop) -> None:
        """The server ends a connection."""
        self.dropped[reason] += 1

    # --- inside

    def _flush_this_tick(self) -> None:
        self._loop.call_soon(self.hub.flush)

    def _deliver(self, connections: Collection[Connection], frames: bytes) -> None:
        for connection in connections:
            connection.write(frames)

    def _filter(self, connection: Connection, messages: list[Published]) -> None:
        connection.filter(messages)

    def _ping_all(self) -> None:
        self._ping_timer = self._loop.call_later(self._pings.interval, self._ping_all)
        for connection in tuple(self._connections):
            if connection.dialect.websocket_pings:
                connection.ping(self._last_ping_at, self._pings.timeout)
        self._last_ping_at = self._loop.time()

    def route(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
        """Choose the dialect by the path that a handshake asks for."""
        path, _, query = request.path.decode(errors="replace").partition("?")
        if len(self._connections) >= MAX_CONNECTIONS:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, b"too many connections")
        if self.is_refusing:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, b"scheduled maintenance")
        is_upgrade = _is_upgrade(request)
        named = dict(parse_qsl(query.partition("#")[0]))  # where a name stands twice, the last counts
        # Ours alone: the real service does not look at it.
        client = named.get("client", "")[:MAX_CLIENT_NAME]
        if path.rstrip("/") == JSON_RPC.path:
            return self._accept(request, JSON_RPC, client) if is_upgrade else _refuse(HTTPStatus.UPGRADE_REQUIRED)
        if f"{path}/".startswith(SOCKETIO.path):  # engine.io does not look at what follows
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
        listener = Connection(
            self,
            dialect,
            client=client,
            is_dummy=self.faults.plan.hit(Dummy, client, now) is not None,
            held=held,
            close_at_once=self.faults.plan.hit(CloseAtOnce, client, now),
        )
        return WSUpgradeResponseWithListener(held or response, listener)


def _is_upgrade(request: WSUpgradeRequest) -> bool:
    return "upgrade" in request.headers and "upgrade" in _connection_options(request)


def _connection_options(request: WSUpgradeRequest) -> set[str]:
    return {option.strip().lower() for option in request.headers.get("connection", "").split(",")}


def _socketio_refusal(named: Mapping[str, str], is_upgrade: bool) -> WSUpgradeResponseWithListener | None:
    """The answers of engine.io to a handshake, by what its query names, that it does not take."""
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
