"""The running exchange, from outside."""

import json
import ssl
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import websockets

from fulgurite.errors import AddressInUseError, InputError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol.auth import signed_params
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.framelog import Recorded, recorded_messages
from fulgurite.protocol.messages import Board, decode_message
from tests.exchange.test_control import ask
from tests.peers.witness import wait_for_published

START_NS = 1_790_134_285_000_000_000
FX = [f"lightning_{kind}_FX_BTC_JPY" for kind in ("board_snapshot", "board", "ticker", "executions")]


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7) as running:
        yield running


async def first_messages(exchange: Exchange, channels: list[str], count: int) -> list[Recorded]:
    """Subscribe over JSON-RPC and take the first messages."""
    async with websockets.connect(exchange.realtime, max_size=None) as connection:
        calls = [{"method": "subscribe", "params": {"channel": name}, "id": name} for name in channels]
        await connection.send(json.dumps(calls))
        messages: list[Recorded] = []
        while len(messages) < count:
            messages += recorded_messages(str(await connection.recv()))
        return messages


async def test_every_channel_of_a_busy_product_is_live(exchange):
    """The first snapshot comes within about five seconds, and nothing at subscribing (section 3.1)."""
    waiting = set(FX)
    async with websockets.connect(exchange.realtime, max_size=None) as connection:
        for name in FX:
            await connection.send(json.dumps({"method": "subscribe", "params": {"channel": name}, "id": name}))
        while waiting:
            for name, message in recorded_messages(str(await connection.recv())):
                decode_message(parse_channel(name), message)
                waiting.discard(name)


async def test_the_same_seed_and_start_give_the_same_stream_to_the_byte():
    """Two exchanges, one after the other, by their own records: a listener may come too late for the first messages."""
    records: list[list[str]] = []
    for _ in range(2):
        async with run(seed=11, start_ns=START_NS, speed=20, products=["FX_BTC_JPY"]) as exchange:
            for channel in FX:
                await wait_for_published(exchange, channel, 2)
            _, lines = await ask(exchange, "published")
            records.append([line.partition('"channel":')[2] for line in lines])
    count = min(map(len, records))
    assert count > 2 * len(FX)
    assert records[0][:count] == records[1][:count]


async def test_its_clock_starts_where_it_is_told():
    async with (
        run(seed=7, start_ns=START_NS) as running,
        aiohttp.ClientSession() as session,
        session.get(f"{running.http}/ticker") as response,
    ):
        assert (await response.json())["timestamp"].startswith("2026-09-23T03:3")


async def test_http_and_realtime_tell_of_one_market(exchange):
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{exchange.http}/markets") as response:
            markets = await response.json()
        (_, snapshot), *_ = await first_messages(exchange, ["lightning_board_snapshot_MONA_JPY"], 1)
        async with session.get(f"{exchange.http}/board?product_code=mona_jpy") as response:
            board = await response.json()
    assert len(markets) == 9
    data = decode_message(parse_channel("lightning_board_snapshot_MONA_JPY"), snapshot)
    assert isinstance(data, Board)
    # A quiet product: nearly all levels of the snapshot still stand a moment later.
    before, after = {level.price for level in data.bids}, {level["price"] for level in board["bids"]}
    assert len(before & after) > len(before) / 2


@pytest.mark.parametrize("digits", [10, 13])
async def test_the_demo_credentials_open_the_private_channels(exchange, digits):
    timestamp = int(time.time() * (1000 if digits == 13 else 1))
    async with websockets.connect(exchange.realtime) as connection:
        for secret, answer in ((exchange.api_secret + "x", "error"), (exchange.api_secret, "result")):
            params = signed_params(exchange.api_key, secret, timestamp, "0123456789abcdef")
            await connection.send(json.dumps({"method": "auth", "params": params, "id": 1}))
            assert answer in json.loads(await connection.recv())
        subscribe = {"method": "subscribe", "params": {"channel": "child_order_events"}, "id": 2}
        await connection.send(json.dumps(subscribe))
        assert json.loads(await connection.recv())["result"] is True


async def test_tls_on_both_ports_with_a_certificate_to_trust():
    async with run(tls=True) as exchange:
        trusting = ssl.create_default_context(cafile=exchange.ca_file)
        async with websockets.connect(exchange.realtime, ssl=trusting) as connection:
            await connection.send("[]")
            assert "Empty Array" in str(await connection.recv())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{exchange.http}/gethealth", ssl=trusting) as response:
                assert await response.json() == {"status": "NORMAL"}
            assert exchange.socketio.startswith("https://")
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{exchange.http}/gethealth")


async def test_the_secret_is_in_the_ready_line_and_in_no_repr(exchange):
    ready = json.loads(exchange.ready_line())
    assert list(ready) == ["realtime", "socketio", "http", "api_key", "api_secret", "seed", "control"]
    assert ready["seed"] == 7
    assert exchange.api_secret == ready["api_secret"]
    assert exchange.api_secret not in repr(exchange) + str(exchange) + f"{exchange}"


async def test_an_error_inside_the_context_comes_out_as_itself():
    """Not in a group of exceptions, though tasks run beside it."""
    with pytest.raises(ZeroDivisionError):
        async with run(seed=1):
            raise ZeroDivisionError


@pytest.mark.parametrize("option", ["port", "http_port"])
async def test_a_taken_port_is_one_clear_error(exchange, option):
    taken = int((exchange.realtime if option == "port" else exchange.http).split(":")[2].split("/")[0])
    with pytest.raises(AddressInUseError) as caught:
        async with run(**{option: taken}):  # type: ignore[arg-type]
            pass
    assert caught.value.option == f"--{option.replace('_', '-')}"


@pytest.mark.parametrize("seed", [-1, 2**63])
async def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InputError, match="seed"):
        async with run(seed=seed):
            pass


async def test_only_the_products_that_are_named_trade():
    async with run(seed=7, products=["FX_BTC_JPY", "ETH_JPY"]) as exchange, aiohttp.ClientSession() as session:
        async with session.get(f"{exchange.http}/markets") as response:
            assert [market["product_code"] for market in await response.json()] == ["ETH_JPY", "FX_BTC_JPY"]
        async with session.get(f"{exchange.http}/board?product_code=BTC_JPY") as response:
            assert response.status == 400
        messages = await first_messages(exchange, ["lightning_ticker_BTC_JPY", *FX], 20)
        assert {message.channel for message in messages} <= set(FX)


async def test_a_product_that_there_is_none_of_is_refused():
    with pytest.raises(InputError, match=r"BTC_USD.*FX_BTC_JPY"):
        async with run(products=["BTC_USD"]):
            pass


async def test_it_serves_descriptions_of_itself(exchange):
    root = exchange.http.removesuffix("/v1")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{root}/openapi.json") as response:
            described = await response.json()
        (server,) = described["servers"]
        async with session.get(f"{server['url']}/getmarkets") as response:
            markets = await response.json()
        async with session.get(f"{root}/asyncapi.json") as response:
            realtime = await response.json()
    for each in realtime["servers"].values():
        host, path = each["host"], each["pathname"]
        async with websockets.connect(f"{each['protocol']}://{host}{path}?EIO=3&transport=websocket"):
            pass
    products = realtime["channels"]["lightning_ticker"]["parameters"]["product_code"]["enum"]
    assert products == [market["product_code"] for market in markets]
