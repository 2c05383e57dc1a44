"""Raw clients against the embedded exchange: odd handshakes, pings of their own, and `auth` by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import pytest_asyncio
import websockets

from fulgurite.exchange.run import Exchange, run

pytestmark = pytest.mark.asyncio(loop_scope="module")

TICKER = "lightning_ticker_FX_BTC_JPY"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=1) as exchange:
        yield exchange


def json_rpc_url(exchange: Exchange) -> str:
    return exchange.realtime


def socketio_url(exchange: Exchange) -> str:
    return exchange.socketio.replace("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"


Address = Callable[[Exchange], str]
both_dialects = pytest.mark.parametrize("url", [json_rpc_url, socketio_url])

# In each dialect: a subscription, and the beginning of the first message.
SUBSCRIBE: dict[Address, str] = {
    json_rpc_url: '{"method":"subscribe","params":{"channel":"lightning_ticker_FX_BTC_JPY"}}',
    socketio_url: '42["subscribe","lightning_ticker_FX_BTC_JPY"]',
}
MESSAGE: dict[Address, str] = {
    json_rpc_url: '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_ticker_FX_BTC_JPY",'
    '"message":{"product_code":"FX_BTC_JPY"',
    socketio_url: '42["lightning_ticker_FX_BTC_JPY",{"product_code":"FX_BTC_JPY"',
}


async def next_ticker(ws: aiohttp.ClientWebSocketResponse | websockets.ClientConnection, url: Address) -> None:
    """Wait for the next message of the ticker."""
    while True:
        text = await (ws.receive_str() if isinstance(ws, aiohttp.ClientWebSocketResponse) else ws.recv())
        if str(text).startswith(MESSAGE[url]):
            return


@both_dialects
@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "keep-alive, Upgrade"},  # Firefox
        {"Sec-WebSocket-Protocol": ""},  # old samples with jsonrpc2-ws
        {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
        {"Origin": "https://example.com"},  # a page
    ],
    ids=str,
)
async def test_an_odd_handshake_is_served(exchange: Exchange, url: Address, headers: dict[str, str]):
    async with aiohttp.ClientSession() as session, session.ws_connect(url(exchange), headers=headers) as ws:
        assert ws.protocol is None
        assert ws.compress == 0
        await ws.send_str(SUBSCRIBE[url])
        await next_ticker(ws, url)


@both_dialects
async def test_the_first_subprotocol_is_chosen_however_odd(exchange: Exchange, url: Address):
    """A client that offers some ends a connection on which none is chosen."""
    subprotocols = [websockets.Subprotocol("wss"), websockets.Subprotocol("other")]
    async with websockets.connect(url(exchange), subprotocols=subprotocols) as ws:
        assert ws.subprotocol == "wss"
        await ws.send(SUBSCRIBE[url])
        await next_ticker(ws, url)


@both_dialects
async def test_websockets_with_its_own_pings_is_served(exchange: Exchange, url: Address):
    async with websockets.connect(url(exchange), ping_interval=0.2) as ws:
        await ws.send(SUBSCRIBE[url])
        for _ in range(3):
            await next_ticker(ws, url)
        # It is measured by the answer to a ping that the library sent on its own.
        assert ws.latency > 0
        assert await (await ws.ping()) > 0


@both_dialects
async def test_aiohttp_with_its_own_pings_is_served(exchange: Exchange, url: Address):
    async with aiohttp.ClientSession() as session, session.ws_connect(url(exchange), heartbeat=0.5) as ws:
        await ws.send_str(SUBSCRIBE[url])
        for _ in range(3):
            await next_ticker(ws, url)
        assert not ws.closed


def signed(exchange: Exchange, timestamp: int, nonce: str) -> dict[str, object]:
    """Params of `auth` by the documentation (protocol reference, section 2)."""
    signature = hmac.new(exchange.api_secret.encode(), f"{timestamp}{nonce}".encode(), hashlib.sha256).hexdigest()
    return {"api_key": exchange.api_key, "timestamp": timestamp, "nonce": nonce, "signature": signature}


async def authenticate(url: Address, exchange: Exchange, params: dict[str, object]) -> list[str]:
    """The answers to `auth` and then to the subscription of a private channel, on a new connection."""
    async with websockets.connect(url(exchange)) as ws:
        if url is socketio_url:
            await ws.recv()
            await ws.recv()
            calls = [f"420{json.dumps(['auth', params])}", '421["subscribe","child_order_events"]']
        else:
            subscribe = {"method": "subscribe", "params": {"channel": "child_order_events"}, "id": 1}
            calls = [json.dumps({"method": "auth", "params": params, "id": 0}), json.dumps(subscribe)]
        answers = []
        for call in calls:
            await ws.send(call)
            answers.append(str(await ws.recv()))
        return answers


GRANTED: dict[Address, list[str]] = {
    json_rpc_url: ['{"jsonrpc":"2.0","id":0,"result":true}', '{"jsonrpc":"2.0","id":1,"result":true}'],
    socketio_url: ["430[null]", "431[null]"],
}
FAILED, REQUIRED = [
    '{"code":-32008,"message":"authentication failed"}',
    '{"code":-32007,"message":"authentication required"}',
]
REFUSED: dict[Address, list[str]] = {
    json_rpc_url: [f'{{"jsonrpc":"2.0","id":0,"error":{FAILED}}}', f'{{"jsonrpc":"2.0","id":1,"error":{REQUIRED}}}'],
    socketio_url: [f"430[{FAILED}]", f"431[{REQUIRED}]"],
}


@both_dialects
@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize("length", [16, 255])
async def test_a_signature_with_the_demo_key_opens_private_channels(
    exchange: Exchange, url: Address, unit: int, length: int
):
    params = signed(exchange, int(time.time() * unit), secrets.token_hex(128)[:length])
    assert await authenticate(url, exchange, params) == GRANTED[url]


@both_dialects
@pytest.mark.parametrize(
    "changed",
    [
        {"api_key": "another"},
        {"signature": "0" * 64},
        {"signature": None},
        {"nonce": "another-nonce-of-20"},
        {"timestamp": 1_500_000_000},
    ],
    ids=str,
)
async def test_params_that_prove_nothing_open_nothing(exchange: Exchange, url: Address, changed: dict[str, object]):
    params = signed(exchange, int(time.time()), secrets.token_hex(16)) | changed
    assert await authenticate(url, exchange, params) == REFUSED[url]


@both_dialects
async def test_a_nonce_opens_private_channels_once(exchange: Exchange, url: Address):
    params = signed(exchange, int(time.time()), secrets.token_hex(16))
    assert await authenticate(url, exchange, params) == GRANTED[url]
    assert await authenticate(url, exchange, params) == REFUSED[url]


async def test_an_old_signature_opens_nothing(exchange: Exchange):
    params = signed(exchange, int(time.time()) - 10_000, secrets.token_hex(16))
    assert await authenticate(json_rpc_url, exchange, params) == REFUSED[json_rpc_url]
