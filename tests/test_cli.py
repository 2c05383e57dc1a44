"""The command line as a user runs it: in processes of its own.

This module is long because each command is run with its good and its bad arguments.
"""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
import websockets

from fulgurite import Status, StatusKind, __version__, connect, resolve_endpoint, run_exchange
from fulgurite.cli.endpoints import find_endpoint, running_exchange
from fulgurite.cli.listen import find_channels
from fulgurite.server.bind import bind_socket, port_of
from tests.exchange.test_replay import numbered, write_log

TICKER = "lightning_ticker_BTC_JPY"


@asynccontextmanager
async def fulgurite(*arguments: str, stdin: int | None = None) -> AsyncIterator[Process]:
    """A running command; it is killed at the end if it runs then still."""
    # No display, so that no test opens a browser.
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fulgurite", *arguments,
        stdin=stdin, stdout=PIPE, stderr=PIPE, env=environment, limit=2**20,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(*arguments: str) -> tuple[int, str, str]:
    """Status, standard output and standard error of a command that ends by itself."""
    async with fulgurite(*arguments) as process:
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()


async def first_line(process: Process) -> dict[str, object]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, (await process.communicate())[1].decode()
    return json.loads(line)


async def interrupted(process: Process, with_signal: int = signal.SIGINT) -> tuple[int | None, str]:
    """Status and standard error after Ctrl-C."""
    process.send_signal(with_signal)
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_help_names_the_commands_with_an_example_each():
    status, output, _ = await finished("--help")
    assert status == 0
    for command in ("play", "exchange", "listen", "doctor", "credentials"):
        assert command in output
        status, help_text, _ = await finished(command, "--help")
        assert (status, "Example" in help_text) == (0, True)
    for command in ("add", "list", "test", "remove"):
        assert command in help_text
        assert "Example" in (await finished("credentials", command, "--help"))[1]
    assert (await finished("--version"))[1] == f"fulgurite {__version__}\n"


async def test_help_loads_nothing_that_takes_time():
    program = "import sys; from fulgurite.cli import main; sys.argv[1:] = ['--help']\n"
    program += "try: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE, stderr=PIPE)
    output, modules = await process.communicate()
    assert b"credentials" in output
    slow = {"asyncio", "logging", "ssl", "msgspec", "rich", "keyring", "httpx", "picows", "websockets", "uvicorn"}
    assert not slow & set(modules.decode().split())


async def test_further_accounts_are_in_the_line():
    async with fulgurite("exchange", "--port", "0", "--json", "--accounts", "3", "--no-rate-limits") as process:
        ready = await first_line(process)
        more = ready["more_accounts"]
        assert isinstance(more, list)
        assert [list(each) for each in more] == [["api_key", "api_secret"]] * 2
        assert len({str(ready["api_key"]), *(each["api_key"] for each in more)}) == 3


async def test_exchange_prints_one_line_when_it_is_ready_and_ends_cleanly():
    async with fulgurite("exchange", "--port", "0", "--json", "--seed", "5") as process:
        ready = await first_line(process)
        assert list(ready) == ["realtime", "socketio", "http", "api_key", "api_secret", "seed", "control"]
        assert ready["seed"] == 5
        async with websockets.connect(str(ready["realtime"])) as connection:
            await connection.send("[]")
            assert "Empty Array" in str(await connection.recv())
            assert await interrupted(process) == (0, "")
            with pytest.raises(websockets.ConnectionClosed, match="1001"):
                await connection.recv()


async def test_the_scenarios_are_listed_with_a_sentence_each():
    status, output, _ = await finished("exchange", "--list-scenarios")
    assert status == 0
    assert {"dead-channel", "dummy-server", "flapping", "daily-maintenance"} <= {
        line.split()[0] for line in output.splitlines()
    }


