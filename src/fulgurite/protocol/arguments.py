"""Checks of a caller's arguments: each refuses senseless values, naming the argument and the accepted ones. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

from fulgurite.errors import InputError

_Value = TypeVar("_Value")


def check_number(
    field: str, value: object, accepted: str, *, above: float | None = None, least: float = 0.0, most: float = math.inf
) -> float:
    """Give back a finite number: above `above` where that is given, else from `least`, and up to `most`.

    Raises:
        InputError: it is no number, or another. `bool` is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(field, value, accepted)
    is_within = value >= least if above is None else value > above
    if not (is_within and value <= most and math.isfinite(value)):
        raise InputError(field, value, accepted)
    return value


def is_host(text: str) -> bool:
    """Whether a name or an address can be looked up: no label is empty, or has more than 63 letters."""
    try:
        return bool(text.strip().encode("idna"))
    except UnicodeError:
        return False


def check_seconds(field: str, value: object, otherwise: str = "") -> float:
    """Give back seconds, 0.001 to 1e9: neither a loop without a pause, nor more than a clock can take.

    Args:
        field: the name of the argument.
        value: the given value.
        otherwise: other values that the caller accepts, for the error: `", or None"`.

    Raises:
        InputError: it is none.
    """
    return check_number(field, value, f"seconds from 0.001 to 1e9{otherwise}", least=0.001, most=1e9)


def check_integer(field: str, value: object, least: int, most: int | None = None) -> int:
    """Give back an integer from `least` to `most` (None: without a limit).

    Raises:
        InputError: it is none, or another. `bool` is none.
    """
    accepted = f"an integer from {least}" + ("" if most is None else f" to {most}")
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        raise InputError(field, value, accepted)
    return value


def check_flag(field: str, value: object) -> bool:
    """Give back True or False.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(value, bool):
        raise InputError(field, value, "True or False")
    return value


def check_type(field: str, value: object, kind: type[_Value], accepted: str | Iterable[str]) -> _Value:
    """Give back a value of this type.

    Raises:
        InputError: it is of another.
    """
    if not isinstance(value, kind):
        raise InputError(field, value, accepted)
    return value
