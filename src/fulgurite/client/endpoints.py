"""Addresses of the realtime API: the live service, the embedded exchange, or a URL. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from fulgurite.errors import InputError
from fulgurite.protocol.arguments import check_type, is_host
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO, Dialect

_BITFLYER: Final = re.compile(r"\w+://([\w.-]+\.)?bitflyer\.com(?![\w.-])", re.IGNORECASE)


class Endpoint(msgspec.Struct, frozen=True):
    """The addresses of one service."""

    name: str
    """The user's name for it: "live", "embedded", or a URL."""
    json_rpc: str
    """JSON-RPC over WebSocket: a ws:// or wss:// URL with its path."""
    socketio: str
    """Socket.IO: an http://, https://, ws:// or wss:// URL."""
    http: str | None = None
    """The HTTP API with its version, for example ``http://127.0.0.1:7352/v1``; None if there is none."""

    @property
    def is_bitflyer(self) -> bool:
        """Whether it is the real service, the only one with a known daily maintenance."""
        return any(_BITFLYER.match(url) for url in (self.json_rpc, self.socketio))

    @property
    def is_embedded(self) -> bool:
        """Whether it has the name of the embedded exchange, which may have any ports."""
        return self.name == EMBEDDED.name

    @property
    def addresses(self) -> list[str]:
        """All addresses of the service."""
        return [self.json_rpc, self.socketio, *([] if self.http is None else [self.http])]

    def address(self, dialect: Dialect) -> str:
        """The address of a dialect."""
        return {JSON_RPC.name: self.json_rpc, SOCKETIO.name: self.socketio}[dialect.name]

    def websocket_url(self, dialect: Dialect) -> str:
        """The address of a dialect's WebSocket."""
        return dialect.websocket_url(self.address(dialect))


LIVE: Final = Endpoint(
    name="live",
    json_rpc="wss://ws.lightstream.bitflyer.com/json-rpc",
    socketio="https://io.lightstream.bitflyer.com",
    http="https://api.bitflyer.com/v1",
)
"""The real service. Orders on it move real money; this client only listens."""

EMBEDDED: Final = Endpoint(
    name="embedded",
    json_rpc="ws://127.0.0.1:7351/json-rpc",
    socketio="http://127.0.0.1:7351",
    http="http://127.0.0.1:7352/v1",
)
"""An exchange on this machine, at the default ports of `fulgurite exchange`."""

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

ACCEPTED_ENDPOINTS: Final = (
    '"live", "embedded", or a URL such as ws://127.0.0.1:7351/json-rpc or https://127.0.0.1:7351'
)


def resolve_endpoint(text: str, http: str | None = None) -> Endpoint:
    """Make an endpoint of a user's text.

    One URL stands for both dialects. A path that begins with ``/socket.io`` belongs to Socket.IO, any other to
    JSON-RPC. The other dialect has its usual path at the same host and port.

    Args:
        text: "live", "embedded", or a URL with ws, wss, http or https.
        http: the URL of the HTTP API; None for that of "live" or "embedded", and for none with a URL.

    Raises:
        InputError: `text` has none of these forms, or `http` is invalid.
    """
    check_type("endpoint", text, str, ACCEPTED_ENDPOINTS)
    api = None if http is None else check_http(http)
    for named in (LIVE, EMBEDDED):
        if text.strip().lower() == named.name:
            return named if api is None else msgspec.structs.replace(named, http=api)
    parts = _split("endpoint", text, ("ws", "wss", "http", "https"), ACCEPTED_ENDPOINTS)
    origin = f"{parts.scheme}://{parts.netloc}"
    address = parts.geturl()
    is_socketio = parts.path.startswith(SOCKETIO.path.rstrip("/"))
    return Endpoint(
        name=text.strip(),
        json_rpc=JSON_RPC.websocket_url(origin if is_socketio else address),
        socketio=address if is_socketio else origin,
        http=api,
    )


def check_endpoint(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint if its addresses are valid.

    Raises:
        InputError: an address is invalid.
    """
    _split("endpoint.json_rpc", endpoint.json_rpc, ("ws", "wss"), "a URL such as ws://127.0.0.1:7351/json-rpc")
    _split(
        "endpoint.socketio", endpoint.socketio, ("ws", "wss", "http", "https"), "a URL such as http://127.0.0.1:7351"
    )
    if endpoint.http is not None:
        check_http(endpoint.http, "endpoint.http")
    return endpoint


def check_http(text: object, field: str = "http") -> str:
    """Return the URL of an HTTP API without a slash at its end.

    Raises:
        InputError: the URL is invalid.
    """
    accepted = "a URL such as http://127.0.0.1:7352/v1"
    parts = _split(field, text, ("http", "https"), accepted)
    if parts.query:  # the paths of requests are appended
        raise InputError(field, text, f"{accepted}, without ?")
    return parts.geturl().rstrip("/")


def _split(field: str, text: object, schemes: tuple[str, ...], accepted: str) -> SplitResult:
    if not isinstance(text, str):
        raise InputError(field, text, accepted)
    try:
        parts = urlsplit(text.strip())
        is_fine = parts.scheme in schemes and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        is_fine = False
    if not is_fine or not text.isprintable() or " " in text.strip():
        raise InputError(field, text, accepted)
    # Neither is needed here. The error does not repeat the address, because errors with a password end up in logs.
    if "@" in parts.netloc or parts.fragment:
        raise InputError(field, f"{parts.scheme}://...", f"{accepted}, without a user name and without #")
    return parts


def foreign_address(kept_for: Endpoint, asked: Endpoint) -> str | None:
    """The first address of one endpoint that does not belong to another, as an origin: scheme, host and port.

    Args:
        kept_for: the known endpoint. The embedded exchange includes all addresses of its name on this machine.
        asked: the endpoint to compare.

    Returns:
        The origin; None if all addresses of `asked` belong to `kept_for`.
    """
    ours = {_service(url) for url in kept_for.addresses}
    is_embedded = kept_for.is_embedded and asked.is_embedded
    for url in asked.addresses:
        parts = urlsplit(url)
        if _service(url) not in ours and not (is_embedded and parts.hostname in _LOOPBACK):
            return f"{parts.scheme}://{parts.netloc}"
    return None


def _service(url: str) -> tuple[bool, str, int]:
    """Encryption, host and port of a URL: WebSocket and HTTP on one port are one service."""
    parts = urlsplit(url)
    is_secure = parts.scheme in ("https", "wss")
    return is_secure, parts.hostname or "", parts.port or (443 if is_secure else 80)
