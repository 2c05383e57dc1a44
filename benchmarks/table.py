"""The rows of each table."""

from __future__ import annotations

from typing import NamedTuple

LEVELS = 300
DEEP_LEVELS = 10_000
BOOK_LEVELS = (300, 2_000, 10_000)
MESSAGES = {300: 20_000, 2_000: 20_000, 10_000: 40_000}
"""In a lap. Over a deep book no lap is begun twice, since reading its snapshot again would count too."""
PACE = 3_000.0
"""Messages a second in the rows of latency."""


class Client(NamedTuple):
    """One way to read the messages."""

    name: str
    environment: str
    program: tuple[str, ...]
    does: str
    """The form in which a message counts as delivered."""
    run: int
    """Messages of one run at `LEVELS`: enough for about a second."""
    deep_run: int = 0
    """The same at `DEEP_LEVELS`."""
    dialect: str = "json-rpc"

    def messages(self, levels: int) -> int:
        """Messages of one run over a book of so many levels a side."""
        return self.deep_run if levels == DEEP_LEVELS and self.deep_run else self.run


OURS = Client("Fulgurite", "fulgurite", ("run_ours.py", "json-rpc"), "typed, book", 200_000, 40_000)
SOCKETIO = Client(
    "Fulgurite, Socket.IO", "fulgurite", ("run_ours.py", "socketio"), "typed, book", 200_000, 40_000, dialect="socketio"
)
FLOOR = Client("picows + msgspec (the floor)", "fulgurite", ("run_floor.py",), "typed, no session", 200_000, 40_000)
FLOOR_WITH_BOOK = Client(
    "the floor with items and a book", "fulgurite", ("run_floor.py", "book"), "typed, book, no session", 200_000, 40_000
)
CRYPTOFEED = Client("cryptofeed", "cryptofeed", ("run_cryptofeed.py",), "typed (Decimal), book", 50_000, 40_000)
TARDIS = Client("tardis-dev + its OrderBook", "node", ("run_tardis.js",), "typed, book", 100_000, 40_000)
TARDIS_MESSAGES = Client("tardis-dev", "node", ("run_tardis.js", "messages"), "typed, no book", 100_000)
PYBOTTERS = Client("pybotters + its store", "pybotters", ("run_pybotters.py",), "dicts, book", 4_000, 200)


class Section(NamedTuple):
    """One table: clients side by side under the same conditions."""

    key: str
    title: str
    clients: tuple[Client, ...]
    levels: int = LEVELS
    tls: bool = True
    pace: float = 0.0


SECTIONS = (
    Section(
        "tls",
        "Socket to message over TLS, as the live service is reached; 300 levels a side",
        (OURS, SOCKETIO, FLOOR, FLOOR_WITH_BOOK, TARDIS, TARDIS_MESSAGES, CRYPTOFEED, PYBOTTERS),
    ),
    Section(
        "plain",
        "The same without TLS",
        (OURS, FLOOR),
        tls=False,
    ),
    Section(
        "deep",
        "The same over TLS with 10,000 levels a side",
        (OURS,),
        levels=DEEP_LEVELS,
    ),
    Section(
        "latency",
        "Delivery latency over TLS at 3,000 messages a second",
        (OURS, FLOOR),
        pace=PACE,
    ),
)


class Book(NamedTuple):
    """One order book, without a socket."""

    name: str
    environment: str
    argument: str
    counts: tuple[int, int, int]
    """Diffs of one run at each of `BOOK_LEVELS`."""


BOOKS = (
    Book("Fulgurite", "fulgurite", "fulgurite", (10_000, 10_000, 10_000)),
    Book("order-book (C), of cryptofeed", "books", "order-book", (10_000, 5_000, 5_000)),
    Book("sortedcontainers", "books", "sortedcontainers", (10_000, 5_000, 5_000)),
    Book("pybotters' store", "pybotters", "pybotters", (400, 100, 40)),
)
