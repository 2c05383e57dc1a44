"""`fulgurite exchange`: the embedded exchange for other programs."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fulgurite.cli.options import Host, ReadyLine, Seed, naming_options
from fulgurite.cli.running import run
from fulgurite.cli.serving import addresses, print_table, warn_if_open
from fulgurite.errors import InputError

if TYPE_CHECKING:
    from fulgurite.exchange.run import Exchange


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
            help="The exchange's time at the start, UTC; maintenance is at 19:00.",
            metavar="TIME",
            show_default="now",
        ),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS with a self-made certificate.")] = False,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Serve this recording instead of a simulated market: a frame log, HAR, raw lines of cryptofeed or "
            "tardis, or one frame a line.",
            metavar="FILE",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Clock speed, up to 1000; a replay also takes 0: as fast as readers do.",
            show_default="1",
            min=0,
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin the replay again at its end.")] = False,
    paused: Annotated[
        bool, typer.Option("--paused", help="Hold the replay until POST /control/replay says otherwise.")
    ] = False,
    longest_pause: Annotated[
        float | None,
        typer.Option(
            help="A pause of the replay of so many of its seconds, or more, is passed over; inf for none.",
            show_default="86400",
            metavar="SECONDS",
        ),
    ] = None,
    frame_rate: Annotated[
        float | None,
        typer.Option(
            help="Frames a second of a replayed file without times: one frame a line.",
            show_default="33",
            metavar="NUMBER",
        ),
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Faults: a plan in TOML.", metavar="FILE")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Faults: a named plan, see --list-scenarios.", metavar="NAME")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list-scenarios", help="List the named plans and end.")] = False,
    control: Annotated[bool, typer.Option(help="Serve the control API, to programs on this machine.")] = True,
    accounts: Annotated[
        int | None,
        typer.Option(
            help="How many accounts can trade; --json prints the keys of all.", show_default="1", min=1, max=100
        ),
    ] = None,
    rate_limits: Annotated[bool, typer.Option(help="Refuse HTTP requests beyond the real limits.")] = True,
    refuse_in_maintenance: Annotated[
        bool, typer.Option("--refuse-in-maintenance", help="Answer connects from 19:02 to 19:10 UTC with status 503.")
    ] = False,
    product: Annotated[
        list[str] | None,
        typer.Option(help="A product that trades; give it again for another.", metavar="CODE", show_default="all nine"),
    ] = None,
    as_json: ReadyLine = False,
) -> None:
    """Run the embedded exchange for your own programs.

    It speaks both dialects of the realtime API, and the HTTP API.
    """
    if list_scenarios:
        _print_scenarios()
        return
    from fulgurite.exchange.scenarios import find_scenario

    with naming_options("scenario"):
        plan = None if scenario is None else find_scenario(scenario)
    only_of_markets = {
        "--seed": seed is not None,
        "--at": at is not None,
        "--accounts": accounts is not None,
        "--refuse-in-maintenance": refuse_in_maintenance,
        "--product": bool(product),
        f"--scenario {scenario}": plan is not None and bool(plan.starts_at),
    }
    only_of_replays = {
        "--loop": loop,
        "--paused": paused,
        "--longest-pause": longest_pause is not None,
        "--frame-rate": frame_rate is not None,
    }
    for name, is_given in (only_of_markets if replay else only_of_replays).items():
        if is_given and replay:
            raise InputError(
                name, "with --replay FILE", "it without --replay FILE: a recording has its own market, no accounts"
            )
        if is_given:
            raise InputError(name, "without --replay FILE", "--replay FILE with it")
    from fulgurite.exchange import run as servers
    from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS

    shared: dict[str, Any] = {
        "host": host,
        "port": servers.DEFAULT_PORT if port is None else port,
        "http_port": (0 if port == 0 else servers.DEFAULT_HTTP_PORT) if http_port is None else http_port,
        "tls": tls,
        "speed": 1.0 if speed is None else speed,
        "faults": () if faults is None else faults,
        "scenario": scenario,
        "control": control,
        "rate_limits": rate_limits,
    }
    if replay is not None:
        pause = LONGEST_PAUSE_SECONDS if longest_pause is None else longest_pause
        serving = servers.run_replay(
            replay, loop=loop, paused=paused, longest_pause=pause, frame_rate=frame_rate, **shared
        )
    else:
        serving = servers.run(
            seed=seed,
            start_ns=None if at is None else _start_ns(at),
            accounts=1 if accounts is None else accounts,
            refuse_in_maintenance=refuse_in_maintenance,
            products=product or (),
            **shared,
        )
    warn_if_open(host, "the exchange's realtime and HTTP APIs", "anybody there can use them, but not the control API")
    names = ("seed", "speed", "longest_pause", "frame_rate", "faults", "scenario", "accounts")
    with naming_options(*names, products="--product", path="--replay"):
        run(_serve(serving, as_json))


def _start_ns(at: str) -> int:
    from fulgurite.exchange.run import MAX_START_NS
    from fulgurite.protocol.messages import parse_time

    with naming_options(time="--at"):
        start_ns = parse_time(at)
    if not 0 <= start_ns <= MAX_START_NS:
        raise InputError("--at", at, "a time from 1970 to the end of 2199")
    return start_ns


def _print_scenarios() -> None:
    from fulgurite.exchange.scenarios import SCENARIOS

    for name, scenario in SCENARIOS.items():
        print(f"{name:18} {scenario.sentence}")


async def _serve(serving: AbstractAsyncContextManager[Exchange], as_json: bool) -> None:
    import asyncio

    async with serving as running:
        if as_json:
            print(running.ready_line(), flush=True)
        else:
            print("The exchange is open. Ctrl-C ends it.\n")
            print_table(addresses(running))
            sys.stdout.flush()
        await asyncio.Event().wait()
