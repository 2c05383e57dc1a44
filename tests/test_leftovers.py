"""Processes that the tests start end with them."""

from __future__ import annotations

import os
import subprocess
import sys

from tests import leftovers
from tests.conftest import ENDING_WITH_US

WAITING = (sys.executable, "-c", "print(flush=True); import time; time.sleep(600)")


def started(*command: str, mark: str) -> subprocess.Popen[bytes]:
    """Start a command with a mark, once it has printed a line."""
    process = subprocess.Popen(command, env=os.environ | {leftovers.MARK: mark}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_process_that_outlasts_its_test_is_named_and_killed(monkeypatch):
    monkeypatch.setattr(leftovers, "PATIENCE", 0)
    process = started(*WAITING, mark="mine")
    others = started(*WAITING, mark="another's")
    try:
        (left,) = leftovers.end_marked("mine")
        assert left.startswith(f"{process.pid}: {sys.executable} -c ")
        assert process.wait() == -9
        assert others.poll() is None
    finally:
        others.kill()
        others.communicate()
        process.communicate()


def test_what_ends_soon_is_waited_for():
    process = started("sh", "-c", "echo; sleep 0.2", mark="mine")
    assert leftovers.end_marked("mine") == []
    process.communicate()


def test_a_browser_ends_with_the_program_that_started_it(tmp_path):
    """Also behind a script, as Debian's is, and also when nobody has the time to end it."""
    script = tmp_path / "browser"
    script.write_text(f"#!/bin/sh -e\n{sys.executable} -c '{WAITING[2]}'\n:\n")
    script.chmod(0o755)
    program = f"""
import subprocess, os, signal
subprocess.Popen(["sh", "-c", {ENDING_WITH_US!r}, "sh", {str(script)!r}], stdin=subprocess.PIPE, start_new_session=True)
signal.pause()
"""
    process = started(sys.executable, "-c", program, mark="mine")
    process.kill()
    process.communicate()
    assert leftovers.end_marked("mine") == []
