"""A server that misbehaves by a test's script, at the level of frames and bytes.

The script is a coroutine function, run for each connection. It answers requests such as `subscribe` itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

TICKER = "lightning_ticker_BTC_JPY"
BOARD = "lightning_board_BTC_JPY"


class Connection(WSListener):
    """One client's connection, as the script sees it."""

    def __init__(self, number: int, script: Callable[[Connection], Awaitable[None]]) -> None:
        super().__init__()
        self.number = number
        """0 for the first connection that the peer accepted."""
        self.answers_pings = True
        self.closed = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        """Cleared while the client's not reading has filled the buffers."""
        self.close_payload: bytes | None = None
        """The payload of the client's close frame."""
        self._script = script
        self._texts: asyncio.Queue[str] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.task = asyncio.ensure_future(self._script(self))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if frame.msg_type == WSMsgType.TEXT:
            self._texts.put_nowait(payload.decode())
        elif frame.msg_type == WSMsgType.PING and self.answers_pings:
            transport.send_pong(payload)
        elif frame.msg_type == WSMsgType.CLOSE:
            self.close_payload = payload

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    async def take(self) -> str:
        """The next text that the client sent."""
        return await self._texts.get()

    def send(self, text: str | bytes, **options: bool) -> None:
        self.transport.send(WSMsgType.TEXT, text, **options)

    def send_bytes(self, raw: bytes) -> None:
        """Write below WebSocket."""
        self.transport.underlying_transport.write(raw)

    def close(self, code: int, reason: str = "") -> None:
        self.transport.send(WSMsgType.CLOSE, code.to_bytes(2) + reason.encode())

    def hang_up(self) -> None:
        self.transport.disconnect(graceful=False)

    # --- JSON-RPC

    async def grant(self, count: int = 1) -> list[str]:
        """Answer `true` to that many requests; return the channels that they were about."""
        channels = []
        for _ in range(count):
            request = json.loads(await self.take())
            self.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": True}))
            channels.append(request["params"].get("channel", ""))
        return channels

    def publish(self, channel: str, message: object) -> None:
        params = {"channel": channel, "message": message}
        self.send(json.dumps({"jsonrpc": "2.0", "method": "channelMessage", "params": params}))


@contextlib.asynccontextmanager
async def serve_script(
    script: Callable[[Connection], Awaitable[None]],
    refuse: Callable[[int], WSUpgradeResponse | None] = lambda number: None,
) -> AsyncIterator[str]:
    """Run a peer and give its URL; the exit raises the exception of a script.

    Args:
        script: the script for each connection.
        refuse: returns the answer that refuses a handshake, by its number, from 0.
    """
    connections: list[Connection] = []
    handshakes = 0

    def accept(request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        nonlocal handshakes
        refusal = refuse(handshakes)
        handshakes += 1
        if refusal is not None:
            return WSUpgradeResponseWithListener(refusal, None)
        connections.append(Connection(len(connections), script))
        return connections[-1]

    server = await ws_create_server(accept, "127.0.0.1", 0, enable_auto_pong=False)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            if connection.task is not None:
                if not connection.task.done():
                    connection.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await connection.task
                connection.hang_up()
                await connection.closed.wait()
        await server.wait_closed()
