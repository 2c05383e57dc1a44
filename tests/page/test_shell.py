"""Around the views: folding, tabs, keys, settings, the first visit, the phone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from fulgurite import playground
from tests.page.visiting import (
    FX,
    JSON_RPC,
    PHONE,
    SOCKETIO,
    VIEWS,
    cell,
    choose,
    connection_state,
    endpoint_of,
    opened,
    show_view,
)


async def test_both_sides_fold_away_and_come_back(visit):
    await expect(visit.locator(".matrix-panel")).to_be_visible()
    width = (await visit.locator(".column-middle").bounding_box())["width"]
    await visit.get_by_role("button", name="Hide: Channels").click()
    await expect(visit.locator(".matrix-panel")).to_have_count(0)
    await visit.keyboard.press("]")
    await expect(visit.locator(".folded-right")).to_be_visible()
    assert (await visit.locator(".column-middle").bounding_box())["width"] > width + 400
    await visit.get_by_role("button", name="Show: Channels").click()
    await visit.keyboard.press("]")
    await expect(visit.locator(".matrix-panel")).to_be_visible()
    await expect(visit.locator(".folded")).to_have_count(0)


async def test_tabs_are_walked_with_the_arrow_keys(visit):
    await show_view(visit, "market")
    for view in (*VIEWS[1:], VIEWS[0]):
        await visit.keyboard.press("ArrowRight")
        await expect(visit.locator(f"[data-view={view}]")).to_be_focused()
        await expect(visit.locator(f"[data-view={view}]")).to_have_attribute("aria-selected", "true")
        await expect(visit.locator("#view")).to_have_attribute("aria-labelledby", f"tab-{view}")
    await visit.keyboard.press("End")
    await expect(visit.locator("[data-view=faults]")).to_be_focused()
    stops = [await tabs.locator("[tabindex='0']").count() for tabs in await visit.get_by_role("tablist").all()]
    assert stops == [1] * len(stops), "each list is one stop of the Tab key"


async def test_everything_has_a_key(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    for number, view in enumerate(VIEWS, 1):
        await visit.keyboard.press(str(number))
        await expect(visit.locator(f"[data-view={view}]")).to_have_attribute("aria-selected", "true")
    await visit.keyboard.press("d")
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "true")
    await expect(visit.locator(".strip [data-span=open]")).to_have_count(2)  # the other connection is there
    await visit.keyboard.press("c")
    await expect(connection_state(visit)).to_have_text("Not connected")
    await visit.keyboard.press("c")
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.keyboard.press("j")
    await expect(visit.locator(".in-view")).to_contain_text("BTC_JPY")
    await visit.keyboard.press("k")
    await expect(visit.locator(".in-view")).to_contain_text(FX)
    await visit.keyboard.press("m")
    await expect(cell(visit, f"lightning_board_snapshot_{FX}")).to_be_focused()
    await visit.keyboard.press("p")
    await visit.keyboard.press("2")
    await expect(visit.get_by_role("button", name="Resume")).to_be_visible()


async def test_keys_mean_nothing_while_typing_or_with_ctrl(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.get_by_role("textbox", name="Add a product code").press_sequentially("c2d]")
    await visit.keyboard.press("Control+2")
    await expect(visit.get_by_role("textbox", name="Add a product code")).to_have_value("c2d]")
    await expect(visit.locator("[data-view=market]")).to_have_attribute("aria-selected", "true")
    await expect(visit.get_by_role("tab", name=JSON_RPC)).to_have_attribute("aria-selected", "true")
    await expect(connection_state(visit)).to_have_text("Open")


async def test_the_list_of_keys_opens_and_closes(visit):
    await visit.get_by_role("button", name="Keyboard").focus()
    await visit.keyboard.press("?")
    dialog = visit.get_by_role("dialog", name="Keyboard")
    await expect(dialog).to_contain_text("Next product")
    await visit.keyboard.press("2")
    await expect(visit.locator("[data-view=market]")).to_have_attribute("aria-selected", "true")
    await visit.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(visit.get_by_role("button", name="Keyboard")).to_be_focused()
    await visit.get_by_role("button", name="Keyboard").click()
    await visit.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)


async def colour(page, name):
    return await page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", name)


async def test_settings_are_kept(visit):
    await expect(visit.locator("html")).to_have_attribute("data-theme", "light")
    buy, sell = await colour(visit, "--buy"), await colour(visit, "--sell")
    await visit.keyboard.press("s")
    await visit.get_by_role("radio", name="Red (Japan)").check(force=True)
    assert (await colour(visit, "--buy"), await colour(visit, "--sell")) == (sell, buy)
    await visit.get_by_role("radio", name="Dark").check(force=True)
    await expect(visit.locator("html")).to_have_attribute("data-theme", "dark")
    await visit.get_by_role("radio", name="日本語").check(force=True)
    await expect(visit.get_by_role("dialog", name="設定")).to_be_visible()
    await visit.reload()
    await expect(visit.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(visit.locator("html")).to_have_attribute("data-rising", "red")
    await expect(visit.locator("html")).to_have_attribute("lang", "ja")


async def test_the_theme_follows_the_system_unless_chosen(visit):
    await visit.emulate_media(color_scheme="dark")
    await expect(visit.locator("html")).to_have_attribute("data-theme", "dark")
    await visit.emulate_media(color_scheme="light")
    await expect(visit.locator("html")).to_have_attribute("data-theme", "light")


async def test_the_first_visit_explains_itself_once(visit):
    strip = visit.get_by_role("complementary", name="Introduction")
    await expect(strip).to_contain_text("Click a cell on the left to subscribe")
    await visit.get_by_role("button", name="Got it").click()
    await expect(strip).to_have_count(0)
    await visit.reload()
    await expect(connection_state(visit)).to_have_text("Open")
    await expect(strip).to_have_count(0)
    await visit.keyboard.press("s")
    await visit.get_by_role("button", name="Show the introduction again").click()
    await expect(strip).to_be_visible()


async def test_a_browser_that_keeps_no_settings_shows_the_page_all_the_same(browser, exchange):
    """As one whose storage is full: it still has its cookie, without which nobody sees the page."""
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url) as (page, *_):
        await page.add_init_script(
            """(() => {
                const get = Storage.prototype.getItem;
                const full = () => { throw new DOMException('no', 'QuotaExceededError'); };
                Storage.prototype.setItem = full;
                Storage.prototype.getItem = function (name) {
                    return name.includes('token') ? get.call(this, name) : full();
                };
            })()"""
        )
        await page.reload()
        await expect(connection_state(page)).to_have_text("Open")
        await page.get_by_role("button", name="日本語").click()
        await expect(page.locator("html")).to_have_attribute("lang", "ja")


@pytest.mark.parametrize("language", ["en-US", "ja-JP"])
async def test_on_a_phone_one_part_is_shown_at_a_time(browser, exchange, language):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, viewport=PHONE, has_touch=True, locale=language) as (page, *_),
    ):
        await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        await expect(page.locator(".matrix-panel")).to_have_count(0)
        await page.locator("[data-part=left]").tap()
        await cell(page, "lightning_ticker_BTC_JPY").tap()
        await expect(cell(page, "lightning_ticker_BTC_JPY")).to_have_attribute("data-state", "receiving")
        await page.locator("[data-part=right]").tap()
        await expect(page.locator("#view")).to_have_attribute("aria-labelledby", "tab-right")
        await page.locator("[data-view=frames]").tap()
        await expect(page.locator("#view")).to_have_attribute("aria-labelledby", "tab-frames")
        for tab in await page.locator(".view-tabs [role=tab]").all():
            box = await tab.bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"], await tab.inner_text()
        strip = await page.locator(".timeline-panel").bounding_box()
        assert strip is not None
        assert strip["y"] + strip["height"] == pytest.approx(PHONE["height"])


async def test_a_screen_that_grows_shows_all_parts_again(visit):
    await visit.set_viewport_size(PHONE)
    await expect(visit.locator("[data-part=left]")).to_be_visible()
    await visit.set_viewport_size({"width": 1280, "height": 720})
    await expect(visit.locator("[data-part=left]")).to_have_count(0)
    await expect(visit.locator(".matrix-panel")).to_be_visible()
    await expect(visit).to_have_url(re.compile("/$"))


async def test_the_introduction_speaks_of_the_embedded_exchange_only_while_that_is_chosen(visit):
    introduction = visit.get_by_role("complementary", name="Introduction")
    await expect(introduction).to_contain_text("feel free to experiment")
    await choose(visit, "endpoint", "live")
    await expect(introduction).to_contain_text("bitFlyer's Realtime API")
    await expect(introduction).not_to_contain_text("experiment")
