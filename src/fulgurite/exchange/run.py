"""The exchange as a running thing: a clock, a market or a replay, the realtime server and the HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Unpack

import msgspec
from starlette.routing import Route

from fulgurite.errors import InputError
from fulgurite.exchange.accounts import Account
from fulgurite.exchange.aims import check_aim
from fulgurite.exchange.control import control_routes, identity_route
from fulgurite.exchange.descriptions import description_routes
from fulgurite.exchange.drive import OPEN_AT_FIRST_NS, ExchangeClock, drive
from fulgurite.exchange.http import create_app
from fulgurite.exchange.marketdata import MarketData
from fulgurite.exchange.privatehttp import private_routes
from fulgurite.exchange.products import PRODUCTS, Product
from fulgurite.exchange.ratelimits import RateLimits
from fulgurite.exchange.replay import Replay
from fulgurite.exchange.scenarios import find_scenario
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.trader import FaultMembers, Trader
from fulgurite.logfile import LogFile
from fulgurite.protocol.arguments import check_flag, check_integer, check_number, check_type
from fulgurite.protocol.auth import ACCEPTED_KEYS, AuthChecker, any_key, is_api_key
from fulgurite.protocol.choices import MAINTENANCE_REFUSES_CONNECTS
from fulgurite.protocol.dialects import DIALECTS, DialectName
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS
from fulgurite.protocol.messages import parse_time
from fulgurite.server.bind import bind_socket, check_host, port_of, url_host
from fulgurite.server.faults import AnyFault, Fault, FaultName, parse_fault, parse_plan
from fulgurite.server.http import serve_app
from fulgurite.server.serve import RealtimeServer, serve
from fulgurite.server.tls import self_made

DEFAULT_PORT: Final = 7351
DEFAULT_HTTP_PORT: Final = 7352

MAX_SEED: Final = 2**63 - 1

MAX_START_NS: Final = 7_258_118_400_000_000_000
"""The beginning of 2200: however fast the clock runs, its nanoseconds stay below 2**63."""

MAX_ACCOUNTS: Final = 100


class Credentials(msgspec.Struct, frozen=True):
    """What a client needs to speak for one account."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Credentials(api_key={self.api_key!r}, api_secret=...)"


