"""The page in a real browser, against the embedded exchange: the start of most of its tests.

All tests here run in one event loop, since Playwright's objects belong to one: its driver, a program that takes half a
second of a processor to start, is started once for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from tests.page.visiting import endpoint_of, opened, page_fixture

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the session's event loop."""
    for item in items:
        if item.path.is_relative_to(FOLDER) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def driven(chromium_url: str) -> AsyncIterator[Browser]:
    """The browser that all tests share."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium_url)
        yield browser
        await browser.close()


@page_fixture
async def page(driven: Browser) -> AsyncIterator[Page]:
    """An empty page in a browser profile of its own; all profiles end with the test."""
    before = driven.contexts
    try:
        yield await driven.new_page()
    finally:
        for context in driven.contexts:
            if context not in before:
                await context.close()


@page_fixture
async def blank(page: Page) -> AsyncIterator[Page]:
    """A page of the playground's origin that holds no program, into which modules can be loaded."""
    async with playground.run(None) as served:
        await page.context.request.get(served.plain_url)  # gives the cookie, as to a page
        await page.goto(f"{served.plain_origin}/static/mark.svg")
        yield page


@page_fixture
async def exchange() -> AsyncIterator[Exchange]:
    """An embedded exchange."""
    async with run_exchange(seed=7) as running:
        yield running


@pytest.fixture
def browser(page: Page) -> Browser:
    """A browser that has not seen the page."""
    assert page.context.browser is not None
    return page.context.browser


@page_fixture
async def visit(browser: Browser, exchange: Exchange) -> AsyncIterator[Page]:
    """The page on its first visit, in English."""
    async with playground.run(endpoint_of(exchange), owned=exchange) as served, opened(browser, served.url) as visited:
        yield visited.page
