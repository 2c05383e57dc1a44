"""Repairs the holes of a stream's channels, as far as the HTTP API can tell what was missed (section 5)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from fulgurite.client.backfill import Backfilled
from fulgurite.client.feed import Feed, Hole
from fulgurite.client.fetching import (
    fetch_executions,
    fetch_orders,
    fetch_parent_orders,
    markets,
    newest_execution_id,
    start_ledger,
    start_parent_ledger,
)
from fulgurite.client.http import HttpApi
from fulgurite.client.items import Gap, Message, Origin, Repaired
from fulgurite.client.orderrows import Reconciliation
from fulgurite.errors import FulguriteError
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import ChildOrderEvent, ParentOrderEvent

DELAYS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt. What the API shows is up to a second old (section 5), so the second often succeeds."""

REPAIR_SECONDS: Final = 60.0
"""After this a repair is given up: the channel's later messages may be waiting for it."""

ROWS_PER_MESSAGE: Final = 500
"""Executions of one backfilled message."""


class Repairs:
    """Fetches what was missed.

    Args:
        api: where from.
    """

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self._stack = AsyncExitStack()
        # An account's orders are listed by product, so all that there are must be asked for.
        self._products: list[str] | None = None

    async def open(self) -> None:
        """Open the HTTP API; `close` must follow."""
        await self._stack.enter_async_context(self._api)

    async def close(self) -> None:
        """Close the HTTP API."""
        await self._stack.aclose()

    async def learn(self, feed: Feed) -> None:
        """Find out where a channel stands, so that a hole before its first message can be repaired, too."""
        # What goes wrong here leaves nothing to repair yet; a repair will say what is wrong.
        with contextlib.suppress(FulguriteError):
            if feed.channel.kind is Kind.EXECUTIONS:
                newest = await newest_execution_id(self._api, feed.channel.product_code)
                feed.learned(newest or 0, time.time_ns())
            elif feed.orders is not None:
                await start_ledger(self._api, feed.orders, await self._find_products())
            elif feed.parent_orders is not None:
                await start_parent_ledger(self._api, feed.parent_orders, await self._find_products())
            feed.learned_ns = time.time_ns()

    async def repair(self, feed: Feed, hole: Hole, give: Callable[[Iterable[Message | Gap]], None]) -> None:
        """Repair a hole, and give what comes of it; what goes wrong is said in the gap."""
        repair = self._backfill if feed.channel.kind is Kind.EXECUTIONS else self._reconcile
        try:
            async with asyncio.timeout(REPAIR_SECONDS):
                items = await repair(feed, hole)
        except TimeoutError:
            note = f"not repaired: nothing came of it within {REPAIR_SECONDS:.0f} s; the limits may not have allowed it"
            items = feed.repaired(hole, [], Repaired.NONE, note)
        give(items)

    async def _reconcile(self, feed: Feed, hole: Hole) -> Iterable[Message | Gap]:
        problem = ""
        for delay in DELAYS:
            await asyncio.sleep(delay)
            try:
                found = await self._fetch_events(feed)
            except FulguriteError as error:
                problem = str(error)
                continue
            problem = found.problem
            if feed.learned_ns is None or feed.learned_ns > hole.began_ns:
                problem = f"{problem}; the account's orders were not known before".removeprefix("; ")
            is_whole = not problem and not found.unresolved
            repaired = Repaired.FULL if is_whole else Repaired.PARTIAL if found.events else Repaired.NONE
            messages = _events_message(feed.name, found.events)
            return feed.repaired(hole, messages, repaired, problem, found.unresolved)
        return feed.repaired(hole, [], Repaired.NONE, f"not repaired: {problem}")

    async def _fetch_events(self, feed: Feed) -> Reconciliation[ChildOrderEvent] | Reconciliation[ParentOrderEvent]:
        products = await self._find_products()
        if feed.orders is not None:
            return await fetch_orders(self._api, feed.orders, products)
        assert feed.parent_orders is not None  # the feeds of private channels have the one or the other
        return await fetch_parent_orders(self._api, feed.parent_orders, products)

    async def _find_products(self) -> list[str]:
        if self._products is None:
            self._products = await markets(self._api)
        return self._products

    async def _backfill(self, feed: Feed, hole: Hole) -> Iterable[Message | Gap]:
        product_code = feed.channel.product_code
        if hole.after is None:
            return feed.repaired(hole, [], Repaired.NONE, "not repaired: no execution was known before it")
        result: Backfilled | None = None
        problem = ""
        for delay in DELAYS:
            await asyncio.sleep(delay)
            try:
                found = await fetch_executions(self._api, product_code, hole.after, hole.before)
            except FulguriteError as error:
                problem = str(error)
                break
            # A later attempt may know less than an earlier one, if the server has gone meanwhile.
            if result is None or len(found.executions) >= len(result.executions):
                result = found
            if not found.may_improve:
                break
        if result is None:
            return feed.repaired(hole, [], Repaired.NONE, f"not repaired: {problem}")
        repaired = Repaired.FULL if result.is_complete else Repaired.PARTIAL if result.executions else Repaired.NONE
        return feed.repaired(hole, _messages(feed.name, result), repaired, result.problem)


def _messages(channel: str, found: Backfilled) -> Iterable[Message]:
    now_ns = time.time_ns()
    for start in range(0, len(found.executions), ROWS_PER_MESSAGE):
        stop = start + ROWS_PER_MESSAGE
        raw = msgspec.Raw(b"[" + b",".join(found.rows[start:stop]) + b"]")
        yield Message(channel, now_ns, "", raw, list(found.executions[start:stop]), Origin.BACKFILLED)


def _events_message(channel: str, events: Sequence[ChildOrderEvent] | Sequence[ParentOrderEvent]) -> list[Message]:
    if not events:
        return []
    # What is not known is absent, as it is on the wire (3.5).
    rows = [
        {name: value for name, value in msgspec.structs.asdict(event).items() if value is not None} for event in events
    ]
    data: list[ChildOrderEvent] | list[ParentOrderEvent] = list(events)  # type: ignore[assignment]  # of one of the two
    return [Message(channel, time.time_ns(), "", msgspec.Raw(msgspec.json.encode(rows)), data, Origin.RECONCILED)]
