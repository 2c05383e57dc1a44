"""The realtime server over real sockets."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from fulgurite.errors import AddressInUseError
from fulgurite.server.connection import WRITE_BUFFER_LIMIT, Drop
from fulgurite.server.serve import RealtimeServer, serve
from fulgurite.server.tls import self_made

TICKER = "lightning_ticker_BTC_JPY"
SUBSCRIBE = '{"method":"subscribe","params":{"channel":"lightning_ticker_BTC_JPY"},"id":1}'
GRANTED = '{"jsonrpc":"2.0","id":1,"result":true}'
HANDSHAKE = (
    b"GET /json-rpc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with serve("127.0.0.1", 0, check_auth=lambda params: None) as running:
        yield running


def json_rpc(server: RealtimeServer) -> websockets.connect:
    return websockets.connect(f"{server.url}/json-rpc", max_size=None, compression=None)


def socketio(server: RealtimeServer) -> websockets.connect:
    return websockets.connect(f"{server.url}/socket.io/?EIO=3&transport=websocket", max_size=None)


async def subscribed(connection: ClientConnection) -> None:
    await connection.send(SUBSCRIBE)
    assert await connection.recv() == GRANTED


async def raw(server: RealtimeServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection past its handshake, on which we choose the frames to send."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    writer.write(HANDSHAKE)
    response = await reader.readuntil(b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 101")
    return reader, writer


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros; its payload is short."""
    return bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


async def test_both_dialects_share_one_port_and_one_hub(server):
    async with json_rpc(server) as one, socketio(server) as other:
        await subscribed(one)
        assert json.loads((await other.recv())[1:])["pingInterval"] == 15000
        assert await other.recv() == "40"
        await other.send(f'421["subscribe","{TICKER}"]')
        assert await other.recv() == "431[null]"
        server.hub.publish(TICKER, b'{"ltp":1.0}')
        assert await one.recv() == (
            '{"jsonrpc":"2.0","method":"channelMessage","params":'
            '{"channel":"lightning_ticker_BTC_JPY","message":{"ltp":1.0}}}'
        )
        assert await other.recv() == '42["lightning_ticker_BTC_JPY",{"ltp":1.0}]'


async def test_the_answer_stands_between_what_was_published_before_and_after(server):
    async with json_rpc(server) as connection:
        await subscribed(connection)
        server.hub.publish(TICKER, b"1")
        await connection.send(SUBSCRIBE.replace("subscribe", "unsubscribe", 1))
        assert str(await connection.recv()).endswith('"message":1}}')
        assert await connection.recv() == GRANTED
        server.hub.publish(TICKER, b"2")
        await connection.send("[]")
        assert "Empty Array" in await connection.recv()


async def test_a_slow_consumer_is_dropped_and_counted_and_slows_nobody(server):
    message = json.dumps("x" * 100_000).encode()
    _, slow = await raw(server)
    slow.write(masked(1, SUBSCRIBE.encode()))  # and reads nothing from here on
    async with json_rpc(server) as quick:
        await subscribed(quick)
        for _ in range(4 * WRITE_BUFFER_LIMIT // len(message)):
            server.hub.publish(TICKER, message)
            assert len(await quick.recv()) > len(message)
    assert server.connections.dropped == {Drop.SLOW_CONSUMER: 1}
    slow.close()


async def test_pings_are_sent_and_a_client_that_does_not_answer_is_cut_off():
    async with (
        serve("127.0.0.1", 0, check_auth=lambda params: None, ping_interval=0.5) as server,
        json_rpc(server) as polite,
    ):
        reader, writer = await raw(server)
        assert await reader.readexactly(2) == b"\x89\x00"
        assert await reader.read() == b""  # cut without a close frame
        writer.close()
        assert server.connections.dropped == {Drop.LATE_PONG: 1}
        await subscribed(polite)  # whose library answers pings


async def test_tls_is_spoken_from_version_1_2_on():
    certificate = self_made("127.0.0.1")
    trusting = ssl.create_default_context(cadata=certificate.ca_pem.decode())
    async with serve("127.0.0.1", 0, check_auth=lambda params: None, ssl_context=certificate.context) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        async with websockets.connect(f"{server.url}/json-rpc", ssl=trusting) as connection:
            await subscribed(connection)
        assert certificate.context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 404, "404 Not Found"),
        ("/json-rpc/else", 404, "404 Not Found"),
        ("/socket.io/?EIO=3&transport=polling", 400, '{"code":0,"message":"Transport unknown"}'),
        ("/socket.io/?EIO=4&transport=websocket", 400, '{"code":5,"message":"Unsupported protocol version"}'),
        ("/socket.io/?EIO=3&transport=websocket&sid=x", 400, '{"code":1,"message":"Session ID unknown"}'),
    ],
)
async def test_other_requests_are_refused_with_a_status(server, path, status, body):
    async with aiohttp.ClientSession() as session, session.get(server.url.replace("ws", "http", 1) + path) as response:
        assert (response.status, await response.text()) == (status, body)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"\xc1\x80\x00\x00\x00\x00"], 1002),  # rsv1 without an extension
        ([b"\x81\x01x"], 1002),  # not masked
        ([masked(0, b"")], 1002),  # a continuation of nothing
        ([masked(1, b"\xff")], 1007),  # not UTF-8
        ([masked(8, (4001).to_bytes(2) + b"bye")], 4001),  # a close frame is answered
        ([masked(8, b"")], None),
    ],
)
async def test_a_broken_or_closing_client_gets_the_close_code_for_it(server, frames, code):
    reader, writer = await raw(server)
    for data in frames:
        writer.write(data)
    head = await reader.readexactly(2)
    assert head[0] == 0x88
    payload = await reader.readexactly(head[1])
    assert payload[:2] == (b"" if code is None else code.to_bytes(2))
    if frames[-1][0] != 0x88:
        writer.write(masked(8, payload[:2]))
    assert await reader.read() == b""
    writer.close()


async def test_fragments_are_joined_and_pings_answered(server):
    reader, writer = await raw(server)
    half = len(SUBSCRIBE) // 2
    writer.write(b"\x01" + masked(1, SUBSCRIBE[:half].encode())[1:])
    writer.write(masked(9, b"are you there"))
    writer.write(masked(0, SUBSCRIBE[half:].encode()))
    assert await reader.readexactly(15) == b"\x8a\x0dare you there"
    assert await reader.readexactly(2 + len(GRANTED)) == b"\x81" + bytes([len(GRANTED)]) + GRANTED.encode()
    writer.close()


async def test_stopping_says_so_to_every_client():
    async with serve("127.0.0.1", 0, check_auth=lambda params: None) as server:
        connection = await json_rpc(server)
        await subscribed(connection)
        server.hub.publish(TICKER, b'"the last"')
    assert str(await connection.recv()).endswith('"the last"}}')
    with pytest.raises(websockets.ConnectionClosed) as caught:
        await connection.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


async def test_a_long_reason_is_cut_between_characters(server):
    """A close frame has room for 123 bytes, and must be UTF-8."""
    async with json_rpc(server) as connection:
        await subscribed(connection)
        server.close_all(4000, "定期" * 100)
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await connection.recv()
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4000, "定期" * 20 + "定")


async def test_a_taken_port_is_one_clear_error(server):
    with pytest.raises(AddressInUseError):
        async with serve("127.0.0.1", int(server.url.rpartition(":")[2]), check_auth=lambda params: None):
            pass
