"""The page on an embedded exchange that it may trade on and make go wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from playwright.async_api import Browser, Locator, Page, expect

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from tests.page.visiting import endpoint_of, opened


@asynccontextmanager
async def at_exchange(
    browser: Browser, path: str = "#view=orders", *, seed: int = 7, **options: Any
) -> AsyncIterator[tuple[Page, Exchange]]:
    """Open the page, on an exchange with two accounts.

    Args:
        browser: opens it.
        path: the state of the page.
        seed: of the exchange.
        **options: of the browser's context.
    """
    async with (
        run_exchange(seed=seed, accounts=2) as exchange,
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, path, **options) as visited,
    ):
        yield visited.page, exchange


async def use_demo(page: Page) -> None:
    """Choose the demo account, and wait until it is authenticated."""
    await page.get_by_role("button", name="Use the demo account").click()
    await expect_auth(page, "authenticated")


async def type_key(page: Page, api_key: str, secret: str) -> None:
    """Type a key and its secret, as a person does."""
    await page.get_by_role("textbox", name="API key").fill(api_key)
    await page.get_by_label("API secret").press_sequentially(secret)
    await page.get_by_role("button", name="Use", exact=True).click()


async def expect_auth(page: Page, state: str) -> None:
    """Wait until the page says so of `auth`."""
    await expect(page.locator("[data-auth]")).to_have_attribute("data-auth", state)


def life(page: Page, text: str = "") -> Locator:
    """The orders whose rows have this text."""
    return page.locator(".life").filter(has_text=text)


async def control(exchange: Exchange, path: str, body: object) -> Any:
    """Ask the control API."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{exchange.control}/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def heal(exchange: Exchange) -> None:
    """End all faults."""
    async with httpx.AsyncClient() as client:
        assert (await client.delete(f"{exchange.control}/faults")).is_success


async def trade(exchange: Exchange, path: str, body: object, account: int = 2) -> Any:
    """Ask the private HTTP API for one of the two accounts."""
    api_key, secret = exchange.api_key, exchange.api_secret
    if account == 2:
        api_key, secret = exchange.more_accounts[0].api_key, exchange.more_accounts[0].api_secret
    text, timestamp, target = json.dumps(body), str(time.time_ns() // 1_000_000), f"/v1/me/{path}"
    signature = hmac.new(secret.encode(), f"{timestamp}POST{target}{text}".encode(), hashlib.sha256).hexdigest()
    headers = {"ACCESS-KEY": api_key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": signature}
    async with httpx.AsyncClient() as client:
        answer = await client.post(exchange.http.removesuffix("/v1") + target, content=text, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None