async def test_a_fault_plan_of_a_file_is_carried_out(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nfault = "close-at-once"\ncode = 4001\n')
    arguments = ("exchange", "--port", "0", "--json", "--faults", str(plan), "--no-control")
    async with fulgurite(*arguments) as process:
        ready = await first_line(process)
        assert "control" not in ready
        async with websockets.connect(str(ready["realtime"])) as connection:
            with pytest.raises(websockets.ConnectionClosed, match="4001"):
                await connection.recv()


@pytest.mark.parametrize("arguments", [[], ["play"], ["play", "--no-browser"]])
async def test_play_shows_the_pages_address(arguments: Sequence[str]):
    with bind_socket("127.0.0.1", 0) as free:
        port = str(port_of(free))
    # Without arguments it plays on its usual port, which another program on this machine may have.
    options = [*arguments, "--port", port] if arguments else []
    async with fulgurite(*options) as process:
        assert process.stdout is not None
        output = b""
        while b"page" not in output:
            line = await process.stdout.readline()
            if not line:
                assert not arguments, (await process.communicate())[1].decode()
                assert b"is taken by another program" in (await process.communicate())[1]
                return
            output += line
        name, url = output.decode().split()[-2:]
        assert name == "page"
        assert re.fullmatch(r"http://[0-9a-f]{16}\.localhost:\d+/\?token=[\w-]{32}", url)
        # Not every system looks such a name up itself, as browsers do.
        url = re.sub(r"[0-9a-f]{16}\.localhost", "127.0.0.1", url)
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200
        status, errors = await interrupted(process, signal.SIGTERM)
        assert (status, errors.splitlines()[-1]) == (128 + signal.SIGTERM, "fulgurite: ended by SIGTERM")


@pytest.mark.parametrize("command", ["play", "exchange"])
async def test_a_taken_port_is_said_in_a_sentence(command: str):
    with bind_socket("127.0.0.1", 0) as taken:
        status, _, errors = await finished(command, "--port", str(port_of(taken)))
    assert status == 1
    assert "is taken by another program" in errors
    assert "--port" in errors
    assert "Traceback" not in errors


async def test_a_host_that_others_can_reach_is_warned_about():
    async with fulgurite("exchange", "--port", "0", "--host", "0.0.0.0", "--json") as process:
        await first_line(process)
        status, errors = await interrupted(process)
    assert status == 0
    assert "warning: --host 0.0.0.0 opens the exchange's realtime and HTTP APIs to every machine" in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exchange", "--port", "0", "--replay", "missing.jsonl"], "--replay: 'missing.jsonl'"),
        (["exchange", "--port", "0", "--speed", "0"], "speed"),
        (["exchange", "--port", "0", "--speed", "1001"], "up to 1000"),
        (["exchange", "--scenario", "nonsense"], "--scenario: 'nonsense' is not accepted; give one of anomaly"),
        (
            ["exchange", "--faults", "missing.toml"],
            "--faults: 'missing.toml' is not accepted; give the path of a fault plan",
        ),
        (["exchange", "--loop"], "--loop: 'without --replay FILE'"),
        (["exchange", "--frame-rate", "5"], "--replay FILE with it"),
        *(
            (["exchange", "--port", "0", "--replay", "log.jsonl", *given], f"{given[0]}: 'with --replay FILE'")
            for given in (
                ["--seed", "1"],
                ["--at", "2026-09-23T18:59:30Z"],
                ["--product", "BTC_JPY"],
                ["--accounts", "1"],
                ["--refuse-in-maintenance"],
            )
        ),
        (
            ["exchange", "--replay", "log.jsonl", "--scenario", "daily-maintenance"],
            "--scenario: 'daily-maintenance' is not accepted; give one without a time of the day",
        ),
        (["exchange", "--at", "tomorrow"], "--at: 'tomorrow' is not accepted; give UTC as in"),
        (
            ["exchange", "--at", "1960-01-01T00:00:00Z"],
            "--at: '1960-01-01T00:00:00Z' is not accepted; give a time from",
        ),
        (
            ["exchange", "--at", "9999-01-01T00:00:00Z"],
            "--at: '9999-01-01T00:00:00Z' is not accepted; give a time from",
        ),
        (["exchange", "--product", "btc"], "--product: 'btc'"),
        (["play", "--seed", "-1", "--no-browser"], "--seed: -1"),
        (["sample", "--language", "nope"], "--language: 'nope'"),
        (["sample", "--language", "python", "--channel", "nope"], "--channel: 'nope'"),
        (["sample", "--language", "python", "--channel", "child_order_events"], "--channel: 'child_order_events'"),
        (["sample", "--language", "python", "--endpoint", "nope"], "--endpoint: 'nope'"),
        (["credentials", "add", "main", "--endpoint", "nope"], "--endpoint: 'nope'"),
        (["credentials", "add", "main", "--endpoint", "ws://h", "--http", "nope"], "--http: 'nope'"),
        (["exchange", "--seed", "-1"], "--seed: -1 is not accepted; give an integer from 0"),
        (["exchange", "--port", "70000"], "65535"),
        (["exchange", "--host", "203.0.113.1", "--port", "0"], "cannot listen on 203.0.113.1"),
        (["listen", "nope"], "lightning_ticker_PRODUCT"),
        (["listen", TICKER, "--endpoint", "ftp://x"], "endpoint"),
        (["listen", TICKER, "--dialect", "soap"], "json-rpc"),
        (["listen", TICKER, "--ca-file", "missing.pem"], "PEM certificate"),
        (
            ["listen", "child_order_events", "--endpoint", "ws://127.0.0.1:1"],
            "--credentials NAME for child_order_events",
        ),
        (["listen", TICKER, "--http", "ftp://x"], "--http: 'ftp://x' is not accepted"),
        (["doctor", "--http", "nope"], "--http: 'nope' is not accepted"),
        (["listen", TICKER, "--credentials", "a b"], "--credentials: 'a b' is not accepted; give 1 to 64"),
        (["listen"], "CHANNEL"),
        (["listen", "btc_jpy"], "BTC_JPY, ticker:BTC_JPY, executions:BTC_JPY, board:BTC_JPY, snapshot:BTC_JPY, or"),
        (["listen", "tickers:BTC_JPY"], "ticker:BTC_JPY"),
        (["listen", TICKER, "--connections", "5"], "--connections: 5 is not accepted; give an integer from 1 to 4"),
        (["listen", TICKER, "--repair", "later"], "alongside"),
        (["listen", TICKER, "--audit", "often"], "seconds from 0.001 to 1e9, or off"),
        (["listen", TICKER, "--audit", "0"], "seconds from 0.001 to 1e9, or off"),
        (["listen", TICKER, "--force"], "--record FILE"),
        (["listen", TICKER, "--record", "missing/log.jsonl"], "a file that can be written"),
        (["doctor", "--endpoint", "ftp://x"], "endpoint"),
        (["doctor", "--credentials", "a b"], "--credentials: 'a b' is not accepted; give 1 to 64"),
        (["doctor", "--ca-file", "missing.pem"], "PEM certificate"),
        (["credentials", "add", "a b"], "NAME: 'a b' is not accepted; give 1 to 64"),
        (["credentials", "test", "a b"], "NAME: 'a b' is not accepted; give 1 to 64"),
        (["credentials", "remove", "a b"], "NAME: 'a b' is not accepted; give 1 to 64"),
        (["credentials", "add"], "NAME"),
        (["nope"], "nope"),
    ],
)
async def test_a_mistake_is_told_in_a_sentence_and_never_in_a_traceback(arguments: list[str], said: str):
    status, output, errors = await finished(*arguments)
    assert status in (1, 2)
    assert said in errors
    assert "Traceback" not in errors
    assert output == ""


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["BTC_JPY"], ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY", "lightning_board_BTC_JPY"]),
        (["ticker:FX_BTC_JPY"], ["lightning_ticker_FX_BTC_JPY"]),
        (["executions:ETH_JPY", "board:ETH_JPY"], ["lightning_executions_ETH_JPY", "lightning_board_ETH_JPY"]),
        (["snapshot:BTCJPY24DEC2021"], ["lightning_board_snapshot_BTCJPY24DEC2021"]),
        ([TICKER, "ticker:BTC_JPY", "child_order_events"], [TICKER, "child_order_events"]),
    ],
)
def test_listen_takes_channels_in_short_and_each_once(words: list[str], names: list[str]):
    assert [channel.name for channel in find_channels(words)] == names


