"""Missed executions, fetched by id from the HTTP API (protocol reference, sections 3.4 and 5). Pure.

The listing is newest first and is paged from its newer end by `before`, so new executions do not shift it. It reaches
back 31 days on the real service, and shows neither its end nor its age. So the two executions that bound the gap are
requested, too: if both are listed, and all pages between them were read, nothing is missing. Otherwise the result has
a `problem`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fulgurite.errors import FulguriteError, InputError
from fulgurite.protocol.messages import Execution

PAGE_ROWS: Final = 500
"""Limit on the executions of one request."""

MAX_PAGES: Final = 40
"""Limit on the pages read for one gap: 20,000 executions. Older ones stay missing, with a note."""

_DECODER: Final = msgspec.json.Decoder(Execution)
_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Backfilled(msgspec.Struct, frozen=True):
    """The executions of one product between two others."""

    product_code: str
    executions: list[Execution]
    """Ascending by id, each once. `exec_date` has HTTP's form: without Z, with 0 to 3 fraction digits."""
    rows: list[bytes]
    """The JSON text of each of them, byte for byte as received."""
    problem: str
    """The possibly missing executions and the reason, in plain words; "" if none are missing."""
    error: FulguriteError | None = None
    """The error of the failed request that ended it early."""
    may_improve: bool = False
    """Whether a new attempt may soon bring more: a request failed, or the end of the gap was not listed yet."""

    @property
    def is_complete(self) -> bool:
        """Whether no execution between the two is missing."""
        return not self.problem


class ExecutionsBackfill:
    """Requests the executions of one product between two ids: send the `query`, `receive` the answer, repeat.

    Args:
        product_code: for example ``BTC_JPY``.
        after: the id of the last known execution before the gap; 0 for the beginning of the listing.
        before: the id of the first known execution after the gap; None to fetch up to the newest.
        max_pages: the limit on the number of requests, 1 or more.

    Raises:
        InputError: `after` is below 0, `before` is not above it, or `max_pages` is below 1.
    """

    def __init__(self, product_code: str, after: int, before: int | None = None, max_pages: int = MAX_PAGES) -> None:
        if after < 0:
            raise InputError("after", after, "the id of an execution, or 0")
        if before is not None and before <= after:
            raise InputError("before", before, f"an id above {after}, which is `after`")
        if max_pages < 1:
            raise InputError("max_pages", max_pages, "a number from 1")
        self.product_code = product_code
        self._after = after
        self._before = before
        self._pages_left = max_pages
        # The upper limit of ids still to fetch; None before a first page without one.
        self._cursor = None if before is None else before + 1
        self._found: dict[int, tuple[Execution, bytes]] = {}
        self._is_done = before == after + 1  # no id lies between
        self._is_early = False
        self._unreadable = 0
        self._without_id = 0
        self._problems: list[str] = []
        self._error: FulguriteError | None = None

    def query(self) -> dict[str, str] | None:
        """Return the query of the next request to `executions`, or None if all is done."""
        if self._is_done:
            return None
        query = {"product_code": self.product_code, "count": str(PAGE_ROWS)}
        if self._cursor is not None:
            query["before"] = str(self._cursor)
        if self._after:
            query["after"] = str(self._after - 1)
        return query

    def receive(self, body: bytes) -> None:
        """Process the answer to `query`."""
        try:
            rows = _ROWS.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._problems.append(f"the answer of the HTTP API is no list: {error}")
            self._finish()
            return
        self._pages_left -= 1
        page = self._read(rows)
        lowest = min(page, default=None)
        is_further = lowest is not None and (self._cursor is None or lowest < self._cursor)
        if is_further:
            self._cursor = lowest
        self._found |= page
        if not is_further or self._after in page:
            self._finish()
        elif not self._pages_left:
            self._problems.append(f"only the newest {len(self._found)} were requested, back to {lowest}")
            self._finish(is_end_reached=False)

    def fail(self, error: FulguriteError) -> None:
        """Record a failed request; executions received before it are kept."""
        self._error = error
        self._problems.append(str(error))
        self._finish(is_end_reached=False)

    def result(self) -> Backfilled:
        """The executions fetched so far; complete once `query` returns None."""
        bounds = (self._after, self._before)
        found = [self._found[number] for number in sorted(self._found) if number not in bounds]
        problems = [*self._problems, *([] if self._is_done else ["not all pages were read yet"])]
        return Backfilled(
            self.product_code,
            [execution for execution, _ in found],
            [row for _, row in found],
            "; ".join(problems),
            self._error,
            may_improve=self._error is not None or self._is_early,
        )

    def _read(self, rows: list[msgspec.Raw]) -> dict[int, tuple[Execution, bytes]]:
        """The executions of a page within or at the bounds of the gap, by id."""
        page: dict[int, tuple[Execution, bytes]] = {}
        for row in rows:
            try:
                execution = _DECODER.decode(row)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                self._unreadable += 1
                continue
            if execution.id <= 0:
                self._without_id += 1
            elif execution.id >= self._after and (self._before is None or execution.id <= self._before):
                # A copy, because a row would keep its whole page in memory.
                page[execution.id] = (execution, bytes(row))
        return page

    def _finish(self, *, is_end_reached: bool = True) -> None:
        self._is_done = True
        if self._unreadable:
            self._problems.append(f"{self._unreadable} rows could not be read")
        if self._without_id:
            self._problems.append(f"{self._without_id} executions without an id cannot be placed")
        if self._before is not None and self._before not in self._found:
            self._is_early = True
            self._problems.append(f"the execution {self._before}, where the gap ends, is not listed yet")
        if is_end_reached and self._after and self._after not in self._found:
            self._problems.append(
                f"the execution {self._after}, where the gap begins, is not listed; the list reaches back 31 days"
            )
