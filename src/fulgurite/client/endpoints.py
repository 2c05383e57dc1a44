"""Where the realtime API is: the live service, or any other by its URL. Pure."""

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
    """Its name for people: "live", "embedded", or the URL that they gave."""
    json_rpc: str
    """JSON-RPC over WebSocket: a ws:// or wss:// URL with its path."""
    socketio: str
    """Socket.IO: an http://, https://, ws:// or wss:// URL."""
    http: str | None = None
    """The HTTP API with its version, for example ``http://127.0.0.1:7352/v1``; None where there is none."""

    @property
    def is_bitflyer(self) -> bool:
        """Whether it is the real service: only of that is it known when its daily maintenance is."""
        return any(_BITFLYER.match(url) for url in (self.json_rpc, self.socketio))

    @property
    def is_embedded(self) -> bool:
        """Whether it goes by the name of the embedded exchange, whose ports are others each time."""
        return self.name == EMBEDDED.name

    @property
    def addresses(self) -> list[str]:
        """All that there are."""
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
"""An exchange on this machine, at the ports that `fulgurite exchange` takes by default."""

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

ACCEPTED_ENDPOINTS: Final = (
    '"live", "embedded", or a URL such as ws://127.0.0.1:7351/json-rpc or https://127.0.0.1:7351'
)


def resolve_endpoint(text: str, http: str | None = None) -> Endpoint:
    """Find the endpoint that a person means.

    One URL stands for both dialects: its path is kept for the dialect it belongs to, Socket.IO where it begins with
    ``/socket.io`` and JSON-RPC otherwise, and the other dialect is looked for at the same host and port.

    Args:
        text: "live", "embedded", or a URL with ws, wss, http or https.
        http: the URL of the HTTP API, where it is not the live one or none.

    Raises:
        InputError: it is neither; the text names the accepted forms.
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
    """Give back an endpoint whose addresses can be meant.

    Raises:
        InputError: one cannot.
    """
    _split("endpoint.json_rpc", endpoint.json_rpc, ("ws", "wss"), "a URL such as ws://127.0.0.1:7351/json-rpc")
    _split(
        "endpoint.socketio", endpoint.socketio, ("ws", "wss", "http", "https"), "a URL such as http://127.0.0.1:7351"
    )
    if endpoint.http is not None:
        check_http(endpoint.http, "endpoint.http")
    return endpoint


def check_http(text: object, field: str = "http") -> str:
    """Give back the URL of an HTTP API, without a slash at its end.

    Raises:
        InputError: it is none.
    """
    accepted = "a URL such as http://127.0.0.1:7352/v1"
    parts = _split(field, text, ("http", "https"), accepted)
    if parts.query:  # the paths of its requests are put behind it
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
    # Neither is ever needed here, and a password in an address ends up in logs: it is not repeated in the error.
    if "@" in parts.netloc or parts.fragment:
        raise InputError(field, f"{parts.scheme}://...", f"{accepted}, without a user name and without #")
    return parts


def foreign_address(kept_for: Endpoint, asked: Endpoint) -> str | None:
    """The first address of an endpoint that is none of another's, as an origin: scheme, host and port.

    Args:
        kept_for: the one that is known. Where it is the embedded exchange, an endpoint on this machine with this name
            is the same.
        asked: the one to be compared.

    Returns:
        The origin; None where all of `asked` is part of `kept_for`.
    """
    ours = {_service(url) for url in kept_for.addresses}
    is_embedded = kept_for.is_embedded and asked.is_embedded
    for url in asked.addresses:
        parts = urlsplit(url)
        if _service(url) not in ours and not (is_embedded and parts.hostname in _LOOPBACK):
            return f"{parts.scheme}://{parts.netloc}"
    return None


def _service(url: str) -> tuple[bool, str, int]:
    """Whether it is encrypted, the host and the port: WebSocket and HTTP on one port are one service."""
    parts = urlsplit(url)
    is_secure = parts.scheme in ("https", "wss")
    return is_secure, parts.hostname or "", parts.port or (443 if is_secure else 80)
