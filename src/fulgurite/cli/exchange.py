"""`fulgurite exchange`: the embedded exchange for other programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fulgurite.cli.options import Host, ReadyLine, Seed, naming_options
from fulgurite.cli.running import run
from fulgurite.cli.serving import addresses, print_table, warn_if_open
from fulgurite.errors import InputError
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS

if TYPE_CHECKING:
    from fulgurite.exchange.run import Exchange

_OF_BOTH: Final = ("host", "port", "tls", "speed", "scenario", "control", "rate_limits")
_OF_MARKETS: Final = ("seed", "at", "accounts", "refuse_in_maintenance", "product")
_OF_REPLAYS: Final = ("loop", "paused", "longest_pause", "frame_rate")

Port = Annotated[int, typer.Option(help="Realtime port, both dialects; 0 takes any free one.", min=0, max=65535)]
HttpPort = Annotated[
    int | None, typer.Option(help="HTTP port.", show_default="7352, or any free one with --port 0", min=0, max=65535)
]
At = Annotated[
    str | None,
    typer.Option(
        help="The exchange's time at the start, UTC; maintenance is at 19:00.", metavar="TIME", show_default="now"
    ),
]
Tls = Annotated[bool, typer.Option("--tls", help="Speak TLS with a self-made certificate.")]
ReplayFile = Annotated[
    Path | None,
    typer.Option(
        help="Serve this recording instead of a simulated market: a frame log, HAR, raw lines of cryptofeed or tardis, "
        "or one frame a line.",
        metavar="FILE",
    ),
]
Speed = Annotated[
    float, typer.Option(help="Clock speed, up to 1000; a replay also takes 0: as fast as readers do.", min=0)
]
Loop = Annotated[bool, typer.Option("--loop", help="Begin the replay again at its end.")]
Paused = Annotated[bool, typer.Option("--paused", help="Hold the replay until POST /control/replay says otherwise.")]
LongestPause = Annotated[
    float,
    typer.Option(
        help="A pause of the replay of so many of its seconds, or more, is passed over; inf for none.",
        metavar="SECONDS",
    ),
]
FrameRate = Annotated[
    float | None,
    typer.Option(
        help="Frames a second of a replayed file without times: one frame a line.", show_default="33", metavar="NUMBER"
    ),
]
Faults = Annotated[Path | None, typer.Option(help="Faults: a plan in TOML.", metavar="FILE")]
ScenarioName = Annotated[str | None, typer.Option(help="Faults: a named plan, see --list-scenarios.", metavar="NAME")]
ListScenarios = Annotated[bool, typer.Option("--list-scenarios", help="List the named plans and end.")]
Control = Annotated[bool, typer.Option(help="Serve the control API, to programs on this machine.")]
Accounts = Annotated[
    int, typer.Option(help="How many accounts can trade; --json prints the keys of all.", min=1, max=100)
]
RateLimits = Annotated[bool, typer.Option(help="Refuse HTTP requests beyond the real limits.")]
RefuseInMaintenance = Annotated[
    bool, typer.Option("--refuse-in-maintenance", help="Answer connects from 19:02 to 19:10 UTC with status 503.")
]
ProductCodes = Annotated[
    list[str] | None,
    typer.Option(help="A product that trades; give it again for another.", metavar="CODE", show_default="all nine"),
]


def exchange(
    context: typer.Context,
    port: Port = 7351,
    http_port: HttpPort = None,
    host: Host = "127.0.0.1",
    seed: Seed = None,
    at: At = None,
    tls: Tls = False,
    replay: ReplayFile = None,
    speed: Speed = 1.0,
    loop: Loop = False,
    paused: Paused = False,
    longest_pause: LongestPause = LONGEST_PAUSE_SECONDS,
    frame_rate: FrameRate = None,
    faults: Faults = None,
    scenario: ScenarioName = None,
    list_scenarios: ListScenarios = False,
    control: Control = True,
    accounts: Accounts = 1,
    rate_limits: RateLimits = True,
    refuse_in_maintenance: RefuseInMaintenance = False,
    product: ProductCodes = None,
    as_json: ReadyLine = False,
) -> None:
    """Run the embedded exchange for your own programs.

    It speaks both dialects of the realtime API, and the HTTP API.
    """
    if list_scenarios:
        _print_scenarios()
        return
    _refuse_options_of_others(context, replay)
    with naming_options(*_OF_BOTH, *_OF_MARKETS, *_OF_REPLAYS, "faults", products="--product", path="--replay"):
        serving = _exchange(context.params)
        warn_if_open(
            host, "the exchange's realtime and HTTP APIs", "anybody there can use them, but not the control API"
        )
        run(_serve(serving, as_json))


def _refuse_options_of_others(context: typer.Context, replay: Path | None) -> None:
    for name in _OF_REPLAYS if replay is None else _OF_MARKETS:
        source = context.get_parameter_source(name)
        if source is None or source.name == "DEFAULT":
            continue
        option = f"--{name.replace('_', '-')}"
        if replay is None:
            raise InputError(option, "without --replay FILE", "--replay FILE with it")
        accepted = "it without --replay FILE: a recording has its own market, no accounts"
        raise InputError(option, "with --replay FILE", accepted)


def _exchange(options: Mapping[str, Any]) -> AbstractAsyncContextManager[Exchange]:
    from fulgurite.exchange import run as servers

    shared = {name: options[name] for name in _OF_BOTH}
    shared["faults"] = options["faults"] or ()
    shared["http_port"] = options["http_port"]
    if shared["http_port"] is None:
        shared["http_port"] = 7352 if options["port"] else 0
    if options["replay"] is not None:
        return servers.run_replay(options["replay"], **{name: options[name] for name in _OF_REPLAYS}, **shared)
    return servers.run(
        seed=options["seed"],
        start_ns=None if options["at"] is None else _start_ns(options["at"]),
        accounts=options["accounts"],
        refuse_in_maintenance=options["refuse_in_maintenance"],
        products=options["product"] or (),
        **shared,
    )


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
