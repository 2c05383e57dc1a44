"""Recording and replaying on the page, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from tests.page.visiting import (
    FX,
    SOCKETIO,
    connection_state,
    endpoint_of,
    expect_in_log,
    frames,
    opened,
    shoot,
    show_view,
)
from tests.playground.recorded import BEGAN_NS, log_of

DROP = """([selector, name, text]) => {
    const file = new File([text], name);
    const data = new DataTransfer();
    data.items.add(file);
    const target = document.querySelector(selector);
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        target.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
    }
}"""


def replay_bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Replay")


async def drop(page: Page, content: bytes, name: str = "day.jsonl") -> None:
    """Let a file go over the middle of the page, once it is connected: it takes none before."""
    await expect(connection_state(page)).to_have_attribute("data-state", "open")
    await page.evaluate(DROP, ["main", name, content.decode()])
    await expect(replay_bar(page)).to_be_visible()


async def seek(page: Page, part: float) -> None:
    """Move the scrub bar to a part of its length, as a hand does."""
    script = """(bar, part) => {
        bar.value = Number(bar.min) + part * (bar.max - bar.min);
        bar.dispatchEvent(new Event('input', {bubbles: true}));
        bar.dispatchEvent(new Event('change', {bubbles: true}));
    }"""
    await replay_bar(page).get_by_label("Position in the log").evaluate(script, part)


async def expect_gap(page: Page) -> None:
    await expect_in_log(page, "rows.some((row) => row.type === 'gap' && row.reason.includes('1012 maintenance'))")


@pytest.mark.parametrize("dialect", ["JSON-RPC", "Socket.IO"])
async def test_what_was_recorded_is_replayed_through_the_same_views(visit, exchange: Exchange, dialect, tmp_path: Path):
    if dialect == "Socket.IO":
        await visit.get_by_role("tab", name=SOCKETIO).click()
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await show_view(visit, "frames")
    await visit.get_by_role("button", name="Record").click()
    recording = visit.get_by_role("region", name="Recording")
    await expect(recording).to_contain_text(re.compile(r"[1-9][\d,]* frames, .* of at most 60 MiB"))
    async with httpx.AsyncClient() as client:
        await client.post(f"{exchange.control}/faults", json={"fault": "close", "code": 1012, "reason": "maintenance"})
    await expect_gap(visit)
    await show_view(visit, "market")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    async with visit.expect_download() as saving:
        await recording.get_by_role("button", name="Stop and save").click()
    path = tmp_path / "recording.jsonl"
    await (await saving.value).save_as(path)
    await expect(visit.get_by_text(re.compile(r"Saved [\d,]+ frames"))).to_be_visible()

    await show_view(visit, "frames")
    await visit.locator("input[type=file]").set_input_files(path)
    await expect(replay_bar(visit)).to_contain_text("REPLAY")
    await expect(connection_state(visit)).to_have_text("Replay")
    await replay_bar(visit).get_by_label("Speed").select_option("max")
    await expect(replay_bar(visit)).to_contain_text("ended")
    await expect(frames(visit).locator(".frame-received").last).to_be_visible()
    await expect_gap(visit)
    await show_view(visit, "connection")
    await expect(visit.get_by_text("1012").first).to_be_visible()

    await replay_bar(visit).get_by_role("button", name="Leave the replay").click()
    await expect(replay_bar(visit)).to_have_count(0)
    await expect(connection_state(visit)).to_have_text("Open")
    await show_view(visit, "market")
    await expect(visit.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")


async def test_a_log_is_dropped_onto_the_page_and_scrubbed(visit):
    await show_view(visit, "frames")
    await drop(visit, log_of(1_000))
    bar = replay_bar(visit)
    await bar.get_by_role("button", name="Pause the replay").click()
    await expect(bar).to_contain_text("paused")
    await seek(visit, 0.9)
    await expect(frames(visit).locator(".frame-text").last).to_contain_text('"tick_id": 8999')
    await expect(frames(visit).locator(".frame-gap")).to_have_count(0)  # it is above the visible rows
    await expect(bar.get_by_role("button", name="Play", exact=True)).to_be_visible()
    await seek(visit, 0.1)
    await expect(frames(visit).locator(".frame-text").last).to_contain_text('"tick_id": 999,')
    await bar.get_by_label("Speed").select_option("100")
    await bar.get_by_role("button", name="Play", exact=True).click()
    await expect_gap(visit)
    await seek(visit, 1)
    await expect(bar).to_contain_text("ended")
    await bar.get_by_role("button", name="Replay again").click()
    await expect(bar).not_to_contain_text("ended")


async def test_a_replay_has_the_products_of_its_log_and_leaves_ours_as_they_were(visit):
    ticker = visit.locator('.matrix-panel [data-channel="lightning_ticker_BTC_JPY"]')
    await ticker.click()
    await expect(ticker).to_have_attribute("data-state", "receiving")
    await drop(visit, log_of(100))
    await expect(ticker).to_have_count(0)
    await expect(visit.locator(f'.matrix-panel [data-channel="lightning_ticker_{FX}"]')).to_be_visible()
    await replay_bar(visit).get_by_role("button", name="Leave the replay").click()
    await expect(ticker).to_have_attribute("data-state", "receiving")


async def test_no_endpoint_is_chosen_while_a_recording_is_on_screen(visit):
    embedded = visit.locator("input[name=endpoint][value=embedded]")
    await expect(embedded).to_be_checked()
    await show_view(visit, "orders")
    await visit.get_by_role("button", name="Use the demo account").click()
    await expect(visit.get_by_label("Send an order 1")).to_be_visible()
    await drop(visit, log_of(100))
    await expect(visit.locator("input[name=endpoint]:checked")).to_have_count(0)
    await show_view(visit, "faults")
    await expect(visit.locator(".faults-panel")).to_contain_text("This is a replay.")
    await show_view(visit, "orders")
    await expect(visit.locator(".orders-body")).to_contain_text("This is a replay.")
    await shoot(visit, "replay-orders")
    # The recording is of the one dialect, and is not read as the other.
    await visit.get_by_role("tab", name=SOCKETIO).click()
    await expect(visit.get_by_role("tab", name=SOCKETIO)).to_have_attribute("aria-selected", "false")
    # The earlier endpoint can be chosen, and ends the replay.
    await visit.locator("label:has(> input[value=embedded])").click()
    await expect(replay_bar(visit)).to_have_count(0)
    await expect(embedded).to_be_checked()
    await expect(connection_state(visit)).to_have_text("Open")


async def test_a_replay_leads_back_to_the_connection_even_if_its_end_is_told_first(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    script = """async (text) => {
        const names = ['replay', 'receive', 'state'];
        const [replay, { receive }, state] = await Promise.all(names.map((name) => import(`/static/js/${name}.js`)));
        await replay.openLog(new File([text], 'day.jsonl'));
        receive([{ ...state.connection.value, state: 'closed' }]);
        const log = { name: 'day.jsonl', from_ms: 0, to_ms: 1, lines: 1, malformed: 0, problems: [], channels: [] };
        receive([{ type: 'replay', run: 1, dialect: 'json-rpc', ...log }]);
    }"""
    await visit.evaluate(script, log_of(100).decode())
    await expect(replay_bar(visit)).to_be_visible()
    await replay_bar(visit).get_by_role("button", name="Leave the replay").click()
    await expect(connection_state(visit)).to_have_text("Open")


async def test_lines_that_cannot_be_read_are_said(visit):
    await drop(visit, b"no line\n" + log_of(10) + b"nor this\n")
    badge = replay_bar(visit).get_by_text("unreadable lines: 2")
    await expect(badge).to_have_attribute("title", re.compile("line 1: no line"))


async def test_what_is_no_frame_log_is_said_and_the_connection_goes_on(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.evaluate(DROP, ["main", "notes.txt", "nothing of the kind"])
    await expect(visit.get_by_role("alert")).to_contain_text("notes.txt")
    await expect(replay_bar(visit)).to_have_count(0)
    await expect(connection_state(visit)).to_have_text("Open")


async def test_the_page_keeps_a_bounded_number_of_a_long_log(visit):
    """As fast as possible, 51,000 frames: all of them come, and the oldest go."""
    await show_view(visit, "frames")
    frame = '{"received_ns": %d, "frame": "{\\"id\\":%d}"}'
    log = "\n".join(frame % (BEGAN_NS + number * 10**8, number) for number in range(51_000))
    await drop(visit, log.encode(), "long.jsonl")
    await replay_bar(visit).get_by_label("Speed").select_option("max")
    await expect(replay_bar(visit)).to_contain_text("ended", timeout=240_000)
    await expect(visit.locator(".frames-foot")).to_contain_text("50,000 of 50,000 rows kept")
    await expect(frames(visit).locator(".frame-text").last).to_contain_text('"id":50999')
    await frames(visit).evaluate("list => { list.scrollTop = 0; }")
    await expect(frames(visit).locator(".frame-text").first).to_contain_text(re.compile(r'"id":10\d\d\b'))
    drawn = await frames(visit).locator(".frame").count()
    assert drawn < 60, "only what is in sight is drawn"


# Every view in every combination is kept by test_screens.py.
@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "ja-JP")])
async def test_screenshots_of_a_replay(browser: Browser, exchange: Exchange, scheme: str, language: str):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, color_scheme=scheme, locale=language) as visited,
    ):
        page = visited.page
        await show_view(page, "frames")
        await expect(connection_state(page)).to_have_attribute("data-state", "open")
        await page.evaluate(DROP, ["main", "day.jsonl", (b"no line\n" + log_of(600)).decode()])
        await page.locator(".replay-play").click()
        await expect(page.locator(".frame-received").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, f"replay-{language[:2]}-{scheme}")
