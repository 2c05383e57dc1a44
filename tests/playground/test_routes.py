"""Every way into the backend is guarded: by the host's name always, by token and origin unless it is meant for all.

The routes are asked of the application itself, so that a new one is tested before anybody thinks of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute

from fulgurite.client import LIVE
from fulgurite.exchange.descriptions import PATHS
from fulgurite.playground.app import create_app
from fulgurite.playground.framelogs import FrameLogs

PORT = 7350
TOKEN = "the-right-token"
OURS = f"http://127.0.0.1:{PORT}"
EVIL = f"http://evil.example:{PORT}"

# What anybody who knows the address may read: nothing of it is the user's, and other sites' pages cannot read it.
PUBLIC = {"/", "/static/{path:path}", "/samples.json", "/sample", "/sample.zip", *PATHS}


@contextlib.contextmanager
def made() -> Iterator[Any]:
    with contextlib.closing(FrameLogs()) as logs:
        yield create_app(LIVE, logs, port=PORT, token=TOKEN)


def routes() -> list[Route | WebSocketRoute]:
    with made() as app:
        return list(app.routes)


def path_of(route: Route | WebSocketRoute) -> str:
    return route.path.replace("{path:path}", "js/main.js").replace("{key}", "x" * 22)


HTTP = [route for route in routes() if isinstance(route, Route)]
SOCKETS = [route for route in routes() if isinstance(route, WebSocketRoute)]


async def ask(app: Any, base: str, route: Route, method: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
        return await client.request(method, path_of(route), headers=headers)


async def first_answer(app: Any, route: WebSocketRoute, host: str, origin: str, token: str) -> dict[str, Any]:
    """What the application first answers to a WebSocket's handshake, by which it lets it in or does not."""
    headers = {"host": host} | ({"origin": origin} if origin else {})
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": path_of(route),
        "query_string": f"token={token}".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    came = iter([{"type": "websocket.connect"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(came, {"type": "websocket.disconnect", "code": 1001})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]


def requests() -> list[Any]:
    return [
        pytest.param(route, method, id=f"{method} {route.path}")
        for route in HTTP
        for method in sorted(route.methods or ())
    ]


def test_all_routes_are_known_here():
    assert {route.path for route in HTTP} >= PUBLIC
    assert len(SOCKETS) + len(HTTP) == len(routes()), "a kind of route that these tests do not know"


@pytest.mark.parametrize(("route", "method"), requests())
async def test_no_other_host_name_gets_in(route, method):
    with made() as app:
        answer = await ask(app, EVIL, route, method, {"origin": EVIL, "fulgurite-token": TOKEN})
    assert answer.status_code == 421


@pytest.mark.parametrize(("route", "method"), requests())
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": EVIL, "fulgurite-token": TOKEN}, id="another origin"),
        pytest.param({"origin": "null", "fulgurite-token": TOKEN}, id="no origin of its own"),
        pytest.param({"origin": OURS, "fulgurite-token": "a-guess"}, id="a guessed token"),
        pytest.param({"origin": OURS}, id="no token"),
    ],
)
async def test_another_origin_and_a_missing_token_are_refused_unless_it_is_public(route, method, headers):
    with made() as app:
        answer = await ask(app, OURS, route, method, headers)
    if route.path in PUBLIC:
        assert method in ("GET", "HEAD"), "what changes something is never public"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert answer.status_code != 403
    else:
        assert answer.status_code == 403
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in SOCKETS])
@pytest.mark.parametrize(
    ("host", "origin", "token"),
    [
        (EVIL, EVIL, TOKEN),
        (OURS, EVIL, TOKEN),
        (OURS, "null", TOKEN),
        (OURS, "", TOKEN),
        (OURS, OURS, "a-guess"),
        (OURS, OURS, ""),
    ],
)
async def test_a_socket_needs_our_host_our_origin_and_the_token(route, host, origin, token):
    with made() as app:
        answer = await first_answer(app, route, host.removeprefix("http://"), origin, token)
    assert answer["type"] == "websocket.close"
    assert answer["code"] == 1008


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in SOCKETS])
async def test_a_socket_with_all_of_them_is_let_in(route):
    with made() as app:
        answer = await first_answer(app, route, OURS.removeprefix("http://"), OURS, TOKEN)
    assert answer["type"] == "websocket.accept"
