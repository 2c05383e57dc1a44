"""A bad network between a client and an exchange: it stalls, cuts inside a frame, swallows, resets and crumbles.

A fault that loses bytes ends the connection, or makes it useless for good, as TCP does. So none is excluded from a
judgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from random import Random
from typing import Any, Final, Self

NetworkFault = dict[str, Any]

MAX_CRUMB_BYTES: Final = 7
MAX_SECONDS: Final = 4.0

FAULTS: Final[dict[str, Callable[[Random], NetworkFault]]] = {
    "stall": lambda rng: {
        "seconds": rng.choice((rng.uniform(0.05, 0.5), rng.uniform(1.0, MAX_SECONDS))),
        "ways": rng.choice(("to-client", "to-server", "both")),
    },
    "cut": lambda rng: {"after": rng.randrange(20_000), "reset": rng.random() < 0.5},
    "swallow": lambda rng: {"ways": rng.choice(("to-client", "to-server", "both"))},
    "crumble": lambda rng: {"after": rng.randrange(5_000)},
    "refuse": lambda rng: {"seconds": rng.uniform(0.05, 0.5), "how": rng.choice(("closed", "reset", "silent"))},
}
"""The members of each kind. `stall`: bytes wait for so long, one way or both. `cut`: so many more come, then the end of
the connection, or a reset. `swallow`: no further byte arrives. `crumble`: so many bytes come a few at
a time. `refuse`: new connections come to nothing."""


def draw_network_fault(rng: Random) -> NetworkFault:
    """A fault of any kind."""
    kind = rng.choice(sorted(FAULTS))
    return {"fault": kind, **FAULTS[kind](rng)}


class _Way:
    """One direction of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        self.is_swallowed = False
        self.crumbling = 0
        self.cut_after: int | None = None
        self.is_reset = False
        self._reader = reader
        self._writer = writer
        self._flows = flows

    async def run(self) -> None:
        """Pass on all bytes until the connection ends."""
        while data := await self._reader.read(65536):
            await self._flows.wait()
            if self.is_swallowed:
                continue
            is_last = self.cut_after is not None and self.cut_after <= len(data)
            if self.cut_after is not None:
                data, self.cut_after = data[: self.cut_after], self.cut_after - len(data)
            while self.crumbling > 0 and data:
                crumb, data = data[:MAX_CRUMB_BYTES], data[MAX_CRUMB_BYTES:]
                self.crumbling -= len(crumb)
                self._writer.write(crumb)
                await asyncio.sleep(0)
            self._writer.write(data)
            await self._writer.drain()
            if is_last:
                return
        if self.is_swallowed:
            await asyncio.Event().wait()  # the end is swallowed, too


class _Line:
    """One connection through it."""

    def __init__(self, network: Network, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._network = network
        self._writers = client, server

    async def run(self, readers: tuple[asyncio.StreamReader, asyncio.StreamReader]) -> None:
        """Pass on the bytes of both sides until one ends, or the network ends both."""
        client, server = self._writers
        flows = self._network.flows
        self.ways = {
            "to-server": _Way(readers[0], server, flows["to-server"]),
            "to-client": _Way(readers[1], client, flows["to-client"]),
        }
        tasks = [asyncio.create_task(way.run()) for way in self.ways.values()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in self._writers:
                end(writer, is_reset=any(way.is_reset for way in self.ways.values()))


class Network:
    """A proxy before a port of this machine, as a context manager.

    Args:
        port: where the exchange listens.
    """

    def __init__(self, port: int) -> None:
        self.flows = {"to-client": asyncio.Event(), "to-server": asyncio.Event()}
        for flow in self.flows.values():
            flow.set()
        self._there = port
        self._refuses: str | None = None
        self._lines: list[_Line] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Some wait for a peer that reads nothing.
        for writer in self._writers:
            writer.transport.abort()
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def suffer(self, fault: NetworkFault) -> None:
        """Let a fault befall all connections that there are; returns when it is over, or is at work."""
        kind = fault["fault"]
        ways = ("to-client", "to-server") if fault.get("ways", "both") == "both" else (fault["ways"],)
        if kind == "stall":
            for way in ways:
                self.flows[way].clear()
            await asyncio.sleep(fault["seconds"])
            for way in ways:
                self.flows[way].set()
        elif kind == "refuse":
            self._refuses = fault["how"]
            await asyncio.sleep(fault["seconds"])
            self._refuses = None
        for line in self._lines:
            if kind == "cut":
                line.ways["to-client"].cut_after = fault["after"]
                line.ways["to-client"].is_reset = fault["reset"]
            elif kind == "crumble":
                line.ways["to-client"].crumbling = fault["after"]
            elif kind == "swallow":
                for way in ways:
                    line.ways[way].is_swallowed = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        try:
            if self._refuses == "silent":
                while await reader.read(65536):
                    pass
            if self._refuses:
                end(writer, is_reset=self._refuses == "reset")
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._there)
            self._writers.append(back)
            line = _Line(self, writer, back)
            self._lines.append(line)
            try:
                await line.run((reader, there))
            finally:
                self._lines.remove(line)
        except (asyncio.CancelledError, OSError):
            end(writer, is_reset=True)
        finally:
            self._tasks.discard(task)


def end(writer: asyncio.StreamWriter, *, is_reset: bool) -> None:
    """End one side, with FIN or with RST."""
    with contextlib.suppress(OSError):
        if is_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            writer.close()
