"""Programs that a measurement runs, and the lines of JSON that they say."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks.environments import ROOT

TIMEOUT_SECONDS = 90.0


class Failed(Exception):
    """A row could not be measured; the message says why."""


@contextmanager
def started(
    command: list[object], environment: Mapping[str, str] = os.environ, timeout: float = TIMEOUT_SECONDS
) -> Iterator[subprocess.Popen[str]]:
    """Run a program, which is killed at the end or after so many seconds."""
    pipe = subprocess.PIPE
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Say a line to a program."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def read_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that a program says, which is JSON.

    Raises:
        Failed: it ended without one; with its own last words.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise Failed(why_ended(process))
    value: dict[str, Any] = json.loads(line)
    return value


def why_ended(process: subprocess.Popen[str]) -> str:
    """The last line that a program wrote to its standard error, or how it ended."""
    process.wait(TIMEOUT_SECONDS)
    assert process.stderr is not None
    lines = process.stderr.read().strip().splitlines()
    return lines[-1] if lines else f"it ended with {process.returncode}, or was stopped for taking too long"


def memory_kb(process: subprocess.Popen[str]) -> int:
    """Resident memory of a program, in units of 1,000 bytes."""
    result = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True)
    return int(result.stdout) * 1024 // 1000
