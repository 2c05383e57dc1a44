"""Fetching what a stream has missed (protocol reference, section 5). A shell: others decide what is asked for."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from fulgurite.client.backfill import MAX_PAGES, Backfilled, ExecutionsBackfill
from fulgurite.client.http import HttpApi
from fulgurite.errors import FulguriteError, RemoteProtocolError
from fulgurite.protocol.messages import Execution

T = TypeVar("T")


class _Market(msgspec.Struct):
    product_code: str


async def markets(api: HttpApi) -> list[str]:
    """The product codes that the service lists, those that only its other regions have left out.

    Raises:
        RemoteProtocolError: the answer is no such list. And what `HttpApi.get` raises.
    """
    return [market.product_code for market in _decode(await api.get("markets"), list[_Market])]


async def newest_execution_id(api: HttpApi, product_code: str) -> int | None:
    """The id of the newest execution of a product, or None where none is listed.

    Raises:
        RemoteProtocolError: the answer is no list of executions. And what `HttpApi.get` raises.
    """
    # More than one, since an id may be 0, which is none (section 3.4).
    body = await api.get("executions", {"product_code": product_code, "count": "10"})
    return max((row.id for row in _decode(body, list[Execution]) if row.id > 0), default=None)


async def fetch_executions(
    api: HttpApi, product_code: str, after: int, before: int | None = None, max_pages: int = MAX_PAGES
) -> Backfilled:
    """Fetch the executions between two others; the arguments are those of `ExecutionsBackfill`.

    A request that fails ends it: what was fetched until then is returned, with the error.

    Raises:
        InputError: the arguments cannot be meant.
    """
    backfill = ExecutionsBackfill(product_code, after, before, max_pages)
    while (query := backfill.query()) is not None:
        try:
            body = await api.get("executions", query)
        except FulguriteError as error:
            backfill.fail(error)
        else:
            backfill.receive(body)
    return backfill.result()


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"the HTTP API answered with something else: {error}", body) from error
