"""The markets of a frame log that is served: the state that the messages sent so far add up to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from fulgurite.errors import ChannelError, MessageError
from fulgurite.exchange.marketdata import MarketInfo
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, Execution, Ticker, decode_message

KEPT_EXECUTIONS: Final = 10_000
"""Executions kept of each product; older ones are forgotten."""

MAX_PRODUCTS: Final = 200
"""Products with a kept state; a log with more is served all the same, but the HTTP API knows the first only."""


class _ReplayedMarket:
    def __init__(self) -> None:
        self.book = OrderBook()
        # As the last board message told it, rounded down to the tick.
        self.mid_price = 0.0
        self.ticker: Ticker | None = None
        self.executions: deque[Execution] = deque(maxlen=KEPT_EXECUTIONS)


class ReplayedMarkets:
    """Keeps the state of every product of a replay; implements `marketdata.MarketData`."""

    def __init__(self) -> None:
        self._markets: dict[str, _ReplayedMarket] = {}

    def clear(self, *, keep_executions: bool) -> None:
        """Forget the state, since the replay begins again or jumps; the products stay known.

        Args:
            keep_executions: leave the executions in the list, since those that come from here on have higher ids.
        """
        executions = {code: market.executions for code, market in self._markets.items()} if keep_executions else {}
        self._markets = {code: _ReplayedMarket() for code in self._markets}
        for code, rows in executions.items():
            self._markets[code].executions = rows

    def apply(self, channel_name: str, message: bytes) -> None:
        """Take a message that was sent; one that cannot be read changes nothing here."""
        try:
            channel = parse_channel(channel_name)
            if channel.kind.is_private:
                return
            data = decode_message(channel, message)
        except (ChannelError, MessageError):
            return
        market = self._markets.get(channel.product_code)
        if market is None:
            if len(self._markets) >= MAX_PRODUCTS:
                return
            market = self._markets[channel.product_code] = _ReplayedMarket()
        if isinstance(data, Ticker):
            market.ticker = data
        elif isinstance(data, Board):
            market.mid_price = data.mid_price
            if channel.kind is Kind.BOARD:
                market.book.apply_diff(data)
            else:
                market.book.apply_snapshot(data)
        else:
            market.executions.extend(item for item in data if isinstance(item, Execution))

    def markets(self) -> Sequence[MarketInfo]:
        """Every product that was seen."""
        return [MarketInfo(product_code, _market_type(product_code)) for product_code in self._markets]

    def board(self, product_code: str) -> Board:
        """The book; without a level on either side until its first snapshot was sent."""
        market = self._markets[product_code]
        if market.book.state not in (BookState.LIVE, BookState.AUCTION):
            return Board(market.mid_price, [], [])
        return Board(market.mid_price, market.book.bids(), market.book.asks())

    def ticker(self, product_code: str) -> Ticker | None:
        """The last ticker that was sent."""
        return self._markets[product_code].ticker

    def executions(self, product_code: str) -> Sequence[Execution]:
        """The newest executions that were sent, oldest first."""
        return tuple(self._markets[product_code].executions)

    def state(self, product_code: str) -> str:
        """The state in the last ticker, RUNNING where it says none."""
        ticker = self._markets[product_code].ticker
        return (ticker.state if ticker else None) or "RUNNING"

    def health(self, product_code: str) -> str:
        """Always NORMAL: no realtime channel tells it (section 3.7)."""
        return "NORMAL"


def _market_type(product_code: str) -> str:
    """The market type by the form of the code (section 4): FX_BTC_JPY, BTCJPY24DEC2021, BTC_JPY."""
    if product_code.startswith("FX_"):
        return "FX"
    return "Spot" if "_" in product_code else "Futures"
