"""Repair over the embedded exchange's real HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping

import httpx
import msgspec
import pytest

from fulgurite.client import Message, Status, StatusKind, Stream, connect, fetching
from fulgurite.client.fetching import (
    fetch_executions,
    fetch_orders,
    fetch_parent_orders,
    markets,
    newest_execution_id,
    start_ledger,
    start_parent_ledger,
)
from fulgurite.client.http import HttpApi
from fulgurite.client.reconcile import OrderLedger
from fulgurite.client.reconcileparents import ParentOrderLedger
from fulgurite.errors import ConnectError, HttpRequestError, InputError, RemoteProtocolError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol.auth import request_signature
from fulgurite.protocol.channels import child_order_events, executions
from fulgurite.protocol.messages import ChildOrderEvent, Execution
from tests.client.test_http import answer, answering

PRODUCT = "FX_BTC_JPY"


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7, speed=20) as running:
        yield running


async def listen(exchange: Exchange, count: int) -> list[Execution]:
    """The next executions on the stream, at least so many."""
    heard: list[Execution] = []
    async with asyncio.timeout(30), connect(executions(PRODUCT), endpoint=exchange.realtime) as stream:
        async for item in stream:
            if isinstance(item, Message) and isinstance(item.data, list):
                heard += [row for row in item.data if isinstance(row, Execution)]
                if len(heard) >= count:
                    return heard
    raise AssertionError("the stream ended")


def essentials(found: list[Execution]) -> list[tuple[object, ...]]:
    """All but the time, which HTTP has in another format."""
    return [
        (
            each.id,
            each.side,
            each.price,
            each.size,
            each.buy_child_order_acceptance_id,
            each.sell_child_order_acceptance_id,
        )
        for each in found
    ]


async def test_what_is_backfilled_is_what_a_listener_got(exchange: Exchange):
    heard = await listen(exchange, 30)
    async with HttpApi(exchange.http) as api:
        result = await fetch_executions(api, PRODUCT, heard[0].id, heard[-1].id)
    assert result.is_complete, result.problem
    assert essentials(result.executions) == essentials(heard[1:-1])
    assert len(result.rows) == len(result.executions)


async def test_up_to_the_newest_and_from_before_all_memory(exchange: Exchange):
    [first, *_] = await listen(exchange, 1)
    async with HttpApi(exchange.http) as api:
        newest = await newest_execution_id(api, PRODUCT)
        assert newest is not None
        assert newest >= first.id
        result = await fetch_executions(api, PRODUCT, first.id - 1)
        assert result.is_complete, result.problem
        assert result.executions[0].id == first.id
        assert result.executions[-1].id >= newest
        result = await fetch_executions(api, PRODUCT, 5)
        assert "the execution 5, where the gap begins, is not listed" in result.problem
        assert result.executions[-1].id >= newest


async def test_the_markets_are_listed(exchange: Exchange):
    async with HttpApi(exchange.http) as api:
        assert {"BTC_JPY", PRODUCT} <= set(await markets(api))


async def test_a_request_that_fails_gives_what_came_before_it():
    rows = msgspec.json.encode([Execution(9, "BUY", 1.0, 1.0, "", "", "")])
    broken = answer("500 Internal Server Error", b'{"status":-1,"error_message":"broken"}')
    async with answering(answer("200 OK", rows), broken) as (url, _), HttpApi(url) as api:
        result = await fetch_executions(api, PRODUCT, 5)
    assert [execution.id for execution in result.executions] == [9]
    assert isinstance(result.error, HttpRequestError)
    assert not result.is_complete
    async with HttpApi(url) as api:
        result = await fetch_executions(api, PRODUCT, 5)
    assert isinstance(result.error, ConnectError)


async def test_answers_that_are_something_else_are_errors():
    html = answer("200 OK", b"<html>")
    async with answering(html, html, answer("200 OK", b"[]")) as (url, _), HttpApi(url) as api:
        with pytest.raises(RemoteProtocolError):
            await markets(api)
        with pytest.raises(RemoteProtocolError):
            await newest_execution_id(api, PRODUCT)
        assert await newest_execution_id(api, PRODUCT) is None
        with pytest.raises(InputError):
            await fetch_executions(api, PRODUCT, 5, 4)


# --- orders


class Trader:
    """Trades over HTTP by itself, as another program of the same account would."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, str]:
        content = json.dumps(body).encode()
        timestamp = str(time.time())
        sign = request_signature(self._exchange.api_secret, timestamp, "POST", f"/v1/me/{path}", content)
        headers = {"ACCESS-KEY": self._exchange.api_key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": sign}
        async with httpx.AsyncClient() as client:
            reply = await client.post(f"{self._exchange.http}/me/{path}", content=content, headers=headers)
        assert reply.status_code == 200, reply.text
        return dict(reply.json()) if reply.content else {}

    async def send(self, size: float, price: int | None = None, **more: object) -> str:
        """An order to buy; without a price at the market's."""
        kind = {"child_order_type": "MARKET"} if price is None else {"child_order_type": "LIMIT", "price": price}
        body = {"product_code": PRODUCT, "side": "BUY", "size": size, **kind, **more}
        return (await self.post("sendchildorder", body))["child_order_acceptance_id"]

    async def cancel(self, accepted_id: str) -> None:
        await self.post("cancelchildorder", {"product_code": PRODUCT, "child_order_acceptance_id": accepted_id})


class Listener:
    """Keeps a ledger from the private channel, and all that came over it."""

    def __init__(self, exchange: Exchange, ledger: OrderLedger) -> None:
        self._exchange = exchange
        self.ledger = ledger
        self.heard: list[ChildOrderEvent] = []
        self.is_new: list[bool] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Stream]:
        credentials = (self._exchange.api_key, self._exchange.api_secret)
        channel = child_order_events()
        async with connect(channel, endpoint=self._exchange.realtime, credentials=lambda: credentials) as stream:
            async for item in stream:
                if isinstance(item, Status) and item.kind is StatusKind.SUBSCRIBED:
                    break
            yield stream

    async def hear(self, stream: Stream, accepted_id: str, *event_types: str) -> None:
        """Listen until an event of one of these types comes for this order, or until it is executed in full."""
        async with asyncio.timeout(30):
            async for item in stream:
                if not isinstance(item, Message) or not isinstance(item.data, list):
                    continue
                is_last = False
                for event in item.data:
                    assert isinstance(event, ChildOrderEvent)
                    self.heard.append(event)
                    self.is_new.append(self.ledger.record(event))
                    if event.child_order_acceptance_id == accepted_id:
                        is_last |= event.event_type in event_types or event.outstanding_size == 0
                if is_last:
                    return


