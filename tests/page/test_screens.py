"""Every view in both themes and languages, on a desktop and a phone: nothing is cut, and a picture is kept of each.

In four of the eight combinations, which have each of these twice, axe examines the screen: no violation of WCAG 2.0
to 2.2, levels A and AA, contrast included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from fulgurite import playground
from tests.page.visiting import DESKTOP, PHONE, VIEWS, choose, connection_state, endpoint_of, opened, shoot, show_view

FITTING = (Path(__file__).parent / "fitting.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = [("light", "desktop"), ("light", "phone"), ("dark", "phone"), ("dark", "desktop")]
EXAMINED = {("en", "light", "desktop"), ("ja", "dark", "desktop"), ("ja", "light", "phone"), ("en", "dark", "phone")}
SCROLLING = """(({scrollWidth, scrollHeight}) =>
    scrollWidth > innerWidth || scrollHeight > innerHeight ? [`the page has ${scrollWidth} x ${scrollHeight}`] : []
)(document.documentElement)"""

SPACE = """spacing => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { letter-spacing: ${spacing} !important }`);
    document.adoptedStyleSheets = [sheet];
}"""


TO_KNOW = {
    "en": (
        *("no part in this page", "own risk", "two-factor", "extension", "trojan", "shoulder", "encrypted", "nobody"),
        *("Delete the key", "Never withdrawals", "everything is real"),
    ),
    "ja": (
        *("無関係", "自己責任", "二段階認証", "拡張機能", "トロイの木馬", "のぞき見", "暗号化", "渡さないで"),
        *("キーは bitFlyer で削除", "出金の権限", "すべて本物"),
    ),
}
BITFLYER = [
    "https://lightning.bitflyer.com/docs",
    "https://bf-lightning-api.readme.io/docs/realtime-api",
    "https://lightning.bitflyer.com/docs/playground",
]


async def misfits(page: Page) -> list[str]:
    """Elements that make the screen, or an open dialog, scroll, and text that is cut off or hidden by other text."""
    dialog = page.locator("dialog")
    if await dialog.count():  # it lies upon other text
        return await dialog.evaluate("each => (each.scrollWidth > each.clientWidth ? ['scrolls sideways'] : [])")
    return [*await page.evaluate(SCROLLING), *await page.evaluate(FITTING)]


async def violations(page: Page) -> list[str]:
    """The findings of axe: rule, place and reason; of a rule, the first three places."""
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", TAGS)
    return [
        f"{violation['id']}: {node['target']}: {' '.join(node['failureSummary'].split()[6:])}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


async def populate(page: Page) -> None:
    """Wait until there is something to see in the views."""
    await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect(page.locator(".executions tbody tr").nth(4)).to_be_visible()


@pytest.fixture(scope="session")
def axe(node: Path) -> str:
    """The script of axe-core, which examines a page for accessibility."""
    return (node / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_view_fits(browser, exchange, axe, language):
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, locale=language) as (page, *_),
    ):
        await populate(page)
        # Evaluated rather than added as a script, which the page's policy forbids.
        await page.evaluate(axe)
        found: dict[str, list[str]] = {}

        async def look(name: str, scheme: str, size: str) -> None:
            what = f"{name}-{language}-{scheme}-{size}"
            found[what] = await misfits(page)
            if (language, scheme, size) in EXAMINED:
                found[what] += await violations(page)
            await shoot(page, what)

        async def become(scheme: Any, size: str) -> None:
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size(DESKTOP if size == "desktop" else PHONE)
            await expect(page.locator("html")).to_have_attribute("data-theme", scheme)
            await expect(page.locator("[data-part=left]")).to_have_count(1 if size == "phone" else 0)

        for scheme, size in LOOKS:
            await become(scheme, size)
            await look("first-visit", scheme, size)
        await page.locator(".first-visit button").click()
        await expect(page.locator(".first-visit")).to_have_count(0)
        for scheme, size in LOOKS:
            await become(scheme, size)
            for view in VIEWS:
                await show_view(page, view)
                await look(view, scheme, size)
            for part in ("left", "right") if size == "phone" else ():
                await page.locator(f"[data-part={part}]").click()
                await expect(page.locator("#view")).to_have_attribute("aria-labelledby", f"tab-{part}")
                await look(part, scheme, size)
            for key, name in (("s", "settings"), ("?", "keys")):
                await page.keyboard.press(key)
                await expect(page.locator("dialog")).to_be_visible()
                await look(name, scheme, size)
                await page.keyboard.press("Escape")
                await expect(page.locator("dialog")).to_have_count(0)
        assert {name: some for name, some in found.items() if some} == {}


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_what_to_know_first_is_beside_the_key_and_beside_live_and_fits(browser, exchange, axe, language):
    """A line there, and all of it in a dialog, which pushes nothing away."""
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, "#view=orders", locale=language) as (page, *_),
    ):
        await page.evaluate(axe)
        not_theirs = {"en": "This page is not bitFlyer's", "ja": "bitFlyer のものではありません"}[language]
        for size in (DESKTOP, PHONE):
            await page.set_viewport_size(size)
            await choose(page, "endpoint", "embedded")
            await show_view(page, "orders")
            advice = page.locator(".advice")
            await advice.scroll_into_view_if_needed()
            await expect(advice.get_by_text(not_theirs)).to_be_visible()
            await advice.get_by_role("button").click()
            dialog = page.get_by_role("dialog")
            points = dialog.get_by_role("listitem")
            await expect(points).to_have_count(7)
            for word in TO_KNOW[language]:
                point = points.filter(has_text=word).first
                await point.scroll_into_view_if_needed()
                await expect(point, word).to_be_in_viewport()
            found = [await link.get_attribute("href") for link in await dialog.get_by_role("link").all()]
            assert found == BITFLYER
            assert await misfits(page) == []
            assert await violations(page) == []
            await dialog.locator("h2").scroll_into_view_if_needed()
            await shoot(page, f"care-{language}-{size['width']}")
            await page.keyboard.press("Escape")
            await choose(page, "endpoint", "live")
            for view in VIEWS:
                await show_view(page, view)
                beside = page.locator("aside").filter(has_text=not_theirs).first
                await expect(beside).to_be_in_viewport()
                assert await misfits(page) == []
            await shoot(page, f"live-{language}-{size['width']}")
            await beside.get_by_role("button").click()
            await expect(points).to_have_count(7)
            await page.keyboard.press("Escape")


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_folded_page_and_the_field_for_a_url_fit(browser, exchange, language):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#folded=left,right&endpoint=url", locale=language) as (page, *_),
    ):
        await expect(connection_state(page)).to_have_attribute("data-state", "closed")
        assert await misfits(page) == []
        await shoot(page, f"folded-{language}-light-desktop")


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_view_fits_in_other_fonts(browser, exchange, language):
    """The fonts are the machine's: letters of some are a tenth narrower or wider than others'."""
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, locale=language) as (page, *_),
    ):
        await populate(page)
        found: dict[str, list[str]] = {}
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            await page.set_viewport_size(viewport)
            await expect(page.locator("[data-part=left]")).to_have_count(1 if size == "phone" else 0)
            for spacing in ("-0.1em", "0.06em"):
                await page.evaluate(SPACE, spacing)
                for view in VIEWS:
                    await show_view(page, view)
                    found[f"{view}, {size}, {spacing}"] = await misfits(page)
        assert {name: some for name, some in found.items() if some} == {}


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_view_stays_of_use_beside_a_wide_sample(browser, exchange, language):
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, locale=language) as (page, *_),
    ):
        await populate(page)
        await page.locator(".first-visit button").click()
        narrow = await page.locator(".column-right").bounding_box()
        assert narrow is not None
        await page.locator(".sample-head button[aria-pressed]").click()
        for view in VIEWS:
            await show_view(page, view)
            middle = await page.locator(".column-middle").bounding_box()
            wide = await page.locator(".column-right").bounding_box()
            assert middle is not None
            assert wide is not None
            assert middle["width"] >= 540
            assert wide["width"] > narrow["width"] + 100
            await shoot(page, f"wide-{view}-{language}")
            assert await misfits(page) == [], view
