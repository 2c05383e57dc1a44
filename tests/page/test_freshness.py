"""Old values are marked with their age in every view, and none is shown as true that is no longer confirmed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from fulgurite.exchange.run import Exchange
from tests.page.test_connection import played
from tests.page.visiting import FX, cell, choose, connection_state, opened, show_view

AGE = re.compile(r"\d+ (s|min) old")


def age(page: Page, place: str) -> Locator:
    """The mark of old values in a part of the page."""
    return page.locator(f"{place} [data-old]")


async def flows(page: Page) -> None:
    """Wait until the market view has something to show everywhere, and all of it is true."""
    await expect(page.locator("[data-book-state=LIVE]")).to_be_visible()
    await expect(page.locator("[data-test=ticker]")).to_be_visible()
    await expect(page.locator(".executions tbody tr").first).to_be_visible()
    await expect(page.locator("[data-old]")).to_have_count(0)


async def measures(page: Page) -> None:
    """Wait until the connection view has figures, which come later than the market: a missing figure is never old."""
    await show_view(page, "connection")
    await expect(page.locator("[data-latency]").first).to_be_visible()
    await expect(page.locator(".rate-charts [data-channel]").first).to_be_visible()
    await show_view(page, "market")
    await flows(page)


async def expect_all_old(page: Page, why: str) -> None:
    """Every part of the market view is marked, for this reason, and so are the frames and the figures."""
    for place in (".market-head", ".chart-upper", ".ladder", ".trades"):
        await expect(age(page, place)).to_have_attribute("data-old", why)
        await expect(age(page, place)).to_contain_text(AGE)
    await expect(page.locator("[data-book-state=LIVE]")).to_have_count(0)
    await show_view(page, "frames")
    await expect(age(page, ".frames-head")).to_have_attribute("data-old", why)
    await show_view(page, "connection")
    await expect(age(page, ".figures section:first-child")).to_have_attribute("data-old", why)


async def test_after_disconnect_everything_is_old_and_the_rates_are_zero(visit: Page) -> None:
    await measures(visit)
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(visit.locator(".rates")).to_have_text(re.compile(r"^\s*0\.0 frames/s\s*0 B/s\s*$"))
    await expect_all_old(visit, "disconnected")
    rates = visit.locator(".rate-charts [data-channel] .rate-now")
    for number in range(await rates.count()):
        await expect(rates.nth(number)).to_have_text("0.0")
    await show_view(visit, "market")
    before = await age(visit, ".market-head").inner_text()
    await expect(age(visit, ".market-head")).not_to_have_text(before)  # it grows older
    await visit.locator("button.connect").click()
    await flows(visit)


@pytest.mark.parametrize("chart", ["heatmap", "depth"])
async def test_the_other_charts_are_old_too(visit: Page, chart: str) -> None:
    await choose(visit, "chart-upper", chart)
    await flows(visit)
    await expect(visit.locator(f"[data-test={chart}]")).not_to_have_attribute(
        "data-columns" if chart == "heatmap" else "data-points", "0"
    )
    await visit.get_by_role("button", name="Disconnect").click()
    await expect(age(visit, ".chart-upper")).to_have_attribute("data-old", "disconnected")
    await expect(age(visit, ".chart-upper")).to_contain_text(AGE)


async def test_what_is_unsubscribed_is_old_by_itself(visit: Page) -> None:
    await flows(visit)
    await cell(visit, f"lightning_ticker_{FX}").click()
    await expect(age(visit, ".market-head")).to_have_attribute("data-old", "unsubscribed")
    await expect(age(visit, ".trades")).to_have_count(0)
    await cell(visit, f"lightning_executions_{FX}").click()
    await expect(age(visit, ".trades")).to_have_attribute("data-old", "unsubscribed")
    await cell(visit, f"lightning_board_{FX}").click()
    await expect(age(visit, ".ladder")).to_have_attribute("data-old", "unsubscribed")
    await expect(visit.locator(".ladder [data-book-off]")).to_have_text("Not subscribed")
    # Both are in sight on the smallest desktop.
    book = await visit.locator(".ladder").bounding_box()
    assert book is not None
    for place in ("[data-book-off]", "[data-old]"):
        box = await visit.locator(f".ladder {place}").bounding_box()
        assert box is not None
        assert book["x"] <= box["x"], place
        assert box["x"] + box["width"] <= book["x"] + book["width"], place
    await expect(visit.locator("[data-book-state=LIVE]")).to_have_count(0)
    for kind in ("ticker", "executions", "board"):
        await cell(visit, f"lightning_{kind}_{FX}").click()
    await flows(visit)


async def test_an_interrupted_connection_makes_it_old_until_something_comes(visit: Page, exchange: Exchange) -> None:
    await flows(visit)
    async with httpx.AsyncClient() as client:
        fault = {"fault": "refuse", "status": 503}
        assert (await client.post(f"{exchange.control}/faults", json=fault)).status_code == 201
        await client.post(f"{exchange.control}/faults", json={"fault": "close", "code": 1001})
        for place in (".market-head", ".chart-upper", ".ladder", ".trades"):
            await expect(age(visit, place)).to_have_attribute("data-old", "interrupted")
        await client.delete(f"{exchange.control}/faults")
    await flows(visit)


@contextlib.asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """A process that is suspended meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
async def test_when_the_program_is_stopped_nothing_stays_green(browser) -> None:
    async with played() as (process, url), opened(browser, url) as visited:
        page = visited.page
        await measures(page)
        # The page's own clock tells how long it took, from the last word to the mark.
        async with stopped(process.pid):
            await expect_all_old(page, "stopped")
            await expect(page.locator(".matrix .cell-receiving")).to_have_count(0)
            await expect(page.locator(".rates")).to_have_text(re.compile(r"^\s*– frames/s\s*–/s\s*$"))
            await expect(connection_state(page)).to_have_text("Interrupted")
            unknown = page.locator(".strip [data-span=unknown]")
            await expect(unknown).to_be_visible()
            await expect(page.locator(".strip [data-span=open]")).to_be_visible()
            ends = await page.evaluate(
                """() => [...document.querySelectorAll('.strip [data-span]')].map((span) => (
                    [span.dataset.span, span.getBoundingClientRect().right]))"""
            )
            right = max(end for _, end in ends)
            assert [name for name, end in ends if end > right - 1] == ["unknown"], "only that reaches to now"
        await expect(page.locator("[data-notice=silent]")).to_have_count(0)
        await show_view(page, "market")
        await expect(page.locator("[data-old]")).to_have_count(0)
        await expect(unknown.first).to_be_attached()
        await expect(connection_state(page)).to_have_text("Open")