def outline(events: Iterable[ChildOrderEvent]) -> list[tuple[object, ...]]:
    """Events reduced to the members that HTTP gives."""
    names = ("event_type", "exec_id", "side", "price", "size", "commission", "outstanding_size", "child_order_type")
    return [
        (event.child_order_acceptance_id, event.child_order_id, *(getattr(event, name) for name in names))
        for event in events
    ]


async def test_orders_of_an_account_that_trades_while_nobody_listens():
    async with run(seed=7) as exchange, HttpApi(exchange.http, lambda: (exchange.api_key, exchange.api_secret)) as api:
        ledger, trader = OrderLedger(), Trader(exchange)
        listener, witness = Listener(exchange, ledger), Listener(exchange, OrderLedger())
        async with witness.listening() as witnessing:
            async with listener.listening() as stream:
                old = await trader.send(0.01, 1_000_000)  # far from the market: it rests
                await listener.hear(stream, old, "ORDER")
                await start_ledger(api, ledger, [PRODUCT, "BTC_JPY"])
                lost, kept = await trader.send(0.02, 1_000_000), await trader.send(0.03, 1_000_000)
                await listener.hear(stream, kept, "ORDER")
            ledger.interrupt()
            before = len(listener.heard)
            bought, placed = await trader.send(0.05), await trader.send(0.01, 1_000_001)
            vanished = await trader.send(0.01, 1, time_in_force="IOC")
            await trader.cancel(lost)
            await witness.hear(witnessing, lost, "CANCEL")
            missed = witness.heard[before:]
            result = await fetch_orders(api, ledger, await markets(api))
            unknown = {lost, vanished}
            expected = outline(event for event in missed if event.child_order_acceptance_id not in unknown)
            assert sorted(map(str, outline(result.events))) == sorted(map(str, expected))
            assert {event.child_order_acceptance_id for event in result.events} == {bought, placed}
            assert result.unresolved == [lost]
            assert "XRP_JPY: its orders were not known before the interruption" in result.problem
            assert PRODUCT not in result.problem.replace("ETH_JPY", "")
            again = await fetch_orders(api, ledger, [PRODUCT, "BTC_JPY", "XRP_JPY"])
            assert (again.events, again.unresolved, again.problem) == ([], [], "")
            # It goes on where it was.
            async with listener.listening() as stream:
                await trader.cancel(placed)
                await listener.hear(stream, placed, "CANCEL")
        assert all(listener.is_new)


