"""The page as a whole in a real browser: a person's first minutes."""

from __future__ import annotations

import re

from playwright.async_api import expect

from fulgurite import playground
from tests.page.visiting import (
    FX,
    JSON_RPC,
    SOCKETIO,
    cell,
    connection_state,
    endpoint_of,
    expect_sent,
    frames,
    opened,
    opened_on_its_own,
    shoot,
    show_view,
)


async def test_a_first_visit_is_live_at_once_without_a_click(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")
    for kind in ("board_snapshot", "ticker", "executions"):
        await expect(cell(visit, f"lightning_{kind}_{FX}")).to_have_attribute("data-state", "receiving")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect(visit.locator(".asks .level").first).to_be_visible()
    await expect(visit.locator(".executions tbody tr").first).to_be_visible()
    await expect(visit.locator("[data-test=ticker]")).to_contain_text("RUNNING")


async def test_both_dialects_show_their_frames(visit):
    await show_view(visit, "frames")
    board = frames(visit).locator(".frame-received").filter(has_text=f"board_{FX}")
    await expect(visit.get_by_role("tab", name=JSON_RPC)).to_have_attribute("aria-selected", "true")
    await expect(board.first).to_be_visible()
    await expect_sent(visit, '"method":"subscribe"')

    await visit.get_by_role("tab", name=SOCKETIO).click()
    await expect(connection_state(visit)).to_have_text("Open")
    await expect(board.first).to_be_visible()
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")
    await visit.get_by_role("button", name="Clear").click()
    await cell(visit, "lightning_ticker_BTC_JPY").click()
    await expect(cell(visit, "lightning_ticker_BTC_JPY")).to_have_attribute("data-state", "receiving")
    await expect_sent(visit, '["subscribe","lightning_ticker_BTC_JPY"]')


async def test_a_dialect_that_is_chosen_while_a_connection_is_asked_for_is_the_one_it_speaks(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(connection_state(visit)).to_have_text("Not connected")
    await visit.evaluate(
        "import('/static/js/connecting.js').then((m) => { m.connect(); m.chooseDialect('socketio'); })"
    )
    await expect(connection_state(visit)).to_have_text("Open")
    await expect_sent(visit, f'["subscribe","lightning_ticker_{FX}"]')


async def test_a_click_subscribes_and_another_unsubscribes(visit):
    await show_view(visit, "frames")
    ticker = cell(visit, "lightning_ticker_BTC_JPY")
    await expect(ticker).to_have_attribute("data-state", "off")
    await ticker.click()
    await expect(ticker).to_have_attribute("data-state", "receiving")
    await expect(ticker).to_have_accessible_name(re.compile(r"ticker, BTC_JPY: .* messages/s"))
    await visit.get_by_role("button", name="Clear").click()
    await ticker.click()
    await expect(ticker).to_have_attribute("data-state", "off")
    await expect_sent(visit, '"method":"unsubscribe"')


async def test_the_matrix_is_used_with_the_keyboard(visit):
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")
    await cell(visit, f"lightning_ticker_{FX}").focus()
    await visit.keyboard.press("ArrowDown")
    below = cell(visit, "lightning_ticker_BTC_JPY")
    await expect(below).to_be_focused()
    await visit.keyboard.press("Enter")
    await expect(below).to_have_attribute("data-state", "receiving")
    await visit.get_by_role("tab", name=JSON_RPC).focus()
    await visit.keyboard.press("ArrowRight")
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_be_focused()
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "true")


async def test_an_unknown_product_is_acknowledged_and_silent(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.get_by_role("textbox", name="Add a product code").fill("nope_jpy")
    await visit.keyboard.press("Enter")
    await expect(cell(visit, "lightning_ticker_NOPE_JPY")).to_have_attribute("data-state", "acknowledged")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "WAITING_SNAPSHOT")


async def test_another_product_is_shown_by_its_name(visit):
    await cell(visit, "lightning_executions_BTC_JPY").click()
    await visit.get_by_role("button", name="BTC_JPY", exact=True).click()
    await expect(visit.get_by_role("combobox", name="Product")).to_have_value("BTC_JPY")
    await expect(visit.get_by_text("The order book needs the snapshot and board channels.")).to_be_visible()
    await visit.locator(".overlay").get_by_role("button", name="Subscribe").click()
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")


async def test_a_frame_is_set_out_for_reading_as_it_came(visit):
    await show_view(visit, "frames")
    board = frames(visit).locator(".frame-received").filter(has_text=f"board_{FX}")
    await expect(board.first).to_be_visible()
    await visit.get_by_role("button", name="Pause").click()
    await board.first.click()
    text = await visit.locator(".detail pre").inner_text()
    assert text.startswith('{\n  "jsonrpc": "2.0",\n  "method": "channelMessage",\n  "params": {\n')
    assert re.search(r'"mid_price": \d+\.0\b', text), "numbers keep their decimals"
    await visit.keyboard.press("Tab")
    await visit.locator(".detail pre").focus()
    await visit.keyboard.press("Escape")
    await expect(visit.locator(".detail")).to_have_count(0)


async def test_pause_holds_the_rows_and_counts_what_waits(visit):
    await show_view(visit, "frames")
    rows = frames(visit).locator(".frame")
    await expect(rows.filter(has_text=f"board_{FX}").first).to_be_visible()
    await visit.get_by_role("button", name="Pause").click()
    await expect(visit.locator(".waiting")).to_have_text(re.compile(r"[1-9]\d* waiting"))
    before = await rows.all_inner_texts()
    waiting = await visit.locator(".waiting").inner_text()
    await expect(visit.locator(".waiting")).not_to_have_text(waiting)
    assert await rows.all_inner_texts() == before
    await visit.get_by_role("button", name="Resume").click()
    await expect(visit.locator(".waiting")).to_have_count(0)
    await expect(rows.last).not_to_have_text(before[-1])


async def test_scrolling_up_stops_following_and_keeps_the_place(visit):
    await show_view(visit, "frames")
    rows = frames(visit).locator(".frame")
    await expect(visit.locator(".frames-space")).to_have_attribute("style", re.compile(r"height: ([5-9]\d\d|\d{4,})px"))
    await frames(visit).hover()
    await visit.mouse.wheel(0, -2000)
    await expect(visit.get_by_role("checkbox", name="Follow")).not_to_be_checked()
    first = await rows.first.inner_text()
    height = await visit.locator(".frames-space").evaluate("space => space.clientHeight")
    await visit.wait_for_function("h => document.querySelector('.frames-space').clientHeight > h + 100", arg=height)
    assert await rows.first.inner_text() == first
    await visit.get_by_role("checkbox", name="Follow").check()
    await visit.wait_for_function(
        """() => {
            const list = document.querySelector('.frames-list');
            return list.scrollTop + list.clientHeight + 30 > list.scrollHeight;
        }"""
    )


async def test_an_interruption_is_visible_everywhere(browser):
    async with opened_on_its_own(browser) as (visited, stop_and_start):
        page = visited.page
        await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        await expect(page.locator(".executions tbody tr").first).to_be_visible()
        async with stop_and_start():
            await expect(page.locator("[data-state=waiting].state")).to_have_text(re.compile(r"Retry in \d+ s"))
            await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "STALE")
            await expect(cell(page, f"lightning_board_{FX}")).to_have_attribute("data-state", "waiting")
            await shoot(page, "interrupted")
        # Each try to connect comes later than the one before.
        await expect(page.locator(".executions .gap-row")).to_contain_text("Gap of", timeout=60_000)
        await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        await shoot(page, "after-the-gap")
        await show_view(page, "frames")
        # Few messages of this channel come, so that its gap stays in sight.
        await page.get_by_role("search").get_by_label("Channel").select_option(f"lightning_executions_{FX}")
        await expect(frames(page).locator(".frame-gap").first).to_contain_text("missed on")
        await show_view(page, "connection")
        await expect(page.locator(".events .event-gap").last).to_contain_text("and 3 more")


