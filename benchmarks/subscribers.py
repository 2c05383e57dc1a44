"""Reads what a server sends to many subscribers, as cheaply as Python can: it counts bytes, and looks at one stream.

    python -m benchmarks.subscribers PORT SUBSCRIBERS DIALECT MESSAGES BYTES_A_MESSAGE [--tls CA_FILE]

Prints {} once all have subscribed, and when each has all its messages, when that was: nanoseconds of the machine's
monotonic clock. The first subscriber keeps what it gets, which must be the same frame again and again; the others'
bytes are counted.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import selectors
import socket
import ssl
import sys
import time
from pathlib import Path

BUFFER_BYTES = 256 * 1024

CHANNEL = "lightning_board_BTC_JPY"
OPENINGS: dict[str, tuple[str, list[tuple[bytes, bytes]]]] = {
    "none": ("/", []),
    "json-rpc": (
        "/json-rpc",
        [(json.dumps({"method": "subscribe", "params": {"channel": CHANNEL}, "id": 1}).encode(), b'"result":true')],
    ),
    "socketio": (
        "/socket.io/?EIO=3&transport=websocket",
        [(f'420["subscribe","{CHANNEL}"]'.encode(), b"430[")],
    ),
}
"""By dialect: the path, and what is sent and then expected before the stream begins."""


def allow_many_sockets() -> None:
    """Let this process have as many sockets as the system allows it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def masked(text: bytes) -> bytes:
    """A client's frame; the key is zero, which masks nothing."""
    length = bytes((0x80 | len(text),)) if len(text) < 126 else bytes((0xFE,)) + len(text).to_bytes(2)
    return b"\x81" + length + b"\0\0\0\0" + text


def subscribe(port: int, dialect: str, context: ssl.SSLContext | None, receive_buffer: int = 0) -> socket.socket:
    """Connect, shake hands and subscribe; everything up to the stream itself is read.

    Args:
        port: of the server, on this machine.
        dialect: a key of `OPENINGS`.
        context: what is trusted, for TLS.
        receive_buffer: bytes that the kernel may hold for this socket, 0 for what it thinks best.
    """
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.connect(("127.0.0.1", port))
    raw.settimeout(30)
    sock = context.wrap_socket(raw, server_hostname="127.0.0.1") if context else raw
    path, steps = OPENINGS[dialect]
    key = base64.b64encode(bytes(16)).decode()
    handshake = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    data = b""
    for sent, expected in [(handshake.encode(), b"\r\n\r\n"), *((masked(text), end) for text, end in steps)]:
        sock.sendall(sent)
        while expected not in data:
            piece = sock.recv(65536)
            assert piece, f"the server ended the connection after {data!r}"
            data += piece
    assert data.startswith(b"HTTP/1.1 101"), data[:200]
    sock.setblocking(False)
    return sock


def count_all(sockets: list[socket.socket], due: int) -> bytes:
    """Read until each socket has had so many bytes; return those of the first."""
    kept = bytearray()
    buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    left = dict.fromkeys(sockets, due)
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        waiting = len(sockets)
        while waiting:
            ready = selector.select(10)
            assert ready, f"nothing came for 10 s; {sum(left.values()):,} bytes are missing"
            for (sock, *_), _ in ready:
                assert isinstance(sock, socket.socket)
                try:
                    count = sock.recv_into(buffer)
                except ssl.SSLWantReadError:
                    continue
                assert count, "the server ended a connection"
                if sock is sockets[0]:
                    kept += view[:count]
                if isinstance(sock, ssl.SSLSocket):
                    while sock.pending():
                        more = sock.recv_into(buffer)
                        count += more
                        if sock is sockets[0]:
                            kept += view[:more]
                left[sock] -= count
                assert left[sock] >= 0, "more came than was due"
                waiting -= left[sock] == 0
    return bytes(kept)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("subscribers", type=int)
    parser.add_argument("dialect")
    parser.add_argument("messages", type=int)
    parser.add_argument("bytes", type=int)
    parser.add_argument("--tls", type=Path)
    arguments = parser.parse_args()
    allow_many_sockets()
    context = ssl.create_default_context(cafile=arguments.tls) if arguments.tls else None
    sockets = [subscribe(arguments.port, arguments.dialect, context) for _ in range(arguments.subscribers)]
    print("{}", flush=True)
    stream = count_all(sockets, arguments.messages * arguments.bytes)
    end_ns = time.monotonic_ns()
    frame = stream[: arguments.bytes]
    assert frame[:4] == b"\x81\x7e" + (len(frame) - 4).to_bytes(2), "no text frame of that length"
    assert stream == frame * arguments.messages, "not the same message each time"
    print(json.dumps({"end_ns": end_ns}), flush=True)
    sys.stdin.readline()  # connected until all is counted


if __name__ == "__main__":
    main()
