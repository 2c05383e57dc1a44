"""Third-party clients, unmodified, against the embedded exchange: acknowledgements, live messages, `auth`, TLS."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from fulgurite.exchange.run import Exchange, run
from tests.peers.programs import next_event, program

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("node")]

TICKER, BOARD, SNAPSHOT, EXECUTIONS = CHANNELS = [
    f"lightning_{kind}_FX_BTC_JPY" for kind in ("ticker", "board", "board_snapshot", "executions")
]
SOCKETIO_CLIENTS = ["socketio_client.js", "socketio_client.py"]
JSON_RPC_CLIENTS = ["jsonrpc_client.js", "pybotters_client.py", "tardis_client.js"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=1) as exchange:
        yield exchange


def arguments(client: str, exchange: Exchange, channels: Iterable[str]) -> list[str]:
    """The arguments of a client's program: where to connect, and the channels; tardis-dev has its own."""
    url = exchange.socketio if client in SOCKETIO_CLIENTS else exchange.realtime
    return [url, "FX_BTC_JPY"] if client == "tardis_client.js" else [url, *channels]


def credentials(exchange: Exchange, secret: str | None = None) -> bytes:
    keys = {"key": exchange.api_key, "secret": exchange.api_secret if secret is None else secret}
    return json.dumps(keys).encode() + b"\n"


async def until_live(output: asyncio.StreamReader, channels: Iterable[str]) -> list[dict]:
    """A client's events up to the first message of the last of these channels."""
    events: list[dict] = []
    missing = set(channels)
    while missing:
        events.append(await next_event(output))
        if events[-1]["event"] == "message":
            missing.discard(events[-1]["channel"])
    return events


def named(events: Iterable[dict], *names: str) -> list[dict]:
    return [event for event in events if event["event"] in names]


@pytest.mark.parametrize(
    ("client", "acknowledged"),
    [
        ("socketio_client.js", [{"event": "subscribe", "channel": name, "error": None} for name in CHANNELS]),
        ("socketio_client.py", [{"event": "subscribe", "channel": name, "error": None} for name in CHANNELS]),
        ("jsonrpc_client.js", [{"event": "subscribe", "channel": name, "result": True} for name in CHANNELS]),
        ("pybotters_client.py", [{"event": "reply", "jsonrpc": "2.0", "id": id, "result": True} for id in range(1, 5)]),
        ("tardis_client.js", []),  # it asks for no acknowledgement, and would take one for an error
    ],
)
async def test_a_client_is_acknowledged_and_gets_live_messages(exchange, client, acknowledged):
    """Of the ticker, the board and executions; snapshots, which come every 5 seconds, are left to the next test."""
    async with program(client, *arguments(client, exchange, CHANNELS), given=b"\n") as output:
        events = await until_live(output, [TICKER, BOARD, EXECUTIONS])
        while len(named(events, "subscribe", "reply")) < len(acknowledged):  # a library may tell of a message first
            events.append(await next_event(output))
    assert named(events, "subscribe", "reply") == acknowledged
    assert not named(events, "disconnect", "error")
    for event in named(events, "message"):
        message = event["message"]
        assert {TICKER: "best_bid", BOARD: "mid_price", SNAPSHOT: "mid_price", EXECUTIONS: "exec_date"}[
            event["channel"]
        ] in (message[0] if isinstance(message, list) else message)