class _Parts(NamedTuple):
    """What runs behind an `Exchange`."""

    server: RealtimeServer
    traders: tuple[Trader, ...]
    products: list[str] | None
    """The codes of those that trade; None while a frame log is replayed, which may have any."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A running exchange: where it is, and the demo credentials of this run."""

    realtime: str
    """The JSON-RPC address."""
    socketio: str
    """The Socket.IO address."""
    http: str
    """The HTTP API, including `/v1`."""
    api_key: str = ""
    """Empty while a frame log is replayed: nobody can trade then, and `auth` is granted to any key."""
    api_secret: str = ""
    seed: int | None
    """What the market's randomness comes from; None while a frame log is replayed."""
    ca_file: str | None = None
    """With TLS: the file of the certificate to trust, there as long as the exchange runs."""
    replay: str | None = None
    """The frame log that is replayed, if one is."""
    control: str | None = None
    """The control API, unless it is off."""
    more_accounts: tuple[Credentials, ...] = ()
    """The credentials of the second account and those after it, if there are any."""

    def ready_line(self) -> str:
        """The line that `fulgurite exchange --json` prints once everything is ready, the secret included."""
        return msgspec.json.encode(self).decode()

    @property
    def accounts(self) -> tuple[Trader, ...]:
        """Every account that can trade: its keys, and its orders; none while a frame log is replayed."""
        return self._parts.traders

    async def fault(self, fault: FaultName | AnyFault, **members: Unpack[FaultMembers]) -> int:
        """Let something go wrong; returns the fault's number.

        Args:
            fault: its name, as in ``docs/faults.md``, or an object of `fulgurite.server.faults`.
            members: where it is a name: its parameters, its moments and its aim.

        Raises:
            InputError: it is not accepted; the text says what is.
        """
        if isinstance(fault, Fault) and members:
            raise InputError(next(iter(members)), members, "nothing beside an object, which has its own members")
        given = parse_fault(fault if isinstance(fault, Fault) else {"fault": fault, **members})
        check_aim(given, self._parts.products)
        return self._parts.server.faults.give(given).number

    async def end_fault(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many were on or to come.

        Raises:
            InputError: it is no number of a fault.
        """
        if number is not None:
            check_integer("number", number, 1)
        return self._parts.server.faults.end(number)

    @property
    def _parts(self) -> _Parts:
        parts: _Parts = self.__dict__["_parts"]
        return parts

    def __repr__(self) -> str:
        return f"Exchange(realtime={self.realtime!r}, http={self.http!r}, api_key={self.api_key!r}, api_secret=...)"


@contextlib.asynccontextmanager
async def run(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    http_port: int = 0,
    seed: int | None = None,
    start_ns: int | None = None,
    tls: bool = False,
    replay: str | os.PathLike[str] | None = None,
    speed: float = 1.0,
    loop: bool = False,
    paused: bool = False,
    longest_pause: float | None = None,
    frame_rate: float | None = None,
    faults: str | os.PathLike[str] | Iterable[AnyFault | Mapping[str, object]] = (),
    scenario: str | None = None,
    control: bool = True,
    accounts: int | None = None,
    rate_limits: bool = True,
    refuse_in_maintenance: bool = MAINTENANCE_REFUSES_CONNECTS,
    products: Iterable[str] = (),
    demo_key: tuple[str, str] | None = None,
) -> AsyncIterator[Exchange]:
    """Run an exchange until the context is left.

    Args:
        host: where to listen; an address that others can reach is at the caller's own risk.
        port: the realtime port, 0 to 65535; 0 takes any free one.
        http_port: the HTTP port, likewise.
        seed: what the market's randomness comes from, 0 to 2**63-1; None draws one.
        start_ns: what the exchange's clock shows at the start, nanoseconds since 1970 UTC, up to the beginning of 2200;
            None for the present, and then no maintenance begins within the first hour. The same seed and start give the
            same stream to the byte.
        tls: speak TLS 1.2 or later with a self-made certificate.
        replay: serve this frame log instead of a market: a file, or a pipe in its place, of any kind that
            `fulgurite.replay` reads. Then there are no accounts, `auth` is granted to any key, and arguments that only
            a market has a use for are refused.
        speed: seconds of the exchange's clock that pass in one second, up to 1000 and above 0; of the replay also 0,
            which is as fast as readers take it. Signatures are always checked against the machine's own clock, which
            is the one that clients know, and heartbeats keep their pace.
        loop: begin the replay again at its end.
        paused: hold the replay until `/control/replay` is told to go on.
        longest_pause: where the replay pauses for so many of its seconds, or for more, that is passed over at once;
            above 0, and a day where it is None.
        frame_rate: frames a second, above 0, of a replayed file that has no times, which is one frame a line; None is
            33.
        faults: what goes wrong, as objects of `fulgurite.server.faults` or as the control API takes them; or the path
            of a fault plan.
        scenario: also the faults of this named one, and its time of the day where `start_ns` is None.
        control: serve the control API, to programs on this machine.
        accounts: how many accounts can trade, 1 to 100; None is 1.
        rate_limits: refuse HTTP requests beyond the real service's limits.
        refuse_in_maintenance: refuse realtime connects with HTTP status 503 from the close of the connections, two
            minutes into the daily maintenance, until PREOPEN. What the real service does is unknown.
        products: the codes of those that trade; all nine where none is named. Fewer are a lighter market: it starts in
            a tenth of the time. Any other is unknown to it, so acknowledged and silent.

        demo_key: the key and the secret of the first account; None makes new ones.

    Raises:
        InputError: an argument is out of its range, or the frame log cannot be read, or a fault is not accepted.
        ListenError: a port or the host cannot be had.
    """
    check_host(host)
    check_integer("port", port, 0, 65535)
    check_integer("http_port", http_port, 0, 65535)
    for name, number, most in (("seed", seed, MAX_SEED), ("start_ns", start_ns, MAX_START_NS)):
        if number is not None:
            check_integer(name, number, 0, most)
    if accounts is not None:
        check_integer("accounts", accounts, 1, MAX_ACCOUNTS)
    flags = {
        "tls": tls, "loop": loop, "paused": paused, "control": control, "rate_limits": rate_limits,
        "refuse_in_maintenance": refuse_in_maintenance,
    }  # fmt: skip
    for name, flag in flags.items():
        check_flag(name, flag)
    if replay is not None and not isinstance(replay, str | os.PathLike):
        raise InputError("replay", replay, "the path of a recording, or None")
    check_number("speed", speed, "a number from 0, or above 0 without a replay")
    for name, value in (("longest_pause", longest_pause), ("frame_rate", frame_rate)):
        if value is not None and (value != math.inf or name == "frame_rate"):
            check_number(name, value, "a number above 0, or None", above=0.0)
    traded = _products(products)
    codes = None if replay is not None else [product.code for product in traded or PRODUCTS]
    plan, scenario_ns = _plan(faults, scenario, codes)
    only_of_markets = {
        "seed": seed is not None,
        "start_ns": start_ns is not None,
        "accounts": accounts is not None,
        "refuse_in_maintenance": refuse_in_maintenance != MAINTENANCE_REFUSES_CONNECTS,
        "products": bool(traded),
        "scenario": scenario_ns is not None,
        "demo_key": demo_key is not None,
    }
    only_of_replays = {
        "loop": loop,
        "paused": paused,
        "longest_pause": longest_pause is not None,
        "frame_rate": frame_rate is not None,
    }
    refuse_other_mode(replay is not None, only_of_markets, only_of_replays, "replay=")
    start_ns = scenario_ns if start_ns is None else start_ns
    count = (accounts or 1) if replay is None else 0
    names = ["demo", *(f"demo{number}" for number in range(2, count + 1))][:count]
    credentials = [Credentials(f"{name}-{secrets.token_urlsafe(8)}", secrets.token_urlsafe(24)) for name in names]
    if demo_key is not None and credentials:
        credentials[0] = Credentials(*_key_and_secret(demo_key))
    secret_of = {each.api_key: each.api_secret for each in credentials}
    check_auth = any_key if replay is not None else AuthChecker(secret_of, time.time).check
    async with contextlib.AsyncExitStack() as stack:
        certificate = self_made(host) if tls else None
        context = certificate.context if certificate else None
        # Both ports are taken before anything else is done, so that a taken one is found out at once.
        http_socket = bind_socket(host, http_port, "--http-port")
        stack.callback(http_socket.close)
        server = await stack.enter_async_context(serve(host, port, check_auth=check_auth, ssl_context=context))
        player = None
        simulation = None
        private: list[Route] = []
        traders: tuple[Trader, ...] = ()
        limits = RateLimits() if rate_limits else None
        if replay is not None:
            log = LogFile(replay, frame_rate, field="replay")
            stack.callback(log.close)
            pause = LONGEST_PAUSE_SECONDS if longest_pause is None else longest_pause
            player = Replay(log, server, speed=speed, loop=loop, paused=paused, longest_pause=pause)
            await player.start()
            markets: MarketData = player.markets
            work = player.run()
        else:
            seed = secrets.randbelow(1_000_000) if seed is None else seed
            now_ns = time.time_ns() if start_ns is None else start_ns
            # Before the market is made, which takes half a second that its times would be behind.
            clock = ExchangeClock(now_ns, speed)
            open_until_ns = now_ns + OPEN_AT_FIRST_NS if start_ns is None else 0
            ledgers = [Account(each.api_key) for each in credentials]
            markets = simulation = Simulation(
                seed, now_ns, traded or PRODUCTS, open_until_ns=open_until_ns, accounts=ledgers
            )
            traders = tuple(
                Trader(each.api_key, each.api_secret, simulation.orders, clock.now_ns) for each in credentials
            )
            work = drive(simulation, server, clock, refuse_in_maintenance=refuse_in_maintenance)
            private = private_routes(simulation.orders, secret_of, clock.now_ns, limits=limits)
        await stack.enter_async_context(_running(work))
        controls = control_routes(server, player, simulation) if control else []
        api = f"{'https' if tls else 'http'}://{url_host(host)}:{port_of(http_socket)}"
        realtime = {name: dialect.websocket_url(server.url) for name, dialect in DIALECTS.items()}
        # A recording has products of its own, and no accounts.
        places = {"embedded": realtime}, {"embedded": f"{api}/v1"}
        described = description_routes(*places, traded or PRODUCTS) if simulation else []
        socketio = server.url.replace("ws", "http", 1)
        identity = identity_route(realtime[DialectName.JSON_RPC], socketio, f"{api}/v1")
        app = create_app(markets, [*private, *controls, *described, identity], limits=limits)
        await stack.enter_async_context(serve_app(app, [http_socket], context))
        for fault in plan:
            server.faults.give(fault)
        ca_file = stack.enter_context(_ca_file(certificate.ca_pem)) if certificate else None
        running = Exchange(
            realtime=realtime[DialectName.JSON_RPC],
            socketio=socketio,
            http=f"{api}/v1",
            api_key=credentials[0].api_key if credentials else "",
            api_secret=credentials[0].api_secret if credentials else "",
            more_accounts=tuple(credentials[1:]),
            seed=None if replay is not None else seed,
            ca_file=ca_file,
            replay=None if replay is None else str(replay),
            control=f"{api}/control" if control else None,
        )
        running.__dict__["_parts"] = _Parts(server, traders, codes)
        yield running


def refuse_other_mode(
    is_replay: bool, only_of_markets: Mapping[str, bool], only_of_replays: Mapping[str, bool], replay: str
) -> None:
    """Refuse arguments that would be ignored, since a recording is replayed, or since none is.

    Args:
        is_replay: whether one is.
        only_of_markets: by its name, whether an argument was given that only a simulated market has a use for.
        only_of_replays: likewise.
        replay: how the caller asks for a replay.

    Raises:
        InputError: one was given that has no meaning.
    """
    for name, is_given in (only_of_markets if is_replay else only_of_replays).items():
        if is_given and is_replay:
            raise InputError(
                name, f"with {replay}", f"it without {replay}: a recording has its own market and no accounts"
            )
        if is_given:
            raise InputError(name, f"without {replay}", f"{replay} with it")


def _key_and_secret(pair: object) -> tuple[str, str]:
    match pair:
        case (str(api_key), str(secret)) if is_api_key(api_key) and secret:
            return api_key, secret
    raise InputError("demo_key", "(not shown)", f"two texts: the key and the secret; the key is {ACCEPTED_KEYS}")


def _plan(
    faults: str | os.PathLike[str] | Iterable[AnyFault | Mapping[str, object]],
    scenario: str | None,
    products: list[str] | None,
) -> tuple[list[AnyFault], int | None]:
    """The faults of a plan and of a scenario, and when the scenario starts, if it says.

    A scenario may be aimed at products that do not trade this time.
    """
    plan: list[AnyFault] = []
    start_ns = None
    if scenario is not None:
        found = find_scenario(scenario)
        plan += parse_plan(found.plan)
        if found.starts_at:
            start_ns = parse_time(f"{datetime.now(UTC):%Y-%m-%d}T{found.starts_at}Z")
    if isinstance(faults, str | os.PathLike):
        try:
            text = Path(faults).read_text()
        except (OSError, UnicodeError) as error:
            raise InputError("faults", str(faults), f"the path of a fault plan ({error})") from error
        given = parse_plan(text)
    elif isinstance(faults, Mapping) or not isinstance(faults, Iterable):
        raise InputError("faults", faults, 'a list such as [{"fault": "close"}], or the path of a fault plan')
    else:
        given = [parse_fault(fault) for fault in faults]
    for fault in given:
        check_aim(fault, products)
    return plan + given, start_ns


def _products(codes: Iterable[str]) -> Sequence[Product]:
    """Those that were named; none where none was."""
    by_code = {product.code: product for product in PRODUCTS}
    if isinstance(codes, str) or not isinstance(codes, Iterable):
        raise InputError("products", codes, f"a list such as {list(by_code)[:2]}")
    wanted: set[str] = set()
    for code in codes:
        if check_type("products", code, str, by_code) not in by_code:
            raise InputError("products", code, f"one of {', '.join(by_code)}")
        if code in wanted:
            raise InputError("products", code, "each product once")
        wanted.add(code)
    return [product for product in PRODUCTS if product.code in wanted]


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` beside the context and end it with the context; should it fail, the context ends with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            try:
                yield
            finally:
                task.cancel()
    except BaseExceptionGroup as errors:
        # Only one of the two can have failed by itself; whoever is outside need not know that there were two.
        raise errors.exceptions[0] from None


@contextlib.contextmanager
def _ca_file(pem: bytes) -> Iterator[str]:
    """A file with the certificate to trust, for clients that want a path."""
    with tempfile.TemporaryDirectory(prefix="fulgurite-") as folder:
        path = Path(folder) / "ca.pem"
        path.write_bytes(pem)
        yield str(path)
