"""What a write to a socket costs where many take turns: python run_writes.py SOCKETS BYTES TIMES TURNS

Writes so many bytes so many times to each of many TCP sockets of this machine: once in turn, each socket once before
any comes again, and once one after the other, a socket all times before the next comes. What was written is thrown away
in between. Prints the processor time of a write of both kinds, in microseconds.
"""

from __future__ import annotations

import json
import platform
import resource
import socket
import sys
import time

SOCKETS, BYTES, TIMES, TURNS = map(int, sys.argv[1:])
ROOM_BYTES = 1024 * 1024

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
assert most >= 2 * SOCKETS + 50, f"{2 * SOCKETS + 50:,} files are needed, and the hard limit is {most:,} (ulimit -Hn)"
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

listener = socket.create_server(("127.0.0.1", 0), backlog=128)
writers, readers = [], []
for _ in range(SOCKETS):
    writer = socket.create_connection(listener.getsockname())
    writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writers.append(writer)
    readers.append(listener.accept()[0])
data, room = bytes(BYTES), bytearray(ROOM_BYTES)


def in_turn() -> None:
    for _ in range(TIMES):
        for writer in writers:
            writer.send(data)


def one_after_the_other() -> None:
    for writer in writers:
        for _ in range(TIMES):
            writer.send(data)


spent = {"in turn": 0, "in a row": 0}
for _ in range(TURNS):
    for name, work in (("in turn", in_turn), ("in a row", one_after_the_other)):
        began_ns = time.process_time_ns()
        work()
        spent[name] += time.process_time_ns() - began_ns
        for reader in readers:
            left = BYTES * TIMES
            while left:
                left -= reader.recv_into(room, ROOM_BYTES, socket.MSG_TRUNC)
writes = SOCKETS * TIMES * TURNS
result = {name: spent_ns / writes / 1000 for name, spent_ns in spent.items()}
print(json.dumps({"figures": result, "versions": {"Python": platform.python_version()}}))
