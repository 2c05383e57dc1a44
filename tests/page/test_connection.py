"""The connection on the page: the strip of the last ten minutes, the view of events, and their survival."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from fulgurite import playground
from fulgurite.exchange.run import Exchange
from fulgurite.playground import app as app_module
from tests.page.visiting import (
    DESKTOP,
    FX,
    cell,
    connection_state,
    endpoint_of,
    let_in,
    opened,
    page_fixture,
    shoot,
    show_view,
)

DIALECTS = ("json-rpc", "socketio")
MAINTENANCE = {"fault": "close", "code": 1012, "reason": "scheduled maintenance"}


@page_fixture
async def press(exchange: Exchange) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Makes a fault happen on the exchange."""
    async with httpx.AsyncClient() as client:

        async def post(fault: dict[str, Any]) -> None:
            answer = await client.post(f"{exchange.control}/faults", json=fault)
            assert answer.is_success, answer.text

        yield post


@page_fixture(params=DIALECTS)
async def in_view(request: pytest.FixtureRequest, browser: Browser, exchange: Exchange) -> AsyncIterator[Page]:
    """The page with the connection in view, in each dialect, once all channels have brought something."""
    path = f"#view=connection&dialect={request.param}"
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, path) as visited:
        await flows(visited.page)
        yield visited.page


async def flows(page: Page) -> None:
    """Wait until every channel has brought a message."""
    for kind in ("board", "board_snapshot", "ticker", "executions"):
        await expect(cell(page, f"lightning_{kind}_{FX}")).to_have_attribute("data-state", "receiving")


def marks(page: Page, kind: str) -> Locator:
    return page.locator(f".strip-marks button[data-kind={kind}]")


def events(page: Page, kind: str) -> Locator:
    return page.locator(f".events > .event[data-kind={kind}]")


# --- the strip


async def test_a_connection_is_a_line_and_its_gap_a_box_that_is_mended_where_it_was_repaired(in_view, press):
    await expect(in_view.locator(".strip [data-span=open]")).to_have_count(1)
    await expect(in_view.locator(".strip-summary")).to_have_text("no gap")
    await press(MAINTENANCE)
    await expect(marks(in_view, "closed")).to_have_accessible_name(
        re.compile(r"^\d\d:\d\d:\d\d Connection closed 1012\. scheduled maintenance$")
    )
    await expect(in_view.locator(".strip [data-span=open]")).to_have_count(2)
    gap = marks(in_view, "gap")
    await expect(gap).to_have_count(1)
    # The executions are fetched again, which is one channel of four; the others' gaps stay.
    await expect(gap).to_have_accessible_name(re.compile(r"and 3 more\. .*; partly repaired$"))
    await expect(gap.locator(".gap-span-mended")).to_have_attribute("style", "height: 25%;")
    await expect(in_view.locator(".strip-labels")).to_have_text("1012, 4 channels")
    await expect(in_view.locator(".strip-summary")).to_have_text(re.compile(r"1 gap, \d"))


async def test_the_strip_is_pointed_at_walked_with_the_keyboard_and_leads_to_the_event(in_view, press):
    await press(MAINTENANCE)
    await expect(marks(in_view, "gap")).to_have_count(1)
    await marks(in_view, "closed").focus()
    await expect(in_view.locator(".strip-tip")).to_contain_text("Connection closed 1012 scheduled maintenance")
    await in_view.keyboard.press("End")
    await expect(in_view.locator(".strip-marks button").last).to_be_focused()
    await in_view.keyboard.press("Home")
    await expect(in_view.locator(".strip-marks button").first).to_be_focused()
    await in_view.keyboard.press("ArrowRight")
    await expect(in_view.locator(".strip-marks button").nth(1)).to_be_focused()
    # Keys that come faster than the page is drawn lead as far.
    await in_view.locator(".strip-marks").evaluate(
        """list => { for (const key of ["End", "ArrowLeft", "Home", "ArrowRight"])
             document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); }"""
    )
    await expect(in_view.locator(".strip-marks button").nth(1)).to_be_focused()
    await expect(in_view.locator(".strip-marks button[tabindex='0']")).to_have_count(1)
    # A line that is some seconds long lies under its own marks.
    await in_view.locator(".strip [data-span=open]").first.dispatch_event("mouseenter")
    await expect(in_view.locator(".strip-tip")).to_contain_text("open since")
    for kind in ("gap", "closed"):
        await show_view(in_view, "frames")
        await marks(in_view, kind).press("Enter")
        await expect(events(in_view, kind)).to_be_focused()


