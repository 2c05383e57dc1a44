"""The public HTTP API of the exchange, `/v1` (protocol reference, section 5).

The named choices where the reference is silent: the code and text of the error for a bad `count`, `before` or
`after`; that a `count` above 500 gives 500; and that `/usa` and `/eu` list those of our products that exist there.
Not imitated: the edge cache that makes the real board up to a second old.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from fulgurite.errors import InputError
from fulgurite.exchange.marketdata import BoardState, Health, MarketData
from fulgurite.exchange.numbers import http_time, js_number
from fulgurite.exchange.operations import (
    DEFAULT_COUNT,
    DEFAULT_PRODUCT,
    INVALID_PRODUCT,
    MAX_COUNT,
    PUBLIC,
    ErrorBody,
    read_integer,
)
from fulgurite.exchange.ratelimits import ADDRESS, Limit, RateLimits
from fulgurite.protocol.choices import INVALID_PARAMETER, OVER_ADDRESS_LIMIT, Refusal
from fulgurite.protocol.messages import Execution, Level

USA_PRODUCTS = frozenset({"BTC_USD", "BTC_JPY", "ETH_BTC", "ETH_USD"})
EU_PRODUCTS = frozenset({"BTC_EUR", "BTC_JPY", "ETH_BTC", "ETH_EUR"})
# The products that are not listed for Japan: those of one other region alone.
_FOREIGN_PRODUCTS = USA_PRODUCTS ^ EU_PRODUCTS

# The keys of the realtime ticker, in its order (section 3.3).
_TICKER_KEYS = (
    *("product_code", "state", "timestamp", "tick_id", "best_bid", "best_ask", "best_bid_size", "best_ask_size"),
    *("total_bid_depth", "total_ask_depth", "market_bid_size", "market_ask_size", "ltp"),
    *("volume", "volume_by_product", "preopen_end", "circuit_break_end"),
)

NOT_FOUND_PAGE = """<!DOCTYPE html>
<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>
"""


def create_app(
    data: MarketData,
    more_routes: Iterable[BaseRoute] = (),
    *,
    limits: RateLimits | None = None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The whole API as an ASGI application: `routes` and `more_routes`, and HTML for every unknown path."""
    public = routes(data, limits=limits, clock=clock)
    return Starlette(routes=[*public, *more_routes], exception_handlers={404: _not_found})


def routes(
    data: MarketData, *, limits: RateLimits | None = None, clock: Callable[[], float] = time.time
) -> list[Route]:
    """The routes of the public API, for an application of one's own.

    The handlers are coroutines, so `data` is only ever read on the event loop's thread.

    Args:
        data: the markets.
        limits: counts the requests of each address; None takes any number.
        clock: Unix time in seconds, to count requests by.
    """
    return [
        Route(
            f"/v1{operation.path}",
            _limited(_handler(_HANDLERS[operation.path.replace("/get", "/", 1)], data), limits, clock),
            methods=[operation.method],
        )
        for operation in PUBLIC
    ]


