"""Serving frame logs."""

import asyncio
import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets
import zstandard

from fulgurite.cli.serving import addresses
from fulgurite.errors import InputError
from fulgurite.exchange.run import Exchange, run, run_replay
from fulgurite.protocol import jsonrpc, socketio
from fulgurite.protocol.framelog import Line, Recorded, format_line, parse_line, recorded_messages
from tests.captures import SESSIONS, convert

TICKER = "lightning_ticker_BTC_JPY"
SECOND_NS = 1_000_000_000


def write_log(path: Path, lines: list[Line | bytes]) -> Path:
    path.write_bytes(b"".join(line if isinstance(line, bytes) else format_line(line) for line in lines))
    return path


def numbered(count: int, *, every_ns: int = SECOND_NS, channel: str = TICKER) -> list[Line | bytes]:
    """Frames that carry the numbers from 0, in either dialect by turns."""
    return [
        Line(
            received_ns=1_000 * SECOND_NS + number * every_ns,
            frame=(jsonrpc if number % 2 else socketio).encode_message(channel, b"%d" % number).decode(),
        )
        for number in range(count)
    ]


def recorded_in(log: Path) -> list[Recorded]:
    lines = map(parse_line, log.read_bytes().splitlines())
    return [recorded for line in lines if line.frame for recorded in recorded_messages(line.frame)]


async def control(exchange: Exchange, change: dict[str, Any] | None = None, **request: Any) -> tuple[int, Any]:
    """POST a change to `/control/replay`, or GET its status."""
    url = exchange.http.removesuffix("/v1") + "/control/replay"
    async with aiohttp.ClientSession() as session:
        method = "GET" if change is None and "data" not in request else "POST"
        async with session.request(method, url, json=change, **request) as response:
            return response.status, await response.json()


def json_rpc(exchange: Exchange) -> AbstractAsyncContextManager[websockets.ClientConnection]:
    return websockets.connect(exchange.realtime, max_size=None, compression=None)


def socket_io(exchange: Exchange) -> AbstractAsyncContextManager[websockets.ClientConnection]:
    url = exchange.socketio.replace("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"
    return websockets.connect(url, max_size=None, compression=None)


async def subscribe(connection: websockets.ClientConnection, channels: list[str]) -> None:
    """Subscribe in the connection's dialect, and wait until all are granted."""
    is_socketio = "socket.io" in connection.request.path  # type: ignore[union-attr]
    if is_socketio:
        await connection.recv()
        await connection.recv()
    for channel in channels:
        call = f'421["subscribe","{channel}"]' if is_socketio else json.dumps(
            {"method": "subscribe", "params": {"channel": channel}, "id": 1}
        )  # fmt: skip
        await connection.send(call)
        answer = str(await connection.recv())
        while "channelMessage" in answer or answer.startswith("42["):  # of a channel that was granted before
            answer = str(await connection.recv())
        assert answer in ("431[null]", '{"jsonrpc":"2.0","id":1,"result":true}')


async def read(connection: websockets.ClientConnection, count: int) -> list[Recorded]:
    messages: list[Recorded] = []
    while len(messages) < count:
        messages += recorded_messages(str(await connection.recv()))
    return messages


Connect = Callable[[Exchange], AbstractAsyncContextManager[websockets.ClientConnection]]


@pytest.mark.parametrize("session", SESSIONS)
async def test_every_recorded_message_arrives_in_order_and_to_the_byte(captures: Path, tmp_path: Path, session: str):
    """In both dialects at once, as fast as both read, one of them slowly."""
    log = tmp_path / "log.jsonl"
    convert(captures / session, log)
    expected = recorded_in(log)
    channels = sorted({channel for channel, _ in expected})
    async with run_replay(log, speed=0, paused=True) as exchange, json_rpc(exchange) as one, socket_io(exchange) as two:
        await subscribe(one, channels)
        await subscribe(two, channels)
        assert (await control(exchange, {"paused": False}))[0] == 200
        assert await asyncio.gather(read(one, len(expected)), read(two, len(expected))) == [expected, expected]


@pytest.mark.parametrize("connect", [json_rpc, socket_io])
async def test_only_subscribed_channels_arrive(tmp_path: Path, connect: Connect):
    lines = [
        line for pair in zip(numbered(50), numbered(50, channel="lightning_board_X"), strict=True) for line in pair
    ]
    log = write_log(tmp_path / "log.jsonl", lines)
    async with run_replay(log, speed=0, paused=True) as exchange, connect(exchange) as connection:
        await subscribe(connection, [TICKER])
        await control(exchange, {"paused": False})
        assert await read(connection, 50) == [(TICKER, b"%d" % number) for number in range(50)]


async def test_at_speed_0_nothing_is_lost_before_the_first_reader_comes(tmp_path: Path):
    log = write_log(tmp_path / "log.jsonl", numbered(500))
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 500)] == list(range(500))
        status = (await control(exchange))[1]
        assert (status["sent"], status["finished"], status["position"]) == (500, True, 499.0)


