"""Repairs the holes of a stream's channels, as far as the HTTP API can tell what was missed (section 5)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from fulgurite.client.backfill import Backfilled
from fulgurite.client.feed import Feed, Hole
from fulgurite.client.http import HttpApi
from fulgurite.client.items import Gap, Message, Origin, Repaired
from fulgurite.client.repair import fetch_executions, newest_execution_id
from fulgurite.errors import FulguriteError
from fulgurite.protocol.channels import Kind

DELAYS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt. What the API shows is up to a second old (section 5), so the second often succeeds."""

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

    async def open(self) -> None:
        """Open the HTTP API; `close` must follow."""
        await self._stack.enter_async_context(self._api)

    async def close(self) -> None:
        """Close the HTTP API."""
        await self._stack.aclose()

    async def learn(self, feed: Feed) -> None:
        """Find out where a channel stands, so that a hole before its first message can be repaired, too."""
        if feed.channel.kind is not Kind.EXECUTIONS:
            return
        try:
            newest = await newest_execution_id(self._api, feed.channel.product_code)
        except FulguriteError:
            return  # there is nothing to repair yet; a repair will say what is wrong
        if feed.newest_id is None:
            feed.newest_id = newest or 0

    async def repair(self, feed: Feed, hole: Hole, give: Callable[[Iterable[Message | Gap]], None]) -> None:
        """Repair a hole, and give what comes of it; never fails, for that too is said in the gap."""
        if feed.channel.kind is Kind.EXECUTIONS:
            give(await self._backfill(feed, hole))
        else:
            give(feed.repaired(hole, [], Repaired.NONE, "order events are not reconciled"))

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
            if found.is_complete:
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
