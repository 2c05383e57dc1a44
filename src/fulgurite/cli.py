"""The command `fulgurite`. Only this module touches signals, logging and the exit status.

Heavy imports are inside the commands, so that `fulgurite --help` answers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from fulgurite import __version__
from fulgurite.errors import FulguriteError, InputError

if TYPE_CHECKING:
    from fulgurite.client import Endpoint
    from fulgurite.exchange.run import Exchange
    from fulgurite.server.faults import AnyFault

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    name="fulgurite",
    help="The sandbox for bitFlyer Lightning's Realtime API. Without a command: play.",
    epilog="Examples: fulgurite | fulgurite exchange --json | fulgurite listen lightning_ticker_BTC_JPY",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class DialectOption(StrEnum):
    """The dialects as the command line spells them."""

    JSON_RPC = "json-rpc"
    SOCKETIO = "socketio"


Host = Annotated[str, typer.Option(help="Address to listen on. Anything but loopback lets others in.")]
Seed = Annotated[
    int | None, typer.Option(help="What the market's randomness comes from; the same seed, the same market.")
]


def main() -> None:
    """Run the command line; mistakes of the user are told in a sentence, never in a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    # What a client sends to our server is not our user's concern.
    logging.getLogger("picows").setLevel(logging.CRITICAL)
    try:
        app()
    except InputError as error:
        _fail(error, EXIT_USAGE)
    except FulguriteError as error:
        _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        # Before a command has taken the signal over, or where it cannot.
        sys.exit(0)


