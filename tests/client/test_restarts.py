"""Executions across a restart of the exchange on the same ports, and across the loops of a replay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fulgurite import Execution, Gap, GapCause, Item, Message, connect
from fulgurite.exchange.run import Exchange, run, run_replay
from fulgurite.protocol import jsonrpc
from fulgurite.protocol.dialects import DIALECTS
from fulgurite.protocol.framelog import Line, format_line
from tests.client.test_peer_scenarios import start_ns
from tests.peers.witness import PATIENCE_SECONDS, published

PRODUCT = "FX_BTC_JPY"
EXECUTIONS = f"lightning_executions_{PRODUCT}"
ENOUGH = 30
"""Executions."""


def key(row: Execution) -> tuple[int, str, str]:
    return row.id, row.buy_child_order_acceptance_id, row.sell_child_order_acceptance_id


def rows_of(item: Item) -> list[Execution]:
    if not isinstance(item, Message):
        return []
    assert isinstance(item.data, list)
    return [row for row in item.data if isinstance(row, Execution)]


async def take(items: AsyncIterator[Item], count: int) -> list[Item]:
    """The items up to this number of executions."""
    taken: list[Item] = []
    while count > 0:
        item = await anext(items)
        taken.append(item)
        count -= len(rows_of(item))
    return taken


async def published_keys(exchange: Exchange) -> list[tuple[int, str, str]]:
    rows = [row for entry in await published(exchange, EXECUTIONS) for row in entry["message"]]
    names = ("id", "buy_child_order_acceptance_id", "sell_child_order_acceptance_id")
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("later_seconds", [0, 60])
async def test_each_execution_of_a_restarted_exchange_is_given_once(dialect, connections, later_seconds):
    """Whether it numbers anew, as one does that is started for the same time, or its ids ascend."""
    start = start_ns()
    async with run(seed=1, start_ns=start, speed=100, products=[PRODUCT]) as first:
        port, http_port = (urlsplit(url).port or 0 for url in (first.realtime, first.http))
        stream = connect(
            EXECUTIONS,
            endpoint=first,
            dialect=dialect,
            connections=connections,
            delays=lambda: repeat(0.05),
        )
        await stream.__aenter__()
        await take(aiter(stream), ENOUGH)
    try:
        start += later_seconds * 1_000_000_000
        async with run(seed=2, start_ns=start, speed=100, products=[PRODUCT], port=port, http_port=http_port) as second:
            items: list[Item] = []
            published_by_it: set[tuple[int, str, str]] = set()
            while sum(key(row) in published_by_it for item in items for row in rows_of(item)) < ENOUGH:
                items += await take(aiter(stream), 1)
                published_by_it = set(await published_keys(second))
            of_it = await published_keys(second)
    finally:
        await stream.close()
    given = [key(row) for item in items for row in rows_of(item)]
    assert len(set(given)) == len(given)
    from_it = [each for each in given if each in set(of_it)]
    first_place, last_place = of_it.index(from_it[0]), of_it.index(from_it[-1])
    assert from_it == of_it[first_place : last_place + 1]
    causes = [item.cause for item in items if isinstance(item, Gap)]
    expected = GapCause.INTERRUPTED if later_seconds else GapCause.RENUMBERED
    assert causes == [expected]


@pytest.mark.parametrize("connections", [1, 2])
async def test_an_exchange_that_is_started_as_it_was_gives_the_same_executions_again(connections):
    """With the same seed and time, the restarted exchange publishes the same bytes again."""
    start = start_ns()
    async with run(seed=5, start_ns=start, speed=100, products=[PRODUCT]) as first:
        port, http_port = (urlsplit(url).port or 0 for url in (first.realtime, first.http))
        stream = connect(EXECUTIONS, endpoint=first, connections=connections, delays=lambda: repeat(0.05))
        await stream.__aenter__()
        await take(aiter(stream), 20 * ENOUGH)
    try:
        async with (
            run(seed=5, start_ns=start, speed=5, products=[PRODUCT], port=port, http_port=http_port) as second,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            items: list[Item] = []
            while not any(isinstance(item, Gap) for item in items):
                items.append(await anext(aiter(stream)))
            items += await take(aiter(stream), ENOUGH)
            published_by_it = await published_keys(second)
    finally:
        await stream.close()
    (place,) = [place for place, item in enumerate(items) if isinstance(item, Gap)]
    gap = items[place]
    assert isinstance(gap, Gap)
    assert gap.cause is GapCause.RENUMBERED
    given = [key(row) for item in items[place:] for row in rows_of(item)]
    begin = published_by_it.index(given[0])
    assert given == published_by_it[begin : begin + len(given)]


async def test_each_pass_of_a_replay_in_a_loop_is_given(tmp_path: Path):
    row = {
        "side": "BUY", "price": 1.0, "size": 1.0, "exec_date": "2026-11-30T00:00:00Z",
        "sell_child_order_acceptance_id": "JRF20261130-000000-000001",
    }  # fmt: skip
    numbers = [5, 0, 6, 9]
    lines = [
        Line(
            received_ns=place * 10_000_000,
            frame=jsonrpc.encode_message(
                EXECUTIONS,
                json.dumps(
                    [row | {"id": number, "buy_child_order_acceptance_id": f"JRF20261130-000000-00010{place}"}]
                ).encode(),
            ).decode(),
        )
        for place, number in enumerate(numbers)
    ]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(format_line, lines)))
    async with (
        run_replay(log, loop=True, paused=False) as exchange,
        connect(EXECUTIONS, endpoint=exchange, repair="off") as stream,
    ):
        given = [row.id for item in await take(aiter(stream), 5 * len(numbers)) for row in rows_of(item)]
    numbered = [number for number in given if number]
    assert numbered == sorted(set(numbered))
    assert [given[place : place + 4].count(0) for place in range(0, 20, 4)] == [1] * 5


async def test_no_book_is_live_from_one_pass_of_a_replay_to_the_snapshot_of_the_next(tmp_path: Path):
    """A pass: 25 changes of which nobody can make a book, a snapshot, and 24 changes of that."""
    changes, snapshot = f"lightning_board_{PRODUCT}", f"lightning_board_snapshot_{PRODUCT}"
    ask = {"price": 1000.0, "size": 1.0}

    def frame(channel: str, price: float) -> str:
        message = {"mid_price": 750.0, "bids": [{"price": price, "size": 1.0}], "asks": [ask]}
        return jsonrpc.encode_message(channel, json.dumps(message).encode()).decode()

    lines = [
        Line(received_ns=place * 20_000_000, frame=frame(snapshot, 500.0) if place == 26 else frame(changes, place))
        for place in range(1, 51)
    ]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(format_line, lines)))
    reasons = []
    async with (
        run_replay(log, loop=True) as exchange,
        connect(changes, endpoint=exchange, delays=lambda: repeat(0.05)) as stream,
    ):
        book = stream.books[PRODUCT]
        for _ in range(3):
            is_live = False
            async for item in stream:
                if isinstance(item, Gap):
                    reasons.append(item.reason)
                if book.state == "LIVE":
                    is_live = True
                    best, *others = [level.price for level in book.bids()]
                    assert (best, others) == (500, list(range(26 + len(others), 26, -1)))
                elif is_live:
                    break
    assert len(reasons) >= 2
    assert all("1012" in reason and "replay begins again" in reason for reason in reasons)
