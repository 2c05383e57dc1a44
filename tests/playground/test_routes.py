"""Every way into the backend is guarded: by the host's name and the cookie always, and by token and origin too unless
the data is no user's.

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
from fulgurite.playground.guard import Guard

PORT = 7350
TOKEN = "the-right-token"
OURS = f"http://127.0.0.1:{PORT}"
EVIL = f"http://evil.example:{PORT}"
GUARD = Guard([], PORT, TOKEN, "the-right-cookie")  # each process that runs tests has to know them by the same names
COOKIE = f"{GUARD.cookie_name}={GUARD.cookie}"

# For these the cookie is enough: none is the user's data, and other sites' pages cannot read them.
PUBLIC = {"/", "/static/{path:path}", "/samples.json", "/sample", "/sample.zip", *PATHS}


@contextlib.contextmanager
def made() -> Iterator[Any]:
    with contextlib.closing(FrameLogs()) as logs:
        yield create_app(LIVE, logs, GUARD)


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


async def first_answer(
    app: Any, route: WebSocketRoute, host: str, origin: str, token: str, cookie: str = COOKIE
) -> dict[str, Any]:
    """The application's first answer to a WebSocket's handshake, which admits or refuses it."""
    headers = {"host": host, "cookie": cookie} | ({"origin": origin} if origin else {})
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
        answer = await ask(app, EVIL, route, method, {"origin": EVIL, "fulgurite-token": TOKEN, "cookie": COOKIE})
    assert answer.status_code == 421


@pytest.mark.parametrize(("route", "method"), requests())
@pytest.mark.parametrize(
    "cookie",
    ["", f"{GUARD.cookie_name}={TOKEN}", f"{GUARD.cookie_name}=", f"fulgurite-1={GUARD.cookie}", f"x={COOKIE}"],
)
async def test_without_the_cookie_there_is_nothing_but_how_to_get_in(route, method, cookie):
    with made() as app:
        answer = await ask(app, OURS, route, method, {"origin": OURS, "fulgurite-token": TOKEN, "cookie": cookie})
        outside = await ask(app, OURS, Route("/", app), "GET", {})
    assert answer.status_code == 403
    assert answer.text == ("" if method == "HEAD" else outside.text)
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert "the address that it printed" in outside.text
    assert "表示されたアドレス" in outside.text
    assert TOKEN not in outside.text


@pytest.mark.parametrize(("route", "method"), requests())
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": EVIL, "fulgurite-token": TOKEN}, id="another origin"),
        pytest.param({"origin": f"http://127.0.0.1:{PORT + 1}", "fulgurite-token": TOKEN}, id="another port"),
        pytest.param({"origin": "null", "fulgurite-token": TOKEN}, id="no origin of its own"),
        pytest.param({"origin": OURS, "fulgurite-token": "a-guess"}, id="a guessed token"),
        pytest.param({"origin": OURS, "fulgurite-token": GUARD.cookie}, id="the cookie for a token"),
        pytest.param({"origin": OURS}, id="no token"),
    ],
)
async def test_with_the_cookie_alone_there_is_nothing_of_the_users(route, method, headers):
    with made() as app:
        answer = await ask(app, OURS, route, method, headers | {"cookie": COOKIE})
    if route.path in PUBLIC:
        assert method in ("GET", "HEAD"), "what changes something needs more"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert answer.status_code == (200 if headers.get("fulgurite-token", TOKEN) == TOKEN else 403) or (
            answer.status_code == 400
        ), "a wrong token is refused, and what is asked of the samples is incomplete here"
        assert TOKEN not in answer.text
    else:
        assert answer.status_code == 403
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_cookie_of_the_same_name_does_not_hide_ours():
    """Any page on another port of this host can set one."""
    for cookies in (f"{GUARD.cookie_name}=x; {COOKIE}", f"{COOKIE}; {GUARD.cookie_name}=x; other"):
        with made() as app:
            answer = await ask(app, OURS, Route("/", app), "GET", {"cookie": cookies})
        assert answer.status_code == 200


@pytest.mark.parametrize("query", ["token=", "token=a-guess", f"token={GUARD.cookie}", "token=%C3%A9", "token", ""])
async def test_a_wrong_token_gives_no_cookie(query):
    with made() as app:
        answer = await ask(app, OURS, Route(f"/?{query}", app), "GET", {})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_the_token_gives_the_cookie_where_it_is_printed_and_nowhere_else():
    with made() as app:
        answer = await ask(app, OURS, Route(f"/?token={TOKEN}", app), "GET", {})
        assert answer.status_code == 200
        assert answer.headers["set-cookie"] == f"{COOKIE}; HttpOnly; Path=/; SameSite=strict"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert TOKEN not in answer.text
        for route, method in ((f"/static/js/main.js?token={TOKEN}", "GET"), (f"/?token={TOKEN}", "POST")):
            refused = await ask(app, OURS, Route(route, app), method, {})
            assert refused.status_code == 403
            assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in SOCKETS])
@pytest.mark.parametrize(
    ("host", "origin", "token"),
    [
        (EVIL, EVIL, TOKEN),
        (OURS, EVIL, TOKEN),
        (OURS, "null", TOKEN),
        (OURS, "", TOKEN),
        (OURS, f"http://127.0.0.1:{PORT + 1}", TOKEN),
        (OURS, OURS, "a-guess"),
        (OURS, OURS, GUARD.cookie),
        (OURS, OURS, ""),
    ],
)
async def test_a_socket_needs_our_host_our_origin_and_the_token(route, host, origin, token):
    with made() as app:
        answer = await first_answer(app, route, host.removeprefix("http://"), origin, token)
    assert answer["type"] == "websocket.close"
    assert answer["code"] == 1008


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in SOCKETS])
@pytest.mark.parametrize("cookie", ["", f"{GUARD.cookie_name}={TOKEN}", f"fulgurite-1={GUARD.cookie}"])
async def test_a_socket_needs_the_cookie_too(route, cookie):
    with made() as app:
        answer = await first_answer(app, route, OURS.removeprefix("http://"), OURS, TOKEN, cookie)
    assert answer == {"type": "websocket.close", "code": 1008}


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in SOCKETS])
async def test_a_socket_with_all_of_them_is_let_in(route):
    with made() as app:
        answer = await first_answer(app, route, OURS.removeprefix("http://"), OURS, TOKEN)
    assert answer["type"] == "websocket.accept"
