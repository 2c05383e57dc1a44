"""Delays between connections, and errors that end the attempts. Pure.

The documentation warns that the service may restrict addresses that connect and disconnect at high frequency (protocol
reference, section 1.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final

from fulgurite.errors import (
    AuthenticationError,
    FulguriteError,
    InputError,
    KeychainError,
    SlowConsumerError,
    SubscriptionError,
)

FIRST_SECONDS: Final = 2.0
CAP_SECONDS: Final = 30.0

MAX_RETRY_AFTER_SECONDS: Final = 3600.0
"""Limit on the wait that a server can demand."""

_DAY_SECONDS: Final = 86_400
_MAINTENANCE_FROM: Final = 19 * 3600
_MAINTENANCE_TO: Final = 19 * 3600 + 13 * 60


def in_maintenance(now: float) -> bool:
    """Whether the service is in its daily maintenance, or in the auction that ends it (section 1.4).

    Args:
        now: Unix time in seconds.
    """
    return _MAINTENANCE_FROM <= now % _DAY_SECONDS < _MAINTENANCE_TO


def backoff(
    rng: Random,
    first: float = FIRST_SECONDS,
    cap: float = CAP_SECONDS,
    is_closed: Callable[[], bool] = lambda: False,
) -> Iterator[float]:
    """Yield the delays between attempts, in seconds, without end.

    Each delay is drawn between half of a bound and the bound, and the bound doubles from `first` up to `cap`. With the
    defaults no delay is shorter than a second, and the first is at most two. The random half spreads the return of a
    thousand clients.

    Args:
        rng: the source of the jitter.
        first: the first bound, seconds, above 0.
        cap: the last bound, seconds, at least `first`.
        is_closed: returns whether the service is known to be closed; then the bound is the last one.
    """
    bound = min(first, cap)
    while True:
        if is_closed():
            bound = cap
        yield bound * (0.5 + rng.random() / 2)
        bound = min(bound * 2, cap)


def is_fatal(error: FulguriteError) -> bool:
    """Whether an error ends the attempts: a wrong or unavailable key, a refused or invalid request, a slow consumer.

    Every other problem may pass, even an expired certificate, and is reported at every attempt.
    """
    return isinstance(error, AuthenticationError | KeychainError | SubscriptionError | InputError | SlowConsumerError)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read the HTTP header `Retry-After` (RFC 9110, section 10.2.3) as seconds to wait.

    Args:
        value: whole seconds or a date; None if the header is absent.
        now: Unix time in seconds.

    Returns:
        0 to `MAX_RETRY_AFTER_SECONDS`, or None if the header is absent or unreadable.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # int() rejects a number of a thousand digits.
        seconds = float(text[:20])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError, TypeError, IndexError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
