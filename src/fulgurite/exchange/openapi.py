"""The OpenAPI 3.1 description of the HTTP API. Pure.

It is made of the code that serves the API: the operations, the encoded types, the rules for orders, the limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fulgurite.exchange.operations import (
    INVALID_PRODUCT,
    MAX_BODY_BYTES,
    PRIVATE,
    PUBLIC,
    ErrorBody,
    Operation,
    Parameter,
)
from fulgurite.exchange.orderschemas import BODIES
from fulgurite.exchange.ratelimits import ADDRESS, KEY, ORDERS, SMALL_ORDERS, Limit, RateLimits
from fulgurite.protocol.choices import (
    HTTP_AUTH_WINDOW_SECONDS,
    INSUFFICIENT_FUNDS,
    INSUFFICIENT_MARGIN,
    INVALID_PARAMETER,
    NOT_ACCEPTED,
    ORDER_NOT_FOUND,
    OVER_ADDRESS_LIMIT,
    OVER_API_LIMIT,
    PERMISSION_DENIED,
    PRICE_TOO_LOW,
    TOO_SMALL,
    Refusal,
)
from fulgurite.protocol.schemas import Schema, schemas_of
from fulgurite.version import __version__

_SIGNATURE: Final = {
    "ACCESS-KEY": "The API key.",
    "ACCESS-TIMESTAMP": "Unix time in seconds or milliseconds, at most "
    f"{HTTP_AUTH_WINDOW_SECONDS:g} seconds from the exchange's.",
    "ACCESS-SIGN": "HMAC-SHA256 with the API secret, in lower-case hex, of these four, one after the other: "
    "ACCESS-TIMESTAMP, the method, the path with `/v1` and the query exactly as they are sent, and the body.",
}

# Refusals of a request by itself, and then those for the account's or the market's reasons.
_REFUSALS: Final = (INVALID_PRODUCT, Refusal(INVALID_PARAMETER, "Invalid count: must be an integer of 1 or more"))
_ORDER_REFUSALS: Final = (
    *_REFUSALS,
    Refusal(TOO_SMALL, "The minimum order size is 0.001 BTC."),
    PRICE_TOO_LOW,
    *(INSUFFICIENT_FUNDS, INSUFFICIENT_MARGIN, NOT_ACCEPTED, ORDER_NOT_FOUND),
)
_TOO_LONG: Final = Refusal(INVALID_PARAMETER, f"Invalid body: must be at most {MAX_BODY_BYTES} bytes")


def _limit(limit: Limit) -> str:
    return f"{limit.requests} in {limit.seconds} s"


_DESCRIPTION: Final = f"""\
bitFlyer Lightning's HTTP API as the exchange of Fulgurite serves it, generated from its code. Unknown behaviour of \
the real service is our choice here.

* Times are UTC and have no Z, with 0 to 3 fraction digits. On the realtime API they have a Z, and up to 7.
* A product code that does not exist is refused here. On the realtime API it is acknowledged, and nothing follows.
* Executions can be had 31 days back on the real service, and changes of the order book not at all.
* That an order is accepted does not mean that it is in the market: the realtime channels `child_order_events` and \
`parent_order_events` tell its fate.
* Limits: {_limit(ADDRESS)} of an IP address, {_limit(KEY)} of a key; of orders {_limit(ORDERS)} of a key, and \
{_limit(SMALL_ORDERS)} of those up to 0.1. A client that exceeds one is blocked until the period ends, and has a \
lower limit after it.
"""


def describe(servers: Mapping[str, str]) -> dict[str, Any]:
    """The whole description, ready to be encoded as JSON; the same servers give the same text.

    Args:
        servers: the URL of each HTTP API, with its version, by its name for people.
    """
    operations = (*PUBLIC, *PRIVATE)
    answers = [operation.answer for operation in operations if operation.answer is not None]
    schemas, components = schemas_of([*answers, ErrorBody], absent=False)
    schema_of = dict(zip(map(repr, answers), schemas, strict=False))
    paths = {
        operation.path: {operation.method.lower(): _operation(operation, schema_of.get(repr(operation.answer)))}
        for operation in operations
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "bitFlyer Lightning HTTP API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": url, "description": name} for name, url in servers.items()],
        "tags": [{"name": "public"}, {"name": "private"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name, "description": text}
                for name, text in _SIGNATURE.items()
            },
        },
    }


def _operation(operation: Operation, answer: Schema | None) -> dict[str, Any]:
    is_private, body = operation in PRIVATE, BODIES.get(operation.path)
    limits = ([KEY, ORDERS] if operation.is_order else [KEY]) if is_private else [ADDRESS]
    headers = {
        name: {"description": _header(name, limit), "schema": {"type": "integer"}}
        for limit in limits
        for name in RateLimits().headers(limit, "", 0.0)
    }
    content = {} if answer is None else {"content": {"application/json": {"schema": answer}}}
    responses: dict[str, Any] = {"200": {"description": operation.summary, "headers": headers, **content}}
    if operation.parameters or body:
        responses["400"] = _refusal("Refused.", _ORDER_REFUSALS if body else _REFUSALS)
    if is_private:
        responses["401"] = _refusal("A header is missing, or the key, time or signature is wrong.", [PERMISSION_DENIED])
        responses["413"] = _refusal("The body is too long.", [_TOO_LONG])
    over = [OVER_ADDRESS_LIMIT, OVER_API_LIMIT] if is_private else [OVER_ADDRESS_LIMIT]
    responses["429"] = _refusal("Over a limit.", over) | {"headers": headers}
    described: dict[str, Any] = {
        "operationId": operation.path.strip("/").replace("/", "_"),
        "summary": operation.summary,
        "tags": ["private" if is_private else "public"],
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": responses,
        "security": [{name: [] for name in _SIGNATURE}] if is_private else [],
    }
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _header(name: str, limit: Limit) -> str:
    meanings = {
        "Period": "Seconds until the reset.",
        "Remaining": f"Requests that are left, of {_limit(limit)}.",
        "Reset": "When the period ends, in Unix time.",
    }
    return meanings[name.rpartition("-")[2]]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _refusal(description: str, refusals: Iterable[Refusal]) -> dict[str, Any]:
    examples = {
        refusal.message: {"value": {"status": refusal.code, "error_message": refusal.message, "data": None}}
        for refusal in refusals
    }
    schema = {"$ref": "#/components/schemas/ErrorBody"}
    return {"description": description, "content": {"application/json": {"schema": schema, "examples": examples}}}
