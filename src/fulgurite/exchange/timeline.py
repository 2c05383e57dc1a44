"""The clock of market states: the day of a market (protocol reference, sections 1.4 and 3.3).
Pure.

Every day at 04:00 JST (19:00 UTC) all markets close for maintenance. Two minutes later every realtime connection is
closed. At 04:10 orders are taken again and rest, and at 04:12 an itayose opens trade.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class MarketState(StrEnum):
    """The states of a market, in the wire's own words (section 3.3)."""

    RUNNING = "RUNNING"
    """Orders are matched as they come."""
    CLOSED = "CLOSED"
    """Orders are refused."""
    PREOPEN = "PREOPEN"
    """Orders rest and may cross, until an itayose executes them all at one price."""
    CIRCUIT_BREAK = "CIRCUIT BREAK"
    """The price has moved too far; otherwise as PREOPEN."""

    @property
    def is_auction(self) -> bool:
        """Whether orders rest unmatched, and an itayose ends it."""
        return self in (MarketState.PREOPEN, MarketState.CIRCUIT_BREAK)


class CloseConnections(NamedTuple):
    """All realtime connections are to be closed at this moment, after everything published before it."""

    at_ns: int
    code: int
    """The WebSocket close code."""
    reason: str


class Step(NamedTuple):
    """One step of a day."""

    at_ns: int
    """Nanoseconds since 1970-01-01 UTC."""
    state: MarketState
    """The state from then on."""
    closes_connections: bool = False
    """Whether the connections are closed at this step; the state does not change then."""


PREOPEN_SECONDS: Final = 120
"""The time to prepare the itayose after a maintenance (section 1.4)."""

_SECOND_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _SECOND_NS
_MAINTENANCE_NS: Final = 19 * 3600 * _SECOND_NS
"""Its beginning, after midnight UTC."""

_STEPS: Final = (
    Step(0, MarketState.CLOSED),
    Step(120 * _SECOND_NS, MarketState.CLOSED, closes_connections=True),
    Step(600 * _SECOND_NS, MarketState.PREOPEN),
    Step((600 + PREOPEN_SECONDS) * _SECOND_NS, MarketState.RUNNING),
)
"""A maintenance, counted from its beginning (section 1.4)."""


def next_step(after_ns: int, open_until_ns: int = 0) -> Step:
    """The first step later than `after_ns`.

    Args:
        after_ns: nanoseconds since 1970-01-01 UTC.
        open_until_ns: a maintenance that begins before this does not take place.
    """
    begins_ns = max(_last_beginning(after_ns), _last_beginning(open_until_ns + _DAY_NS - 1))
    steps = (step for day in (0, _DAY_NS) for step in _steps_from(begins_ns + day))
    return next(step for step in steps if step.at_ns > after_ns)


def steps_taken(now_ns: int, open_until_ns: int = 0) -> list[Step]:
    """The steps since the beginning of the last maintenance, the one of this very moment included.

    Args:
        now_ns: nanoseconds since 1970-01-01 UTC.
        open_until_ns: a maintenance that begins before this does not take place; then there are none.
    """
    begins_ns = _last_beginning(now_ns)
    return [step for step in _steps_from(begins_ns) if step.at_ns <= now_ns and begins_ns >= open_until_ns]


def _last_beginning(now_ns: int) -> int:
    """The beginning of the last maintenance up to this moment."""
    return now_ns - (now_ns - _MAINTENANCE_NS) % _DAY_NS


def _steps_from(begins_ns: int) -> list[Step]:
    return [step._replace(at_ns=begins_ns + step.at_ns) for step in _STEPS]