def _fail(error: FulguriteError, status: int) -> NoReturn:
    print(f"fulgurite: {error}", file=sys.stderr)
    sys.exit(status)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fulgurite {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        play()


@app.command(epilog="Example: fulgurite play --no-browser --port 8080")
def play(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.", min=0, max=65535)] = 7350,
    host: Host = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")] = False,
) -> None:
    """Open the playground: a web page on an embedded exchange."""
    _run(_play(port, host, browser, seed, as_json))


async def _play(port: int, host: str, browser: bool, seed: int | None, as_json: bool) -> None:
    from fulgurite import playground
    from fulgurite.exchange import run as exchange

    _warn_if_open(host)
    async with exchange.run(seed=seed) as running, playground.run(_endpoint(running), host, port) as page:
        if as_json:
            import msgspec

            ready: dict[str, object] = {"url": page.url, **msgspec.json.decode(running.ready_line())}
            print(msgspec.json.encode(ready).decode(), flush=True)
        else:
            print("Fulgurite is playing. Ctrl-C ends it.\n")
            _print_table({"page": page.url} | _addresses(running))
            sys.stdout.flush()
        if browser:
            await _open_browser(page.url)
        await asyncio.Event().wait()


@app.command(epilog="Example: fulgurite exchange --port 0 --json, or fulgurite exchange --replay day.jsonl --speed 10")
def exchange(
    port: Annotated[
        int | None,
        typer.Option(help="Realtime port, both dialects; 0 takes any free one.", show_default="7351", min=0, max=65535),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(help="HTTP port.", show_default="7352, or any free one with --port 0", min=0, max=65535),
    ] = None,
    host: Host = "127.0.0.1",
    seed: Seed = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="What the exchange's clock shows at the start, UTC; maintenance is at 19:00.",
            metavar="TIME",
            show_default="now",
        ),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS with a self-made certificate.")] = False,
    replay: Annotated[
        Path | None, typer.Option(help="Serve this frame log instead of a simulated market.", metavar="FILE")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Seconds of its clock that pass in one, up to 1000; a replay also takes 0: as fast as readers do.",
            show_default="1",
            min=0,
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin the replay again at its end.")] = False,
    paused: Annotated[
        bool, typer.Option("--paused", help="Hold the replay until POST /control/replay says otherwise.")
    ] = False,
    faults: Annotated[
        Path | None, typer.Option(help="What is to go wrong: a fault plan in TOML.", metavar="FILE")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="What is to go wrong: a named plan, see --list-scenarios.", metavar="NAME")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list-scenarios", help="List the named plans and end.")] = False,
    control: Annotated[bool, typer.Option(help="Serve the control API, to programs on this machine.")] = True,
    accounts: Annotated[
        int, typer.Option(help="How many accounts can trade; --json prints the keys of all.", min=1, max=100)
    ] = 1,
    rate_limits: Annotated[bool, typer.Option(help="Refuse private requests beyond the real limits.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")] = False,
) -> None:
    """Run the embedded exchange: both dialects and the public HTTP API, for your own programs."""
    if list_scenarios:
        _print_scenarios()
        return
    if replay is None:
        for name, is_given in (("loop", loop), ("paused", paused)):
            if is_given:
                raise InputError(f"--{name}", "without --replay", f"--replay FILE with --{name}")
    plan, start = _plan(faults, scenario)
    options = (port, http_port, host, seed, at or start, tls, replay, speed, loop, paused, plan, control)
    _run(_exchange(*options, accounts, rate_limits, as_json))


def _plan(path: Path | None, scenario: str | None) -> tuple[list[AnyFault], str | None]:
    """The faults of a file and of a scenario, and when the scenario starts, if it says."""
    from datetime import UTC, datetime

    from fulgurite.exchange.scenarios import find_scenario
    from fulgurite.server.faults import parse_plan

    plan: list[AnyFault] = []
    start = None
    if scenario is not None:
        found = find_scenario(scenario)
        plan += parse_plan(found.plan)
        start = f"{datetime.now(UTC):%Y-%m-%d}T{found.starts_at}Z" if found.starts_at else None
    if path is not None:
        try:
            text = path.read_text()
        except (OSError, UnicodeError) as error:
            raise InputError("--faults", str(path), f"the path of a fault plan ({error})") from error
        plan += parse_plan(text)
    return plan, start


def _print_scenarios() -> None:
    from fulgurite.exchange.scenarios import SCENARIOS

    for name, scenario in SCENARIOS.items():
        print(f"{name:18} {scenario.sentence}")


async def _exchange(
    port: int | None,
    http_port: int | None,
    host: str,
    seed: int | None,
    at: str | None,
    tls: bool,
    replay: Path | None,
    speed: float | None,
    loop: bool,
    paused: bool,
    faults: list[AnyFault],
    control: bool,
    accounts: int,
    rate_limits: bool,
    as_json: bool,
) -> None:
    from fulgurite.exchange.run import DEFAULT_HTTP_PORT, DEFAULT_PORT, run
    from fulgurite.protocol.messages import parse_time

    _warn_if_open(host)
    async with run(
        host=host,
        port=DEFAULT_PORT if port is None else port,
        http_port=(0 if port == 0 else DEFAULT_HTTP_PORT) if http_port is None else http_port,
        seed=seed,
        start_ns=None if at is None else parse_time(at),
        tls=tls,
        replay=replay,
        speed=1.0 if speed is None else speed,
        loop=loop,
        paused=paused,
        faults=faults,
        control=control,
        accounts=accounts,
        rate_limits=rate_limits,
    ) as running:
        if as_json:
            print(running.ready_line(), flush=True)
        else:
            print("The exchange is open. Ctrl-C ends it.\n")
            _print_table(_addresses(running))
            sys.stdout.flush()
        await asyncio.Event().wait()


@app.command(
    epilog="Example: fulgurite listen lightning_ticker_BTC_JPY lightning_executions_FX_BTC_JPY --endpoint live --json"
)
def listen(
    channels: Annotated[list[str], typer.Argument(metavar="CHANNEL...", help="For example lightning_ticker_BTC_JPY.")],
    dialect: Annotated[DialectOption, typer.Option(help="How to speak to the endpoint.")] = DialectOption.JSON_RPC,
    endpoint: Annotated[
        str, typer.Option(help="embedded (an exchange of its own), live, or a ws, wss, http or https URL.")
    ] = "embedded",
    http: Annotated[str | None, typer.Option(help="The HTTP API, where it is elsewhere.", metavar="URL")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificate to trust, for an endpoint with a self-made one.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each item.")] = False,
) -> None:
    """Print what comes on channels; reconnects, and says what was missed."""
    _run(_listen(channels, dialect, endpoint, http, ca_file, as_json))


async def _listen(
    channels: list[str], dialect: str, endpoint: str, http: str | None, ca_file: Path | None, as_json: bool
) -> None:
    from fulgurite.client import resolve_endpoint
    from fulgurite.client.listen import listen
    from fulgurite.protocol.channels import parse_channel

    asked = [parse_channel(channel) for channel in channels]
    context = None if ca_file is None else _trusting(ca_file)
    async with contextlib.AsyncExitStack() as stack:
        if endpoint == "embedded":
            where = await stack.enter_async_context(_embedded())
        else:
            where = resolve_endpoint(endpoint, http)
        await listen(asked, where, dialect, as_json=as_json, ssl_context=context)


@contextlib.asynccontextmanager
async def _embedded() -> AsyncIterator[Endpoint]:
    from fulgurite.exchange.run import run

    async with run() as running:
        yield _endpoint(running)


def _endpoint(running: Exchange) -> Endpoint:
    from fulgurite.client import Endpoint

    return Endpoint("embedded", json_rpc=running.realtime, socketio=running.socketio, http=running.http)


def _trusting(ca_file: Path) -> Any:
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError("--ca-file", str(ca_file), f"the path of a PEM certificate ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _run(work: Coroutine[None, None, None]) -> None:
    """Run a command until it ends, or until Ctrl-C or a request to terminate ends it cleanly."""
    asyncio.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[None, None, None]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no signal handlers in the loop; there KeyboardInterrupt cancels the work.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _warn_if_open(host: str) -> None:
    from fulgurite.server.bind import is_loopback

    if not is_loopback(host):
        print(
            f"fulgurite: warning: listening on {host}: everyone who can reach this machine can use it",
            file=sys.stderr,
        )


async def _open_browser(url: str) -> None:
    import os
    import webbrowser

    # Without a display Python would open a text browser in this very terminal.
    has_display = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if not (has_display and await asyncio.to_thread(webbrowser.open, url)):
        print("fulgurite: no browser could be opened here; open the page's address yourself", file=sys.stderr)


def _addresses(running: Exchange) -> dict[str, str]:
    rows = {
        "JSON-RPC 2.0": running.realtime,
        "Socket.IO 2.0": running.socketio,
        "HTTP API": running.http,
        "demo key": running.api_key,
        "demo secret": running.api_secret,
    }
    for number, each in enumerate(running.more_accounts, start=2):
        rows |= {f"key {number}": each.api_key, f"secret {number}": each.api_secret}
    if running.replay is not None:
        rows["replay"] = running.replay
    if running.seed is not None:
        rows["seed"] = str(running.seed)
    if running.ca_file is not None:
        rows["certificate to trust"] = running.ca_file
    return rows


def _print_table(rows: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right")
    table.add_column(style="bold", overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    Console(highlight=False).print(table)
