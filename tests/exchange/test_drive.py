"""The exchange's own clock, and a day's maintenance lived in seconds, from outside."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
import websockets
from websockets.frames import Close

from fulgurite.errors import InputError
from fulgurite.exchange.drive import ExchangeClock
from fulgurite.exchange.run import run
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.framelog import recorded_messages
from fulgurite.protocol.messages import Ticker, decode_message, parse_time

TICKER = "lightning_ticker_FX_BTC_JPY"
EXECUTIONS = "lightning_executions_FX_BTC_JPY"


class TestClock:
    async def test_runs_as_fast_as_it_is_told(self):
        clock = ExchangeClock(0, speed=1000)
        await asyncio.sleep(0.05)
        assert 40e9 < clock.now_ns() < 5000e9

    async def test_can_be_set_back(self):
        clock = ExchangeClock(10**18)
        clock.set_back(5)
        assert 5 <= clock.now_ns() < 10**10

    @pytest.mark.parametrize("speed", [0, -1, 1001, float("nan"), float("inf")])
    def test_refuses_other_speeds(self, speed):
        with pytest.raises(InputError, match="up to 1000"):
            ExchangeClock(0, speed)


async def test_a_days_maintenance_can_be_lived_in_seconds():
    """Section 1.4: closed, cut with 1012, taken again, opened by an itayose."""
    start_ns = parse_time("2026-09-23T18:55:00Z")
    states: list[str | None] = []
    sides: set[str] = set()
    closes: list[Close | None] = []
    async with run(seed=3, start_ns=start_ns, speed=200) as exchange, asyncio.timeout(60):
        while "" not in sides or states[-1] != "RUNNING":
            async with websockets.connect(exchange.realtime, max_size=None) as connection:
                for name in (TICKER, EXECUTIONS):
                    await connection.send(json.dumps({"method": "subscribe", "params": {"channel": name}}))
                try:
                    while "" not in sides or states[-1] != "RUNNING":
                        for name, message in recorded_messages(str(await connection.recv())):
                            data = decode_message(parse_channel(name), message)
                            if isinstance(data, Ticker):
                                if not states or states[-1] != data.state:
                                    states.append(data.state)
                            elif isinstance(data, list):
                                sides |= {getattr(execution, "side", "?") for execution in data}
                except websockets.ConnectionClosed as closed:
                    closes.append(closed.rcvd)
    assert states == ["RUNNING", "CLOSED", "PREOPEN", "RUNNING"]
    assert closes == [Close(1012, "scheduled maintenance")]


async def test_connects_can_be_refused_from_the_close_until_preopen():
    """Section 1.4 does not know, so it is an option; without it the test above connects at once."""
    statuses: list[int] = []
    start_ns = parse_time("2026-09-23T18:59:00Z")  # nearly a second, so that there is time to connect before the close
    async with (
        run(seed=3, start_ns=start_ns, speed=200, refuse_in_maintenance=True) as exchange,
        aiohttp.ClientSession() as session,
        asyncio.timeout(60),
    ):
        async with websockets.connect(exchange.realtime) as connection:
            with pytest.raises(websockets.ConnectionClosed, match="scheduled maintenance"):
                await connection.recv()
        socketio = f"{exchange.socketio.replace('http', 'ws', 1)}/socket.io/?EIO=3&transport=websocket"
        for url in (exchange.realtime, socketio):
            with pytest.raises(websockets.InvalidStatus, match="503"):
                await websockets.connect(url)
        while True:
            try:
                async with websockets.connect(exchange.realtime):
                    break
            except websockets.InvalidStatus as refused:
                statuses.append(refused.response.status_code)
                await asyncio.sleep(0.05)
        async with session.get(f"{exchange.http}/getboardstate") as response:
            assert (await response.json())["state"] in ("PREOPEN", "RUNNING")
    assert statuses
    assert set(statuses) == {503}


async def test_who_starts_in_the_middle_of_it_meets_a_closed_market():
    async with (
        run(seed=3, start_ns=parse_time("2026-09-23T19:03:00Z")) as exchange,
        aiohttp.ClientSession() as session,
        session.get(f"{exchange.http}/getboardstate") as response,
    ):
        assert await response.json() == {"health": "STOP", "state": "CLOSED"}
