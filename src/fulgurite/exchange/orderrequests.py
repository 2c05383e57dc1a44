"""Order requests: from the JSON of a body to checked values in ticks and lots (protocol reference, section 5). Pure.

Nothing here knows accounts or markets. A senseless body raises an `InputError` that names the member and the
accepted values; nothing else is ever raised, by any body.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import msgspec

from fulgurite.errors import InputError
from fulgurite.exchange.accounts import currencies
from fulgurite.exchange.matching import Side, TimeInForce
from fulgurite.exchange.numbers import LOT_DECIMALS
from fulgurite.exchange.products import Product

MAX_MINUTES: Final = 43_200
"""30 days: the longest an order may live, and the default."""

MAX_PRICE: Final = 10**9
"""The largest price; far beyond every market, and small enough for exact numbers on the wire."""

MAX_SIZE: Final = 10**5
"""Sizes must be at most this: the real limits are unpublished. With 1e-8 lots it keeps to 15 digits."""

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


class ChildOrderType(StrEnum):
    """The two kinds of order."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"


class Condition(StrEnum):
    """The condition of a part of a special order, and the type of its order."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    """A market order once the last price has reached `trigger_price`."""
    STOP_LIMIT = "STOP_LIMIT"
    """A limit order then."""
    TRAIL = "TRAIL"
    """A market order once the last price has come back by `offset` from its best."""


class OrderMethod(StrEnum):
    """The relation of a special order's parts."""

    SIMPLE = "SIMPLE"
    IFD = "IFD"
    """The second part begins once the first is executed."""
    OCO = "OCO"
    """One cancels the other."""
    IFDOCO = "IFDOCO"
    """The second and third part begin once the first is executed, and one cancels the other."""


PARTS: Final = {OrderMethod.SIMPLE: 1, OrderMethod.IFD: 2, OrderMethod.OCO: 2, OrderMethod.IFDOCO: 3}
"""The number of parameters of each method."""

NEEDED: Final = {
    "price": (Condition.LIMIT, Condition.STOP_LIMIT),
    "trigger_price": (Condition.STOP, Condition.STOP_LIMIT),
    "offset": (Condition.TRAIL,),
}
"""The conditions that need each of these members of a part; the others ignore it."""


class ChildRequest(NamedTuple):
    """A checked order."""

    product: Product
    order_type: ChildOrderType
    side: Side
    price: int
    """Ticks; 0 for MARKET."""
    lots: int
    minutes: int
    """Until it expires, 1 to 43200."""
    time_in_force: TimeInForce


class Part(NamedTuple):
    """A checked parameter of a special order."""

    product: Product
    condition: Condition
    side: Side
    lots: int
    price: int
    """Ticks; 0 where the condition has none."""
    trigger_price: int
    """Ticks; 0 where the condition has none."""
    offset: int
    """Ticks; 0 where the condition has none."""


class ParentRequest(NamedTuple):
    """A checked special order."""

    method: OrderMethod
    minutes: int
    time_in_force: TimeInForce
    parts: tuple[Part, ...]


class TooSmallError(InputError):
    """A size below the product's smallest order; the wire has an error of its own for it."""


def read_object(body: bytes) -> Mapping[str, object]:
    """Decode a body; numbers with a point become `Decimal`.

    Raises:
        InputError: it is no JSON object in UTF-8.
    """
    try:
        value = _DECODER.decode(body)
    # Beyond msgspec's own error: nesting too deep, lone surrogates, exponents beyond Decimal's.
    except (msgspec.DecodeError, UnicodeError, RecursionError, ArithmeticError, ValueError) as error:
        raise InputError("body", body.decode(errors="replace"), "a JSON object") from error
    if not isinstance(value, dict):
        raise InputError("body", body.decode(errors="replace"), "a JSON object")
    return value


def read_child_order(body: Mapping[str, object], products: Mapping[str, Product]) -> ChildRequest:
    """Check the body of `sendchildorder`.

    Raises:
        InputError: a part of it is invalid.
    """
    product = read_product(body, products)
    order_type = _choice(body, "child_order_type", ChildOrderType)
    side = _choice(body, "side", Side)
    price = _ticks(body, "price", product) if order_type is ChildOrderType.LIMIT else 0
    lots = _lots(body, product)
    return ChildRequest(product, order_type, side, price, lots, *_validity(body))


