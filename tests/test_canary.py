"""A key and a secret run through every command, log level, error path and crash, and are found nowhere.

The commands are the real ones, in processes of their own, with every logger at DEBUG and Python's development mode. The
key is that of an embedded exchange in this process. They search a command's output, its arguments and
its environment while it runs, and every file that it could have written; and the page's traffic, storage and elements.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.async_api import WebSocket, expect

from fulgurite.exchange.run import Exchange, run
from tests.keychains import KeychainServer, keychain_server
from tests.terminals import Terminal, at_terminal

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks through /proc, which Linux has")

# The command `fulgurite`, with nothing kept back from the logs.
COMMAND = """
import logging
logging.basicConfig(level=logging.DEBUG)
from fulgurite.cli import main
main()
"""

# A user's program that crashes while it listens, with as much said about it as can be.
CRASH = """
import asyncio, faulthandler, logging, sys
import rich.traceback
from fulgurite import Endpoint, Status, StatusKind, child_order_events, connect, keychain

logging.basicConfig(level=logging.DEBUG)
faulthandler.enable()
rich.traceback.install(show_locals=True)

async def listen():
    credentials = keychain("main")
    endpoint = Endpoint("x", json_rpc=sys.argv[1], socketio=sys.argv[1])
    async with connect(child_order_events(), endpoint=endpoint, credentials=credentials) as stream:
        async for item in stream:
            if isinstance(item, Status) and item.kind is StatusKind.SUBSCRIBED:
                faulthandler.dump_traceback()
                raise RuntimeError(f"crashed with {stream!r}, {credentials!r}, {item!r}")