async def test_all_clients_live_through_heartbeats_and_snapshots(exchange):
    """For 30 seconds: two heartbeats of socket.io-client, which the server would miss, and two of the server's pings.

    Nobody is disconnected meanwhile, and the book in pybotters' store is never crossed.
    """
    clients = SOCKETIO_CLIENTS + JSON_RPC_CLIENTS
    events: dict[str, list[dict]] = {client: [] for client in clients}

    async def listen(client: str, output: asyncio.StreamReader) -> None:
        while True:
            events[client].append(await next_event(output))

    async def until_second_pong(output: asyncio.StreamReader) -> None:
        while len(named(events["socketio_client.js"], "pong")) < 2:
            events["socketio_client.js"].append(await next_event(output))

    async with AsyncExitStack() as stack:
        outputs = {
            client: await stack.enter_async_context(
                program(client, *arguments(client, exchange, CHANNELS), given=b"\n")
            )
            for client in clients
        }
        listeners = [asyncio.create_task(listen(client, outputs[client])) for client in clients[1:]]
        await until_second_pong(outputs["socketio_client.js"])
        for listener in listeners:
            assert not listener.done()
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        # They are not only connected but still served.
        for client in clients:
            events[client] += await until_live(outputs[client], [TICKER, BOARD])

    for client in clients:
        assert len(named(events[client], "connect")) == (0 if client == "tardis_client.js" else 1)
        assert not named(events[client], "disconnect", "error")
        messages = named(events[client], "message")
        counts = {channel: sum(message["channel"] == channel for message in messages) for channel in CHANNELS}
        # Two of the libraries unsubscribe snapshots after the first.
        assert (counts[SNAPSHOT] == 1) == (client in ("pybotters_client.py", "tardis_client.js"))
        assert min(counts[TICKER], counts[BOARD], counts[EXECUTIONS]) > counts[SNAPSHOT] > 0

    books = [book for book in named(events["pybotters_client.py"], "book") if book["bids"]]
    assert len(books) > 100
    for book in books:
        bids, asks = ([float(price) for price in book[side]] for side in ("bids", "asks"))
        assert min(len(bids), len(asks)) > 100
        assert max(bids) < min(asks)


@pytest.mark.parametrize("client", [*SOCKETIO_CLIENTS, "jsonrpc_client.js"])
async def test_the_demo_key_opens_the_private_channels(exchange, client):
    granted = {"result": True} if client == "jsonrpc_client.js" else {"error": None}
    channels = ["child_order_events", "parent_order_events"]
    given = credentials(exchange)
    async with program(client, *arguments(client, exchange, channels), given=given) as output:
        assert [await next_event(output) for _ in range(4)] == [
            {"event": "connect"},
            {"event": "auth", **granted},
            *({"event": "subscribe", "channel": channel, **granted} for channel in channels),
        ]


async def test_the_demo_key_opens_the_private_channels_to_pybotters(exchange):
    """It keeps the answer to `auth` for itself."""
    client = "pybotters_client.py"
    given = credentials(exchange)
    async with program(client, *arguments(client, exchange, ["child_order_events"]), given=given) as output:
        assert await next_event(output) == {"event": "connect"}
        assert await next_event(output) == {"event": "reply", "jsonrpc": "2.0", "id": 1, "result": True}


@pytest.mark.parametrize("client", [*SOCKETIO_CLIENTS, "jsonrpc_client.js"])
async def test_a_wrong_secret_opens_nothing_private_and_hinders_nothing_public(exchange, client):
    granted = {"result": True} if client == "jsonrpc_client.js" else {"error": None}
    given = credentials(exchange, secret="wrong")
    async with program(client, *arguments(client, exchange, ["child_order_events", TICKER]), given=given) as output:
        assert [await next_event(output) for _ in range(4)] == [
            {"event": "connect"},
            {"event": "auth", "error": {"code": -32008, "message": "authentication failed"}},
            {
                "event": "subscribe",
                "channel": "child_order_events",
                "error": {"code": -32007, "message": "authentication required"},
            },
            {"event": "subscribe", "channel": TICKER, **granted},
        ]
        await until_live(output, [TICKER])


@pytest.mark.parametrize("client", [*SOCKETIO_CLIENTS, *JSON_RPC_CLIENTS])
async def test_a_client_that_trusts_the_certificate_is_served_by_tls(client):
    async with run(seed=1, tls=True) as exchange:
        assert exchange.ca_file is not None
        trusting = os.environ | {"NODE_EXTRA_CA_CERTS": exchange.ca_file, "SSL_CERT_FILE": exchange.ca_file}
        given = credentials(exchange)
        told = arguments(client, exchange, [TICKER, BOARD])
        async with program(client, *told, given=given, environment=trusting) as output:
            events = await until_live(output, [TICKER, BOARD])
        assert not named(events, "disconnect", "error")


async def test_a_client_that_does_not_trust_the_certificate_refuses_it():
    async with run(seed=1, tls=True) as exchange:
        told = arguments("socketio_client.js", exchange, [TICKER])
        async with program("socketio_client.js", *told, given=b"\n") as output:
            assert (await next_event(output))["event"] == "error"
