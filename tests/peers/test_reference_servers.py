"""The reference programs themselves: each third-party client against the reference server of its dialect.

A test that passes here and fails against the exchange is the exchange's fault, and the other way round.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.peers.programs import next_event, program, reference_server

pytestmark = pytest.mark.usefixtures("node")

TICKER = "lightning_ticker_BTC_JPY"
MESSAGE = {"product_code": "BTC_JPY", "ltp": 1.5}
KEYS = b'{"key": "key", "secret": "any"}\n'


@pytest.fixture
async def jsonrpc_url() -> AsyncIterator[str]:
    async with reference_server("jsonrpc_reference_server.js") as port:
        yield f"ws://127.0.0.1:{port}/json-rpc"


@pytest.fixture
async def socketio_url() -> AsyncIterator[str]:
    async with reference_server("socketio_reference_server.js") as port:
        yield f"http://127.0.0.1:{port}"


async def publish_by_jsonrpc(url: str, channel: str, message: object) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        await ws.send_json({"id": 1, "method": "publish", "params": {"channel": channel, "message": message}})
        await ws.receive()


async def publish_by_socketio(url: str, channel: str, message: object) -> None:
    ws_url = url.replace("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"
    async with aiohttp.ClientSession() as session, session.ws_connect(ws_url) as ws:
        assert (await ws.receive_str()).startswith('0{"sid":')
        assert await ws.receive_str() == "40"
        await ws.send_str(f"42{json.dumps(['publish', channel, message])}")
        await ws.send_str("2")
        assert await ws.receive_str() == "3"


async def test_jsonrpc2_ws_authenticates_subscribes_and_receives(jsonrpc_url):
    async with program("jsonrpc_client.js", jsonrpc_url, "nope", "child_order_events", TICKER, given=KEYS) as output:
        assert [await next_event(output) for _ in range(5)] == [
            {"event": "connect"},
            {"event": "auth", "result": True},
            {"event": "subscribe", "channel": "nope", "error": {"code": -32602, "message": "invalid channel"}},
            {"event": "subscribe", "channel": "child_order_events", "result": True},
            {"event": "subscribe", "channel": TICKER, "result": True},
        ]
        await publish_by_jsonrpc(jsonrpc_url, TICKER, MESSAGE)
        assert await next_event(output) == {"event": "message", "channel": TICKER, "message": MESSAGE}


@pytest.mark.parametrize("client", ["socketio_client.js", "socketio_client.py"])
async def test_a_socketio_2_client_authenticates_subscribes_and_receives(client, socketio_url):
    async with program(client, socketio_url, "nope", "child_order_events", TICKER, given=KEYS) as output:
        assert [await next_event(output) for _ in range(5)] == [
            {"event": "connect"},
            {"event": "auth", "error": None},
            {"event": "subscribe", "channel": "nope", "error": {"code": -32602, "message": "invalid channel"}},
            {"event": "subscribe", "channel": "child_order_events", "error": None},
            {"event": "subscribe", "channel": TICKER, "error": None},
        ]
        await publish_by_socketio(socketio_url, TICKER, MESSAGE)
        assert await next_event(output) == {"event": "message", "channel": TICKER, "message": MESSAGE}


@pytest.mark.parametrize("client", ["socketio_client.js", "socketio_client.py"])
async def test_a_private_channel_without_credentials_is_refused(client, socketio_url):
    async with program(client, socketio_url, "child_order_events", given=b"\n") as output:
        assert await next_event(output) == {"event": "connect"}
        assert (await next_event(output))["error"]["message"] == "authentication required"


async def test_pybotters_authenticates_subscribes_and_receives(jsonrpc_url):
    async with program("pybotters_client.py", jsonrpc_url, TICKER, given=KEYS) as output:
        assert await next_event(output) == {"event": "connect"}
        assert await next_event(output) == {"event": "reply", "jsonrpc": "2.0", "id": 1, "result": True}
        await publish_by_jsonrpc(jsonrpc_url, TICKER, MESSAGE)
        assert await next_event(output) == {"event": "message", "channel": TICKER, "message": MESSAGE}


async def test_tardis_dev_receives(jsonrpc_url):
    async with program("tardis_client.js", jsonrpc_url) as output:
        first = asyncio.create_task(next_event(output))
        # It asks for no acknowledgement, so that only trying tells when it has subscribed.
        while not first.done():
            await publish_by_jsonrpc(jsonrpc_url, TICKER, MESSAGE)
            await asyncio.wait([first], timeout=0.1)
        assert first.result() == {"event": "message", "channel": TICKER, "message": MESSAGE}
