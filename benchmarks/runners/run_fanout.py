"""Servers that publish one message to all connections: python run_fanout.py SERVER SETTINGS

SETTINGS is JSON: "text" (one message, whole), "channel" and "message" (its parts), "count", "burst", and "certificate"
(a PEM file with its key, or null). Prints the port and the bytes of a message on the wire. At the first line of its
input it publishes: bursts of "burst" messages, the next one when the sockets take more. At the second, when all has
arrived, it prints the processor time since the first, and the time of the first.

All but ours send to every connection; each waits for slow sockets in the way its users would have to.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import ssl
import sys
import time
from importlib import metadata

SERVER = sys.argv[1]
SETTINGS = json.loads(sys.argv[2])
TEXT = SETTINGS["text"]
COUNT, BURST = SETTINGS["count"], SETTINGS["burst"]
HIGH_WATER = 64 * 1024
PING_SECONDS = 3600.0  # nobody answers pings, nor counts them
HEADER_BYTES = 4  # of a frame of 126 to 65,535 bytes from a server


def context():
    if not SETTINGS["certificate"]:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(SETTINGS["certificate"])
    return made


def bursts():
    return (min(BURST, COUNT - done) for done in range(0, COUNT, BURST))


async def drained(transports):
    """Wait until no socket has more waiting than the high water mark."""
    await asyncio.sleep(0)
    while any(transport.get_write_buffer_size() > HIGH_WATER for transport in transports):  # noqa: ASYNC110 nobody tells
        await asyncio.sleep(0.001)


async def measure(port, size, publish, *packages):
    print(json.dumps({"port": port, "bytes": size}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    await publish()
    await asyncio.to_thread(sys.stdin.readline)
    result = {
        "began_ns": began_ns,
        "cpu_ns": time.process_time_ns() - cpu_ns,
        "versions": {name: metadata.version(name) for name in packages} | {"Python": platform.python_version()},
    }
    print(json.dumps(result), flush=True)
    os._exit(0)


async def ours(dialect_name):
    from fulgurite.protocol.dialects import find_dialect
    from fulgurite.server.frames import frame
    from fulgurite.server.serve import serve

    channel, message = SETTINGS["channel"], SETTINGS["message"].encode()
    size = len(frame(find_dialect(dialect_name).encode_message(channel, message)))
    options = {"ssl_context": context(), "ping_interval": PING_SECONDS}
    async with serve("127.0.0.1", 0, check_auth=lambda *_: None, **options) as server:

        async def publish():
            for burst in bursts():
                for _ in range(burst):
                    server.hub.publish(channel, message)
                await server.writable()
                await asyncio.sleep(0)

        await measure(int(server.url.rpartition(":")[2]), size, publish, "fulgurite", "picows")


async def floor():
    from picows import WSListener, ws_create_server

    transports = []

    class Client(WSListener):
        def on_ws_connected(self, transport):
            transports.append(transport.underlying_transport)

    payload = TEXT.encode()
    frame = b"\x81\x7e" + len(payload).to_bytes(2) + payload

    async def publish():
        for burst in bursts():
            joined = frame * burst
            for transport in transports:
                transport.write(joined)
            await drained(transports)

    server = await ws_create_server(lambda request: Client(), "127.0.0.1", 0, ssl=context(), read_buffer_init_size=1024)
    await measure(server.sockets[0].getsockname()[1], len(frame), publish, "picows")


async def with_websockets():
    from websockets.asyncio.server import broadcast, serve

    connections = set()

    async def handle(connection):
        connections.add(connection)
        await connection.wait_closed()

    async def publish():
        for burst in bursts():
            for _ in range(burst):
                broadcast(connections, TEXT)
            await drained([connection.transport for connection in connections])

    async with serve(
        handle, "127.0.0.1", 0, ssl=context(), compression=None, ping_interval=None, open_timeout=60
    ) as server:
        port = server.sockets[0].getsockname()[1]
        await measure(port, HEADER_BYTES + len(TEXT), publish, "websockets", "uvloop")


SERVERS = {
    "json-rpc": lambda: ours("json-rpc"),
    "socketio": lambda: ours("socketio"),
    "floor": floor,
    "websockets": with_websockets,
    "websockets-uvloop": with_websockets,
}

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
loop_factory = None
if SERVER.endswith("-uvloop"):
    import uvloop

    loop_factory = uvloop.new_event_loop
with asyncio.Runner(loop_factory=loop_factory) as loop_runner:
    loop_runner.run(SERVERS[SERVER]())
