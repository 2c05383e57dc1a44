"""Processes that outlast the tests that started them: known by a variable that they inherit, wherever they ended up."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "FULGURITE_STARTED_BY_TESTS"

PATIENCE = 20.0
"""Seconds in which a process that was told to end does so on any machine; most are gone at once."""


def end_marked(mark: str) -> list[str]:
    """Wait until nothing runs that inherited this value of the variable; kill the rest.

    Returns:
        The commands of those that had to be killed; none on a system without `/proc`.
    """
    deadline = time.monotonic() + PATIENCE
    while list(_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = []
    for process in _marked(mark):
        with contextlib.suppress(OSError):
            left.append(f"{process.name}: {(process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()[:300]}")
            os.kill(int(process.name), signal.SIGKILL)
    return left


def _marked(mark: str) -> Iterator[Path]:
    wanted = f"{MARK}={mark}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        # Another user's process cannot be read, and one that has ended has no variables any more.
        with contextlib.suppress(OSError):
            if process.name != str(os.getpid()) and wanted in (process / "environ").read_bytes().split(b"\0"):
                yield process
