"""Everything that the exchange tells agrees with everything else, at every step, for random orders of all kinds.

Three accounts trade among the order flow, through circuit breaks and a whole maintenance. A listener knows the text of
the messages and no more; its books and accounts are compared with the matching engine and with the HTTP API.
"""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import msgspec
import pytest

from fulgurite.errors import RequestRefusedError
from fulgurite.exchange import accountrows
from fulgurite.exchange.accountorders import KEPT, Records
from fulgurite.exchange.accounts import Account
from fulgurite.exchange.market import KEPT_EXECUTIONS
from fulgurite.exchange.matching import MARKET_PRICE, Side
from fulgurite.exchange.orderrequests import PARTS, OrderMethod, read_child_order, read_object, read_parent_order
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import MarketState
from fulgurite.protocol.messages import parse_time
from tests.exchange.wirelistener import WireAccount, WireListener, decoded, in_lots

START_NS = parse_time("2026-09-23T18:59:30Z")
END_NS = parse_time("2026-09-23T19:12:10Z")
STEP_NS = 250_000_000
CLOSED_STEP_NS = 20 * 10**9
"""While nobody can trade."""

AUCTIONS = {
    12: ("FX_BTC_JPY", MarketState.CIRCUIT_BREAK),
    36: ("BTC_JPY", MarketState.CIRCUIT_BREAK),
    60: ("FX_BTC_JPY", MarketState.PREOPEN),
    84: ("BTC_JPY", MarketState.PREOPEN),
}
"""By the step before which they begin, on command; each takes three seconds."""

MINUTE_NS = 60 * 10**9
NAMES = ("me", "you", "them")
PRODUCTS = {product.code: product for product in (BTC_JPY, FX_BTC_JPY)}
EVERYTHING = accountrows.Page(10_000)


