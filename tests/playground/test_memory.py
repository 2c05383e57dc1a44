"""The memory of a page's backend is bounded: everything that it holds is counted, however it is held."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from fulgurite.client import Endpoint, Frame, Gap, Item, Message, Origin, Status, StatusKind
from fulgurite.errors import InputError
from fulgurite.playground.latency import KEPT
from fulgurite.playground.marketview import PRODUCT_LIMIT, MarketView
from fulgurite.playground.messages import Charts
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.upstream import CHANNEL_LIMIT, Upstream
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.dialects import JSON_RPC

PRODUCTS = ("FX_BTC_JPY", "BTC_JPY")
KINDS = ("board_snapshot", "board", "ticker", "executions")
CHANNELS = [parse_channel(f"lightning_{kind}_{code}") for code in PRODUCTS for kind in KINDS]
NOWHERE = Endpoint("nowhere", "ws://127.0.0.1:1/", "http://127.0.0.1:1/", None)
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=300)
"""The longest candle: after so many steps as there are candles of it none is added any more."""


def held(*roots: object) -> int:
    """How many objects can be reached."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type) or callable(each):
            continue
        seen[id(each)] = each
        waiting.extend(_parts(each))
    return len(seen)


def _parts(each: Any) -> Iterable[object]:
    if isinstance(each, dict):
        return [*each, *each.values()]
    if isinstance(each, msgspec.Struct):
        return [getattr(each, name) for name in each.__struct_fields__]
    if isinstance(each, str | bytes | int | float | None | msgspec.Raw):
        return ()
    return [*(each if hasattr(each, "__iter__") else ()), *getattr(each, "__dict__", {}).values()]


def items(number: int) -> list[Item]:
    """All that can come, of each product, at a time of its own."""
    at_ns = 1_767_225_600_000_000_000 + number * 500_000_000
    date = f"{START + number * STEP:%Y-%m-%dT%H:%M:%S}Z"
    price = 100.0 + number % 40
    level = {"price": price, "size": 1.0}
    board = {"mid_price": price, "bids": [level], "asks": [level | {"price": price + 1}]}
    execution = {"id": number + 1, "side": "BUY", "price": price, "size": 0.1, "exec_date": date}
    orders = {"buy_child_order_acceptance_id": f"B{number}", "sell_child_order_acceptance_id": f"S{number}"}
    bests = {"best_bid": price, "best_ask": price + 1, "best_bid_size": 1.0, "best_ask_size": 1.0}
    depths = {"total_bid_depth": 1.0, "total_ask_depth": 1.0, "market_bid_size": 0.0, "market_ask_size": 0.0}
    volumes = {"ltp": price, "volume": 1.0, "volume_by_product": 1.0}
    found: list[Item] = [Status(StatusKind.OPEN, at_ns), Status(StatusKind.CLOSED, at_ns, detail=f"end {number}")]
    for code in PRODUCTS:
        ticker = {"product_code": code, "state": "RUNNING", "timestamp": date, "tick_id": number}
        bodies: list[object] = [board, board, ticker | bests | depths | volumes, [execution | orders]]
        for kind, body in zip(KINDS, bodies, strict=True):
            channel, text = f"lightning_{kind}_{code}", json.dumps(body)
            found += [Status(StatusKind.SUBSCRIBED, at_ns, channel, seconds=0.1), Frame("received", at_ns, text)]
            found.append(Message(channel, at_ns, text, msgspec.Raw(text.encode())))
            found.append(Gap(channel, f"gap {number}", at_ns, at_ns + 1))
        older = json.dumps([execution | orders | {"id": number + 10_000_000}])
        channel = f"lightning_executions_{code}"
        found.append(Message(channel, at_ns, older, msgspec.Raw(older.encode()), origin=Origin.BACKFILLED))
    return found


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "stalled"])
async def test_all_that_is_kept_stays_as_much_however_much_comes(is_read: bool):
    """In one case the page reads its messages, in the other it reads nothing."""
    outbox = Outbox()
    market = MarketView(outbox, PRODUCTS[0], Charts(["book", "candles", "depth", "heatmap"], 1))
    upstream = Upstream(NOWHERE, JSON_RPC, CHANNELS, outbox, market)
    counts = []
    for number in range(4 * KEPT):
        for item in items(number):
            upstream._receive(item)
        while not upstream._histories.empty():  # as its task does
            upstream._histories.get_nowait()
        upstream.send_states(number / 2)
        market.send(number / 2)
        if is_read:
            outbox.drain()
        if number % KEPT == KEPT - 1:
            counts.append(held(upstream, market, outbox))
    # By the end of the second thousand all is at its bounds.
    assert counts[-1] <= counts[1], counts


async def test_products_that_are_looked_at_and_channels_are_bounded():
    market = MarketView(Outbox(), "FX_BTC_JPY")
    for number in range(2 * PRODUCT_LIMIT):
        market.view(f"P{number}_JPY")
    assert len(market._products) <= PRODUCT_LIMIT + 1
    upstream = Upstream(NOWHERE, JSON_RPC, CHANNELS, Outbox(), market)
    more = [parse_channel(f"lightning_ticker_P{number}") for number in range(CHANNEL_LIMIT)]
    with pytest.raises(InputError, match="channels"):
        await upstream.subscribe(more)
    assert len(upstream._channels.by_name) == len(CHANNELS)
