"""Shared by the Python clients here: their output, and the credentials that they may be given."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sys
import time


def report(event: str, **data: object) -> None:
    """Print one event as one line of JSON."""
    print(json.dumps({"event": event, **data}), flush=True)


def credentials() -> dict[str, str] | None:
    """The first line of standard input as `{"key": ..., "secret": ...}`, or None where it is empty or closed."""
    line = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline()
    return json.loads(line) if line.strip() else None


def signed(keys: dict[str, str]) -> dict[str, object]:
    """Parameters of `auth`, signed as bitFlyer's documentation says."""
    timestamp = int(time.time() * 1000)
    nonce = secrets.token_hex(16)
    text = f"{timestamp}{nonce}".encode()
    signature = hmac.new(keys["secret"].encode(), text, hashlib.sha256).hexdigest()
    return {"api_key": keys["key"], "timestamp": timestamp, "nonce": nonce, "signature": signature}
