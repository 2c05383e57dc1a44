"""The product codes of an endpoint, from its HTTP API."""

from __future__ import annotations

import asyncio
import re

from fulgurite.client.fetching import markets
from fulgurite.client.http import HttpApi
from fulgurite.errors import FulguriteError
from fulgurite.exchange.products import FX_BTC_JPY, PRODUCTS

JP_PRODUCT_CODES = list(dict.fromkeys(product.code for product in (FX_BTC_JPY, *PRODUCTS)))
"""The nine products of the Japanese service, the liveliest first."""

_SECONDS = 5.0
_PRODUCT_LIMIT = 40
_CODE = re.compile(r"[A-Za-z0-9_]{1,40}")
"""Product codes that can be subscribed; others are left out."""


async def find_product_codes(http: str | None) -> list[str] | None:
    """Ask an HTTP API, for example ``https://api.bitflyer.com/v1``, for its markets; None if it does not say."""
    if http is None or not http.startswith(("http://", "https://")):
        return None
    try:
        async with asyncio.timeout(_SECONDS), HttpApi(http) as api:
            listed = await markets(api)
    except (TimeoutError, FulguriteError):
        return None
    known = [code for code in listed if _CODE.fullmatch(code)][:_PRODUCT_LIMIT]
    # The usual order where the product is known, so that the matrix looks alike everywhere.
    return sorted(known, key=lambda code: JP_PRODUCT_CODES.index(code) if code in JP_PRODUCT_CODES else 99) or None
