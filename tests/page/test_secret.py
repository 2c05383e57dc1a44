"""Private channels without handing over the secret: signing, its outcome, and forgetting the key."""

from __future__ import annotations

import hashlib
import hmac
import json

import keyring
import pytest
from playwright.async_api import Page, WebSocket, expect

from fulgurite import playground
from fulgurite.client.credentials import save
from fulgurite.exchange.run import run as run_exchange
from tests.keychains import MemoryKeychain
from tests.page.owning import at_exchange, control, expect_auth, type_key, use_demo
from tests.page.visiting import cell, connection_state, endpoint_of, let_in, show_view

DIALECTS = ("json-rpc", "socketio")
CHILD = "child_order_events"


class Traffic:
    """Everything that goes to and from the page."""

    def __init__(self, page: Page) -> None:
        self.text = ""
        page.on("request", lambda request: self._add(f"{request.url} {request.headers} {request.post_data}"))
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        self._add(socket.url)
        socket.on("framesent", lambda data: self._add(str(data)))
        socket.on("framereceived", lambda data: self._add(str(data)))

    def _add(self, text: str) -> None:
        self.text += text


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_demo_account_is_one_click(browser, dialect):
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, _):
        await expect(page.locator(".cell-locked")).to_have_count(2)
        await use_demo(page)
        await expect(cell(page, CHILD)).to_have_attribute("data-state", "acknowledged")
        await expect(cell(page, "parent_order_events")).to_have_attribute("data-state", "acknowledged")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_typed_secret_signs_and_is_found_nowhere(browser, dialect, caplog):
    caplog.set_level("DEBUG")
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, exchange):
        await page.context.add_init_script(
            """const importKey = crypto.subtle.importKey.bind(crypto.subtle);
            crypto.subtle.importKey = (format, bytes, kind, extractable, uses) => {
                window.imported = { bytes, extractable, uses };
                return importKey(format, bytes, kind, extractable, uses);
            };"""
        )
        traffic = Traffic(page)
        await page.reload()
        account = exchange.more_accounts[0]
        await type_key(page, account.api_key, account.api_secret)
        await expect_auth(page, "authenticated")
        imported = await page.evaluate("[imported.extractable, imported.uses, Math.max(...imported.bytes)]")
        assert imported == [False, ["sign"], 0], "it cannot be read again, and its bytes are overwritten"
        # It signs again for the next connection, and for the HTTP requests of the repairs.
        await control(exchange, "faults", {"fault": "close", "code": 1012})
        await expect(page.locator("[data-auth]")).not_to_have_attribute("data-auth", "authenticated")
        await expect_auth(page, "authenticated")
        await expect(cell(page, CHILD)).to_have_attribute("data-state", "acknowledged")
        await show_view(page, "frames")
        await show_view(page, "orders")
        kept = await page.evaluate(
            """async () => JSON.stringify({
                ...localStorage, session: { ...sessionStorage }, databases: await indexedDB.databases(),
                cookie: document.cookie, address: location.href, history: history.state,
                page: document.documentElement.outerHTML,
                fields: [...document.querySelectorAll("input, textarea")].map(({ value }) => value),
            })"""
        )
        assert account.api_key in traffic.text, "or the search could not find anything"
        assert '"signature"' in traffic.text
        for text in (traffic.text, kept, caplog.text, json.dumps(await page.context.storage_state())):
            assert account.api_secret not in text
            assert account.api_secret[:12] not in text


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_wrong_secret_is_refused_in_the_servers_words_and_can_be_forgotten(browser, dialect):
    async with at_exchange(browser, f"#view=orders&dialect={dialect}") as (page, exchange):
        await type_key(page, exchange.api_key, "not-the-secret")
        await expect_auth(page, "refused")
        await expect(page.locator(".credentials .refusal")).to_contain_text("authentication failed")
        await expect(connection_state(page)).to_have_text("Failed")
        await page.get_by_role("button", name="Remove").click()
        await expect(connection_state(page)).to_have_text("Open")
        await expect(page.locator(".choice")).to_be_visible()
        await expect(page.locator(".cell-locked")).to_have_count(2)
        await expect(cell(page, "lightning_board_FX_BTC_JPY")).to_have_attribute("data-state", "receiving")