asyncio.run(listen())
"""


class World:
    """Where the commands live: a home, a keychain and an exchange."""

    def __init__(self, folder: Path, keychain: KeychainServer, exchange: Exchange) -> None:
        self.keychain = keychain
        self.exchange = exchange
        self.canaries = [exchange.api_key, exchange.api_secret]
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        names = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TERM", "COVERAGE_FILE")},
            **dict.fromkeys(names, str(self.home)),
            **keychain.environment,
            "WEBSOCKETS_MAX_LOG_SIZE": "100000",  # the library would log frames whole, were it let
        }
        self.where = ["--endpoint", exchange.realtime, "--http", exchange.http]

    def fulgurite(self, *arguments: str) -> list[str]:
        return [sys.executable, "-X", "dev", "-c", COMMAND, *arguments]

    @asynccontextmanager
    async def running(self, *command: str) -> AsyncIterator[Process]:
        """A command with its output in a pipe; it is looked through while it runs."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT, env=self.environment, cwd=self.home
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def output(self, *command: str, status: int = 0) -> str:
        """The output of a command that ends by itself."""
        async with self.running(*command) as process:
            self.look_at_process(process)
            async with asyncio.timeout(60):
                printed = (await process.communicate())[0].decode()
        self.look_at(printed, *command)
        assert process.returncode == status, printed
        return printed

    async def output_until(self, text: str, *command: str) -> str:
        """The output of a command up to a text, and then until it has been ended with Ctrl-C."""
        printed = ""
        async with self.running(*command) as process, asyncio.timeout(60):
            assert process.stdout is not None
            while text not in printed:
                line = await process.stdout.readline()
                assert line, f"ended before it printed {text!r}: {printed}"
                printed += line.decode()
            self.look_at_process(process)
            process.send_signal(signal.SIGINT)
            printed += (await process.communicate())[0].decode()
        self.look_at(printed, *command)
        return printed

    async def add(self, name: str, api_key: str, secret: str, status: int = 0) -> Terminal:
        """Type a key at a terminal."""
        command = self.fulgurite("credentials", "add", name)
        async with at_terminal(*command, environment=self.environment, folder=self.home) as terminal:
            await terminal.shows("Endpoint: live, embedded, or a URL [live]: ")
            terminal.types(self.exchange.realtime)
            await terminal.shows("Its HTTP API: a URL, or nothing: ")
            terminal.types(self.exchange.http)
            await terminal.shows("API key (not shown): ")
            terminal.types(api_key)
            await terminal.shows("API secret (not shown): ")
            self.look_at_process(terminal.process)
            terminal.types(secret)
        self.look_at(terminal.shown)
        assert terminal.process.returncode == status, terminal.shown
        return terminal

    def look_at_process(self, process: Process) -> None:
        """Look through the arguments and the environment of a process and of its children."""
        for pid in (process.pid, *_children(process.pid)):
            for name in ("cmdline", "environ"):
                with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    self.look_at(Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"))

    def look_at(self, *texts: str) -> None:
        """Fail where a canary is in one of these texts, without repeating it."""
        for text in texts:
            found = [number for number, canary in enumerate(self.canaries) if canary in text]
            assert not found, f"canaries {found} are in {self.masked(text)}"

    def masked(self, text: str) -> str:
        for number, canary in enumerate(self.canaries):
            text = text.replace(canary, f"<canary {number}>")
        return text

    def look_at_files(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(canary.encode() in content for canary in self.canaries), path


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with keychain_server(tmp_path) as keychain, run() as exchange:
        world = World(tmp_path, keychain, exchange)
        yield world
        world.look_at_files()


def keep(world: World, api_key: str, secret: str) -> None:
    where = {"endpoint": world.exchange.realtime, "http": world.exchange.http}
    entry = {"api_key": api_key, "secret": secret, **where}
    world.keychain.entries["fulgurite", "main"] = msgspec.json.encode(entry).decode()


def keep_right(world: World) -> None:
    keep(world, world.exchange.api_key, world.exchange.api_secret)


async def test_the_search_finds_what_is_there(world):
    """Or the others could not fail."""
    secret = world.exchange.api_secret
    with pytest.raises(AssertionError):
        await world.output(sys.executable, "-c", f"print('{secret}')")
    with pytest.raises(AssertionError):
        world.look_at(f"text with {world.exchange.api_key} in it")
    (world.home / "deep").mkdir()
    written = world.home / "deep" / "file"
    written.write_text(f"..{secret}..")
    with pytest.raises(AssertionError):
        world.look_at_files()
    written.unlink()


async def test_a_key_is_added_listed_tested_used_and_removed(world):
    assert "No keys" in await world.output(*world.fulgurite("credentials", "list"))
    terminal = await world.add("main", world.exchange.api_key, world.exchange.api_secret)
    assert "Kept as 'main'" in terminal.shown
    assert world.exchange.api_secret in str(world.keychain.entries)
    listed = await world.output(*world.fulgurite("credentials", "list"))
    assert f"main  {world.exchange.realtime} with {world.exchange.http}\n" in listed

    assert "order events" in await world.output(*world.fulgurite("credentials", "test", "main"))
    assert "order events" in await world.output(*world.fulgurite("credentials", "test", "main", *world.where))
    printed = await world.output(*world.fulgurite("doctor", "--credentials", "main", *world.where))
    assert "may be listened to" in printed
    await world.output(*world.fulgurite("doctor", "--json", "--credentials", "main", *world.where))

    listen = world.fulgurite("listen", "child_order_events", "--credentials", "main", *world.where)
    socketio = ["--dialect", "socketio"]
    for options in ([], ["--json"], socketio):
        await world.output_until("subscribed", *listen, *options)

    command = world.fulgurite("credentials", "remove", "main")
    async with at_terminal(*command, environment=world.environment, folder=world.home) as terminal:
        await terminal.shows("Forget the key called 'main'?")
        terminal.types("y")
    world.look_at(terminal.shown)
    assert "Forgotten" in terminal.shown
    assert world.exchange.api_secret not in str(world.keychain.entries)
    assert "no key called 'main'" in await world.output(*listen, status=1)


async def test_a_key_of_another_endpoint_signs_nothing_and_is_not_told(world):
    """Neither for a stranger's realtime API, nor for a stranger's HTTP API beside the right one."""
    entry = {"api_key": world.exchange.api_key, "secret": world.exchange.api_secret}
    beside = ["--endpoint", "live", "--http", world.exchange.http]
    world.keychain.entries["fulgurite", "main"] = msgspec.json.encode(entry).decode()
    for where in (world.where, beside):
        for command in (["listen", "child_order_events", "--credentials", "main"], ["credentials", "test", "main"]):
            printed = await world.output(*world.fulgurite(*command, *where), status=1)
            assert "the key 'main' is kept for live and signs nothing for" in printed
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{world.exchange.control}/connections")).json() == []


async def test_a_wrong_secret_is_refused_without_being_told(world):
    wrong = "canary-of-a-wrong-secret"
    world.canaries.append(wrong)
    keep(world, world.exchange.api_key, wrong)
    printed = await world.output(*world.fulgurite("credentials", "test", "main", *world.where), status=1)
    assert "refused" in printed
    listen = world.fulgurite("listen", "child_order_events", "--credentials", "main", *world.where)
    assert "refused auth" in await world.output(*listen, status=1)


async def test_what_is_no_key_is_refused_at_the_terminal_without_being_told(world):
    world.canaries += ["canary key", "canary secret"]
    terminal = await world.add("main", "canary key", "canary secret", status=2)
    assert "without a space" in terminal.shown
    assert world.keychain.entries == {}


async def test_a_key_given_as_an_argument_is_refused_and_not_repeated(world):
    given = world.fulgurite("credentials", "add", "main", world.exchange.api_key, world.exchange.api_secret)
    async with world.running(*given) as process:
        printed = (await process.communicate())[0].decode()
    world.look_at(printed)
    assert process.returncode == 2
    assert "2 more than one" in printed
    assert world.keychain.entries == {}


async def test_a_keychain_that_repeats_the_secret_in_its_error_is_not_repeated(world):
    world.keychain.is_broken = True
    terminal = await world.add("main", world.exchange.api_key, world.exchange.api_secret, status=1)
    assert "PasswordSetError" in terminal.shown


async def test_a_secret_is_not_taken_from_a_pipe(world):
    process = await asyncio.create_subprocess_exec(
        *world.fulgurite("credentials", "add", "main"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env=world.environment,
        cwd=world.home,
    )
    typed = f"{world.exchange.api_key}\n{world.exchange.api_secret}\n"
    printed = (await process.communicate(typed.encode()))[0].decode()
    world.look_at(printed)
    assert process.returncode == 2
    assert "at a terminal" in printed
    assert world.keychain.entries == {}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"fault": "refuse-auth"}, "auth"),
        ({"fault": "no-ack", "method": "auth"}, "did not answer auth"),
        ({"fault": "close-at-once", "code": 4001}, "4001"),
        ({"fault": "reset", "every": 0.5}, "cut"),
    ],
)
async def test_a_server_that_fails_is_told_of_without_the_key(tmp_path, fault, said):
    async with keychain_server(tmp_path) as keychain, run(faults=[fault]) as exchange:
        world = World(tmp_path, keychain, exchange)
        keep_right(world)
        listen = world.fulgurite("listen", "child_order_events", "--credentials", "main", *world.where)
        await world.output_until(said, *listen)
        world.look_at_files()


