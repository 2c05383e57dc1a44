"""The limits of the HTTP API, and the headers that tell of them (protocol reference, section 5). Pure.

The documentation has four limits: `ADDRESS`, `KEY`, `ORDERS` and `SMALL_ORDERS`. A client beyond one "will be blocked
temporarily", and "after being blocked, the maximum request limit will temporarily be decreased".

`Period` is how many seconds are left until `Reset`, a Unix time in whole seconds: recorded answers have 153 and 228
there, and clients count it down. `X-RateLimit-...` is about the address in the answers of the public API, and about the
key in those of the private one.

The named choices, where nothing is known: a period begins with the first request in it; a block lasts until it ends,
and a request that is refused does not prolong it; a request counts towards the limits that it passed before the one
that refused it; orders that are refused for want of funds count, those that cannot be read do not; a special order is
small where any of its parts is; and of small orders no header tells. How far a limit is lowered stands in
`protocol.choices`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from fulgurite.exchange.numbers import LOTS
from fulgurite.protocol.choices import LOWERED_LIMIT_PERCENT, LOWERED_LIMIT_SECONDS

MAX_COUNTED: Final = 10_000
"""Addresses and keys that are counted at a time; the one with the oldest last request is forgotten."""

SMALL_ORDER_LOTS: Final = LOTS // 10
"""Orders of at most this size are small, of every product."""


@dataclass(frozen=True, slots=True, eq=False)  # each is itself: two may have the same numbers
class Limit:
    """So many requests in so long a time."""

    header: str
    """The beginning of the headers about it; "" where none tell of it."""
    requests: int
    seconds: int
    lowered: int
    """The requests allowed after it was exceeded, for `lowered_seconds` from that moment on."""
    lowered_seconds: int


def _documented(header: str, requests: int) -> Limit:
    return Limit(header, requests, 300, requests * LOWERED_LIMIT_PERCENT // 100, LOWERED_LIMIT_SECONDS)


ADDRESS: Final = _documented("X-RateLimit", 500)
"""All requests from one IP address, public and private."""

KEY: Final = _documented("X-RateLimit", 500)
"""The private requests of one key."""

ORDERS: Final = _documented("X-OrderRequest-RateLimit", 300)
"""`sendchildorder`, `sendparentorder` and `cancelallchildorders` of one key, together."""

SMALL_ORDERS: Final = Limit("", 100, 60, 10, 3600)
"""Orders of one key, each of at most `SMALL_ORDER_LOTS`, of all products together."""


class _Window:
    """The requests in the present period."""

    __slots__ = ("lowered_until", "requests", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.requests = 0
        # Until when the lowered limit holds.
        self.lowered_until = 0.0

    def allowed(self, limit: Limit, now: float) -> int:
        return limit.lowered if now < self.lowered_until else limit.requests


class RateLimits:
    """Counts requests; memory is bounded by `MAX_COUNTED`."""

    def __init__(self) -> None:
        # The last to ask stands last.
        self._windows: OrderedDict[tuple[Limit, str], _Window] = OrderedDict()

    def admit(self, limit: Limit, client: str, now: float) -> bool:
        """Count a request; tell whether it is within a limit.

        Args:
            limit: the limit.
            client: the IP address or the key.
            now: Unix time in seconds.
        """
        window = self._window(limit, client, now)
        if window.requests < window.allowed(limit, now):
            window.requests += 1
            return True
        if now >= window.lowered_until:
            window.lowered_until = now + limit.lowered_seconds
        return False

    def headers(self, limit: Limit, client: str, now: float) -> dict[str, str]:
        """The headers of an answer about a limit."""
        window = self._window(limit, client, now)
        # Rounded up: a client that waits until then, to the second, is let in again.
        reset = ceil(window.start + limit.seconds)
        return {
            f"{limit.header}-Period": str(ceil(reset - now)),
            f"{limit.header}-Remaining": str(max(0, window.allowed(limit, now) - window.requests)),
            f"{limit.header}-Reset": str(reset),
        }

    def _window(self, limit: Limit, client: str, now: float) -> _Window:
        key = (limit, client)
        window = self._windows.get(key)
        # A clock that was put back must not block for ever.
        if window is None or now < window.start:
            window = self._windows[key] = _Window(now)
            if len(self._windows) > MAX_COUNTED:
                self._windows.popitem(last=False)
        elif now - window.start >= limit.seconds:
            window.start, window.requests = now, 0
        self._windows.move_to_end(key)
        return window
