"""Limits of requests to the HTTP API (protocol reference, section 5). Pure.

The service allows 500 requests in 5 minutes from an address and, to the private API, for an account. Beyond that it
blocks the address or account for a while, and lowers its limit afterwards. So the stream spends only a share, and
leaves the rest to the user's own requests, which the headers of each answer count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from fulgurite.client.backoff import parse_retry_after

PERIOD_SECONDS: Final = 300.0
LIMIT: Final = 500
"""The server's limit on requests in a period."""

SHARE: Final = 300
"""The stream's limit on requests in a period."""

BLOCKED_SECONDS: Final = 60.0
"""Pause after a refusal without a time. The documentation says "for a while"."""


class HttpBudget:
    """The requests allowed under one limit.

    Times are Unix seconds, by a clock that may be set back: no wait becomes longer than at its beginning.

    Args:
        share: limit on the requests in `PERIOD_SECONDS`, 1 to 500. The rest of the 500 stays free for the user.
    """

    def __init__(self, share: int = SHARE) -> None:
        self._share = share
        # The times of the stream's requests in the last period.
        self._spent: deque[float] = deque(maxlen=share)
        # The end of a block, and the time of the answer that announced it.
        self._blocked_until = 0.0
        self._learned_at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until a request is allowed, from 0."""
        wait = 0.0
        # A clock that was set back must not block for ever: times ahead of it count as old.
        if len(self._spent) == self._share and 0 <= now - self._spent[0] < PERIOD_SECONDS:
            wait = self._spent[0] + PERIOD_SECONDS - now
        if self._learned_at <= now < self._blocked_until:
            wait = max(wait, self._blocked_until - now)
        return wait

    def left(self, now: float) -> int:
        """Return the number of requests allowed at once."""
        if self.wait(now):
            return 0
        return self._share - sum(0 <= now - at < PERIOD_SECONDS for at in self._spent)

    def spent(self, now: float) -> None:
        """Record a request."""
        self._spent.append(now)

    def answered(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Update the limits from an answer.

        Args:
            status: its HTTP status. 429 blocks until `Retry-After`, or else for `BLOCKED_SECONDS`. Any other status
                with `Retry-After` blocks, too.
            headers: its headers, by case-insensitive names. `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix
                seconds) block until the reset once only the user's part is left. A reset more than a period ahead is
                ignored.
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
