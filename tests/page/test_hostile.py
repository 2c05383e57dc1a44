"""A hostile server does no harm to the page: texts without end, letters that hide or turn others round."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from websockets.asyncio.server import ServerConnection, serve

from fulgurite import playground
from fulgurite.playground.products import find_product_codes
from tests.page.visiting import DESKTOP, FX, PHONE, VIEWS, frames, opened, page_fixture, shoot, show_view

LONG = "A" * 20_000
EVIL = "\u202ednuora denrut\u2066\u200b\u0007\u200f"
UNSEEN = "\u202e\u2066\u200b\u0007\u200f"
TEXT = f"{EVIL}{LONG}"
LEVEL = {"price": 100.0, "size": 1.0}
SENT: dict[str, Any] = {
    "lightning_board_snapshot_": {"mid_price": 100.5, "bids": [LEVEL], "asks": [LEVEL | {"price": 101.0}]},
    "lightning_board_": {"mid_price": 100.5, "bids": [LEVEL], "asks": []},
    "lightning_ticker_": {
        "product_code": TEXT, "state": TEXT, "timestamp": TEXT, "tick_id": 1, "best_bid": 100.0, "best_ask": 101.0,
        "best_bid_size": 1.0, "best_ask_size": 1.0, "total_bid_depth": 1.0, "total_ask_depth": 1.0,
        "market_bid_size": 0.0, "market_ask_size": 0.0, "ltp": 100.0, "volume": 1.0, "volume_by_product": 1.0,
    },
    "lightning_executions_": [
        {"id": 1, "side": TEXT, "price": 100.0, "size": 1.0, "exec_date": TEXT,
         "buy_child_order_acceptance_id": TEXT, "sell_child_order_acceptance_id": TEXT},
    ],
}  # fmt: skip
HUGE = 5_000_000
PADDING = "x" * HUGE


async def talk(connection: ServerConnection) -> None:
    """Answer each subscription, and send hostile texts."""
    async for text in connection:
        request = json.loads(text)
        channel = request["params"]["channel"]
        if "executions_ETH_JPY" in channel:
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": True}))
            huge = {"channel": channel, "message": [{"note": PADDING}]}
            await connection.send(json.dumps({"jsonrpc": "2.0", "method": "channelMessage", "params": huge}))
            continue
        await connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": True}))
        message = next(body for prefix, body in SENT.items() if channel.removesuffix(FX) == prefix)
        params = {"channel": channel, "message": message}
        await connection.send(
            json.dumps({"jsonrpc": "2.0", "method": "channelMessage", "params": params}, ensure_ascii=False)
        )
        if "board_FX" in channel:
            await connection.send(TEXT)


class Markets(http.server.BaseHTTPRequestHandler):
    """An HTTP API whose products are none but one."""

    def do_GET(self) -> None:
        codes = [FX, TEXT, EVIL, LONG, "A B", "../x", ""]
        body = json.dumps([{"product_code": code} for code in codes]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def markets() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Markets) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@page_fixture
async def hostile() -> AsyncIterator[str]:
    """The state of a page that connects to such a server."""
    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with markets() as http_url:
            yield f"#endpoint=ws://127.0.0.1:{port}/&http={http_url}"


async def test_only_what_can_be_a_product_is_offered():
    with markets() as url:
        assert await find_product_codes(url) == [FX]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_no_view_is_upset_by_what_a_server_sends(browser: Browser, hostile: str, size: Any):
    async with playground.run(None) as served, opened(browser, served.url, hostile, viewport=size) as (page, *_):
        await connect(page)
        await expect(page.locator(".executions tbody tr")).to_have_count(1)
        for view in VIEWS:
            await show_view(page, view)
            found: list[str] = await page.evaluate(UPSET, UNSEEN)
            await shoot(page, f"hostile-{view}-{size['width']}")
            assert found == [], view
        await show_view(page, "frames")
        await frames(page).locator(".frame-received", has_text="ticker").first.click()
        await expect(page.locator(".detail pre")).to_contain_text("\\u202ednuora denrut")
        await shoot(page, f"hostile-detail-{size['width']}")
        assert await page.evaluate(UPSET, UNSEEN) == []


UPSET = """(unseen) => {
    const found = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page is wider than the screen");
    const middle = document.querySelector(".column-middle").getBoundingClientRect();
    if (middle.right > innerWidth + 1 || middle.width < Math.min(300, innerWidth)) found.push("the view is squeezed");
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].filter((node) => node.nodeType === 3).map(({ data }) => data).join("");
        const names = ["title", "aria-label"].map((name) => element.getAttribute(name) ?? "").join("");
        if ([...unseen].some((letter) => (own + names).includes(letter))) found.push(`unseen in ${element.className}`);
        if (!element.closest("pre") && own.length > 2100) found.push(`too much in ${element.className}`);
        const { height, width } = element.getBoundingClientRect();
        const isScrolled = element.closest("pre, .events, .frames-list, .trades-scroll, .matrix-scroll");
        if (!isScrolled && height > innerHeight) found.push(`${element.className || element.tagName} is too high`);
        const isBlock = !element.closest("svg") && getComputedStyle(element).display !== "inline";
        if (!isScrolled && isBlock && width > innerWidth + 1) found.push(`${element.className} is too wide`);
    }
    return found;
}"""


async def connect(page: Page) -> None:
    await page.locator(".top").get_by_role("button", name="Connect", exact=True).click()
    await expect(page.locator(".top .state")).to_have_attribute("data-state", "open")


async def test_a_frame_of_five_million_characters_is_shown_as_one(browser: Browser, hostile: str):
    options: Any = {"permissions": ["clipboard-read", "clipboard-write"], "accept_downloads": True}
    path = f"{hostile}&view=frames&channels=executions:ETH_JPY"
    async with playground.run(None) as served, opened(browser, served.url, path, **options) as (page, *_):
        await connect(page)
        row = frames(page).locator(".frame-received", has_text="executions_ETH_JPY").last
        await expect(row.locator(".frame-size")).to_have_text("5,000,128")
        await row.click()
        await expect(page.locator(".detail-cut")).to_contain_text("5.0 MB")
        assert len(await page.locator(".detail pre").inner_text()) == 100_000
        await page.locator(".detail-copy").get_by_role("button", name="Copy").click()
        await expect(page.locator(".detail-copy").get_by_role("button", name="Copied")).to_be_visible()
        assert len(await page.evaluate("navigator.clipboard.readText()")) == HUGE + 128
        async with page.expect_download() as download:
            await page.locator(".detail-head").get_by_role("button", name="Save").click()
        path_of_file = await (await download.value).path()
        assert path_of_file.stat().st_size == HUGE + 128
        await shoot(page, "frames-huge")


async def test_nothing_of_what_is_too_long_for_a_field_is_entered_without_a_word(visit: Page):
    for field in (visit.locator(".add-product input"), await credential_field(visit)):
        await field.fill("BTC")
        await field.press("End")
        await visit.keyboard.insert_text(LONG)
        await expect(visit.locator("[data-notice=fieldFull]")).to_contain_text("20,003 characters")
        await expect(field).to_have_value("BTC")
        await visit.keyboard.type("_")
        await expect(visit.locator("[data-notice=fieldFull]")).to_have_count(0)
        await expect(field).to_have_value("BTC_")


async def credential_field(page: Page) -> Locator:
    await show_view(page, "orders")
    return page.get_by_label("API key", exact=True)


async def test_what_hides_in_a_field_is_written_out(visit: Page):
    field = visit.locator(".add-product input")
    await field.fill("BTC\u202eYPJ")
    await expect(field).to_have_value("BTC\\u202eYPJ")
    await expect(visit.locator("[data-notice=fieldUnseen]")).to_be_visible()
    await shoot(visit, "hostile-field")
    await show_view(visit, "frames")
    await visit.get_by_label("Text", exact=True).fill("a\u200bb")
    await expect(visit.get_by_label("Text", exact=True)).to_have_value("a\\u200bb")


async def test_what_can_be_no_product_code_is_refused_in_the_pages_language(browser: Browser):
    async with playground.run(None) as served, opened(browser, served.url, locale="ja-JP") as (page, *_):
        field = page.locator(".add-product input")
        await field.fill("BTC JPY")
        await field.press("Enter")
        assert "3〜39 文字" in await field.evaluate("field => field.validationMessage")
        await field.fill("BTC_XYZ")
        assert await field.evaluate("field => field.validationMessage") == ""
