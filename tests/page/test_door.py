"""How a browser gets in, and that pages of others cannot interfere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fulgurite import playground
from fulgurite.server.bind import bind_for_browsers, bind_socket, outward_address, port_of
from fulgurite.server.http import serve_app
from tests.page.visiting import connection_state, endpoint_of, let_in, opened, shoot


class Stranger:
    """Somebody else's web server, on another port of this machine; it notes the cookies that it is sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: list[str] = []
        self.html = ""

    async def answer(self, request: Request) -> HTMLResponse:
        self.cookies.append(request.headers.get("cookie", ""))
        return HTMLResponse(f"<!doctype html><link rel=icon href='data:,'>{self.html}")


@asynccontextmanager
async def stranger() -> AsyncIterator[Stranger]:
    listening = bind_socket("127.0.0.1", 0)
    server = Stranger(port_of(listening))
    async with serve_app(Starlette(routes=[Route("/{path:path}", server.answer)]), [listening]):
        yield server


async def expect_outside(page: Page) -> None:
    """Nothing is shown but how to get in."""
    await expect(page.get_by_text("Only the user who started this playground can open it")).to_be_visible()
    await expect(page.get_by_text("起動した人だけです")).to_be_visible()
    await expect(page.locator("#root, .top")).to_have_count(0)


async def test_the_printed_address_lets_in_and_is_gone_at_once(browser, exchange):
    """Neither the address, nor the tab's history, nor a script or another port gets the token or the cookie."""
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=frames") as (page, *_),
    ):
        await expect(connection_state(page)).to_have_text("Open")
        assert page.url == f"{served.origin}/#view=frames"
        (cookie,) = await page.context.cookies()
        assert cookie["name"] == f"fulgurite-{served.port}"
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
        assert await page.evaluate("document.cookie") == ""
        devtools = await page.context.new_cdp_session(page)
        history = await devtools.send("Page.getNavigationHistory")
        assert served.token not in str(history)
        assert served.token not in await page.evaluate("document.documentElement.outerHTML + document.referrer")
        # A reload, and another tab without the token.
        await page.reload()
        await expect(connection_state(page)).to_have_text("Open")
        other = await page.context.new_page()
        await other.goto(served.origin)
        await expect(connection_state(other)).to_have_text("Open")


async def test_another_browser_is_told_how_to_get_in_and_gets_in_so(browser):
    async with playground.run(None) as served:
        for address in (served.origin, f"{served.origin}/?token=guess", f"{served.origin}/static/index.html"):
            context = await browser.new_context(locale="en-US")
            page = await context.new_page()
            answer = await page.goto(address)
            assert answer is not None
            assert answer.status == 403
            await expect_outside(page)
            assert await context.cookies() == []
            await shoot(page, "door")
            # The printed address is good for as many browsers as it is opened in.
            await page.goto(served.url)
            await expect(connection_state(page)).to_have_text("Not connected")
            await context.close()


async def test_a_browser_on_another_machine_gets_in_by_the_machines_address(browser, exchange):
    address = outward_address("0.0.0.0")
    async with playground.run(endpoint_of(exchange), "0.0.0.0") as served:
        origin = f"http://{address}:{served.port}"
        context = await browser.new_context(locale="en-US")
        page = await context.new_page()
        await page.goto(origin)
        await expect_outside(page)
        await page.goto(served.url_at(origin))
        await expect(connection_state(page)).to_have_text("Open")
        assert page.url == f"{origin}/"
        await context.close()


async def test_a_link_on_another_site_leads_in_who_was_let_in_before(browser):
    async with playground.run(None) as served, stranger() as other:
        other.html = f"<a href='{served.origin}/#view=frames'>look</a>"
        context = await browser.new_context(locale="en-US")
        page = await context.new_page()
        # localhost is another site than 127.0.0.1, and a strict cookie is not sent where that leads.
        await page.goto(f"http://localhost:{other.port}/")
        await page.get_by_role("link").click()
        await expect_outside(page)
        await let_in(page, served.url)
        await page.goto(f"http://localhost:{other.port}/")
        await page.get_by_role("link").click()
        await expect(connection_state(page)).to_have_text("Not connected")
        await expect(page.locator("[data-view=frames]")).to_have_attribute("aria-selected", "true")
        await context.close()


ATTACK = """async ([origin, token]) => {
    const results = {};
    results.read = await fetch(origin, {credentials: "include"}).then((a) => a.text(), () => "refused");
    results.blind = await fetch(`${origin}/openapi.json`, {credentials: "include", mode: "no-cors"})
        .then((a) => a.type, () => "refused");
    results.post = await fetch(`${origin}/logs`, {
        method: "POST", body: "{}", credentials: "include", headers: {"fulgurite-token": token},
    }).then((a) => a.status, () => "refused");
    results.simplePost = await fetch(`${origin}/logs`, {method: "POST", body: "{}", credentials: "include",
        mode: "no-cors"}).then((a) => a.status, () => "refused");
    results.script = await new Promise((resolve) => {
        const script = Object.assign(document.createElement("script"), {src: `${origin}/static/js/main.js`});
        script.onload = () => resolve("loaded");
        script.onerror = () => resolve("refused");
        document.head.append(script);
    });
    results.socket = await new Promise((resolve) => {
        const socket = new WebSocket(`${origin.replace("http", "ws")}/ws?token=${token}`);
        socket.onopen = () => resolve("open");
        socket.onclose = () => resolve("refused");
    });
    const frame = document.createElement("iframe");
    results.frame = await new Promise((resolve) => {
        frame.onload = () => resolve("loaded");
        frame.src = origin;
        document.body.append(frame);
    });
    const opened = window.open(origin);
    results.opener = opened === null || opened.closed;
    return results;
}"""