async def test_disconnect_and_connect(visit):
    state = connection_state(visit)
    await expect(state).to_have_text("Open")
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(state).to_have_text("Not connected")
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "chosen")
    await visit.locator(".top").get_by_role("button", name="Connect", exact=True).click()
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")


async def test_the_live_service_is_never_connected_to_unasked(visit):
    state = connection_state(visit)
    await expect(state).to_have_text("Open")
    await visit.get_by_role("radio", name="Live").check(force=True)
    await expect(state).to_have_text("Not connected")
    await visit.get_by_role("tab", name=SOCKETIO).click()
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "true")
    await expect(state).to_have_text("Not connected")
    await visit.get_by_role("radio", name="Embedded").check(force=True)
    await expect(state).to_have_text("Open")


async def test_any_url_can_be_the_endpoint(visit, exchange):
    await visit.get_by_role("radio", name="URL").check(force=True)
    await expect(connection_state(visit)).to_have_text("Not connected")
    await visit.get_by_label("Endpoint URL").fill("ftp://nowhere")
    await visit.locator(".top").get_by_role("button", name="Connect", exact=True).click()
    await expect(visit.get_by_role("alert")).to_contain_text("begins with ws://")
    await visit.get_by_label("Endpoint URL").fill(exchange.realtime)
    await visit.get_by_role("textbox", name="HTTP API").fill(exchange.http)
    await visit.keyboard.press("Enter")
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")
    await expect(visit.get_by_role("alert")).to_have_count(0)


async def test_the_language_is_the_browsers_and_can_be_switched(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, locale="ja-JP") as visited:
        page = visited.page
        await expect(page.get_by_role("tab", name="基礎知識")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "ja")
        await page.get_by_role("button", name="EN", exact=True).click()
        await expect(page.get_by_role("tab", name="Good to know")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("tab", name="Good to know")).to_be_visible()
