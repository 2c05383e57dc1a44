"""Regular comparison of a stream's executions with the HTTP API's list. A shell: `audit` decides."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fulgurite.client.feed import Feed
from fulgurite.client.fetching import fetch_executions, newest_execution_id
from fulgurite.client.http import HttpApi
from fulgurite.client.items import Gap, Message
from fulgurite.client.repairs import executions_messages
from fulgurite.errors import FulguriteError
from fulgurite.protocol.channels import Kind

AUDIT_SECONDS: Final = 60.0
"""Default interval of audits."""

FIRST_SECONDS: Final = 5.0
"""Limit on the delay of the first audit, which determines the first due execution."""

GRACE_SECONDS: Final = 2.0
"""Delay between a list and its comparison: the list may be a second old, and the channel as much behind."""

MAX_AUDIT_PAGES: Final = 10
"""Limit on the pages of 500 executions per channel and audit. Older ones are not compared, with a note."""

LEFT_FREE: Final = 100
"""Requests of the stream's share reserved for repairs. There is no audit while fewer are left."""


class Audits:
    """Audits the executions channels of a stream.

    Args:
        api: the HTTP API. The caller opens and closes it.
        seconds: the interval of audits.
        grace: see `GRACE_SECONDS`.
    """

    def __init__(self, api: HttpApi, seconds: float = AUDIT_SECONDS, grace: float = GRACE_SECONDS) -> None:
        self._api = api
        self._seconds = seconds
        self._grace = grace

    async def run(
        self,
        feeds: Mapping[str, Feed],
        is_reading: Callable[[], bool],
        give: Callable[[Feed, Iterable[Message | Gap]], None],
    ) -> None:
        """Audit until cancelled.

        Args:
            feeds: the feeds of the stream, by channel; read again for each audit.
            is_reading: returns whether the stream is reading. Otherwise nothing is due.
            give: called with a gap and the missing executions.
        """
        delay = min(self._seconds, FIRST_SECONDS)
        while True:
            await asyncio.sleep(delay)
            delay = self._seconds
            audited = [feed for feed in feeds.values() if feed.channel.kind is Kind.EXECUTIONS]
            await asyncio.gather(*(self._audit(feed, feeds, is_reading, give) for feed in audited))

    async def _audit(
        self,
        feed: Feed,
        feeds: Mapping[str, Feed],
        is_reading: Callable[[], bool],
        give: Callable[[Feed, Iterable[Message | Gap]], None],
    ) -> None:
        asked_ns = time.time_ns()
        audit = feed.begin_audit(asked_ns)
        if audit is None or self._api.requests_left() < LEFT_FREE:
            return
        product_code = feed.channel.product_code
        # The next audit repeats a failed one.
        with contextlib.suppress(FulguriteError):
            if audit.reached is None:
                audit.begin(await newest_execution_id(self._api, product_code) or 0, asked_ns)
                return
            found = await fetch_executions(self._api, product_code, audit.reached, None, MAX_AUDIT_PAGES)
            if found.error is not None:
                return
            await asyncio.sleep(self._grace)
            if not is_reading() or feeds.get(feed.name) is not feed or feed.begin_audit(asked_ns) is not audit:
                return
            since_ns = audit.since_ns
            missing = feed.compare(found.executions, asked_ns)
            if missing:
                rows = [found.rows[place] for place in missing]
                executions = [found.executions[place] for place in missing]
                messages = executions_messages(feed.name, executions, rows)
                give(feed, feed.withheld(messages, since_ns, time.time_ns(), found.problem))
