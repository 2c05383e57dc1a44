"""The requests that a client waits to have answered. Pure."""

from __future__ import annotations

from fulgurite.protocol.events import Request, Unanswered


class PendingRequests:
    """Numbers requests, and forgets those that nobody answers.

    Args:
        timeout: seconds to wait for an answer.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._last_number = 0
        # number -> (request, when to give up), in the order of asking and so of giving up
        self._waiting: dict[int, tuple[Request, float]] = {}

    def add(self, request: Request, now: float) -> int:
        """Remember a request and return its number, 1 for the first."""
        self._last_number += 1
        self._waiting[self._last_number] = (request, now + self._timeout)
        return self._last_number

    def pop(self, number: object) -> Request | None:
        """Return the request of this number and forget it; None where none waits."""
        # `True == 1` in Python but not on the wire.
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        waiting = self._waiting.pop(number, None)
        return waiting[0] if waiting else None

    def next_timer(self) -> float | None:
        """The time at which the oldest request will have waited too long."""
        return next((deadline for _, deadline in self._waiting.values()), None)

    def expire(self, now: float) -> list[Unanswered]:
        """Forget and return the requests that have waited too long."""
        expired = [number for number, (_, deadline) in self._waiting.items() if deadline <= now]
        return [Unanswered(self._waiting.pop(number)[0]) for number in expired]
