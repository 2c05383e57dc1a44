"""The tests' own report of a failure deep in the stack does no harm to other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

FAILING = """
import ast, gc

class Failure(Exception):
    def __str__(self):
        return f"garbage is collected: {gc.isenabled()}"

def finalize(phase, info):
    deep(20)

def deep(n):
    if n:
        deep(n - 1)
    else:
        ast.parse("x[1]")  # as whoever formats a traceback does

def fall(n):
    if n:
        fall(n - 1)
    gc.callbacks.append(finalize)
    raise Failure

def test_that_fails():
    fall(10)

def test_after_it():
    gc.callbacks.clear()
"""


def test_a_failure_deep_down_is_that_of_one_test_alone(tmp_path):
    """Python 3.11.2 ended the whole run with "AST constructor recursion depth mismatch"."""
    file = tmp_path / "test_failing.py"
    # A report parses the file: one so long that garbage would be collected meanwhile.
    file.write_text(FAILING + "LONG = [\n" + "    [1, 2, [3]],\n" * 1500 + "]\n")
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
    )
    done = subprocess.run((*command, file), cwd=ROOT, capture_output=True, text=True)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "garbage is collected: False" in done.stdout
