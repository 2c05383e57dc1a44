"""The exchange as seen from the text of its messages alone: books, executions, tickers, accounts."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fulgurite.exchange.publisher import TimedMessage

LOTS = 10**8
SIDES = {"bids": "BUY", "asks": "SELL"}
IS_OVER = ("CANCEL", "EXPIRE", "ORDER_FAILED")
Levels = dict[tuple[str, int], int]


def decoded(text: bytes) -> Any:
    """JSON with exact numbers."""
    return json.loads(text, parse_float=Decimal)


def in_lots(size: Decimal | int) -> int:
    lots = Decimal(size) * LOTS
    assert lots == int(lots)
    return int(lots)


@dataclass
class WireProduct:
    """The content of a product's four public channels."""

    # Side and price, of a product whose prices are whole numbers, to lots; None before the book was had over HTTP.
    book: Levels = field(default_factory=dict)
    executions: list[dict[str, Any]] = field(default_factory=list)
    tickers: list[dict[str, Any]] = field(default_factory=list)

    def diff(self, board: dict[str, Any]) -> None:
        for name, side in SIDES.items():
            for level in board[name]:
                lots = in_lots(level["size"])
                if lots:
                    self.book[side, int(level["price"])] = lots
                else:
                    self.book.pop((side, int(level["price"])), None)

    def snapshot(self, board: dict[str, Any]) -> None:
        """Replace the levels within the snapshot's range; of a side that was cut, those beyond stay."""
        for name, side in SIDES.items():
            prices = [int(level["price"]) for level in board[name]]
            is_cut = len(prices) == 300
            for price in [price for each, price in self.book if each == side]:
                if not is_cut or min(prices) <= price <= max(prices):
                    del self.book[side, price]
        self.diff(board)


@dataclass
class WireAccount:
    """The content of an account's two private channels."""

    child_events: list[dict[str, Any]] = field(default_factory=list)
    parent_events: list[dict[str, Any]] = field(default_factory=list)
    # The ORDER events of open orders, by acceptance id, and their outstanding lots.
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    outstanding: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    parents: dict[str, str] = field(default_factory=dict)
    """The types of the special orders that are open, by acceptance id."""
    parts: dict[str, str] = field(default_factory=dict)
    """The special order by the acceptance id of the order that it placed."""
    executed: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """The change of each currency by executions in spot."""
    profit: Decimal = Decimal(0)
    """The profit or loss of closed FX positions."""
    positions: list[list[Any]] = field(default_factory=list)
    """Side, price, lots, date of each, oldest first."""

    def child(self, event: dict[str, Any]) -> None:
        self.child_events.append(event)
        accepted_id, kind = event["child_order_acceptance_id"], event["event_type"]
        if kind == "ORDER":
            assert accepted_id not in self.seen
            self.orders[accepted_id] = event
            self.outstanding[accepted_id] = in_lots(event["size"])
        elif kind == "EXECUTION":
            self._execute(event)
        elif kind in IS_OVER:
            if kind == "ORDER_FAILED":
                assert accepted_id not in self.seen
            else:
                assert in_lots(event["size"]) == self.outstanding.pop(accepted_id)
                del self.orders[accepted_id]
        else:
            assert kind == "CANCEL_FAILED"
            return
        self.seen.add(accepted_id)

    def _execute(self, event: dict[str, Any]) -> None:
        accepted_id, lots = event["child_order_acceptance_id"], in_lots(event["size"])
        order = self.orders[accepted_id]
        assert (order["side"], order["product_code"]) == (event["side"], event["product_code"])
        assert (event["exec_id"], event["side"]) not in self.executed
        self.executed[event["exec_id"], event["side"]] = event
        self.outstanding[accepted_id] -= lots
        assert in_lots(event["outstanding_size"]) == self.outstanding[accepted_id] >= 0
        if not self.outstanding[accepted_id]:
            del self.outstanding[accepted_id], self.orders[accepted_id]
        if event["product_code"] == "FX_BTC_JPY":
            assert event["commission"] == 0
            self._position(event["side"], Decimal(event["price"]), lots, event["event_date"])
        else:
            sign = 1 if event["side"] == "BUY" else -1
            self.changes["BTC"] += sign * Decimal(event["size"]) - Decimal(event["commission"])
            self.changes["JPY"] -= sign * Decimal(event["price"]) * Decimal(event["size"])

    def _position(self, side: str, price: Decimal, lots: int, date: str) -> None:
        while lots and self.positions and self.positions[0][0] != side:
            oldest = self.positions[0]
            closed = min(lots, oldest[2])
            self.profit += (price - oldest[1]) * closed / LOTS * (1 if oldest[0] == "BUY" else -1)
            oldest[2] -= closed
            lots -= closed
            if not oldest[2]:
                del self.positions[0]
        if not lots:
            return
        if self.positions and self.positions[-1][1::2] == [price, date]:
            self.positions[-1][2] += lots
        else:
            self.positions.append([side, price, lots, date])

    def parent(self, event: dict[str, Any]) -> None:
        self.parent_events.append(event)
        accepted_id, kind = event["parent_order_acceptance_id"], event["event_type"]
        if kind == "ORDER":
            self.parents[accepted_id] = event["parent_order_type"]
            return
        method = self.parents[accepted_id]
        child_id = event.get("child_order_acceptance_id", "")
        if kind == "TRIGGER":
            assert child_id not in self.seen, "the order of a part comes after its TRIGGER"
            self.parts[child_id] = accepted_id
        elif kind == "COMPLETE":
            assert self.parts[child_id] == accepted_id
            assert child_id in self.seen
            assert child_id not in self.orders, "executed in full"
            # The rule that a client goes by (section 3.6).
            if event["parameter_index"] >= 2 or not method.startswith("IFD"):
                del self.parents[accepted_id]
        else:
            assert kind in ("CANCEL", "EXPIRE")
            del self.parents[accepted_id]


class WireListener:
    """Subscribes everything."""

    def __init__(self) -> None:
        self.products: dict[str, WireProduct] = defaultdict(WireProduct)
        self.accounts: dict[str, WireAccount] = defaultdict(WireAccount)

    def hear(self, published: TimedMessage) -> tuple[str, str]:
        """Take a message; return the kind of its channel and its product."""
        message = decoded(published.message)
        if published.account:
            account = self.accounts[published.account]
            for event in message:
                (account.child if published.channel == "child_order_events" else account.parent)(event)
            return published.channel, ""
        kind, _, code = published.channel.removeprefix("lightning_").partition("_")
        if code.startswith("snapshot_"):
            kind, code = "snapshot", code.removeprefix("snapshot_")
        product = self.products[code]
        if kind == "ticker":
            product.tickers.append(message)
        elif kind == "executions":
            product.executions += message
        elif kind == "snapshot":
            product.snapshot(message)
        else:
            product.diff(message)
        return kind, code
