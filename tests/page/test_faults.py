"""Faults on the page: pressed, seen, stopped."""

from __future__ import annotations

import contextlib
import json
import re

import httpx
import pytest
from playwright.async_api import expect

from fulgurite import playground
from tests.page.owning import at_exchange, expect_auth, use_demo
from tests.page.visiting import connection_state, endpoint_of, opened, show_view

MINUTE = 90_000


async def press(page, preset):
    await page.locator(f'[data-preset="{preset}"]').click()
    await page.get_by_role("button", name="Start", exact=True).click()


async def expect_outcome(page, name):
    await expect(page.locator("[data-outcome]")).to_have_attribute("data-outcome", name, timeout=MINUTE)


def seen(page, kind):
    return page.locator(f'.happening[data-kind="{kind}"]')


async def ready(page):
    await expect(connection_state(page)).to_have_text("Open")
    await expect(page.locator('[data-channel="lightning_ticker_FX_BTC_JPY"]')).to_have_attribute(
        "data-state", "receiving"
    )


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_maintenance_passes(browser, dialect):
    async with at_exchange(browser, f"#view=faults&dialect={dialect}") as (page, exchange):
        await ready(page)
        await press(page, "maintenance")
        await expect(page.locator(".active")).to_contain_text("short maintenance")
        await expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
        await expect(seen(page, "closed").first).to_be_visible()
        await expect(page.locator(".happening-gap").first).to_be_visible()
        async with httpx.AsyncClient() as client:
            markets = (await client.get(f"{exchange.control}/market")).json()
            assert {market["state"] for market in markets} <= {"CLOSED", "PREOPEN", "RUNNING"}
        await expect_outcome(page, "recovered")
        if dialect == "json-rpc":
            await expect(seen(page, "closed").first).to_contain_text("1012 scheduled maintenance")
        async with httpx.AsyncClient() as client:
            markets = (await client.get(f"{exchange.control}/market")).json()
        assert {market["state"] for market in markets} <= {"PREOPEN", "RUNNING"}


async def test_a_circuit_break_is_seen_and_ends(browser):
    async with at_exchange(browser, "#view=faults") as (page, _):
        await ready(page)
        await press(page, "circuitBreak")
        await expect(seen(page, "CIRCUIT BREAK")).to_contain_text("FX_BTC_JPY is CIRCUIT BREAK")
        await expect_outcome(page, "struck")
        await expect(seen(page, "RUNNING")).to_be_visible(timeout=MINUTE)
        await expect_outcome(page, "recovered")


# The visible effect of each, in one dialect or the other.
SHORT = (
    ("outage", "json-rpc", '[data-kind="unreachable"]'),
    ("flapping", "socketio", '[data-kind="closed"]'),
    ("staleBook", "socketio", '[data-kind="closed"]'),
    ("roughNetwork", "json-rpc", '[data-kind="closed"]'),
    ("nonsense", "json-rpc", ".happening-malformed"),
)
LONG = (
    ("halfOpen", "socketio", '[data-kind="closed"]'),
    ("dummyServer", "json-rpc", '[data-kind="closed"]'),
    ("deadChannel", "json-rpc", '[data-kind="silent"]'),
    ("deadChannel", "socketio", '[data-kind="silent"]'),
    ("driftingBook", "socketio", '[data-kind="drift"]'),
)


@pytest.mark.parametrize("presets", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long")])
async def test_what_befalls_the_connection_is_seen_and_passes(browser, exchange, presets):
    """Several at once, each on a page of its own, which alone it hits: most of the time goes by with waiting."""
    async with contextlib.AsyncExitStack() as stack:
        served = await stack.enter_async_context(playground.run(endpoint_of(exchange), owned=exchange))
        pages = []
        for _, dialect, _ in presets:
            visited = await stack.enter_async_context(opened(browser, served.url, f"#view=faults&dialect={dialect}"))
            await ready(visited.page)
            pages.append(visited.page)
        for page, (preset, _, _) in zip(pages, presets, strict=True):
            await press(page, preset)
        for page, (preset, _, sign) in zip(pages, presets, strict=True):
            # A channel whose pace is not known yet is allowed a minute of silence.
            await expect(page.locator(f".happening{sign}").first, preset).to_be_visible(timeout=3 * MINUTE)
            if preset != "driftingBook":  # the next snapshot heals it
                await expect(page.locator(".happening-gap").first, preset).to_be_visible(timeout=3 * MINUTE)
            await expect_outcome(page, "recovered")
            await expect(page.get_by_text("The sample's reaction")).to_be_visible()


async def test_a_refused_auth_is_seen_where_credentials_are_used(browser):
    async with at_exchange(browser, "#view=faults") as (page, _):
        await ready(page)
        await page.locator('[data-preset="authRefused"]').click()
        await expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
        await expect(page.get_by_text("Visible only with credentials")).to_be_visible()
        await show_view(page, "orders")
        await use_demo(page)
        await show_view(page, "faults")
        await press(page, "authRefused")
        await expect(seen(page, "failed")).to_contain_text("authentication failed")
        await show_view(page, "orders")
        await expect_auth(page, "refused")


async def test_a_fault_is_aimed_at_this_page_unless_everyone_is_meant(browser):
    async with at_exchange(browser, "#view=faults") as (page, exchange):
        await ready(page)
        for count, aim in enumerate(("This page", "Everyone"), 1):
            await page.locator('[data-preset="deadChannel"]').click()
            await page.locator(".fault-head").get_by_text(aim).click()
            await press(page, "deadChannel")
            await expect(page.locator(".active-fault")).to_have_count(count)
        async with httpx.AsyncClient() as client:
            faults = (await client.get(f"{exchange.control}/faults")).json()
            assert [each.get("client") for each in faults] == ["page-1", None]
            await page.get_by_role("button", name="Stop all").click()
            await expect(page.locator(".active-fault")).to_have_count(0)
            assert (await client.get(f"{exchange.control}/faults")).json() == []
        await page.locator('[data-preset="maintenance"]').click()
        await expect(page.locator(".fault-aim")).to_contain_text("markets are the same for all")


async def test_a_fault_by_hand_is_listed_and_stopped(browser):
    async with at_exchange(browser, "#view=faults") as (page, exchange):
        await ready(page)
        await page.locator('[data-preset=""]').click()
        await page.get_by_label("Example").select_option("delay")
        field = page.get_by_role("textbox", name="Custom fault")
        await expect(field).to_have_value(re.compile('"delay"'))
        assert json.loads(await field.input_value())["client"] == "page-1"
        await page.get_by_role("button", name="Inject").click()
        await expect(page.locator(".active-fault")).to_contain_text("delay")
        await page.get_by_role("button", name="Stop delay").click()
        await expect(page.locator(".active-fault")).to_have_count(0)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{exchange.control}/faults")).json() == []

        await field.fill('{"fault": "nap"}')
        await page.get_by_role("button", name="Inject").click()
        await expect(page.get_by_role("alert")).to_contain_text("'nap' is not accepted")
        await field.fill("nap")
        await page.get_by_role("button", name="Inject").click()
        await expect(page.get_by_role("alert").first).to_contain_text("Not a JSON object")


async def test_other_endpoints_cannot_be_made_to_go_wrong(browser):
    async with at_exchange(browser, "#view=faults") as (page, _):
        await ready(page)
        await page.get_by_role("radio", name="Live").check(force=True)
        await expect(page.get_by_text("on the embedded exchange only")).to_be_visible()
        await expect(page.locator(".preset")).to_have_count(0)