async def test_it_keeps_the_recorded_pace(tmp_path: Path):
    """The hundredth frame of a log of a hundred seconds has not come when the first has, at a hundredfold speed."""
    log = write_log(tmp_path / "log.jsonl", numbered(100))
    async with run_replay(log, speed=100, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        started = asyncio.get_running_loop().time()
        await control(exchange, {"paused": False})
        await read(connection, 100)
        assert asyncio.get_running_loop().time() - started >= 0.99


async def test_it_goes_on_where_it_stood_after_nothing_ran_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Messages due meanwhile would come all at once, and more than may wait for a reader."""
    monkeypatch.setattr("fulgurite.exchange.replay.LONGEST_LAG_SECONDS", 1.0)
    log = write_log(tmp_path / "log.jsonl", numbered(20))
    async with run_replay(log, paused=True) as exchange, json_rpc(exchange) as connection:
        await connection.send(json.dumps({"method": "subscribe", "params": {"channel": TICKER}, "id": 1}))
        await connection.recv()
        await control(exchange, {"paused": False})
        assert json.loads(await connection.recv())["params"]["message"] == 0
        time.sleep(6)  # noqa: ASYNC251 - nothing runs, as in a process that is suspended
        assert json.loads(await connection.recv())["params"]["message"] == 1
        _, status = await control(exchange)
    assert 1 <= status["position"] < 6
    assert status["sent"] < 7


async def test_pause_speed_and_position_are_controlled_while_it_runs(tmp_path: Path):
    log = write_log(tmp_path / "log.jsonl", numbered(100))
    async with run_replay(log, speed=1000, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        status, body = await control(exchange, {"position": 40.5, "speed": 0})
        assert (status, body["paused"], body["speed"], body["position"]) == (200, True, 0, 40.5)
        await control(exchange, {"paused": False})
        assert [int(message) for _, message in await read(connection, 59)] == list(range(41, 100))
        # At its end it waits; a position starts it again.
        await control(exchange, {"position": 98})
        assert [int(message) for _, message in await read(connection, 2)] == [98, 99]


async def test_a_loop_begins_again(tmp_path: Path):
    log = write_log(tmp_path / "log.jsonl", numbered(3))
    async with run_replay(log, speed=0, loop=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 7)] == [0, 1, 2, 0, 1, 2, 0]


CHANGES = "lightning_board_BTC_JPY"


@pytest.mark.parametrize("connect", [json_rpc, socket_io])
async def test_whoever_keeps_a_book_is_disconnected_before_a_loop_begins_again(tmp_path: Path, connect: Connect):
    """After all of the first pass, to the byte; a client that sees no changes stays."""
    log = write_log(tmp_path / "log.jsonl", [*numbered(3, channel=CHANGES), *numbered(3)])
    async with (
        run_replay(log, speed=0, loop=True, paused=True) as exchange,
        connect(exchange) as book,
        connect(exchange) as other,
    ):
        await subscribe(book, [CHANGES, TICKER])
        await subscribe(other, [TICKER, "lightning_board_snapshot_BTC_JPY"])
        await control(exchange, {"paused": False})
        assert await read(book, 6) == recorded_in(log)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await book.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "replay begins again")
        assert [int(message) for _, message in await read(other, 7)] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("position", [0, 50])
async def test_whoever_keeps_a_book_is_disconnected_where_another_position_is_sought(tmp_path: Path, position: int):
    """Back, where it begins again, or ahead, where changes are left out; but not before anything was sent."""
    log = write_log(tmp_path / "log.jsonl", numbered(100, channel=CHANGES))
    async with run_replay(log, speed=1, paused=True) as exchange, json_rpc(exchange) as book:
        await subscribe(book, [CHANGES])
        await control(exchange, {"position": 10})
        await control(exchange, {"paused": False})
        assert await read(book, 1) == [(CHANGES, b"10")]
        await control(exchange, {"position": position, "paused": True})
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await book.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


async def test_executions_of_later_passes_have_higher_ids_over_http_too(tmp_path: Path):
    """And after a step back, which sends messages again."""
    channel = "lightning_executions_X_JPY"
    row = '[{"id":%d,"side":"BUY","price":2.0,"size":1.0,"exec_date":"2021-01-01T00:00:00Z",' + (
        '"buy_child_order_acceptance_id":"a","sell_child_order_acceptance_id":"b"}]'
    )
    lines: list[Line | bytes] = [
        Line(received_ns=number * SECOND_NS, frame=jsonrpc.encode_message(channel, (row % number).encode()).decode())
        for number in (5, 6, 9)
    ]
    log = write_log(tmp_path / "log.jsonl", lines)
    async with run_replay(log, speed=0, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [channel])

        async def played(count: int, **change: Any) -> list[int]:
            await control(exchange, {"paused": False, **change})
            return [json.loads(message)[0]["id"] for _, message in await read(connection, count)]

        assert await played(2, position=1) == [6, 9]
        assert await played(3, position=0) == [10, 11, 14]
        assert await played(1, position=4) == [19]
        url = f"{exchange.http}/executions?product_code=X_JPY&count=3"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert [each["id"] for each in await response.json()] == [19, 16, 15]


async def test_the_http_api_answers_from_what_was_sent(tmp_path: Path):
    board = b'{"mid_price":2.0,"bids":[{"price":1.5,"size":1.0}],"asks":[{"price":2.5,"size":1.0}]}'
    diff = b'{"mid_price":2.2,"bids":[{"price":2.0,"size":0.5}],"asks":[]}'
    execution = (
        b'[{"id":5,"side":"","price":2.0,"size":1e-8,"exec_date":"2021-01-01T00:00:00.1234567Z",'
        b'"buy_child_order_acceptance_id":"a","sell_child_order_acceptance_id":"b"}]'
    )
    kinds = (("board_snapshot", board), ("board", diff), ("executions", execution), ("ticker", b'"not a ticker"'))
    lines: list[Line | bytes] = [
        Line(received_ns=1, frame=jsonrpc.encode_message(f"lightning_{kind}_X_JPY", message).decode())
        for kind, message in kinds
    ]
    log = write_log(tmp_path / "log.jsonl", lines)
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, ["lightning_ticker_X_JPY"])
        await read(connection, 1)  # the message that is no ticker arrives all the same

        async def get(path: str) -> Any:
            async with aiohttp.ClientSession() as session, session.get(exchange.http + path) as response:
                return await response.json()

        assert await get("/markets") == [{"product_code": "X_JPY", "market_type": "Spot"}]
        assert await get("/board?product_code=X_JPY") == {
            "mid_price": 2.2,
            "bids": [{"price": 2, "size": 0.5}, {"price": 1.5, "size": 1}],
            "asks": [{"price": 2.5, "size": 1}],
        }
        assert (await get("/executions?product_code=X_JPY"))[0]["exec_date"] == "2021-01-01T00:00:00.123"
        assert (await get("/ticker?product_code=Y_JPY"))["error_message"] == "Invalid product"


async def test_malformed_lines_cost_no_other_line(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    good = numbered(4)
    frameless = Line(received_ns=1, frame='{"id":1,"result":true}')
    lines: list[Line | bytes] = [
        b"\n",
        frameless,
        good[0],
        b"nope\n",
        good[1],
        Line(event="gap"),
        good[2],
        Line(sent_ns=5, frame="2"),
        good[3],
    ]
    log = write_log(tmp_path / "log.jsonl", [*lines, b'{"received_ns":9,"fra'])
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 4)] == [0, 1, 2, 3]
        while not (status := (await control(exchange))[1])["finished"]:
            pass
        assert status["malformed"] == 2
    assert "line 4 is skipped" in caplog.text


async def test_a_compressed_log_is_read(tmp_path: Path):
    plain = write_log(tmp_path / "log.jsonl", numbered(100)).read_bytes()
    log = tmp_path / "log.jsonl.zst"
    log.write_bytes(zstandard.compress(plain[:3000]) + zstandard.compress(plain[3000:]))  # in two frames
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 100)] == list(range(100))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        format_line(Line(sent_ns=1, frame="2")),
        gzip.compress(b'{"event":"open"}\n', mtime=0),
        b'{"event":"open"}\n',
    ],
)
async def test_a_file_without_messages_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "log.jsonl").write_bytes(content)
    with pytest.raises(InputError, match="at least one channelMessage"):
        async with run_replay(tmp_path / "log.jsonl"):
            pass


@pytest.mark.parametrize("name", ["missing.jsonl", "", "broken.zst", "text.jsonl", "utf-16.jsonl"])
async def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str):
    (tmp_path / "broken.zst").write_bytes(b"not zstd")
    (tmp_path / "text.jsonl").write_bytes(b"nope\n")
    (tmp_path / "utf-16.jsonl").write_bytes('{"event":"open"}\n'.encode("utf-16"))
    with pytest.raises(InputError, match="path"):
        async with run_replay(tmp_path / name):
            pass


def timed(*seconds: float) -> list[Line | bytes]:
    """Frames that carry the numbers from 0, received at these times."""
    return [
        Line(received_ns=int(at * SECOND_NS), frame=jsonrpc.encode_message(TICKER, b"%d" % number).decode())
        for number, at in enumerate(seconds)
    ]


async def finished(exchange: Exchange) -> Any:
    async with asyncio.timeout(60):
        while not (status := (await control(exchange))[1])["finished"]:
            pass
    return status


@pytest.mark.parametrize("speed", [0.0, 100.0])
async def test_frames_keep_the_order_of_the_file_where_the_recorders_clock_was_set_back(tmp_path: Path, speed: float):
    log = write_log(tmp_path / "log.jsonl", timed(10, 11, 9, 9.5))
    async with run_replay(log, speed=speed, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        await control(exchange, {"paused": False})
        assert [int(message) for _, message in await read(connection, 4)] == [0, 1, 2, 3]
        status = await finished(exchange)
        assert (status["sent"], status["malformed"], status["position"]) == (4, 0, 1.5)


async def test_a_jump_of_a_day_ahead_is_said_and_passed_over_unless_told_otherwise(tmp_path, caplog):
    log = write_log(tmp_path / "log.jsonl", timed(0, 1, 86_401, 86_401.5))
    async with run_replay(log, speed=100, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        await control(exchange, {"paused": False})
        assert len(await read(connection, 4)) == 4
        assert (await finished(exchange))["position"] == 1.5
    assert "pauses for 86400 s after 1.000000 s" in caplog.text
    async with run_replay(log, speed=0, longest_pause=float("inf")) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert (await finished(exchange))["position"] == 86_401.5


async def test_a_pipe_is_served_from_its_beginning_and_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    data = b"".join(line if isinstance(line, bytes) else format_line(line) for line in numbered(3_000))
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path / "pipe", stdin=asyncio.subprocess.PIPE
    )
    writing = asyncio.create_task(writer.communicate(data))
    async with run_replay(tmp_path / "pipe", speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 3_000)] == list(range(3_000))
        await writing
        await finished(exchange)
        status, body = await control(exchange, {"position": 0})
        assert (status, body["field"]) == (400, "position")
    with pytest.raises(InputError, match="loop"):
        async with run_replay(tmp_path / "pipe", loop=True):
            pass


async def test_a_position_that_is_still_to_come_is_reached_in_a_pipe():
    read_end, write_end = os.pipe()
    data = b"".join(line if isinstance(line, bytes) else format_line(line) for line in numbered(100))
    os.write(write_end, data)
    os.close(write_end)
    async with run_replay(f"/dev/fd/{read_end}", speed=0, paused=True) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        await control(exchange, {"position": 95, "paused": False})
        assert [int(message) for _, message in await read(connection, 5)] == [95, 96, 97, 98, 99]
    os.close(read_end)


async def test_a_file_that_was_cut_off_is_served_as_far_as_it_goes_and_says_so(tmp_path: Path, caplog):
    plain = write_log(tmp_path / "log.jsonl", numbered(100)).read_bytes()
    compressor = zstandard.ZstdCompressor().compressobj()
    data = compressor.compress(plain) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    log = tmp_path / "log.jsonl.zst"
    log.write_bytes(data)
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert len(await read(connection, 100)) == 100
        status = await finished(exchange)
        assert status["malformed"] == 1
        assert "cut off" in status["problem"]
    assert "ends early" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"".join(b"%b\n" % jsonrpc.encode_message(TICKER, b"%d" % number) for number in range(10)),
        b"".join(b"2021-07-22T22:29:23.04Z %b\n" % jsonrpc.encode_message(TICKER, b"%d" % n) for n in range(10)),
        gzip.compress(b"".join(b"1626992963.1: %b\n" % socketio.encode_message(TICKER, b"%d" % n) for n in range(10))),
    ],
    ids=["bare frames", "tardis", "cryptofeed in gzip"],
)
async def test_what_other_tools_recorded_is_served(tmp_path: Path, content: bytes):
    (tmp_path / "log").write_bytes(content)
    async with run_replay(tmp_path / "log", speed=0) as exchange, json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        assert [int(message) for _, message in await read(connection, 10)] == list(range(10))


async def test_no_account_is_advertised_and_any_key_sees_what_was_recorded_of_private_channels(tmp_path: Path):
    lines = numbered(2, channel="child_order_events")
    log = write_log(tmp_path / "log.jsonl", lines)
    async with run_replay(log, speed=0) as exchange, json_rpc(exchange) as connection:
        assert exchange.api_key == exchange.api_secret == ""
        assert exchange.more_accounts == ()
        ready = json.loads(exchange.ready_line())
        assert not {"api_key", "api_secret", "more_accounts"} & ready.keys()
        assert not [name for name in addresses(exchange) if "key" in name or "secret" in name]
        params = {"api_key": "my own", "timestamp": 1, "nonce": "x", "signature": "y"}
        await connection.send(json.dumps({"method": "auth", "params": params, "id": 1}))
        assert json.loads(str(await connection.recv()))["result"] is True
        await subscribe(connection, ["child_order_events"])
        assert len(await read(connection, 2)) == 2


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
async def test_an_odd_speed_is_refused(tmp_path: Path, speed: float):
    log = write_log(tmp_path / "log.jsonl", numbered(1))
    with pytest.raises(InputError, match="speed"):
        async with run_replay(log, speed=speed):
            pass


@pytest.mark.parametrize(
    "data",
    [
        "",
        "nope",
        "[]",
        '{"speed":-1}',
        '{"speed":"1"}',
        '{"position":-0.1}',
        '{"paused":1}',
        '{"unknown":1}',
        "9" * 200_000,
    ],
)
async def test_a_bad_change_is_refused_with_what_is_accepted_and_changes_nothing(tmp_path: Path, data: str):
    log = write_log(tmp_path / "log.jsonl", numbered(1))
    async with run_replay(log, paused=True) as exchange:
        before = await control(exchange)
        status, body = await control(exchange, data=data)
        assert status == 400
        assert body["accepted"]
        assert await control(exchange) == before


async def test_the_control_api_is_for_programs_on_this_machine_only(tmp_path: Path):
    """Not for a page of another site, nor for one whose name was bent to this address."""
    log = write_log(tmp_path / "log.jsonl", numbered(1))
    async with run_replay(log, paused=True) as exchange:
        for headers in ({"Origin": "https://example.org"}, {"Host": "example.org"}):
            assert (await control(exchange, {"paused": False}, headers=headers))[0] == 403
        assert (await control(exchange))[1]["paused"] is True


async def test_without_a_replay_the_control_api_says_so():
    async with run(seed=1) as exchange:
        status, body = await control(exchange)
        assert status == 404
        assert "--replay" in body["error"]
