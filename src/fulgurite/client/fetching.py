"""Requests for a stream's missed items (protocol reference, section 5). A shell: pure modules decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from fulgurite.client.backfill import MAX_PAGES, PAGE_ROWS, Backfilled, ExecutionsBackfill
from fulgurite.client.http import HttpApi
from fulgurite.client.orderrows import (
    ChildOrderRow,
    ExecutionRow,
    Listing,
    ParentListing,
    ParentOrderRow,
    Reconciliation,
)
from fulgurite.client.reconcile import OrderLedger
from fulgurite.client.reconcileparents import ParentOrderLedger
from fulgurite.errors import FulguriteError, RemoteProtocolError
from fulgurite.protocol.messages import ChildOrderEvent, Execution, ParentOrderEvent

MAX_FILL_PAGES: Final = 10
"""Limit on the pages of an account's executions for one product and gap."""

MAX_PARENT_PAGES: Final = 10
"""Limit on the pages of an account's special orders for one product and gap."""

MAX_LOOKUPS: Final = 100
"""Limit on the requests for single orders of one product."""

T = TypeVar("T")


class _Market(msgspec.Struct):
    product_code: str


async def markets(api: HttpApi) -> list[str]:
    """The product codes listed by the service, without those of its other regions.

    Raises:
        RemoteProtocolError: the answer is no such list. Also those of `HttpApi.get`.
    """
    return [market.product_code for market in _decode(await api.get("markets"), list[_Market])]


async def newest_execution_id(api: HttpApi, product_code: str) -> int | None:
    """The id of the newest execution of a product, or None if none is listed.

    Raises:
        RemoteProtocolError: the answer is no list of executions. Also those of `HttpApi.get`.
    """
    # More than one execution, since some may have the id 0, which is none (section 3.4).
    body = await api.get("executions", {"product_code": product_code, "count": "10"})
    return max((row.id for row in _decode(body, list[Execution]) if row.id > 0), default=None)


