"""The newest executions of a product, from the HTTP API, so that the first chart is not empty. A shell."""

from __future__ import annotations

from typing import Final

from fulgurite.client import Endpoint
from fulgurite.client.backfill import Backfilled, ExecutionsBackfill
from fulgurite.client.http import HttpApi
from fulgurite.errors import FulguriteError

PAGES: Final = 4
"""Requests for one product at most, for 2,000 executions."""


async def fetch_history(endpoint: Endpoint, product_code: str, after: int) -> tuple[Backfilled, str]:
    """Fetch executions.

    Args:
        endpoint: whose.
        product_code: for example ``BTC_JPY``.
        after: the id of the newest that is known, or 0.

    Returns:
        The executions, and the reason for missing ones, or "". Where none was known, older ones beyond the limit are
        not missing.
    """
    backfill = ExecutionsBackfill(product_code, after, max_pages=PAGES)
    if endpoint.http is None:
        return backfill.result(), "the endpoint has no HTTP API that we know of"
    try:
        async with HttpApi(endpoint.http) as api:
            while (query := backfill.query()) is not None:
                backfill.receive(await api.get("executions", query))
    except FulguriteError as error:
        backfill.fail(error)
    found = backfill.result()
    if found.error is not None:
        return found, str(found.error)
    return found, found.problem if after else ""
