"""Our server, with and without a slow reader: python run_slow.py CHANNEL MESSAGE_BYTES PACE

Prints its port. A line "fill" publishes on the channel "filler" until a client no longer takes it; "pace SECONDS"
publishes on CHANNEL at the pace, a message a time, each with the time at which that was (nanoseconds of the machine's
monotonic clock). Each is answered with a line of JSON when it is done.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import sys
import time

from fulgurite.server.serve import RealtimeServer, serve

CHANNEL, MESSAGE_BYTES, PACE = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
FILLER = "lightning_ticker_BTC_JPY"
FILLER_BYTES = 64 * 1024
LIMIT_BYTES = 64 * 1024 * 1024
"""More than any socket takes."""


MORE = 16
"""Fillers that wait in the server's own memory then: a MiB, of the 8 at which a slow consumer is dropped."""


async def is_stuck(server: RealtimeServer) -> bool:
    """Whether somebody's buffer stays above its high water mark."""
    try:
        async with asyncio.timeout(0.1):
            await server.writable()
    except TimeoutError:
        return True
    return False


async def fill(server: RealtimeServer) -> None:
    filler = b'"' + b"-" * FILLER_BYTES + b'"'
    for _ in range(LIMIT_BYTES // FILLER_BYTES):
        server.hub.publish(FILLER, filler)
        if await is_stuck(server):
            for _ in range(MORE):
                server.hub.publish(FILLER, filler)
            return
    raise AssertionError("the slow reader took all")


async def pace(server: RealtimeServer, seconds: float) -> None:
    padding = b"-" * (MESSAGE_BYTES - 40)
    begin = time.monotonic()
    for index in range(round(seconds * PACE)):
        await asyncio.sleep(max(begin + index / PACE - time.monotonic(), 0))
        server.hub.publish(CHANNEL, b'{"at":%020d,"padding":"%b"}' % (time.monotonic_ns(), padding))


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    async with serve("127.0.0.1", 0, check_auth=lambda *_: None, ping_interval=3600) as server:
        print(json.dumps({"port": int(server.url.rpartition(":")[2])}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            what, *numbers = line.split()
            if what == "fill":
                await fill(server)
            else:
                await pace(server, float(numbers[0]))
            dropped = sum(server.connections.dropped.values())
            versions = {"Python": platform.python_version()}
            said = {"dropped": dropped, "is_stuck": await is_stuck(server), "versions": versions}
            print(json.dumps(said), flush=True)
        os._exit(0)


asyncio.run(main())
