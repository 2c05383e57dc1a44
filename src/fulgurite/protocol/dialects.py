"""The two dialects as two objects with one interface, so that nobody else has to tell them apart. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from fulgurite.errors import InputError
from fulgurite.protocol import jsonrpc, socketio
from fulgurite.protocol.choices import SOCKETIO_SENDS_WEBSOCKET_PINGS
from fulgurite.protocol.events import ClientProtocol, ServerProtocol
from fulgurite.protocol.subscriptions import CheckAuth


class DialectName(StrEnum):
    """A dialect's name on the command line and in the API."""

    JSON_RPC = "json-rpc"
    SOCKETIO = "socketio"


class OpenServer(Protocol):
    """Begins the server's side of a session."""

    def __call__(
        self, check_auth: CheckAuth, session_id: str, now: float, ping_interval: float = 15.0, ping_timeout: float = 3.0
    ) -> ServerProtocol:
        """Begin it.

        Args:
            check_auth: see `subscriptions.CheckAuth`.
            session_id: names the session, where the dialect has a name for it.
            now: seconds on the clock that the session is told.
            ping_interval: seconds between the pings of a client, where the dialect has its own heartbeat.
            ping_timeout: further seconds until a client that has not pinged is given up.
        """
        ...


class Dialect(NamedTuple):
    """One way to speak the realtime API."""

    name: DialectName
    title: str
    """Its name in a few letters."""
    label: str
    """As bitFlyer's documentation calls it."""
    path: str
    """The path of the WebSocket on the server."""
    websocket_pings: bool
    """Whether the server sends WebSocket pings (section 1.3)."""
    encode_message: Callable[[str, bytes], bytes]
    """The frame that carries a message, from the channel's name and the message's JSON text."""
    heartbeat: tuple[str, str] | None
    """The client's ping and the server's answer, where the dialect has frames for them (section 1.6)."""
    websocket_url: Callable[[str], str]
    """The address of the WebSocket, from the address that the user gives."""
    library_url: Callable[[str], str]
    """The address that the dialect's client libraries take, from the address that the user gives."""
    is_answer: Callable[[str | bytes], bool]
    """Whether a server's frame answers a request."""
    client: Callable[[float], ClientProtocol]
    """A client's session; the argument is how many seconds to wait for answers."""
    server: OpenServer
    """A server's session."""


def _json_rpc_url(address: str) -> str:
    return _as_websocket(address, "/json-rpc", "")


def _socketio_url(address: str) -> str:
    return _as_websocket(address, "/socket.io/", "EIO=3&transport=websocket")


def _socketio_origin(address: str) -> str:
    parts = urlsplit(address)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}"


def _as_websocket(address: str, path: str, query: str) -> str:
    """The address with a WebSocket scheme, and with the usual path where it has none."""
    parts = urlsplit(address)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    own_path = parts.path if parts.path not in ("", "/") else path
    return urlunsplit((scheme, parts.netloc, own_path, parts.query or query, ""))


JSON_RPC = Dialect(
    name=DialectName.JSON_RPC,
    title="JSON-RPC",
    label="JSON-RPC 2.0 over WebSocket",
    path="/json-rpc",
    websocket_pings=True,
    encode_message=jsonrpc.encode_message,
    heartbeat=None,
    websocket_url=_json_rpc_url,
    library_url=_json_rpc_url,
    is_answer=lambda frame: True,  # nothing else is sent but messages
    client=jsonrpc.JsonRpcClient,
    server=lambda check_auth, *_others: jsonrpc.JsonRpcServer(check_auth),
)
SOCKETIO = Dialect(
    name=DialectName.SOCKETIO,
    title="Socket.IO",
    label="Socket.IO 2.0",
    path="/socket.io/",
    websocket_pings=SOCKETIO_SENDS_WEBSOCKET_PINGS,
    encode_message=socketio.encode_message,
    heartbeat=("2", "3"),
    websocket_url=_socketio_url,
    library_url=_socketio_origin,
    is_answer=lambda frame: isinstance(frame, str) and frame.startswith("43"),
    client=socketio.SocketIoClient,
    server=socketio.SocketIoServer,
)
DIALECTS = {dialect.name: dialect for dialect in (JSON_RPC, SOCKETIO)}


def find_dialect(name: str) -> Dialect:
    """The dialect of this name.

    Raises:
        InputError: there is none.
    """
    for dialect in DIALECTS.values():
        if dialect.name == name:
            return dialect
    raise InputError("dialect", name, DIALECTS)
