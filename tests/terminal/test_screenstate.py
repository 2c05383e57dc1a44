"""The state: the kept items, and their wording."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fulgurite.client.items import Gap, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.channels import board, child_order_events, executions, parent_order_events, ticker
from fulgurite.protocol.messages import Board
from fulgurite.terminal.screenstate import LOG_LIMIT, ORDERS_LIMIT, TRADES_LIMIT, ScreenState

PRODUCT = "BTC_JPY"
CHANNELS = [ticker(PRODUCT), executions(PRODUCT), board(PRODUCT), child_order_events(), parent_order_events()]
SECOND = 1_000_000_000


def message(channel: object, data: object, at_ns: int = SECOND, origin: Origin = Origin.LIVE) -> Message:
    return Message(str(channel), at_ns, "", msgspec.Raw(json.dumps(data).encode()), origin=origin)


def ticker_message(at_ns: int = SECOND, **changes: Any) -> Message:
    numbers = ("tick_id", "best_bid", "best_ask", "best_bid_size", "best_ask_size", "total_bid_depth")
    names = (*numbers, "total_ask_depth", "ltp", "volume", "volume_by_product")
    data = dict.fromkeys(names, 1) | {"product_code": PRODUCT, "timestamp": "", "state": "RUNNING"} | changes
    return message(ticker(PRODUCT), data, at_ns)


def execution(number: int, side: str = "BUY") -> dict[str, object]:
    orders = {"buy_child_order_acceptance_id": "a", "sell_child_order_acceptance_id": "b"}
    return {"id": number, "side": side, "price": 2.0, "size": 0.1, "exec_date": "", **orders}


def order(event: str, number: str = "JRF1", **members: object) -> dict[str, object]:
    names = {"product_code": PRODUCT, "child_order_id": "x", "child_order_acceptance_id": number, "event_date": ""}
    return {**names, "event_type": event, **members}


@pytest.fixture
def state() -> ScreenState:
    return ScreenState(CHANNELS, "embedded", ["json-rpc"], 0)


def said(state: ScreenState) -> list[str]:
    return [f"{entry.badge} {entry.text}" for entry in state.log]


def test_gaps_of_one_interruption_are_one_entry_and_say_what_was_recovered(state):
    reason = "closed by the server: 1012"
    gap = Gap(str(executions(PRODUCT)), reason, SECOND, 3 * SECOND, repaired=Repaired.FULL, recovered=7)
    state.add([Gap(str(board(PRODUCT)), reason, 2 * SECOND, 3 * SECOND), gap])
    assert said(state) == [f"GAP 1.0 s - executions 7 recovered, all of them - BTC_JPY board, executions - {reason}"]
    assert (state.gaps.count, state.gaps.recovered) == (2, 7)


def test_the_next_interruption_is_another_entry(state):
    gaps = [Gap(str(board(PRODUCT)), "why", at * SECOND, at * SECOND + 1) for at in (1, 2, 60)]
    state.add(gaps)
    assert len(state.log) == 3


def test_a_gap_that_is_repaired_later_changes_its_entry(state):
    gap = Gap(str(executions(PRODUCT)), "why", SECOND, 2 * SECOND, repaired=Repaired.PENDING)
    state.add([gap])
    assert said(state) == ["GAP 1.0 s - executions being recovered - BTC_JPY executions - why"]
    state.add([msgspec.structs.replace(gap, repaired=Repaired.PARTIAL, recovered=2, note="the rest is too old")])
    assert said(state) == [
        "GAP 1.0 s - executions 2 recovered, not all: the rest is too old - BTC_JPY executions - why"
    ]
    assert (state.gaps.count, state.gaps.recovered) == (1, 2)


def test_what_could_not_be_recovered_is_said(state):
    gap = Gap(str(child_order_events()), "why", 0, SECOND, note="not repaired: no answer", unresolved=("JRF1", "JRF2"))
    state.add([gap])
    assert said(state) == [
        "GAP 1.0 s - orders not recovered: no answer - 2 orders ended and nobody can say how - orders - why"
    ]


def test_connections_are_known_by_their_statuses(state):
    def status(kind: StatusKind, **members: Any) -> Status:
        return Status(kind, SECOND, connection=1, **members)

    state.add([
        status(StatusKind.CONNECTING, detail="ws://x/socket.io/"), status(StatusKind.OPEN),
        status(StatusKind.SUBSCRIBED, channel="a"), status(StatusKind.SUBSCRIBED, channel="b"),
        status(StatusKind.UNSUBSCRIBED, channel="b"),
    ])  # fmt: skip
    view = state.connections[1]
    assert (view.url, view.kind, view.channels) == ("ws://x/socket.io/", StatusKind.OPEN, {"a"})
    state.add([
        status(StatusKind.CLOSED, detail="1006"), status(StatusKind.BACKING_OFF, detail="2.0 s", seconds=2.0)
    ])  # fmt: skip
    assert (view.kind, view.channels, view.retry_ns) == (StatusKind.BACKING_OFF, set(), 3 * SECOND)
    assert said(state) == ["OPEN ws://x/socket.io/", "CLOSED 1006"]


def test_a_market_that_changes_its_state_is_told(state):
    state.add([ticker_message(), ticker_message(state="CIRCUIT BREAK"), ticker_message(state="CIRCUIT BREAK")])
    assert said(state) == ["CIRCUIT BREAK BTC_JPY was RUNNING"]


def test_a_ticker_is_told_by_its_channels_product_whatever_it_says_itself(state):
    state.add([ticker_message(), ticker_message(state="CLOSED", product_code="OTHER")])
    assert said(state) == ["CLOSED BTC_JPY was RUNNING"]


def test_the_price_before_is_the_last_other_one(state):
    state.add([ticker_message(ltp=1), ticker_message(ltp=2), ticker_message(ltp=2)])
    view = state.products[PRODUCT]
    assert view.before is not None
    assert (view.before.ltp, view.ticker and view.ticker.ltp, view.heard_ns) == (1, 2, SECOND)


def test_a_book_that_changes_its_state_is_told_once(state):
    book = OrderBook()
    state.look_at_book(PRODUCT, book, 1)
    book.apply_snapshot(Board(1.0, [], []))
    state.look_at_book(PRODUCT, book, 2)
    book.invalidate("a tunnel")
    state.look_at_book(PRODUCT, book, 3)
    state.look_at_book(PRODUCT, book, 4)
    assert said(state) == ["LIVE BTC_JPY order book", "STALE BTC_JPY order book: a tunnel"]


def test_open_orders_are_those_that_did_not_end(state):
    placed = {"side": "BUY", "price": 5.0, "size": 0.3, "child_order_type": "LIMIT"}
    state.add([message(child_order_events(), [order("ORDER", name, **placed) for name in "abcd"])])
    state.add([message(child_order_events(), [
        order("EXECUTION", "a", outstanding_size=0.2), order("EXECUTION", "b", outstanding_size=0),
        order("CANCEL", "c"), order("EXPIRE", "d"), order("EXECUTION", "never seen", outstanding_size=1),
    ])])  # fmt: skip
    assert {name: view.outstanding for name, view in state.orders.items()} == {"a": 0.2}
    assert said(state)[:2] == ["ORDER BTC_JPY BUY 5 x 0.3 a", "ORDER BTC_JPY BUY 5 x 0.3 b"]


def test_what_was_concluded_afterwards_is_marked(state):
    state.add([message(child_order_events(), [order("CANCEL")], origin=Origin.RECONCILED)])
    state.add([message(executions(PRODUCT), [execution(1)], origin=Origin.BACKFILLED)])
    assert said(state) == ["CANCEL BTC_JPY JRF1 (reconciled)"]
    assert state.trades[0].is_recovered


def test_everything_is_bounded(state):
    state.add([message(executions(PRODUCT), [execution(n) for n in range(TRADES_LIMIT + 5)])])
    state.add([
        message(child_order_events(), [order("ORDER", str(n), size=1.0, price=1.0) for n in range(ORDERS_LIMIT + 5)])
    ])  # fmt: skip
    for second in range(3000):
        state.add([message(board(PRODUCT), {"mid_price": 1.0, "bids": [], "asks": []}, second * SECOND)])
    assert len(state.trades) == TRADES_LIMIT
    assert len(state.orders) == ORDERS_LIMIT
    assert len(state.log) == LOG_LIMIT
    assert state.trades[-1].execution.id == TRADES_LIMIT + 4


def test_messages_of_the_last_seconds_make_the_rate(state):
    diff = {"mid_price": 1.0, "bids": [], "asks": []}
    state.add([message(board(PRODUCT), diff, 100 * SECOND + n * SECOND // 10) for n in range(50)])
    assert state.traffic.rate(105 * SECOND) == 10
    assert state.traffic.rate(200 * SECOND) == 0


def test_a_delay_is_known_where_the_clocks_agree(state):
    assert state.traffic.delay_ns() is None
    state.add([ticker_message(SECOND, timestamp="1970-01-01T00:00:00.5Z")])
    assert state.traffic.delay_ns() == SECOND // 2
    far = ScreenState(CHANNELS, "embedded", ["json-rpc"], 0)
    far.add([ticker_message(SECOND, timestamp="2026-01-01T00:00:00Z")])
    assert far.traffic.delay_ns() is None


def test_what_cannot_be_read_is_told_and_harms_nothing(state):
    state.add([message(ticker(PRODUCT), {}), message("made up", 1), Malformed(1, "x\x1b[2J", "why")])
    assert len(state.log) == 3
    assert all(text.isprintable() for text in said(state))
