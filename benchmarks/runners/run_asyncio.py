"""asyncio alone: a protocol that takes the frames' bytes, notes when each is there, and looks at nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from urllib.parse import urlsplit

import meter

NAMED = f'"channel":"{meter.DIFF}"'.encode()


class Bare(asyncio.Protocol):
    """Cuts what comes into frames, by their lengths; the server sends neither long ones in parts nor pings."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_open = False
        self.frames = self.diffs = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = "AAAAAAAAAAAAAAAAAAAAAA=="
        lines = (f"GET {urlsplit(meter.URL).path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket")
        lines += ("Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")
        transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.is_open:
            head, end, rest = self.data.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101")
            self.data, self.is_open = rest, True
            for number, channel in enumerate(meter.CHANNELS):
                call = json.dumps({"method": "subscribe", "params": {"channel": channel}, "id": number}).encode()
                self.transport.write(bytes([0x81, 0x80 | len(call)]) + bytes(4) + call)
        begin, end_of_data = 0, len(self.data)
        while end_of_data - begin >= 2:
            length, start = self.data[begin + 1], begin + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                length = int.from_bytes(self.data[begin + 2 : start], "big")
            if end_of_data < max(start + length, begin + 10):
                break
            self._take(self.data.find(NAMED, start, start + 120) >= 0)
            begin = start + length
        del self.data[:begin]

    def _take(self, is_diff: bool) -> None:
        self.frames += 1
        if self.frames == len(meter.CHANNELS) + 1:  # the answers, and the snapshot
            meter.ready()
        elif is_diff:
            self.diffs += 1
            meter.handled_ns.append(time.monotonic_ns())
            if self.diffs == meter.EXPECTED["diffs"]:
                meter.done({"diffs": self.diffs}, None)

    def connection_lost(self, exc: Exception | None) -> None:
        os._exit(1)


async def main() -> None:
    url = urlsplit(meter.URL)
    context = ssl.create_default_context() if url.scheme == "wss" else None
    await asyncio.get_running_loop().create_connection(Bare, url.hostname, url.port, ssl=context)
    await asyncio.Event().wait()


asyncio.run(main())
