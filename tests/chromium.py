"""The place of the browser for the page's tests; run as a program, its status says whether there is one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
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
    # Several pages are open at a time, and a page that is not in front is told the time once a second or a minute.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


def find_chromium() -> str | None:
    """The path of the system's Chromium or Chrome, else of the one that Playwright installed, else None.

    None as well where Playwright's own program, which drives it, does not run.
    """
    path = _systems_own()
    if driver_problem():
        return None
    return path or _playwrights_own()


def driver_problem() -> str:
    """Why Playwright's own program does not run, in a line; empty where it does."""
    command = (sys.executable, "-m", "playwright", "--version")
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode else ""


def _systems_own() -> str | None:
    for name in NAMES:
        path = shutil.which(name)
        # Ubuntu's chromium-browser is a script that only asks for the snap store's.
        if path is not None and not _asks_for_snap(path):
            return path
    return None


def _playwrights_own() -> str | None:
    path = Path(asyncio.run(_playwrights_path()))
    # It writes this last, so that an installation that was cut off is known for one.
    if not (path.parent.parent / "INSTALLATION_COMPLETE").exists():
        return None
    # It brings none of the libraries that a minimal system lacks.
    return str(path) if subprocess.run((path, "--version"), capture_output=True).returncode == 0 else None


async def _playwrights_path() -> str:
    async with async_playwright() as playwright:
        return playwright.chromium.executable_path


def _asks_for_snap(path: str) -> bool:
    with Path(path).open("rb") as program:
        start = program.read(4096)
    return start.startswith(b"#!") and b"snap install" in start


def why_none() -> str:
    """The program to install where `find_chromium` gives None, in a line."""
    wanted = "on Debian: apt-get install chromium-headless-shell libatomic1; elsewhere: Chrome"
    return f"no browser can be driven here ({driver_problem() or 'no Chromium was found'}); {wanted}"


if __name__ == "__main__":
    sys.exit(find_chromium() is None)
