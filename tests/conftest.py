"""The fixtures of all tests: the recorded captures, programs that are installed on demand, a browser page.

CI skips nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from playwright.async_api import Page, async_playwright

from tests.chromium import ARGUMENTS, find_chromium, why_none
from tests.leftovers import MARK, end_marked

ROOT = Path(__file__).parent.parent

# A slow machine is no defect: by default an example that takes 200 ms is one.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# Programs that were installed into .venv are found there.
os.environ["PATH"] = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program that they start
# and interrupt. A child process inherits an ignored signal, but no handler.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Recordings of real traffic, kept beside the repository and not in it: their licence is not ours to pass on.
CAPTURES = ROOT.parent / "shared" / "captures"
NO_CAPTURES = "the recorded captures are not beside the repository"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of the recorded captures; a test that asks for it is skipped where it is absent."""
    if not CAPTURES.is_dir():
        pytest.skip(NO_CAPTURES)
    return CAPTURES


ENDING_WITH_US = '{ "$@"; kill -KILL 0; } & read -r _; kill -KILL 0'
"""Runs a command until our end of its standard input closes, which it does also when this process is killed."""


@pytest.fixture(scope="session", autouse=True)
def nothing_outlasts_the_tests() -> Iterator[None]:
    """Fail if a process that the tests started still runs after them. As the first fixture it is the last to end."""
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"
    yield
    if left := end_marked(os.environ.pop(MARK)):
        pytest.fail("still running after the tests, and killed now:\n" + "\n".join(left))


def install(config: pytest.Config, *names: str) -> None:
    """Install programs by the functions `install_NAME` of scripts/setup.sh, which show their progress."""
    script = " && ".join([". scripts/setup.sh", *(f"install_{name}" for name in names)])
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        subprocess.run(("sh", "-c", script, "scripts/test"), cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config) -> Path:
    """Node.js on the path; gives the folder of the npm packages of `tests/peers`."""
    install(pytestconfig, "node")
    return ROOT / "tests" / "peers" / "node_modules"


@pytest.fixture(scope="session")
def toolchains(pytestconfig: pytest.Config) -> None:
    """The compilers and programs of the samples, where they can be installed."""
    install(pytestconfig, "node", "browser", "toolchains")


@pytest.fixture(scope="session")
def chromium_path(pytestconfig: pytest.Config) -> str:
    """The path of the browser; a test that asks for it is skipped where there is none."""
    install(pytestconfig, "browser")
    path = find_chromium()
    if path is None:
        pytest.skip(why_none())
    return path


@pytest.fixture(scope="session")
def chromium_url(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a browser takes commands: starting one costs seconds, so all tests of a process share it."""
    profile = tmp_path_factory.mktemp("chromium")
    arguments = [
        *ARGUMENTS,
        "--headless",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    with (profile / "log").open("w+") as log:
        # Debian's program is a shell script that starts the browser, so only their group ends both.
        command = ("sh", "-c", ENDING_WITH_US, "sh", chromium_path, *arguments, "about:blank")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        assert process.stdin is not None
        try:
            port = profile / "DevToolsActivePort"  # it writes its port there once it listens
            deadline = time.monotonic() + 60
            while not (port.exists() and "\n" in port.read_text()):
                assert process.poll() is None, (profile / "log").read_text()
                assert time.monotonic() < deadline, "Chromium does not listen"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        finally:
            process.stdin.close()
            process.wait()


@pytest.fixture
async def page(chromium_url: str) -> AsyncIterator[Page]:
    """An empty page (Playwright's async API) in a browser profile of its own.

    Playwright's objects belong to one event loop, which each test has for itself; its profiles end with it.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium_url)
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
    # A report parses the source for each frame of a failure, a thousand times for a recursion. Where a finalizer fails
    # meanwhile, its traceback is parsed as well, and Python before 3.11.5 takes the two for one: pytest ended the run.
    gc.disable()
    try:
        report = yield
    finally:
        gc.enable()
    return _forbid_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _forbid_skip((yield))
