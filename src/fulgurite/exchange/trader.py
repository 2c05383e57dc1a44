"""A program's hands on the exchange that it runs: orders without signing by hand, and faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal, TypedDict, TypeVar

from fulgurite.exchange.accountorders import AccountOrders
from fulgurite.exchange.privatehttp import ask

_Result = TypeVar("_Result")

Side = Literal["BUY", "SELL"]
TimeInForce = Literal["GTC", "IOC", "FOK"]


class FaultMembers(TypedDict, total=False):
    """The members of all faults; ``docs/faults.md`` has those of each."""

    after: float
    every: float
    times: int
    chance: float
    seed: int
    client: str
    connection: int
    channel: str
    product: str
    seconds: float
    code: int
    reason: str
    reset: bool
    by: float
    jitter: float
    bytes_per_second: float
    method: str
    message: str
    age: float
    size: int
    frames: int
    status: int
    retry_after: int
    interval: float
    timeout: float


class Trader:
    """One account of a running exchange. `connect` takes it as `credentials`.

    Its methods have the names of the HTTP API and the names of its members, and the same refusals. They may be
    called from any thread. The price of a market order is left out, as is everything else that is None.

    Raises, all of them:
        InputError: a member is missing or invalid.
        RequestRefusedError: the exchange refuses it, with the API's code and text.
    """

    def __init__(self, api_key: str, api_secret: str, orders: AccountOrders, exchange_ns: Callable[[], int]) -> None:
        self.api_key = api_key
        self.api_secret = api_secret
        self._orders = orders
        self._exchange_ns = exchange_ns
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def __call__(self) -> tuple[str, str]:
        """The key and its secret."""
        return self.api_key, self.api_secret

    def __repr__(self) -> str:
        return f"Trader(api_key={self.api_key!r}, api_secret=...)"

    def send_child_order(
        self,
        *,
        product_code: str,
        child_order_type: Literal["LIMIT", "MARKET"],
        side: Side,
        size: float,
        price: float | None = None,
        minute_to_expire: int | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> str:
        """Place an order; its acceptance id."""
        answer = self.ask(
            "sendchildorder", product_code=product_code, child_order_type=child_order_type, side=side, size=size,
            price=price, minute_to_expire=minute_to_expire, time_in_force=time_in_force,
        )  # fmt: skip
        return str(answer["child_order_acceptance_id"])

    def cancel_child_order(
        self, *, product_code: str, child_order_acceptance_id: str | None = None, child_order_id: str | None = None
    ) -> None:
        """Cancel an order, by the one id or the other."""
        self.ask(
            "cancelchildorder", product_code=product_code, child_order_acceptance_id=child_order_acceptance_id,
            child_order_id=child_order_id,
        )  # fmt: skip

    def cancel_all_child_orders(self, *, product_code: str) -> None:
        """Cancel all orders of a product."""
        self.ask("cancelallchildorders", product_code=product_code)

    def send_parent_order(
        self,
        *,
        order_method: Literal["SIMPLE", "IFD", "OCO", "IFDOCO"],
        parameters: Sequence[Mapping[str, object]],
        minute_to_expire: int | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> str:
        """Place a special order; its acceptance id."""
        answer = self.ask(
            "sendparentorder", order_method=order_method, parameters=parameters, minute_to_expire=minute_to_expire,
            time_in_force=time_in_force,
        )  # fmt: skip
        return str(answer["parent_order_acceptance_id"])

    def cancel_parent_order(
        self, *, product_code: str, parent_order_acceptance_id: str | None = None, parent_order_id: str | None = None
    ) -> None:
        """Cancel a special order, by the one id or the other."""
        self.ask(
            "cancelparentorder", product_code=product_code, parent_order_acceptance_id=parent_order_acceptance_id,
            parent_order_id=parent_order_id,
        )  # fmt: skip

    def ask(self, path: str, **members: object) -> Any:
        """Ask anything of the private API.

        Args:
            path: the part behind ``/v1/me/``, for example ``getpositions``.
            members: those of the query, or of the body.

        Returns:
            The answer, as JSON's values; None where it has none.
        """
        given = {name: value for name, value in members.items() if value is not None}
        return self._there(lambda: ask(self._orders, self.api_key, path, given, self._exchange_ns()))

    def _there(self, act: Callable[[], _Result]) -> _Result:
        """Act on the exchange's own thread."""
        if threading.get_ident() == self._thread:
            return act()
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(act())
            except Exception as error:  # raised where it was asked for
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result()
