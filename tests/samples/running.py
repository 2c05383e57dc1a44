"""A sample as it runs, with all that it has said: a process, or a page in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import termios
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

PATIENCE = 120.0
"""Seconds after which a wait has failed; none takes a fifth of it on an idle machine."""


class Said:
    """A sample's output: messages by channel, events and everything as text; and waiting for more of it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        """All of them: some ten thousand, so that looking at all of them at each of them is too slow."""
        self.events: list[str] = []
        """Lines of its standard error, and at a terminal all lines that are no messages."""
        self.messages: list[str] = []
        """The channel of each message."""
        self.prompt = ""
        """At a terminal: the last line, while it is not finished."""
        self.has_ended = False
        self._changed = asyncio.Event()

    def add_line(self, line: str) -> None:
        """Take a line of either stream: a message is known by its channel."""
        self.lines.append(line)
        if found := re.match(r"(lightning_\w+|(?:child|parent)_order_events) \S", line):
            self.messages.append(found[1])
        elif line:
            self.events.append(line)
        self.changed()

    def changed(self) -> None:
        self._changed.set()

    async def until(self, is_so: Callable[[], object], what: str) -> None:
        """Wait until something is so.

        Raises:
            AssertionError: the sample has ended before, or it took too long.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_so():
                    assert not self.has_ended, f"it has ended before {what}; it said:\n{self.tail()}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; it said:\n{self.tail()}") from None

    async def message(self, channel: str, after: int) -> None:
        """Wait for a message of a channel, after a number of messages."""
        await self.until(lambda: channel in self.messages[after:], f"a message of {channel}")

    async def text_of(self, text: str, times: int = 1) -> None:
        """Wait until it has said something, so often, that is not in a message."""
        await self.until(lambda: "\n".join([*self.events, self.prompt]).count(text) >= times, text)

    @property
    def text(self) -> str:
        """All that it has said."""
        return "".join(f"{line}\n" for line in self.lines)

    def report(self) -> str:
        """Its events, and how many messages came."""
        return "\n".join([*self.events, f"({len(self.messages)} messages)"])

    def tail(self) -> str:
        """The end of its output, without most of the messages."""
        lines = [line if len(line) < 200 else f"{line[:120]}..." for line in self.lines[-5:]]
        return "\n".join([*self.events[-15:], "... and the last lines of all:", *lines])


class Running(Protocol):
    """A sample that runs."""

    said: Said

    async def interrupt(self) -> int:
        """Press Ctrl-C; gives the exit status."""
        ...

    async def ended(self) -> int:
        """Wait for its end; gives the exit status."""
        ...

    async def type_secretly(self, text: str) -> None:
        """Type a line at its terminal, once that has turned its echo off."""
        ...


class RunningProcess:
    """A process in a process group of its own, as a shell starts it."""

    def __init__(self, process: Process, master: int | None) -> None:
        self.said = Said()
        self._process = process
        self._master = master
        self._readers: list[asyncio.Task[None]] = []
        if master is None:
            assert process.stdout is not None
            assert process.stderr is not None
            self._readers = [asyncio.create_task(self._read(stream)) for stream in (process.stdout, process.stderr)]
        else:
            self._unfinished = ""
            asyncio.get_running_loop().add_reader(master, self._read_terminal, master)
        self._end = asyncio.create_task(self._watch_end())

    async def interrupt(self) -> int:
        if self._master is None:
            os.killpg(self._process.pid, signal.SIGINT)
        else:
            os.write(self._master, b"\x03")
        return await self.ended()

    async def ended(self) -> int:
        await self.said.until(lambda: self.said.has_ended, "its end")
        assert self._process.returncode is not None
        return self._process.returncode

    async def type_secretly(self, text: str) -> None:
        assert self._master is not None
        async with asyncio.timeout(PATIENCE):
            # A program that changes its terminal tells nobody.
            # No event tells of it, so it is polled.
            while termios.tcgetattr(self._master)[3] & termios.ECHO:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        os.write(self._master, f"{text}\n".encode())

    async def close(self) -> None:
        """Kill its remaining processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._end
        if self._master is not None:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)

    async def _watch_end(self) -> None:
        await self._process.wait()
        await asyncio.gather(*self._readers)
        self.said.has_ended = True
        self.said.changed()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.said.add_line(line.decode(errors="replace").rstrip("\r\n"))

    def _read_terminal(self, master: int) -> None:
        try:
            data = os.read(master, 65536)
        except OSError:  # on Linux this is how the other side's end is told
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(master)
            return
        *lines, self._unfinished = (self._unfinished + data.decode(errors="replace")).split("\n")
        for line in lines:
            self.said.add_line(line.strip("\r"))
        self.said.prompt = self._unfinished
        self.said.changed()


def heed_interrupts() -> None:
    """Let this process be ended by Ctrl-C, which a shell has its background jobs ignore, and so their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.asynccontextmanager
async def running(
    *command: str, folder: Path, environment: Mapping[str, str], at_terminal: bool
) -> AsyncIterator[RunningProcess]:
    """Run a command until the context is left.

    Args:
        command: its arguments.
        folder: where.
        environment: the variables that it sees.
        at_terminal: whether a terminal is its standard streams and its controlling terminal; otherwise pipes are.
    """
    if not at_terminal:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, limit=2**24, cwd=folder,
            env=environment, start_new_session=True, preexec_fn=heed_interrupts,
        )  # fmt: skip
        run = RunningProcess(process, None)
    else:
        master, slave = os.openpty()

        def at_slave() -> None:
            heed_interrupts()
            os.login_tty(0)

        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment,
                preexec_fn=at_slave,
            )  # fmt: skip
        finally:
            os.close(slave)
        run = RunningProcess(process, master)
    try:
        yield run
    finally:
        await run.close()
