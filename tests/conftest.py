"""What every test may use: the recorded captures, a browser page, and the rule that CI skips nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.async_api import Page, async_playwright

from tests.chromium import ARGUMENTS, find_chromium

ROOT = Path(__file__).parent.parent

# Recordings of real traffic, kept beside the repository and not in it: their licence is not ours to pass on.
CAPTURES = ROOT.parent / "shared" / "captures"
NO_CAPTURES = "the recorded captures are not beside the repository"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of the recorded captures; a test that asks for it is skipped where it is absent."""
    if not CAPTURES.is_dir():
        pytest.skip(NO_CAPTURES)
    return CAPTURES


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of the browser; a test that asks for it is skipped where there is none."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium found; scripts/test installs one")
    return path


@pytest.fixture
async def page(chromium_path: str) -> AsyncIterator[Page]:
    """An empty page (Playwright's async API) in a browser of its own.

    Starting a browser takes under a second, and Playwright's objects belong to one event loop, which each test has
    for itself: so the browser is not shared.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


# In CI everything that tests need is installed, so a skip there hides a missing install step: it counts as a failure.
# Only the captures may be absent.


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _forbid_skip(report: Report) -> Report:
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return report
    if NO_CAPTURES in report.longreprtext and not CAPTURES.is_dir():
        return report
    report.outcome = "failed"
    report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _forbid_skip((yield))
