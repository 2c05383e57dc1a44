"""The frames view in a real browser: looking for frames, taking them along, and sending some by hand."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from fulgurite import Message, playground, replay
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from tests.page.visiting import (
    FX,
    SOCKETIO,
    connection_state,
    endpoint_of,
    expect_in_log,
    frames,
    opened,
    page_fixture,
    shoot,
    show_view,
)

DIALECTS = ("JSON-RPC", "Socket.IO")


@page_fixture(params=DIALECTS)
async def view(visit: Page, request: pytest.FixtureRequest) -> Page:
    """The frames view of a connection in one of the dialects, flowing."""
    if request.param == "Socket.IO":
        await visit.get_by_role("tab", name=SOCKETIO).click()
    await show_view(visit, "frames")
    await expect(tickers(visit).first).to_be_visible()
    return visit


def rows(page: Page) -> Locator:
    return frames(page).locator(".frame")


def tickers(page: Page) -> Locator:
    """Rows of messages, by their label: the request for the channel has its name in the text, too."""
    return rows(page).filter(has=page.locator(".frame-label", has_text=f"ticker_{FX}"))


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("search").get_by_label(name, exact=True)


async def expect_tickers_alone(page: Page) -> None:
    labels = page.locator(".frame-label")
    await expect(labels.filter(has_text=f"ticker_{FX}").first).to_be_visible()
    await expect(labels.filter(has_not_text=f"ticker_{FX}")).to_have_count(0)


async def test_each_frame_has_its_time_size_direction_and_latency(view):
    await view.get_by_role("button", name="Pause").click()
    ticker = tickers(view).last
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", await ticker.locator("time").inner_text())
    assert "received" in await ticker.inner_text()
    assert re.fullmatch(r"[\d,]+", await ticker.locator(".frame-size").inner_text())
    assert re.fullmatch(r"-?\d+(\.\d)?", await ticker.locator(".frame-latency").inner_text())
    board = rows(view).filter(has_text=re.compile(rf"(?<!snap)board_{FX}")).last
    assert await board.locator(".frame-latency").inner_text() == "", "boards have no time in them"
    await frames(view).evaluate("list => { list.scrollTop = 0; }")
    answer = rows(view).filter(has=view.locator(".frame-label", has_text=re.compile("^(ack|result)$"))).first
    assert float(await answer.locator(".frame-latency").inner_text()) >= 0


async def test_frames_are_found_by_direction_channel_text_and_path(view):
    await field(view, "Direction").select_option("sent")
    await expect(rows(view).filter(has_text="subscribe").first).to_be_visible()
    await expect(view.locator(".frame-received")).to_have_count(0)
    await field(view, "Direction").select_option("received")
    await field(view, "Channel").select_option(f"lightning_ticker_{FX}")
    await expect_tickers_alone(view)
    await field(view, "Text").fill("running")
    await field(view, "JSON path").fill("message.best_bid > 1 and message.state = RUNNING")
    await expect(rows(view).first).to_be_visible()
    await field(view, "JSON path").fill("message.best_bid < 1")
    await expect(view.get_by_text("No kept frame matches.")).to_be_visible()
    await view.get_by_role("button", name="Clear the filter").first.click()
    await expect(rows(view).filter(has_text=f"board_{FX}").first).to_be_visible()
    assert await field(view, "JSON path").input_value() == ""


async def test_a_filter_takes_what_comes_later_too(view):
    await field(view, "Channel").select_option(f"lightning_ticker_{FX}")
    await expect(view.locator(".frames-foot")).to_contain_text("shown")
    shown = view.locator(".frames-foot").get_by_text(re.compile(r"^[\d,]+ shown"))
    before = await shown.inner_text()
    await expect(shown).not_to_have_text(before)


async def test_what_is_no_path_is_said_gently_and_changes_nothing(visit):
    await show_view(visit, "frames")
    await expect(tickers(visit).first).to_be_visible()
    await field(visit, "JSON path").fill("message.ltp > 1")
    await expect(visit.locator(".frames-foot")).to_contain_text("shown")
    await field(visit, "JSON path").fill("message.ltp > 1 and message.ltp >")
    await expect(visit.locator("#path-fault")).to_have_text(re.compile("expected a value"))
    await expect(field(visit, "JSON path")).to_have_attribute("aria-invalid", "true")
    await expect_tickers_alone(visit)  # the filter before still holds
    await field(visit, "JSON path").fill("message.ltp > 1 and message.ltp > 2")
    await expect(visit.locator("#path-fault")).to_be_hidden()


async def test_a_pause_counts_what_waits(view):
    await view.get_by_role("button", name="Pause").click()
    await expect(view.locator(".waiting")).to_have_text(re.compile(r"[1-9]\d* waiting"))
    before = await rows(view).all_inner_texts()
    waiting = await view.locator(".waiting").inner_text()
    await expect(view.locator(".waiting")).not_to_have_text(waiting)
    assert await rows(view).all_inner_texts() == before
    await view.get_by_role("button", name="Resume").click()
    await expect(view.locator(".waiting")).to_have_count(0)


async def test_a_frame_is_copied_as_code(view):
    await view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await view.get_by_role("button", name="Pause").click()
    ticker = tickers(view).last
    await ticker.click()
    pretty = await view.locator(".detail pre").inner_text()
    assert re.search(r'"ltp": \d+\.0\b', pretty), "numbers stand as they came"

    async def copied(form: str) -> str:
        await view.get_by_label("Copy as").select_option(form)
        await view.locator(".detail-copy button").click()
        await expect(view.locator(".detail-copy button")).to_have_text("Copied")
        return str(await view.evaluate("navigator.clipboard.readText()"))

    text = await copied("raw")
    names: dict[str, object] = {}
    exec(await copied("python"), names)
    assert names["frame"] == text
    assert f"lightning_ticker_{FX}" in json.dumps(names["content"])
    assert (await copied("shell")).endswith("| jq .\n")

    await view.locator(".detail").get_by_role("button", name="Close").click()
    await frames(view).evaluate("list => { list.scrollTop = 0; }")
    await rows(view).filter(has_text="subscribe").first.click()
    there = re.search(r'connect\("ws://127\.0\.0\.1:\d+/[^"]*"', await copied("python"))
    assert there is not None
    # It goes where it went, in any present dialect.
    chosen = view.get_by_role("tab", name=SOCKETIO)
    other = (
        view.get_by_role("tab", name="JSON-RPC") if await chosen.get_attribute("aria-selected") == "true" else chosen
    )
    await other.click()
    await expect(other).to_have_attribute("aria-selected", "true")
    assert there[0] in await copied("python")


async def test_what_the_list_shows_is_saved_as_a_frame_log(view, tmp_path: Path):
    await field(view, "Channel").select_option(f"lightning_ticker_{FX}")
    await field(view, "Direction").select_option("received")
    await expect(rows(view).first).to_be_visible()
    async with view.expect_download() as saving:
        await view.get_by_role("button", name="Export").click()
    download = await saving.value
    assert re.fullmatch(r"fulgurite-frames-embedded-[\d-]+\.jsonl", download.suggested_filename)
    path = tmp_path / "frames.jsonl"
    await download.save_as(path)
    items = [item async for item in replay(path)]
    assert items
    assert {item.channel for item in items if isinstance(item, Message)} == {f"lightning_ticker_{FX}"}


async def test_a_frame_is_written_and_sent_by_hand(view):
    await view.get_by_role("button", name="Write a frame").click()
    hand = view.get_by_role("region", name="By hand")
    await hand.get_by_label("Examples").select_option("exUnknownChannel")
    await expect(hand.get_by_label("Frame")).to_have_value(re.compile("nope_channel"))
    await hand.get_by_label("Frame").press("Control+Enter")
    log = hand.get_by_role("log")
    await expect(log).to_contain_text("invalid channel")
    await hand.get_by_label("Frame").fill('{"broken')
    await hand.get_by_role("button", name="Send").click()
    await expect(log).to_contain_text('{"broken')
    await field(view, "Direction").select_option("hand")
    await expect(rows(view).filter(has_text="invalid channel")).to_be_visible()
    await expect(view.locator(".frames-list .frame-hand").first).to_contain_text("✎")
    await expect(connection_state(view)).to_have_text("Open")


async def test_every_example_can_be_sent(view):
    """Each is taken by the server in its way, and the connection that everything else goes over stays as it is."""
    await view.get_by_role("button", name="Write a frame").click()
    hand = view.get_by_role("region", name="By hand")
    keys = await hand.get_by_label("Examples").locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert len(keys) > 15
    for key in filter(None, keys):
        await hand.get_by_label("Examples").select_option(key)
        text = await hand.get_by_label("Frame").input_value()
        await hand.get_by_role("button", name="Send").click()
        await expect(hand.locator(".hand-sent").filter(has_text=text[:60]).last).to_be_visible()
    await expect(connection_state(view)).to_have_text("Open")
    await expect(view.get_by_role("alert")).to_have_count(0)


async def test_the_real_service_is_only_sent_to_after_a_click(visit):
    """Nothing is sent here: the button waits for the box, and the box is not ticked."""
    await show_view(visit, "frames")
    await visit.get_by_role("button", name="Write a frame").click()
    hand = visit.get_by_role("region", name="By hand")
    await expect(hand.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    await visit.get_by_role("radio", name="Live").check(force=True)
    await expect(hand.get_by_role("button", name="Send to the real service")).to_be_disabled()
    await expect(hand.get_by_text("restricts addresses")).to_be_visible()


async def test_the_arrows_go_from_frame_to_frame(visit):
    await show_view(visit, "frames")
    await expect(rows(visit).filter(has_text=f"board_{FX}").nth(3)).to_be_visible()
    await visit.get_by_role("button", name="Pause").click()
    # At the top nothing moves when a row gets the focus.
    await frames(visit).evaluate("list => { list.scrollTop = 0; }")
    await expect(rows(visit).filter(has_text="Connecting").first).to_be_visible()
    buttons = frames(visit).get_by_role("button")
    await buttons.nth(2).focus()
    await visit.keyboard.press("ArrowDown")
    await expect(buttons.nth(3)).to_be_focused()
    await visit.keyboard.press("Enter")
    await expect(visit.locator(".detail")).to_be_visible()


async def test_a_hidden_view_looks_at_nothing(visit):
    await show_view(visit, "frames")
    await field(visit, "JSON path").fill("channel ~ ticker")
    await expect(visit.locator(".frames-foot")).to_contain_text("shown")
    await show_view(visit, "connection")
    script = "import('/static/js/state.js').then(({frameLog}) => [frameLog.scanned, frameLog.ring.next])"
    scanned, rows_then = await visit.evaluate(script)
    await expect_in_log(visit, "log.ring.next > a", rows_then + 20)
    assert (await visit.evaluate(script))[0] == scanned
    await show_view(visit, "frames")
    await expect_in_log(visit, "log.scanned > a", scanned)


# Every view in every combination is kept by test_screens.py.
@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "ja-JP")])
async def test_screenshots_of_the_frames(browser: Browser, exchange: Exchange, scheme: str, language: str):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, color_scheme=scheme, locale=language) as visited,
    ):
        page = visited.page
        await show_view(page, "frames")
        await expect(page.locator(".frame-received").nth(8)).to_be_visible()
        await page.locator(".frames-head .action[aria-expanded]").click()
        await page.locator(".hand select").select_option("exUnknownChannel")
        await page.locator(".hand-send .action").click()
        await expect(page.locator(".hand-received")).to_be_visible()
        await page.locator(".frames-pause").click()
        await page.locator(".frame-received").last.click()
        await expect(page.locator(".detail pre")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, f"frames-{language[:2]}-{scheme}")


@pytest.mark.parametrize("milliseconds", [40, 130])
async def test_what_is_pressed_opens_however_fast_the_list_moves_on(browser, milliseconds: int):
    """25 presses on the newest rows, of which each is as long as a hand's, while the market runs 30 times as fast."""
    async with (
        run_exchange(seed=7, speed=30) as exchange,
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=frames") as (page, *_),
    ):
        await expect_in_log(page, "log.count > 300")
        box = await frames(page).bounding_box()
        assert box is not None
        for number in range(25):
            await page.mouse.move(box["x"] + 60, box["y"] + box["height"] - 12 - 24 * (number % 8))
            before = await page.evaluate("pageState.frameLog.count")
            await page.mouse.down()
            pressed = await frames(page).locator(".frame:active").inner_text()
            await asyncio.sleep(milliseconds / 1000)
            await page.mouse.up()
            await expect(page.locator(".detail")).to_be_visible()
            assert (await page.locator(".detail-head strong").inner_text()).removeprefix("lightning_") in pressed
            await expect(page.get_by_role("checkbox", name="Follow")).to_be_checked()
            await page.get_by_role("button", name="Close").click()
            await expect_in_log(page, "log.count > a", before)


