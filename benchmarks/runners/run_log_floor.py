"""The floor for a frame log: its lines, frames and messages decoded by msgspec, and the book kept if wanted.

python run_log_floor.py LOG EXPECTED MODE. For the output see meter.py.
"""

from __future__ import annotations

import sys
import time

import meter
import msgspec
from run_floor import DECODERS, NOTIFICATION

from fulgurite import Board, OrderBook


class Line(msgspec.Struct, gc=False):
    received_ns: int = 0
    frame: str = ""


def main() -> None:
    decode = msgspec.json.Decoder(Line).decode
    names = {meter.DIFF: "diffs", meter.TICKER: "tickers", meter.EXECUTIONS: "executions", meter.SNAPSHOT: "snapshots"}
    counts = dict.fromkeys(names.values(), 0)
    book = OrderBook() if sys.argv[3] == "book" else None
    decoders = DECODERS | {name: msgspec.json.Decoder(Board) for name in (meter.SNAPSHOT, meter.DIFF)}
    appliers = {} if book is None else {meter.SNAPSHOT: book.apply_snapshot, meter.DIFF: book.apply_diff}
    meter.start()
    began_ns = time.monotonic_ns()
    with open(meter.URL, "rb") as file:
        for text in file:
            frame = decode(text).frame
            if frame:
                params = NOTIFICATION.decode(frame).params
                data = decoders[params.channel].decode(params.message)
                if params.channel in appliers:
                    appliers[params.channel](data)
                counts[names[params.channel]] += len(data) if params.channel == meter.EXECUTIONS else 1
    best = None
    if book is not None:
        assert book.best_bid is not None
        assert book.best_ask is not None
        best = book.best_bid.price, book.best_ask.price
    meter.done(counts, best, "msgspec", began_ns=began_ns)


main()
