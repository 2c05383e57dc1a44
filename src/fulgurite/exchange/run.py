"""The exchange as a running thing: a clock, a market or a replay, the realtime server and the HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, Unpack

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
from fulgurite.protocol.arguments import check_flag, check_integer, check_type
from fulgurite.protocol.auth import ACCEPTED_KEYS, AuthChecker, any_key, is_api_key
from fulgurite.protocol.choices import MAINTENANCE_REFUSES_CONNECTS
from fulgurite.protocol.dialects import DIALECTS, DialectName
from fulgurite.protocol.logclock import LONGEST_PAUSE_SECONDS
from fulgurite.protocol.messages import parse_time
from fulgurite.server.bind import bind_socket, check_host, port_of, url_host
from fulgurite.server.faults import AnyFault, Fault, FaultName, parse_fault, parse_plan
from fulgurite.server.http import serve_app
from fulgurite.server.serve import RealtimeServer, serve
from fulgurite.server.tls import SelfMade, self_made

MAX_SEED: Final = 2**63 - 1

MAX_START_NS: Final = 7_258_118_400_000_000_000
"""The beginning of 2200: however fast the clock runs, its nanoseconds stay below 2**63."""

MAX_ACCOUNTS: Final = 100

FaultPlan: TypeAlias = str | os.PathLike[str] | Iterable[AnyFault | Mapping[str, object]]


class Credentials(msgspec.Struct, frozen=True):
    """The key and the secret of one account."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Credentials(api_key={self.api_key!r}, api_secret=...)"


