"""The exchange after its process was suspended, or its machine slept."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import websockets

from fulgurite import executions
from fulgurite.client import Message, connect
from fulgurite.exchange.accounts import Account
from fulgurite.exchange.drive import ExchangeClock
from fulgurite.exchange.orderrequests import ChildRequest, read_child_order
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.run import run
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import CloseConnections, MarketState
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, Execution, Ticker, decode_message, parse_time
from tests.exchangeprocess import exchange_process

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = parse_time("2026-09-23T03:31:25Z")
TWO = (BTC_JPY, FX_BTC_JPY)


def lived(start_ns: int = START_NS, accounts: tuple[Account, ...] = ()) -> Simulation:
    """One that has been running for twenty seconds."""
    simulation = Simulation(5, start_ns, TWO, accounts=accounts)
    simulation.advance(start_ns + 20 * SECOND_NS)
    return simulation


class TestSimulation:
    @pytest.mark.parametrize("hours", [0.01, 8, 14])
    def test_the_market_did_not_move_meanwhile(self, hours: float) -> None:
        simulation = lived()
        before = {info.product_code: simulation.board(info.product_code) for info in simulation.markets()}
        until_ns = START_NS + 20 * SECOND_NS + int(hours * HOUR_NS)
        simulation.stand_still(until_ns)
        assert {code: simulation.board(code) for code in before} == before
        simulation.advance(until_ns + 10 * SECOND_NS)
        for code, board in before.items():
            assert simulation.board(code).mid_price == pytest.approx(board.mid_price, rel=0.002)

    def test_everything_after_it_is_of_the_new_time_and_ids_ascend(self) -> None:
        simulation = lived()
        last = {code: simulation.executions(code)[-1].id for code in ("BTC_JPY", "FX_BTC_JPY")}
        until_ns = START_NS + 8 * HOUR_NS
        published = [*simulation.stand_still(until_ns), *simulation.advance(until_ns + 20 * SECOND_NS)]
        assert all(isinstance(event, TimedMessage) for event in published)
        assert [event.at_ns for event in published] == sorted(event.at_ns for event in published)
        assert published[0].at_ns >= until_ns
        count = 0
        for event in published:
            assert isinstance(event, TimedMessage)
            channel = parse_channel(event.channel)
            data = decode_message(channel, event.message)
            if channel.kind is Kind.EXECUTIONS and event.at_ns > until_ns:
                assert isinstance(data, list)
                for row in data:
                    assert isinstance(row, Execution)
                    assert row.id > last[channel.product_code]
                    last[channel.product_code] = row.id
                    assert parse_time(row.exec_date) >= until_ns
                    count += 1
            elif isinstance(data, Ticker) and event.at_ns > until_ns + SECOND_NS:
                assert parse_time(data.timestamp) >= until_ns - SECOND_NS
        assert count > 5

    def test_no_more_comes_at_once_than_was_under_way(self) -> None:
        simulation = lived()
        until_ns = START_NS + 8 * HOUR_NS
        usual = len(Simulation(5, START_NS, TWO).advance(START_NS + 10 * SECOND_NS))
        assert len(simulation.stand_still(until_ns)) <= 3 * len(TWO)
        assert len(simulation.advance(until_ns + 10 * SECOND_NS)) < 1.5 * usual

    def test_a_kept_book_stays_right(self) -> None:
        simulation = Simulation(5, START_NS, TWO)
        book = OrderBook()
        until_ns = START_NS + 8 * HOUR_NS
        events = [
            *simulation.advance(START_NS + 20 * SECOND_NS),
            *simulation.stand_still(until_ns),
            *simulation.advance(until_ns + 4 * SECOND_NS),
        ]
        for event in events:
            assert isinstance(event, TimedMessage)
            channel = parse_channel(event.channel)
            if channel.product_code == "FX_BTC_JPY" and channel.kind in (Kind.BOARD, Kind.BOARD_SNAPSHOT):
                data = decode_message(channel, event.message)
                assert isinstance(data, Board)
                (book.apply_snapshot if channel.kind is Kind.BOARD_SNAPSHOT else book.apply_diff)(data)
        assert book.drift_count == 0

    @pytest.mark.parametrize(
        ("wakes", "state", "closes"),
        [
            ("2026-09-23T18:59:59Z", MarketState.RUNNING, 0),
            ("2026-09-23T19:01:00Z", MarketState.CLOSED, 0),
            ("2026-09-23T19:05:00Z", MarketState.CLOSED, 1),
            ("2026-09-23T19:11:00Z", MarketState.PREOPEN, 1),
            ("2026-09-23T23:00:00Z", MarketState.RUNNING, 1),
            ("2026-09-25T23:00:00Z", MarketState.RUNNING, 3),
        ],
    )
    def test_a_maintenance_meanwhile_took_place(self, wakes: str, state: MarketState, closes: int) -> None:
        simulation, until_ns = lived(), parse_time(wakes)
        events = simulation.stand_still(until_ns)
        assert simulation.state("BTC_JPY") == state
        assert sum(isinstance(event, CloseConnections) for event in events) == closes
        assert all(event.at_ns == until_ns for event in events)
        # The rest of it comes on time, as does the next.
        if state is MarketState.PREOPEN:
            simulation.advance(parse_time("2026-09-23T19:11:59Z"))
            assert simulation.state("BTC_JPY") == MarketState.PREOPEN
            simulation.advance(parse_time("2026-09-23T19:12:01Z"))
            assert simulation.state("BTC_JPY") == MarketState.RUNNING

    def test_an_auction_that_was_to_end_meanwhile_ends(self) -> None:
        simulation = lived()
        simulation.change_state("BTC_JPY", MarketState.CIRCUIT_BREAK, 60 * SECOND_NS)
        simulation.change_state("FX_BTC_JPY", MarketState.CIRCUIT_BREAK, HOUR_NS)
        simulation.advance(START_NS + 40 * SECOND_NS)
        simulation.stand_still(START_NS + HOUR_NS)
        assert simulation.state("BTC_JPY") == MarketState.RUNNING
        assert simulation.state("FX_BTC_JPY") == MarketState.CIRCUIT_BREAK
        simulation.advance(START_NS + HOUR_NS + 21 * SECOND_NS)
        assert simulation.state("FX_BTC_JPY") == MarketState.RUNNING

    def test_an_order_that_was_to_expire_meanwhile_expires_before_anybody_trades_with_it(self) -> None:
        simulation = lived(accounts=(Account("key"),))
        now_ns = START_NS + 20 * SECOND_NS
        price = int(simulation.board("FX_BTC_JPY").bids[0].price) - 1_000_000
        simulation.orders.send_child_order("key", order(price, minutes=5), now_ns)
        simulation.advance(now_ns + 5 * SECOND_NS)
        events = simulation.stand_still(START_NS + HOUR_NS)
        told = [event.message for event in events if isinstance(event, TimedMessage) and event.account == "key"]
        assert [json.loads(message)[0]["event_type"] for message in told] == ["EXPIRE"]
        assert not simulation.orders.records["key"].open


def order(price: int, minutes: int) -> ChildRequest:
    body = {
        "product_code": "FX_BTC_JPY",
        "child_order_type": "LIMIT",
        "side": "BUY",
        "price": price,
        "size": Decimal("0.01"),
        "minute_to_expire": minutes,
    }
    return read_child_order(body, {product.code: product for product in TWO})


class TestClock:
    @pytest.mark.parametrize("speed", [1.0, 30.0, 0.5])
    def test_goes_on_while_the_machine_sleeps(self, monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
        clock, wall = ExchangeClock(0, speed), time.time
        monkeypatch.setattr("time.time", lambda: wall() + 3600)
        first = clock.now_ns()
        assert 3600 * speed * 1e9 <= first < 3700 * speed * 1e9
        assert first <= clock.now_ns() < first + 100 * speed * 1e9

    def test_never_goes_back_with_the_clock_on_the_wall(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock, wall = ExchangeClock(START_NS), time.time
        monkeypatch.setattr("time.time", lambda: wall() - 3600)
        assert START_NS <= clock.now_ns() < START_NS + 100 * SECOND_NS


async def punctual(items: AsyncIterator[object]) -> None:
    """Return once an execution comes less than five seconds after it happened, by this machine's clock."""
    async for item in items:
        if isinstance(item, Message) and isinstance(item.data, list):
            newest = max(parse_time(row.exec_date) for row in item.data if isinstance(row, Execution))
            if item.received_ns - newest < 5 * SECOND_NS:
                return


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
async def test_executions_come_as_late_as_before_after_its_process_was_stopped():
    with exchange_process("--product", "FX_BTC_JPY") as exchange:
        async with connect(executions("FX_BTC_JPY"), endpoint=exchange.ready["realtime"], repair="off") as stream:
            items = aiter(stream)
            await punctual(items)
            os.kill(exchange.pid, signal.SIGSTOP)
            await asyncio.sleep(8)  # more than is made up for by simulating it
            os.kill(exchange.pid, signal.SIGCONT)
            async with asyncio.timeout(60):
                await punctual(items)
        assert "stood still for" in exchange.said()
        assert not exchange.errors()