async def test_a_replay_offers_no_account_and_loses_no_beginning_of_a_pipe(tmp_path):
    log = write_log(tmp_path / "log.jsonl", numbered(2_000))
    arguments = ("exchange", "--port", "0", "--json", "--replay", "/dev/stdin", "--speed", "0")
    read_end, write_end = os.pipe()
    writer = await asyncio.create_subprocess_exec("cat", log, stdout=write_end)
    os.close(write_end)
    async with fulgurite(*arguments, stdin=read_end) as exchange:
        os.close(read_end)
        ready = await first_line(exchange)
        assert list(ready) == ["realtime", "socketio", "http", "seed", "replay", "control"]
        async with fulgurite("listen", TICKER, "--json", "--endpoint", str(ready["realtime"])) as listening:
            assert [(await first_line(listening))["message"] for _ in range(2_000)] == list(range(2_000))
    await writer.wait()


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_listen_prints_each_message_as_it_came(tmp_path, dialect):
    log = write_log(tmp_path / "log.jsonl", numbered(3))
    async with fulgurite("exchange", "--port", "0", "--json", "--replay", str(log), "--speed", "0") as exchange:
        ready = await first_line(exchange)
        url = str(ready["realtime" if dialect == "json-rpc" else "socketio"])
        async with fulgurite("listen", TICKER, "--json", "--dialect", dialect, "--endpoint", url) as listening:
            lines = [await first_line(listening) for _ in range(3)]
            assert [set(line) for line in lines] == [{"channel", "received_ns", "message"}] * 3
            assert [line["message"] for line in lines] == [0, 1, 2]
            status, errors = await interrupted(listening)
        assert status == 0
        assert "Traceback" not in errors


