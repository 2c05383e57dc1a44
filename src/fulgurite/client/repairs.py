"""Repairs of a stream's gaps with missed messages from the HTTP API (section 5)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple
from weakref import WeakSet

import msgspec

from fulgurite.client.backoff import is_fatal
from fulgurite.client.feed import Feed
from fulgurite.client.fetching import (
    fetch_executions,
    fetch_orders,
    fetch_parent_orders,
    markets,
    newest_execution_id,
    start_ledger,
    start_parent_ledger,
)
from fulgurite.client.gaplife import GapLife
from fulgurite.client.http import HttpApi
from fulgurite.client.items import Gap, Message, Origin, Repaired
from fulgurite.client.orderrows import Reconciliation
from fulgurite.client.reconcile import OrderLedger
from fulgurite.errors import FulguriteError, HttpRequestError
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import ChildOrderEvent, Execution, ParentOrderEvent

DELAYS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each of the first attempts. The API's data are up to a second old (section 5), so the second attempt
often succeeds. Rows still absent after all these attempts stay absent."""

LONGEST_DELAY: Final = 600.0
"""Limit on the seconds between later attempts, if no message waits for the repair."""

REPAIR_SECONDS: Final = 60.0
"""Limit on the duration of a repair that later messages wait for."""

KEPT_SECONDS: Final = 31 * 86_400.0
"""Limit on the duration of any other repair: the service keeps executions for 31 days (section 5)."""

FINAL_STATUSES: Final = frozenset((400, 401, 404))
"""HTTP statuses that end a repair: the product, the key or the address is wrong, and stays so."""

ROWS_PER_MESSAGE: Final = 500
"""Limit on the executions of one backfilled message."""


class Outcome(NamedTuple):
    """The result of an attempt."""

    messages: Sequence[Message]
    repaired: Repaired
    note: str
    unresolved: Sequence[str] = ()
    may_improve: bool = False
    """Whether a further one of the first attempts may bring more, since the API's data may be a second old."""
    error: FulguriteError | None = None
    """The error of a failed request, which may succeed in another attempt."""


def repair_delays(is_waited_for: bool) -> Iterator[float]:
    """Yield the seconds before each attempt, without end.

    Args:
        is_waited_for: whether the channel's later messages wait for the repair.
    """
    yield from DELAYS
    delay = DELAYS[-1]
    while True:
        if not is_waited_for:
            delay = min(2 * delay, LONGEST_DELAY)
        yield delay


