"""pybotters as its users run it: its store keeps the book."""

from __future__ import annotations

import asyncio

import meter
import pybotters

seen = dict.fromkeys(("diffs", "tickers", "executions", "snapshots"), 0)
store = pybotters.bitFlyerDataStore()


def handle(message, ws) -> None:
    if "params" not in message:
        return
    store.onmessage(message, ws)
    channel = message["params"]["channel"]
    if channel == meter.DIFF:
        seen["diffs"] += 1
        if seen["diffs"] == meter.EXPECTED["diffs"]:
            book = store.board.sorted()
            best = book["bids"][0]["price"], book["asks"][0]["price"]
            meter.done(seen, best, "pybotters", "aiohttp")
    elif channel == meter.TICKER:
        seen["tickers"] += 1
    elif channel == meter.EXECUTIONS:
        seen["executions"] += len(message["params"]["message"])
    else:
        seen["snapshots"] += 1
        if seen["snapshots"] == 1:
            meter.ready()


async def main() -> None:
    requests = [
        {"method": "subscribe", "params": {"channel": channel}, "id": number}
        for number, channel in enumerate(meter.CHANNELS, start=1)
    ]
    async with pybotters.Client() as client:
        ws = await client.ws_connect(meter.URL, send_json=requests, hdlr_json=handle)
        await ws.wait()


asyncio.run(main())
