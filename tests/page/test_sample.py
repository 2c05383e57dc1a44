"""The sample beside the views: the program for exactly the state on screen."""

from __future__ import annotations

import json
import re
import zipfile
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from fulgurite import playground
from tests.page.visiting import endpoint_of, opened

FX = "FX_BTC_JPY"


def code(page: Page):
    return page.locator(".sample-panel pre.code")


async def test_it_is_the_program_for_what_is_on_screen(visit, exchange):
    await expect(code(visit)).to_contain_text(exchange.realtime)
    await expect(code(visit)).to_contain_text(f'"lightning_ticker_{FX}"')
    await expect(code(visit)).not_to_contain_text("lightning_ticker_ETH_JPY")
    await visit.locator('[data-channel="lightning_ticker_ETH_JPY"]').click()
    await expect(code(visit)).to_contain_text('"lightning_ticker_ETH_JPY"')
    await visit.locator("#tab-socketio").click()
    await expect(code(visit)).to_contain_text(f"http://{urlsplit(exchange.socketio).netloc}")
    await visit.get_by_text("Live", exact=True).click()
    await expect(code(visit)).to_contain_text("https://io.lightstream.bitflyer.com")


async def test_without_an_endpoint_or_a_channel_there_is_no_program(visit):
    """A program for another state than the one on screen must not stand in its place."""
    said = visit.locator("[data-test=no-sample]")
    await expect(code(visit)).to_be_visible()
    await visit.get_by_role("button", name="Unsubscribe from all", exact=True).click()
    await expect(said).to_contain_text("Subscribe to a channel")
    await expect(code(visit)).to_have_count(0)
    await expect(visit.locator(".sample-zip")).to_have_count(0)
    await visit.locator(f'[data-channel="lightning_ticker_{FX}"]').click()
    await expect(code(visit)).to_contain_text(f'"lightning_ticker_{FX}"')
    await visit.locator("label:has(> input[name=endpoint][value=url])").click()
    for text in ("", "ws:", "wss://ws.lightstream.bitflyer.com:0"):
        await visit.get_by_label("Endpoint URL").fill(text)
        await expect(said).to_contain_text("Enter a complete URL above")
        await expect(code(visit)).to_have_count(0)
    await visit.get_by_label("Endpoint URL").fill("ws://127.0.0.1:9/json-rpc")
    await expect(code(visit)).to_contain_text('"ws://127.0.0.1:9/json-rpc"')


async def test_the_program_before_is_not_offered_for_what_is_on_screen_now(visit):
    await expect(code(visit)).to_contain_text(f'"lightning_ticker_{FX}"')
    await visit.route("**/sample?*", lambda route: None)  # it is never answered
    await visit.locator('[data-channel="lightning_ticker_ETH_JPY"]').click()
    await expect(visit.locator(".sample-code")).to_have_attribute("aria-busy", "true")
    assert await visit.locator(".sample-code").evaluate("code => code.inert")
    await visit.unroute_all(behavior="ignoreErrors")


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_every_language_is_there_and_in_colours(visit, dialect):
    await visit.locator(f"#tab-{dialect}").click()
    chooser = visit.locator("[data-test=language]")
    await expect(chooser.locator("option[value=python]")).to_be_attached()
    languages = await chooser.locator("option").evaluate_all("options => options.map(({value}) => value)")
    for language in languages:
        await chooser.select_option(language)
        await expect(code(visit)).to_contain_text(f"lightning_ticker_{FX}")
        await expect(code(visit).locator(".hljs-string, .hljs-attr").first).to_be_visible()
        await expect(visit.locator(".sample-panel pre.steps")).not_to_be_empty()
    assert {"python", "python-fulgurite", "node", "typescript", "browser", "go", "rust", "java"} <= set(languages)


async def test_an_order_channel_makes_it_ask_for_a_key(visit):
    await expect(code(visit)).to_contain_text(re.compile(r"AUTH\w* = False"))
    await visit.locator("[data-view=orders]").click()
    await visit.get_by_role("button", name="Use the demo account").click()  # it subscribes both
    await expect(code(visit)).to_contain_text(re.compile(r"AUTH\w* = True"))
    await expect(code(visit)).to_contain_text('"child_order_events"')


async def test_it_is_copied_and_downloaded_as_it_is_shown(visit):
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.locator("[data-test=language]").select_option("go")
    await expect(visit.locator(".sample-name")).to_have_text("main.go")
    await visit.locator(".sample-panel").get_by_role("button", name="Copy").first.click()
    await expect(visit.locator(".sample-panel").get_by_role("button", name="Copied")).to_be_visible()
    copied = await visit.evaluate("navigator.clipboard.readText()")
    assert copied == await code(visit).text_content()
    async with visit.expect_download() as downloading:
        await visit.locator(".sample-zip").click()
    path = await (await downloading.value).path()
    with zipfile.ZipFile(path) as archive:
        assert archive.read("go-json-rpc/main.go").decode() == copied
        assert "go-json-rpc/go.mod" in archive.namelist()


async def test_the_language_is_kept_and_stands_in_the_address(visit, browser, exchange):
    await visit.locator("[data-test=language]").select_option("rust")
    await visit.wait_for_url("**/#*sample=rust*")
    await visit.reload()
    await expect(visit.locator(".sample-name")).to_have_text("src/main.rs")
    async with playground.run(endpoint_of(exchange)) as served, opened(browser, served.url, "#sample=ruby") as visited:
        await expect(visited.page.locator(".sample-name")).to_have_text("main.rb")


async def test_the_notes_stand_behind_it_and_it_can_be_made_wide(visit):
    panel = visit.locator(".sample-panel")
    await expect(code(visit)).to_be_visible()
    before = (await panel.bounding_box())["width"]
    await panel.get_by_role("button", name="Widen the sample").click()
    await expect(panel.get_by_role("button", name="Narrow the sample")).to_be_visible()
    # On the smallest screen the view keeps its width; see test_screens.
    assert (await panel.bounding_box())["width"] > 1.3 * before
    await panel.get_by_role("tab", name="Good to know").click()
    await expect(panel.get_by_text("Missed messages are gone")).to_be_visible()


async def test_the_notes_lead_to_the_descriptions_of_both_apis(visit):
    await visit.get_by_role("tab", name="Good to know").click()
    for name, version, live in (
        ("AsyncAPI 3", "asyncapi", "ws.lightstream.bitflyer.com"),
        ("OpenAPI 3.1", "openapi", "https://api.bitflyer.com/v1"),
    ):
        async with visit.expect_popup() as opening:
            await visit.get_by_role("link", name=name).click()
        described = json.loads(await (await opening.value).locator("pre").text_content())
        assert f"{version} {described[version]}".lower().startswith(name.lower())
        assert live in json.dumps(described["servers"])
        assert "127.0.0.1" in json.dumps(described["servers"])
