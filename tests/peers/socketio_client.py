"""A user's program on python-socketio 4, the last line of it that speaks Socket.IO 2.

    python socketio_client.py URL CHANNEL...    credentials, if any, as {"key": ..., "secret": ...} on standard input

One JSON line an event: connect, auth, subscribe, message, disconnect. Ends when it is killed.
"""

from __future__ import annotations

import asyncio
import sys

import socketio
from reporting import credentials, report, signed


async def main(url: str, channels: list[str]) -> None:
    keys = credentials()
    client = socketio.AsyncClient()

    async def connect() -> None:
        report("connect")
        if keys is not None:
            report("auth", error=await client.call("auth", signed(keys)))
        for channel in channels:
            report("subscribe", channel=channel, error=await client.call("subscribe", channel))

    def show(channel):
        return lambda message: report("message", channel=channel, message=message)

    client.on("connect", connect)
    client.on("disconnect", lambda: report("disconnect"))
    for channel in channels:
        client.on(channel, show(channel))

    await client.connect(url, transports=["websocket"])
    await client.wait()


asyncio.run(main(sys.argv[1], sys.argv[2:]))
