"""Draws the pictures of the page for the README and docs/playground.md: the page, and a daily maintenance passing.

python -m tools.draw_playground FOLDER

Writes playground.png, and maintenance.gif of the short maintenance that the faults view has.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from fulgurite import playground
from fulgurite.exchange.run import run
from tests.chromium import ARGUMENTS, find_chromium
from tests.page.visiting import endpoint_of

FRAME_SECONDS = 0.6
FRAMES_BEFORE = 4
FRAMES = 46
"""The maintenance takes 21 seconds, and the book and the candles a few more."""

WARM_UP_SECONDS = 40.0
"""Until the charts have something to show."""

STILL = {"width": 1280, "height": 720}
MOVING = {"width": 940, "height": 600}
"""A narrow page shows one view and the strip: few enough pixels to be read as they are, and small as a file."""

SHOWN_MS = 300
COLOURS = 96
SIZE_LIMIT = 1_000_000


@asynccontextmanager
async def visited(path: str, size: Any) -> AsyncIterator[Page]:
    """The page of an exchange of its own, without its introduction."""
    async with (
        run(seed=11) as exchange,
        playground.run(endpoint_of(exchange), owned=exchange) as served,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = await browser.new_page(viewport=size, locale="en-US", timezone_id="Asia/Tokyo")
        await page.add_init_script("localStorage.setItem('fulgurite.seen', 'yes')")
        await page.goto(served.url + path)
        await expect(page.locator("[data-book-state=LIVE]")).to_be_visible(timeout=60_000)
        yield page
        await browser.close()


async def draw_still(file: Path) -> None:
    """The page after a minute of a lively market, with one interruption in it."""
    async with visited("#channels=FX_BTC_JPY,BTC_JPY,ticker:ETH_JPY,executions:XRP_JPY", STILL) as page:
        await asyncio.sleep(WARM_UP_SECONDS)
        await page.keyboard.press("d")
        await asyncio.sleep(WARM_UP_SECONDS / 2)
        await page.screenshot(path=file)


async def photograph_maintenance() -> list[Image.Image]:
    """The market view, from before the close until after the itayose."""
    pictures = []
    async with visited("", MOVING) as page:
        await asyncio.sleep(WARM_UP_SECONDS)
        clock = asyncio.get_running_loop()
        begun = clock.time()
        for number in range(FRAMES):
            if number == FRAMES_BEFORE:
                await page.keyboard.press("5")
                await page.get_by_role("button", name="Start", exact=True).click()
            elif number == FRAMES_BEFORE + 2:
                await page.keyboard.press("1")
            await asyncio.sleep(max(0.0, begun + number * FRAME_SECONDS - clock.time()))
            pictures.append(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))
    return pictures


def join(pictures: list[Image.Image], file: Path) -> None:
    """Make a moving picture of several.

    Raises:
        SystemExit: the file is too large for a README; it says how large.
    """
    # One palette for all, or every picture differs from the last in every pixel; some have colours that others lack.
    width, height = pictures[0].size
    some = Image.new("RGB", (width, height * 3))
    for place, number in enumerate((0, FRAMES_BEFORE + 1, FRAMES // 2)):
        some.paste(pictures[number], (0, place * height))
    palette = some.quantize(COLOURS)
    first, *others = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    first.save(file, save_all=True, append_images=others, duration=SHOWN_MS, loop=0, optimize=True)
    if file.stat().st_size > SIZE_LIMIT:
        sys.exit(f"{file} has {file.stat().st_size:,} bytes, and may have {SIZE_LIMIT:,}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    asyncio.run(draw_still(folder / "playground.png"))
    join(asyncio.run(photograph_maintenance()), folder / "maintenance.gif")
