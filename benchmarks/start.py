"""How long it takes to start: imports, `fulgurite --help`, and `fulgurite play` to its first live message."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import time
from functools import partial
from pathlib import Path
from statistics import median

import aiohttp
import msgspec

from benchmarks.environments import HOME, interpreter
from benchmarks.processes import TIMEOUT_SECONDS, Failed, read_line, started
from benchmarks.tables import Column, Compared, Figures, Goal, Row, Table

TIMES = 9
"""Fresh processes in a round, of which the median counts; a tenth of it of the page."""

CHANNELS = ("lightning_board_snapshot_BTC_JPY", "lightning_board_BTC_JPY", "lightning_ticker_BTC_JPY")


def time_of(command: list[str]) -> tuple[float, float]:
    """Seconds from starting a program to its end, and seconds of processor time that it took.

    Raises:
        Failed: it ended with an error, or not at all.
    """
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Failed(str(error)) from error
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        raise Failed((result.stderr.strip().splitlines() or [f"it ended with {result.returncode}"])[-1])
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median_of(command: list[str], folder: Path, divisor: int) -> Figures:
    """The median of some fresh processes, after one that fills the caches."""
    time_of(command)
    times = [time_of(command) for _ in range(max(TIMES // divisor, 1))]
    whole, cpu = (median(each) * 1000 for each in zip(*times, strict=True))
    return Figures({"ms": whole, "cpu": cpu}, {})


def play(program: list[str], folder: Path, divisor: int) -> Figures:
    """From starting the playground to the first message of a channel that the page gets, with nobody's browser."""
    began = time.perf_counter()
    with started([*program, "play", "--no-browser", "--json", "--port", "0"]) as process:
        url = read_line(process)["plain_url"]
        ready = time.perf_counter()
        asyncio.run(first_message(url))
        return Figures({"ms": (time.perf_counter() - began) * 1000, "ready": (ready - began) * 1000}, {})


async def first_message(url: str) -> None:
    """Do as the page does: get it, open its WebSocket, ask for a connection, and wait for a message to come.

    Raises:
        Failed: the WebSocket was closed before.
    """
    # An address is no name that a cookie may be for, says the library unless told otherwise.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session, asyncio.timeout(TIMEOUT_SECONDS):
        origin, _, token = url.partition("/?token=")
        for address in (url, origin):  # the first gives a cookie, the second the page
            async with session.get(address) as answer:
                answer.raise_for_status()
        socket = await session.ws_connect(f"{origin}/ws?token={token}", origin=origin)
        connect = {"type": "connect", "endpoint": "embedded", "dialect": "json-rpc", "channels": CHANNELS}
        await socket.send_str(msgspec.json.encode(connect).decode())
        async for message in socket:
            for item in msgspec.json.decode(message.data):
                is_received = item["type"] == "frame" and item["direction"] == "received"
                if is_received and '"channelMessage"' in item["text"]:
                    return
        raise Failed("the page's WebSocket was closed before any message came")


def _python(code: str, environment: str) -> Row:
    return Row(code, environment, partial(median_of, [interpreter(environment), "-c", code]), "python -c")


FULGURITE = str(HOME / "fulgurite" / "bin" / "fulgurite")

TABLES = (
    Table(
        "start",
        "Start: imports, each in a fresh process",
        (Column("ms", "ms", 0), Column("cpu", "of which CPU", 0)),
        (
            _python("import fulgurite", "fulgurite"),
            _python("from fulgurite import connect", "fulgurite"),
            _python("pass", "fulgurite"),
        ),
        (Compared("ms", "ours is times as fast", is_cost=True),),
        (Goal("`import fulgurite` within, ms", "ms", 120, is_most=True, decimals=0),),
    ),
    Table(
        "start",
        "Start: commands, each in a fresh process",
        (Column("ms", "ms", 0), Column("cpu", "of which CPU", 0), Column("ready", "of which until it listens, ms", 0)),
        (
            Row("fulgurite --help", "fulgurite", partial(median_of, [FULGURITE, "--help"]), "to its end"),
            Row("fulgurite play", "fulgurite", partial(play, [FULGURITE]), "to the first live message on the page"),
        ),
        goals=(
            Goal("`fulgurite --help` within, ms", "ms", 150, is_most=True, decimals=0),
            Goal(
                "the first message on the page within, ms", "ms", 3_000, is_most=True, decimals=0, row="fulgurite play"
            ),
        ),
    ),
)

HOW = """\
* Start: the whole of a fresh process, from being started to its end, Python's own start included; the median of 9 in
  each round. `import fulgurite` loads its parts when they are first used, so the row that uses `connect` is there too.
  `fulgurite play` is timed until a program that acts as the page (gets it, opens its WebSocket, asks for a connection)
  is given the first message of a channel; the browser's own time is not in it.
"""
