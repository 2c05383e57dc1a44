"""One channel to many subscribers: what each server delivers in a second, and what a message and a connection cost."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path

import trustme

from benchmarks.environments import ROOT, interpreter
from benchmarks.frames import DIFF, generate
from benchmarks.processes import Failed, memory_kb, read_line, started, tell
from benchmarks.rows import LEVELS
from benchmarks.tables import Column, Compared, Figures, Goal, Row, Table
from fulgurite.protocol.jsonrpc import encode_message

RUNNERS = Path(__file__).parent / "runners"
BURST = 8
"""Messages that are published in one tick of the event loop, before the next tick sends them."""
PAYLOAD_BYTES = 485
"""The mean length of a diff, and about that of the one that is sent."""

BATCHED = 800_000
ONE_BY_ONE = 160_000
"""Messages delivered in a run, to all subscribers together: enough for about a second."""


@cache
def payload() -> bytes:
    """The diff of the market that comes nearest to the mean length, the same each time."""
    diffs = [message.json for message in generate(LEVELS, 300) if message.channel == DIFF]
    return min(diffs, key=lambda text: abs(len(text) - PAYLOAD_BYTES))


def certificate(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate with its key and of what signed it, made when first asked for."""
    server, authority = folder / "fanout.pem", folder / "fanout-ca.pem"
    if not server.exists():
        maker = trustme.CA()
        maker.cert_pem.write_to_path(authority)
        maker.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(server)
    return server, authority


def run(
    server: str,
    environment: str,
    subscribers: int,
    is_tls: bool,
    deliveries: int,
    folder: Path,
    burst: int = BURST,
    python: str = "",
) -> Figures:
    """Let a server publish to so many subscribers.

    Args:
        server: one that `run_fanout.py` has, or "socket.io".
        environment: what it runs in.
        subscribers: how many.
        is_tls: whether over TLS.
        deliveries: messages delivered to all subscribers together.
        folder: for the certificate.
        burst: messages published in one tick.
        python: what runs it instead of its own environment.

    Raises:
        Failed: a process ended, hung, or did not get what was sent.
    """
    pem, authority = certificate(folder) if is_tls else (None, None)
    messages = max(deliveries // subscribers, burst)
    settings = {
        "channel": DIFF,
        "message": payload().decode(),
        "text": encode_message(DIFF, payload()).decode(),
        "count": messages,
        "burst": burst,
        "certificate": pem and str(pem),
    }
    if server == "socket.io":
        command: list[object] = [interpreter("node"), RUNNERS / "run_fanout.js"]
    else:
        command = [python or interpreter(environment), RUNNERS / "run_fanout.py", server]
    dialect = {"socket.io": "socketio", "socketio": "socketio", "json-rpc": "json-rpc"}.get(server, "none")
    paths = os.environ | {"NODE_PATH": str(ROOT / "tests" / "peers" / "node_modules")}
    with started([*command, json.dumps(settings)], paths) as process:
        ready = read_line(process)
        before_kb = memory_kb(process)
        arguments = [ready["port"], subscribers, dialect, messages, ready["bytes"]]
        arguments += ["--tls", authority] if is_tls else []
        with started([sys.executable, "-m", "benchmarks.subscribers", *arguments]) as load:
            read_line(load)
            connected_kb = memory_kb(process)
            tell(process, "publish")
            try:
                end_ns = read_line(load)["end_ns"]
            except Failed as error:
                said = process.poll() is not None and process.stderr and process.stderr.read().strip()
                raise Failed(f"{error} {said.splitlines()[-1] if said else ''}".strip()) from error
            tell(process, "done")
            result = read_line(process)
    delivered = messages * subscribers
    values = {
        "rate": delivered / (end_ns - result["began_ns"]) * 1e6,
        "cpu": result["cpu_ns"] / delivered / 1000,
        "memory": (connected_kb - before_kb) / subscribers,
    }
    return Figures(values, result["versions"])


SERVERS = (
    ("Fulgurite", "fulgurite", "json-rpc", "the exchange's own hub", BATCHED),
    ("Fulgurite, Socket.IO", "fulgurite", "socketio", "the same", BATCHED),
    ("pre-framed, picows (the floor)", "fulgurite", "floor", "joined bytes to each socket, no hub", BATCHED),
    ("websockets", "servers", "websockets", "broadcast()", ONE_BY_ONE),
    ("websockets, uvloop", "servers", "websockets-uvloop", "broadcast()", ONE_BY_ONE),
    ("aiohttp", "servers", "aiohttp", "a queue and a task a client", ONE_BY_ONE),
    ("Socket.IO 4 for clients of 2 (Node.js)", "node", "socket.io", "emit to a room", ONE_BY_ONE),
)


def _row(
    name: str,
    environment: str,
    server: str,
    does: str,
    deliveries: int,
    *,
    subscribers: int,
    is_tls: bool,
    burst: int,
) -> Row:
    def measure(folder: Path, divisor: int) -> Figures:
        due = deliveries if burst > 1 else ONE_BY_ONE
        return run(server, environment, subscribers, is_tls, due // divisor, folder, burst)

    return Row(name, environment, measure, does)


def _table(subscribers: int, is_tls: bool, burst: int = BURST) -> Table:
    where = f"to {subscribers:,} subscribers {'over TLS' if is_tls else 'without TLS'}"
    goals = []
    if burst == BURST:
        for other in ("websockets", "websockets, uvloop"):
            goals.append(Goal(f"the rate of {other} {where}, times", "rate", 8.0, other=other, cost="cpu"))
        goals.append(Goal(f"the floor's rate {where}, times", "rate", 0.8, other=SERVERS[2][0], cost="cpu"))
        if subscribers == 1_000:
            kilobytes = 60.0 if is_tls else 20.0
            what = f"memory of a connection {'over TLS' if is_tls else 'without TLS'}, kB"
            goals.append(Goal(what, "memory", kilobytes, is_most=True, decimals=1))
    return Table(
        "fanout",
        f"Fan-out: one channel {where}" + (", one message at a time" if burst == 1 else ""),
        (
            Column("rate", "1,000 messages/s delivered"),
            Column("cpu", "server CPU µs/message", 2),
            Column("memory", "kB a connection"),
        ),
        tuple(_row(*server, subscribers=subscribers, is_tls=is_tls, burst=burst) for server in SERVERS),
        (Compared("rate", "ours is times as fast"), Compared("cpu", "and by CPU", is_cost=True)),
        tuple(goals),
    )


TABLES = (
    *(_table(subscribers, is_tls) for is_tls in (False, True) for subscribers in (100, 1_000)),
    _table(100, is_tls=False, burst=1),
)

HOW = """\
* Fan-out: each server runs in a process of its own and gets the same diff of the order book to publish, about 485
  bytes, in bursts of 8, and in one table one at a time. It publishes the next burst when no socket has more than
  64 KiB waiting: ours by the exchange's own means, aiohttp by a bounded queue a client, and for the others their
  buffers are looked at. Nothing is compressed. Ours and the floor make one write a socket of each burst, and the others
  one of each message, which is most of the difference, as the table without bursts shows.
* One other process reads all of it from plain sockets. It counts bytes; of one subscriber it keeps the whole stream,
  which must be the same message again and again. Where the server's processor time a message is well under 1 µs, this
  reader is what bounds the rate, and the comparison by CPU is the one to look at.
* Ours counts and keeps every message that is published, as its control API promises; the floor does not.
* Memory is what the server's process grew by while the subscribers connected, divided by their number; of 100 it is
  coarse.
* Socket.IO 2 itself is no longer maintained. Its clients are served by Socket.IO 4 with `allowEIO3`.
"""
