"""Fulgurite: typed messages, and the order book that the stream keeps. A third argument is the dialect."""

from __future__ import annotations

import asyncio
import sys
import time

import meter

import fulgurite
from fulgurite import Board, Message


async def main() -> None:
    diffs = tickers = executions = snapshots = 0
    async with fulgurite.connect(*meter.CHANNELS, endpoint=meter.URL, dialect=sys.argv[3]) as stream:
        book = stream.books[meter.PRODUCT]
        async for batch in stream.batches():
            for item in batch:
                if type(item) is not Message:
                    continue
                data = item.data
                if type(data) is Board:
                    if item.channel == meter.DIFF:
                        diffs += 1
                        if meter.PACED:
                            meter.handled_ns.append(time.monotonic_ns())
                    else:
                        snapshots += 1
                        if snapshots == 1:
                            meter.ready()
                elif isinstance(data, list):
                    executions += len(data)
                else:
                    tickers += 1
            if diffs == meter.EXPECTED["diffs"]:
                break
        assert book.best_bid is not None
        assert book.best_ask is not None
        counts = {"diffs": diffs, "tickers": tickers, "executions": executions, "snapshots": snapshots}
        best = (book.best_bid.price, book.best_ask.price)
        meter.done(counts, best, "fulgurite", "picows", "msgspec")


asyncio.run(main())
