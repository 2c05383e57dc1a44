"""Where the browser for the page's tests is; run as a program, prints its path or exits with status 1."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

from playwright.async_api import async_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is the same browser without a window around the page, and takes half the processor."""

ARGUMENTS = (
    "--no-sandbox",  # Chromium's sandbox refuses to run as root, which containers and CI do; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # The tests use loopback only; these keep the browser from calling home at each start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The path of the system's Chromium or Chrome, else of the one that Playwright installed, else None."""
    for name in NAMES:
        path = shutil.which(name)
        # Ubuntu's chromium-browser is a script that only asks for the snap store's.
        if path is not None and not _asks_for_snap(path):
            return path
    own = asyncio.run(_playwrights_own())
    return own if os.access(own, os.X_OK) else None


async def _playwrights_own() -> str:
    async with async_playwright() as playwright:
        return playwright.chromium.executable_path


def _asks_for_snap(path: str) -> bool:
    with Path(path).open("rb") as program:
        start = program.read(4096)
    return start.startswith(b"#!") and b"snap install" in start


if __name__ == "__main__":
    found = find_chromium()
    print(found or "no Chromium found")
    sys.exit(found is None)