def read_parent_order(body: Mapping[str, object], products: Mapping[str, Product]) -> ParentRequest:
    """Check the body of `sendparentorder`.

    Raises:
        InputError: a part of it is invalid.
    """
    method = _choice(body, "order_method", OrderMethod, OrderMethod.SIMPLE)
    parameters = body.get("parameters")
    accepted = f"an array of {PARTS[method]} objects for {method}"
    if not isinstance(parameters, list) or len(parameters) != PARTS[method]:
        raise InputError("parameters", parameters, accepted)
    parts = []
    for parameter in parameters:
        if not isinstance(parameter, dict):
            raise InputError("parameters", parameter, accepted)
        parts.append(_read_part(parameter, products))
    return ParentRequest(method, *_validity(body), tuple(parts))


def read_product(body: Mapping[str, object], products: Mapping[str, Product]) -> Product:
    """The product of a body; case does not matter (section 4), and it must be named.

    Raises:
        InputError: there is no such product.
    """
    code = body.get("product_code")
    product = products.get(code.upper()) if isinstance(code, str) else None
    if product is None:
        raise InputError("product_code", code, products)
    return product


def read_ids(body: Mapping[str, object], kind: str) -> tuple[str, str]:
    """The order id and the acceptance id that a cancellation names; "" for the one that it does not.

    Args:
        body: the request's.
        kind: ``child_order`` or ``parent_order``.

    Raises:
        InputError: it names neither, or one that is no string.
    """
    order_id, acceptance_id = (body.get(f"{kind}_{name}") or "" for name in ("id", "acceptance_id"))
    if not isinstance(order_id, str) or not isinstance(acceptance_id, str) or not (order_id or acceptance_id):
        raise InputError(f"{kind}_id", order_id or acceptance_id, f"a string, or one as {kind}_acceptance_id")
    return order_id, acceptance_id


def _read_part(parameter: Mapping[str, object], products: Mapping[str, Product]) -> Part:
    product = read_product(parameter, products)
    condition = _choice(parameter, "condition_type", Condition)

    def ticks(name: str) -> int:
        return _ticks(parameter, name, product) if condition in NEEDED[name] else 0

    return Part(
        product,
        condition,
        _choice(parameter, "side", Side),
        _lots(parameter, product),
        ticks("price"),
        ticks("trigger_price"),
        ticks("offset"),
    )


def _validity(body: Mapping[str, object]) -> tuple[int, TimeInForce]:
    minutes = body.get("minute_to_expire")
    if minutes is None:
        minutes = MAX_MINUTES
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MAX_MINUTES:
        raise InputError("minute_to_expire", minutes, f"an integer from 1 to {MAX_MINUTES}")
    return minutes, _choice(body, "time_in_force", TimeInForce, TimeInForce.GTC)


def _choice(body: Mapping[str, object], name: str, kind: type[ChoiceT], default: ChoiceT | None = None) -> ChoiceT:
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or value not in list(kind):
        raise InputError(name, value, kind)
    return kind(value)


def _ticks(body: Mapping[str, object], name: str, product: Product) -> int:
    step = Decimal(1).scaleb(-product.price_decimals)
    accepted = f"a number above 0 and up to {MAX_PRICE}, a multiple of {step:f}"
    return _units(name, body.get(name), product.price_decimals, MAX_PRICE, accepted)


def _lots(body: Mapping[str, object], product: Product) -> int:
    smallest = f"{Decimal(product.min_lots).scaleb(-LOT_DECIMALS).normalize():f}"
    accepted = f"a number from {smallest} to {MAX_SIZE} with at most {LOT_DECIMALS} decimals"
    lots = _units("size", body.get("size"), LOT_DECIMALS, MAX_SIZE, accepted)
    if lots < product.min_lots:
        raise TooSmallError("size", body.get("size"), f"{smallest} {currencies(product)[0]}")
    return lots


def _units(name: str, value: object, decimals: int, limit: int, accepted: str) -> int:
    """A JSON number as a count of 10^-`decimals`, exactly."""
    # Compared before anything is computed: 1e999999 must not become an integer of a million digits.
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not 0 < value <= limit:
        raise InputError(name, value, accepted)
    # Taken apart by hand, since Decimal's arithmetic rounds to 28 digits.
    _, digits, exponent = Decimal(value).as_tuple()
    assert isinstance(exponent, int), "neither infinite nor NaN: JSON has neither"
    text = "".join(map(str, digits)).rstrip("0")
    shift = exponent + len(digits) - len(text) + decimals
    if shift < 0:
        raise InputError(name, value, accepted)
    scale: int = 10**shift
    return int(text) * scale
