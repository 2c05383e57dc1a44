"""pylightningfx as its users run it: every message a pydantic model. It keeps no book."""

from __future__ import annotations

import asyncio
import time

import meter
from pylightningfx import AsyncRealtimeClient

seen = dict.fromkeys(("diffs", "tickers", "executions", "snapshots"), 0)


async def main() -> None:
    async with AsyncRealtimeClient(url=meter.URL) as client:
        await client.subscribe(*meter.CHANNELS)
        async for message in client.listen():
            if message.channel == meter.DIFF:
                seen["diffs"] += 1
                if meter.PACED:
                    meter.handled_ns.append(time.monotonic_ns())
                if seen["diffs"] == meter.EXPECTED["diffs"]:
                    meter.done(seen, None, "pylightningfx", "pydantic", "websockets")
            elif message.channel == meter.TICKER:
                seen["tickers"] += 1
            elif message.channel == meter.EXECUTIONS:
                seen["executions"] += len(message.data)
            else:
                seen["snapshots"] += 1
                if seen["snapshots"] == 1:
                    meter.ready()


asyncio.run(main())
