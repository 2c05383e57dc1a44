"""Faults against unmodified clients: the failures that users report show, and our own client does better."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fulgurite import Board, Gap, Message, OrderBook, board, board_snapshot, connect
from fulgurite.exchange.run import Exchange, run
from tests.exchange.test_control import ask
from tests.peers.programs import next_event, program

SNAPSHOT, BOARD, EXECUTIONS = (f"lightning_{kind}_FX_BTC_JPY" for kind in ("board_snapshot", "board", "executions"))


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=1) as exchange:
        yield exchange


async def opened(exchange: Exchange) -> list[int]:
    """When each connection was opened, nanoseconds; the newest thousand at most."""
    return [report["opened_ns"] for report in (await ask(exchange, "connections"))[1]]


async def book(output: asyncio.StreamReader) -> dict[str, int]:
    """How many levels each side of pybotters' book has after its next update."""
    while (event := await next_event(output))["event"] != "book":
        pass
    levels: dict[str, int] = event["levels"]
    return levels


async def test_pybotters_storms_a_server_that_closes_politely(exchange):
    """It has a delay after an error only. Two hundred connections, where five would be many."""
    await ask(exchange, "faults", "POST", json={"fault": "close-at-once", "code": 1012})
    async with program("pybotters_client.py", exchange.realtime, BOARD, given=b"\n") as output:
        assert (await next_event(output))["event"] == "connect"
        async with asyncio.timeout(60):
            while len(times := await opened(exchange)) < 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    print(f"pybotters opened {(len(times) - 1) / (times[-1] - times[0]) * 1e9:.0f} connections a second")


async def test_ours_waits_between_attempts_and_comes_through(exchange):
    await ask(exchange, "faults", "POST", json={"fault": "close-at-once", "code": 1012, "times": 3})
    async with connect(BOARD, endpoint=exchange.realtime, dialect="json-rpc") as stream:
        async for item in stream:
            if isinstance(item, Message):
                break
    times = await opened(exchange)
    assert len(times) == 4
    print(f"ours opened 4 connections in {(times[-1] - times[0]) / 1e9:.1f} s")


async def test_pybotters_shows_an_old_book_after_a_reconnect(exchange):
    """No snapshot has come since, and yet its book is as deep as before."""
    async with program("pybotters_client.py", exchange.realtime, SNAPSHOT, BOARD, given=b"\n") as output:
        while (await book(output)).get("bids", 0) < 100:
            pass
        await ask(exchange, "faults", "POST", json={"fault": "mute", "channel": SNAPSHOT})
        await ask(exchange, "faults", "POST", json={"fault": "close", "code": 1012})
        async with asyncio.timeout(60):
            while (reports := (await ask(exchange, "connections"))[1])[-1]["number"] < 2 or not (  # noqa: ASYNC110
                reports[-1]["channels"].get(BOARD, {"delivered": []})["delivered"]
            ):
                await asyncio.sleep(0.1)
        for _ in range(5):
            levels = await book(output)
        assert reports[-1]["channels"][SNAPSHOT]["delivered"] == []
        assert levels["bids"] > 100


async def test_our_book_refuses_to_answer_after_a_reconnect_until_the_next_snapshot(exchange):
    kept = OrderBook()
    snapshot, diff = board_snapshot("FX_BTC_JPY"), board("FX_BTC_JPY")
    async with connect(snapshot, diff, endpoint=exchange.realtime, dialect="json-rpc") as stream:
        was_cut = is_broken = False
        async for item in stream:
            if isinstance(item, Gap):
                kept.invalidate(item.reason)
                is_broken = was_cut
            elif isinstance(item, Message) and isinstance(item.data, Board):
                if "snapshot" in item.channel:
                    kept.apply_snapshot(item.data)
                    if is_broken:
                        assert kept.state == "LIVE"
                        break
                    if was_cut:
                        continue  # it was under way
                    was_cut = True
                    await ask(exchange, "faults", "POST", json={"fault": "reset"})
                else:
                    kept.apply_diff(item.data)
                    assert not (is_broken and kept.state == "LIVE")
    assert is_broken


async def test_nobody_notices_a_dead_channel(exchange):
    """pybotters stays on a connection whose executions have stopped: the board flows on."""
    await ask(exchange, "faults", "POST", json={"fault": "mute", "channel": EXECUTIONS})
    async with program("pybotters_client.py", exchange.realtime, BOARD, EXECUTIONS, given=b"\n") as output:
        boards = 0
        while boards < 50:
            event = await next_event(output)
            assert event.get("channel") != EXECUTIONS
            boards += event["event"] == "book"
    (report,) = (await ask(exchange, "connections"))[1]
    assert report["channels"][EXECUTIONS]["delivered"] == []
