"""The private HTTP API of the exchange, `/v1/me` (protocol reference, section 5).

A shell: it reads requests, has their signatures checked, and asks `AccountOrders`. A wrong request gets an error in the
shape of the real service's; the codes that nobody knows are in `protocol.choices`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fulgurite.errors import InputError, RequestRefusedError
from fulgurite.exchange import accountrows
from fulgurite.exchange.accountorders import AccountOrders, Records, refused
from fulgurite.exchange.childorders import ChildOrder, OrderState
from fulgurite.exchange.funds import Venue
from fulgurite.exchange.http import count, count_address, error
from fulgurite.exchange.httpauth import signer
from fulgurite.exchange.operations import (
    DEFAULT_COUNT,
    DEFAULT_PRODUCT,
    INVALID_PRODUCT,
    MAX_BODY_BYTES,
    MAX_COUNT,
    PRIVATE,
    AcceptedChildOrder,
    AcceptedParentOrder,
    Operation,
    read_integer,
)
from fulgurite.exchange.orderrequests import (
    TooSmallError,
    read_child_order,
    read_ids,
    read_object,
    read_parent_order,
    read_product,
)
from fulgurite.exchange.products import Product
from fulgurite.exchange.ratelimits import KEY, ORDERS, SMALL_ORDER_LOTS, SMALL_ORDERS, RateLimits
from fulgurite.exchange.specialorders import parent_details
from fulgurite.protocol.choices import (
    INVALID_PARAMETER,
    ORDER_NOT_FOUND,
    OVER_API_LIMIT,
    PERMISSION_DENIED,
    PRICE_TOO_LOW,
    TOO_SMALL,
)


class _Call(NamedTuple):
    """One request with a right signature."""

    orders: AccountOrders
    api_key: str
    query: Mapping[str, str]
    body: bytes
    now_ns: int
    count_order: Callable[[int], None]
    """To be told the size of an order in lots before `orders` sees it.

    Raises:
        RequestRefusedError: it is one too many.
    """

    @property
    def records(self) -> Records:
        return self.orders.records[self.api_key]

    @property
    def venue(self) -> Venue:
        """The product that the query names; case does not matter, and BTC_JPY is the default."""
        code = self.query.get("product_code") or DEFAULT_PRODUCT
        return self.orders.venues[read_product({"product_code": code}, self.orders.products).code]

    @property
    def product(self) -> Product:
        return self.venue.product


def private_routes(
    orders: AccountOrders,
    secrets: Mapping[str, str],
    exchange_ns: Callable[[], int],
    *,
    limits: RateLimits | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Route]:
    """The routes under `/v1/me`.

    The handlers are coroutines and never wait between reading a request and answering it, so `orders` is only ever
    used on the event loop's thread.

    Args:
        orders: the orders of all accounts.
        secrets: secret by key; every key has an account in `orders`.
        exchange_ns: gives the time of the exchange's clock; never before the last event of its market.
        limits: counts the requests of each address and key, and small orders; None takes any number.
        clock: Unix time in seconds, to compare timestamps with.
    """
    return [
        Route(
            f"/v1{operation.path}",
            _handler(operation, orders, secrets, exchange_ns, limits, clock),
            methods=[operation.method],
        )
        for operation in PRIVATE
    ]


def _handler(
    operation: Operation,
    orders: AccountOrders,
    secrets: Mapping[str, str],
    exchange_ns: Callable[[], int],
    limits: RateLimits | None,
    clock: Callable[[], float],
) -> Callable[[Request], Awaitable[Response]]:
    path = operation.path.removeprefix("/me/")
    asked = (KEY, ORDERS) if operation.is_order else (KEY,)

    async def handle(request: Request) -> Response:
        over_limit, _ = count_address(request, limits, clock())
        if over_limit:
            return over_limit
        body = await _read_body(request)
        if body is None:
            return error(INVALID_PARAMETER, f"Invalid body: must be at most {MAX_BODY_BYTES} bytes", 413)
        now = clock()
        api_key = signer(secrets, request.headers, request.method, _target(request), body, now)
        if api_key is None:
            return error(*PERMISSION_DENIED, 401)
        over_limit, headers = count(limits, asked, api_key, now, OVER_API_LIMIT)
        if over_limit:
            return over_limit

        def count_order(lots: int) -> None:
            if limits is not None and lots <= SMALL_ORDER_LOTS and not limits.admit(SMALL_ORDERS, api_key, now):
                raise refused(path, OVER_API_LIMIT)

        return _answer(path, _Call(orders, api_key, request.query_params, body, exchange_ns(), count_order), headers)

    return handle


def _answer(path: str, call: _Call, headers: dict[str, str]) -> Response:
    try:
        answer = _HANDLERS[path](call)
    except RequestRefusedError as refusal:
        http_status = 429 if refusal.code == OVER_API_LIMIT.code else 400
        return error(refusal.code or 0, refusal.text, http_status, headers)
    except InputError as invalid:
        return error(*_code_and_text(invalid), 400, headers)
    content = b"" if answer is None else msgspec.json.encode(answer)
    return Response(content, media_type="application/json; charset=utf-8", headers=headers)


def ask(orders: AccountOrders, api_key: str, path: str, members: Mapping[str, object], now_ns: int) -> Any:
    """The answer of the private API, without HTTP, signatures and limits: for the program that runs the exchange.

    Args:
        orders: the orders of all accounts.
        api_key: the key of the account.
        path: the part behind ``/v1/me/``.
        members: those of the query, or of the body.
        now_ns: the time of the exchange's clock.

    Raises:
        InputError: there is no such path, or a member is missing or invalid.
        RequestRefusedError: the exchange refuses it.
    """
    if path not in _HANDLERS:
        raise InputError("path", path, _HANDLERS)
    query = {name: str(value) for name, value in members.items()}
    body = msgspec.json.encode(members)
    answer = _HANDLERS[path](_Call(orders, api_key, query, body, now_ns, lambda lots: None))
    return None if answer is None else msgspec.json.decode(msgspec.json.encode(answer))


async def _read_body(request: Request) -> bytes | None:
    """The body, or None where it is longer than `MAX_BODY_BYTES`."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None  # nobody reads the answer
    return body