async def test_a_channel_that_dies_alone_leaves_a_gap_of_its_own(browser, exchange, press):
    """The client notices the silence; the page has no say in how long it waits, so here the frame breaks."""
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url) as visited:
        page = visited.page
        await flows(page)
        await press({"fault": "truncated", "channel": f"lightning_ticker_{FX}", "times": 1})
        await expect(marks(page, "gap")).to_have_accessible_name(re.compile(rf"missed on ticker_{FX}\."))
        await expect(page.locator(".strip-labels")).to_have_text("1 channel")
        await expect(page.locator(".strip [data-span=open]")).to_have_count(1)


# --- the view


async def test_what_happened_is_told_with_what_it_means(in_view, press):
    subscribed = events(in_view, "subscribed")
    await expect(subscribed.first).to_contain_text(re.compile(r"4 channels, acknowledged after [\d.]+ to [\d.]+ ms"))
    await expect(subscribed.first).to_contain_text(f"ticker_{FX}")
    await press(MAINTENANCE)
    closed = events(in_view, "closed").first
    await expect(closed).to_contain_text("Connection closed 1012 scheduled maintenance")
    await expect(closed).to_contain_text("the daily maintenance")
    gap = events(in_view, "gap")
    await expect(gap.locator("tbody tr")).to_have_count(4)
    await expect(gap).to_contain_text("Messages sent in between are not sent again")
    executions = gap.locator("tbody tr").filter(has_text=f"executions_{FX}")
    await expect(executions).to_have_attribute("data-repaired", "full")
    await expect(executions).to_contain_text(re.compile(r"nothing was missed|\d+, all of them"))
    ticker = gap.locator("tbody tr").filter(has_text=f"ticker_{FX}")
    await expect(ticker).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}\s*\d+\s*\d\d:\d\d:\d\d\.\d{3}\s*\d+"))
    await expect(ticker).to_contain_text("the next message is complete")
    await press({"fault": "reset"})
    await expect(events(in_view, "closed").first).to_contain_text("1006")
    await expect(events(in_view, "closed").first).to_contain_text("cut without a close frame, by a network fault")


async def test_a_repair_is_pending_first_and_then_done_and_what_it_brings_is_marked(in_view, press):
    await press(MAINTENANCE | {"every": 4.0})
    recovered = events(in_view, "gap").locator("tbody tr[data-repaired=full]").filter(has_text="all of them")
    await expect(recovered.first).to_be_visible(timeout=60_000)
    await show_view(in_view, "market")
    await expect(in_view.locator(".executions .backfilled").first).to_be_visible()
    # A repair may end before the page has drawn that it began; its frame log has both.
    outcomes = await in_view.evaluate(
        """channel => import("/static/js/state.js").then(({frameLog}) => frameLog.slice(0, frameLog.count)
            .filter((row) => row.type === "gap" && row.channels.includes(channel)).map(({repaired}) => repaired))""",
        f"lightning_executions_{FX}",
    )
    assert outcomes[:2] == ["pending", "full"]


async def test_latencies_and_rates_are_measured(in_view):
    await expect(in_view.locator("[data-latency=ticker] .number").first).to_have_text(re.compile(r"^-?\d+(\.\d)?$"))
    await expect(in_view.locator("[data-latency=executions]")).to_be_visible()
    await expect(in_view.get_by_text("include the clocks' difference")).to_be_visible()
    chart = in_view.locator(f".rate-charts [data-channel=lightning_board_{FX}]")
    await expect(chart.get_by_role("img")).to_have_accessible_name(
        re.compile(rf"^board_{FX}: [\d.]+ messages per second")
    )
    # The first five seconds are over, and the line rises.
    await expect(chart.locator("path")).to_have_attribute("d", re.compile(r"V(?!20\.0)[\d.]+H119V20Z$"))


async def test_the_heartbeat_is_measured_where_there_is_one(browser, exchange):
    path = "#view=connection&dialect=socketio"
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, path) as visited:
        await expect(visited.page.locator("[data-latency=heartbeat]")).to_be_visible(timeout=60_000)


# --- reloads, sleep and restarts


