"""axe examines every view: no violation of WCAG 2.0 to 2.2, levels A and AA, contrast included."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from fulgurite import playground
from tests.page.visiting import DESKTOP, PHONE, VIEWS, endpoint_of, opened, show_view

AXE = Path(__file__).parent.parent / "peers" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def violations(page: Page) -> list[str]:
    """What axe finds: rule, place and reason; of a rule, the first three places."""
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", TAGS)
    return [
        f"{violation['id']}: {node['target']}: {' '.join(node['failureSummary'].split()[6:])}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [
        pytest.param("en", "light", DESKTOP, id="en-light-desktop"),
        pytest.param("ja", "dark", DESKTOP, id="ja-dark-desktop"),
        pytest.param("ja", "light", PHONE, id="ja-light-phone"),
        pytest.param("en", "dark", PHONE, id="en-dark-phone"),
    ],
)
async def test_no_view_has_a_barrier(browser, exchange, language, scheme, viewport):
    async with (
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        opened(browser, served.url, locale=language, color_scheme=scheme, viewport=viewport) as (page, *_),
    ):
        await expect(page.locator("[data-book-state]")).to_have_attribute("data-book-state", "LIVE")
        await expect(page.locator(".tape tbody tr").nth(4)).to_be_visible()
        # Evaluated rather than added as a script, which the page's policy forbids.
        await page.evaluate(AXE.read_text())
        barriers = {"first visit": await violations(page)}
        await page.locator(".first-visit button").click()
        for view in VIEWS:
            await show_view(page, view)
            barriers[view] = await violations(page)
        for part in ("left", "right") if viewport == PHONE else ():
            await page.locator(f"[data-part={part}]").click()
            await expect(page.locator("#view")).to_have_attribute("aria-labelledby", f"tab-{part}")
            barriers[part] = await violations(page)
        for key in ("s", "?"):
            await page.keyboard.press(key)
            await expect(page.locator("dialog")).to_be_visible()
            barriers[f"dialog on {key}"] = await violations(page)
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog")).to_have_count(0)
        found = [f"{name}: {barrier}" for name, some in barriers.items() for barrier in some]
        assert not found, "\n".join(found)
