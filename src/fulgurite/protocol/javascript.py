"""JSON as JavaScript reads and writes it: so the real server echoes it. Pure.

Python's own differs where a client can see it: every JavaScript number is a double, written in a style of its own,
and members with integers for names come first.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final

LARGEST_ARRAY_INDEX: Final = 2**32 - 2

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_EXACT_DIGITS: Final = 15
"""An integer of this many digits is itself as a double, too."""


def parse(text: str) -> Any:
    """Read a text as `JSON.parse` does, but for arrays and objects in each other hundreds deep.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, parse_int=parse_integer, parse_constant=_refuse_constant)


def parse_integer(digits: str) -> float:
    """Read an integer as JavaScript does; int where that is exact."""
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def stringify(value: Any) -> str:
    """Write a value of `parse` as `JSON.stringify` does.

    Raises:
        RecursionError: it is nested too deep.
    """
    if isinstance(value, str):
        # Half a surrogate pair has no UTF-8; only its escaped form can be sent.
        return _HALF_PAIR.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return f"[{','.join([stringify(item) for item in value])}]"
    members = sorted(value.items(), key=_member_order)  # stable: the others stay in the order they came in
    return f"{{{','.join([f'{stringify(name)}:{stringify(item)}' for name, item in members])}}}"


def number_text(number: float) -> str:
    """A number as JavaScript writes it, and null for one that is too large for a double."""
    if not math.isfinite(number):
        return "null"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    # The shortest digits that give the number back, and where the point stands in them (ECMA-262, Number::toString).
    shortest = Decimal(repr(abs(float(number)))).as_tuple()
    assert isinstance(shortest.exponent, int)
    digits = "".join(map(str, shortest.digits))
    point = len(digits) + shortest.exponent
    digits = digits.rstrip("0")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if 0 < point <= 21:
        whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
        return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def is_truthy(value: object) -> bool:
    """Whether JavaScript takes a value for true; empty arrays and objects are."""
    return bool(value) or isinstance(value, dict | list)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _member_order(member: tuple[str, Any]) -> float:
    name = member[0]
    if _INDEX.fullmatch(name) and int(name) <= LARGEST_ARRAY_INDEX:
        return int(name)
    return math.inf
