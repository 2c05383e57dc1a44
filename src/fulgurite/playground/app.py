"""The page's backend as an ASGI application: a door, and behind it the static page and one guarded WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from fulgurite.client import LIVE, Endpoint
from fulgurite.exchange.descriptions import description_routes
from fulgurite.playground.framelogs import FrameLogs, LogRoutes
from fulgurite.playground.guard import Guard, security_headers
from fulgurite.playground.owned import OwnedExchange
from fulgurite.playground.samplehttp import sample_routes
from fulgurite.playground.session import PageSession
from fulgurite.protocol.dialects import DIALECTS

STATIC = Path(__file__).parent / "static"

PAGE_LIMIT = 16
"""The most pages connected at once; each has a connection to an endpoint of its own."""

# The media types are named here, because Python reads the system's own table, and that is wrong on some.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def create_app(
    exchange_endpoint: Endpoint | None, logs: FrameLogs, guard: Guard, *, owned: OwnedExchange | None = None
) -> ASGIApp:
    """Make the application.

    Args:
        exchange_endpoint: the embedded exchange, or None to offer only endpoints that the user names.
        logs: frame logs on their way to and from pages.
        guard: the judge of each request.
        owned: the embedded exchange, where the page may trade there and make it go wrong.
    """
    endpoints = {"live": LIVE} if exchange_endpoint is None else {"live": LIVE, "embedded": exchange_endpoint}
    pages = _Pages(guard, endpoints, logs, owned)
    log_routes = LogRoutes(guard, logs)
    routes = [
        Route("/", pages.index),
        Route("/static/{path:path}", pages.static_file),
        Route("/logs", log_routes.upload, methods=["POST"]),
        Route("/logs/{key}", log_routes.download),
        WebSocketRoute("/ws", pages.socket),
        *sample_routes(endpoints),
        *_descriptions(endpoints),
    ]
    return _Guarded(Starlette(routes=routes), guard)


def _descriptions(endpoints: Mapping[str, Endpoint]) -> list[Route]:
    realtime = {
        name: {dialect.name: endpoint.websocket_url(dialect) for dialect in DIALECTS.values()}
        for name, endpoint in endpoints.items()
    }
    http = {name: endpoint.http for name, endpoint in endpoints.items() if endpoint.http is not None}
    return description_routes(realtime, http)


_STRANGE_HOST = (
    "This host name is not ours. Open the address that was printed last, or start with --host and this name.\n"
)


class _Pages:
    """Delivers the page, and serves its WebSocket."""

    def __init__(
        self, guard: Guard, endpoints: Mapping[str, Endpoint], logs: FrameLogs, owned: OwnedExchange | None
    ) -> None:
        self._guard = guard
        self._endpoints = endpoints
        self._logs = logs
        self._owned = owned
        self._connected = 0
        self._numbers = count(1)
        # A name is looked up among the files that there are, so that no name can lead anywhere else.
        self._files = {
            each.relative_to(STATIC).as_posix(): each for each in STATIC.rglob("*") if each.suffix in _MEDIA_TYPES
        }

    async def index(self, request: Request) -> Response:
        return _html("index")

    async def static_file(self, request: Request) -> Response:
        path = self._files.get(request.path_params["path"])
        if path is None:
            return PlainTextResponse("There is no such file.\n", status_code=404)
        return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix])

    async def socket(self, websocket: WebSocket) -> None:
        origin, host = websocket.headers.get("origin", ""), websocket.headers.get("host", "")
        if not self._guard.allows_line(host, origin, websocket.query_params.get("token", "")):
            await websocket.close(1008)  # before the handshake is accepted this answers with HTTP status 403
            return
        await websocket.accept()
        if self._connected >= PAGE_LIMIT:
            await websocket.close(1013, "too many pages are open")
            return
        self._connected += 1
        try:
            name = f"page-{next(self._numbers)}"
            await PageSession(websocket, self._endpoints, self._logs, self._owned, name).run()
        finally:
            self._connected -= 1


class _Guarded:
    """The door: refuses other hosts' names, lets in browsers with the token, and tells all others how to get in."""

    def __init__(self, app: Starlette, guard: Guard) -> None:
        self.routes = app.routes
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._guard.allows_host(host):
            await _refuse(PlainTextResponse(_STRANGE_HOST, status_code=421), scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_file = message["status"] == 200 and scope["path"].startswith("/static/")
                MutableHeaders(scope=message).update(security_headers(host, is_file=is_file))
            await send(message)

        if self._shows_token(scope):
            await self._entry()(scope, receive, send_secured)
        elif self._guard.is_let_in(headers.getlist("cookie"), headers.get("fulgurite-token")):
            await self._app(scope, receive, send_secured)
        else:
            await _refuse(_html("outside", 403), scope, receive, send_secured)

    def _shows_token(self, scope: Scope) -> bool:
        """Whether the printed address is opened."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            return False
        return self._guard.is_token(QueryParams(scope["query_string"]).get("token", ""))

    def _entry(self) -> Response:
        """Gives the cookie, with a page that goes on to the address without the token.

        Not with a redirect: a browser that comes from elsewhere, from a link or a file, would not send a strict cookie
        with the request that follows.
        """
        entry = _html("entry")
        entry.set_cookie(self._guard.cookie_name, self._guard.cookie, path="/", httponly=True, samesite="strict")
        return entry


def _html(name: str, status: int = 200) -> Response:
    return Response((STATIC / f"{name}.html").read_bytes(), status, media_type=_MEDIA_TYPES[".html"])


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # the handshake is answered with HTTP status 403
    else:
        await answer(scope, receive, send)
