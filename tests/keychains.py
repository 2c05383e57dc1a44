"""Keychains for tests, by the library's own seam: backends of keyring. Neither writes a file.

One is in this process. The other is for commands in processes of their own: it asks a server here, over a Unix socket
whose path is in the environment, so that the secrets are in this process alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError, PasswordSetError

Entries = dict[tuple[str, str], str]

PATH_VARIABLE = "FULGURITE_TEST_KEYCHAIN"
ENVIRONMENT = {
    "PYTHON_KEYRING_BACKEND": "tests.keychains.SocketKeychain",
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
}


class MemoryKeychain(KeyringBackend):
    """A keychain in this process."""

    priority = 0.1  # chosen by name only

    def __init__(self) -> None:
        super().__init__()
        self.entries: Entries = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("there is no such entry")


class SocketKeychain(KeyringBackend):
    """A keychain in the process of the test."""

    priority = 0.1

    def get_password(self, service: str, username: str) -> str | None:
        return self._ask("get", service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        if self._ask("set", service, username, password) is None:
            # As careless as a keychain's error can be.
            raise PasswordSetError(f"cannot keep {password}")

    def delete_password(self, service: str, username: str) -> None:
        self._ask("delete", service, username)

    def _ask(self, *question: str) -> str | None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ[PATH_VARIABLE])
            with connection.makefile("rw") as stream:
                stream.write(json.dumps(question) + "\n")
                stream.flush()
                answer: str | None = json.loads(stream.readline())
                return answer


class KeychainServer:
    """The requests of `SocketKeychain`."""

    def __init__(self, path: Path) -> None:
        self.entries: Entries = {}
        self.is_broken = False
        self.environment = {**ENVIRONMENT, PATH_VARIABLE: str(path)}

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        action, service, username, *password = json.loads(await reader.readline())
        result = self.entries.get((service, username))
        if action == "set":
            result = None if self.is_broken else "kept"
            if not self.is_broken:
                self.entries[service, username] = password[0]
        elif action == "delete":
            self.entries.pop((service, username))
        writer.write(json.dumps(result).encode() + b"\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def keychain_server(folder: Path) -> AsyncIterator[KeychainServer]:
    server = KeychainServer(folder / "keychain.socket")
    async with await asyncio.start_unix_server(server.answer, server.environment[PATH_VARIABLE]):
        yield server
