"""Clients side by side, and order books alone: the tables of the runs of `measure`."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from benchmarks.measure import Frames, run_book, run_client
from benchmarks.table import (
    BOOK_LEVELS,
    BOOKS,
    CRYPTOFEED,
    FLOOR,
    MESSAGES,
    OURS,
    PYBOTTERS,
    SECTIONS,
    TARDIS,
    TARDIS_MESSAGES,
    Book,
    Client,
    Section,
)
from benchmarks.tables import BEST, Column, Compared, Figures, Goal, Row, Table

LATENCY_SECONDS = 5.0
FLAT = 0.9
"""From this ratio on a rate counts as the same."""


@cache
def frames(folder: Path) -> Frames:
    """The messages, the same for all rows."""
    return Frames(folder, MESSAGES)


def _client(client: Client, section: Section, folder: Path, divisor: int) -> Figures:
    count = int(section.pace * LATENCY_SECONDS) or client.messages(section.levels)
    sample = run_client(client, section, frames(folder), max(count // divisor, 20), folder)
    values = dict(sample.latencies_us) if section.pace else {"rate": sample.rate / 1000, "cpu": sample.cpu_us}
    return Figures(values, sample.versions, "WRONG at the end" if sample.book_is_right is False else "")


GOALS = {
    "tls": (
        *(
            Goal(f"{what}, times", "rate", least, other=other.name, cost="cpu")
            for what, other, least in (
                ("cryptofeed's rate", CRYPTOFEED, 6.0),
                ("the rate of pybotters with its store", PYBOTTERS, 40.0),
                ("the rate of tardis-dev with its OrderBook", TARDIS, 1.5),
                ("the rate of tardis-dev without a book", TARDIS_MESSAGES, 2.0),
                ("the floor's rate over TLS", FLOOR, 0.6),
            )
        ),
    ),
    "plain": (Goal("the floor's rate without TLS, times", "rate", 0.5, other=FLOOR.name, cost="cpu"),),
    "deep": (
        Goal(
            *("with 10,000 levels the rate with 300, times", "rate", FLAT),
            other=OURS.name,
            table=SECTIONS[0].title,
            cost="cpu",
        ),
    ),
    "latency": (Goal("the floor's p99 latency, times", "p99", 1.5, is_most=True, other=FLOOR.name),),
}


def _table(section: Section) -> Table:
    columns: tuple[Column, ...] = (Column("rate", "1,000 messages/s"), Column("cpu", "CPU µs/message", 2))
    compared: tuple[Compared, ...] = (
        Compared("rate", "ours is times as fast"),
        Compared("cpu", "and by CPU", is_cost=True),
    )
    if section.pace:
        columns = tuple(Column(key, f"{key}, µs", 0) for key in ("p50", "p99", "p99.9"))
        compared = (Compared("p99", "ours to its p99"),)
    return Table(
        section.key,
        section.title,
        columns,
        tuple(
            Row(client.name, client.environment, partial(_client, client, section), client.does)
            for client in section.clients
        ),
        compared,
        GOALS[section.key],
        does="form of a message",
    )


def _book(book: Book, folder: Path, divisor: int) -> Figures:
    values: dict[str, float] = {}
    versions: dict[str, str] = {}
    wrong = []
    for levels, count in zip(BOOK_LEVELS, book.counts, strict=True):
        sample = run_book(book, levels, max(count // divisor, 20), frames(folder))
        values |= {f"best {levels}": sample.best_us, f"top {levels}": sample.top_us}
        versions |= sample.versions
        if not sample.book_is_right:
            wrong.append(f"WRONG at the end with {levels:,}")
    return Figures(values, versions, ", ".join(wrong))


QUERIES = [(query, words, levels) for levels in BOOK_LEVELS for query, words in (("best", "best"), ("top", "top 20"))]

TABLES = (
    *map(_table, SECTIONS),
    Table(
        "books",
        "Order books alone: apply a diff and look, µs of CPU a diff",
        tuple(Column(f"{query} {levels}", f"{words}, {levels:,} levels") for query, words, levels in QUERIES),
        tuple(Row(book.name, book.environment, partial(_book, book)) for book in BOOKS),
        goals=tuple(
            Goal(
                f"the speed of the fastest other book, {words} of {levels:,} levels, times",
                *(f"{query} {levels}", 1.0),
                other=BEST,
                is_cost=True,
            )
            for query, words, levels in QUERIES
        ),
        does="",
    ),
)

HOW = """\
* All clients read the same messages: a market of the embedded exchange with a fixed seed; 80 % diffs of the order book
  with some ten levels each, 13 % tickers, 7 % executions, about 440 bytes a frame, in laps that each begin with a
  snapshot of the whole book.
* The server is a process of its own. It sends the snapshot, waits until the client has handled it, and sends all else
  as fast as the client reads. The rate counts from the server's first write to the moment the client has handled the
  last message; the processor time is that of the client's process alone and is the steadier of the two figures.
* Each client runs in a fresh process as its users run it: typed or plain messages as it gives them, and its own order
  book where it has one. At the end the best bid and ask must be those of the market, and all messages must have come.
* The floor is picows and msgspec with no session, no reconnecting, no gaps and no book: decode and forget. The floor
  with items and a book also keeps each frame as text, gives each message with its channel and time, and applies each
  diff to our own book: no client in Python that does all this is faster.
* For latency the server writes one message every 333 µs and notes when; the client notes when it has handled each diff;
  both by the same clock of the machine. Nothing waits between two messages, so that most of it is waking up: the
  processor, the process and, for a client used by `async for`, a task of it. The floor handles a message where it is
  read.
* cryptofeed takes nothing but TLS. It needs Python 3.13; all rows in Python run on the same one.
* The other clients' books know nothing of levels that have gone stale, and need not: no message is lost here.
"""
