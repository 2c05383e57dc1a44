"""The market view in a real browser, against the embedded exchange: charts, ladder and executions."""

from __future__ import annotations

import json
import re
from collections import Counter
from difflib import unified_diff
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from fulgurite import playground
from fulgurite.protocol.messages import parse_time
from tests.page.visiting import (
    FX,
    JSON_RPC,
    PHONE,
    SOCKETIO,
    cell,
    choose,
    connection_state,
    endpoint_of,
    opened,
    opened_on_its_own,
    shoot,
    show_view,
)

WIDE: Any = {"width": 1760, "height": 960}
BTC = "BTC_JPY"


def chart(page: Page, name: str) -> Any:
    return page.locator(f"[data-test={name}]")


async def show_chart(page: Page, name: str) -> None:
    await choose(page, "chart-upper", name)
    await expect(chart(page, name)).to_be_visible()


async def choose_interval(page: Page, seconds: int) -> None:
    await choose(page, "interval-upper", str(seconds))


async def candles_when(page: Page, condition: str) -> list[list[float]]:
    """The candles that the page has, as soon as they fulfil a condition on `candles`, `store` and `product`."""
    await page.evaluate(
        """async () => {
            window.market ??= await import('/static/js/marketdata.js');
            window.pageState ??= await import('/static/js/state.js');
        }"""
    )
    handle = await page.wait_for_function(
        f"""() => {{
            const store = market.candleStore;
            const product = pageState.product.value;
            const candles = [...store.candles.values()].sort((one, other) => one[0] - other[0]);
            return ({condition}) && candles;
        }}"""
    )
    found: list[list[float]] = await handle.json_value()
    return found


async def expect_at_least(page: Page, name: str, attribute: str, least: int) -> None:
    await page.wait_for_function(
        "([name, key, least]) => Number(document.querySelector(`[data-test=${name}]`)?.dataset[key]) >= least",
        arg=[name, attribute, least],
    )


async def fetch_executions(http: str, product_code: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{http}/executions", params={"product_code": product_code, "count": "500"})
    rows: list[dict[str, Any]] = answer.json()
    assert len(rows) < 500, "all there are"
    return rows[::-1]


def make_candles(rows: list[dict[str, Any]], interval_s: int) -> list[list[float]]:
    """Candles the plain way, from executions in order."""
    candles: dict[int, list[float]] = {}
    for row in rows:
        time_s = parse_time(row["exec_date"]) // 1_000_000_000 // interval_s * interval_s
        candle = candles.setdefault(time_s, [time_s, row["price"], row["price"], row["price"], 0.0, 0.0])
        candle[2:] = [max(candle[2], row["price"]), min(candle[3], row["price"]), row["price"], candle[5] + row["size"]]
    return [candles[time_s] for time_s in sorted(candles)]


@pytest.mark.parametrize("dialect", [JSON_RPC, SOCKETIO])
async def test_candles_are_those_of_the_exchange_s_executions(visit, exchange, dialect):
    await visit.get_by_role("tab", name=dialect).click()
    await expect(connection_state(visit)).to_have_text("Open")
    await choose_interval(visit, 1)
    await expect(chart(visit, "candles")).to_have_accessible_name(re.compile("last price"))
    before = len(await candles_when(visit, "store.intervalS === 1 && store.history === 'ready'"))
    await candles_when(visit, f"candles.length > {before + 3}")
    # All but the newest, which may still change; the page has them as soon as it has the one after.
    expected = make_candles(await fetch_executions(exchange.http, FX), 1)[:-1]
    shown = await candles_when(visit, f"candles.length > {len(expected)}")
    assert [candle[:5] for candle in shown[: len(expected)]] == [candle[:5] for candle in expected]
    assert [candle[5] for candle in shown[: len(expected)]] == pytest.approx([candle[5] for candle in expected])


async def test_the_first_chart_is_not_empty(visit, exchange):
    """Executions from before the page was opened are there, fetched, and marked as such."""
    listed = await fetch_executions(exchange.http, FX)
    shown = await candles_when(visit, "store.history === 'ready'")
    assert shown[0][0] == make_candles(listed, 10)[0][0]
    await expect(visit.locator(f".executions tr[data-id='{listed[0]['id']}'] .backfilled")).to_be_attached()


async def test_another_interval_makes_other_candles_of_the_same_executions(visit):
    await candles_when(visit, "candles.length > 1")
    await choose_interval(visit, 60)
    minutes = await candles_when(visit, "store.intervalS === 60 && candles.length > 0")
    await choose_interval(visit, 1)
    seconds = await candles_when(visit, f"store.intervalS === 1 && candles.length > {len(minutes) + 3}")
    assert all(candle[0] % 60 == 0 for candle in minutes)
    assert {candle[0] // 60 * 60 for candle in seconds} >= {candle[0] for candle in minutes}
    await expect(chart(visit, "candles")).to_have_accessible_name(re.compile(f"{FX}, 1 s each: "))


async def test_a_close_leaves_a_gap_in_the_map_and_executions_are_fetched(visit, exchange):
    await show_chart(visit, "heatmap")
    await expect_at_least(visit, "heatmap", "columns", 4)
    await expect(chart(visit, "heatmap")).to_have_attribute("data-unknown", "0")
    async with httpx.AsyncClient() as client:
        await client.post(f"{exchange.control}/faults", json={"fault": "close", "code": 1012, "reason": "maintenance"})
    await expect_at_least(visit, "heatmap", "unknown", 1)
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "STALE")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    before = int(await chart(visit, "heatmap").get_attribute("data-columns") or 0)
    unknown = await chart(visit, "heatmap").get_attribute("data-unknown")
    await expect_at_least(visit, "heatmap", "columns", before + 3)
    await expect(chart(visit, "heatmap")).to_have_attribute("data-unknown", unknown or "")
    await expect(chart(visit, "heatmap")).to_have_accessible_name(re.compile("The book was unknown for"))
    await expect(visit.locator(".executions .gap-row")).to_have_attribute("data-repaired", "full")
    await show_chart(visit, "candles")
    await expect(chart(visit, "candles")).to_have_attribute("data-gaps", "0")


async def test_what_cannot_be_fetched_stays_a_gap_in_the_chart(browser):
    async with opened_on_its_own(browser) as (visited, stop_and_start):
        page = visited.page
        await candles_when(page, "candles.length > 0")
        await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        async with stop_and_start():
            await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "STALE")
            await expect(page.locator("[data-state=waiting].state")).to_be_visible()
        # The client goes on trying for as long as the service keeps executions; until then it is a gap.
        await expect(page.locator(".executions .gap-row")).to_have_attribute("data-repaired", "pending", timeout=90_000)
        await expect(chart(page, "candles")).to_have_attribute("data-gaps", "1")
        await expect(chart(page, "candles")).to_have_accessible_name(re.compile("gaps in the executions, shaded"))
        await shoot(page, "market-gap")


