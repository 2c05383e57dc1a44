"""Before an itayose the page says that it is an auction, and at which price it would uncross."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from tests.page.visiting import FX, endpoint_of, opened, shoot


async def bring_to(exchange: Exchange, state: str) -> None:
    """Bring the market to a state."""
    async with httpx.AsyncClient() as client:
        body = {"product": FX, "state": state}
        assert (await client.post(f"{exchange.control}/market", json=body)).status_code == 200


async def expect_auction(page: Page) -> None:
    await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "AUCTION")
    await expect(page.locator("[data-test=uncrossing]")).to_contain_text(re.compile(r"[\d,]{4,}"))
    await expect(page.locator(".ladder .asks .level").first).to_be_visible()
    await expect(page.locator(".ladder .overlay")).to_have_count(0)


async def test_an_auction_is_said_with_its_price_and_no_drift_is_counted(visit: Page, exchange: Exchange) -> None:
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    drift = await visit.locator(".drift").inner_text()
    await bring_to(exchange, "CIRCUIT BREAK")
    await expect_auction(visit)
    assert await visit.locator(".drift").inner_text() == drift
    await bring_to(exchange, "RUNNING")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect(visit.locator("[data-test=uncrossing]")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "ja-JP")])
async def test_screenshots(browser: Browser, exchange: Exchange, scheme: str, language: str) -> None:
    options = {"color_scheme": scheme, "locale": language}
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, **options) as visited:
        await expect(visited.page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        await bring_to(exchange, "CIRCUIT BREAK")
        await expect_auction(visited.page)
        await shoot(visited.page, f"auction-{language[:2]}-{scheme}")
