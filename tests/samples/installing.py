"""Writing samples into empty folders, and following their lines of installation there."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

from fulgurite.playground.sample import Manifest, Parameters, Sample, fill

ROOT = Path(__file__).parent.parent.parent

COMPILERS = 2
"""Installations and compilations beside each other."""


def missing_programs(manifest: Manifest) -> list[str]:
    """The programs of a sample's toolchain that are not installed, but for those that its own installation brings."""
    programs = [command[0] for command in manifest.toolchain if "/" not in command[0]]
    return [program for program in programs if shutil.which(program) is None]


class Installer:
    """Makes samples ready to run.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limit = asyncio.Semaphore(COMPILERS)
        self._wheel = asyncio.Lock()
        # Two samples of a language have the same dependencies; Cargo builds them once where the folder is the same.
        self.environment = os.environ | {
            "CARGO_TARGET_DIR": str(folder / "cargo"),
            "PIP_FIND_LINKS": str(folder / "dist"),
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
            if sample.manifest.build:
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
        """What the toolchain of an installed sample calls itself."""
        folder = self._folder / sample.folder
        return [(await self.output(*command, folder=folder)).splitlines()[0] for command in sample.manifest.toolchain]

    async def output(self, *command: str, folder: Path) -> str:
        """Run a command that succeeds, and give what it printed."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
            cwd=folder, env=self.environment, start_new_session=True,
        )  # fmt: skip
        try:
            output = (await process.communicate())[0].decode(errors="replace")
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, f"{command} ended with status {process.returncode}: {output[-3000:]}"
        return output

    async def _build_wheel(self) -> None:
        """Build Fulgurite, where pip looks for what it is to install."""
        async with self._wheel:
            if not (self._folder / "dist").exists():
                command: Sequence[str] = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
                await self.output(*command, "-d", str(self._folder / "dist"), folder=ROOT)
