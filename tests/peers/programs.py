"""Running the programs here: third-party clients and reference servers that print one JSON line an event."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

HERE = Path(__file__).parent


@asynccontextmanager
async def program(
    name: str, *arguments: str, given: bytes | None = None, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.StreamReader]:
    """Run one of the programs here; yields its standard output.

    Args:
        name: its file.
        arguments: see its own comment.
        given: is written to its standard input, which stays open.
        environment: the variables that it sees; None for ours.
    """
    runner = "node" if name.endswith(".js") else sys.executable
    process = await asyncio.create_subprocess_exec(
        runner,
        HERE / name,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if given is not None:
        process.stdin.write(given)
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def next_event(output: asyncio.StreamReader) -> dict:
    """The next event that a program prints."""
    async with asyncio.timeout(30):
        line = await output.readline()
    assert line, "the program ended"
    return json.loads(line)


@asynccontextmanager
async def reference_server(name: str) -> AsyncIterator[int]:
    """Run a reference server; yields its port."""
    async with program(name) as output:
        yield (await next_event(output))["port"]
