"""Fulgurite's `replay`: python run_log_ours.py LOG EXPECTED MODE. For the output see meter.py."""

from __future__ import annotations

import asyncio
import sys
import time

import meter

from fulgurite import Board, Message, replay


async def main() -> None:
    counts = dict.fromkeys(("diffs", "tickers", "executions", "snapshots"), 0)
    meter.start()
    began_ns = time.monotonic_ns()
    async with replay(meter.URL) as log:
        book = log.books[meter.PRODUCT] if sys.argv[3] == "book" else None
        async for batch in log.batches():
            for item in batch:
                if type(item) is not Message:
                    continue
                data = item.data
                if type(data) is Board:
                    counts["diffs" if item.channel == meter.DIFF else "snapshots"] += 1
                elif isinstance(data, list):
                    counts["executions"] += len(data)
                else:
                    counts["tickers"] += 1
            if counts["diffs"] == meter.EXPECTED["diffs"]:
                break  # the last message is a diff
        best = None
        if book is not None:
            assert book.best_bid is not None
            assert book.best_ask is not None
            best = book.best_bid.price, book.best_ask.price
        meter.done(counts, best, "fulgurite", "msgspec", began_ns=began_ns)


asyncio.run(main())
