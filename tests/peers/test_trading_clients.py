"""A third-party client, unmodified, trades: it places, is executed, cancels, and its store agrees with HTTP."""

from __future__ import annotations

import json

import pytest

from fulgurite.exchange.run import run
from tests.peers.programs import next_event, program


async def test_pybotters_trades_and_its_store_agrees_with_the_exchange():
    async with run(seed=5) as exchange:
        keys = json.dumps({"key": exchange.api_key, "secret": exchange.api_secret}).encode() + b"\n"
        http = exchange.http.removesuffix("/v1")
        async with program("pybotters_trader.py", http, exchange.realtime, given=keys) as output:
            traded = await next_event(output)
    store, told = traded["store"], traded["http"]
    assert traded["last"] == "CANCEL"
    assert store["orders"] == told["orders"] == [traded["kept"]]
    assert store["position"] == pytest.approx(told["position"]) == pytest.approx(0.018)
    assert store["btc"] == pytest.approx(told["btc"], abs=1e-8)
    assert store["collateral"] == pytest.approx(told["collateral"], abs=30)  # pybotters rounds each execution to yen
