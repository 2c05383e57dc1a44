"""Draws the pictures of the page for the README and docs/playground.md: the page, and a daily maintenance passing.

python -m tests.draw_playground FOLDER

Writes playground.png, and maintenance.gif, for which the embedded exchange lives its day thirty times as fast.
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

BEFORE_MAINTENANCE_NS = 1_790_189_910 * 10**9
"""2026-09-23T18:58:30Z, in Japan 03:58:30."""

SPEED = 30.0
FRAME_SECONDS = 0.5
FRAMES = 60
"""In which fifteen minutes of the exchange's day pass: the close at 19:00, the itayose at 19:12."""

STILL = {"width": 1280, "height": 720}
MOVING = {"width": 940, "height": 520}
"""A narrow page shows one view and the strip: few enough pixels to be read as they are, and small as a file."""

SHOWN_MS = 300
COLOURS = 48
SIZE_LIMIT = 1_000_000


@asynccontextmanager
async def visited(path: str, size: Any, **exchange_options: Any) -> AsyncIterator[Page]:
    """The page of an exchange of its own, without its introduction."""
    async with (
        run(seed=11, **exchange_options) as exchange,
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
        await asyncio.sleep(45)
        await page.keyboard.press("d")
        await asyncio.sleep(20)
        await page.screenshot(path=file)


async def photograph_maintenance() -> list[Image.Image]:
    """The market view, from before the close until after the itayose."""
    pictures = []
    async with visited("", MOVING, start_ns=BEFORE_MAINTENANCE_NS, speed=SPEED) as page:
        clock = asyncio.get_running_loop()
        begun = clock.time()
        for number in range(FRAMES):
            await asyncio.sleep(max(0.0, begun + number * FRAME_SECONDS - clock.time()))
            pictures.append(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))
    return pictures


def join(pictures: list[Image.Image], file: Path) -> None:
    """Make a moving picture of several.

    Raises:
        SystemExit: the file is too large for a README; it says how large.
    """
    # One palette for all, or every picture differs from the last in every pixel.
    palette = pictures[FRAMES // 2].quantize(COLOURS)
    first, *others = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    first.save(file, save_all=True, append_images=others, duration=SHOWN_MS, loop=0, optimize=True)
    if file.stat().st_size > SIZE_LIMIT:
        sys.exit(f"{file} has {file.stat().st_size:,} bytes, and may have {SIZE_LIMIT:,}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    asyncio.run(draw_still(folder / "playground.png"))
    join(asyncio.run(photograph_maintenance()), folder / "maintenance.gif")