def _target(request: Request) -> str:
    """Path and query as they were sent and signed, byte for byte."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("utf-8", "surrogateescape")


def _code_and_text(invalid: InputError) -> tuple[int, str]:
    if invalid.field == "product_code":
        return INVALID_PRODUCT
    if isinstance(invalid, TooSmallError):
        return TOO_SMALL, f"The minimum order size is {invalid.accepted}."
    if invalid.field == "price" and isinstance(invalid.value, int | Decimal) and invalid.value <= 0:
        return PRICE_TOO_LOW
    return INVALID_PARAMETER, f"Invalid {invalid.field}: must be {invalid.accepted}"


# --- questions about


def _child_orders(call: _Call) -> object:
    state = _state(call, "child_order_state")
    parent_id = call.query.get("parent_order_id")
    is_named = _named(call)

    def is_wanted(order: ChildOrder) -> bool:
        return state in (None, order.state) and (not parent_id or order.parent_id == parent_id) and is_named(order)

    return accountrows.child_order_rows(call.records, call.product, _page(call), is_wanted)


def _parent_orders(call: _Call) -> object:
    state = _state(call, "parent_order_state")
    return accountrows.parent_order_rows(call.records, call.product, _page(call), state)


def _parent_order(call: _Call) -> object:
    order_id, acceptance_id = read_ids(call.query, "parent_order")
    parent = call.orders.find_parent(call.api_key, order_id, acceptance_id)
    if parent is None:
        raise refused("getparentorder", ORDER_NOT_FOUND)
    return parent_details(parent)


def _named(call: _Call) -> Callable[[ChildOrder], bool]:
    order_id, acceptance_id = (call.query.get(f"child_order_{name}") for name in ("id", "acceptance_id"))
    return lambda order: (
        (not order_id or order.order_id == order_id) and (not acceptance_id or order.acceptance_id == acceptance_id)
    )


def _state(call: _Call, name: str) -> OrderState | None:
    text = call.query.get(name)
    if text and text not in list(OrderState):
        raise InputError(name, text, OrderState)
    return OrderState(text) if text else None


def _page(call: _Call) -> accountrows.Page:
    count = read_integer(call.query, "count", at_least=1)
    before, after = (read_integer(call.query, name) for name in ("before", "after"))
    return accountrows.Page(DEFAULT_COUNT if count is None else min(count, MAX_COUNT), before, after)


# --- orders


def _send_child_order(call: _Call) -> object:
    request = read_child_order(read_object(call.body), call.orders.products)
    call.count_order(request.lots)
    return AcceptedChildOrder(call.orders.send_child_order(call.api_key, request, call.now_ns))


def _send_parent_order(call: _Call) -> object:
    request = read_parent_order(read_object(call.body), call.orders.products)
    call.count_order(min(part.lots for part in request.parts))
    return AcceptedParentOrder(call.orders.send_parent_order(call.api_key, request, call.now_ns))


def _cancel_child_order(call: _Call) -> None:
    body = read_object(call.body)
    read_product(body, call.orders.products)
    call.orders.cancel_child_order(call.api_key, *read_ids(body, "child_order"), call.now_ns)


def _cancel_parent_order(call: _Call) -> None:
    body = read_object(call.body)
    read_product(body, call.orders.products)
    call.orders.cancel_parent_order(call.api_key, *read_ids(body, "parent_order"), call.now_ns)


def _cancel_all_child_orders(call: _Call) -> None:
    product = read_product(read_object(call.body), call.orders.products)
    call.orders.cancel_all_child_orders(call.api_key, product, call.now_ns)


_HANDLERS: Final[Mapping[str, Callable[[_Call], object]]] = {
    "getpermissions": lambda call: [f"/v1{operation.path}" for operation in PRIVATE],
    "getbalance": lambda call: accountrows.balance_rows(call.records.account),
    "getcollateral": lambda call: accountrows.collateral_body(call.records.account, tuple(call.orders.venues.values())),
    "getchildorders": _child_orders,
    "getparentorders": _parent_orders,
    "getparentorder": _parent_order,
    "getexecutions": lambda call: accountrows.execution_rows(call.records, call.product, _page(call), _named(call)),
    "getpositions": lambda call: accountrows.position_rows(call.records.account, call.venue),
    "gettradingcommission": lambda call: accountrows.commission_body(call.product),
    "sendchildorder": _send_child_order,
    "cancelchildorder": _cancel_child_order,
    "sendparentorder": _send_parent_order,
    "cancelparentorder": _cancel_parent_order,
    "cancelallchildorders": _cancel_all_child_orders,
}