async def fetch_executions(
    api: HttpApi, product_code: str, after: int, before: int | None = None, max_pages: int = MAX_PAGES
) -> Backfilled:
    """Fetch the executions between two others; the arguments are those of `ExecutionsBackfill`.

    A failed request ends it: the result has the executions so far, and the error.

    Raises:
        InputError: an argument is invalid.
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


async def start_ledger(api: HttpApi, ledger: OrderLedger, products: Iterable[str]) -> None:
    """Start a new ledger with the open orders, by two requests for each product.

    Raises:
        RemoteProtocolError: an answer is no such list. Also those of `HttpApi.get_signed`.
    """
    for product_code in products:
        active, _ = await _orders(api, product_code, child_order_state="ACTIVE")
        ledger.start(Listing(product_code, active, await _executions(api, product_code, count="10"), []))


async def fetch_orders(api: HttpApi, ledger: OrderLedger, products: Iterable[str]) -> Reconciliation[ChildOrderEvent]:
    """Fetch the account's orders since the ledger was interrupted, and conclude the missed events.

    Live events may be recorded in the meantime. Each product takes two requests, one more after any change, and up to
    `MAX_LOOKUPS` more for orders that ended.

    Raises:
        RemoteProtocolError: an answer is no such list. Also those of `HttpApi.get_signed`. The ledger then keeps the
            interruption for another attempt.
    """
    ledger.interrupt()
    return ledger.reconcile([await _fetch_listing(api, ledger, product_code) for product_code in products])


async def start_parent_ledger(api: HttpApi, ledger: ParentOrderLedger, products: Iterable[str]) -> None:
    """Start a new ledger with the open special orders, by two requests for each product.

    Raises:
        RemoteProtocolError: an answer is no such list. Also those of `HttpApi.get_signed`.
    """
    for product_code in products:
        active = await _parent_orders(api, product_code, parent_order_state="ACTIVE")
        ledger.start(ParentListing(product_code, [*active, *await _parent_orders(api, product_code)]))


async def fetch_parent_orders(
    api: HttpApi, ledger: ParentOrderLedger, products: Iterable[str]
) -> Reconciliation[ParentOrderEvent]:
    """Fetch the account's special orders since the ledger was interrupted, and conclude the missed events.

    Each product takes two requests, and up to `MAX_PARENT_PAGES` if an open order is no longer listed.

    Raises:
        RemoteProtocolError: an answer is no such list. Also those of `HttpApi.get_signed`.
    """
    ledger.interrupt()
    return ledger.reconcile([await _fetch_parent_listing(api, ledger, product_code) for product_code in products])


async def _fetch_parent_listing(api: HttpApi, ledger: ParentOrderLedger, product_code: str) -> ParentListing:
    rows = await _parent_orders(api, product_code, parent_order_state="ACTIVE")
    if len(rows) >= PAGE_ROWS:
        return ParentListing(product_code, rows, f"there may be more than {PAGE_ROWS} open special orders")
    query: dict[str, str] = {}
    for _ in range(MAX_PARENT_PAGES):
        page = await _parent_orders(api, product_code, **query)
        rows += page
        lowest = min((row.id for row in page if row.id), default=0)
        is_further = bool(lowest) and ("before" not in query or lowest < int(query["before"]))
        if not is_further or ledger.is_enough(ParentListing(product_code, rows)):
            return ParentListing(product_code, rows)
        query["before"] = str(lowest)
    return ParentListing(product_code, rows, f"there are more than {len(rows)} special orders")


async def _fetch_listing(api: HttpApi, ledger: OrderLedger, product_code: str) -> Listing:
    problems = []
    active, _ = await _orders(api, product_code, child_order_state="ACTIVE")
    if len(active) >= PAGE_ROWS:
        # Rows have no ids for paging (section 5).
        problems.append(f"there may be more than {PAGE_ROWS} open orders")
    executions, problem = await _executions_after(api, product_code, ledger.newest_id(product_code))
    problems += [problem] if problem else []
    ended: list[ChildOrderRow] = []

    def listing() -> Listing:
        return Listing(product_code, active, executions, ended, "; ".join(problems))

    if ledger.unexplained(listing()):
        _, ended = await _orders(api, product_code)
        missing = ledger.unexplained(listing())
        if len(missing) > MAX_LOOKUPS:
            problems.append(f"more than {MAX_LOOKUPS} orders need a request each")
        for key in missing[:MAX_LOOKUPS]:
            more_active, more_ended = await _orders(api, product_code, child_order_acceptance_id=key)
            active += more_active
            ended += more_ended
    return listing()


async def _executions_after(api: HttpApi, product_code: str, newest_id: int | None) -> tuple[list[ExecutionRow], str]:
    """The account's executions from this one on, with the reason if some are missing; only the newest for None."""
    if newest_id is None:
        return await _executions(api, product_code, count="10"), ""
    # The query includes the last known execution, which marks the end.
    query = {"after": str(newest_id - 1)} if newest_id else {}
    found: list[ExecutionRow] = []
    for _ in range(MAX_FILL_PAGES):
        page = await _executions(api, product_code, **query)
        lowest = min((row.id for row in page if row.id), default=0)
        is_further = bool(lowest) and ("before" not in query or lowest < int(query["before"]))
        found += page
        if lowest and lowest <= newest_id:
            return found, ""
        if not is_further:
            return found, f"the execution {newest_id}, the last known one, is not listed" if newest_id else ""
        query["before"] = str(lowest)
    return found, f"there are more than {len(found)} executions"


async def _orders(api: HttpApi, product_code: str, **query: str) -> tuple[list[ChildOrderRow], list[ChildOrderRow]]:
    """A page of the account's orders: the active ones, and the ended ones."""
    params = {"product_code": product_code, "count": str(PAGE_ROWS), **query}
    rows = _decode(await api.get_signed("me/getchildorders", params), list[ChildOrderRow])
    active = [row for row in rows if row.child_order_state == "ACTIVE"]
    return active, [row for row in rows if row.child_order_state != "ACTIVE"]


async def _executions(api: HttpApi, product_code: str, **query: str) -> list[ExecutionRow]:
    """A page of the account's executions."""
    params = {"product_code": product_code, "count": str(PAGE_ROWS), **query}
    return _decode(await api.get_signed("me/getexecutions", params), list[ExecutionRow])


async def _parent_orders(api: HttpApi, product_code: str, **query: str) -> list[ParentOrderRow]:
    """A page of the account's special orders."""
    params = {"product_code": product_code, "count": str(PAGE_ROWS), **query}
    return _decode(await api.get_signed("me/getparentorders", params), list[ParentOrderRow])


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"the answer of the HTTP API has another form: {error}", body) from error
