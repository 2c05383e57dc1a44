"""Another user of this machine can do nothing about a playground.

The other user is a process under another uid where the tests run as root, and under the same one elsewhere; then the
files' modes are looked at in place of that user's access.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from fulgurite.server.bind import outward_address

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks through /proc, which Linux has")

NOBODY = 65534
IS_ROOT = os.geteuid() == 0

# Given the playground's place and the secrets to look for, it prints all that it can get, as JSON to miss nothing.
SPY = """
import encodings.idna, http.client, json, os, socket, sys  # all of it while it may still be read
from pathlib import Path

told = json.load(sys.stdin)
if told["uid"] is not None:
    os.setgroups([])
    os.setgid(told["uid"])
    os.setuid(told["uid"])
port, secrets = told["port"], [secret.encode() for secret in told["secrets"]]
found = {"uid": os.getuid(), "processes": 0, "in": [], "answers": {}, "bound": []}

def look(place, content):
    if any(secret in content for secret in secrets):
        found["in"].append(place)

for path in told["paths"]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Origin": f"http://127.0.0.1:{port}"})
    answer = connection.getresponse()
    found["answers"][path] = answer.status
    look(path, answer.read() + str(answer.getheaders()).encode())
with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
    line.sendall(
        f"GET /ws HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nOrigin: http://127.0.0.1:{port}\\r\\n"
        "Connection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n".encode()
    )
    found["answers"]["/ws"] = int(line.recv(1000).split()[1])
# A browser goes to each of them for a name of this machine.
for family, address in ((2, "127.0.0.1"), (2, "0.0.0.0"), (10, "::1"), (10, "::")):
    try:
        with socket.socket(family) as taking:
            taking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taking.bind((address, port))
            taking.listen()
            found["bound"].append(address)
    except OSError:
        pass
for process in Path("/proc").glob("[0-9]*"):
    if process.name == str(os.getpid()):
        continue
    for name in ("cmdline", "environ"):
        try:
            content = (process / name).read_bytes()
        except OSError:
            continue
        found["processes"] += name == "cmdline"
        look(f"{process}/{name}", content)
for folder in told["folders"]:
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                look(os.path.join(place, file), Path(place, file).read_bytes())
            except OSError:
                pass
print(json.dumps(found))
"""

# Stands for a browser: it tells its user and its arguments, and stays until it is ended.
BROWSER = """
import json, os, sys, time
print(json.dumps([os.getpid(), sys.argv[1:]]), flush=True)
time.sleep(600)
"""

PATHS = ["/", "/static/js/main.js", "/samples.json", "/sample?language=go", "/openapi.json", "/logs/x", "/?token=guess"]


class Playing(NamedTuple):
    """A playground of this user's, that has opened a browser."""

    ready: dict[str, Any]
    browser_got: list[str]


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Playing]:
    """`fulgurite play`, with a browser."""
    browser = folder / "browser.py"
    browser.write_text(BROWSER)
    runtime = {"BROWSER": f"{sys.executable} {browser} %s &", "DISPLAY": ":9", "XDG_RUNTIME_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulgurite", "play", "--port", "0", "--json", "--seed", "7"),
        stdin=DEVNULL, stdout=PIPE, env=os.environ | runtime,
    )  # fmt: skip
    assert process.stdout is not None
    browser_id = None
    try:
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
            browser_id, browser_got = json.loads(await process.stdout.readline())
        yield Playing(ready, browser_got)
    finally:
        process.send_signal(signal.SIGINT)
        if browser_id is not None:
            os.kill(browser_id, signal.SIGKILL)
        await process.communicate()


async def spy(playing: Playing, *folders: Path) -> dict[str, Any]:
    """The findings of another user."""
    url = urlsplit(playing.ready["url"])
    told = {
        "uid": NOBODY if IS_ROOT else None,
        "port": url.port,
        "secrets": [url.query.partition("=")[2], playing.ready["api_secret"]],
        "paths": PATHS,
        "folders": [str(folder) for folder in folders] if IS_ROOT else [],
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SPY, stdin=PIPE, stdout=PIPE)
    output, _ = await process.communicate(json.dumps(told).encode())
    found: dict[str, Any] = json.loads(output)
    return found


def assert_private(file: Path) -> None:
    """Nobody but its user can read the file, or other files beside it."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_another_user_gets_nothing_of_a_playground(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):  # as a folder for temporary files is
        folder.chmod(0o755)
    async with playing(tmp_path) as mine:
        url = mine.ready["url"]
        assert urlsplit(url).query.startswith("token=")
        # The browser got a file that leads to the address and that nobody else can read.
        (address,) = mine.browser_got
        assert urlsplit(address).scheme == "file"
        file = Path(urlsplit(address).path)
        assert file.is_relative_to(tmp_path)
        assert_private(file)
        assert f"url={url}" in file.read_text()  # noqa: ASYNC240  # a line
        found = await spy(mine, tmp_path)
        assert found["uid"] == (NOBODY if IS_ROOT else os.getuid())
        assert found["processes"] > 1, "or nothing was looked at"
        assert found["answers"] == dict.fromkeys([*PATHS, "/ws"], 403)
        assert found["bound"] == []
        own = [place for place in found["in"] if place.endswith("/environ")] if not IS_ROOT else []
        assert found["in"] == own
        # The owner gets in by the same door, as often as it is opened.
        for _ in range(2):
            async with httpx.AsyncClient() as client:
                plain = mine.ready["plain_url"]
                assert (await client.get(plain)).status_code == 200
                assert (await client.get(plain.partition("?")[0])).status_code == 200
    assert not file.parent.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "own address"])
async def test_what_others_can_reach_is_behind_the_same_door_and_said_in_one_sentence(host):
    address = outward_address("0.0.0.0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulgurite", "play", "--port", "0", "--no-browser", "--seed", "7"),
        *("--host", address if host == "own address" else host),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    printed = b""
    async with asyncio.timeout(60):
        while b"seed" not in printed:
            line = await process.stdout.readline()
            assert line, printed
            printed += line
    urls = [word for word in printed.decode().split() if "?token=" in word]
    elsewhere = urlsplit(urls[-1])
    assert elsewhere.hostname == address
    base = f"http://{elsewhere.netloc}"
    async with httpx.AsyncClient() as other:
        assert (await other.get(base)).status_code == 403
        assert (await other.get(f"{base}/samples.json")).status_code == 403
        rebound = {"Host": f"evil.example:{elsewhere.port}"}
        assert (await other.get(f"{base}/?{elsewhere.query}", headers=rebound)).status_code == 421
        assert (await other.get(urls[-1])).status_code == 200
        assert (await other.get(base)).status_code == 200
        assert (await other.get(f"{base}/samples.json")).status_code == 200
    if host == "0.0.0.0":
        own_name = {"Host": f"{socket.gethostname()}:{elsewhere.port}"}
        async with httpx.AsyncClient() as named:
            assert (await named.get(base, headers=own_name)).status_code == 403
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    said = [line for line in errors.decode().splitlines() if "warning" in line]
    assert len(said) == 1
    assert f"opens the page on port {elsewhere.port} to every machine that can reach this one" in said[0]
