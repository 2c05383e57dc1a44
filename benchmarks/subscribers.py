"""Reads a server's messages to many subscribers, as cheaply as possible: it counts bytes, and looks at one stream.

    python -m benchmarks.subscribers PORT SUBSCRIBERS DIALECT MESSAGES BYTES_A_MESSAGE [--tls CA_FILE]

Prints {} once all have subscribed, and when each has all its messages, when that was: nanoseconds of the machine's
monotonic clock. The first subscriber keeps its frames, which must be the same again and again. The others'
bytes are counted by the kernel and thrown away there, over TLS undeciphered; and they are looked at every 2 ms only.
So this process takes little of the machine, and it is the server that is measured.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import resource
import select
import socket
import ssl
import sys
import time
from pathlib import Path

BUFFER_BYTES = 1024 * 1024
PAUSE_SECONDS = 0.002
SILENCE_SECONDS = 0.2
"""Over TLS nobody knows how many bytes a message becomes: it is the end when so long nothing comes."""

CHANNEL = "lightning_board_BTC_JPY"


def opening(dialect: str) -> tuple[str, list[tuple[bytes, bytes]]]:
    """By dialect: the path, and the pairs of a frame to send and the answer to expect before the stream begins."""
    if dialect == "json-rpc":
        call = {"method": "subscribe", "params": {"channel": CHANNEL}, "id": 1}
        return "/json-rpc", [(masked(json.dumps(call).encode()), b'"result":true')]
    if dialect == "socketio":
        return "/socket.io/?EIO=3&transport=websocket", [(masked(f'420["subscribe","{CHANNEL}"]'.encode()), b"430[")]
    return "/", []


def allow_many_sockets() -> int:
    """Let this process have as many files, of which sockets are some, as the system allows it; return how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def masked(text: bytes) -> bytes:
    """A client's frame; the key is zero, which masks nothing."""
    length = bytes((0x80 | len(text),)) if len(text) < 126 else bytes((0xFE,)) + len(text).to_bytes(2)
    return b"\x81" + length + b"\0\0\0\0" + text


def subscribe(port: int, dialect: str, context: ssl.SSLContext | None, receive_buffer: int = 0) -> socket.socket:
    """Connect, shake hands and subscribe; everything up to the stream itself is read.

    Args:
        port: of the server, on this machine.
        dialect: see `opening`; another sends nothing.
        context: the trusted certificates, for TLS.
        receive_buffer: bytes that the kernel may hold for this socket, 0 for its own choice.
    """
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.connect(("127.0.0.1", port))
    raw.settimeout(30)
    sock = context.wrap_socket(raw, server_hostname="127.0.0.1") if context else raw
    path, steps = opening(dialect)
    key = base64.b64encode(bytes(16)).decode()
    handshake = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    data = b""
    for sent, expected in [(handshake.encode(), b"\r\n\r\n"), *steps]:
        sock.sendall(sent)
        while expected not in data:
            piece = sock.recv(65536)
            assert piece, f"the server ended the connection after {data!r}"
            data += piece
    assert data.startswith(b"HTTP/1.1 101"), data[:200]
    sock.setblocking(False)
    return sock


def count_all(sockets: list[socket.socket], due: int) -> tuple[bytes, int]:
    """Read until each socket has had so many bytes; return those of the first, and when the last came."""
    first, kept = sockets[0], bytearray()
    is_tls = isinstance(first, ssl.SSLSocket)
    # Without its TLS a socket tells all bytes that came, deciphered or not.
    others = [socket.socket(fileno=sock.detach()) if is_tls else sock for sock in sockets[1:]]
    by_number = {sock.fileno(): sock for sock in others}
    left = dict.fromkeys(by_number, due)
    buffer = bytearray(BUFFER_BYTES)
    waiting = len(others)
    end_ns = time.monotonic_ns()
    with select.epoll() as poller:
        for sock in (first, *others):
            poller.register(sock.fileno(), select.EPOLLIN)
        while True:
            is_all = not waiting and len(kept) >= due
            if is_all and not is_tls:
                break
            ready = poller.poll(SILENCE_SECONDS if is_all else 10)
            if not ready and is_all:
                break
            assert ready, f"nothing came for 10 s; {sum(left.values()) + due - len(kept):,} bytes are missing"
            for number, _ in ready:
                if number in by_number:
                    count = by_number[number].recv_into(buffer, BUFFER_BYTES, socket.MSG_TRUNC)
                    assert count, "the server ended a connection"
                    was_waiting = left[number] > 0
                    left[number] -= count
                    assert is_tls or left[number] >= 0, "more came than was due"
                    waiting -= was_waiting and left[number] <= 0
                else:
                    kept += _read(first)
            end_ns = time.monotonic_ns()
            time.sleep(PAUSE_SECONDS)
    assert len(kept) == due, "more came than was due"
    sockets[1:] = others
    return bytes(kept), end_ns


def _read(sock: socket.socket) -> bytes:
    pieces = []
    with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
        while True:
            pieces.append(sock.recv(BUFFER_BYTES))
            assert pieces[-1], "the server ended a connection"
    return b"".join(pieces)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("subscribers", type=int)
    parser.add_argument("dialect")
    parser.add_argument("messages", type=int)
    parser.add_argument("bytes", type=int)
    parser.add_argument("--tls", type=Path)
    arguments = parser.parse_args()
    most = allow_many_sockets()
    needed = arguments.subscribers + 50
    assert needed <= most, f"{needed:,} files are needed, and the hard limit is {most:,} (ulimit -Hn)"
    context = ssl.create_default_context(cafile=arguments.tls) if arguments.tls else None
    sockets = [subscribe(arguments.port, arguments.dialect, context) for _ in range(arguments.subscribers)]
    print("{}", flush=True)
    stream, end_ns = count_all(sockets, arguments.messages * arguments.bytes)
    frame = stream[: arguments.bytes]
    assert frame[:4] == b"\x81\x7e" + (len(frame) - 4).to_bytes(2), "no text frame of that length"
    assert stream == frame * arguments.messages, "not the same message each time"
    print(json.dumps({"end_ns": end_ns}), flush=True)
    sys.stdin.readline()  # connected until all is counted


if __name__ == "__main__":
    main()