def _limited(
    handler: Callable[[Request], Response], limits: RateLimits | None, clock: Callable[[], float]
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        refusal, headers = count_address(request, limits, clock())
        response = refusal or handler(request)
        response.headers.update(headers)
        return response

    return handle


def count_address(request: Request, limits: RateLimits | None, now: float) -> tuple[Response | None, dict[str, str]]:
    """Count a request of an IP address.

    Returns:
        The answer where it is one too many, and the headers that tell of the limit.
    """
    address = request.client.host if request.client else ""
    return count(limits, [ADDRESS], address, now, OVER_ADDRESS_LIMIT)


def count(
    limits: RateLimits | None, asked: Sequence[Limit], client: str, now: float, over_limit: Refusal
) -> tuple[Response | None, dict[str, str]]:
    """Count a request of a client towards the limits `asked`; the result is as that of `count_address`."""
    if limits is None:
        return None, {}
    is_admitted = all(limits.admit(limit, client, now) for limit in asked)
    headers: dict[str, str] = {}
    for limit in asked:
        headers |= limits.headers(limit, client, now)
    return None if is_admitted else error(*over_limit, 429, headers), headers


def _handler(endpoint: Callable[[MarketData, Request], Response], data: MarketData) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        try:
            return endpoint(data, request)
        except _UnknownProductError:
            return error(*INVALID_PRODUCT, 400)
        except InputError as refused:
            return error(INVALID_PARAMETER, f"Invalid {refused.field}: must be {refused.accepted}", 400)

    return handle


class _UnknownProductError(Exception):
    """The request names a product that the exchange does not have."""


def _markets(is_listed: Callable[[str], bool], data: MarketData, _request: Request) -> Response:
    return _json([market for market in data.markets() if is_listed(market.product_code)])


def _board(data: MarketData, request: Request) -> Response:
    board = data.board(_product_code(data, request))
    return _json({"mid_price": _number(board.mid_price), "bids": _levels(board.bids), "asks": _levels(board.asks)})


def _levels(levels: Iterable[Level]) -> list[dict[str, msgspec.Raw]]:
    return [{"price": _number(level.price), "size": _number(level.size)} for level in levels]


def _ticker(data: MarketData, request: Request) -> Response:
    ticker = data.ticker(_product_code(data, request))
    if ticker is None:
        raise _UnknownProductError
    values = {name: getattr(ticker, name) for name in _TICKER_KEYS}
    for name in ("timestamp", "preopen_end", "circuit_break_end"):
        if isinstance(values[name], str):
            values[name] = http_time(values[name])
    return _json({name: _number(value) if isinstance(value, float) else value for name, value in values.items()})


def _executions(data: MarketData, request: Request) -> Response:
    executions = data.executions(_product_code(data, request))
    count = read_integer(request.query_params, "count", at_least=1)
    before, after = (read_integer(request.query_params, name) for name in ("before", "after"))
    newest_first = (
        execution
        for execution in reversed(executions)
        if (before is None or execution.id < before) and (after is None or execution.id > after)
    )
    limit = DEFAULT_COUNT if count is None else min(count, MAX_COUNT)
    return _json([_execution(execution) for execution in islice(newest_first, limit)])


def _execution(execution: Execution) -> dict[str, object]:
    return {
        "id": execution.id,
        "side": execution.side,
        "price": _number(execution.price),
        "size": _number(execution.size),
        "exec_date": http_time(execution.exec_date),
        "buy_child_order_acceptance_id": execution.buy_child_order_acceptance_id,
        "sell_child_order_acceptance_id": execution.sell_child_order_acceptance_id,
    }


def _board_state(data: MarketData, request: Request) -> Response:
    product_code = _product_code(data, request)
    return _json(BoardState(health=data.health(product_code), state=data.state(product_code)))


def _health(data: MarketData, request: Request) -> Response:
    return _json(Health(status=data.health(_product_code(data, request))))


def _product_code(data: MarketData, request: Request) -> str:
    """The product that the request is about; case does not matter, and BTC_JPY is the default."""
    asked = request.query_params.get("product_code", DEFAULT_PRODUCT).upper()
    for market in data.markets():
        if market.product_code == asked:
            return market.product_code
    raise _UnknownProductError


def _number(value: float) -> msgspec.Raw:
    return msgspec.Raw(js_number(value).encode())


def error(status: int, message: str, http_status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the shape of the real service's."""
    return _json(ErrorBody(status=status, error_message=message), http_status, headers)


def _json(body: object, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status_code, headers, "application/json; charset=utf-8")


async def _not_found(_request: Request, _error: Exception) -> Response:
    return HTMLResponse(NOT_FOUND_PAGE, 404)


_HANDLERS: Final[Mapping[str, Callable[[MarketData, Request], Response]]] = {
    "/markets": partial(_markets, lambda code: code not in _FOREIGN_PRODUCTS),
    "/markets/usa": partial(_markets, USA_PRODUCTS.__contains__),
    "/markets/eu": partial(_markets, EU_PRODUCTS.__contains__),
    "/board": _board,
    "/ticker": _ticker,
    "/executions": _executions,
    "/boardstate": _board_state,
    "/health": _health,
}
# By the operation's path without "get".
