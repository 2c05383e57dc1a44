"""The floor for a frame log: its lines, frames and messages decoded by msgspec, and nothing else.

python run_log_floor.py LOG EXPECTED MODE. For the output see meter.py.
"""

from __future__ import annotations

import time

import meter
import msgspec
from run_floor import DECODERS, NOTIFICATION


class Line(msgspec.Struct, gc=False):
    received_ns: int = 0
    frame: str = ""


def main() -> None:
    decode = msgspec.json.Decoder(Line).decode
    names = {meter.DIFF: "diffs", meter.TICKER: "tickers", meter.EXECUTIONS: "executions", meter.SNAPSHOT: "snapshots"}
    counts = dict.fromkeys(names.values(), 0)
    meter.start()
    began_ns = time.monotonic_ns()
    with open(meter.URL, "rb") as file:
        for text in file:
            frame = decode(text).frame
            if frame:
                params = NOTIFICATION.decode(frame).params
                data = DECODERS[params.channel].decode(params.message)
                counts[names[params.channel]] += len(data) if params.channel == meter.EXECUTIONS else 1
    meter.done(counts, None, "msgspec", began_ns=began_ns)


main()
