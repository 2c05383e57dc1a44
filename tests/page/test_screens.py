"""Every view in both themes and languages, on a desktop and a phone: nothing is cut, and a picture is kept of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from fulgurite import playground
from tests.page.visiting import DESKTOP, PHONE, VIEWS, connection_state, endpoint_of, opened, shoot, show_view

FITTING = (Path(__file__).parent / "fitting.js").read_text()
SCROLLING = """(({scrollWidth, scrollHeight}) =>
    scrollWidth > innerWidth || scrollHeight > innerHeight ? [`the page has ${scrollWidth} x ${scrollHeight}`] : []
)(document.documentElement)"""


async def misfits(page: Page) -> list[str]:
    """What makes the screen scroll, and the text that is cut off or hidden by other text."""
    return [*await page.evaluate(SCROLLING), *await page.evaluate(FITTING)]


async def populate(page: Page) -> None:
    """Wait until there is something to see in the views."""
    await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
    await expect(page.locator(".tape tbody tr").nth(4)).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_view_fits(browser, exchange, language, scheme, size):
    options = {"locale": language, "color_scheme": scheme, "viewport": DESKTOP if size == "desktop" else PHONE}
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, **options) as (page, *_),
    ):
        await populate(page)
        found = {"first visit": await misfits(page)}
        await shoot(page, f"first-visit-{language}-{scheme}-{size}")
        await page.locator(".first-visit button").click()
        for view in VIEWS:
            await show_view(page, view)
            await expect(page.locator(".first-visit")).to_have_count(0)
            found[view] = await misfits(page)
            await shoot(page, f"{view}-{language}-{scheme}-{size}")
        for part in ("left", "right") if size == "phone" else ():
            await page.locator(f"[data-part={part}]").click()
            await expect(page.locator("#view")).to_have_attribute("aria-labelledby", f"tab-{part}")
            found[part] = await misfits(page)
            await shoot(page, f"{part}-{language}-{scheme}-{size}")
        for key, name in (("s", "settings"), ("?", "keys")):
            await page.keyboard.press(key)
            await expect(page.locator("dialog")).to_be_visible()
            found[name] = await page.locator("dialog").evaluate(
                "dialog => (dialog.scrollWidth > dialog.clientWidth ? ['scrolls sideways'] : [])"
            )
            await shoot(page, f"{name}-{language}-{scheme}-{size}")
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog")).to_have_count(0)
        assert {name: some for name, some in found.items() if some} == {}


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_folded_page_and_the_field_for_a_url_fit(browser, exchange, language):
    async with (
        playground.run(endpoint_of(exchange)) as served,
        opened(browser, served.url, "#folded=left,right&endpoint=url", locale=language) as (page, *_),
    ):
        await expect(connection_state(page)).to_have_attribute("data-state", "closed")
        assert await misfits(page) == []
        await shoot(page, f"folded-{language}-light-desktop")