async def test_switching_the_product_and_back_loses_nothing(visit):
    for kind in ("board", "board_snapshot", "executions"):
        await cell(visit, f"lightning_{kind}_{BTC}").click()
    await show_chart(visit, "heatmap")
    await expect_at_least(visit, "heatmap", "columns", 6)
    await show_chart(visit, "candles")
    fx = await candles_when(visit, "candles.length > 1")

    await visit.get_by_role("combobox", name="Product").select_option(BTC)
    btc = await candles_when(visit, f"product === '{BTC}' && candles.length > 0")
    assert btc[0][1:] != fx[0][1:]
    await expect(chart(visit, "candles")).to_have_accessible_name(re.compile(f"Candles and volume of {BTC}"))
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")

    await visit.get_by_role("combobox", name="Product").select_option(FX)
    again = await candles_when(visit, f"product === '{FX}' && candles.length >= {len(fx)}")
    assert again[: len(fx) - 1] == fx[:-1]
    await show_chart(visit, "heatmap")
    await expect_at_least(visit, "heatmap", "columns", 6)


async def test_another_dialect_keeps_the_chart(visit):
    await show_chart(visit, "heatmap")
    await expect_at_least(visit, "heatmap", "columns", 6)
    await visit.get_by_role("tab", name=SOCKETIO).click()
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect_at_least(visit, "heatmap", "columns", 8)
    await show_chart(visit, "candles")
    await expect(chart(visit, "candles")).to_have_attribute("data-gaps", "0")


async def test_the_depth_chart_follows_the_book(visit):
    await show_chart(visit, "depth")
    await expect(chart(visit, "depth")).to_have_attribute("data-state", "LIVE")
    await expect_at_least(visit, "depth", "points", 20)
    await expect(chart(visit, "depth")).to_have_accessible_name(re.compile("bid down to"))
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(visit.locator(".chart-upper .overlay")).to_contain_text("Last known state")


# How many pixels of a canvas have a colour of the style sheets, in its left and in its right half.
COUNT_PIXELS = """([name, variable]) => {
    const canvas = document.querySelector(`canvas[data-test=${name}]`);
    const hex = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
    const value = parseInt(hex.slice(1), 16);
    const { width, height } = canvas;
    const copy = Object.assign(document.createElement('canvas'), { width, height });
    const pen = copy.getContext('2d', { willReadFrequently: true });
    pen.drawImage(canvas, 0, 0);
    const { data } = pen.getImageData(0, 0, width, height);
    const counts = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
        const same = data[at] === value >> 16 && data[at + 1] === (value >> 8 & 255) && data[at + 2] === (value & 255);
        if (same) counts[(at / 4) % width < width / 2 ? 0 : 1] += 1;
    }
    return counts;
}"""


