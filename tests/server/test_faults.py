"""Every fault over real sockets, in both dialects.

This module is long because there are two dozen faults, each with a test of its own.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator

import aiohttp
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from fulgurite.protocol.framelog import Recorded, recorded_messages
from fulgurite.server.connection import WRITE_BUFFER_LIMIT, Drop
from fulgurite.server.faultplan import ActiveFault
from fulgurite.server.faults import parse_fault
from fulgurite.server.records import ConnectionReport
from fulgurite.server.serve import RealtimeServer, serve

TICKER = "lightning_ticker_BTC_JPY"
BOARD = "lightning_board_BTC_JPY"
SNAPSHOT = "lightning_board_snapshot_BTC_JPY"
EXECUTIONS = "lightning_executions_BTC_JPY"
CHANNELS = [TICKER, BOARD, SNAPSHOT, EXECUTIONS]

DIFF = b'{"mid_price":101.0,"bids":[{"price":100.0,"size":0.0},{"price":99.0,"size":0.50}],"asks":[]}'
EXECUTION = b'[{"id":7,"side":"BUY","price":1.0,"size":2.0,"exec_date":"2026-09-23T03:31:25.1234567Z"}]'
PATHS = {"json-rpc": "/json-rpc", "socketio": "/socket.io/?EIO=3&transport=websocket"}


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with serve("127.0.0.1", 0, check_auth=lambda params: "a key") as running:
        yield running


@pytest.fixture(params=["json-rpc", "socketio"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def give(server: RealtimeServer, fault: str, **members: object) -> ActiveFault:
    return server.faults.give(parse_fault({"fault": fault, **members}))


class Client:
    """A client that speaks either dialect; it gives channel and message of each frame."""

    def __init__(self, connection: ClientConnection, dialect: str) -> None:
        self.connection = connection
        self.is_socketio = dialect == "socketio"

    async def request(self, method: str, argument: object) -> None:
        if self.is_socketio:
            await self.connection.send("421" + json.dumps([method, argument]))
        else:
            params = {"channel": argument} if isinstance(argument, str) else argument
            await self.connection.send(json.dumps({"method": method, "params": params, "id": 1}))

    async def subscribe(self, *channels: str) -> None:
        for channel in channels:
            await self.request("subscribe", channel)
            assert await self.connection.recv() in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')

    async def message(self) -> Recorded:
        (recorded,) = recorded_messages(str(await self.connection.recv()))
        return recorded

    async def sentinel(self, server: RealtimeServer) -> list[Recorded]:
        """The messages before a ticker that is published now."""
        server.hub.publish(TICKER, b'"sentinel"')
        came: list[Recorded] = []
        while True:
            recorded = await self.message()
            if recorded == (TICKER, b'"sentinel"'):
                return came
            came.append(recorded)


class connect:
    """A client past its handshake, with all channels."""

    def __init__(self, server: RealtimeServer, dialect: str, *channels: str, client: str = "") -> None:
        path = PATHS[dialect]
        if client:
            path += f"{'&' if '?' in path else '?'}client={client}"
        self._connecting = websockets.connect(server.url + path, max_size=None, compression=None, ping_interval=None)
        self._dialect = dialect
        self._channels = channels or tuple(CHANNELS)

    async def __aenter__(self) -> Client:
        client = Client(await self._connecting.__aenter__(), self._dialect)
        if client.is_socketio:
            assert str(await client.connection.recv())[0] == "0"
            assert await client.connection.recv() == "40"
        await client.subscribe(*self._channels)
        return client

    async def __aexit__(self, *error: object) -> None:
        await self._connecting.__aexit__(*error)  # type: ignore[arg-type]


async def raw(server: RealtimeServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has subscribed the ticker, to be read byte by byte."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /json-rpc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    request = b'{"method":"subscribe","params":{"channel":"x"},"id":1}'.replace(b'"x"', b'"%b"' % TICKER.encode())
    writer.write(bytes((0x81, 0x80 | len(request), 0, 0, 0, 0)) + request)
    await reader.readexactly((await reader.readexactly(2))[1])
    return reader, writer


def report(server: RealtimeServer, number: int = 1) -> ConnectionReport:
    return next(each for each in server.reports() if each.number == number)


async def closed(client: Client) -> tuple[int | None, str]:
    """The close code and reason that a client gets; None for a connection that was cut."""
    with pytest.raises(websockets.ConnectionClosed) as caught:  # noqa: PT012  (earlier messages do not matter)
        while True:
            await client.connection.recv()
    return (None, "") if caught.value.rcvd is None else (caught.value.rcvd.code, caught.value.rcvd.reason)


# --- moments


async def test_close_has_any_code_and_reason_and_what_was_published_before_goes_out(server, dialect):
    async with connect(server, dialect) as client:
        server.hub.publish(TICKER, b"1")
        give(server, "close", code=4321, reason="because")
        assert await client.message() == (TICKER, b"1")
        assert await closed(client) == (4321, "because")
    assert (report(server).code, report(server).reason) == (4321, "because")


async def test_reset_is_a_reset_on_the_wire(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "reset")
        assert await closed(client) == (None, "")
    assert report(server).code is None
    reader, writer = await raw(server)
    give(server, "reset")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.parametrize("was_published", [True, False])
@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_frame_breaks_off_in_the_middle(server, is_reset, was_published):
    reader, writer = await raw(server)
    whole = b""
    if was_published:
        server.hub.publish(TICKER, b"17")
        head = await reader.readexactly(2)
        whole = head + await reader.readexactly(head[1])
    give(server, "broken-frame", reset=is_reset)
    half = await reader.readexactly(len(whole) // 2 or 2)
    assert whole.startswith(half) or half == bytes((0x81, 2))
    if is_reset:
        with pytest.raises(ConnectionResetError):
            await reader.read()
    else:
        assert await reader.read() == b""
    writer.close()
    assert report(server).code is None


async def test_a_frame_breaks_off_after_what_was_due_and_clients_see_a_cut(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "delay", by=1000)
        server.hub.publish(TICKER, b"1")
        give(server, "broken-frame")
        assert await client.message() == (TICKER, b"1")
        assert await closed(client) == (None, "")
    assert report(server).channels[TICKER].delivered == [(1, 1)]


async def test_a_client_that_is_gone_in_the_middle_of_a_tick_is_written_to_no_more(server, caplog):
    _, writer = await raw(server)
    give(server, "fragmented")
    client_socket = writer.get_extra_info("socket")
    client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await asyncio.sleep(0)  # in which the reset is sent; the server has not read it yet
    for number in range(100):
        server.hub.publish(TICKER, b"%d" % number)
    server.hub.flush()
    assert not caplog.records


async def test_one_connection_and_those_of_a_channel_or_a_product_can_be_aimed_at(server, dialect):
    async with (
        connect(server, dialect, TICKER) as one,
        connect(server, dialect, BOARD) as two,
        connect(server, dialect, "lightning_ticker_ETH_JPY") as three,
        connect(server, dialect, TICKER) as four,
    ):
        give(server, "close", code=4001, connection=1)
        assert await closed(one) == (4001, "")
        give(server, "close", code=4002, channel=BOARD)
        assert await closed(two) == (4002, "")
        give(server, "close", code=4003, product="ETH_JPY")
        assert await closed(three) == (4003, "")
        assert await four.sentinel(server) == []


async def test_a_client_that_names_itself_can_be_aimed_at_on_each_of_its_connections(server, dialect):
    async with connect(server, dialect, TICKER) as other:
        async with connect(server, dialect, TICKER, client="my%20bot") as first:
            assert [each.client for each in server.reports()] == ["", "my bot"]
            give(server, "close-at-once", client="my bot", times=1)
            give(server, "mute", client="my bot")
            give(server, "close", code=4001, client="my bot")
            assert await closed(first) == (4001, "")
        with pytest.raises(websockets.ConnectionClosed):
            await connect(server, dialect, TICKER, client="my%20bot").__aenter__()
        async with connect(server, dialect, TICKER, client="my%20bot") as again:
            assert await other.sentinel(server) == []
            await again.request("unsubscribe", TICKER)
            assert await again.connection.recv() in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')


async def test_the_recorded_anomaly_is_a_snapshot_out_of_turn(server, dialect):
    levels = b",".join(b'{"price":%d.0,"size":1.0}' % price for price in range(100, 50, -1))
    snapshot = b'{"mid_price":101.0,"bids":[%b],"asks":[{"price":102.0,"size":1.0}]}' % levels
    async with connect(server, dialect) as client:
        server.hub.publish(SNAPSHOT, snapshot)
        assert await client.message() == (SNAPSHOT, snapshot)
        give(server, "snapshot-anomaly")
        channel, message = await client.message()
        board = json.loads(message)
        prices = [level["price"] for level in board["bids"]]
        assert channel == SNAPSHOT
        assert prices != sorted(prices)
        assert sorted(prices) != prices[::-1]
        assert [level["size"] for level in board["bids"] + board["asks"]].count(0) == 1
        assert board["mid_price"] != 101.0
        await client.sentinel(server)
    assert report(server).channels[SNAPSHOT].altered == [1]


# --- the connection


async def test_a_frozen_connection_says_nothing_not_even_a_pong_and_thaws(server, dialect):
    async with connect(server, dialect) as client:
        frozen = give(server, "freeze", connection=1)
        server.hub.publish(TICKER, b'"lost"')
        pong = await client.connection.ping()
        await client.request("unsubscribe", BOARD)
        async with connect(server, dialect) as other:  # long enough for all that to have been handled
            server.faults.end(frozen.number)
            await other.sentinel(server)
        assert await client.message() == (TICKER, b'"sentinel"')
        assert isinstance(pong, asyncio.Future)
        assert not pong.done()
        await (await client.connection.ping())
    assert report(server).channels[TICKER].subscribed[0][0] == 1
    assert report(server).channels[TICKER].delivered == [(2, 2)]


async def test_a_frozen_client_of_socketio_is_given_up_only_when_it_thaws(server):
    async with connect(server, "socketio") as client:
        (connection,) = server.connections.open
        give(server, "freeze")
        connection._protocol.handle_timer(1e9)  # its heartbeat is long overdue
        connection._timer_is_due()
        assert not connection.is_closing
        server.faults.end()
        assert await client.sentinel(server) == []


@pytest.mark.parametrize("fault", ["mute", "dummy"])
async def test_a_mute_or_dummy_server_answers_pings_and_requests_and_sends_nothing(server, dialect, fault):
    give(server, fault)
    async with connect(server, dialect) as client:
        server.hub.publish(TICKER, b'"lost"')
        await (await client.connection.ping())
        await client.request("unsubscribe", TICKER)
        assert await client.connection.recv() in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')
        server.faults.end()
        server.hub.publish(BOARD, DIFF)
        if fault == "mute":
            assert await client.message() == (BOARD, DIFF)
        else:  # it stays one until somebody connects again
            await (await client.connection.ping())
    async with connect(server, dialect) as client:
        assert await client.sentinel(server) == []
    delivered = report(server).channels
    assert delivered[TICKER].subscribed == [(1, 1)]
    assert delivered[TICKER].delivered == []
    assert delivered[BOARD].delivered == ([(2, 2)] if fault == "mute" else [])


async def test_one_channel_can_be_dead_while_the_others_flow(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "mute", channel=EXECUTIONS)
        server.hub.publish(EXECUTIONS, EXECUTION)
        server.hub.publish(BOARD, DIFF)
        assert await client.sentinel(server) == [(BOARD, DIFF)]


async def test_what_is_delayed_comes_later_and_in_order(server, dialect):
    loop = asyncio.get_running_loop()
    async with connect(server, dialect) as client:
        give(server, "delay", by=0.2, jitter=0.1)
        started = loop.time()
        for number in range(5):
            server.hub.publish(TICKER, b"%d" % number)
        assert [await client.message() for _ in range(5)] == [(TICKER, b"%d" % number) for number in range(5)]
        assert loop.time() - started >= 0.2
        await (await client.connection.ping())
        assert loop.time() - started >= 0.4  # a pong is late, too
    assert report(server).channels[TICKER].delivered == [(1, 5)]


async def test_a_delayed_channel_is_overtaken_by_others(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "delay", by=1000, channel=BOARD)
        server.hub.publish(BOARD, DIFF)
        assert await client.sentinel(server) == []
        server.faults.end()  # waiting messages are not held back any longer
        assert await client.message() == (BOARD, DIFF)


async def test_a_trickle_brings_everything_whole_and_slowly(server, dialect):
    loop = asyncio.get_running_loop()
    message = json.dumps("x" * 5_000).encode()
    async with connect(server, dialect) as client:
        give(server, "trickle", bytes_per_second=20_000)
        started = loop.time()
        server.hub.publish(TICKER, message)
        server.hub.publish(BOARD, DIFF)
        assert [await client.message(), await client.message()] == [(TICKER, message), (BOARD, DIFF)]
        assert loop.time() - started >= 0.2
        server.hub.publish(TICKER, message)
        give(server, "close")
        assert await client.message() == (TICKER, message)
        assert await closed(client) == (1012, "")


async def test_what_waits_for_a_trickle_is_bounded(server, dialect):
    async with connect(server, dialect):
        give(server, "trickle", bytes_per_second=1)
        server.hub.publish(TICKER, b" " * WRITE_BUFFER_LIMIT)
        server.hub.flush()
        assert server.connections.dropped == {Drop.SLOW_CONSUMER: 1}


# --- requests


async def test_an_acknowledgement_never_comes_but_the_channel_does(server, dialect):
    async with connect(server, dialect, BOARD) as client:
        give(server, "no-ack", method="subscribe", times=1)
        await client.request("subscribe", TICKER)
        await client.request("unsubscribe", BOARD)
        assert await client.connection.recv() in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')
        assert await client.sentinel(server) == []


async def test_the_answer_to_auth_never_comes(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "no-ack", method="auth")
        await client.request("auth", {"api_key": "x"})
        await client.subscribe("child_order_events")  # it is authenticated all the same


async def test_auth_is_refused_however_right(server, dialect):
    async with connect(server, dialect) as client:
        fault = give(server, "refuse-auth")
        await client.request("auth", {"api_key": "x"})
        assert '"code":-32008' in str(await client.connection.recv())
        server.faults.end(fault.number)
        give(server, "refuse-auth", code=-32603, message='out of "keys"', times=1)
        await client.request("auth", {"api_key": "x"})
        assert '"code":-32603,"message":"out of \\"keys\\""' in str(await client.connection.recv())
        await client.request("auth", {"api_key": "x"})
        assert str(await client.connection.recv()) in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')


# --- messages


@pytest.mark.parametrize(
    ("fault", "channel", "message", "expected"),
    [
        ({"fault": "lost-messages", "chance": 1, "channel": BOARD}, BOARD, DIFF, []),
        ({"fault": "lost-diffs", "chance": 1}, BOARD, DIFF, []),
        ({"fault": "lost-diffs", "chance": 1}, SNAPSHOT, DIFF, [DIFF]),
        ({"fault": "lost-diffs", "chance": 0}, BOARD, DIFF, [DIFF]),
        (
            {"fault": "lost-deletions"},
            BOARD,
            DIFF,
            [b'{"mid_price":101.0,"bids":[{"price":99.0,"size":0.50}],"asks":[]}'],
        ),
        ({"fault": "lost-deletions"}, SNAPSHOT, DIFF, [DIFF]),
        ({"fault": "duplicate-executions"}, EXECUTIONS, EXECUTION, [EXECUTION, EXECUTION]),
        ({"fault": "zero-ids"}, EXECUTIONS, EXECUTION, [EXECUTION.replace(b'"id":7', b'"id":0')]),
        ({"fault": "zero-ids"}, BOARD, DIFF, [DIFF]),
        ({"fault": "clock-skew", "by": 61}, EXECUTIONS, EXECUTION, [EXECUTION.replace(b"03:31:25", b"03:32:26")]),
        ({"fault": "fragmented"}, BOARD, DIFF, [DIFF]),
        ({"fault": "zero-ids", "product": "ETH_JPY"}, EXECUTIONS, EXECUTION, [EXECUTION]),
        ({"fault": "zero-ids", "connection": 2}, EXECUTIONS, EXECUTION, [EXECUTION]),
    ],
)
async def test_what_faults_make_of_a_message(server, dialect, fault, channel, message, expected):
    async with connect(server, dialect) as client:
        server.faults.give(parse_fault(fault))
        server.hub.publish(channel, message)
        assert await client.sentinel(server) == [(channel, each) for each in expected]
    delivered = report(server).channels[channel]
    assert delivered.altered == ([] if expected in ([message], []) else [1])
    assert any(first <= 1 <= last for first, last in delivered.delivered) == (expected == [message])


@pytest.mark.parametrize("fault", ["invalid-json", "truncated"])
async def test_what_is_no_json_comes_as_one_frame_and_the_next_is_whole(server, dialect, fault):
    async with connect(server, dialect) as client:
        give(server, fault, channel=BOARD)
        server.hub.publish(BOARD, DIFF)
        text = str(await client.connection.recv())
        with pytest.raises(json.JSONDecodeError):
            json.loads(text.removeprefix("42"))
        assert await client.sentinel(server) == []


async def test_wrong_types_are_json_all_the_same(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "wrong-types", channel=BOARD)
        server.hub.publish(BOARD, DIFF)
        ((_, message),) = await client.sentinel(server)
        assert json.loads(message) != json.loads(DIFF)


async def test_an_oversized_message_is_the_same_json(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "oversized", size=1_500_000, times=1)
        server.hub.publish(BOARD, DIFF)
        text = str(await client.connection.recv())
        assert len(text) > 1_500_000
        assert DIFF.decode() in text
        json.loads(text.removeprefix("42"))


async def test_a_fragmented_message_comes_in_as_many_frames_as_are_asked_for(server):
    reader, writer = await raw(server)
    give(server, "fragmented", frames=3)
    server.hub.publish(TICKER, '"雷"'.encode())
    heads, text = [], b""
    for _ in range(3):
        head = await reader.readexactly(2)
        heads.append(head[0])
        text += await reader.readexactly(head[1])
    assert heads == [0x01, 0x00, 0x80]
    assert recorded_messages(text.decode()) == [(TICKER, '"雷"'.encode())]
    writer.close()


async def test_the_first_snapshot_after_a_reconnect_is_an_old_one(server, dialect):
    old, new = (DIFF.replace(b"101.0", b"%d.0" % price) for price in (200, 300))
    server.hub.publish(SNAPSHOT, old)
    server.hub.publish(SNAPSHOT, new)
    give(server, "stale-snapshot", age=60)
    for _ in range(2):
        async with connect(server, dialect) as client:
            for expected in (old, new):
                server.hub.publish(SNAPSHOT, new)
                assert await client.message() == (SNAPSHOT, expected)


async def test_times_counts_for_each_connection(server, dialect):
    async with connect(server, dialect) as one, connect(server, dialect) as other:
        give(server, "mute", channel=BOARD, times=1)
        server.hub.publish(BOARD, DIFF)
        server.hub.publish(BOARD, DIFF)
        for client in (one, other):
            assert await client.message() == (BOARD, DIFF)
    assert [report(server, number).channels[BOARD].delivered for number in (1, 2)] == [[(2, 2)], [(2, 2)]]


async def test_the_same_seed_loses_the_same_messages(server, dialect):
    lost = []
    for _ in range(2):
        async with connect(server, dialect) as client:
            fault = give(server, "lost-messages", chance=0.5, seed=3, channel=BOARD)
            for number in range(50):
                server.hub.publish(BOARD, b"%d" % number)
            came = [int(message) for _, message in await client.sentinel(server)]
            server.faults.end(fault.number)
            lost.append(set(range(50)) - set(came))
    assert lost[0] == lost[1]
    assert 0 < len(lost[0]) < 50


# --- handshakes and pings


@pytest.mark.parametrize(("fault", "retry_after"), [({}, None), ({"status": 429, "retry_after": 7}, "7")])
async def test_handshakes_are_refused_so_many_times(server, dialect, fault, retry_after):
    give(server, "refuse", times=2, **fault)
    for _ in range(2):
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(server.url.replace("ws", "http") + PATHS[dialect])
        assert caught.value.status == fault.get("status", 503)
        assert caught.value.headers is not None
        assert caught.value.headers.get("Retry-After") == retry_after
    async with connect(server, dialect) as client:
        assert await client.sentinel(server) == []
    assert server.faults.plan.struck(asyncio.get_running_loop().time()) == []
    assert server.faults.plan.active() == []


async def test_a_handshake_is_answered_late(server, dialect):
    loop = asyncio.get_running_loop()
    give(server, "slow-handshake", by=0.2, times=1)
    started = loop.time()
    async with connect(server, dialect) as client:
        assert loop.time() - started >= 0.2
        assert await client.sentinel(server) == []


async def test_stopping_does_not_wait_for_a_slow_handshake(dialect):
    async with serve("127.0.0.1", 0, check_auth=lambda params: None) as server:
        give(server, "slow-handshake", by=1000)
        connecting = asyncio.create_task(websockets.connect(server.url + PATHS[dialect]).__aenter__())
        # No event tells of it, so it is polled.
        while not server.connections.held:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises((websockets.InvalidHandshake, OSError, EOFError)):
        await connecting


async def test_a_connection_is_accepted_and_closed_at_once(server, dialect):
    give(server, "close-at-once", code=1013, reason="try again")
    async with websockets.connect(server.url + PATHS[dialect]) as connection:
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await connection.recv()
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1013, "try again")
    assert (report(server).code, report(server).channels) == (1013, {})


async def test_pings_come_at_another_interval_and_an_unsolicited_pong_is_cut_off(server):
    async with connect(server, "json-rpc") as client:
        give(server, "pings", interval=0.2, timeout=0)
        while not server.connections.dropped[Drop.LATE_PONG]:
            await client.connection.pong()  # unasked for, so later than the last ping
            await asyncio.sleep(0.05)
        assert await closed(client) == (None, "")
    server.faults.end()


async def test_socketio_clients_are_told_of_other_pings_and_closed_when_they_do_not_keep_to_them(server):
    give(server, "pings", interval=1.0, timeout=0.5)
    async with connect(server, "socketio") as client:
        await client.connection.send("2")
        assert await client.connection.recv() == "3"
        assert await closed(client) == (1005, "")
    async with websockets.connect(server.url + PATHS["socketio"]) as connection:
        assert '"pingInterval":1000,"pingTimeout":500,' in str(await connection.recv())
    server.faults.end()
    async with websockets.connect(server.url + PATHS["socketio"]) as connection:
        assert '"pingInterval":15000,"pingTimeout":3000,' in str(await connection.recv())


# --- when


async def test_a_fault_comes_later_repeatedly_and_ends(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "close", code=4000, after=0.1, every=1.5, times=2)
        assert await closed(client) == (4000, "")
    async with connect(server, dialect) as client:
        assert await closed(client) == (4000, "")
    async with connect(server, dialect) as client:
        assert await client.sentinel(server) == []
    assert server.faults.plan.active() == []


async def test_a_connection_without_faults_goes_the_fast_way_again(server, dialect):
    async with connect(server, dialect) as client:
        give(server, "mute", seconds=0.1, channel=BOARD)
        (connection,) = server.connections.open
        assert not connection.sufferer.is_well
        # No event tells of it, so it is polled.
        while server.faults.plan.active():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert connection.sufferer.is_well
        assert await client.sentinel(server) == []
    assert report(server).faults == []
