"""The executions of a product from before its subscription: their state, and the pause that they fill. Pure.

The stream repairs its own gaps. It knows nothing of the time before the first subscription, and of a pause that the
user wanted: executions of such times are fetched once, and the stream tells which of them it has given
(`Stream.recovered`).
"""

from __future__ import annotations

from typing import Final

from fulgurite.playground.candles import GapSpan

PAGES: Final = 4
"""Requests for one product at most, for 2,000 executions."""


class History:
    """The state of one product's earlier executions. Times are milliseconds since 1970 by the exchange's clock."""

    def __init__(self) -> None:
        self.state = "unasked"
        """As in `messages.Candles`."""
        self.problem = ""
        self._paused_ms: float | None = None
        self._resumed_ms = 0.0

    def begin(self, at_ms: float) -> bool:
        """Begin to load at a subscription; False if no execution can have been missed since the last load."""
        if self.state == "loading" or (self.state != "unasked" and self._paused_ms is None):
            return False
        self.state, self.problem, self._resumed_ms = "loading", "", at_ms
        return True

    def end(self, problem: str) -> GapSpan | None:
        """End the load; return the gap that a `problem` leaves, if it lies in a pause."""
        paused_ms, self._paused_ms = self._paused_ms, None
        self.state, self.problem = ("failed" if problem else "ready"), problem
        return GapSpan(paused_ms, self._resumed_ms) if problem and paused_ms is not None else None

    def pause(self, at_ms: float) -> None:
        """End the subscription. A load under way will not come."""
        if self._paused_ms is None and self.state != "unasked":
            self._paused_ms = at_ms
        if self.state == "loading":
            self.state = "unasked"
