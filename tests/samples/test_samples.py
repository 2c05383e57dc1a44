"""Every sample in every language, run as its user runs it, against an exchange on which things go wrong.

Each is written into an empty folder, and its own lines of installation are followed there. Most scenarios happen to one
run, one after another; when one fails, the sample is run anew for the next. Several samples run at a time, since most
of their time is waiting. `-s` shows the output of each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from fulgurite.protocol.dialects import DialectName
from fulgurite.samples import folders
from fulgurite.samples.sample import Parameters, Sample, Verified
from tests.exchangeprocess import at_after_maintenance, exchange_process
from tests.samples.installing import Installer, find_program, missing_programs, reason_to_skip
from tests.samples.page import browser, running_page
from tests.samples.running import Running, running
from tests.samples.scenarios import CHANNELS, ONE_RUN, OWN_RUN, PRODUCT, SILENCE, SPEED, Setting
from tests.samples.table import DOCUMENT, table, write_table

SAMPLES = {sample.folder: sample for sample in folders.find_samples() if not sample.manifest.cannot_verify}
SCENARIOS = [*ONE_RUN, *OWN_RUN]

AT_ONCE = 10
"""Samples that run beside each other."""


class Verdicts:
    """The samples' verdicts in the scenarios that were asked for.

    Args:
        pairs: a sample's folder and a scenario, each.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        loop = asyncio.get_running_loop()
        self.futures: dict[tuple[str, str], asyncio.Future[None]] = {pair: loop.create_future() for pair in pairs}
        self.versions: dict[str, list[str]] = {}
        """Of each sample's toolchain, once it is installed."""

    def scenarios(self, folder: str) -> list[str]:
        """Those asked for of a sample that have no verdict yet."""
        return [scenario for (name, scenario), future in self.futures.items() if name == folder and not future.done()]

    def give(self, folder: str, scenario: str, error: Exception | None) -> None:
        """A scenario has been passed, or failed with an error."""
        future = self.futures[folder, scenario]
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def is_verified(self, folder: str) -> bool:
        """Whether a sample has passed all the scenarios that there are."""
        futures = [self.futures.get((folder, scenario)) for scenario in SCENARIOS]
        return all(f and f.done() and not f.cancelled() and f.exception() is None for f in futures)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def verdicts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, toolchains: None
) -> AsyncIterator[Verdicts]:
    """The verdicts of all scenarios that this session asks for; their samples are under way."""
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    pairs = [
        (each["folder"], each["scenario"]) for each in asked if "scenario" in each and each.get("folder") in SAMPLES
    ]
    verdicts = Verdicts(pairs)
    installer = Installer(tmp_path_factory.mktemp("samples"))
    limit = asyncio.Semaphore(AT_ONCE)
    samples = [SAMPLES[folder] for folder in dict.fromkeys(folder for folder, _ in pairs)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(judge(sample, verdicts, installer, limit)) for sample in samples]
        yield verdicts
        # With all verdicts given they only end what they have started, and a cancellation would leave that running.
        if not all(future.done() for future in verdicts.futures.values()):
            for task in tasks:
                task.cancel()
    if request.config.getoption("--write-verified", default=False):
        write_verified(verdicts)


