"""The bodies of the private HTTP API's POST requests as JSON Schemas, from the rules of `exchange.orderrequests`. Pure.

They hold the rules that need no account and no market. A test asks the exchange whether it agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from fulgurite.exchange.accounts import currencies
from fulgurite.exchange.matching import Side, TimeInForce
from fulgurite.exchange.numbers import LOT_DECIMALS
from fulgurite.exchange.orderrequests import (
    MAX_MINUTES,
    MAX_PRICE,
    MAX_SIZE,
    NEEDED,
    PARTS,
    ChildOrderType,
    Condition,
    OrderMethod,
)
from fulgurite.exchange.products import PRODUCTS, Product
from fulgurite.protocol.schemas import Schema


def _object(properties: Mapping[str, Schema], required: Iterable[str], **more: object) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required), **more}


def _one_of(kind: type[StrEnum], default: StrEnum | None = None) -> Schema:
    schema: Schema = {"type": "string", "enum": [str(each) for each in kind]}
    return schema if default is None else schema | {"default": str(default)}


def _where(name: str, values: Iterable[str], then: Schema, *, or_absent: bool = False) -> Schema:
    """The rule where a member has one of these values."""
    has_one = {"properties": {name: {"enum": [str(value) for value in values]}}}
    return {"if": has_one if or_absent else has_one | {"required": [name]}, "then": then}


def _smallest(product: Product) -> Decimal:
    return Decimal(product.min_lots).scaleb(-LOT_DECIMALS)


_ORDER_SIZES: Final = ", ".join(
    f"{_smallest(product).normalize():f} {currencies(product)[0]} of {product.code}" for product in PRODUCTS
)
_PRODUCT_CODE: Final[Schema] = {
    "type": "string",
    "enum": [product.code for product in PRODUCTS],
    "description": "Case does not matter.",
}
_SIZE: Final[Schema] = {
    "type": "number",
    "minimum": float(min(_smallest(product) for product in PRODUCTS)),
    "maximum": MAX_SIZE,
    "description": f"At most {LOT_DECIMALS} decimals. The smallest order is {_ORDER_SIZES}.",
}
_PRICE: Final[Schema] = {"exclusiveMinimum": 0, "maximum": MAX_PRICE}
_VALIDITY: Final[Mapping[str, Schema]] = {
    "minute_to_expire": {"type": "integer", "minimum": 1, "maximum": MAX_MINUTES, "default": MAX_MINUTES},
    "time_in_force": _one_of(TimeInForce, TimeInForce.GTC),
}


def _number(needed_by: Iterable[str]) -> Schema:
    conditions = ", ".join(needed_by)
    return {"type": "number", "description": f"A multiple of the product's tick. For {conditions}; else ignored."}


_PART: Final = _object(
    {
        "product_code": _PRODUCT_CODE,
        "condition_type": _one_of(Condition),
        "side": _one_of(Side),
        "size": _SIZE,
        **{name: _number(conditions) for name, conditions in NEEDED.items()},
    },
    ("product_code", "condition_type", "side", "size"),
    allOf=[
        _where("condition_type", conditions, {"properties": {name: _PRICE}, "required": [name]})
        for name, conditions in NEEDED.items()
    ],
)


def _cancellation(kind: str) -> Schema:
    ids = [f"{kind}_{name}" for name in ("id", "acceptance_id")]
    return _object(
        {"product_code": _PRODUCT_CODE, **{name: {"type": "string"} for name in ids}},
        ["product_code"],
        anyOf=[{"properties": {name: {"minLength": 1}}, "required": [name]} for name in ids],
    )


BODIES: Final[Mapping[str, Schema]] = {
    "/me/sendchildorder": _object(
        {
            "product_code": _PRODUCT_CODE,
            "child_order_type": _one_of(ChildOrderType),
            "side": _one_of(Side),
            "price": _number([ChildOrderType.LIMIT]),
            "size": _SIZE,
            **_VALIDITY,
        },
        ("product_code", "child_order_type", "side", "size"),
        allOf=[
            _where("child_order_type", [ChildOrderType.LIMIT], {"properties": {"price": _PRICE}, "required": ["price"]})
        ],
    ),
    "/me/cancelchildorder": _cancellation("child_order"),
    "/me/sendparentorder": _object(
        {
            "order_method": _one_of(OrderMethod, OrderMethod.SIMPLE),
            **_VALIDITY,
            "parameters": {
                "type": "array",
                "items": _PART,
                "description": ", ".join(f"{count} for {method}" for method, count in PARTS.items()) + ".",
            },
        },
        ["parameters"],
        allOf=[
            _where(
                "order_method",
                [method],
                {"properties": {"parameters": {"minItems": count, "maxItems": count}}},
                or_absent=method is OrderMethod.SIMPLE,
            )
            for method, count in PARTS.items()
        ],
    ),
    "/me/cancelparentorder": _cancellation("parent_order"),
    "/me/cancelallchildorders": _object({"product_code": _PRODUCT_CODE}, ["product_code"]),
}
"""By the operation's path."""
