"""Nothing stands under the name of one endpoint that comes from another, even if it comes late."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, ViewportSize, expect
from websockets.asyncio.server import ServerConnection, serve

from fulgurite.playground.app import STATIC
from tests.page.visiting import FX, connection_state, expect_in_log, show_view

ROOMY: ViewportSize = {"width": 1800, "height": 1000}
"""There is room for two charts."""

LIVE = "input[name=endpoint][value=live]"


async def flows(page: Page) -> None:
    """Wait until the market view has something to show everywhere."""
    await expect(page.locator("[data-book-state=LIVE]")).to_be_visible()
    await expect(page.locator("[data-test=ticker]")).to_be_visible()
    await expect(page.locator(".executions tbody tr").first).to_be_visible()
    await expect(page.locator("[data-test=candles]")).not_to_have_attribute("data-candles", "0")


async def choose_live(page: Page) -> None:
    """Choose the live service, which is not connected to by that."""
    await page.locator(f"label:has(> {LIVE})").click()
    await expect(page.locator(LIVE)).to_be_checked()


async def expect_empty(page: Page) -> None:
    """Nothing of any endpoint is shown."""
    await show_view(page, "market")
    await expect(page.locator("[data-test=ticker]")).to_have_count(0)
    await expect(page.locator(".executions tbody tr")).to_have_count(0)
    await expect(page.locator(".ladder .level")).to_have_count(0)
    await expect(page.locator("[data-test=candles]")).to_have_attribute("data-candles", "0")
    await expect(page.locator("[data-test=heatmap]")).to_have_attribute("data-columns", "0")
    await expect(page.locator(".rates")).to_have_text("0.0 frames/s0 B/s")
    await expect(page.locator(".strip [data-span]")).to_have_count(0)
    await expect(page.locator(".strip-marks li")).to_have_count(0)
    await expect_in_log(page, "rows.length === 0")
    await show_view(page, "connection")
    await expect(page.locator("[data-latency]")).to_have_count(0)
    await expect(page.locator(".rate-charts li")).to_have_count(0)


async def test_another_endpoint_empties_every_view(visit: Page) -> None:
    await visit.set_viewport_size(ROOMY)
    await flows(visit)
    await expect(visit.locator("[data-test=heatmap]")).not_to_have_attribute("data-columns", "0")
    await choose_live(visit)
    await expect_empty(visit)
    await expect(connection_state(visit)).to_have_text("Not connected")


@asynccontextmanager
async def silent_service() -> AsyncIterator[str]:
    """A service that acknowledges every subscription and then sends nothing; its address."""

    async def answer(connection: ServerConnection) -> None:
        async for text in connection:
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": json.loads(text)["id"], "result": True}))

    async with serve(answer, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/json-rpc"


async def test_a_service_that_sends_nothing_shows_nothing(visit: Page) -> None:
    await flows(visit)
    async with silent_service() as url:
        await visit.locator("label:has(> input[name=endpoint][value=url])").click()
        await visit.get_by_label("Endpoint URL").fill(url)
        await visit.keyboard.press("Enter")
        await expect(connection_state(visit)).to_have_text("Open")
        await expect(visit.locator(f'[data-channel="lightning_ticker_{FX}"]')).to_have_attribute(
            "data-state", "acknowledged"
        )
        await expect(visit.locator("[data-test=ticker]")).to_have_count(0)
        await expect(visit.locator(".executions tbody tr")).to_have_count(0)
        await expect(visit.locator(".ladder .level")).to_have_count(0)
        await expect(visit.locator("[data-test=candles]")).to_have_attribute("data-candles", "0")
        await visit.get_by_role("button", name="Disconnect").click()
        await expect(connection_state(visit)).to_have_text("Not connected")


async def test_what_the_former_endpoint_said_late_is_not_taken(visit: Page) -> None:
    """The page may have chosen while messages were on their way: they are left out until its choice has been heard."""
    await flows(visit)
    taken = await visit.evaluate(
        """async () => {
            const names = ['state', 'receive', 'source', 'account'];
            const modules = await Promise.all(names.map((name) => import(`/static/js/${name}.js`)));
            const [state, { receive }, source, account] = modules;
            const ticker = { ...state.ticker.value, type: 'ticker', ltp: 1 };
            state.endpointChoice.value = 'live';
            const number = source.sourceNumber();
            receive([ticker, { type: 'status', kind: 'open', at_ms: 1, channel: '', detail: '', connection: 0 }]);
            const late = [state.ticker.value, state.frameLog.count, source.isSourceReached()];
            receive([{ type: 'source', number: number - 1 }, ticker]);
            late.push(state.ticker.value);
            receive([{ type: 'source', number }, ticker]);
            return [...late, state.ticker.value.ltp];
        }"""
    )
    assert taken == [None, 0, False, None, 1]


async def test_back_at_the_embedded_exchange_it_begins_anew(visit: Page) -> None:
    await visit.set_viewport_size(ROOMY)
    await flows(visit)
    await choose_live(visit)
    await expect_empty(visit)
    await show_view(visit, "market")
    await visit.locator("label:has(> input[name=endpoint][value=embedded])").click()
    await flows(visit)


async def test_what_happened_is_kept_over_a_reload_for_the_same_endpoint_only(visit: Page) -> None:
    await flows(visit)
    kept = "sessionStorage.setItem('fulgurite.happened', JSON.stringify({ endpoint: %s, %s }))"
    for endpoint, count in (("'live'", 0), ("null", 1)):
        await visit.add_init_script(kept % (endpoint, "at_ms: Date.now(), events: [], lanes: []"))
        await visit.reload()
        await flows(visit)
        await expect(visit.locator(".strip-marks [data-kind=page]")).to_have_count(count)


def test_every_value_of_the_page_is_either_the_sources_or_its_own() -> None:
    """Each signal is made by `told` or `kept`, or it is the user's or the page's and stands here."""
    own = {
        "account": {"credentials", "stored"},
        "byhand": {"isOpen"},
        "faultruns": {"aim"},
        "fields": {"remark"},
        "framefilter": {"way", "channel", "text", "path", "pathFault", "comparisons", "unknownPath"},
        "happened": {"notice", "rateVersion"},
        "i18n": {"chosenLanguage"},
        "marketdata": {"upperChart", "lowerChart", "interval", "parts", "candleVersion", "heatVersion"},
        "samples": {"chosen", "listed", "answered"},
        "settings": {"theme", "rising"},
        "state": {
            *(
                "link",
                "isFull",
                "givenUp",
                "hello",
                "problem",
                "endpointChoice",
                "endpointUrl",
                "httpUrl",
                "dialect",
                "wanted",
                "product",
            ),
            *("addedProducts", "view", "leftFolded", "rightFolded", "rightShows", "rightWide", "part", "dialog"),
            *("hasCredentials", "frameVersion", "following", "now"),
        },
        "recording": {"recording", "recorded"},
        "replay": {"replay", "replayState", "opening"},
    }
    found: dict[str, set[str]] = {}
    for path in sorted(STATIC.glob("js/*.js")):
        names = re.findall(r"^export const (\w+) = signal\(", path.read_text("utf-8"), re.MULTILINE)
        if names:
            found[path.stem] = set(names)
    assert {module: names - own.get(module, set()) for module, names in found.items()} == {
        module: set() for module in found
    }