async def test_a_list_that_is_pressed_again_at_once_stands_still_until_it_is_let_go_of(browser):
    """Pressed, let go of and pressed again before a finger's click could come: in one turn of the page."""
    async with (
        run_exchange(seed=7, speed=30) as exchange,
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=frames") as (page, *_),
    ):
        await expect_in_log(page, "log.count > 300")
        # In one turn with the search for the row, which may be gone by the next.
        await frames(page).evaluate(
            """(list) => ['pointerdown', 'pointerup', 'pointerdown'].forEach((type) => (
                [...list.querySelectorAll('.frame')].at(-1)
                    .dispatchEvent(new PointerEvent(type, {bubbles: true, button: 0}))))"""
        )
        pressed = await frames(page).inner_text()
        # After so many frames the time for a click is over, too: the market brings some hundreds a second.
        await expect_in_log(page, "log.count > a", await page.evaluate("pageState.frameLog.count + 300"))
        assert await frames(page).inner_text() == pressed
        await page.evaluate("dispatchEvent(new PointerEvent('pointerup'))")
        await expect(frames(page)).not_to_have_text(pressed, use_inner_text=True)


async def test_a_row_reached_with_the_keyboard_stays_and_opens(browser):
    async with (
        run_exchange(seed=7, speed=30) as exchange,
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=frames") as (page, *_),
    ):
        await expect_in_log(page, "log.count > 300")
        await frames(page).focus()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("checkbox", name="Follow")).not_to_be_checked()
        await page.keyboard.press("ArrowDown")
        row = frames(page).locator(".frame:focus")
        reached = await row.inner_text()
        await expect_in_log(page, "log.count > a", await page.evaluate("pageState.frameLog.count + 100"))
        assert await row.inner_text() == reached
        await page.keyboard.press("Space")
        await expect(page.locator(".detail")).to_be_visible()
        assert (await page.locator(".detail-head strong").inner_text()).removeprefix("lightning_") in reached


