"""Latencies: percentiles of the newest measurements. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from fulgurite.client.items import Frame
from fulgurite.errors import InputError
from fulgurite.playground.messages import Latency
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Data, Execution, Ticker, parse_time

KEPT: Final = 1_000
"""Measurements of each kind; the oldest are forgotten."""

CLOCKS_APART_MS: Final = 60_000.0
"""A delay beyond this says nothing about the network: the exchange has another time."""


class LatencyMeter:
    """Keeps the newest measurements of each kind; see `messages.Latency` for the kinds.

    Args:
        heartbeat: the dialect's ping and pong frames; None if it has none.
    """

    def __init__(self, heartbeat: tuple[str, str] | None = None) -> None:
        self._heartbeat = heartbeat
        # When the ping was sent that is unanswered.
        self._pinged_ns: int | None = None
        self._delays: dict[str, deque[float]] = {}

    def add(self, what: str, ms: float) -> None:
        """Add one measurement."""
        if abs(ms) <= CLOCKS_APART_MS:
            self._delays.setdefault(what, deque(maxlen=KEPT)).append(ms)

    def add_frame(self, frame: Frame) -> None:
        """Measure the time from a ping to its pong."""
        if self._heartbeat is None:
            return
        ping, pong = self._heartbeat
        if frame.direction == "sent" and frame.text == ping:
            self._pinged_ns = frame.at_ns
        elif frame.text == pong and self._pinged_ns is not None:
            self.add("heartbeat", (frame.at_ns - self._pinged_ns) / 1e6)
            self._pinged_ns = None

    def closed(self) -> None:
        """Expect no pong any more."""
        self._pinged_ns = None

    def add_message(self, kind: Kind, data: Data, received_ns: int) -> None:
        """Measure a live message, if it says when it was made: tickers and executions do, boards do not (section 3)."""
        if isinstance(data, Ticker):
            made = data.timestamp
        elif kind is Kind.EXECUTIONS and isinstance(data, list) and data and isinstance(data[-1], Execution):
            made = data[-1].exec_date
        else:
            return
        try:
            self.add(kind.name.lower(), (received_ns - parse_time(made)) / 1e6)
        except InputError:
            return  # it is known to be blank at times

    def summary(self) -> list[Latency]:
        """The percentiles of each kind that was measured: the measurement that so many percent do not exceed."""
        return [_latency(what, sorted(delays)) for what, delays in sorted(self._delays.items())]


def _latency(what: str, ascending: list[float]) -> Latency:
    count = len(ascending)
    return Latency(what, count, *(ascending[(count * percent + 99) // 100 - 1] for percent in (50, 90, 99, 100)))
