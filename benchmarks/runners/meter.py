"""Shared by the Python runners: their expected counts in, their measurements out.

A runner is started as `python run_X.py URL EXPECTED`, where EXPECTED is the JSON of `frames.Expected` and "paced". It
subscribes the four channels of BTC_JPY and prints one line once it has handled the snapshot and another at its end.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib import metadata

URL = sys.argv[1]
EXPECTED = json.loads(sys.argv[2])
PACED = EXPECTED.get("paced", False)

PRODUCT = "BTC_JPY"
SNAPSHOT = f"lightning_board_snapshot_{PRODUCT}"
DIFF = f"lightning_board_{PRODUCT}"
TICKER = f"lightning_ticker_{PRODUCT}"
EXECUTIONS = f"lightning_executions_{PRODUCT}"
CHANNELS = (SNAPSHOT, DIFF, TICKER, EXECUTIONS)

handled_ns: list[int] = []
"""When each diff was handled; kept at a pace only."""
_ready_cpu_ns = 0


def ready() -> None:
    """The snapshot is handled: from here on it counts."""
    print("ready", flush=True)
    start()


def start() -> None:
    """From here on the processor time counts."""
    global _ready_cpu_ns
    _ready_cpu_ns = time.process_time_ns()


def done(counts: dict[str, int], best: tuple[float, float] | None, *packages: str, began_ns: int = 0) -> None:
    """The last message is handled: report, and end the process at once.

    Args:
        counts: of the items seen, by the names in `frames.Expected`.
        best: the best bid and ask of the book; None where there is none.
        packages: whose versions are of interest.
        began_ns: when the work began, where nobody else knows it.
    """
    end_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    versions = {name: metadata.version(name) for name in packages} | {"Python": platform.python_version()}
    result = {
        "began_ns": began_ns,
        "end_ns": end_ns,
        "cpu_ns": cpu_ns - _ready_cpu_ns,
        "counts": counts,
        "best": best and [float(price) for price in best],
        "handled_ns": handled_ns,
        "versions": versions,
    }
    print(json.dumps(result), flush=True)
    os._exit(0)  # reconnecting clients would go on