async def test_a_server_that_is_gone_is_told_of_without_the_key(tmp_path):
    async with keychain_server(tmp_path) as keychain:
        async with run() as exchange:
            world = World(tmp_path, keychain, exchange)
            keep_right(world)
        await world.output(*world.fulgurite("credentials", "test", "main", *world.where), status=1)
        listen = world.fulgurite("listen", "child_order_events", "--credentials", "main", *world.where)
        await world.output_until("Connection refused", *listen)
        world.look_at_files()


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_secret_typed_into_the_page_stays_in_the_browser(world, page, dialect):
    """In none of the page's traffic, storage, elements or address; in nothing that its backend prints, or has."""
    secret = world.exchange.api_secret
    traffic: list[str] = []
    page.set_default_timeout(120_000)  # the whole program starts meanwhile, with everything in its log
    page.on("request", lambda request: traffic.append(f"{request.url} {request.headers} {request.post_data}"))

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda data: traffic.append(str(data)))
        socket.on("framereceived", lambda data: traffic.append(str(data)))

    page.on("websocket", watch)
    play = world.fulgurite("play", "--no-browser", "--port", "0", "--json")
    async with world.running(*play) as process:
        assert process.stdout is not None
        line = b""
        while not line.startswith(b"{"):
            line = await process.stdout.readline()
        url = msgspec.json.decode(line)["url"]
        # A program whose log nobody reads would stop.
        reading = asyncio.create_task(process.stdout.read())
        await page.goto(
            f"{url}#view=orders&dialect={dialect}&endpoint={world.exchange.realtime}&http={world.exchange.http}"
        )
        await page.locator(".top").get_by_role("button", name="Connect", exact=True).click()
        await page.get_by_role("textbox", name="API key").fill(world.exchange.api_key)
        await page.get_by_label("API secret").press_sequentially(secret)
        await page.get_by_role("button", name="Use", exact=True).click()
        authenticated = page.locator("[data-auth=authenticated]")
        await expect(authenticated).to_be_visible(timeout=60_000)
        assert world.exchange.control is not None
        async with httpx.AsyncClient() as client:
            await client.post(f"{world.exchange.control}/faults", json={"fault": "close"})
        await expect(authenticated).to_have_count(0, timeout=60_000)
        await expect(authenticated).to_be_visible(timeout=60_000)
        kept = await page.evaluate(
            """async () => JSON.stringify([
                { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), document.cookie, location.href,
                document.documentElement.outerHTML, [...document.querySelectorAll("input")].map(({ value }) => value),
            ])"""
        )
        world.look_at_process(process)
        process.send_signal(signal.SIGINT)
        printed = (await reading).decode()
    assert '"signature"' in "".join(traffic), "or nothing was looked through"
    for text in (*traffic, kept, printed):
        assert secret not in text


async def test_a_crash_tells_nothing_even_with_the_values_of_all_variables(world):
    keep_right(world)
    command = (sys.executable, "-X", "dev", "-c", CRASH, world.exchange.realtime)
    printed = await world.output(*command, status=1)
    assert "crashed with" in printed
    assert "locals" in printed