async def test_listen_needs_no_account_and_no_network():
    """Without an endpoint it runs an exchange of its own."""
    async with fulgurite("listen", "lightning_board_FX_BTC_JPY", "--json") as process:
        line = await first_line(process)
        assert line["channel"] == "lightning_board_FX_BTC_JPY"
        assert (await interrupted(process))[0] == 0


async def test_the_doctor_prints_a_line_for_each_check_and_fails_where_one_did():
    async with fulgurite("exchange", "--port", "0", "--json", "--tls") as exchange:
        ready = await first_line(exchange)
        where = ["--endpoint", str(ready["realtime"]), "--http", str(ready["http"])]
        status, output, errors = await finished("doctor", *where, "--ca-file", str(ready["ca_file"]))
        assert (status, errors) == (0, "")
        *lines, _, counts = output.splitlines()
        checks = [line for line in lines if not line.startswith(" ")]  # the next step stands below its check
        # A machine that does ten other things is slow, and is told so.
        late = [line for line in checks if "only after" in line or "behind this machine's clock" in line]
        assert [line for line in checks if not line.startswith("warning " if line in late else "ok ")] == []
        assert counts == f"{len(checks) - len(late)} ok, {len(late)} warning, 0 failed"

        status, output, errors = await finished("doctor", *where)
        assert (status, errors) == (1, "")
        assert "advice: name a certificate that you made yourself with --ca-file" in output
        assert output.endswith(" 3 failed\n")

        status, output, errors = await finished("doctor", *where, "--json")
        assert (status, errors) == (1, "")
        findings = [json.loads(line) for line in output.splitlines()]
        assert {tuple(each) for each in findings} == {("subject", "check", "mark", "measured", "advice")}
        assert [each["subject"] for each in findings if each["mark"] == "failed"] == [
            "JSON-RPC",
            "Socket.IO",
            "HTTP API",
        ]


# --- when it is ended, or nobody reads its output


WRITERS = {
    "listen": ["listen", "BTC_JPY"],
    "listen --json": ["listen", "BTC_JPY", "--json"],
    "exchange": ["exchange", "--port", "0", "--product", "BTC_JPY"],
    "exchange --json": ["exchange", "--port", "0", "--product", "BTC_JPY", "--json"],
    "exchange --list-scenarios": ["exchange", "--list-scenarios"],
    "play": ["play", "--port", "0", "--no-browser"],
    "play --json": ["play", "--port", "0", "--no-browser", "--json"],
    "doctor": ["doctor", "--endpoint", "ws://127.0.0.1:1"],
    "doctor --json": ["doctor", "--endpoint", "ws://127.0.0.1:1", "--json"],
    "sample --list": ["sample", "--list"],
    "sample": ["sample", "--language", "python"],
    "version": ["--version"],
    "help": ["--help"],
}


@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
async def test_a_full_disk_under_standard_output_is_said_in_a_line(arguments: list[str], tmp_path):
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230  # a device that opens at once
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fulgurite", *arguments, stdout=full, stderr=PIPE, cwd=tmp_path
        )
    _, errors = await process.communicate()
    last = errors.decode().splitlines()[-1]
    assert (process.returncode, last) == (1, "fulgurite: cannot write to standard output: No space left on device")
    assert "Traceback" not in errors.decode()


