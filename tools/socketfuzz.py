"""Throws mutilated frames and rubbish at the realtime port over real sockets, in both dialects.

Meanwhile a well-behaved subscriber of each dialect must get every message that it is due, to the byte, by the word of
`/control/published`; nothing is logged; and nobody but these two is connected in the end. Frames after
one that ends its session are thrown, too, and counted. `test_socketfuzz.py` throws a small fixed number; any number by
hand, from the root of the repository:

    .venv/bin/python -m tools.socketfuzz 1000000 [SEED]
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import websockets

from fulgurite.protocol.dialects import DIALECTS, JSON_RPC, SOCKETIO, Dialect
from fulgurite.protocol.framelog import recorded_messages
from tests.exchangeprocess import ExchangeProcess, exchange_process
from tools.fuzzreport import FLAT_MIB, FuzzReport
from tools.protocolfuzz import TOKENS, mutilate

CONNECTIONS = 16
CHANNELS = [
    f"lightning_{kind}_{code}" for kind in ("board", "ticker", "executions") for code in ("BTC_JPY", "FX_BTC_JPY")
]
LONG_RUN = 500_000
"""From so many frames on memory must be flat: the market's stores are at their bounds by then."""

ANSWER_SECONDS = 60.0
"""A server that neither answers nor closes for so long hangs; nothing is measured with it."""

PATIENCE_SECONDS = 0.1
"""A connection on which the server may wait for more, which never comes, is cut after this time."""

HANDSHAKE_PATIENCE_SECONDS = 2.0
"""The same for a handshake, of which most are refused: a busy machine needs its time for that."""

COMPARE_SECONDS = 5.0
"""The subscribers' messages are compared so often, so that they need not be kept."""

