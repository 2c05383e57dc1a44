"""Opening the page, finding its parts, and keeping pictures of it, for its tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, WebSocket, expect

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange

ARTIFACTS = Path(__file__).parent.parent.parent / "artifacts"
FX = "FX_BTC_JPY"
JSON_RPC = "JSON-RPC 2.0 over WebSocket"
SOCKETIO = "Socket.IO 2.0"
VIEWS = ("market", "frames", "connection", "orders", "faults")
DESKTOP: Any = {"width": 1280, "height": 720}
PHONE: Any = {"width": 390, "height": 844}

page_fixture = partial(pytest_asyncio.fixture, loop_scope="session")
"""A fixture in the event loop of the page's tests."""

# Long enough for a loaded machine; every wait ends as soon as its condition holds.
expect.set_options(timeout=60_000)


class Opened(NamedTuple):
    """The page, opened; and the errors in it."""

    page: Page
    url: str
    problems: list[str]


def endpoint_of(exchange: Exchange) -> Endpoint:
    """The exchange as the playground's embedded one."""
    return Endpoint("embedded", exchange.realtime, exchange.socketio, exchange.http)


@asynccontextmanager
async def opened(browser: Browser, url: str, path: str = "", **options: Any) -> AsyncIterator[Opened]:
    """Open the page in a fresh browser profile; at the end nothing may have gone wrong in it.

    Args:
        browser: opens it.
        url: the playground's, as it is printed.
        path: the rest of the address, for example a state of the page.
        **options: of the browser's context; a desktop screen, English and Japanese time unless given.
    """
    context = await browser.new_context(
        **{"viewport": DESKTOP, "locale": "en-US", "timezone_id": "Asia/Tokyo"} | options
    )
    context.set_default_timeout(120_000)
    page = await context.new_page()
    problems: list[str] = []

    origin = url.partition("/?")[0]

    def check_address(request: Request | WebSocket) -> None:
        if not request.url.startswith((f"{origin}/", f"{origin.replace('http', 'ws', 1)}/", "data:")):
            problems.append(f"a request left the page's origin: {request.url}")

    page.on("request", check_address)
    page.on("websocket", check_address)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    await page.goto(url + path)
    await page.wait_for_url(lambda address: "token=" not in address)
    yield Opened(page, url, problems)
    await context.close()
    assert problems == [], problems


async def let_in(page: Page, url: str) -> None:
    """Open the address that a playground printed in another tab of the page's browser, and close that tab."""
    async with await page.context.new_page() as tab:
        await tab.goto(url)
        await tab.wait_for_url(lambda address: "token=" not in address)


@asynccontextmanager
async def opened_on_its_own(browser: Browser, **options: Any) -> AsyncIterator[Any]:
    """The page on an exchange that can be stopped for the length of a context, and comes back under its ports."""
    # It lives faster, so that the other's ids are below its own for a while: nobody can fetch missed executions.
    first = run_exchange(seed=7, speed=3)
    exchange = await first.__aenter__()
    port = int(exchange.realtime.split(":")[2].split("/")[0])
    running = [first]

    @asynccontextmanager
    async def stop_and_start() -> AsyncIterator[None]:
        await running.pop().__aexit__(None, None, None)
        yield
        again = run_exchange(seed=8, port=port)
        await again.__aenter__()
        running.append(again)

    try:
        async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, **options) as visited:
            yield visited, stop_and_start
    finally:
        for context in running:
            await context.__aexit__(None, None, None)


def cell(page: Page, channel: str) -> Locator:
    """A channel's cell in the matrix."""
    return page.locator(f'.matrix-panel [data-channel="{channel}"]')


def frames(page: Page) -> Locator:
    """The list of the frames view."""
    return page.get_by_role("list", name="Frames")


def connection_state(page: Page) -> Locator:
    """The header's text about the connection."""
    return page.locator(".top .state")


async def show_view(page: Page, view: str) -> None:
    """Show one of `VIEWS`."""
    await page.locator(f"[role=tab][data-view={view}]").click()
    await expect(page.locator(f"[role=tab][data-view={view}]")).to_have_attribute("aria-selected", "true")


async def choose(page: Page, name: str, value: str) -> None:
    """Choose one of several by its label, once that stands still: elements above it may move it down."""
    await page.locator(f"label:has(> input[name={name}][value='{value}'])").click()
    await expect(page.locator(f"input[name={name}][value='{value}']")).to_be_checked()


async def expect_in_log(page: Page, condition: str, argument: Any = None) -> None:
    """Wait until the frames view's log fulfils a condition on `log`, its `rows` and the argument, `a`.

    In sight a row may be only for a moment. Nothing that is waited for is a promise: each one counts as true.
    """
    await page.evaluate("async () => { window.pageState ??= await import('/static/js/state.js'); }")
    script = f"""(a) => {{
        const log = pageState.frameLog;
        const rows = log.slice(0, log.count);
        return {condition};
    }}"""
    await page.wait_for_function(script, arg=argument)


async def expect_sent(page: Page, text: str) -> None:
    """Wait for a frame that was sent with this text."""
    await expect_in_log(page, "rows.some((row) => row.direction === 'sent' && row.text.includes(a))", text)


async def shoot(page: Page, name: str) -> None:
    """Keep a picture for people to look at."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png")
