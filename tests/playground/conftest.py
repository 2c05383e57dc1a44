"""The backend of the page beside an embedded exchange, and a page's line to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from tests.playground.talking import Talker, talking


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run_exchange(seed=1) as running:
        yield running


@pytest.fixture
def embedded(exchange: Exchange) -> Endpoint:
    return Endpoint("embedded", exchange.realtime, exchange.socketio, exchange.http)


@pytest.fixture
async def page(embedded: Endpoint) -> AsyncIterator[playground.Page]:
    async with playground.run(embedded) as served:
        yield served


@pytest.fixture
async def talker(page: playground.Page) -> AsyncIterator[Talker]:
    async with talking(page) as talker:
        yield talker