async def test_the_page_knows_within_three_seconds(visit: Page) -> None:
    """By the page's clocks, which are moved by hand: the time since the last word alone counts."""
    await flows(visit)
    said = await visit.evaluate(
        """async () => {
            const [happened, state] = await Promise.all(['happened', 'state'].map((n) => import(`/static/js/${n}.js`)));
            const real = Date.now;
            let ahead = 0;
            Date.now = () => real() + ahead;
            happened.heard();
            happened.tick();
            const states = [];
            for (let step = 0; step < 12; step += 1) {
                ahead += 250;
                happened.tick();
                states.push(state.link.value);
            }
            Date.now = real;
            return states;
        }"""
    )
    assert said[0] == "open"
    assert said[-1] == "silent"


async def test_a_tick_that_comes_late_leaves_the_judgement_to_the_next(visit: Page) -> None:
    await flows(visit)
    said = await visit.evaluate(
        """async () => {
            const [happened, state] = await Promise.all(['happened', 'state'].map((n) => import(`/static/js/${n}.js`)));
            const real = Date.now;
            happened.heard();
            happened.tick();
            Date.now = () => real() + 3_000;
            happened.tick();
            const late = state.link.value;
            Date.now = () => real() + 3_250;
            happened.tick();
            Date.now = real;
            return [late, state.link.value];
        }"""
    )
    assert said == ["open", "silent"]
