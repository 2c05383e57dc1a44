"""The server's check of pongs: the rule of the reference implementation (protocol reference, section 1.3). Pure."""

from __future__ import annotations

from fulgurite.protocol.choices import PONG_TIMEOUT_SECONDS


class PongCheck:
    """Tells whether one client answers pings in time. Times are seconds on any clock that never goes back."""

    def __init__(self) -> None:
        # Long ago for a new client; None while a pong is awaited.
        self._pong_at: float | None = 0.0

    def pong(self, now: float) -> None:
        """A pong came, asked for or not."""
        self._pong_at = now

    def ping(self, last_ping_at: float, timeout: float = PONG_TIMEOUT_SECONDS) -> bool:
        """Whether the client is alive and may be pinged again; if not, it is to be cut off.

        A pong that came later than 3 s after the last ping counts as too late, and so does an unsolicited one: so
        the service cuts .NET clients off that send pongs on their own.

        Args:
            last_ping_at: when all clients were pinged last.
            timeout: how much later than that a pong may have come; the 3 s above.
        """
        is_alive = self._pong_at is not None and self._pong_at <= last_ping_at + timeout
        self._pong_at = None
        return is_alive
