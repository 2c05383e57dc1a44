"""Where the processor time of a program goes: a sample every millisecond of it, by module and function.

A sample falls on the Python function that runs or is about to go on, so what is done in C counts with who called it.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.001

_samples: Counter[str] = Counter()


def start() -> None:
    """Begin to count."""
    _samples.clear()
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)


def stop() -> dict[str, float]:
    """Count no more, and return the per cent of each function; nothing where nothing was begun."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    total = sum(_samples.values())
    return {name: count / total * 100 for name, count in _samples.items()}


def _sample(number: int, frame: FrameType | None) -> None:
    if frame is not None:
        code = frame.f_code
        # What stands within a function counts as the function.
        name = code.co_qualname.partition(".<locals>")[0].rpartition(".")[2]
        _samples[f"{Path(code.co_filename).stem}.{name}"] += 1
