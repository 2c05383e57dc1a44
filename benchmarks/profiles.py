"""Where the time of the client, the fan-out and the exchange goes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks import exchange
from benchmarks.clients import frames
from benchmarks.fanout import Delivery, deliver
from benchmarks.measure import run_client
from benchmarks.rows import OURS, SECTIONS, Section
from benchmarks.tables import Figures, Row, Table

DELIVERIES = 2_000_000
ORDERS = 50_000
SECONDS = 300


def _client(section: Section, folder: Path, divisor: int) -> Figures:
    count = OURS.messages(section.levels) // divisor
    sample = run_client(OURS, section, frames(folder), count, folder, is_profiled=True)
    return Figures(sample.shares, sample.versions)


def _fanout(subscribers: int, is_tls: bool, folder: Path, divisor: int) -> Figures:
    wanted = Delivery(subscribers, DELIVERIES // divisor, is_tls, is_profiled=True)
    result = deliver("json-rpc", "fulgurite", wanted, folder)
    return Figures(result["shares"], result["versions"])


def _exchange(work: str, amount: int, folder: Path, divisor: int) -> Figures:
    result = exchange.run(work, amount // divisor, "profile")
    return Figures(result["shares"], result["versions"])


TABLES = (
    Table(
        "profiles",
        "Where the time goes",
        (),
        tuple(
            Row(name, "fulgurite", measure, does)
            for name, measure, does in (
                ("Client over TLS", partial(_client, SECTIONS[0]), "typed, book"),
                ("Client without TLS", partial(_client, SECTIONS[1]), "typed, book"),
                ("Fan-out without TLS", partial(_fanout, 1_000, False), "to 1,000 subscribers, bursts of 8"),
                ("Fan-out over TLS", partial(_fanout, 1_000, True), "to 1,000 subscribers, bursts of 8"),
                ("Exchange: orders", partial(_exchange, "market", ORDERS), "matching, and messages as JSON"),
                ("Exchange: nine products", partial(_exchange, "products", SECONDS), "with order flow; no socket"),
            )
        ),
        is_once=True,
    ),
)

HOW = """\
* Where the time goes: each millisecond of its processor time a signal stops the program, and the Python function that
  runs, or goes on next, is counted. What is done in C counts with a function that called it or comes after it: a write
  to a socket with `_write`, decoding and picows' reading with the client's `session`, waiting and turning with
  asyncio's `base_events`.
"""