async def test_an_empty_field_is_told_of_and_keeps_what_was_typed(browser):
    async with at_exchange(browser) as (page, _):
        await type_key(page, "", "something")
        await expect(page.get_by_role("alert")).to_contain_text("A key has 1 to 256")
        await page.get_by_role("textbox", name="API key").fill("key")
        await page.get_by_label("API secret").fill("with a space")
        await page.get_by_role("button", name="Use", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("A secret has 1 to 256")
        secret = page.get_by_label("API secret")
        await expect(secret).to_have_attribute("type", "password")
        await expect(secret).to_have_attribute("autocomplete", "off")
        # As a property, "false" would mean true, and some browsers check the spelling elsewhere.
        assert await page.evaluate("[...document.querySelectorAll('.way input')].map((each) => each.spellcheck)") == [
            False,
            False,
        ]


async def test_a_reload_forgets(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        await page.reload()
        await expect(page.locator(".choice")).to_be_visible()
        await expect(connection_state(page)).to_have_text("Open")
        await expect(page.locator(".cell-locked")).to_have_count(2)


async def test_another_endpoint_gets_no_signature(browser):
    async with at_exchange(browser) as (page, _):
        await use_demo(page)
        await page.get_by_role("radio", name="Live").check(force=True)
        await expect(page.locator(".choice")).to_be_visible()
        await expect(page.get_by_role("button", name="Use the demo account")).to_have_count(0)
        await expect(page.get_by_text("This view is read-only here")).to_be_visible()
        await expect(page.locator(".ticket")).to_have_count(0)


async def test_a_typed_key_signs_for_the_endpoint_that_it_was_typed_for_alone(blank):
    """Even if the backend asks: an HTTP API beside the endpoint counts as another."""
    text = "17953930186332b3dfe993b5a66755d2bd400e263ae40"
    script = """async ([text, places]) => {
        const secret = await import("/static/js/credentials.js");
        const state = await import("/static/js/state.js");
        state.endpointChoice.value = "url";
        state.endpointUrl.value = "ws://127.0.0.1:9/json-rpc";
        state.httpUrl.value = "http://127.0.0.1:9/v1";
        await secret.useSecret("key", new TextEncoder().encode("secret"));
        const signed = await Promise.all(places.map(([endpoint, http]) => secret.signature({text, endpoint, http})));
        state.httpUrl.value = "http://127.0.0.1:8/v1";
        return [...signed, await secret.signature({text, endpoint: places[0][0], http: places[0][1]})];
    }"""
    places = [
        ["ws://127.0.0.1:9/json-rpc", "http://127.0.0.1:9/v1"],
        ["ws://127.0.0.1:9/json-rpc", ""],
        ["ws://127.0.0.1:9/json-rpc", "http://127.0.0.1:8/v1"],
        ["ws://127.0.0.1:8/json-rpc", "http://127.0.0.1:9/v1"],
        ["live", ""],
        ["embedded", ""],
    ]
    right, *wrong = await blank.evaluate(script, [text, places])
    assert right == hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
    assert wrong == [""] * 6, "and the key is forgotten once its endpoint is another"


async def test_a_typed_key_ends_with_the_program_behind_the_page(browser):
    """Another user's program may take its port, and ask this page for signatures."""
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    async with run_exchange() as exchange, playground.run(endpoint_of(exchange), owned=exchange) as served:
        await page.goto(f"{served.url}#view=orders")
        await type_key(page, exchange.api_key, exchange.api_secret)
        await expect_auth(page, "authenticated")
    await expect(page.locator(".choice")).to_be_visible()
    text = "17953930186332b3dfe993b5a66755d2bd400e263ae40"
    assert await page.evaluate("async (text) => (await import('/static/js/signing.js')).sign(text)", text) == ""
    await context.close()


async def test_a_stored_key_is_picked_by_name_and_only_listens(browser):
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeychain())
    try:
        async with at_exchange(browser) as (page, exchange):
            account = exchange.more_accounts[0]
            traffic = Traffic(page)
            await page.reload()
            await page.get_by_role("button", name="Show names").click()
            await expect(page.get_by_text("The keychain has no keys.")).to_be_visible()
            save("main", account.api_key, account.api_secret, "embedded")
            save("real", account.api_key, account.api_secret)
            await page.reload()
            await page.get_by_role("button", name="Show names").click()
            # One that is kept for the live service signs nothing here.
            await page.get_by_role("button", name="real live").click()
            await expect_auth(page, "unsigned")
            refusal = page.locator(".credentials .refusal")
            await expect(refusal).to_contain_text(
                "the key 'real' is kept for live and signs nothing for ws://127.0.0.1"
            )
            await page.get_by_role("button", name="Remove").click()
            await page.get_by_role("button", name="main embedded").click()
            await expect_auth(page, "authenticated")
            await expect(page.get_by_text("With a stored key this view is read-only")).to_be_visible()
            await expect(page.locator(".ticket")).to_have_count(0)
            assert account.api_secret not in traffic.text
    finally:
        keyring.set_keyring(before)


async def test_what_is_wrong_with_the_keychain_is_said(browser):
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    try:
        async with at_exchange(browser) as (page, _):
            await page.get_by_role("button", name="Show names").click()
            await expect(page.get_by_role("alert")).to_contain_text("no keychain was found on this machine")
    finally:
        keyring.set_keyring(before)


async def test_where_the_browser_lets_no_page_sign_it_says_so(browser):
    async with at_exchange(browser) as (page, _):
        await page.context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
        await page.reload()
        await expect(page.get_by_text("neither https nor this machine itself")).to_be_visible()
        await expect(page.get_by_role("button", name="Use the demo account")).to_be_disabled()
        await expect(page.get_by_label("API secret")).to_have_count(0)


async def test_a_backend_that_starts_again_gives_its_new_demo_account(browser):
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    async with run_exchange() as exchange, playground.run(endpoint_of(exchange), owned=exchange) as served:
        await page.goto(f"{served.plain_url}#view=orders")
        await use_demo(page)
        await expect(page.locator(".credentials-name")).to_have_text(exchange.api_key)
    async with (
        run_exchange() as exchange,
        playground.run(endpoint_of(exchange), port=served.port, owned=exchange) as again,
    ):
        await let_in(page, again.plain_url)
        await expect(page.locator(".credentials-name")).to_have_text(exchange.api_key)
        await expect_auth(page, "authenticated")
        await context.close()


async def test_without_an_exchange_of_its_own_the_page_offers_no_demo_account(browser):
    async with playground.run(None) as served:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{served.url}#view=orders")
        await expect(page.locator(".choice")).to_be_visible()
        await expect(page.get_by_role("button", name="Use the demo account")).to_have_count(0)
        await context.close()