class _Parts(NamedTuple):
    """The parts behind an `Exchange`."""

    server: RealtimeServer
    traders: tuple[Trader, ...]
    products: list[str] | None
    """The codes of those that trade; None while a frame log is replayed: that may have any."""


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
    """The source of the market's randomness; None while a frame log is replayed."""
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
            InputError: it is not accepted; the text names the accepted values.
        """
        if isinstance(fault, Fault) and members:
            raise InputError(next(iter(members)), members, "nothing beside an object: it has its own members")
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
    tls: bool = False,
    seed: int | None = None,
    start_ns: int | None = None,
    speed: float = 1.0,
    faults: FaultPlan = (),
    scenario: str | None = None,
    control: bool = True,
    accounts: int = 1,
    rate_limits: bool = True,
    refuse_in_maintenance: bool = MAINTENANCE_REFUSES_CONNECTS,
    products: Iterable[str] = (),
    demo_key: tuple[str, str] | None = None,
) -> AsyncIterator[Exchange]:
    """Run an exchange with a simulated market until the context is left.

    Args:
        host: where to listen; an address that others can reach is at the caller's own risk.
        port: the realtime port, 0 to 65535; 0 takes any free one.
        http_port: the HTTP port, likewise.
        tls: speak TLS 1.2 or later with a self-made certificate.
        seed: the source of the market's randomness, 0 to 2**63-1; None draws one.
        start_ns: the time of the exchange's clock at the start, nanoseconds since 1970 UTC, up to the beginning of
            2200; None for the present, and then no maintenance begins within the first hour. The same seed and start
            give the same stream to the byte.
        speed: seconds of the exchange's clock that pass in one second, above 0 and up to 1000. Signatures are always
            checked against the machine's own clock, the one that clients know, and heartbeats keep their pace.
        faults: the faults to come, as objects of `fulgurite.server.faults` or as the control API takes them; or the
            path of a fault plan.
        scenario: also the faults of this named one, and its time of the day where `start_ns` is None.
        control: serve the control API, to programs on this machine.
        accounts: how many accounts can trade, 1 to 100.
        rate_limits: refuse HTTP requests beyond the real service's limits.
        refuse_in_maintenance: refuse realtime connects with HTTP status 503 from the close of the connections, two
            minutes into the daily maintenance, until PREOPEN. The real service's answer is unknown.
        products: the codes of those that trade; all nine where none is named. Fewer are a lighter market: it starts in
            a tenth of the time. Any other is unknown to it, so acknowledged and silent.
        demo_key: the key and the secret of the first account; None makes new ones.

    Raises:
        InputError: an argument is out of its range, or a fault is not accepted.
        ListenError: a port or the host cannot be had.
    """
    flags = {"tls": tls, "control": control, "rate_limits": rate_limits, "refuse_in_maintenance": refuse_in_maintenance}
    _check_shared(host, port, http_port, flags)
    check_integer("seed", 0 if seed is None else seed, 0, MAX_SEED)
    check_integer("start_ns", 0 if start_ns is None else start_ns, 0, MAX_START_NS)
    traded = _products(products) or PRODUCTS
    codes = [product.code for product in traded]
    plan, scenario_ns = _plan(faults, scenario, codes)
    secret_of = _credentials(accounts, demo_key)
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    async with _ports(host, port, http_port, tls, AuthChecker(secret_of, time.time).check) as ports:
        clock, simulation = _market(seed, scenario_ns if start_ns is None else start_ns, speed, traded, secret_of)
        traders = tuple(Trader(*pair, simulation.orders, clock.now_ns) for pair in secret_of.items())
        limits = RateLimits() if rate_limits else None
        routes = [
            *private_routes(simulation.orders, secret_of, clock.now_ns, limits=limits),
            *(control_routes(ports.server, None, simulation) if control else ()),
            *description_routes({"embedded": ports.realtime}, {"embedded": f"{ports.api}/v1"}, traded),
        ]
        work = drive(simulation, ports.server, clock, refuse_in_maintenance=refuse_in_maintenance)
        async with _serving(ports, work, simulation, routes, limits, plan) as ca_file:
            yield _exchange(ports, _Parts(ports.server, traders, codes), control, ca_file, seed=seed)


@contextlib.asynccontextmanager
async def run_replay(
    path: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    http_port: int = 0,
    tls: bool = False,
    speed: float = 1.0,
    loop: bool = False,
    paused: bool = False,
    longest_pause: float = LONGEST_PAUSE_SECONDS,
    frame_rate: float | None = None,
    faults: FaultPlan = (),
    scenario: str | None = None,
    control: bool = True,
    rate_limits: bool = True,
) -> AsyncIterator[Exchange]:
    """Run an exchange that serves a recording, until the context is left.

    It has no accounts, and `auth` is granted to any key. The arguments that are not listed are those of `run`.

    Args:
        path: the recording: a file, or a pipe in its place, of any kind that `fulgurite.replay` reads.
        speed: recorded seconds that pass in one second, 0 or more; 0 is as fast as readers take it.
        loop: begin again at the end.
        paused: hold the replay until `/control/replay` is told to go on.
        longest_pause: a pause of so many recorded seconds, or more, is passed over at once; above 0.
        frame_rate: frames a second, above 0, of a file without times, one frame a line; None is 33.
        scenario: also the faults of this named one; it may not have a time of the day.

    Raises:
        InputError: an argument is out of its range, or the recording cannot be read, or a fault is not accepted.
        ListenError: a port or the host cannot be had.
    """
    flags = {"tls": tls, "loop": loop, "paused": paused, "control": control, "rate_limits": rate_limits}
    _check_shared(host, port, http_port, flags)
    plan, scenario_ns = _plan(faults, scenario, None)
    if scenario_ns is not None:
        raise InputError("scenario", scenario, "one without a time of the day: a recording has its own times")
    async with _ports(host, port, http_port, tls, any_key) as ports:
        with contextlib.closing(LogFile(path, frame_rate)) as log:
            replay = Replay(log, ports.server, speed=speed, loop=loop, paused=paused, longest_pause=longest_pause)
            await replay.start()
            routes = control_routes(ports.server, replay, None) if control else []
            limits = RateLimits() if rate_limits else None
            async with _serving(ports, replay.run(), replay.markets, routes, limits, plan) as ca_file:
                yield _exchange(ports, _Parts(ports.server, (), None), control, ca_file, seed=None, replay=str(path))


def _market(
    seed: int, start_ns: int | None, speed: float, products: Sequence[Product], api_keys: Iterable[str]
) -> tuple[ExchangeClock, Simulation]:
    """The exchange's clock, and its market; both start at the present unless they are told."""
    now_ns = time.time_ns() if start_ns is None else start_ns
    # Before the market is made: that takes half a second, and its times would be so much behind.
    clock = ExchangeClock(now_ns, speed)
    open_until_ns = now_ns + OPEN_AT_FIRST_NS if start_ns is None else 0
    return clock, Simulation(seed, now_ns, products, open_until_ns=open_until_ns, accounts=map(Account, api_keys))


class _Ports(NamedTuple):
    """Both ports of an exchange, and the realtime server on one of them."""

    server: RealtimeServer
    http_socket: socket.socket
    certificate: SelfMade | None
    realtime: dict[DialectName, str]
    """The address of each dialect."""
    api: str
    """The HTTP API without its version."""

    @property
    def socketio(self) -> str:
        return self.server.url.replace("ws", "http", 1)