async def test_charts_follow_the_convention_and_the_theme_at_once(visit):
    await show_chart(visit, "depth")
    await expect_at_least(visit, "depth", "points", 20)

    async def expect_bids(variable: str) -> None:
        # Bids are in the left half, and much of them is filled; a little beyond it once the price has risen.
        await visit.wait_for_function(f"(asked) => ({COUNT_PIXELS})(asked)[0] > 1000", arg=["depth", variable])
        left, right = await visit.evaluate(COUNT_PIXELS, ["depth", variable])
        assert right < left / 20

    await expect_bids("--green-bar")
    green = await visit.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--green-bar')")
    settings = "import('/static/js/settings.js')"
    await visit.evaluate(f"{settings}.then((m) => m.chooseRising('red'))")
    await expect_bids("--red-bar")
    await visit.evaluate(f"{settings}.then((m) => m.chooseRising('green'))")
    await visit.evaluate(f"{settings}.then((m) => m.chooseTheme('dark'))")
    await expect_bids("--green-bar")
    assert green != await visit.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--green-bar')")


async def test_a_wide_screen_has_two_charts_and_never_the_same_twice(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, viewport=WIDE) as visited:
        page = visited.page
        await expect(chart(page, "candles")).to_be_visible()
        await expect(chart(page, "heatmap")).to_be_visible()
        await choose(page, "chart-upper", "heatmap")
        await expect(chart(page, "depth")).to_be_visible()
        await expect(chart(page, "heatmap")).to_have_count(1)
        await expect(chart(page, "candles")).to_have_count(0)
        await page.set_viewport_size({"width": 1280, "height": 720})
        await expect(chart(page, "depth")).to_have_count(0)


async def test_what_is_not_in_sight_is_not_sent(visit):
    """Neither the charts that are not chosen, nor the book while another view is shown."""
    kinds: Counter[str] = Counter()

    def count(text: str | bytes) -> None:
        kinds.update(message["type"] for message in json.loads(text))

    visit.on("websocket", lambda socket: socket.on("framereceived", count))
    await visit.reload()
    await candles_when(visit, "candles.length > 0")
    assert {"candles", "book"} <= set(kinds)
    assert not {"heatmap", "depth"} & set(kinds)
    await show_view(visit, "frames")
    before = kinds["channels"]
    while kinds["channels"] < before + 2:  # messages on their way have come
        await visit.evaluate("new Promise(requestAnimationFrame)")
    kinds.clear()
    while kinds["channels"] < 8:
        await visit.evaluate("new Promise(requestAnimationFrame)")
    assert not {"candles", "book"} & set(kinds)
    await show_view(visit, "market")
    await candles_when(visit, "candles.length > 0")


async def test_nothing_moves_while_the_market_does(visit):
    """No part of the view changes its place or its size, only its text; executions come in on top."""
    await candles_when(visit, "candles.length > 1")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect(visit.locator(".executions tbody tr").nth(5)).to_be_attached()
    await expect(visit.locator(".ticker-volume")).to_be_visible()  # it makes room for an age as long as there is one
    await visit.evaluate(
        """() => {
            window.places = new Set();
            const look = () => {
                const panel = document.querySelector('.market-panel').getBoundingClientRect();
                const places = [...document.querySelectorAll(
                    '.market-panel :is(section, header, fieldset, label, table, thead, th, h3, .spread, .ticker > *)'
                )].map((element) => {
                    const { x, y, width } = element.getBoundingClientRect();
                    return [element.localName, element.className, x - panel.x, y - panel.y, width].join(' ');
                });
                window.places.add(places.join('\\n'));
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    before = await visit.locator(".executions tbody tr").first.get_attribute("data-id")
    for _ in range(3):
        first = visit.locator(".executions tbody tr").first
        await expect(first).not_to_have_attribute("data-id", before or "")
        before = await first.get_attribute("data-id")
    at_first, *later = await visit.evaluate("[...window.places]")
    assert later == [], "\n".join(unified_diff(at_first.splitlines(), later[0].splitlines(), lineterm="", n=0))


async def test_the_chart_is_moved_with_the_keyboard(visit):
    await choose_interval(visit, 1)
    await candles_when(visit, "candles.length > 5")
    place = chart(visit, "candles")
    await place.focus()
    await expect(place).to_be_focused()
    canvas = place.locator("canvas").first
    before = await canvas.evaluate("canvas => canvas.toDataURL()")
    await visit.keyboard.press("ArrowLeft")
    await visit.keyboard.press("ArrowLeft")
    await visit.wait_for_function(
        "before => document.querySelector('[data-test=candles] canvas').toDataURL() !== before", arg=before
    )


# Every view in every combination is kept by test_screens.py.
@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "ja-JP")])
async def test_screenshots(browser, exchange, scheme, language):
    async with playground.run(endpoint_of(exchange)) as served:
        for name, viewport in (("wide", WIDE), ("phone", PHONE)):
            options: Any = {"viewport": viewport, "color_scheme": scheme, "locale": language}
            async with opened(browser, served.url, **options) as visited:
                page = visited.page
                await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
                await candles_when(page, "candles.length > 1")
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                await shoot(page, f"market-{name}-{language[:2]}-{scheme}")