PATHS = {JSON_RPC: "/json-rpc", SOCKETIO: "/socket.io/?EIO=3&transport=websocket"}
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# Lines that take the place of one of a handshake's, or follow it.
LINES = (
    *(
        "GET /json-rpc HTTP/1.0",
        "POST /json-rpc HTTP/1.1",
        "GET /",
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
    ),
    *("GET /socket.io/?EIO=3&transport=polling HTTP/1.1", "GET /socket.io/?EIO=3&transport=websocket&sid=x HTTP/1.1"),
    *(
        "Upgrade: h2c",
        "Connection: close",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Version: x",
        "Sec-WebSocket-Key: x",
    ),
    *("Sec-WebSocket-Key: \xff", "Sec-WebSocket-Protocol: ,,\x00", "Sec-WebSocket-Extensions: permessage-deflate"),
    *("Content-Length: -1", "Content-Length: 5", "Transfer-Encoding: chunked", "X: " + "y" * 100_000, ":", "", "\x00"),
)
READ, ILLEGAL = "answered to the end", "closed with a code that may not be on the wire"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Volley(NamedTuple):
    """The frames that are thrown on one connection."""

    data: bytes
    frames: int
    probe: bytes = b""
    """A part of the expected answer to the last frame; empty where none can be expected."""


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, mask: bytes = bytes(4), bits: int = 0) -> bytes:
    """A client's frame."""
    length = len(payload)
    if length < 126:
        size = bytes((0x80 | length,))
    elif length < 1 << 16:
        size = bytes((0x80 | 126,)) + length.to_bytes(2)
    else:
        size = bytes((0x80 | 127,)) + length.to_bytes(8)
    if any(mask):
        key = (mask * (length // 4 + 1))[:length]
        payload = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(length)
    return bytes((fin << 7 | bits | opcode,)) + size + mask + payload


def message(rng: Random) -> bytes:
    """A mutilated message in one frame or several."""
    data = mutilate(rng)
    # Bytes that are no UTF-8 end a session, and the server ignores the rest: so they are rare.
    opcode = TEXT if isinstance(data, str) or rng.random() < 0.05 else BINARY
    errors = "surrogatepass" if rng.random() < 0.02 else "replace"
    payload = data.encode(errors=errors) if isinstance(data, str) else data
    mask = rng.randbytes(4) if rng.random() < 0.3 else bytes(4)
    if rng.random() < 0.95:
        return frame(payload, opcode, mask=mask)
    cuts = sorted(rng.randrange(len(payload) + 1) for _ in range(rng.randrange(1, 5)))
    pieces = [payload[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    frames = [frame(piece, 0 if index else opcode, fin=False, mask=mask) for index, piece in enumerate(pieces)]
    frames.append(frame(b"", 0))
    if rng.random() < 0.3:
        frames.insert(rng.randrange(len(frames)), frame(b"between", rng.choice((PING, PONG))))
    if rng.random() < 0.05:
        rng.shuffle(frames)
    return b"".join(frames)


def messages(rng: Random, dialect: Dialect, number: int) -> Volley:
    """Mutilated messages, and a proper request behind them."""
    count = rng.randrange(1, 60 if dialect is JSON_RPC else 6)
    # Nobody else asks with this id, mutilated or not.
    probe = f"7{number:09}"
    request = (
        f'{{"method":"unsubscribe","params":{{"channel":"lightning_ticker_X"}},"id":{probe}}}'
        if dialect is JSON_RPC
        else f'42{probe}["unsubscribe","lightning_ticker_X"]'
    )
    data = b"".join(message(rng) for _ in range(count))
    # A message that was left open, or split wrongly, would swallow the request; then the connection is closed.
    return Volley(data + frame(request.encode()), count + 1, probe.encode())


def odd_frames(rng: Random) -> Volley:
    """Frames that break RFC 6455, between mutilated messages."""
    odd = rng.choice(
        (
            lambda: frame(b"x", rng.randrange(16), bits=rng.choice((0, 0x10, 0x20, 0x40, 0x70))),
            lambda: bytes((0x81, 5)) + b"12345",  # without a mask
            lambda: frame(b"x" * rng.choice((126, 70_000)), rng.choice((CLOSE, PING, PONG))),
            lambda: frame(rng.randbytes(rng.choice((0, 1, 2, 3, 125))), CLOSE),
            lambda: bytes((0x81, 0xFF)) + rng.choice((2**63, 2**40, 1_000_001, 0)).to_bytes(8) + bytes(4),
            lambda: frame(rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"))),
            lambda: frame(b" " * rng.choice((1_000_000, 1_000_001))),
            lambda: frame(b" " * 600_000, fin=False) + frame(b" " * 600_000, 0),
            lambda: frame(b"[" * 500_000),
            lambda: frame(b"b4" + b"A" * 1_000),
            lambda: frame(b"", PING) * 500,
            lambda: rng.randbytes(rng.randrange(1, 200)),
            lambda: frame(b"half of it", mask=b"1234")[: rng.randrange(1, 12)],
        )
    )()
    return Volley(message(rng) + odd + message(rng), 3)


def rubbish(rng: Random) -> Volley:
    """A handshake that is none."""
    if rng.random() < 0.3:
        text = mutilate(rng)
        return Volley(text.encode(errors="surrogatepass") if isinstance(text, str) else text, 1)
    lines = HANDSHAKE.format(path=rng.choice((*PATHS.values(), "/", "/json-rpc/../x", "/socket.io", "/%ff"))).split(
        "\r\n"
    )
    for _ in range(rng.randrange(1, 3)):
        lines[rng.randrange(len(lines))] = rng.choice((*LINES, *TOKENS))
    return Volley("\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n", 1)


class Thrower(asyncio.Protocol):
    """One connection. It is over when the server closes it, or answers `probe`."""

    def __init__(self, probe: bytes) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._probe = probe
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.upgraded.done():
            head, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._end(head[9:12].decode())
                return
            self.upgraded.set_result(None)
            self._data = rest
        while (taken := _whole_frame(self._data)) is not None:
            opcode, payload, self._data = taken
            if opcode == CLOSE:
                self._end(_how_closed(payload))
            elif self._probe and self._probe in payload[:40]:
                self._end(READ)

    def connection_lost(self, error: Exception | None) -> None:
        self._end("cut")

    def _end(self, how: str) -> None:
        if not self.over.done():
            self.over.set_result(how)
        if not self.upgraded.done():
            self.upgraded.cancel()


def _how_closed(payload: bytes) -> str:
    """The server's close code, and whether it may send it (RFC 6455, section 7.4)."""
    code = int.from_bytes(payload[:2])
    if not payload:
        return "closed without a code"
    if 3000 <= code <= 4999:
        return "closed with the code of an application"
    return f"closed with {code}" if code in (*range(1000, 1004), *range(1007, 1015)) else ILLEGAL


def _whole_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Opcode and payload of the server's first frame, and the rest; None while it is not whole."""
    if len(data) < 2:
        return None
    start, length = 2, data[1]
    if length == 126:
        start, length = 4, int.from_bytes(data[2:4])
    elif length == 127:
        start, length = 10, int.from_bytes(data[2:10])
    stop = start + length
    return (data[0] & 0xF, data[start:stop], data[stop:]) if len(data) >= stop else None


async def throw_once(rng: Random, address: tuple[str, int], number: int, report: FuzzReport) -> None:
    """One connection, from the handshake to its end."""
    dialect = rng.choice((JSON_RPC, JSON_RPC, SOCKETIO))
    chance = rng.random()
    if chance < 0.05:
        volley, name = rubbish(rng), "handshakes"
    elif chance < 0.10:
        volley, name = odd_frames(rng), "odd WebSocket frames"
    else:
        volley, name = messages(rng, dialect, number), f"{dialect.name} messages"
    transport, thrower = await asyncio.get_running_loop().create_connection(lambda: Thrower(volley.probe), *address)
    own_socket = transport.get_extra_info("socket")
    if name != "handshakes":
        transport.write(HANDSHAKE.format(path=PATHS[dialect]).encode())
        async with asyncio.timeout(ANSWER_SECONDS):
            await thrower.upgraded
    # Now and then in two segments, cut anywhere.
    cut = rng.randrange(len(volley.data) + 1) if rng.random() < 0.1 else 0
    transport.write(volley.data[:cut])
    if cut:
        await asyncio.sleep(0)
    transport.write(volley.data[cut:])
    patience = HANDSHAKE_PATIENCE_SECONDS if name == "handshakes" else PATIENCE_SECONDS
    await asyncio.wait([thrower.over], timeout=ANSWER_SECONDS if volley.probe else patience)
    assert thrower.over.done() or not volley.probe, f"neither answered nor closed: {volley.data!r}"
    how = thrower.over.result() if thrower.over.done() else "left waiting"
    assert how != ILLEGAL, f"{how}: {volley.data!r}"
    # With a reset, so that this machine does not remember a million connections for a minute each.
    if not transport.is_closing():
        own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    report.counts[f"{name}: {how}"] += 1
    report.counts["connections"] += 1
    if how == READ:
        report.counts["frames in sessions that read all of them"] += volley.frames
    report.thrown(volley.frames)


async def throw(exchange: ExchangeProcess, seed: int, first: int, report: FuzzReport) -> None:
    """Throw frames, on one connection after the other, until enough have been thrown."""
    rng = Random(f"{seed} {first}")
    parts = urlsplit(exchange.ready["realtime"])
    number = first
    while not report.is_done:
        await throw_once(rng, (str(parts.hostname), int(parts.port or 0)), number, report)
        number += CONNECTIONS


class Subscriber:
    """A well-behaved client.

    Args:
        exchange: where it subscribes.
        dialect: how.
        number: of the connection, by the exchange.
    """

    def __init__(self, exchange: ExchangeProcess, dialect: Dialect, number: int) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._number = number
        # Messages not compared yet, by channel; and the number of the last message that was asked for.
        self._got: defaultdict[str, list[bytes]] = defaultdict(list)
        self._due: defaultdict[str, list[bytes]] = defaultdict(list)
        self._asked: dict[str, int] = {}
        self._arrived = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.received = 0

    async def run(self) -> None:
        """Subscribe and listen, for ever."""
        url = self._exchange.ready["realtime"].removesuffix(PATHS[JSON_RPC]) + PATHS[self._dialect]
        async with websockets.connect(url, compression=None, max_size=None, ping_interval=None) as connection:
            heartbeat = asyncio.create_task(self._ping(connection)) if self._dialect is SOCKETIO else None
            for number, channel in enumerate(CHANNELS):
                if self._dialect is SOCKETIO:
                    await connection.send(f'42{number}["subscribe","{channel}"]')
                else:
                    call = {"method": "subscribe", "params": {"channel": channel}, "id": number}
                    await connection.send(json.dumps(call))
            try:
                async for text in connection:
                    self._take(str(text))
            finally:
                if heartbeat is not None:
                    heartbeat.cancel()
        raise AssertionError(f"{self._dialect.name}: the well-behaved subscriber was disconnected")

    async def compare(self, last: Mapping[str, int] | None = None) -> bool:
        """Compare the received messages with those published since the last time.

        Args:
            last: the number of the last message that is due, by channel; None for any.

        Returns:
            whether all has come.
        """
        for channel in CHANNELS:
            if channel not in self._asked:
                subscribed = (await self.row())["channels"][channel]["subscribed"]
                self._asked[channel] = subscribed[0][0] - 1 if subscribed else 0
            query = f"published?channel={channel}&after={self._asked[channel]}"
            for line in (await asyncio.to_thread(self._exchange.control, query)).splitlines():
                head, _, content = line.partition(',"message":')
                self._asked[channel] = json.loads(head + "}")["number"]
                if last is None or self._asked[channel] <= last[channel]:
                    self._due[channel].append(content[:-1].encode())
            due, got = self._due[channel], self._got[channel]
            both = min(len(due), len(got))
            assert due[:both] == got[:both], f"{self._dialect.name}: {channel} differs from the published messages"
            del due[:both], got[:both]
        return not any(self._due.values()) and not any(self._got.values())

    async def settle(self) -> None:
        """Wait for all that it was due until it was sent nothing any more."""
        delivered = {name: each["delivered"] for name, each in (await self.row())["channels"].items()}
        last = {channel: ranges[-1][1] if ranges else 0 for channel, ranges in delivered.items()}
        async with asyncio.timeout(ANSWER_SECONDS):
            while not await self.compare(last):
                self._arrived.clear()
                await self._arrived.wait()

    async def row(self) -> dict[str, Any]:
        """The exchange's notes about it."""
        rows = json.loads(await asyncio.to_thread(self._exchange.control, "connections"))
        return next(row for row in rows if row["number"] == self._number)

    def _take(self, text: str) -> None:
        for channel, content in recorded_messages(text):
            self._got[channel].append(content)
            self.received += 1
        last = len(CHANNELS) - 1
        if text in (f"43{last}[null]", f'{{"jsonrpc":"2.0","id":{last},"result":true}}'):
            self.subscribed.set()
        self._arrived.set()

    @staticmethod
    async def _ping(connection: websockets.ClientConnection) -> None:
        while True:
            await connection.send("2")
            await asyncio.sleep(10.0)


async def fuzz(exchange: ExchangeProcess, frames: int, seed: int, *, is_shown: bool) -> FuzzReport:
    """Throw so many frames and compare the subscribers' messages."""
    subscribers = [Subscriber(exchange, dialect, number) for number, dialect in enumerate(DIALECTS.values(), 1)]
    async with asyncio.TaskGroup() as group:
        listening = []
        for subscriber in subscribers:
            listening.append(group.create_task(subscriber.run()))
            await subscriber.subscribed.wait()
        with FuzzReport(f"{frames:,} frames", frames, exchange, is_shown=is_shown) as report:
            throwing = [group.create_task(throw(exchange, seed, first, report)) for first in range(CONNECTIONS)]
            while (await asyncio.wait(throwing, timeout=COMPARE_SECONDS))[1]:
                for subscriber in subscribers:
                    await subscriber.compare()
        # Nothing more is sent to them from here on, and messages on their way arrive.
        await asyncio.to_thread(exchange.control, "faults", {"fault": "mute"})
        for subscriber in subscribers:
            await subscriber.settle()
            report.counts["messages that the subscribers were due, and got"] += subscriber.received
        async with asyncio.timeout(ANSWER_SECONDS):
            # No event tells of it, so it is polled.
            while await _open_connections(exchange) != len(subscribers):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        for task in listening:
            task.cancel()
    logged = exchange.errors()
    assert not logged, logged[-5_000:]
    assert frames < LONG_RUN or report.growth_mib() < FLAT_MIB, report.memory
    return report


async def _open_connections(exchange: ExchangeProcess) -> int:
    rows = json.loads(await asyncio.to_thread(exchange.control, "connections"))
    return sum(row["closed_ns"] is None for row in rows)


def run(frames: int, seed: int, *, is_shown: bool = False) -> FuzzReport:
    """Fuzz an exchange of its own."""
    # Fast, so that all that is kept of the market is soon at its bounds.
    with exchange_process("--seed", str(seed), "--speed", "20") as exchange:
        try:
            return asyncio.run(fuzz(exchange, frames, seed, is_shown=is_shown))
        except BaseException as error:
            error.add_note(exchange.errors()[-5_000:])
            raise


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, is_shown=True).show()
