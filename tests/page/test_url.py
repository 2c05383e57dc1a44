"""The state of the page in its address: a shared link opens views, and never does anything."""

from __future__ import annotations

import re

import httpx
from playwright.async_api import expect

from fulgurite import playground
from tests.page.visiting import FX, JSON_RPC, SOCKETIO, cell, choose, connection_state, endpoint_of, opened, show_view

ELSEWHERE = "#view=connection&dialect=socketio&product=BTC_JPY&channels=BTC_JPY,ticker:XRP_JPY&folded=right&language=ja"


async def test_a_link_opens_the_same_page(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, ELSEWHERE) as (page, *_):
        await expect(page.locator("[data-view=connection]")).to_have_attribute("aria-selected", "true")
        await expect(page.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "true")
        await expect(page.locator("html")).to_have_attribute("lang", "ja")
        await expect(page.locator(".folded-right")).to_be_visible()
        await expect(page.locator(".matrix-panel .in-view")).to_contain_text("BTC_JPY")
        await expect(cell(page, "lightning_ticker_XRP_JPY")).to_have_attribute("data-state", "receiving")
        await expect(cell(page, "lightning_board_BTC_JPY")).to_have_attribute("data-state", "receiving")
        await expect(cell(page, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "off")
        assert page.url.endswith(ELSEWHERE)
        # The language of a link is not the reader's choice for other visits.
        assert await page.evaluate("localStorage.getItem('fulgurite.language')") is None


async def test_what_is_done_on_the_page_stands_in_its_address(visit):
    await expect(visit).to_have_url(re.compile(r"/$"))
    await choose(visit, "interval-upper", "60")
    await choose(visit, "chart-upper", "heatmap")
    # The same chart is not shown twice.
    await expect(visit).to_have_url(re.compile(r"/#charts=heatmap,depth&interval=60$"))
    await show_view(visit, "frames")
    await visit.get_by_role("tab", name=SOCKETIO).click()
    await cell(visit, "lightning_ticker_BTC_JPY").click()
    await visit.get_by_role("button", name="Hide: Channels").click()
    await expect(visit).to_have_url(
        re.compile(
            rf"/#view=frames&dialect=socketio&channels={FX},ticker:BTC_JPY&charts=heatmap,depth&interval=60&folded=left$"
        )
    )
    address = visit.url
    await visit.reload()
    await expect(visit.locator("[data-view=frames]")).to_have_attribute("aria-selected", "true")
    await expect(visit.locator(".folded-left")).to_be_visible()
    assert visit.url == address
    await show_view(visit, "market")
    await expect(visit.locator("input[name=chart-upper][value=heatmap]")).to_be_checked()
    await choose(visit, "chart-upper", "candles")
    await expect(visit.locator("input[name=interval-upper][value='60']")).to_be_checked()


async def test_back_and_forward_walk_through_what_was_seen(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await show_view(visit, "frames")
    await visit.get_by_role("tab", name=SOCKETIO).click()
    await show_view(visit, "connection")
    await visit.go_back()
    await expect(visit.locator("[data-view=frames]")).to_have_attribute("aria-selected", "true")
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "true")
    await visit.go_back()
    await expect(visit.get_by_role("tab", name=JSON_RPC)).to_have_attribute("aria-selected", "true")
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.go_back()
    await expect(visit.locator("[data-view=market]")).to_have_attribute("aria-selected", "true")
    await visit.go_forward()
    await expect(visit.locator("[data-view=frames]")).to_have_attribute("aria-selected", "true")


async def test_going_back_to_other_channels_subscribes_to_them(browser, exchange):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#channels=ticker:XRP_JPY") as (page, *_),
    ):
        await expect(cell(page, "lightning_ticker_XRP_JPY")).to_have_attribute("data-state", "receiving")
        await page.goto(f"{served.origin}/#channels=ticker:BTC_JPY")
        await expect(cell(page, "lightning_ticker_BTC_JPY")).to_have_attribute("data-state", "receiving")
        await expect(cell(page, "lightning_ticker_XRP_JPY")).to_have_attribute("data-state", "off")
        await page.go_back()
        await expect(cell(page, "lightning_ticker_XRP_JPY")).to_have_attribute("data-state", "receiving")


async def test_a_link_never_connects_elsewhere_by_itself(browser, exchange):
    async with (
        playground.run(None) as served,
        httpx.AsyncClient() as http,
        opened(browser, served.url, f"#endpoint={exchange.realtime}") as (page, *_),
    ):
        await expect(page.get_by_label("Endpoint URL")).to_have_value(exchange.realtime)
        await expect(page.locator(".top").get_by_role("button", name="Connect", exact=True)).to_be_enabled()
        await expect(connection_state(page)).to_have_text("Not connected")
        # Nor does a step in the history, or another address in the same window.
        await page.goto(f"{served.origin}/#endpoint=live")
        await expect(page.get_by_role("radio", name="Live")).to_be_checked()
        await page.go_back()
        await expect(page.get_by_label("Endpoint URL")).to_have_value(exchange.realtime)
        await expect(connection_state(page)).to_have_text("Not connected")
        assert (await http.get(f"{exchange.control}/connections")).json() == []
        await page.locator(".top").get_by_role("button", name="Connect", exact=True).click()
        await expect(connection_state(page)).to_have_text("Open")
        await page.goto(f"{served.origin}/#endpoint=live")
        await expect(connection_state(page)).to_have_text("Not connected")


async def test_a_link_with_a_password_is_refused(browser):
    async with (
        playground.run(None) as served,
        opened(browser, served.url, "#endpoint=ws://me:hunter2@127.0.0.1:9/json-rpc") as (page, *_),
    ):
        await expect(page.get_by_role("alert")).to_contain_text("user name, a password")
        await expect(page.get_by_label("Endpoint URL")).to_have_value("")
        await expect(page).to_have_url(re.compile(r"#endpoint=url$"))


async def test_a_password_that_was_typed_never_stands_in_the_address(browser):
    async with playground.run(None) as served, opened(browser, served.url) as (page, *_):
        await page.get_by_role("radio", name="URL").check(force=True)
        await page.get_by_label("Endpoint URL").fill("wss://127.0.0.1/json-rpc?token=hunter2")
        await expect(page).to_have_url(re.compile(r"#endpoint=url$"))
        await page.get_by_label("Endpoint URL").fill("wss://me:hunter2@127.0.0.1/json-rpc")
        await expect(page).to_have_url(re.compile(r"#endpoint=url$"))
        await page.get_by_label("Endpoint URL").fill("wss://127.0.0.1/json-rpc")
        await expect(page).to_have_url(re.compile(r"#endpoint=wss://127.0.0.1/json-rpc$"))
