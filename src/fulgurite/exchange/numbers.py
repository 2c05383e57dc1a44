"""The exact text of the wire's numbers, times and acceptance ids (protocol reference, sections 3 and 5). Pure.

The realtime channels pass .NET decimals through: always a decimal point, never an exponent, in the ticker even
trailing zeros. The HTTP API prints numbers as JavaScript does. Inside the exchange a price is an integer count of
ticks and a size an integer count of lots of 1e-8, so that nothing is ever rounded.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, TypeAlias

import msgspec

LOT_DECIMALS = 8
"""A lot is 1e-8 of the product's first currency, everywhere (section 4)."""

Number: TypeAlias = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "number"})]
"""A number of an HTTP answer: its text, as JavaScript prints it."""

LOTS = 10**LOT_DECIMALS
"""Lots in a size of 1."""


def wire_number(units: int, decimals: int, at_least: int = 1) -> str:
    """Write `units` x 10^-`decimals` as the public realtime channels do.

    Args:
        units: ticks or lots, 0 or more.
        decimals: how many decimals one unit stands for, 0 or more.
        at_least: the decimals to show at least, 1 or more; trailing zeros beyond them are removed.
    """
    digits = str(units).zfill(decimals + 1)
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return f"{whole}.{fraction.rstrip('0').ljust(at_least, '0')}"


def js_number(value: float) -> str:
    """Write a number as JavaScript does, and so the HTTP API: ``5860832``, ``0.01``, ``0.000001``, ``1e-8``.

    Args:
        value: finite.
    """
    text = repr(value + 0.0)  # integers become floats, and the negative zero the other one
    if "e" not in text:
        return text.removesuffix(".0")
    # Both languages print the fewest digits that give the float back; they differ in when an exponent is used
    # (Python below 1e-4 and from 1e16, JavaScript below 1e-6 and from 1e21) and in how it is written (e-08, e-8).
    mantissa, _, exponent_text = text.partition("e")
    exponent = int(exponent_text)
    if not -6 <= exponent < 21:
        return f"{mantissa}e{exponent}" if exponent < 0 else f"{mantissa}e+{exponent}"
    sign, digits = ("-" if value < 0 else ""), mantissa.lstrip("-").replace(".", "")
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    return sign + digits.ljust(exponent + 1, "0")


def wire_time(at_ns: int) -> str:
    """Write nanoseconds since 1970-01-01 UTC as the realtime channels do: ``2021-07-22T22:29:24.3983287Z``.

    Seven fraction digits with trailing zeros removed, so ``...:20Z`` on the full second (section 3).
    """
    seconds, rest_ns = divmod(at_ns, 1_000_000_000)
    fraction = f"{rest_ns // 100:07}".rstrip("0")
    return f"{_second(seconds)}.{fraction}Z" if fraction else f"{_second(seconds)}Z"


def http_time(wire_text: str) -> str:
    """Write a time of the realtime channels as the HTTP API does: at most 3 fraction digits, no Z (section 5).

    Anything that is no such time, for example blank, comes back as it is.
    """
    whole, _, fraction = wire_text.removesuffix("Z").partition(".")
    fraction = fraction[:3].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def acceptance_id(at_ns: int, serial: int) -> str:
    """Write the acceptance id of an order: ``JRF20210722-222924-155235`` (section 3.4).

    Args:
        at_ns: when the order was accepted, nanoseconds since 1970-01-01 UTC.
        serial: the order's number; its last 6 digits are shown.
    """
    date, _, time = _second(at_ns // 1_000_000_000).partition("T")
    return f"JRF{date.replace('-', '')}-{time.replace(':', '')}-{serial % 1_000_000:06}"


@lru_cache(maxsize=64)  # stamps come in runs of the same second
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
