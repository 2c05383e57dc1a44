"""A terminal for programs that ask their user something."""

from __future__ import annotations

import asyncio
import os
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class Terminal:
    """A program at a terminal, with everything that it has shown."""

    def __init__(self, process: Process, master: int) -> None:
        self.process = process
        self.shown = ""
        self._master = master
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # on Linux this is how the other side's end is told
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.shown += data.decode(errors="replace")
        self._changed.set()

    async def shows(self, text: str) -> None:
        """Wait until a text has been shown."""
        async with asyncio.timeout(30):
            while text not in self.shown:
                self._changed.clear()
                await self._changed.wait()

    def presses(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def mode(self) -> list[Any]:
        """How the terminal is set; see `termios.tcgetattr`."""
        return termios.tcgetattr(self._master)

    def types(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())


@asynccontextmanager
async def at_terminal(*command: str, environment: Mapping[str, str], folder: Path) -> AsyncIterator[Terminal]:
    """Run a program with a terminal as its standard streams and as its controlling terminal."""
    master, slave = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=folder,
            preexec_fn=lambda: os.login_tty(0),
        )
    finally:
        os.close(slave)
    terminal = Terminal(process, master)
    try:
        yield terminal
        async with asyncio.timeout(30):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)
