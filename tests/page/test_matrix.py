"""The matrix of channels: whole rows and columns, private channels, and how a dead channel is seen."""

from __future__ import annotations

import re

import httpx
from playwright.async_api import expect

from tests.page.visiting import FX, cell, connection_state

PATIENCE = 60_000
"""Silence is told after 15 s; in milliseconds, and long enough for a loaded machine."""


async def test_the_head_of_a_column_subscribes_all_of_it(visit):
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await visit.get_by_role("button", name="Subscribe to all: lightning_ticker_").click()
    for product in ("BTC_JPY", "XRP_JPY"):
        await expect(cell(visit, f"lightning_ticker_{product}")).to_have_attribute("data-state", "receiving")
    await expect(visit.locator('[data-channel^=lightning_ticker_][data-state="off"]')).to_have_count(0)
    await visit.get_by_role("button", name="Unsubscribe from all: lightning_ticker_").click()
    await expect(visit.locator('[data-channel^=lightning_ticker_][data-state="off"]')).to_have_count(9)
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")


async def test_the_head_of_a_row_subscribes_all_of_it(visit):
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await cell(visit, "lightning_ticker_BTC_JPY").click()
    await expect(visit.get_by_role("button", name="Subscribe to all: BTC_JPY", exact=True)).to_have_attribute(
        "aria-pressed", "mixed"
    )
    await visit.get_by_role("button", name="Subscribe to all: BTC_JPY", exact=True).click()
    for kind in ("board_snapshot", "board", "ticker"):
        await expect(cell(visit, f"lightning_{kind}_BTC_JPY")).to_have_attribute("data-state", "receiving")
    await visit.get_by_role("button", name="Unsubscribe from all: BTC_JPY", exact=True).click()
    await expect(visit.locator('[data-channel$="_BTC_JPY"][data-state="off"]')).to_have_count(8 - 4)


async def test_private_channels_say_what_they_need_and_lead_there(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    child = visit.get_by_role("button", name=re.compile("child_order_events, needs a key: Private channels need"))
    await child.hover()
    await expect(visit.locator(".explanation")).to_contain_text("Set one in Orders")
    await child.click()
    await expect(visit.locator("[data-view=orders]")).to_have_attribute("aria-selected", "true")


async def test_a_channel_that_dies_cools_and_is_told_apart(visit, exchange):
    ticker = cell(visit, f"lightning_ticker_{FX}")
    await expect(ticker).to_have_attribute("data-state", "receiving")
    await expect(ticker).to_have_class(re.compile("warm-6"))
    async with httpx.AsyncClient() as http:
        fault = {"fault": "mute", "channel": f"lightning_ticker_{FX}"}
        assert (await http.post(f"{exchange.control}/faults", json=fault)).status_code == 201
    await expect(ticker).to_have_class(re.compile("warm-[345]"), timeout=PATIENCE)
    await expect(ticker).to_have_attribute("title", re.compile(r"messages/s, last \d\.\d s ago"))
    await expect(ticker).to_have_attribute("data-state", "quiet", timeout=PATIENCE)
    await expect(ticker).to_have_text(re.compile(r"^\d+s$"))
    await ticker.hover()
    await expect(visit.locator(".explanation")).to_contain_text("A channel can die alone")
    await expect(cell(visit, f"lightning_board_{FX}")).to_have_attribute("data-state", "receiving")


async def test_a_channel_that_never_delivers_says_why(visit):
    await expect(connection_state(visit)).to_have_text("Open")
    await visit.get_by_role("textbox", name="Add a product code").fill("nope_jpy")
    await visit.keyboard.press("Enter")
    silent = cell(visit, "lightning_ticker_NOPE_JPY")
    await expect(silent).to_have_attribute("data-state", "acknowledged")
    await expect(silent).to_have_attribute("data-state", "silent", timeout=PATIENCE)
    # Without being pointed at, because people search for this for hours.
    await expect(visit.locator(".explanation")).to_contain_text("This endpoint has no such product.")


async def test_unsubscribing_all_is_undone_where_it_was_done(visit):
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await cell(visit, "lightning_ticker_BTC_JPY").click()
    await visit.get_by_role("button", name="Unsubscribe from all", exact=True).focus()
    await visit.keyboard.press("Enter")
    await expect(visit.locator('.matrix [data-channel]:not([data-state="off"]):not(.cell-locked)')).to_have_count(0)
    undo = visit.get_by_role("button", name="Undo: subscribe to 5 again")
    await expect(undo).to_be_focused()
    await visit.keyboard.press("Enter")
    for channel in (f"lightning_ticker_{FX}", "lightning_ticker_BTC_JPY"):
        await expect(cell(visit, channel)).to_have_attribute("data-state", "receiving")
    await expect(undo).to_have_count(0)
    await visit.get_by_role("button", name="Unsubscribe from all", exact=True).dblclick()
    await expect(undo).to_be_visible()  # the second click of a double click takes nothing back
    await cell(visit, "lightning_ticker_ETH_JPY").click()
    await cell(visit, "lightning_ticker_BTC_JPY").click()
    fewer = visit.get_by_role("button", name="Undo: subscribe to 4 again")
    await fewer.click()
    await expect(cell(visit, f"lightning_ticker_{FX}")).to_have_attribute("data-state", "receiving")
    await visit.clock.install()
    await visit.get_by_role("button", name="Unsubscribe from all", exact=True).click()
    await expect(visit.get_by_role("button", name="Undo: subscribe to 6 again")).to_be_visible()
    await visit.clock.fast_forward(61_000)
    await expect(visit.get_by_role("button", name="Unsubscribe from all", exact=True)).to_be_disabled()
