"""The operations of the HTTP API: served, and described by `exchange.openapi` (section 5). Pure.

Each is served under `/v1` by the handler of its path, so that nothing is served that is not described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from fulgurite.errors import InputError
from fulgurite.exchange.accountrows import Balance, Collateral, PositionRow, TradingCommission
from fulgurite.exchange.childorders import ChildOrderRow, ExecutionRow, OrderState
from fulgurite.exchange.marketdata import BoardState, Health, MarketInfo
from fulgurite.exchange.products import PRODUCTS
from fulgurite.exchange.specialorders import ParentOrderDetails, ParentOrderRow
from fulgurite.protocol.choices import Refusal
from fulgurite.protocol.messages import Board, Execution, Ticker

DEFAULT_PRODUCT: Final = "BTC_JPY"
DEFAULT_COUNT: Final = 100
MAX_COUNT: Final = 500

MAX_BODY_BYTES: Final = 100_000
"""The longest body that is taken; a longer one is answered with HTTP status 413."""

MAX_ID: Final = 10**18 - 1
"""The largest `before` and `after`; it holds every id, and keeps odd input from becoming an enormous integer."""


INVALID_PRODUCT: Final = Refusal(-100, "Invalid product")


class ErrorBody(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    status: Annotated[int, msgspec.Meta(description="A negative number; some numbers are our choice.")]
    error_message: str
    data: None = None


class AcceptedChildOrder(msgspec.Struct, frozen=True):
    """The order is accepted, and not yet in the market: that tells the channel `child_order_events`."""

    child_order_acceptance_id: str


class AcceptedParentOrder(msgspec.Struct, frozen=True):
    """The special order is accepted, and has not begun yet: that tells the channel `parent_order_events`."""

    parent_order_acceptance_id: str


class Parameter(NamedTuple):
    """A member of an operation's query."""

    name: str
    description: str
    schema: Mapping[str, object]


class Operation(NamedTuple):
    """One method on one path."""

    path: str
    """Below `/v1`."""
    summary: str
    answer: Any
    """The type of an answer with HTTP status 200; None for an empty body."""
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    is_order: bool = False
    """Whether it counts towards the limit of orders (section 5)."""


def read_integer(query: Mapping[str, str], name: str, at_least: int = 0) -> int | None:
    """A parameter of a query, None where it is absent or empty.

    Raises:
        InputError: it is no integer, below `at_least` or above `MAX_ID`.
    """
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_ID)) or int(text) < at_least:
        raise InputError(name, text, f"an integer of {at_least} or more")
    return int(text)


_PRODUCT: Final = Parameter(
    "product_code",
    "Case does not matter.",
    {"type": "string", "enum": [product.code for product in PRODUCTS], "default": DEFAULT_PRODUCT},
)
_PAGE: Final = (
    Parameter(
        "count",
        f"How many rows at most; above {MAX_COUNT} gives {MAX_COUNT}.",
        {"type": "integer", "minimum": 1, "maximum": MAX_ID, "default": DEFAULT_COUNT},
    ),
    Parameter("before", "Only ids below this.", {"type": "integer", "minimum": 0, "maximum": MAX_ID}),
    Parameter("after", "Only ids above this.", {"type": "integer", "minimum": 0, "maximum": MAX_ID}),
)


def _state(name: str) -> Parameter:
    return Parameter(name, "Only those in this state.", {"type": "string", "enum": list(OrderState)})


def _id(name: str, description: str = "Only rows of this order.") -> Parameter:
    return Parameter(name, description, {"type": "string"})


_EITHER: Final = "One of the two ids is needed."

# Each of these is served a second time, as `/getmarkets` and so on.
_TWICE: Final = (
    Operation("/markets", "The products", list[MarketInfo]),
    Operation("/markets/usa", "The products of the USA", list[MarketInfo]),
    Operation("/markets/eu", "The products of Europe", list[MarketInfo]),
    Operation("/board", "The whole order book, bids descending and asks ascending", Board, (_PRODUCT,)),
    Operation("/ticker", "The ticker", Ticker, (_PRODUCT,)),
    Operation("/executions", "Executions, newest first", list[Execution], (_PRODUCT, *_PAGE)),
)

PUBLIC: Final = (
    *_TWICE,
    *(operation._replace(path=operation.path.replace("/", "/get", 1)) for operation in _TWICE),
    Operation("/getboardstate", "The state of a market", BoardState, (_PRODUCT,)),
    Operation("/gethealth", "How busy the exchange is", Health, (_PRODUCT,)),
)
"""The operations without a key."""

PRIVATE: Final = (
    Operation("/me/getpermissions", "The permissions of the key", list[str]),
    Operation("/me/getbalance", "The balances of the account", list[Balance]),
    Operation("/me/getcollateral", "The collateral for FX", Collateral),
    Operation(
        "/me/getchildorders",
        "Orders: the active ones first, then the others, newest first. An order that was cancelled or expired without "
        "any execution is not listed, and neither are active ones where `before` or `after` is given",
        list[ChildOrderRow],
        (
            _PRODUCT,
            *_PAGE,
            _state("child_order_state"),
            *(_id(name) for name in ("child_order_id", "child_order_acceptance_id")),
            _id("parent_order_id", "Only orders that this special order placed."),
        ),
    ),
    Operation(
        "/me/getparentorders",
        "Special orders: the active ones first, then the others, newest first",
        list[ParentOrderRow],
        (_PRODUCT, *_PAGE, _state("parent_order_state")),
    ),
    Operation(
        "/me/getparentorder",
        "One special order with its parts",
        ParentOrderDetails,
        tuple(_id(name, _EITHER) for name in ("parent_order_id", "parent_order_acceptance_id")),
    ),
    Operation(
        "/me/getexecutions",
        "Executions of the account's orders, newest first",
        list[ExecutionRow],
        (_PRODUCT, *_PAGE, *(_id(name) for name in ("child_order_id", "child_order_acceptance_id"))),
    ),
    Operation("/me/getpositions", "Open positions; none of a spot product", list[PositionRow], (_PRODUCT,)),
    Operation("/me/gettradingcommission", "The commission", TradingCommission, (_PRODUCT,)),
    Operation("/me/sendchildorder", "Place an order", AcceptedChildOrder, method="POST", is_order=True),
    Operation("/me/cancelchildorder", "Cancel an order", None, method="POST"),
    Operation("/me/sendparentorder", "Place a special order", AcceptedParentOrder, method="POST", is_order=True),
    Operation("/me/cancelparentorder", "Cancel a special order", None, method="POST"),
    Operation("/me/cancelallchildorders", "Cancel all orders of a product", None, method="POST", is_order=True),
)
"""The operations with a key and its signature."""
