"""Sends one client the messages of a file, in a process of its own so that its cost is not the client's.

    python -m benchmarks.server FILE COUNT DIALECT [--tls CA_FILE] [--pace MESSAGES_A_SECOND]

Prints its address. Once the client has subscribed all channels it is sent the snapshot, and when a line comes on
standard input, all else: as fast as it reads, or at a pace. When the client has gone, prints when it began, and at a
pace when each diff was handed to the socket; nanoseconds of the machine's monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.frames import CHANNELS, DIFF, Message, laps, load
from fulgurite.protocol.dialects import Dialect, find_dialect
from fulgurite.protocol.events import Subscribed
from fulgurite.server.frames import frame
from fulgurite.server.tls import self_made

CHUNK_BYTES = 64 * 1024


class Client(WSListener):
    """The one client; answers its requests, as the embedded exchange does."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._protocol = dialect.server(lambda params: None, "benchmark", asyncio.get_running_loop().time())
        self._missing = set(CHANNELS)
        self.transport: WSTransport | None = None
        self.subscribed = asyncio.Event()
        self.gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._answer(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect(graceful=False)
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
            events = self._protocol.receive(frame.get_payload_as_utf8_text(), asyncio.get_running_loop().time())
            self._missing -= {event.channel for event in events if isinstance(event, Subscribed)}
            self._answer(transport)
            if not self._missing:
                self.subscribed.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _answer(self, transport: WSTransport) -> None:
        for text in self._protocol.frames_to_send():
            transport.send(WSMsgType.TEXT, text if isinstance(text, bytes) else text.encode())

    async def write(self, data: bytes) -> None:
        """Write, and wait until the socket takes more."""
        assert self.transport is not None
        if not self.gone.is_set():
            self.transport.underlying_transport.write(data)
            await self._writable.wait()


async def send_all(client: Client, frames: list[bytes]) -> None:
    """Send frames as fast as the client reads, several a write."""
    chunk = bytearray()
    for each in frames:
        chunk += each
        if len(chunk) >= CHUNK_BYTES:
            await client.write(bytes(chunk))
            chunk.clear()
    await client.write(bytes(chunk))


async def send_paced(client: Client, run: list[Message], frames: list[bytes], pace: float) -> list[int]:
    """Send frames one a write, at even distances; return when each diff was written."""
    sent_ns: list[int] = []
    begin = time.perf_counter()
    for index, (message, data) in enumerate(zip(run, frames, strict=True)):
        wait = begin + index / pace - time.perf_counter()
        if wait > 0:
            time.sleep(wait)  # noqa: ASYNC251 asyncio's own is too coarse, and nobody else waits for this loop
        if message.channel == DIFF:
            sent_ns.append(time.monotonic_ns())
        await client.write(data)
        if index % 100 == 0:
            await asyncio.sleep(0)  # the client's frames are read here
    return sent_ns


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("dialect")
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--pace", type=float, default=0.0)
    arguments = parser.parse_args()

    dialect = find_dialect(arguments.dialect)
    run = laps(load(arguments.file), arguments.count)
    frames = [frame(dialect.encode_message(message.channel, message.json)) for message in run]
    context = None
    if arguments.tls:
        certificate = self_made("127.0.0.1")
        arguments.tls.write_bytes(certificate.ca_pem)
        context = certificate.context

    connected: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

    def accept(request: WSUpgradeRequest) -> Client:
        client = Client(dialect)
        connected.set_result(client)  # a second connection is an error, and seen as one
        return client

    server = await ws_create_server(accept, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": dialect.websocket_url(f"{'wss' if context else 'ws'}://127.0.0.1:{port}")}), flush=True)

    client = await connected
    await client.subscribed.wait()
    await client.write(frames[0])
    await asyncio.to_thread(sys.stdin.readline)
    began_ns = time.monotonic_ns()
    sent_ns: list[int] = []
    if arguments.pace:
        sent_ns = await send_paced(client, run[1:], frames[1:], arguments.pace)
    else:
        await send_all(client, frames[1:])
    await client.gone.wait()
    print(json.dumps({"began_ns": began_ns, "sent_ns": sent_ns}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
