"""The market view says why it has nothing to show, where that is looked for and in the page's language."""

from __future__ import annotations

import asyncio
import socket

import pytest
from playwright.async_api import Locator, Page, expect

from fulgurite import playground
from tests.page.owning import control, heal
from tests.page.visiting import FX, cell, endpoint_of, opened, shoot, show_view


def why(page: Page) -> Locator:
    return page.locator(".market-panel [data-why]")


async def test_it_says_what_is_missing_and_what_to_do_about_it(visit):
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await expect(why(visit)).to_have_count(0)
    await visit.get_by_role("button", name="Unsubscribe from all", exact=True).click()
    await expect(why(visit)).to_contain_text(f"No channel of {FX} is subscribed.")
    await why(visit).get_by_role("button", name="Subscribe to all four").click()
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await expect(why(visit)).to_have_count(0)
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(why(visit)).to_contain_text("Not connected")
    await shoot(visit, "why-not-connected")
    await why(visit).get_by_role("button", name="Connect now").click()
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await visit.get_by_label("Add a product code").fill("ZZZ_JPY")
    await visit.keyboard.press("Enter")
    await expect(why(visit)).to_contain_text("Subscribed to ZZZ_JPY, but nothing has arrived yet")


@pytest.mark.parametrize(
    ("language", "refused", "unavailable"),
    [
        ("en", "refused the connection. Its server may not be running", "HTTP status 503"),
        ("ja", "が接続を拒否しました", "HTTP ステータス 503"),
    ],
)
async def test_it_says_why_there_is_no_connection(browser, language: str, refused: str, unavailable: str):
    closed = socket.create_server(("127.0.0.1", 0))
    nowhere = closed.getsockname()[1]
    closed.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, playground.run(None) as served:
        closed_for_now = server.sockets[0].getsockname()[1]
        for port, words in ((nowhere, refused), (closed_for_now, unavailable)):
            path = f"#endpoint=ws://127.0.0.1:{port}/"
            async with opened(browser, served.url, path, locale=language) as (page, *_):
                await page.locator(".connect").click()
                await expect(why(page)).to_contain_text(words)
                await expect(why(page)).to_contain_text(f"ws://127.0.0.1:{port}/")
                # The same reason, in the same words, stands with the connection's events and among the frames.
                await show_view(page, "connection")
                await expect(page.locator("[data-kind=unreachable]").first).to_contain_text(words)
                await show_view(page, "frames")
                await expect(page.locator(".frame-unreachable").first).to_contain_text(words)
                await show_view(page, "market")
                await shoot(page, f"why-{language}-{'503' if port == closed_for_now else 'refused'}")


async def test_a_maintenance_is_named_while_it_is_waited_for(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url) as (page, *_):
        await expect(cell(page, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
        await control(exchange, "faults", {"fault": "refuse", "status": 503})
        await control(exchange, "faults", {"fault": "close", "code": 1012, "reason": "scheduled maintenance"})
        await expect(why(page)).to_contain_text("Embedded is under maintenance")
        await expect(why(page)).to_contain_text(
            "(503)", timeout=60_000
        )  # refused meanwhile, it is still in maintenance
        await expect(why(page)).to_contain_text("Embedded is under maintenance")
        await heal(exchange)
        await expect(cell(page, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving", timeout=60_000)
        await expect(why(page)).to_have_count(0)


@pytest.mark.parametrize(
    "fault", [{"fault": "close", "code": 1012, "reason": "replay begins again"}, {"fault": "reset"}]
)
async def test_what_is_no_maintenance_is_not_called_one(browser, exchange, fault: dict[str, object]):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url) as (page, *_):
        await expect(cell(page, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
        await control(exchange, "faults", {"fault": "refuse", "status": 503})
        await control(exchange, "faults", fault)
        await expect(why(page)).to_have_attribute("data-why", "whyHttpStatus", timeout=60_000)
        await expect(why(page)).to_contain_text("HTTP status 503")
        await heal(exchange)


async def test_a_book_waits_for_no_snapshot_where_no_connection_came_up(browser):
    closed = socket.create_server(("127.0.0.1", 0))
    path = f"#endpoint=ws://127.0.0.1:{closed.getsockname()[1]}/&lower=heatmap"
    closed.close()
    async with playground.run(None) as served, opened(browser, served.url, path) as (page, *_):
        badge = page.locator(".ladder .badge").first
        await expect(badge).to_have_text("Not connected")
        await page.locator(".connect").click()
        await expect(why(page)).to_contain_text("refused the connection")
        await expect(badge).to_have_attribute("data-book-off", "interrupted")
        await expect(badge).to_have_text("Not connected")
        await expect(page.locator(".market-panel")).not_to_contain_text("snapshot")
        await expect(page.locator(".trades")).not_to_contain_text("since you subscribed")
        await shoot(page, "why-book")


async def test_what_happened_is_said_in_japanese_and_spans_too(browser, exchange):
    """The page words every item that has a kind; the only English prose left is the server's own."""
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, locale="ja-JP") as (page, *_),
    ):
        await expect(cell(page, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
        await control(exchange, "faults", {"fault": "close", "code": 1008, "reason": "too slow"})
        await show_view(page, "connection")
        await expect(page.locator("[data-kind=closed]").first).to_contain_text("ポリシー違反")
        await expect(page.locator("[data-kind=closed]").first).to_contain_text('"too slow"')
        gap = page.locator("[data-kind=gap]").first
        await expect(gap).to_contain_text("切断（コード 1008）")
        await expect(gap).to_contain_text("秒")
        await expect(gap).not_to_contain_text("closed by the server")
        await show_view(page, "frames")
        await expect(page.locator(".frame-gap").first).to_contain_text("切断（コード 1008）")
        await shoot(page, "why-ja")
        await control(exchange, "faults", {"fault": "invalid-json", "seconds": 1.0})
        await show_view(page, "connection")
        unreadable = page.locator("[data-kind=gap]", has_text="読み取れないフレームを受信")
        await expect(unreadable.first).to_be_visible(timeout=60_000)


async def test_an_address_that_can_be_none_is_refused_in_the_pages_language(browser):
    async with (
        playground.run(None) as served,
        opened(browser, served.url, "#endpoint=url", locale="ja-JP") as (page, *_),
    ):
        await page.locator("label:has(> input[name=endpoint][value=url])").click()
        await page.get_by_label("接続先の URL", exact=True).fill("ftp://x")
        await page.locator(".connect").click()
        await expect(page.get_by_role("alert").first).to_contain_text("のいずれかで始まる URL を指定してください")