class Repairs:
    """Fetches missed messages.

    Args:
        api: the HTTP API.
        delays: see `repair_delays`.
    """

    def __init__(self, api: HttpApi, delays: Callable[[bool], Iterator[float]] = repair_delays) -> None:
        self.api = api
        self._delays = delays
        self._stack = AsyncExitStack()
        # The owner of the tasks; None while the HTTP API is closed.
        self._tasks: asyncio.TaskGroup | None = None
        # The feeds with a lookup of their present state.
        self._learned: WeakSet[Feed] = WeakSet()
        # All product codes, because orders are listed by product.
        self._products: list[str] | None = None

    async def open(self, tasks: asyncio.TaskGroup) -> None:
        """Open the HTTP API; `close` must follow the end of all tasks, which `tasks` owns."""
        await self._stack.enter_async_context(self.api)
        self._tasks = tasks

    async def close(self) -> None:
        """Close the HTTP API."""
        self._tasks = None
        await self._stack.aclose()

    def learn(self, feed: Feed) -> None:
        """Begin the lookup of a channel's present state, once, so that a gap before its first message is repairable.

        Before `open` this does nothing.
        """
        if self._tasks is not None and feed not in self._learned:
            self._learned.add(feed)
            self._start(self._learn(feed))

    def begin(self, feed: Feed, gap: GapLife, give: Callable[[Iterable[Message | Gap]], None]) -> None:
        """Begin the repair of a gap; see `repair`. At the end of the stream this does nothing."""
        self._start(self.repair(feed, gap, give))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None  # gaps come from connections, which run after `open`
        try:
            self._tasks.create_task(work)
        except RuntimeError:
            # The group is shutting down. The stream gives its last gaps as they are.
            work.close()

    async def _learn(self, feed: Feed) -> None:
        # A failure here needs no report: the note of a later repair reports it.
        for delay, _ in zip(self._delays(True), DELAYS, strict=False):
            await asyncio.sleep(delay)
            with contextlib.suppress(FulguriteError):
                if feed.channel.kind is Kind.EXECUTIONS:
                    newest = await newest_execution_id(self.api, feed.channel.product_code)
                    feed.learned(newest or 0, time.time_ns())
                    return
                assert feed.orders is not None  # the feeds of private channels have one
                if isinstance(feed.orders, OrderLedger):
                    await start_ledger(self.api, feed.orders, await self._find_products())
                else:
                    await start_parent_ledger(self.api, feed.orders, await self._find_products())
                feed.orders.started_ns = time.time_ns()
                return

    async def repair(self, feed: Feed, gap: GapLife, give: Callable[[Iterable[Message | Gap]], None]) -> None:
        """Repair a gap and give the result. The gap's note reports failures.

        Failed requests are retried for `REPAIR_SECONDS` if later messages wait, and otherwise for as long as the
        service keeps executions.
        """
        attempt = self._backfill if feed.channel.kind is Kind.EXECUTIONS else self._reconcile
        seconds = REPAIR_SECONDS if feed.waits_for_repairs else KEPT_SECONDS
        best: Outcome | None = None
        try:
            async with asyncio.timeout(seconds):
                for number, delay in enumerate(self._delays(feed.waits_for_repairs), 1):
                    await asyncio.sleep(delay)
                    if not gap.is_repairing:
                        return
                    outcome = await attempt(feed, gap)
                    # A later attempt may bring less than an earlier one, for example if the server is down.
                    if best is None or _rows(outcome) >= _rows(best):
                        best = outcome
                    if outcome.error is None:
                        if not outcome.may_improve or number >= len(DELAYS):
                            break
                    elif _is_final(outcome.error):
                        break
        except TimeoutError:
            note = f"not repaired: no result within {seconds:.0f} s; the limits may have prevented the requests"
            best = best or Outcome([], Repaired.NONE, note)
        assert best is not None  # the delays have no end
        give(feed.repaired(gap, best.messages, best.repaired, best.note, best.unresolved))

    async def _reconcile(self, feed: Feed, gap: GapLife) -> Outcome:
        try:
            found = await self._fetch_events(feed)
        except FulguriteError as error:
            return Outcome([], Repaired.NONE, f"not repaired: {error}", error=error)
        problem = found.problem
        started_ns = None if feed.orders is None else feed.orders.started_ns
        if started_ns is None or started_ns > gap.began_ns:
            problem = f"{problem}; the account's orders were not known before".removeprefix("; ")
        is_whole = not problem and not found.unresolved
        repaired = Repaired.FULL if is_whole else Repaired.PARTIAL if found.events else Repaired.NONE
        return Outcome(_events_message(feed.name, found.events), repaired, problem, found.unresolved)

    async def _fetch_events(self, feed: Feed) -> Reconciliation[ChildOrderEvent] | Reconciliation[ParentOrderEvent]:
        products = await self._find_products()
        if isinstance(feed.orders, OrderLedger):
            return await fetch_orders(self.api, feed.orders, products)
        assert feed.orders is not None  # the feeds of private channels have one of the two
        return await fetch_parent_orders(self.api, feed.orders, products)

    async def _find_products(self) -> list[str]:
        if self._products is None:
            self._products = await markets(self.api)
        return self._products

    async def _backfill(self, feed: Feed, gap: GapLife) -> Outcome:
        if gap.after is None:
            return Outcome([], Repaired.NONE, "not repaired: no execution was known before it")
        try:
            found = await fetch_executions(self.api, feed.channel.product_code, gap.after, gap.before)
        except FulguriteError as error:
            return Outcome([], Repaired.NONE, f"not repaired: {error}")
        repaired = Repaired.FULL if found.is_complete else Repaired.PARTIAL if found.executions else Repaired.NONE
        note = found.problem if repaired is not Repaired.NONE else f"not repaired: {found.problem}"
        return Outcome(
            executions_messages(feed.name, found.executions, found.rows), repaired, note,
            may_improve=found.may_improve, error=found.error,
        )  # fmt: skip


def _is_final(error: FulguriteError) -> bool:
    return is_fatal(error) or (isinstance(error, HttpRequestError) and error.status in FINAL_STATUSES)


def _rows(outcome: Outcome) -> int:
    return sum(len(message.data) for message in outcome.messages if isinstance(message.data, list))


def executions_messages(channel: str, executions: Sequence[Execution], rows: Sequence[bytes]) -> list[Message]:
    """Make messages of fetched executions.

    Args:
        channel: the executions' channel.
        executions: the executions, ascending.
        rows: the JSON text of each.
    """
    now_ns = time.time_ns()
    messages = []
    for start in range(0, len(executions), ROWS_PER_MESSAGE):
        stop = start + ROWS_PER_MESSAGE
        raw = msgspec.Raw(b"[" + b",".join(rows[start:stop]) + b"]")
        messages.append(Message(channel, now_ns, "", raw, list(executions[start:stop]), Origin.BACKFILLED))
    return messages


def _events_message(channel: str, events: Sequence[ChildOrderEvent] | Sequence[ParentOrderEvent]) -> list[Message]:
    if not events:
        return []
    # Unknown members are absent, as on the wire (3.5).
    rows = [
        {name: value for name, value in msgspec.structs.asdict(event).items() if value is not None} for event in events
    ]
    data: list[ChildOrderEvent] | list[ParentOrderEvent] = list(events)  # type: ignore[assignment]  # of one of the two
    return [Message(channel, time.time_ns(), "", msgspec.Raw(msgspec.json.encode(rows)), data, Origin.RECONCILED)]
