"""Orders on the page: placed, cancelled, executed, interrupted; and the lives that are drawn of them."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from playwright.async_api import expect

from tests.page.owning import at_exchange, control, heal, life, trade, use_demo
from tests.page.visiting import FX, connection_state, show_view

MONA = "MONA_JPY"  # where hardly anybody trades
# Reconnecting waits, and a gap is told some seconds after that.
MINUTE = 60_000


async def ticker(exchange, product):
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{exchange.http}/ticker?product_code={product}")).json()


def moments(row, kind):
    return row.locator(f'.moment[data-moment="{kind}"]')


# All at once: between Playwright's selecting and typing the first ticker's price can come into an empty field.
TYPE = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }"


async def fill(page, field, value):
    await page.locator(f'.ticket [data-field="{field}"]').first.evaluate(TYPE, value)


async def send(page):
    """Send the order once no field is empty: a price that nobody has typed waits for the first ticker."""
    fields = page.locator(".ticket [data-field]")
    async with asyncio.timeout(15):
        # Looked at all at once, since a choice just made may replace them.
        # No event tells of it, so it is polled.
        while "" in await fields.evaluate_all("(fields) => fields.map((field) => field.value)"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await page.locator(".ticket-send").click()


async def clear_all(page):
    """Clear the orders once all have ended: the parts of a special order do so after it."""
    await expect(life(page).filter(has=page.get_by_role("button", name="Cancel"))).to_have_count(0)
    await page.get_by_role("button", name="Clear ended").click()
    await expect(life(page)).to_have_count(0)


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_an_order_is_placed_rests_and_is_cancelled(browser, dialect):
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, _):
        await use_demo(page)
        await fill(page, "price", "1000000")
        await send(page)
        row = life(page)
        await expect(row).to_have_attribute("data-state", "active")
        await expect(moments(row, "ACCEPTED")).to_have_count(1)
        await expect(moments(row, "ORDER")).to_have_count(1)
        await expect(row).to_contain_text("Buy LIMIT")
        await expect(row).to_contain_text("0.0100 @ 1,000,000")
        await row.get_by_role("button", name="Cancel").click()
        await expect(moments(row, "CANCEL")).to_have_count(1)
        await expect(row).to_have_attribute("data-state", "canceled")
        await expect(row.get_by_role("img")).to_have_accessible_name(re.compile("ACCEPTED.*; .*ORDER.*; .*CANCEL"))
        await page.get_by_role("button", name="Clear ended").click()
        await expect(row).to_have_count(0)


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_market_order_is_executed_and_moves_the_account(browser, dialect):
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, _):
        await use_demo(page)
        await expect(page.locator(".funds")).to_contain_text("JPY10,000,000")
        await page.locator(".ticket-row select").first.select_option("MARKET")
        await expect(page.locator('.ticket [data-field="price"]')).to_have_count(0)
        await send(page)
        await expect(life(page, "MARKET")).to_have_attribute("data-state", "completed")
        await expect(moments(life(page, "MARKET"), "EXECUTION").first).to_be_visible()
        await expect(page.locator(".funds")).to_contain_text("FX position+0.01")


async def test_what_the_exchange_does_not_accept_is_said_at_its_field(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        await expect(page.locator('.ticket [data-field="price"]')).not_to_have_value("")
        for value, said in (
            ("", "a number above 0"),
            ("none", "a number above 0"),
            ("0.0001", "The minimum order size is 0.001 BTC"),
            ("100001", "must be a number from 0.001 to 100000"),
        ):
            await fill(page, "size", value)
            await page.locator(".ticket-send").click()
            await expect(page.locator(".ticket .field-problem")).to_contain_text(said)
            size = page.locator('.ticket [data-field="size"]')
            await expect(size).to_have_attribute("aria-invalid", "true")
        await fill(page, "size", "5000")
        await send(page)
        await expect(page.locator(".ticket .refusal")).to_contain_text("Margin amount is insufficient")
        await fill(page, "size", "0.01")
        await page.get_by_role("textbox", name="Minutes").fill("43201")
        await send(page)
        await expect(page.locator(".ticket .field-problem")).to_contain_text("1 to 43200")
        await expect(life(page)).to_have_count(0)


async def test_what_is_sent_is_what_was_typed_last_and_is_sent_once(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        price = page.locator('.ticket [data-field="price"]')
        await expect(price).not_to_have_value("")
        # All before the page is drawn again.
        await page.locator(".ticket").evaluate(
            """form => {
                for (const [field, value] of [["size", "0.02"], ["price", "1000000"]]) {
                    const input = form.querySelector(`[data-field=${field}]`);
                    input.value = value;
                    input.dispatchEvent(new Event("input", { bubbles: true }));
                }
                form.requestSubmit();
                form.requestSubmit();
            }"""
        )
        await expect(life(page)).to_have_attribute("data-state", "active")
        await expect(life(page)).to_contain_text("0.0200 @ 1,000,000")
        await expect(page.locator(".ticket-send")).to_be_enabled()
        await expect(life(page)).to_have_count(1)


async def test_a_price_left_alone_is_near_the_market_and_an_emptied_one_is_asked_for(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        price = page.locator('.ticket [data-field="price"]')
        await expect(price).not_to_have_value("")
        await price.press("ControlOrMeta+a")
        await price.press("Backspace")
        await price.press_sequentially("1000000")
        await expect(price).to_have_value("1000000")
        await price.press("ControlOrMeta+a")
        await price.press("Backspace")
        # Nobody has seen a price that would be filled in now.
        await page.locator(".ticket-send").click()
        await expect(page.locator(".ticket .field-problem")).to_contain_text("a number above 0")
        await expect(price).to_have_value("")
        await expect(life(page)).to_have_count(0)
        # A price of another product means nothing for this one.
        await fill(page, "price", "1000000")
        await show_view(page, "market")
        await page.get_by_role("combobox", name="Product").select_option(MONA)
        await show_view(page, "orders")
        await expect(page.locator(".ticket-product")).to_have_text(MONA)
        await expect(price).not_to_have_value("1000000")


async def test_the_request_is_shown_as_it_is_sent(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        await fill(page, "size", "0.02")
        await fill(page, "price", "1000000")
        await page.get_by_label("Time in force").select_option("IOC")
        await page.locator(".request summary").click()
        body = json.loads(await page.locator(".request pre").inner_text())
        assert body == {
            "product_code": FX,
            "child_order_type": "LIMIT",
            "side": "BUY",
            "size": 0.02,
            "price": 1000000,
            "minute_to_expire": 43200,
            "time_in_force": "IOC",
        }
        await send(page)
        await expect(life(page)).to_have_attribute("data-state", "expired")


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_each_special_order_lives_and_is_cancelled(browser, dialect):
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, _):
        await use_demo(page)
        cases: tuple[tuple[str, str, str, dict[str, str]], ...] = (
            ("SIMPLE", "STOP", "STOP", {"trigger_price": "90000000"}),
            ("SIMPLE", "STOP_LIMIT", "STOP_LIMIT", {"price": "1000000", "trigger_price": "90000000"}),
            ("SIMPLE", "TRAIL", "TRAIL", {"offset": "1000000"}),
            ("IFD", "LIMIT", "IFD", {"price": "1000000"}),
            ("OCO", "LIMIT", "OCO", {"price": "1000000"}),
        )
        for method, condition, kind, values in cases:
            await page.get_by_role("radio", name=method, exact=True).check(force=True)
            await page.locator(".ticket-row select").first.select_option(condition)
            row = page.locator(".ticket-row").first
            for field, value in values.items():
                await row.locator(f'[data-field="{field}"]').evaluate(TYPE, value)
            await expect(row.locator("[data-field]")).to_have_count(1 + len(values))  # one is the size
            await send(page)
            row = life(page).first
            await expect(row).to_have_attribute("data-state", "active")
            await expect(row).to_contain_text(kind)
            await expect(moments(row, "ORDER")).to_have_count(1)
            await row.get_by_role("button", name="Cancel").click()
            await expect(row).to_have_attribute("data-state", "canceled")
            await clear_all(page)


async def test_the_parts_of_a_special_order_stand_under_it(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        await page.get_by_role("radio", name="IFDOCO").check(force=True)
        await page.locator(".ticket-row select").first.select_option("MARKET")
        await send(page)
        top = life(page, "IFDOCO")
        await expect(moments(top, "TRIGGER").first).to_be_visible()
        await expect(moments(top, "COMPLETE").first).to_be_visible()
        parts = page.locator(".life-part")
        await expect(parts.first).to_have_attribute("data-state", "completed")
        await expect(parts.nth(1)).to_contain_text("Sell LIMIT")
        # Its first part has ended, but it goes as a whole.
        await expect(page.get_by_role("button", name="Clear ended")).to_be_disabled()
        await top.get_by_role("button", name="Cancel").click()
        await clear_all(page)


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_gap_is_on_the_line_and_what_was_missed_is_marked(browser, dialect):
    # Wide enough for all that happens to the order.
    path, wide = f"#view=orders&product={MONA}&dialect={dialect}&folded=left,right", {"width": 2400, "height": 900}
    async with at_exchange(browser, path, viewport=wide) as (page, exchange):
        await use_demo(page)
        # Within the spread, so that the other account sells to this order; and too large for others to take it all.
        seen = await ticker(exchange, MONA)
        price = round((seen["best_bid"] + seen["best_ask"]) / 2, 3)
        await fill(page, "size", "20000")
        await fill(page, "price", str(price))
        await send(page)
        row = life(page)
        await expect(moments(row, "ORDER")).to_have_count(1)
        # Orders from before the first interruption may not be known yet; those from before the second are.
        await control(exchange, "faults", {"fault": "reset"})
        await expect(moments(row, "GAP")).to_have_attribute(
            "data-repaired", re.compile("full|partial|none"), timeout=MINUTE
        )
        await expect(connection_state(page)).to_have_text("Open")
        await control(exchange, "faults", {"fault": "refuse"})
        await control(exchange, "faults", {"fault": "reset"})
        await expect(connection_state(page)).not_to_have_text("Open")
        order = {"product_code": MONA, "child_order_type": "LIMIT", "side": "SELL", "size": 40, "price": price}
        await trade(exchange, "sendchildorder", order)
        await heal(exchange)
        await expect(moments(row, "GAP").nth(1)).to_have_attribute("data-repaired", "full", timeout=MINUTE)
        await expect(row.locator(".is-reconciled").first).to_be_visible(timeout=MINUTE)
        await expect(row.get_by_role("img")).to_have_accessible_name(re.compile("found later over HTTP"))


async def test_an_order_that_ended_unseen_is_said_to(browser):
    async with at_exchange(browser) as (page, exchange):
        await use_demo(page)
        await fill(page, "price", "1000000")
        await send(page)
        row = life(page)
        await expect(row).to_have_attribute("data-state", "active")
        await control(exchange, "faults", {"fault": "refuse"})
        await control(exchange, "faults", {"fault": "reset"})
        await expect(connection_state(page)).not_to_have_text("Open")
        await trade(exchange, "cancelallchildorders", {"product_code": FX}, account=1)
        await heal(exchange)
        await expect(row).to_have_attribute("data-state", "unknown", timeout=MINUTE)
        await expect(row).to_contain_text("ended, unknown")


async def test_orders_that_were_open_before_are_found(browser):
    async with at_exchange(browser) as (page, exchange):
        order = {"product_code": "ETH_JPY", "child_order_type": "LIMIT", "side": "BUY", "size": 0.1, "price": 1000}
        await trade(exchange, "sendchildorder", order, account=1)
        await use_demo(page)
        row = life(page, "ETH_JPY")
        await expect(moments(row, "LISTED")).to_have_count(1)
        await row.get_by_role("button", name="Cancel").click()
        await expect(row).to_have_attribute("data-state", "canceled")


async def test_orders_of_elsewhere_show_as_their_events_come(browser):
    async with at_exchange(browser) as (page, exchange):
        await use_demo(page)
        order = {"product_code": "ETH_JPY", "child_order_type": "MARKET", "side": "SELL", "size": 0.1}
        await trade(exchange, "sendchildorder", order, account=1)
        await expect(life(page, "ETH_JPY")).to_have_attribute("data-state", "completed")
        await expect(moments(life(page, "ETH_JPY"), "ACCEPTED")).to_have_count(0)
