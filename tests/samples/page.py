"""A sample that is a web page: its console is its standard output and standard error."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.chromium import ARGUMENTS
from tests.samples.running import Said

TELL = """
const untold = [];
let isTelling = false;
console.log = async (line) => {
  untold.push(line);
  if (isTelling) return;
  isTelling = true;
  while (untold.length) await hear(untold.splice(0));
  isTelling = false;
};
"""
"""Tells the lines of the console, as many at a time as have come meanwhile.

Playwright's own event is three messages a line, and after each it lets all else run that is ready, other browsers' such
waits included: two pages beside each other were heard minutes late where the machine had other things to do.
"""


class RunningPage:
    """A page whose button `#stop` is its Ctrl-C, and whose form `#credentials` is its terminal."""

    def __init__(self, page: Page) -> None:
        self.said = Said()
        self._page = page
        self._typed: list[str] = []
        page.on("pageerror", lambda error: self.said.add_line(f"uncaught: {error}"))

    def hear(self, lines: list[str]) -> None:
        """Take lines of its console."""
        for line in lines:
            self.said.add_line(line)

    async def interrupt(self) -> int:
        # `click` would first watch whether the button moves: long enough on a busy machine for another attempt.
        await self._page.dispatch_event("#stop", "click")
        return await self.ended()

    async def ended(self) -> int:
        await self.said.until(lambda: self._end(), "ended")
        found = self._end()
        assert found
        return int(found[1])

    def _end(self) -> re.Match[str] | None:
        return next(filter(None, (re.fullmatch(r"ended (\d)", event) for event in self.said.events)), None)

    async def asks(self) -> None:
        """Wait for the form."""
        await self._page.wait_for_selector("#credentials", state="visible")
        self.said.prompt = "API key: API secret: "

    async def type_secretly(self, text: str) -> None:
        name = "#secret" if self._typed else "#key"
        assert await self._page.get_attribute(f"#credentials {name}", "type") == "password"
        await self._page.fill(f"#credentials {name}", text)
        if self._typed:
            await self._page.press(f"#credentials {name}", "Enter")
        self._typed.append(text)


@contextlib.asynccontextmanager
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Run a browser until the context is left. It costs more than all that its pages do.

    Args:
        chromium: its path.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def running_page(browser: Browser, path: Path, *, asks: bool) -> AsyncIterator[RunningPage]:
    """Open a file in a browser, with a profile of its own, until the context is left.

    Args:
        browser: where.
        path: the page.
        asks: whether it asks for credentials.
    """
    async with await browser.new_context() as profile:
        page = await profile.new_page()
        run = RunningPage(page)
        await page.expose_function("hear", run.hear)
        await page.add_init_script(TELL)
        await page.goto(path.as_uri())
        assert await page.is_enabled("#stop")
        assert await page.is_visible("#stop")
        if asks:
            await run.asks()
        yield run
