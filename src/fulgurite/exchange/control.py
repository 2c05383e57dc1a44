"""The control API under `/control`: the exchange in the hands of a person or a test, not of a trader.

It answers programs on this machine only. Any other request is answered with HTTP status 400 and
`{"error": ..., "field": ..., "accepted": ...}`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from itertools import islice
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fulgurite.errors import InputError
from fulgurite.exchange.aims import check_aim
from fulgurite.exchange.numbers import wire_time
from fulgurite.exchange.replay import Replay, ReplayChange
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import PREOPEN_SECONDS, MarketState
from fulgurite.protocol.choices import CIRCUIT_BREAK_SECONDS
from fulgurite.server.bind import is_loopback
from fulgurite.server.faultplan import ActiveFault
from fulgurite.server.faults import parse_fault
from fulgurite.server.published import Published
from fulgurite.server.serve import RealtimeServer

MAX_BODY_BYTES = 100_000
"""The longest body that is taken."""

LINES_AT_ONCE = 500
"""Lines of `/control/published` that are written before others have their turn."""

AUCTION_SECONDS = {MarketState.CIRCUIT_BREAK: CIRCUIT_BREAK_SECONDS, MarketState.PREOPEN: PREOPEN_SECONDS}
"""The length of an auction that `/control/market` begins, unless the request has one."""

MAX_AUCTION_SECONDS = 86_400

Handler = Callable[[Request], Awaitable[Response]]

_Body = TypeVar("_Body")


def control_routes(server: RealtimeServer, replay: Replay | None, simulation: Simulation | None) -> list[Route]:
    """The routes under `/control`.

    Args:
        server: the server of the connections that suffer faults and are reported on.
        replay: the replay that `/control/replay` steers; None where the exchange runs on order flow.
        simulation: the market that `/control/market` steers; None where a frame log is replayed.
    """
    handlers: list[tuple[str, str, Handler]] = [
        ("/control/replay", "GET POST", _replay(replay)),
        ("/control/market", "GET POST", _market(simulation)),
        ("/control/faults", "GET POST DELETE", _faults(server, simulation)),
        ("/control/faults/{number:int}", "DELETE", _fault(server)),
        ("/control/published", "GET", _published(server)),
        ("/control/connections", "GET", _connections(server)),
    ]
    return [Route(path, _guarded(handler), methods=methods.split()) for path, methods, handler in handlers]


IDENTITY_PATH = "/fulgurite"
"""The path at which an exchange says that it is one; also without a control API."""


def identity_route(realtime: str, socketio: str, http: str) -> Route:
    """The route at which a command finds a running exchange, and knows it from any other program.

    Args:
        realtime: the JSON-RPC address.
        socketio: the Socket.IO address.
        http: the HTTP API, including `/v1`.
    """
    answer = {"fulgurite": "exchange", "realtime": realtime, "socketio": socketio, "http": http}

    async def handle(request: Request) -> Response:
        return _json(answer, 200)

    return Route(IDENTITY_PATH, _guarded(handle), methods=["GET"])


def _guarded(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        if not _is_from_here(request):
            return _json({"error": "the control API answers programs on this machine only, and no web page"}, 403)
        try:
            return await handler(request)
        except InputError as error:
            return _json({"error": str(error), "field": error.field, "accepted": error.accepted}, 400)

    return handle


def _replay(replay: Replay | None) -> Handler:
    accepted = 'an object with any of "paused": true or false, "speed": number >= 0, "position": seconds >= 0'

    async def handle(request: Request) -> Response:
        if replay is None:
            return _json({"error": "nothing is replayed; start the exchange with --replay FILE"}, 404)
        if request.method == "POST":
            replay.change(await _read_json(request, accepted, ReplayChange))
        return _json(replay.status(), 200)

    return handle


def _market(simulation: Simulation | None) -> Handler:
    accepted = 'an object such as {"product": "FX_BTC_JPY", "state": "CIRCUIT BREAK", "seconds": 60}'

    async def handle(request: Request) -> Response:
        if simulation is None:
            return _json({"error": "a recording is replayed, and its markets cannot be changed"}, 404)
        products = [market.product_code for market in simulation.markets()]
        if request.method == "GET":
            return _json([_market_row(simulation, product) for product in products], 200)
        product, state, seconds = _market_change(await _read_json(request, accepted, object), products, accepted)
        simulation.change_state(product, state, None if seconds is None else int(seconds * 1e9))
        return _json(_market_row(simulation, product), 200)

    return handle


def _market_row(simulation: Simulation, product: str) -> dict[str, object]:
    end_ns = simulation.auction_end_ns(product)
    return {
        "product": product,
        "state": simulation.state(product),
        "until": None if end_ns is None else wire_time(end_ns),
    }


def _market_change(given: object, products: Collection[str], accepted: str) -> tuple[str, MarketState, float | None]:
    """The product, the state and how long an auction is to last.

    Raises:
        InputError: a part of it is invalid.
    """
    if not isinstance(given, dict):
        raise InputError("body", given, accepted)
    members = ("product", "state", "seconds")
    unknown = [name for name in given if name not in members]
    if unknown:
        raise InputError(unknown[0], given[unknown[0]], members)
    product, state = given.get("product"), given.get("state")
    if not isinstance(product, str) or product not in products:
        raise InputError("product", product, products)
    if state not in list(MarketState):
        raise InputError("state", state, MarketState)
    state = MarketState(state)
    seconds = given.get("seconds", AUCTION_SECONDS.get(state))
    if state not in AUCTION_SECONDS:
        if seconds is not None:
            raise InputError("seconds", seconds, f"nothing with {state}: it lasts until the next state")
        return product, state, None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= MAX_AUCTION_SECONDS:
        raise InputError("seconds", seconds, f"a number above 0 and up to {MAX_AUCTION_SECONDS}")
    return product, state, seconds


def _faults(server: RealtimeServer, simulation: Simulation | None) -> Handler:
    accepted = 'an object such as {"fault": "close"}'
    products = None if simulation is None else [market.product_code for market in simulation.markets()]

    async def handle(request: Request) -> Response:
        if request.method == "GET":
            return _json([_shown(each) for each in server.faults.plan.active()], 200)
        if request.method == "DELETE":
            return _json({"ended": server.faults.end()}, 200)
        fault = parse_fault(await _read_json(request, accepted, object))
        check_aim(fault, products)
        return _json(_shown(server.faults.give(fault)), 201)

    return handle


def _fault(server: RealtimeServer) -> Handler:
    async def handle(request: Request) -> Response:
        number = request.path_params["number"]
        if not server.faults.end(number):
            return _json({"error": f"no fault {number} is on or to come"}, 404)
        return _json({"ended": 1}, 200)

    return handle


def _shown(active: ActiveFault) -> dict[str, object]:
    """A fault as it was given, with its number."""
    fault: dict[str, object] = msgspec.to_builtins(active.fault)
    return {"number": active.number, **fault}


def _published(server: RealtimeServer) -> Handler:
    async def handle(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= 18):
            raise InputError("after", after, "the number of a message, or 0")
        unknown = request.query_params.keys() - {"after", "channel"}
        if unknown:
            raise InputError("query", sorted(unknown)[0], ("after", "channel"))
        messages = server.log.after(int(after), request.query_params.get("channel"))
        # Forgotten messages cannot be told from those that never were, so it says where its memory begins.
        headers = {"Fulgurite-First-Number": str(server.log.first_number)}
        return StreamingResponse(_lines(messages), headers=headers, media_type="application/jsonl")

    return handle


async def _lines(messages: list[Published]) -> AsyncIterator[bytes]:
    left = iter(messages)
    while lines := b"".join(each.line() for each in islice(left, LINES_AT_ONCE)):
        yield lines


def _connections(server: RealtimeServer) -> Handler:
    async def handle(request: Request) -> Response:
        return _json(server.reports(), 200)

    return handle


async def _read_json(request: Request, accepted: str, kind: type[_Body]) -> _Body:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise InputError("body", f"more than {MAX_BODY_BYTES} bytes", accepted)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError("body", body.decode(errors="replace"), f"{accepted} ({error})") from error


def _is_from_here(request: Request) -> bool:
    """Whether no other site's page is behind the request: not by its Origin, and not by a host name of its own."""
    # A page on another site cannot leave the Origin of its request out, and a rebound DNS name shows in Host.
    if "origin" in request.headers:
        return False
    client = request.client.host if request.client else ""
    return is_loopback(client) and is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


def _json(body: object, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
