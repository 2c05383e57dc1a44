"""The descriptions of both APIs, for code generators and viewers: ``/asyncapi.json`` and ``/openapi.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fulgurite.exchange import openapi
from fulgurite.exchange.products import PRODUCTS, Product
from fulgurite.protocol import asyncapi
from fulgurite.protocol.dialects import DialectName

PATHS: Final = ("/asyncapi.json", "/openapi.json")


def description_routes(
    realtime: Mapping[str, Mapping[DialectName, str]], http: Mapping[str, str], products: Iterable[Product] = PRODUCTS
) -> list[Route]:
    """The routes of the descriptions.

    Args:
        realtime: the WebSocket's URL of each dialect, by the name of the service.
        http: the URL of the HTTP API with its version, likewise.
        products: those that trade there.
    """

    codes = [product.code for product in products]

    async def describe_realtime(_request: Request) -> Response:
        return _json(asyncapi.describe(realtime, codes))

    async def describe_http(_request: Request) -> Response:
        return _json(openapi.describe(http))

    return [Route(path, endpoint) for path, endpoint in zip(PATHS, (describe_realtime, describe_http), strict=True)]


def _json(document: object) -> Response:
    return Response(msgspec.json.format(msgspec.json.encode(document)), media_type="application/json")
