"""An exchange with a clock under the test's control, for comparing a client with the market."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fulgurite.client.endpoints import Endpoint
from fulgurite.client.stream import Stream
from fulgurite.exchange.products import FX_BTC_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import CloseConnections
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, board, parse_channel
from fulgurite.protocol.messages import Board, Execution, decode_message, parse_time
from fulgurite.server.serve import RealtimeServer, serve

PRODUCT = FX_BTC_JPY.code
SECOND_NS = 1_000_000_000


class StillMarket:
    """The exchange, and the book that its messages add up to."""

    def __init__(self, server: RealtimeServer, start: str) -> None:
        self.simulation = Simulation(7, parse_time(start), [FX_BTC_JPY])
        self.endpoint = Endpoint("embedded", f"{server.url}/json-rpc", server.url, None)
        self.server = server
        self.book = OrderBook()
        """The book of a client that missed nothing."""
        self.execution_ids: list[int] = []
        self.on_diff: Callable[[], None] = lambda: None
        """Called after each diff, when the book and the HTTP API are of the same moment."""
        self._now_ns = parse_time(start)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, a tenth of a second after the other, each of which the others may use as they like."""
        until_ns = self._now_ns + round(seconds * SECOND_NS)
        while self._now_ns < until_ns:
            self._now_ns = min(self._now_ns + SECOND_NS // 10, until_ns)
            while (next_ns := self.simulation.next_event_ns) <= self._now_ns:
                before = self.simulation.state(PRODUCT)
                events = self.simulation.advance(next_ns)
                for event in events:
                    if isinstance(event, CloseConnections):
                        self.server.close_all(event.code, event.reason)
                    else:
                        self.server.hub.publish(event.channel, event.message)
                        self._take(event)
                has_diff = any(
                    isinstance(event, TimedMessage) and event.channel == board(PRODUCT).name for event in events
                )
                if has_diff and before == self.simulation.state(PRODUCT):
                    self.on_diff()
            await asyncio.sleep(0)

    @property
    def http(self) -> Board:
        """The book of the HTTP API."""
        return self.simulation.board(PRODUCT)

    def is_right(self, book: OrderBook) -> bool:
        """Whether another book is in the same state and has the same best levels."""
        return book.state is self.book.state and book.bids(5) == self.book.bids(5) and book.asks(5) == self.book.asks(5)

    async def until_right(self, stream: Stream) -> None:
        """Wait until a stream's book answers and is right; while time stands still here, it must become so."""
        book = stream.books[PRODUCT]
        async with asyncio.timeout(60):
            while not (book.state in (BookState.LIVE, BookState.AUCTION) and self.is_right(book)):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)

    def _take(self, event: TimedMessage) -> None:
        data = decode_message(parse_channel(event.channel), event.message)
        if isinstance(data, Board):
            is_snapshot = parse_channel(event.channel).kind is Kind.BOARD_SNAPSHOT
            (self.book.apply_snapshot if is_snapshot else self.book.apply_diff)(data)
        elif isinstance(data, list):
            self.execution_ids += [row.id for row in data if isinstance(row, Execution)]


@asynccontextmanager
async def still_market(start: str = "2026-09-23T03:31:00Z") -> AsyncIterator[StillMarket]:
    """Run one until the context is left."""
    async with serve("127.0.0.1", 0, check_auth=lambda *_: None) as server:
        yield StillMarket(server, start)
