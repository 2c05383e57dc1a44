"""The page in a real browser, against the embedded exchange: what most of its tests start from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from tests.page.visiting import endpoint_of, opened


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """An embedded exchange."""
    async with run_exchange(seed=7) as running:
        yield running


@pytest.fixture
def browser(page: Page) -> Browser:
    """A browser that has not seen the page."""
    assert page.context.browser is not None
    return page.context.browser


@pytest.fixture
async def visit(browser: Browser, exchange: Exchange) -> AsyncIterator[Page]:
    """The page on its first visit, in English."""
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url) as visited,
    ):
        yield visited.page