async def test_an_order_that_is_executed_in_part_is_found_though_many_ended_after_it(monkeypatch):
    """The page of orders that ended is full of others, so it is asked for by its id."""
    monkeypatch.setattr(fetching, "PAGE_ROWS", 3)
    async with run(seed=7) as exchange, HttpApi(exchange.http, lambda: (exchange.api_key, exchange.api_secret)) as api:
        ledger, trader = OrderLedger(), Trader(exchange)
        await start_ledger(api, ledger, [PRODUCT])
        listener = Listener(exchange, OrderLedger())
        async with listener.listening() as stream:
            partly = ""
            for attempt in range(50):
                # The size at the best price may be executed, the rest expires. Sides alternate, so that funds suffice.
                board = msgspec.json.decode(await api.get("board", {"product_code": PRODUCT}))
                side, levels = ("BUY", board["asks"]) if attempt % 2 else ("SELL", board["bids"])
                sent = await trader.send(0.2, levels[0]["price"], side=side, time_in_force="IOC")
                await listener.hear(stream, sent, "EXPIRE")
                if [event.event_type for event in listener.heard[-2:]] == ["EXECUTION", "EXPIRE"]:
                    partly = sent
                    break
            assert partly
            for _ in range(5):
                await listener.hear(stream, await trader.send(0.01))
        result = await fetch_orders(api, ledger, [PRODUCT])
    assert (result.problem, result.unresolved) == ("", [])
    executed = {event.child_order_acceptance_id for event in listener.heard if event.exec_id}
    expected = [event for event in listener.heard if event.child_order_acceptance_id in executed]
    assert sorted(map(str, outline(result.events))) == sorted(map(str, outline(expected)))


async def test_without_the_right_to_look_nothing_is_forgotten():
    async with run(seed=7) as exchange:
        ledger, trader = OrderLedger(), Trader(exchange)
        async with HttpApi(exchange.http, lambda: (exchange.api_key, exchange.api_secret)) as api:
            await start_ledger(api, ledger, [PRODUCT])
            ledger.interrupt()
            listener = Listener(exchange, OrderLedger())
            async with listener.listening() as stream:
                placed = await trader.send(0.01, 1_000_000)
                await listener.hear(stream, placed, "ORDER")
            async with HttpApi(exchange.http, lambda: (exchange.api_key, "wrong")) as refused:
                with pytest.raises(HttpRequestError, match="Permission denied"):
                    await fetch_orders(refused, ledger, [PRODUCT])
            result = await fetch_orders(api, ledger, [PRODUCT])
            assert outline(result.events) == outline(listener.heard)


async def test_special_orders_of_an_account_that_trades_while_nobody_listens(monkeypatch):
    monkeypatch.setattr(fetching, "PAGE_ROWS", 5)
    resting = {"product_code": PRODUCT, "condition_type": "STOP", "side": "BUY", "size": 0.01, "trigger_price": 10**8}
    at_once = {"product_code": PRODUCT, "condition_type": "MARKET", "side": "BUY", "size": 0.01}

    async with run(seed=7) as exchange, HttpApi(exchange.http, lambda: (exchange.api_key, exchange.api_secret)) as api:
        ledger, trader = ParentOrderLedger(), Trader(exchange)

        async def send(*parts: dict[str, object], method: str = "SIMPLE") -> str:
            sent = await trader.post("sendparentorder", {"order_method": method, "parameters": list(parts)})
            return sent["parent_order_acceptance_id"]

        async def cancel(accepted_id: str) -> None:
            body = {"product_code": PRODUCT, "parent_order_acceptance_id": accepted_id}
            await trader.post("cancelparentorder", body)

        async def until(accepted_id: str, state: str) -> None:
            """Wait until the exchange lists it so."""
            async with asyncio.timeout(30):
                while True:
                    rows = msgspec.json.decode(await api.get_signed("me/getparentorders", {"product_code": PRODUCT}))
                    if (accepted_id, state) in [
                        (row["parent_order_acceptance_id"], row["parent_order_state"]) for row in rows
                    ]:
                        return
                    await asyncio.sleep(0.05)

        old, stays = await send(resting), await send(resting)
        await until(stays, "ACTIVE")
        await start_parent_ledger(api, ledger, [PRODUCT])
        await cancel(old)
        await until(old, "CANCELED")
        placed, done = await send(resting), await send(at_once, resting, method="IFD")
        # Enough that one page does not hold all.
        many = [await send(at_once) for _ in range(8)]
        for each in many:
            await until(each, "COMPLETED")
        await until(done, "ACTIVE")
        result = await fetch_parent_orders(api, ledger, [PRODUCT, "BTC_JPY"])
        assert result.problem == "BTC_JPY: its special orders were not known before the interruption"
        assert result.unresolved == []
        told = [(event.parent_order_acceptance_id, event.event_type) for event in result.events]
        completed = [(each, event_type) for each in many for event_type in ("ORDER", "COMPLETE")]
        assert sorted(told) == sorted([(old, "CANCEL"), (placed, "ORDER"), (done, "ORDER"), *completed])
        assert {event.parent_order_type for event in result.events if event.parent_order_acceptance_id == done} == {
            "IFD"
        }
        again = await fetch_parent_orders(api, ledger, [PRODUCT, "BTC_JPY"])
        assert (again.events, again.unresolved, again.problem) == ([], [], "")
