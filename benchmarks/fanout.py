"""One channel to many subscribers: each server's messages a second, and the cost of a message and a connection."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from benchmarks.environments import interpreter
from benchmarks.frames import DIFF, generate
from benchmarks.processes import Failed, memory_kb, read_line, started, tell
from benchmarks.subscribers import CHANNEL
from benchmarks.table import LEVELS
from benchmarks.tables import Column, Compared, Figures, Goal, Row, Table
from fulgurite.protocol.jsonrpc import encode_message

RUNNERS = Path(__file__).parent / "runners"
BURST = 8
"""Messages that are published in one tick of the event loop, before the next tick sends them."""
PAYLOAD_BYTES = 485
"""The mean length of a diff, and about that of the one that is sent."""

BATCHED = 3_200_000
ONE_BY_ONE = 160_000
"""Messages delivered in a run, to all subscribers together, enough for some seconds: by ours and the floor, and by the
others."""


@cache
def payload() -> bytes:
    """The diff of the market that comes nearest to the mean length, the same each time."""
    diffs = [message.json for message in generate(LEVELS, 300) if message.channel == DIFF]
    return min(diffs, key=lambda text: abs(len(text) - PAYLOAD_BYTES))


def certificate(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate with its key and of its authority, made when first asked for."""
    server, authority = folder / "fanout.pem", folder / "fanout-ca.pem"
    if not server.exists():
        maker = trustme.CA()
        maker.cert_pem.write_to_path(authority)
        maker.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(server)
    return server, authority


class Delivery(NamedTuple):
    """How one server is asked to publish."""

    subscribers: int
    deliveries: int
    """Messages that come to all subscribers together, about."""
    is_tls: bool = False


def deliver(server: str, environment: str, wanted: Delivery, folder: Path, python: str = "") -> dict[str, Any]:
    """Let a server publish; return its own figures, and "delivered", "took_ns" and "memory_kb", of a connection.

    Args:
        server: one that `run_fanout.py` has.
        environment: of its packages.
        wanted: its settings.
        folder: for the certificate.
        python: the interpreter, instead of its own environment's.

    Raises:
        Failed: a process ended, hung, or did not get all messages.
    """
    pem, authority = certificate(folder) if wanted.is_tls else (None, None)
    each = max(round(wanted.deliveries / wanted.subscribers), 1)
    settings = {
        "channel": CHANNEL,
        "message": payload().decode(),
        "text": encode_message(CHANNEL, payload()).decode(),
        "count": each,
        "burst": BURST,
        "certificate": pem and str(pem),
    }
    command = [python or interpreter(environment), RUNNERS / "run_fanout.py", server, json.dumps(settings)]
    with started(command) as process:
        ready = read_line(process)
        before_kb = memory_kb(process)
        arguments = [ready["port"], wanted.subscribers, server, each, ready["bytes"]]
        arguments += ["--tls", authority] if wanted.is_tls else []
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
    return result | {
        "delivered": each * wanted.subscribers,
        "took_ns": end_ns - result["began_ns"],
        "memory_kb": (connected_kb - before_kb) / wanted.subscribers,
    }


def figures_of(result: dict[str, Any]) -> Figures:
    """Of the results of `deliver`: thousands of messages a second, microseconds a message, kilobytes a connection."""
    delivered = result["delivered"]
    values = {
        "rate": delivered / result["took_ns"] * 1e6,
        "cpu": result["cpu_ns"] / delivered / 1000,
        "memory": result["memory_kb"],
    }
    return Figures(values, result["versions"])


SERVERS = (
    ("Fulgurite", "fulgurite", "json-rpc", "the exchange's own hub", BATCHED),
    ("Fulgurite, Socket.IO", "fulgurite", "socketio", "the same", BATCHED),
    ("pre-framed, picows (the floor)", "fulgurite", "floor", "joined bytes to each socket, no hub", BATCHED),
    ("websockets", "servers", "websockets", "broadcast()", ONE_BY_ONE),
    ("websockets, uvloop", "servers", "websockets-uvloop", "broadcast()", ONE_BY_ONE),
)


def _row(
    name: str, environment: str, server: str, does: str, deliveries: int, *, subscribers: int, is_tls: bool
) -> Row:
    def measure(folder: Path, divisor: int) -> Figures:
        wanted = Delivery(subscribers, deliveries // divisor, is_tls)
        return figures_of(deliver(server, environment, wanted, folder))

    return Row(name, environment, measure, does)


def _table(subscribers: int, is_tls: bool) -> Table:
    where = f"to {subscribers:,} subscribers {'over TLS' if is_tls else 'without TLS'}"
    goals = [
        Goal(f"the rate of {other} {where}, times", "rate", 8.0, other=other, cost="cpu")
        for other in ("websockets", "websockets, uvloop")
    ]
    goals.append(Goal(f"the floor's rate {where}, times", "rate", 0.8, other=SERVERS[2][0], cost="cpu"))
    if subscribers == 1_000:
        kilobytes = 60.0 if is_tls else 20.0
        what = f"memory of a connection {'over TLS' if is_tls else 'without TLS'}, kB"
        goals.append(Goal(what, "memory", kilobytes, is_most=True, decimals=1))
    return Table(
        "fanout",
        f"Fan-out: one channel {where}",
        (
            Column("rate", "1,000 messages/s delivered"),
            Column("cpu", "server CPU µs/message", 2),
            Column("memory", "kB a connection"),
        ),
        tuple(_row(*server, subscribers=subscribers, is_tls=is_tls) for server in SERVERS),
        (Compared("rate", "ours is times as fast"), Compared("cpu", "and by CPU", is_cost=True)),
        tuple(goals),
    )


TABLES = tuple(_table(subscribers, is_tls) for is_tls in (False, True) for subscribers in (100, 1_000))

HOW = """\
* Fan-out: each server runs in a process of its own and gets the same diff of the order book to publish, about 485
  bytes, in bursts of 8. It publishes the next burst when no socket has more than 64 KiB waiting: ours by the exchange's
  own means, the others by a look at their buffers. Nothing is compressed. Ours and the floor make one write a socket of
  each burst, and the others one of each message: that is most of the difference.
* One other process has all the subscribers. It has the kernel count and throw away their messages, every 2 ms, and over
  TLS without deciphering it. Of one subscriber it keeps the whole stream: it must be the same message again and again.
  So the server alone bounds the rate.
* Ours counts and keeps every message that is published, as its control API promises; the floor does not.
* Memory is the growth of the server's process while the subscribers connected, divided by their number; of 100 it is
  coarse.
"""