async def test_a_slash_goes_to_the_filter_from_anywhere_and_is_a_letter_in_it(visit):
    await expect(connection_state(visit)).to_have_attribute("data-state", "open")
    await visit.keyboard.press("/")
    await expect(field(visit, "Text")).to_be_focused()
    await visit.keyboard.type("a/b")
    await expect(field(visit, "Text")).to_have_value("a/b")


async def test_a_path_that_leads_nowhere_says_so_and_what_was_found_is_marked(view):
    await field(view, "JSON path").fill("message.best_bit > 1")
    await expect(view.locator("#path-fault")).to_contain_text("message.best_bit is in none of the newest frames")
    await expect(view.locator("#path-fault")).to_contain_text("message.best_bid")
    await expect(field(view, "JSON path")).not_to_have_attribute("aria-invalid", "true")
    await shoot(view, "frames-unknown-path")
    await field(view, "JSON path").fill("side=BUY or best_bid>1")
    await expect(view.locator("#path-fault")).to_be_hidden()
    await expect(rows(view).locator("mark").first).to_have_text(re.compile('"side":"BUY"|"best_bid":'))
    await field(view, "JSON path").fill("side=BUY")
    await expect(rows(view).locator("mark").first).to_have_text('"side":"BUY"')
    # The first mark of each row is whole: it ends before its text does.
    beyond = """(rows) => rows.map((row) => [row, row.querySelector('mark')]).filter(([row, mark]) => mark
        && mark.getBoundingClientRect().right > row.getBoundingClientRect().right).length"""
    assert await rows(view).locator(".frame-text").evaluate_all(beyond) == 0
    await field(view, "JSON path").fill("")
    await field(view, "Text").fill("running")
    await expect(rows(view).locator("mark").first).to_have_text("RUNNING")
    await view.get_by_role("button", name="Pause").click()
    await tickers(view).last.click()
    await expect(view.locator(".detail mark").first).to_have_text("RUNNING")
    await shoot(view, "frames-marked")