async def attack(page: Page, served: playground.Page, token: str) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(ATTACK, [served.origin, token])
    return found


async def test_a_page_on_another_port_or_site_can_do_nothing_even_with_the_token(browser, exchange):
    """Cookies go to all ports of a host; so do those of a page there. A page elsewhere sends none."""
    async with (
        playground.run(endpoint_of(exchange)) as served,
        stranger() as other,
        opened(browser, served.url) as (mine, *_),
    ):
        for name in ("127.0.0.1", "localhost", urlsplit(served.origin).hostname):
            page = await mine.context.new_page()
            await page.goto(f"http://{name}:{other.port}/")
            assert await page.evaluate("JSON.stringify({...localStorage})") == "{}"
            found = await attack(page, served, served.token)
            assert found["read"] == found["blind"] == found["post"] == found["simplePost"] == "refused", found
            assert found["script"] == found["socket"] == "refused", found
            inside = page.frames[1]
            assert await inside.locator("body").inner_text() == "" or "refused to connect" in await inside.content()
            # It sets all cookies that it can, and locks nobody out with them.
            await page.evaluate(f"document.cookie = 'fulgurite-{served.port}=x; path=/'")
            await page.evaluate(f"document.cookie = 'fulgurite-{served.port}=y; path=/static'")
            await page.close()
        await mine.reload()
        await expect(connection_state(mine)).to_have_text("Open")


async def test_who_gets_the_cookie_on_another_port_gets_no_further(browser, exchange):
    """Another user's server needs only be visited, on this host: then it has the cookie, and can say anything.

    At the plain address, that is: nobody knows the name of the other.
    """
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        stranger() as thief,
        opened(browser, served.url) as (named, *_),
        opened(browser, served.plain_url) as (mine, *_),
    ):
        page = await named.context.new_page()
        for host in ("127.0.0.1", "localhost"):
            await page.goto(f"http://{host}:{thief.port}/")
            assert thief.cookies.pop() == ""
        page = await mine.context.new_page()
        await page.goto(f"http://127.0.0.1:{thief.port}/")
        (stolen,) = thief.cookies
        assert stolen.startswith(f"fulgurite-{served.port}="), "browsers do so; else this test is needless"
        headers = {"Cookie": stolen, "Origin": served.plain_origin}
        async with httpx.AsyncClient(headers=headers) as client:
            for path in ("/", "/static/js/main.js", "/samples.json", "/openapi.json"):
                answer = await client.get(f"{served.plain_origin}{path}")
                assert served.token not in answer.text + str(answer.headers)
                assert exchange.api_secret not in answer.text
            assert (await client.post(f"{served.plain_origin}/logs", content=b"{}")).status_code == 403
            assert (await client.get(f"{served.plain_origin}/logs/x")).status_code == 403
        socket: Any = f"ws://127.0.0.1:{served.port}/ws"
        value = stolen.partition("=")[2]
        for query in ("", "?token=", f"?token={value}"):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(socket + query, additional_headers=headers, proxy=None)


async def test_a_browser_that_keeps_the_cookie_alone_is_told(browser):
    async with playground.run(None) as served:
        context = await browser.new_context(locale="en-US")
        page = await context.new_page()
        await page.goto(served.url)
        await expect(connection_state(page)).to_have_text("Not connected")
        await page.evaluate("localStorage.clear()")
        await page.reload()
        await expect(page.locator("[data-notice=locked]")).to_contain_text(re.compile("Access denied"))
        await let_in(page, served.url)
        await expect(connection_state(page)).to_have_text("Not connected")
        await context.close()


PLANTED = """
onactivate = (event) => event.waitUntil(clients.claim());
onfetch = (event) => event.respondWith(new Response(`Stolen: ${event.request.url}`));
"""

POISONED = "document.body.textContent = `Stolen: ${location}`;"


async def plant(request: Request) -> Response:
    """A holder of the port while no playground runs: leaves a service worker, and a script in the browser's cache."""
    if request.url.path == "/worker.js":
        return Response(PLANTED, media_type="text/javascript")
    if request.url.path == "/static/js/entry.js":
        headers = {"Cache-Control": "max-age=31536000, immutable"}
        return Response(POISONED, media_type="text/javascript", headers=headers)
    return HTMLResponse("<!doctype html><link rel=icon href='data:,'>")


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(
            "navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)", id="worker"
        ),
        pytest.param("fetch('/static/js/entry.js').then((answer) => answer.text())", id="cache"),
    ],
)
async def test_who_had_the_port_before_has_left_nothing_where_the_printed_address_leads(browser, attack):
    held = bind_for_browsers("127.0.0.1", 0)
    port = port_of(held[0])
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    async with serve_app(Starlette(routes=[Route("/{path:path}", plant)]), held):
        for host in ("127.0.0.1", "localhost", "[::1]"):
            await page.goto(f"http://{host}:{port}/")
            await page.evaluate(f"{attack}.then(() => null)")
    async with playground.run(None, port=port) as served:
        await page.goto(served.url)
        await expect(connection_state(page)).to_have_text("Not connected")
        assert page.url.startswith(f"{served.origin}/#")
        assert await page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
        # It is the origin that does it: the same is in force at the plain address, which the docs say.
        await page.goto(served.plain_url)
        await expect(page.get_by_text(f"Stolen: {served.plain_url}")).to_be_visible()
        await context.close()
