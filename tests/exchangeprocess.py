"""An exchange in a process of its own, for programs that measure it or try to break it."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Any


class ExchangeProcess:
    """A running `fulgurite exchange`.

    Args:
        process: the process.
        ready: its first line of output, decoded.
        said: the file that its standard error goes to.
    """

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any], said: IO[str]) -> None:
        self.ready = ready
        self.context = ssl.create_default_context(cafile=ready["ca_file"]) if "ca_file" in ready else None
        """The certificate that a client trusts; None without TLS."""
        self.pid = process.pid
        self._process = process
        self._said = said

    @property
    def credentials(self) -> list[tuple[str, str]]:
        """Key and secret of each account."""
        return [(each["api_key"], each["api_secret"]) for each in (self.ready, *self.ready.get("more_accounts", ()))]

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """Its standard error so far."""
        self._said.seek(0)
        return self._said.read()

    def errors(self) -> str:
        """Its log: nothing, unless an exception. A standstill on a busy machine is no error."""
        lines = self.said().splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("WARNING: The exchange stood still for "))

    def memory_mib(self) -> float:
        """Resident memory."""
        return memory_mib(self.pid)

    def control(self, path: str, body: object = None, method: str | None = None) -> str:
        """Ask the control API; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.ready['control']}/{path}", data, method=method)
        with urllib.request.urlopen(request, context=self.context) as response:
            text: str = response.read().decode()
        return text


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True).stdout) / 1024


def after_maintenance() -> datetime:
    """An hour after the latest daily maintenance began: from there on an exchange that lives quickly comes to none."""
    now = datetime.now(UTC)
    return now.replace(hour=20, minute=0, second=0, microsecond=0) - timedelta(days=now.hour < 20)


def at_after_maintenance() -> str:
    """The option that starts an exchange then."""
    return f"--at={after_maintenance():%FT%TZ}"


@contextlib.contextmanager
def exchange_process(*arguments: str) -> Iterator[ExchangeProcess]:
    """Run an exchange on free ports until the context is left.

    Args:
        arguments: further ones of `fulgurite exchange`.
    """
    command = [sys.executable, "-m", "fulgurite", "exchange", "--port", "0", "--json", *arguments]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            said.seek(0)
            assert line, said.read()
            yield ExchangeProcess(process, json.loads(line), said)
        finally:
            process.terminate()
