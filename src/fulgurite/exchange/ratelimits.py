"""The limits of the private HTTP API, and the headers that tell of them (protocol reference, section 5). Pure.

An account may make 500 requests in 5 minutes, and 300 of them may be orders. The named choices, where the reference is
silent: the 5 minutes are counted from the first request, `Reset` is the Unix time in seconds at which they end, and
that is how long a request over the limit blocks; the lowered limits that the real service then has are not imitated,
nor is the one for small orders.
"""

from __future__ import annotations

from typing import Final

PERIOD_SECONDS: Final = 300
REQUESTS: Final = 500
ORDER_REQUESTS: Final = 300


class _Window:
    """The requests of one account in the present 5 minutes."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.requests = 0
        self.orders = 0


class RateLimits:
    """Counts requests by account; memory grows with the accounts only.

    Args:
        requests: how many each may make in `PERIOD_SECONDS`.
        orders: how many of these may be orders.
    """

    def __init__(self, requests: int = REQUESTS, orders: int = ORDER_REQUESTS) -> None:
        self._requests = requests
        self._orders = orders
        self._windows: dict[str, _Window] = {}

    def take(self, api_key: str, now: float, *, is_order: bool) -> bool:
        """Count a request; tell whether it is within the limits.

        Args:
            api_key: whose.
            now: Unix time in seconds.
            is_order: whether it counts as an order, too.
        """
        window = self._window(api_key, now)
        if window.requests >= self._requests or (is_order and window.orders >= self._orders):
            return False
        window.requests += 1
        window.orders += is_order
        return True

    def headers(self, api_key: str, now: float, *, is_order: bool) -> dict[str, str]:
        """What the answer says of the limits; of that for orders only where it was one."""
        window = self._window(api_key, now)
        left = {"X-RateLimit": self._requests - window.requests}
        if is_order:
            left["X-OrderRequest-RateLimit"] = self._orders - window.orders
        headers: dict[str, str] = {}
        for name, remaining in left.items():
            headers[f"{name}-Period"] = str(PERIOD_SECONDS)
            headers[f"{name}-Remaining"] = str(remaining)
            headers[f"{name}-Reset"] = str(int(window.start) + PERIOD_SECONDS)
        return headers

    def _window(self, api_key: str, now: float) -> _Window:
        window = self._windows.get(api_key)
        # A clock that was put back must not block for ever.
        if window is None or not 0 <= now - window.start < PERIOD_SECONDS:
            window = self._windows[api_key] = _Window(now)
        return window