@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
async def test_closed_standard_output_is_said_in_a_line(arguments: list[str], tmp_path):
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "fulgurite", *arguments, stderr=PIPE, cwd=tmp_path
    )
    _, errors = await process.communicate()
    last = errors.decode().splitlines()[-1]
    assert (process.returncode, last) == (1, "fulgurite: cannot write to standard output: Bad file descriptor")
    assert "Traceback" not in errors.decode()


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-", "2>&0"], ids=["full", "closed", "unread"])
async def test_standard_error_that_cannot_be_written_ends_no_listening_and_no_recording(tmp_path, to: str):
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "fulgurite", "listen", "BTC_JPY", "--json", "--record", str(log)]
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {to}', "sh", *command, stdin=writing, stdout=PIPE, cwd=tmp_path
    )
    os.close(writing)
    assert process.stdout is not None
    for _ in range(20):
        assert await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[-1]["event"] == "end"


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-"])
async def test_standard_error_that_cannot_be_written_changes_no_status(tmp_path, to: str):
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {to}', "sh", sys.executable, "-m", "fulgurite", "listen", "nonsense", cwd=tmp_path
    )
    assert await process.wait() == 2


@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
async def test_a_pipe_that_nobody_reads_any_more_ends_a_command_quietly(arguments: list[str], tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fulgurite", *arguments, stdout=writing, stderr=PIPE, cwd=tmp_path
    )
    os.close(writing)
    _, errors = await process.communicate()
    assert "Traceback" not in errors.decode()
    assert "Exception" not in errors.decode()
    assert process.returncode == 0


@pytest.fixture
def hangup_is_heeded() -> Iterator[None]:
    """Have programs heed the end of a terminal also where `nohup` runs the tests; a handler is not inherited."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup_is_heeded")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_a_command_with_its_status_and_the_recording_whole(tmp_path, number: signal.Signals):
    log = tmp_path / "log.jsonl"
    arguments = ["listen", "executions:BTC_JPY", "ticker:BTC_JPY", "--json", "--record", str(log)]
    async with fulgurite(*arguments) as process:
        await first_line(process)
        status, errors = await interrupted(process, number)
    last = errors.splitlines()[-1]
    if number == signal.SIGINT:
        assert status == 0
    else:
        assert (status, last) == (128 + number, f"fulgurite: ended by {number.name}")
    assert "Traceback" not in errors
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[-1]["event"] == "end"


async def test_what_is_to_outlive_its_terminal_does(tmp_path):
    """`nohup` has the signal ignored."""
    process = await asyncio.create_subprocess_exec(
        "nohup", sys.executable, "-m", "fulgurite", "listen", "ticker:BTC_JPY", "--json",
        stdout=PIPE, stderr=PIPE, stdin=asyncio.subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    await first_line(process)
    process.send_signal(signal.SIGHUP)
    await first_line(process)
    assert await interrupted(process, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM


# --- "embedded"


async def test_embedded_is_the_exchange_that_runs_at_the_usual_ports_and_it_is_named(monkeypatch):
    async with run_exchange(products=["BTC_JPY"], seed=1) as exchange:
        known = resolve_endpoint("embedded", exchange.http)
        monkeypatch.setattr("fulgurite.client.endpoints.EMBEDDED", known)
        found = await running_exchange()
        assert found is not None
        assert (found.json_rpc, found.socketio, found.http) == (exchange.realtime, exchange.socketio, exchange.http)
        async with find_endpoint("embedded", None) as (endpoint, credentials):
            assert (endpoint, credentials) == (found, None)
    assert await running_exchange() is None, "nobody listens there any more"


async def test_another_program_at_the_usual_ports_is_not_taken_for_an_exchange(monkeypatch):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(
            "fulgurite.client.endpoints.EMBEDDED", resolve_endpoint("embedded", f"http://127.0.0.1:{port}/v1")
        )
        assert await running_exchange() is None


async def test_an_exchange_of_its_own_knows_the_key_that_was_named_and_has_one_where_none_was(monkeypatch):
    monkeypatch.setattr("fulgurite.client.endpoints.EMBEDDED", resolve_endpoint("embedded", "http://127.0.0.1:1/v1"))
    for given in (None, lambda: ("my key", "my secret")):
        async with (
            find_endpoint("embedded", None, given) as (endpoint, credentials),
            connect("child_order_events", endpoint=endpoint, credentials=credentials) as stream,
        ):
            async for item in stream:
                if isinstance(item, Status) and item.kind is StatusKind.SUBSCRIBED:
                    break


async def test_private_channels_of_an_exchange_of_its_own_need_no_key():
    async with fulgurite("listen", "child_order_events", "ticker:BTC_JPY", "--json") as process:
        line = await first_line(process)
        assert line["channel"] == TICKER
        _, errors = await interrupted(process)
    assert "authenticated" in errors or "using the exchange that runs" in errors
