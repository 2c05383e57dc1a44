"""Checking the signature of a private HTTP request (protocol reference, section 5). Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from fulgurite.protocol.auth import request_signature
from fulgurite.protocol.choices import HTTP_AUTH_WINDOW_SECONDS

# Seconds or milliseconds; many clients send seconds with a fraction, as Python's `str(time.time())` gives them.
_TIMESTAMP = re.compile(r"(\d{10}|\d{13})(?:\.\d{1,20})?", re.ASCII)


def signer(
    secrets: Mapping[str, str], headers: Mapping[str, str], method: str, target: str, body: bytes, now: float
) -> str | None:
    """Return the key that the headers of a request prove, or None where they prove nothing.

    Args:
        secrets: secret by key.
        headers: the request's, with names in lower case or looked up without regard to case.
        method: the request's.
        target: its path with the query, as sent.
        body: the request's.
        now: Unix time in seconds.
    """
    api_key, timestamp, given = (headers.get(f"access-{name}", "") for name in ("key", "timestamp", "sign"))
    match = _TIMESTAMP.fullmatch(timestamp)
    if not match:
        return None
    secret = secrets.get(api_key)
    # Signed with a made-up secret, so that an unknown key takes as long as a known one.
    expected = request_signature(secret or "no such key", timestamp, method, target, body)
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")) or secret is None:
        return None
    seconds = float(timestamp) / (1000 if len(match[1]) == 13 else 1)
    return api_key if abs(seconds - now) <= HTTP_AUTH_WINDOW_SECONDS else None
