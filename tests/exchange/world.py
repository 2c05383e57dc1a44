"""Orders of accounts on markets of their own, moved by hand, for the tests of accounts and orders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count

from fulgurite.exchange.accountorders import AccountOrders
from fulgurite.exchange.accounts import Account
from fulgurite.exchange.market import Market, Outcome
from fulgurite.exchange.matching import Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.orderrequests import read_child_order, read_object, read_parent_order
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY
from fulgurite.exchange.schedule import NEVER_NS

START_NS = 1_790_000_000 * 10**9
SECOND_NS = 10**9


class World:
    """Two accounts, `me` and `you`, a flow that is asked for orders, and two markets."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.ids = count(1)
        execution_ids = count(1)
        self.markets = {
            product.code: Market(product, start_ns=START_NS, execution_ids=execution_ids)
            for product in (BTC_JPY, FX_BTC_JPY)
        }
        self.me, self.you = Account("me"), Account("you")
        self.orders = AccountOrders([self.me, self.you], self.markets, self.ids)
        # The published messages, decoded: account, channel, event.
        self.events: list[tuple[str, str, dict]] = []

    def flow(self, side: str, price: int | None, size: float, code: str = "BTC_JPY") -> Outcome:
        """An order of nobody's; a price of None is a market order."""
        order = Order(
            id=next(self.ids),
            owner="flow",
            side=Side(side),
            price=price,
            size=round(size * LOTS),
            accepted_ns=self.now_ns,
        )
        outcome = self.markets[code].submit(order, self.now_ns, TimeInForce.GTC)
        self.orders.record(code, outcome, self.now_ns)
        self.run(0)
        return outcome

    def send(self, account: str = "me", /, **body: object) -> str:
        """sendchildorder; returns the acceptance id."""
        body = {"product_code": "BTC_JPY", "child_order_type": "LIMIT", "side": "BUY", "size": 0.01} | body
        request = read_child_order(self.decoded(body), self.orders.products)
        return self.orders.send_child_order(account, request, self.now_ns)

    def send_parent(self, account: str = "me", /, **body: object) -> str:
        """sendparentorder; returns the acceptance id."""
        request = read_parent_order(self.decoded(body), self.orders.products)
        return self.orders.send_parent_order(account, request, self.now_ns)

    def run(self, seconds: float = 0.1) -> None:
        """Let time pass."""
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        while (next_ns := self.orders.next_ns) <= until_ns:
            assert self.now_ns <= next_ns < NEVER_NS
            self.now_ns = next_ns
            for published in self.orders.act():
                assert published.at_ns == next_ns
                for event in json.loads(published.message):
                    self.events.append((published.account, published.channel, event))
        self.now_ns = until_ns

    def types(self, account: str = "me", channel: str = "child_order_events") -> list[str]:
        """The types of the events so far."""
        return [event["event_type"] for whose, where, event in self.events if (whose, where) == (account, channel)]

    def last(self, channel: str = "child_order_events") -> dict:
        """The last event on a channel."""
        return [event for _, where, event in self.events if where == channel][-1]

    @staticmethod
    def decoded(body: Mapping[str, object]) -> Mapping[str, object]:
        return read_object(json.dumps(body).encode())
