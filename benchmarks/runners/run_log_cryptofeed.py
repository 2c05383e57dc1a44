"""cryptofeed's playback of its own capture: python run_log_cryptofeed.py LOG EXPECTED. Output: see meter.py.

Before the clock starts, the frame log is written as the pcap file that cryptofeed's recorder would have made, by the
recorder's own writer.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import meter
from cryptofeed.capture import playback
from cryptofeed.capture.pcap import (
    META_ADDRESS,
    META_CONN_ID,
    META_EXCHANGE,
    META_ORDINAL,
    META_SUBSCRIPTION,
    PcapFile,
    WSStream,
)
from cryptofeed.capture.recorder import metadata_path
from cryptofeed.defines import ASK, BID, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Bitflyer
from cryptofeed.symbols import Symbols

SYMBOLS = {"BTC-JPY": meter.PRODUCT}, {"instrument_type": {"BTC-JPY": "spot"}}
counts = dict.fromkeys(("diffs", "tickers", "executions", "snapshots"), 0)
began_ns = 0


async def on_book(book, receipt_timestamp):
    if book.delta is None:
        counts["snapshots"] += 1
        return
    counts["diffs"] += 1
    if counts["diffs"] == meter.EXPECTED["diffs"]:
        best = book.book[BID].index(0)[0], book.book[ASK].index(0)[0]
        meter.done(counts, best, "cryptofeed", began_ns=began_ns)


async def on_trade(trade, receipt_timestamp):
    counts["executions"] += 1


async def on_ticker(ticker, receipt_timestamp):
    counts["tickers"] += 1


def convert(log: Path, feed: Bitflyer) -> str:
    """Write the capture, and beside it the names of symbols, which would be asked for over HTTP otherwise."""
    path = str(log.with_suffix(".pcap"))
    connection = feed.connect()[0][0]
    meta = {
        META_CONN_ID: connection.id,
        META_EXCHANGE: feed.id,
        META_ADDRESS: connection.address,
        META_ORDINAL: "0",
        META_SUBSCRIPTION: json.dumps(connection.subscription),
    }
    file, stream = PcapFile(path), None
    for text in log.read_bytes().splitlines():
        line = json.loads(text)
        if "frame" not in line:
            continue  # an event of the connection
        if stream is None:
            stream = WSStream(file, 40000, line["received_ns"], connection.address, meta)
        stream.message(line["received_ns"], line["frame"])
    stream.close(line["received_ns"])
    file.close()
    snapshot = {"normalized": SYMBOLS[0], "info": SYMBOLS[1]}
    feeds = [{"exchange": feed.id, "symbols_snapshot": snapshot}]
    Path(metadata_path(path)).write_text(json.dumps({"feeds": feeds, "streams": []}))
    return path


Symbols.set(Bitflyer.id, *SYMBOLS)
callbacks = {L2_BOOK: on_book, TRADES: on_trade, TICKER: on_ticker}


def make_feed() -> Bitflyer:
    return Bitflyer(symbols=["BTC-JPY"], channels=list(callbacks), callbacks=callbacks)


path = convert(Path(meter.URL), make_feed())
feed = make_feed()
meter.start()
began_ns = time.monotonic_ns()
playback(path, feed=feed, on_error="raise")