async def test_a_reload_keeps_what_happened_and_says_so(in_view, press):
    await press(MAINTENANCE)
    await expect(events(in_view, "gap").locator("tr[data-repaired=full]")).to_have_count(1)
    await in_view.reload()
    await expect(in_view.locator("[data-notice=reloaded]")).to_contain_text("Earlier events are kept")
    await flows(in_view)
    await expect(events(in_view, "page")).to_contain_text("Page reloaded")
    await expect(events(in_view, "closed")).to_have_count(1)
    await expect(in_view.locator(".strip [data-span=open]")).to_have_count(3)
    await expect(marks(in_view, "gap")).to_have_count(1)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_backend_that_is_started_again_is_found_and_what_was_connected_is_connected_again(
    browser, exchange, dialect
):
    async with playground.run(None) as served:
        context = await browser.new_context(viewport=DESKTOP, locale="en-US")
        page = await context.new_page()
        # At this address the page has the same origin after a start; at the other it is told, below.
        await page.goto(f"{served.plain_url}#view=connection&endpoint=url&dialect={dialect}")
        await page.get_by_role("radio", name="URL").check(force=True)
        await page.get_by_label("Endpoint URL").fill(exchange.realtime)
        await page.keyboard.press("Enter")
        await flows(page)
    await expect(page.get_by_role("alert")).to_contain_text("Lost the connection to Fulgurite")
    await expect(page.locator(".strip [data-span=open]")).to_have_count(1)
    async with playground.run(None, port=served.port) as again:
        await expect(page.locator("[data-notice=locked]")).to_contain_text("Open the new address that it printed")
        await let_in(page, again.plain_url)
        await expect(page.locator("[data-notice=back]")).to_contain_text("The chosen channels are connected again")
        await expect(connection_state(page)).to_have_text("Open")
        await flows(page)
        await expect(page.locator(".strip [data-span=open]")).to_have_count(2)
        await expect(events(page, "page")).to_have_count(3)
        # A connection that the user ended stays ended.
        await page.get_by_role("button", name="Disconnect").click()
        await expect(connection_state(page)).to_have_text("Not connected")
    await expect(page.get_by_role("alert")).to_contain_text("Lost the connection to Fulgurite")
    async with playground.run(None, port=served.port) as again:
        await let_in(page, again.plain_url)
        await expect(page.locator("[data-notice=back]")).to_be_visible()
        await expect(connection_state(page)).to_have_text("Not connected")
        await context.close()