async def test_a_machine_that_slept_through_a_maintenance_finds_its_connections_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run(seed=3, start_ns=parse_time("2026-09-23T18:30:00Z"), products=["FX_BTC_JPY"]) as exchange:
        async with websockets.connect(exchange.realtime) as connection:
            wall = time.time
            monkeypatch.setattr("time.time", lambda: wall() + 8 * 3600)
            async with asyncio.timeout(60):
                with pytest.raises(websockets.ConnectionClosed, match="1012"):
                    await connection.recv()
        async with websockets.connect(exchange.realtime) as connection:
            subscribe = {"method": "subscribe", "params": {"channel": "lightning_ticker_FX_BTC_JPY"}}
            await connection.send(json.dumps(subscribe))
            async with asyncio.timeout(60):
                message = json.loads(await connection.recv())["params"]["message"]
    assert message["timestamp"].startswith("2026-09-24T02:3")
    assert message["state"] == "RUNNING"


async def test_a_machine_that_makes_the_market_slowly_is_not_told_that_it_stood_still(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wall = time.time

    def made_slowly(*arguments: Any, **named: Any) -> Simulation:
        simulation = Simulation(*arguments, **named)
        monkeypatch.setattr("time.time", lambda: wall() + 7)
        return simulation

    monkeypatch.setattr("fulgurite.exchange.run.Simulation", made_slowly)
    async with (
        run(seed=3, products=["FX_BTC_JPY"]) as exchange,
        connect(executions("FX_BTC_JPY"), endpoint=exchange.realtime, repair="off") as stream,
        asyncio.timeout(60),
    ):
        await punctual(aiter(stream))
    assert caplog.messages == []