async def judge(sample: Sample, verdicts: Verdicts, installer: Installer, limit: asyncio.Semaphore) -> None:
    """Put a sample through its scenarios."""
    try:
        async with limit, AsyncExitStack() as stack:
            if await asyncio.to_thread(missing_programs, sample.manifest):
                return
            context = exchange_process("--speed", SPEED, "--product", PRODUCT, at_after_maintenance())
            exchange = await asyncio.to_thread(context.__enter__)
            stack.push_async_callback(asyncio.to_thread, context.__exit__, None, None, None)
            dialect = sample.manifest.dialect
            endpoint = exchange.ready["realtime" if dialect is DialectName.JSON_RPC else "socketio"]
            # Installed with this endpoint already: nothing that is built here ever speaks to the live service.
            folder = await installer.install(sample, Parameters(endpoint, CHANNELS, False, SILENCE))
            verdicts.versions[sample.folder] = await installer.versions(sample)
            chromium = find_program("chromium") if sample.manifest.page else None
            shown_in = await stack.enter_async_context(browser(chromium)) if chromium else None

            @contextlib.asynccontextmanager
            async def begin(parameters: Parameters, at_terminal: bool) -> AsyncIterator[Running]:
                await asyncio.to_thread(exchange.control, "faults", None, "DELETE")
                async with started(sample, folder, installer, parameters, at_terminal, shown_in) as run:
                    try:
                        yield run
                    finally:
                        print(f"\n--- {sample.folder}: {parameters}\n{run.said.report()}")

            is_ours = "fulgurite" in sample.manifest.language
            await judge_all(sample.folder, Setting(exchange, begin, endpoint, is_ours), verdicts)
    except Exception as error:
        for scenario in verdicts.scenarios(sample.folder):
            verdicts.give(sample.folder, scenario, error)


@contextlib.asynccontextmanager
async def started(
    sample: Sample,
    folder: Path,
    installer: Installer,
    parameters: Parameters,
    at_terminal: bool,
    shown_in: Browser | None,
) -> AsyncIterator[Running]:
    """Run a sample with parameters until the context is left; a page is shown in a browser."""
    command = await installer.prepare(sample, parameters)
    if shown_in:
        async with running_page(shown_in, folder / sample.manifest.page, asks=parameters.auth) as page:
            yield page
    else:
        environment = installer.environment
        async with running(*command, folder=folder, environment=environment, at_terminal=at_terminal) as process:
            yield process


async def judge_all(folder: str, setting: Setting, verdicts: Verdicts) -> None:
    """Put an installed sample through its scenarios."""
    while wanted := [scenario for scenario in verdicts.scenarios(folder) if scenario in ONE_RUN]:
        scenario = wanted[0]
        try:
            async with setting.trial() as trial:
                await trial.flows()
                for scenario in wanted:
                    await ONE_RUN[scenario](trial)
                    verdicts.give(folder, scenario, None)
        except Exception as error:  # the next scenario begins with a new run
            verdicts.give(folder, scenario, error)
    for scenario in verdicts.scenarios(folder):
        try:
            await OWN_RUN[scenario](setting)
            verdicts.give(folder, scenario, None)
        except Exception as error:
            verdicts.give(folder, scenario, error)


def write_verified(verdicts: Verdicts) -> None:
    """Keep the samples that have passed everything, beside those that were kept before and have not changed since."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    entries = folders.read_verified()
    for folder, versions in verdicts.versions.items():
        if verdicts.is_verified(folder):
            entries[folder] = Verified(versions, today, SAMPLES[folder].digest)
    digests = {sample.folder: sample.digest for sample in folders.find_samples()}  # one may have been edited since
    kept = {folder: entry for folder, entry in entries.items() if digests.get(folder) == entry.digest}
    text = msgspec.json.format(msgspec.json.encode(dict(sorted(kept.items()))))
    (folders.SAMPLES / folders.VERIFIED).write_bytes(text + b"\n")
    write_table()


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("folder", SAMPLES)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_sample_comes_through(folder: str, scenario: str, verdicts: Verdicts):
    manifest = SAMPLES[folder].manifest
    if reason := await asyncio.to_thread(reason_to_skip, manifest):
        pytest.skip(reason)
    await verdicts.futures[folder, scenario]


def test_what_is_called_verified_is_what_was_run():
    """After a change to a sample: `pytest tests/samples --write-verified`."""
    for folder, entry in folders.read_verified().items():
        assert folder in SAMPLES
        assert SAMPLES[folder].digest == entry.digest, f"{folder} has changed since it was verified"


def test_the_documents_table_is_that_of_the_samples():
    """`pytest tests/samples --write-verified` writes it, too."""
    assert table() + "\n" in DOCUMENT.read_text("utf-8")