@contextlib.asynccontextmanager
async def _ports(
    host: str, port: int, http_port: int, tls: bool, check_auth: Callable[..., str | None]
) -> AsyncIterator[_Ports]:
    """Take both ports, before anything else is done: so a taken one is found at once."""
    certificate = self_made(host) if tls else None
    context = certificate.context if certificate else None
    with contextlib.closing(bind_socket(host, http_port, "--http-port")) as http_socket:
        async with serve(host, port, check_auth=check_auth, ssl_context=context) as server:
            realtime = {name: dialect.websocket_url(server.url) for name, dialect in DIALECTS.items()}
            api = f"{'https' if tls else 'http'}://{url_host(host)}:{port_of(http_socket)}"
            yield _Ports(server, http_socket, certificate, realtime, api)


@contextlib.asynccontextmanager
async def _serving(
    ports: _Ports,
    work: Coroutine[None, None, None],
    markets: MarketData,
    routes: Sequence[Route],
    limits: RateLimits | None,
    plan: Iterable[AnyFault],
) -> AsyncIterator[str | None]:
    """Run `work`, the mover of the markets, and the HTTP API beside it; give the file of the certificate to trust."""
    identity = identity_route(ports.realtime[DialectName.JSON_RPC], ports.socketio, f"{ports.api}/v1")
    app = create_app(markets, [*routes, identity], limits=limits)
    context = ports.certificate.context if ports.certificate else None
    async with _running(work), serve_app(app, [ports.http_socket], context):
        for fault in plan:
            ports.server.faults.give(fault)
        with _ca_file(ports.certificate.ca_pem) if ports.certificate else contextlib.nullcontext() as ca_file:
            yield ca_file


def _exchange(ports: _Ports, parts: _Parts, control: bool, ca_file: str | None, **told: Any) -> Exchange:
    credentials = [Credentials(each.api_key, each.api_secret) for each in parts.traders]
    if credentials:
        told |= {"api_key": credentials[0].api_key, "api_secret": credentials[0].api_secret}
    exchange = Exchange(
        realtime=ports.realtime[DialectName.JSON_RPC],
        socketio=ports.socketio,
        http=f"{ports.api}/v1",
        control=f"{ports.api}/control" if control else None,
        ca_file=ca_file,
        more_accounts=tuple(credentials[1:]),
        **told,
    )
    exchange.__dict__["_parts"] = parts
    return exchange


def _check_shared(host: object, port: object, http_port: object, flags: Mapping[str, object]) -> None:
    check_host(host)
    check_integer("port", port, 0, 65535)
    check_integer("http_port", http_port, 0, 65535)
    for name, flag in flags.items():
        check_flag(name, flag)


def _credentials(count: int, demo_key: object) -> dict[str, str]:
    """The secret of each account by its key, in the order of the accounts."""
    check_integer("accounts", count, 1, MAX_ACCOUNTS)
    names = ["demo", *(f"demo{number}" for number in range(2, count + 1))]
    made = [(f"{name}-{secrets.token_urlsafe(8)}", secrets.token_urlsafe(24)) for name in names]
    return dict(made if demo_key is None else [_key_and_secret(demo_key), *made[1:]])


def _key_and_secret(pair: object) -> tuple[str, str]:
    match pair:
        case (str(api_key), str(secret)) if is_api_key(api_key) and secret:
            return api_key, secret
    raise InputError("demo_key", "(not shown)", f"two texts: the key and the secret; the key is {ACCEPTED_KEYS}")


def _plan(faults: FaultPlan, scenario: str | None, products: list[str] | None) -> tuple[list[AnyFault], int | None]:
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
    """Run `work` beside the context and end it with the context; if it fails, the context ends with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            try:
                yield
            finally:
                task.cancel()
    except BaseExceptionGroup as errors:
        # Only one of the two can have failed by itself; the caller need not know that there were two.
        raise errors.exceptions[0] from None


@contextlib.contextmanager
def _ca_file(pem: bytes) -> Iterator[str]:
    """A file with the certificate to trust, for clients that want a path."""
    with tempfile.TemporaryDirectory(prefix="fulgurite-") as folder:
        path = Path(folder) / "ca.pem"
        path.write_bytes(pem)
        yield str(path)
