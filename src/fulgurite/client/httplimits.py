"""How often the HTTP API may be asked (protocol reference, section 5). Pure.

500 requests in 5 minutes are allowed, from an address and, of the private API, for an account. Beyond that one is
blocked for a while, and has a lower limit afterwards. So only a share is ever spent here, and the rest is left for the
user's own requests, of which the server tells with the headers of each answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from fulgurite.client.backoff import parse_retry_after

PERIOD_SECONDS: Final = 300.0
LIMIT: Final = 500
"""Requests in a period that the server takes."""

SHARE: Final = 300
"""Requests in a period that we make."""

BLOCKED_SECONDS: Final = 60.0
"""How long nothing is asked after a refusal that does not say for how long. The documentation says "for a while"."""


class HttpBudget:
    """The requests that may be made under one limit.

    Times are Unix seconds, by a clock that may be set back: no wait becomes longer than it was when it began.

    Args:
        share: how many requests are made in `PERIOD_SECONDS` at most, 1 to 500. The others of the 500 stay free, also
            when it is the user who has spent the first ones.
    """

    def __init__(self, share: int = SHARE) -> None:
        self._share = share
        # When each of our requests of the last period was made; never more than the share.
        self._spent: deque[float] = deque(maxlen=share)
        # Until when nothing may be asked, and when that was learned.
        self._blocked_until = 0.0
        self._learned_at = 0.0

    def wait(self, now: float) -> float:
        """Return for how many seconds no request may be made; 0 where one may be made at once."""
        wait = 0.0
        # A clock that was put back must not block for ever: times ahead of it are taken for old.
        if len(self._spent) == self._share and 0 <= now - self._spent[0] < PERIOD_SECONDS:
            wait = self._spent[0] + PERIOD_SECONDS - now
        if self._learned_at <= now < self._blocked_until:
            wait = max(wait, self._blocked_until - now)
        return wait

    def left(self, now: float) -> int:
        """Return how many requests may be made at once."""
        if self.wait(now):
            return 0
        return self._share - sum(0 <= now - at < PERIOD_SECONDS for at in self._spent)

    def spent(self, now: float) -> None:
        """Take note of a request that is made."""
        self._spent.append(now)

    def answered(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer.

        Args:
            status: its HTTP status. 429 blocks until `Retry-After`, or else for `BLOCKED_SECONDS`; any other with
                `Retry-After` blocks likewise.
            headers: its headers, looked up without regard to case. `X-RateLimit-Remaining` and `X-RateLimit-Reset`
                (Unix seconds) block until the reset when no more is left than is to stay free; one who tells of a
                reset that is further than a period is not believed.
            now: Unix time in seconds.
        """
        blocked = parse_retry_after(headers.get("Retry-After"), now)
        if blocked is None:
            remaining, reset = _number(headers.get("X-RateLimit-Remaining")), _number(headers.get("X-RateLimit-Reset"))
            is_spent = remaining is not None and remaining <= LIMIT - self._share
            if is_spent and reset is not None and 0 < reset - now <= PERIOD_SECONDS:
                blocked = reset - now
            elif status == 429:
                blocked = BLOCKED_SECONDS
        if blocked is not None:
            self._blocked_until = now + blocked
            self._learned_at = now


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    # 18 digits hold every time, and keep odd input from becoming an enormous integer.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
