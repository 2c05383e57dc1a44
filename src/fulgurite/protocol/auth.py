"""Signing and checking `auth` (protocol reference, section 2), and signing private HTTP requests (section 5). Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from fulgurite.protocol.choices import (
    AUTH_WINDOW_SECONDS,
    NONCES_ARE_SINGLE_USE,
    UPPER_CASE_SIGNATURES_ARE_ACCEPTED,
)

NONCE_LENGTHS = range(16, 256)
"""The number of characters of a nonce."""

TIMESTAMPS = (range(10**9, 10**10), range(10**12, 10**13))
"""The valid timestamps: 10 digits are seconds, 13 are milliseconds."""

MAX_REMEMBERED_NONCES = 100_000
"""The most nonces of an account in one window; beyond it `auth` is refused until old ones leave the window."""


ACCEPTED_KEYS = "printable ASCII with no space at either end, as bitFlyer shows it"
"""The keys that `is_api_key` takes, for errors."""


def is_api_key(value: object) -> bool:
    """Whether it is a text that can stand in an HTTP header, as an API key does in ACCESS-KEY."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value) and value == value.strip()


def signature(secret: str, timestamp: int, nonce: str) -> str:
    """HMAC-SHA256 of the decimal timestamp followed directly by the nonce, in lower-case hex."""
    return hmac.new(secret.encode(), f"{timestamp}{nonce}".encode(), hashlib.sha256).hexdigest()


def signed_params(api_key: str, secret: str, timestamp: int, nonce: str) -> dict[str, object]:
    """The params of an `auth` request.

    Args:
        api_key: the key.
        secret: its secret; it is used and not kept.
        timestamp: Unix time in seconds (10 digits) or milliseconds (13 digits).
        nonce: 16 to 255 random characters, new for each request.
    """
    return {
        "api_key": api_key,
        "timestamp": timestamp,
        "nonce": nonce,
        "signature": signature(secret, timestamp, nonce),
    }


def request_signature(secret: str, timestamp: str, method: str, target: str, body: bytes = b"") -> str:
    """The right ACCESS-SIGN of a private HTTP request, in lower-case hex (section 5).

    Args:
        secret: the key's.
        timestamp: the text of ACCESS-TIMESTAMP.
        method: ``GET`` or ``POST``.
        target: the path with its query, as it stands in the request: ``/v1/me/getchildorders?product_code=BTC_JPY``.
        body: the request's.
    """
    text = f"{timestamp}{method}{target}".encode("utf-8", "surrogateescape") + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def any_key(params: object, skew: float = 0.0) -> str | None:
    """The key that `auth` params name, with any signature; None where they name none."""
    api_key = params.get("api_key") if isinstance(params, dict) else None
    return api_key if isinstance(api_key, str) and api_key else None


class AuthChecker:
    """Checks `auth` params against the known keys; one for all connections, since nonces are single-use.

    Args:
        secrets: secret by key.
        clock: the current Unix time in seconds.
        window: how many seconds the timestamp may be away from the clock, either way.
    """

    def __init__(
        self, secrets: Mapping[str, str], clock: Callable[[], float], window: float = AUTH_WINDOW_SECONDS
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._window = window
        # key -> nonce -> when it was used, oldest first
        self._used: dict[str, dict[str, float]] = {}

    def check(self, params: object, skew: float = 0.0) -> str | None:
        """Return the key that these params prove, or None where they prove nothing.

        Args:
            params: the client's.
            skew: by how many seconds the clock is taken to be ahead.
        """
        if not isinstance(params, dict):
            return None
        api_key, timestamp, nonce, given = (params.get(name) for name in ("api_key", "timestamp", "nonce", "signature"))
        if not isinstance(api_key, str) or not isinstance(given, str) or not isinstance(nonce, str):
            return None
        if isinstance(timestamp, float) and timestamp.is_integer():
            timestamp = int(timestamp)  # JSON knows one kind of number: 1e9 is 1000000000
        # Compared as numbers: the text of a huge int may not even be made.
        if not isinstance(timestamp, int) or not any(timestamp in times for times in TIMESTAMPS):
            return None
        if len(nonce) not in NONCE_LENGTHS or not nonce.isprintable():
            return None
        if UPPER_CASE_SIGNATURES_ARE_ACCEPTED:
            given = given.lower()
        secret = self._secrets.get(api_key)
        # Signed with a made-up secret, so that an unknown key takes as long as a known one.
        expected = signature(secret or "no such key", timestamp, nonce)
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")) or secret is None:
            return None
        now = self._clock()
        seconds = timestamp / 1000 if timestamp >= 10**12 else timestamp
        if abs(seconds - now - skew) > self._window:
            return None
        if NONCES_ARE_SINGLE_USE and not self._use(api_key, nonce, now):
            return None
        return api_key

    def _use(self, api_key: str, nonce: str, now: float) -> bool:
        used = self._used.setdefault(api_key, {})
        # A timestamp may lie one window ahead, so a nonce can be replayed for two.
        while used and next(iter(used.values())) < now - 2 * self._window:
            del used[next(iter(used))]
        if nonce in used or len(used) >= MAX_REMEMBERED_NONCES:
            return False
        used[nonce] = now
        return True
