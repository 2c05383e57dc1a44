"""An itayose: a kept book equals the HTTP API's at each moment, and shows an auction."""

from __future__ import annotations

import asyncio

import pytest

from fulgurite.client import Item, Stream, connect
from fulgurite.client.logreplay import LogReplay
from fulgurite.client.recording import log_lines
from fulgurite.exchange.timeline import MarketState
from fulgurite.orderbook import BookState
from fulgurite.protocol.framelog import format_line, parse_line
from tests.client.stillmarket import PRODUCT, SECOND_NS, StillMarket, still_market


class States:
    """Checks the book of the messages against the HTTP API after each diff of an auction, and records its states.

    There is no check in trade, because the exchange sometimes leaves out a deletion, like the real service.
    """

    def __init__(self, market: StillMarket) -> None:
        self._market = market
        self._drift_count = 0
        self.seen: list[str] = []
        self.checked = 0
        market.on_diff = self.check

    def check(self) -> None:
        book, http = self._market.book, self._market.http
        if book.state is BookState.WAITING_SNAPSHOT:
            return
        if self._market.simulation.state(PRODUCT) in ("PREOPEN", "CIRCUIT BREAK"):
            assert (book.bids(1), book.asks(1)) == (http.bids[:1], http.asks[:1])
            is_crossed = bool(http.bids and http.asks) and http.bids[0].price >= http.asks[0].price
            assert (book.state is BookState.AUCTION) == is_crossed
            assert book.drift_count == self._drift_count
            self.checked += 1
        else:
            assert book.state is BookState.LIVE
            self._drift_count = book.drift_count
        if not self.seen or self.seen[-1] != book.state:
            self.seen.append(str(book.state))


@pytest.mark.parametrize("connections", [1, 2])
async def test_a_maintenance_from_its_preopen_on(connections):
    async with (
        still_market("2026-09-23T19:09:50Z") as market,
        connect(endpoint=market.endpoint, connections=connections) as stream,
    ):
        states = States(market)
        book = stream.books[PRODUCT]
        await market.server.subscribed()
        await market.pass_time(20)
        for _ in range(125):
            await market.pass_time(1)
            await market.until_right(stream)
            if book.state is BookState.AUCTION:
                assert book.uncrossing_price() is not None
        assert states.seen[-2:] == ["AUCTION", "LIVE"]
        assert states.checked > 50
        assert (market.simulation.state(PRODUCT), book.state) == ("RUNNING", "LIVE")


@pytest.mark.parametrize("connections", [1, 2])
async def test_a_circuit_break_live_and_replayed(connections):
    items: list[Item] = []
    async with (
        still_market() as market,
        connect(endpoint=market.endpoint, connections=connections, frames=True) as stream,
    ):
        states = States(market)
        book = stream.books[PRODUCT]
        reading = asyncio.create_task(collect(stream, items))
        await market.server.subscribed()
        await market.pass_time(8)
        await market.until_right(stream)
        market.simulation.change_state(PRODUCT, MarketState.CIRCUIT_BREAK, 30 * SECOND_NS)
        for _ in range(40):
            await market.pass_time(1)
            await market.until_right(stream)
        assert states.seen == ["LIVE", "AUCTION", "LIVE"]
        assert states.checked > 20
        assert book.state is BookState.LIVE
        last = book.copy()
    await reading
    # A replay has the same: in the end the book of the last message, and it was in an auction.
    log_replay = LogReplay()
    replayed = log_replay.keep_book(PRODUCT).book
    seen: list[str] = []
    for line in log_lines(items, connections > 1):
        log_replay.receive(parse_line(format_line(line)))
        if replayed.state is not BookState.STALE:  # as it is from the end on
            kept = replayed.copy()
            seen += [] if seen[-1:] == [kept.state] else [str(kept.state)]
    assert seen == ["WAITING_SNAPSHOT", "LIVE", "AUCTION", "LIVE"]
    assert (kept.bids(), kept.asks(), kept.drift_count) == (last.bids(), last.asks(), last.drift_count)


async def test_who_waits_for_a_book_has_it_with_the_diff_that_ends_an_auction():
    async with still_market() as market, connect(endpoint=market.endpoint) as stream:
        book = stream.books[PRODUCT]
        await market.server.subscribed()
        await market.pass_time(8)
        await market.until_right(stream)
        market.simulation.change_state(PRODUCT, MarketState.CIRCUIT_BREAK, 12 * SECOND_NS)
        while book.state is not BookState.AUCTION:
            await market.pass_time(0.1)
            await market.until_right(stream)
        waiting = asyncio.create_task(stream.synced(PRODUCT))
        while book.state is BookState.AUCTION:
            await market.pass_time(0.1)
            await market.until_right(stream)
        # The market's time stands still, so no snapshot comes that would end the waiting by itself.
        async with asyncio.timeout(20):
            assert await waiting is book


async def collect(stream: Stream, items: list[Item]) -> None:
    items += [item async for item in stream]