class Exchange:
    """The simulation, its traders, and the listener."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        # One has little money, so that orders fail and losses are cut.
        accounts = [Account(NAMES[0]), Account(NAMES[1]), Account(NAMES[2], collateral=10**13 * 60_000)]
        self.initial = {each.api_key: (dict(each.balances), each.collateral) for each in accounts}
        self.simulation = Simulation(seed, START_NS, list(PRODUCTS.values()), accounts=accounts)
        self.orders = self.simulation.orders
        self.listener = WireListener()
        self.now_ns = START_NS
        # How many executions there were in each market, the warm-up's excluded, and the first ticker's volume.
        self.executed = dict.fromkeys(PRODUCTS, 0)
        self.known = {code: len(self.simulation.executions(code)) for code in PRODUCTS}
        self.traded_lots = dict.fromkeys(PRODUCTS, 0)
        self.volume = {code: in_lots(self.ticker(code)["volume"]) for code in PRODUCTS}
        self.accepted_ids: dict[str, set[str]] = {name: set() for name in NAMES}
        self.own: dict[str, set[tuple[int, str]]] = {name: set() for name in NAMES}
        self.rows: dict[str, list[dict[str, Any]]] = {code: [] for code in PRODUCTS}
        for code in PRODUCTS:
            board = self.simulation.board(code)
            levels = [("BUY", level) for level in board.bids] + [("SELL", level) for level in board.asks]
            book = {(side, round(level.price)): round(level.size * 10**8) for side, level in levels}
            self.listener.products[code].book = book

    def ticker(self, code: str) -> dict[str, Any]:
        return {
            name: Decimal(repr(value)) if isinstance(value, float) else value
            for name, value in msgspec.structs.asdict(self.simulation.ticker(code)).items()
        }

    def advance(self, until_ns: int) -> None:
        """Let time pass one event after the other, and check the messages of each."""
        while (next_ns := self.simulation.next_event_ns) <= until_ns:
            heard = set()
            for event in self.simulation.advance(next_ns):
                assert self.now_ns <= event.at_ns <= next_ns
                if isinstance(event, TimedMessage):
                    heard.add(self.listener.hear(event))
            self.now_ns = next_ns
            is_new = self.take_executions()
            for kind, code in heard:
                if kind == "board":
                    self.check_book(code)
                elif kind == "ticker":
                    self.check_ticker(code)
                elif kind == "executions":
                    self.check_executions(code)
            if is_new or ("child_order_events", "") in heard:
                for name in NAMES:
                    told = self.listener.accounts[name].executed
                    assert told.keys() == self.own[name], "every execution is told, and no other"
        self.simulation.advance(until_ns)
        self.now_ns = until_ns

    def take_executions(self) -> bool:
        """Take up the new executions in the markets, published or not, and whose they are; tell if there are any."""
        is_new = False
        for name, ids in self.accepted_ids.items():
            records = self.orders.records[name]
            ids.update(records.open)
            # One that is executed in the event that it comes with, as those that close positions, is never seen open.
            assert len(records.ended) < KEPT
            ids.update(order.acceptance_id for order in islice(reversed(records.ended), 10))
        for code in PRODUCTS:
            rows = self.simulation.executions(code)
            assert len(rows) < KEPT_EXECUTIONS
            while self.known[code] < len(rows):
                row = rows[self.known[code]]
                self.known[code] += 1
                is_new = True
                self.traded_lots[code] += round(row.size * 10**8)
                self.rows[code].append(msgspec.structs.asdict(row))
                for name in NAMES:
                    ids = self.accepted_ids[name]
                    if row.buy_child_order_acceptance_id in ids:
                        self.own[name].add((row.id, "BUY"))
                    if row.sell_child_order_acceptance_id in ids:
                        self.own[name].add((row.id, "SELL"))
        return is_new

    # --- public messages

    def check_book(self, code: str) -> None:
        engine = self.orders.venues[code].engine
        levels = {(str(side), price): lots for side in Side for price, lots in engine.levels(side)}
        book = self.listener.products[code].book
        assert levels.items() <= book.items()
        # A deletion that never came stays until the next snapshot (section 3.2), and it is the only one till then.
        assert len(book) - len(levels) <= 1

    def check_ticker(self, code: str) -> None:
        ticker, engine = self.listener.products[code].tickers[-1], self.orders.venues[code].engine
        assert ticker["state"] == self.simulation.state(code)
        sides = ((Side.BUY, "bid"), (Side.SELL, "ask"))
        for side, name in sides:
            best = engine.best(side)
            assert ticker[f"best_{name}"] == (best or 0)
            assert in_lots(ticker[f"best_{name}_size"]) == (engine.level_size(side, best) if best else 0)
            assert in_lots(ticker[f"total_{name}_depth"]) == engine.total_size(side)
            assert in_lots(ticker[f"market_{name}_size"]) == engine.level_size(side, MARKET_PRICE)
        assert ticker["ltp"] == self.simulation.executions(code)[-1].price
        minutes = (parse_time(ticker["timestamp"]) - START_NS) // MINUTE_NS
        expired = minutes * (PRODUCTS[code].typical.daily_lots // 1440)
        assert in_lots(ticker["volume"]) == self.volume[code] + self.traded_lots[code] - expired

    def check_executions(self, code: str) -> None:
        """The published executions are the market's, in their order, up to one of them."""
        told = self.listener.products[code].executions
        rows = self.rows[code][self.executed[code] : len(told)]
        assert [
            {**row, "price": float(row["price"]), "size": float(row["size"])} for row in told[self.executed[code] :]
        ] == rows
        self.executed[code] = len(told)

    # --- private messages

    def check_account(self, name: str) -> None:
        told, records = self.listener.accounts[name], self.orders.records[name]
        self.check_orders(told, records)
        self.check_money(name, told, records)

    def check_orders(self, told: WireAccount, records: Records) -> None:
        active = {}
        parents = set()
        for product in PRODUCTS.values():
            rows = encoded(accountrows.child_order_rows(records, product, EVERYTHING, lambda order: True))
            for row in rows:
                if row["child_order_state"] == "ACTIVE":
                    active[row["child_order_acceptance_id"]] = in_lots(row["outstanding_size"])
            rows = encoded(accountrows.parent_order_rows(records, product, EVERYTHING, None))
            parents |= {row["parent_order_acceptance_id"] for row in rows if row["parent_order_state"] == "ACTIVE"}
        assert told.outstanding == active
        assert told.parents.keys() == parents
        for accepted_id, order in told.orders.items():
            engine = self.orders.venues[order["product_code"]].engine
            assert records.open[accepted_id].order.id in engine, "an open order rests in its market"

    def check_money(self, name: str, told: WireAccount, records: Records) -> None:
        balances, collateral = self.initial[name]
        reserved = {"JPY": Decimal(0), "BTC": Decimal(0)}
        # A market order waits for an itayose, and one on its way was not told yet: their reservations are unknown.
        is_told = all(
            accepted_id in told.orders and told.orders[accepted_id]["child_order_type"] == "LIMIT"
            for accepted_id, order in records.open.items()
            if order.product is BTC_JPY
        )
        for accepted_id, order in told.orders.items():
            if order["product_code"] == "BTC_JPY":
                lots = told.outstanding[accepted_id]
                if order["side"] == "BUY":
                    reserved["JPY"] += Decimal(order["price"]) * lots / 10**8
                else:
                    reserved["BTC"] += Decimal(lots + lots * 15 // 10_000) / 10**8
        for row in encoded(accountrows.balance_rows(records.account)):
            currency = row["currency_code"]
            amount = Decimal(balances[currency]) / 10**13 + told.changes[currency]
            assert Decimal(row["amount"]) == amount >= Decimal(row["available"]) >= 0
            if is_told:
                assert Decimal(row["available"]) == amount - reserved.get(currency, 0)
        venue = self.orders.venues["FX_BTC_JPY"]
        positions = encoded(accountrows.position_rows(records.account, venue))
        rows = [[row["side"], Decimal(row["price"]), in_lots(row["size"])] for row in positions]
        assert rows == [row[:3] for row in told.positions]
        body = encoded(accountrows.collateral_body(records.account, tuple(self.orders.venues.values())))
        assert Decimal(body["collateral"]) == Decimal(collateral) / 10**13 + told.profit
        open_profit = sum(
            (venue.last_price - price) * lots * (1 if side == "BUY" else -1) for side, price, lots, _ in told.positions
        )
        assert (
            Decimal(body["open_position_pnl"]) * 10**8
            == open_profit
            == sum(Decimal(row["pnl"]) for row in positions) * 10**8
        )

    # --- the accounts' orders

    def act(self, name: str) -> None:
        rng, records = self.rng, self.orders.records[name]
        with contextlib.suppress(RequestRefusedError):
            chance = rng.random()
            if chance < 0.3:
                self.orders.send_child_order(name, read_child_order(body(self.child()), PRODUCTS), self.now_ns)
            elif chance < 0.4:
                self.orders.send_parent_order(name, read_parent_order(body(self.parent()), PRODUCTS), self.now_ns)
            elif chance < 0.5 and records.open:
                self.orders.cancel_child_order(name, "", rng.choice(list(records.open)), self.now_ns)
            elif chance < 0.52 and records.open_parents:
                self.orders.cancel_parent_order(name, "", rng.choice(list(records.open_parents)), self.now_ns)
            elif chance < 0.522:
                self.orders.cancel_all_child_orders(name, rng.choice(list(PRODUCTS.values())), self.now_ns)

    def price(self, code: str, reach: int) -> int:
        return self.orders.venues[code].last_price + self.rng.randrange(-reach, reach)

    def child(self) -> dict[str, object]:
        rng = self.rng
        code = rng.choice(list(PRODUCTS))
        return {
            "product_code": code,
            "child_order_type": rng.choice(("LIMIT", "LIMIT", "LIMIT", "MARKET")),
            "side": rng.choice(("BUY", "SELL")),
            "price": self.price(code, rng.choice((500, 5_000))),
            "size": rng.choice((0.001, 0.01234567, 0.03)),
            "minute_to_expire": rng.choice((1, 5, 43_200)),
            "time_in_force": rng.choice(("GTC", "GTC", "IOC", "FOK")),
        }

    def parent(self) -> dict[str, object]:
        rng = self.rng
        method = rng.choice(list(OrderMethod))
        return {
            "order_method": str(method),
            "minute_to_expire": rng.choice((1, 5, 43_200)),
            "parameters": [self.part() for _ in range(PARTS[method])],
        }

    def part(self) -> dict[str, object]:
        rng = self.rng
        code = rng.choice(list(PRODUCTS))
        return {
            "product_code": code,
            "condition_type": rng.choice(("LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAIL")),
            "side": rng.choice(("BUY", "SELL")),
            "price": self.price(code, 2_000),
            "trigger_price": self.price(code, 2_000),
            "offset": rng.randrange(1, 2_000),
            "size": rng.choice((0.001, 0.01)),
        }


def body(values: dict[str, object]) -> Any:
    return read_object(json.dumps(values).encode())


def encoded(rows: object) -> Any:
    """As a client gets it over HTTP."""
    return decoded(msgspec.json.encode(rows))


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_agrees_at_every_step(seed):
    exchange = Exchange(seed)
    steps = 0
    states: dict[str, set[str]] = {code: set() for code in PRODUCTS}
    while exchange.now_ns < END_NS:
        is_closed = {exchange.simulation.state(code) for code in PRODUCTS} == {"CLOSED"}
        exchange.advance(exchange.now_ns + (CLOSED_STEP_NS if is_closed else STEP_NS))
        if steps in AUCTIONS:
            code, state = AUCTIONS[steps]
            exchange.simulation.change_state(code, state, 3 * 10**9)
        steps += 1
        for code, seen in states.items():
            seen.add(exchange.simulation.state(code))
        for name in NAMES:
            exchange.act(name)
            exchange.check_account(name)
    exchange.advance(END_NS + 10**9)
    for code in PRODUCTS:
        assert states[code] == {*MarketState}
        told = exchange.listener.products[code]
        itayose = {row["exec_date"] for row in told.executions if row["side"] == ""}
        assert "2026-09-23T19:12:00Z" in itayose
        assert len(itayose) > 1
        for date in itayose:
            assert len({row["price"] for row in told.executions if row["exec_date"] == date and not row["side"]}) == 1
    for name in NAMES[:2]:
        account = exchange.listener.accounts[name]
        kinds = {event["event_type"] for event in account.child_events}
        assert kinds >= {"ORDER", "EXECUTION", "CANCEL", "EXPIRE"}
        assert {event["event_type"] for event in account.parent_events} >= {"ORDER", "TRIGGER", "COMPLETE", "CANCEL"}
        assert len(account.executed) > 20
