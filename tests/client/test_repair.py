"""Repair over the embedded exchange's real HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from fulgurite.client.connect import connect
from fulgurite.client.http import HttpApi
from fulgurite.client.items import Message
from fulgurite.client.repair import fetch_executions, markets, newest_execution_id
from fulgurite.errors import ConnectError, HttpRequestError, InputError, RemoteProtocolError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol.channels import executions
from fulgurite.protocol.messages import Execution
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
