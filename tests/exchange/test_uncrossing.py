"""The price that is told of an auction, from outside, is the one that is traded at when nothing more comes."""

from __future__ import annotations

import pytest

from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY, XRP_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import CloseConnections, MarketState
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, decode_message, parse_time

SECOND_NS = 1_000_000_000
START_NS = parse_time("2026-09-23T03:31:25Z")
END_NS = START_NS + 100 * SECOND_NS
PRODUCTS = {product.code: product for product in (FX_BTC_JPY, BTC_JPY, XRP_JPY)}


@pytest.mark.parametrize("seed", [0, 2, 4, 5, 9])
def test_the_price_told_of_a_published_auction_is_the_traded_one(seed: int) -> None:
    """Diffs are up to 140 ms late and tickers 500: nobody outside can know the messages that wait at the end."""
    simulation = Simulation(seed, START_NS, tuple(PRODUCTS.values()))
    books = {code: OrderBook() for code in PRODUCTS}

    def take(events: list[TimedMessage | CloseConnections]) -> None:
        for event in events:
            assert isinstance(event, TimedMessage)
            channel = parse_channel(event.channel)
            data = decode_message(channel, event.message)
            if isinstance(data, Board):
                book = books[channel.product_code]
                (book.apply_snapshot if channel.kind is Kind.BOARD_SNAPSHOT else book.apply_diff)(data)

    take(simulation.advance(START_NS + 10 * SECOND_NS))
    for code in PRODUCTS:
        simulation.change_state(code, MarketState.PREOPEN, 90 * SECOND_NS)
    take(simulation.advance(END_NS - 1))
    told: dict[str, float | None] = {}
    last_ids: dict[str, int] = {}
    for code, book in books.items():
        take([*simulation._trading[code].publisher.flush(END_NS - 1)])
        ticker = simulation.ticker(code)
        assert book.state is BookState.AUCTION
        told[code] = book.uncrossing_price(
            ticker.ltp, market_bid_size=ticker.market_bid_size, market_ask_size=ticker.market_ask_size
        )
        last_ids[code] = simulation.executions(code)[-1].id
    simulation.advance(END_NS)
    for code in PRODUCTS:
        traded = {each.price for each in simulation.executions(code) if each.id > last_ids[code] and each.side == ""}
        assert traded == {told[code]}, code