async def test_a_page_whose_backend_has_another_name_by_now_is_told_and_stays(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served:
        context = await browser.new_context(viewport=DESKTOP, locale="en-US")
        page = await context.new_page()
        await page.goto(f"{served.url}#view=connection")
        await flows(page)
    async with playground.run(endpoint_of(exchange), port=served.port) as again:
        await let_in(page, again.url)
        await expect(page.locator("[data-notice=locked]")).to_contain_text("Open the new address that it printed")
        await expect(page.locator(".strip [data-span=open]")).to_have_count(1)
        await context.close()


@contextlib.asynccontextmanager
async def played() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`fulgurite play` in a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulgurite", "play", "--port", "0", "--no-browser", "--json", "--seed", "7"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(await process.stdout.readline())["url"]
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
async def test_a_program_that_is_stopped_is_missed_and_says_how_long_it_was(browser):
    async with played() as (process, url), opened(browser, url, "#view=connection") as visited:
        page = visited.page
        await flows(page)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            await expect(page.locator("[data-notice=silent]")).to_contain_text("It may be suspended")
            await expect(page.get_by_role("button", name="Disconnect")).to_be_disabled()
            # So long that the program itself notices, which a shorter stop may not let it.
            await expect(page.locator("[data-notice=silent]")).to_contain_text(re.compile(r"for ([4-9]|\d\d)"))
        finally:
            os.kill(process.pid, signal.SIGCONT)
        await expect(page.locator("[data-notice=silent]")).to_have_count(0)
        await expect(page.locator("[data-notice=stopped]")).to_contain_text("Nothing arrived from Fulgurite")
        untrue = re.compile("Page suspended|connected again")
        await expect(events(page, "page").filter(has_text=untrue)).to_have_count(0)
        await expect(events(page, "overslept")).to_contain_text(re.compile(r"Fulgurite was suspended \d"))
        await expect(marks(page, "overslept")).to_have_count(1)
        await flows(page)


async def test_a_page_that_slept_goes_on_and_says_so(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served:
        context = await browser.new_context(viewport=DESKTOP, locale="en-US")
        page = await context.new_page()
        await page.clock.install()
        await page.goto(f"{served.url}#view=connection")
        await flows(page)
        # As when a lid is closed: the clock jumps, and each timer is late.
        await page.clock.fast_forward(60_000)
        await expect(page.locator("[data-notice=slept]")).to_contain_text(re.compile(r"Nothing ran here for 6\d s"))
        await expect(events(page, "page")).to_contain_text("Page suspended")
        await expect(connection_state(page)).to_have_text("Open")
        await context.close()


async def test_a_page_that_was_frozen_while_its_backend_was_started_again_finds_it(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served:
        context = await browser.new_context(viewport=DESKTOP, locale="en-US")
        page = await context.new_page()
        await page.goto(f"{served.plain_url}#view=connection")
        await flows(page)
        devtools = await context.new_cdp_session(page)
        await devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    async with playground.run(endpoint_of(exchange), port=served.port) as again:
        await let_in(page, again.plain_url)
        await devtools.send("Page.setWebLifecycleState", {"state": "active"})
        await page.bring_to_front()
        await expect(events(page, "page").filter(has_text="Fulgurite is back")).to_have_count(1)
        await flows(page)
        await context.close()


async def test_two_tabs_have_a_connection_each_and_leave_each_other_alone(browser, exchange):
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url) as first:
        async with opened(browser, served.url, "#view=connection&dialect=socketio") as second:
            await flows(first.page)
            await flows(second.page)
            await second.page.get_by_role("button", name="Disconnect").click()
            await expect(connection_state(second.page)).to_have_text("Not connected")
            await expect(connection_state(first.page)).to_have_text("Open")
        await flows(first.page)
        await expect(marks(first.page, "gap")).to_have_count(0)


async def test_a_page_too_many_says_so_and_comes_in_when_another_is_closed(browser, exchange, monkeypatch):
    monkeypatch.setattr(app_module, "PAGE_LIMIT", 1)
    async with playground.run(endpoint_of(exchange)) as served:
        async with opened(browser, served.url) as first:
            await flows(first.page)
            context = await browser.new_context(viewport=DESKTOP, locale="en-US")
            second = await context.new_page()
            await second.goto(served.url)
            await expect(second.get_by_role("alert")).to_contain_text("serves 16 pages at once")
            await expect(second.get_by_text("serves 16 pages at once")).to_have_count(1)
            await expect(second.get_by_text(re.compile("is not responding|Connect to see"))).to_have_count(0)
            await expect(connection_state(second)).to_have_text("Too many pages")
        await flows(second)
        await context.close()


# --- how it looks


# Every view in every combination is kept by test_screens.py.
@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "ja-JP")])
async def test_screenshots(browser, exchange, press, scheme, language):
    options = {"color_scheme": scheme, "locale": language}
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=connection", **options) as visited,
    ):
        page = visited.page
        await flows(page)
        await press(MAINTENANCE)
        await expect(events(page, "gap").locator("tr[data-repaired=full]")).to_have_count(1)
        await flows(page)
        assert "{" not in await page.locator(".connection-panel").inner_text()
        assert "{" not in await page.locator(".timeline-panel").inner_text()
        if language == "ja-JP":
            await expect(events(page, "closed")).to_contain_text("定期メンテナンス")
            await expect(page.locator(".strip-axis")).to_contain_text("分前")
        await shoot(page, f"connection-{language[:2]}-{scheme}")


async def test_the_first_message_after_a_gap_is_told_even_if_it_came_late(browser, exchange, press):
    """The gap of a channel is told after five seconds, whether or not a message has come by then."""
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#view=connection") as visited,
    ):
        page = visited.page
        await flows(page)
        await press({"fault": "mute", "channel": f"lightning_ticker_{FX}"})
        await press(MAINTENANCE)
        line = events(page, "gap").last.locator("tr", has=page.get_by_role("rowheader", name=f"ticker_{FX}"))
        await expect(line.locator("td").nth(1)).to_have_text("none yet")
        async with httpx.AsyncClient() as client:
            assert (await client.delete(f"{exchange.control}/faults")).is_success
        await expect(line.locator("td").nth(1)).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \d+$"))
