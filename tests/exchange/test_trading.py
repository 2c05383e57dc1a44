"""Trading on the running exchange, over real sockets: requests signed as documented, events in both dialects."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import websockets

from fulgurite.errors import InputError
from fulgurite.exchange.run import Credentials, Exchange, run
from fulgurite.protocol.auth import request_signature, signed_params

CHANNELS = ["child_order_events", "parent_order_events"]


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7, accounts=2) as running:
        yield running


async def call(exchange: Exchange, method: str, path: str, body: object = None, who: Credentials | None = None):
    """One signed request; gives its JSON, or None where the answer is empty."""
    key, secret = (who.api_key, who.api_secret) if who else (exchange.api_key, exchange.api_secret)
    content = b"" if body is None else json.dumps(body).encode()
    timestamp = str(time.time())
    sign = request_signature(secret, timestamp, method, f"/v1/me/{path}", content)
    headers = {"ACCESS-KEY": key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": sign}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{exchange.http}/me/{path}", data=content, headers=headers) as answer,
    ):
        text = await answer.text()
        assert answer.status == 200, text
        assert int(answer.headers["X-RateLimit-Remaining"]) < 500
        return json.loads(text) if text else None


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for it, ten seconds at most."""
    for _ in range(1000):
        is_met = condition()
        if is_met if isinstance(is_met, bool) else await is_met:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


async def listen_json_rpc(exchange: Exchange, who: Credentials, ready: asyncio.Event, heard: list[dict]) -> None:
    async with websockets.connect(exchange.realtime) as connection:
        params = signed_params(who.api_key, who.api_secret, int(time.time()), "a nonce of 16 and more")
        await connection.send(json.dumps({"method": "auth", "params": params, "id": 0}))
        assert json.loads(await connection.recv())["result"] is True
        for name in CHANNELS:
            await connection.send(json.dumps({"method": "subscribe", "params": {"channel": name}, "id": 1}))
            assert json.loads(await connection.recv())["result"] is True
        ready.set()
        async for frame in connection:
            heard += json.loads(frame)["params"]["message"]


async def listen_socketio(exchange: Exchange, who: Credentials, ready: asyncio.Event, heard: list[dict]) -> None:
    url = f"{exchange.socketio.replace('http', 'ws', 1)}/socket.io/?EIO=3&transport=websocket"
    async with websockets.connect(url) as connection:
        await connection.recv()
        await connection.recv()
        params = signed_params(who.api_key, who.api_secret, time.time_ns() // 10**6, "another nonce of 16 and more")
        await connection.send(f"420{json.dumps(['auth', params])}")
        assert await connection.recv() == "430[null]"
        for name in CHANNELS:
            await connection.send(f'421["subscribe","{name}"]')
            assert await connection.recv() == "431[null]"
        ready.set()
        async for frame in connection:
            assert isinstance(frame, str)
            heard += json.loads(frame.removeprefix("42"))[1]


async def test_an_order_is_executed_and_told_in_both_dialects_to_its_account_alone(exchange):
    me = Credentials(exchange.api_key, exchange.api_secret)
    [you] = exchange.more_accounts
    heard: list[list[dict]] = [[], [], []]
    ready = [asyncio.Event() for _ in heard]
    listeners = [(listen_json_rpc, me), (listen_socketio, me), (listen_json_rpc, you)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(listen(exchange, who, is_ready, events))
            for (listen, who), is_ready, events in zip(listeners, ready, heard, strict=True)
        ]
        for is_ready in ready:
            await is_ready.wait()
        order = {"product_code": "FX_BTC_JPY", "child_order_type": "MARKET", "side": "BUY", "size": 0.01}
        accepted = await call(exchange, "POST", "sendchildorder", order)
        await until(lambda: all(each and each[-1].get("outstanding_size") == 0 for each in heard[:2]))
        await asyncio.sleep(0.05)  # an event wrongly sent to the other account would be there by now
        for task in tasks:
            task.cancel()
    assert heard[0] == heard[1]
    assert heard[2] == []
    assert [event["event_type"] for event in heard[0]][:2] == ["ORDER", "EXECUTION"]
    assert {event["child_order_acceptance_id"] for event in heard[0]} == {accepted["child_order_acceptance_id"]}
    executions = await call(exchange, "GET", "getexecutions?product_code=FX_BTC_JPY")
    told = [event["exec_id"] for event in heard[0] if event["event_type"] == "EXECUTION"]
    assert [row["id"] for row in executions] == told[::-1]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{exchange.http}/executions?product_code=FX_BTC_JPY") as answer,
    ):
        public = {row["id"]: row for row in await answer.json()}
    assert all(public[each]["buy_child_order_acceptance_id"] in str(accepted) for each in told)
    positions = await call(exchange, "GET", "getpositions?product_code=FX_BTC_JPY")
    assert sum(row["size"] for row in positions) == pytest.approx(0.01)


async def test_a_resting_order_stands_in_the_public_book_until_it_is_cancelled(exchange):
    price = 10_000_001
    order = {"product_code": "BTC_JPY", "child_order_type": "LIMIT", "side": "BUY", "price": price, "size": 0.07}
    accepted = await call(exchange, "POST", "sendchildorder", order)

    async def is_there() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{exchange.http}/board") as answer:
            return any(level["price"] == price for level in (await answer.json())["bids"])

    async def is_gone() -> bool:
        return not await is_there()

    await until(is_there)
    assert await call(exchange, "POST", "cancelchildorder", accepted | {"product_code": "BTC_JPY"}) is None
    await until(is_gone)
    assert await call(exchange, "GET", "getchildorders") == []


@pytest.mark.parametrize("accounts", [0, 101])
async def test_the_number_of_accounts_has_bounds(accounts):
    with pytest.raises(InputError):
        async with run(accounts=accounts):
            pass


def test_secrets_of_further_accounts_stay_out_of_logs():
    assert "secret!" not in repr(Credentials("key", "secret!"))
