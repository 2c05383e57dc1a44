"""Judgements on the doctor's measurements: a mark, a sentence, and advice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

import msgspec

from fulgurite.protocol.choices import AUTH_WINDOW_SECONDS

SLOW_SECONDS: Final = 2.0
"""From here on a step is called slow."""

CLOCK_SECONDS: Final = 2.0
"""The largest error of this machine's clock without a warning. Clients that measure delays see the difference."""

CERTIFICATE_DAYS: Final = 14

MOVES_MONEY: Final = ("/v1/me/withdraw", "/v1/me/sendcoin")
"""Permissions that let a thief take money out; no program that listens or trades needs them."""

_TRADES: Final = "/v1/me/send"
_NEEDED_TO_LISTEN: Final = ("/v1/me/getchildorders", "/v1/me/getexecutions")
_PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")


class Mark(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True):
    """One check."""

    subject: str
    """The subject: "this machine", "JSON-RPC", "Socket.IO", "HTTP API" or "credentials"."""
    check: str
    mark: Mark
    measured: str
    """The measurement, in words and with units."""
    advice: str = ""
    """The next step, where something is wrong."""


def timed_finding(subject: str, check: str, seconds: float, measured: str) -> Finding:
    """A step that worked, and its time; too long is a warning."""
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    if seconds < SLOW_SECONDS:
        return Finding(subject, check, Mark.OK, f"{measured} after {took}")
    advice = (
        "expect to reconnect slowly; look for other users of the network, or try again when the service is less busy"
    )
    return Finding(subject, check, Mark.WARNING, f"{measured} only after {took}", advice)


def proxy_finding(environment: Mapping[str, str]) -> Finding:
    """Whether a proxy is set. Its address is not repeated, for it may hold a password."""
    found = sorted(name for name in environment if name.upper() in _PROXY_VARIABLES and environment[name])
    if not found:
        return Finding("this machine", "proxy", Mark.OK, "none is set")
    advice = "let this machine connect directly, or unset them if they are not needed"
    return Finding(
        "this machine",
        "proxy",
        Mark.WARNING,
        f"{', '.join(found)} set; Fulgurite connects directly all the same",
        advice,
    )


def certificate_finding(subject: str, issuer: Mapping[str, str], expires_at: float, now: float) -> Finding:
    """The issuer of a certificate, and the days until it expires.

    Args:
        subject: whose it is.
        issuer: the issuer's attributes by their long names, for example ``organizationName``.
        expires_at: Unix time in seconds.
        now: likewise.
    """
    name = issuer.get("organizationName") or issuer.get("commonName") or "an issuer without a name"
    days = int((expires_at - now) // 86_400)
    is_fine = days >= CERTIFICATE_DAYS
    advice = "" if is_fine else "expect the connection to fail soon, unless the service renews it in time"
    until = datetime.fromtimestamp(expires_at, UTC)
    measured = f"issued by {name}, good until {until:%Y-%m-%d}, {days} days"
    return Finding(subject, "certificate", Mark.OK if is_fine else Mark.WARNING, measured, advice)


class _Health(msgspec.Struct):
    status: str


def health_finding(body: bytes, seconds: float) -> Finding:
    """The exchange's answer to ``/v1/gethealth``, and its time in seconds."""
    try:
        status = msgspec.json.decode(body, type=_Health).status
    except (msgspec.DecodeError, UnicodeError):
        advice = "look whether the address is that of the HTTP API, with /v1"
        return Finding("HTTP API", "health", Mark.FAILED, "the answer is not that of this API", advice)
    if status in ("NORMAL", "BUSY"):
        return timed_finding("HTTP API", "health", seconds, f"the exchange says {status}")
    advice = "expect orders to be late or refused, and messages to come late"
    return Finding("HTTP API", "health", Mark.WARNING, f"the exchange says {status}", advice)


def clock_finding(date: str | None, began: float, ended: float) -> Finding:
    """Compare this machine's clock with a server's, by the header `Date` of an answer.

    Args:
        date: the header; it has whole seconds, and servers renew it once a second, so it is up to two seconds old.
        began: when the request was made, Unix seconds by this machine's clock.
        ended: when the answer was there.
    """
    try:
        server = parsedate_to_datetime(date or "").timestamp() + 1.0
    except (ValueError, TypeError, IndexError, OverflowError):
        return Finding("HTTP API", "clock", Mark.WARNING, "the server does not tell the time")
    ahead = (began + ended) / 2 - server
    uncertainty = 1.0 + (ended - began) / 2
    measured = f"this machine's is {_ahead(ahead)} the server's, give or take {uncertainty:.1f} s"
    if abs(ahead) <= CLOCK_SECONDS + uncertainty:
        return Finding("HTTP API", "clock", Mark.OK, measured)
    advice = (
        "set this machine's clock by a time server; how much auth tolerates is not documented, "
        f"the embedded exchange takes {AUTH_WINDOW_SECONDS:.0f} s"
    )
    mark = Mark.FAILED if abs(ahead) > AUTH_WINDOW_SECONDS else Mark.WARNING
    return Finding("HTTP API", "clock", mark, measured, advice)


def message_time_finding(subject: str, at: float, received_at: float) -> Finding:
    """Compare this machine's clock with the time of a message, which is older by its delay.

    Args:
        subject: its dialect.
        at: the message's time, Unix seconds.
        received_at: when it came, by this machine's clock.
    """
    behind = received_at - at
    if -CLOCK_SECONDS <= behind <= 2 * CLOCK_SECONDS:
        return Finding(
            subject, "times", Mark.OK, f"the message came {behind:.1f} s after its time, by this machine's clock"
        )
    advice = (
        "set this machine's clock, best by a time server, unless the line on the HTTP API's clock calls it right: "
        "an embedded exchange can have another time, and messages can be late"
    )
    measured = f"the message's time is {_ahead(-behind)} this machine's clock"
    return Finding(subject, "times", Mark.WARNING, measured, advice)


def _ahead(seconds: float) -> str:
    return f"{abs(seconds):.1f} s {'ahead of' if seconds >= 0 else 'behind'}"


def permission_finding(permissions: Iterable[str]) -> Finding:
    """Judge a key's permissions, as `/v1/me/getpermissions` lists them."""
    permissions = set(permissions)
    money = [each for each in MOVES_MONEY if each in permissions]
    missing = [each for each in _NEEDED_TO_LISTEN if each not in permissions]
    trades = any(each.startswith(_TRADES) and each not in MOVES_MONEY for each in permissions)
    measured = f"{len(permissions)} of the private API" + (", orders among them" if trades else "")
    if money:
        advice = "make a key without these, for nothing here needs them, and delete this one"
        return Finding(
            "credentials", "permissions", Mark.WARNING, f"{measured}; it can move money out: {', '.join(money)}", advice
        )
    if missing:
        advice = "give it these as well, if missed order events are to be found again"
        return Finding("credentials", "permissions", Mark.WARNING, f"{measured}, without {', '.join(missing)}", advice)
    return Finding("credentials", "permissions", Mark.OK, measured)
