"""What the market views of one page show: the books, executions and tickers of its products. Pure."""

from __future__ import annotations

from collections import deque

from fulgurite.orderbook import BookState, OrderBook
from fulgurite.playground import messages
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol.channels import Channel, Kind
from fulgurite.protocol.messages import Board, Data, Execution, Ticker

BOOK_SECONDS = 0.1
"""The order book is sent at most this often: a person reads no faster, and a busy book changes as often."""

DEPTH = 40
EXECUTIONS_KEPT = 100


class Market:
    """Takes every message of one connection, and has what concerns the product in view sent.

    The other products are kept up to date too, so that switching to one shows it at once.

    Args:
        outbox: where to.
        product_code: the product in view.
    """

    def __init__(self, outbox: Outbox, product_code: str) -> None:
        self._outbox = outbox
        self._books: dict[str, OrderBook] = {}
        self._tickers: dict[str, Ticker] = {}
        self._executions: dict[str, deque[messages.Execution]] = {}
        # When the book was last sent, and whether it has changed since.
        self._book_sent_at = 0.0
        self._book_changed = False
        self.view(product_code)

    def take(self, channel: Channel, data: Data) -> None:
        """Take one message."""
        product_code = channel.product_code
        if isinstance(data, Board):
            book = self._books.setdefault(product_code, OrderBook())
            if channel.kind is Kind.BOARD_SNAPSHOT:
                book.apply_snapshot(data)
            else:
                book.apply_diff(data)
            self._book_changed |= product_code == self._product_code
        elif isinstance(data, Ticker):
            self._tickers[product_code] = data
            if product_code == self._product_code:
                self._outbox.set_state(_ticker(data))
        elif channel.kind is Kind.EXECUTIONS:
            rows = [_execution(row) for row in data if isinstance(row, Execution)]
            self._executions.setdefault(product_code, deque(maxlen=EXECUTIONS_KEPT)).extend(rows)
            if product_code == self._product_code:
                self._outbox.add_executions(rows)

    def interrupt(self, channel: Channel, reason: str) -> None:
        """Messages of a channel were missed: its order book may be wrong until the next snapshot."""
        book = self._books.get(channel.product_code)
        if book is not None and channel.kind in (Kind.BOARD, Kind.BOARD_SNAPSHOT):
            book.invalidate(reason)
            self._book_changed |= channel.product_code == self._product_code

    def interrupt_all(self, reason: str) -> None:
        """The connection ended: no book is kept up to date until the gaps have been told."""
        for product_code, book in self._books.items():
            if book.state is BookState.LIVE:
                book.invalidate(reason)
                self._book_changed |= product_code == self._product_code

    def forget(self, channel: Channel) -> None:
        """A channel was unsubscribed: what it told is no longer kept up to date."""
        product_code = channel.product_code
        if channel.kind in (Kind.BOARD, Kind.BOARD_SNAPSHOT):
            self._books.pop(product_code, None)
            self._book_changed |= product_code == self._product_code
        elif channel.kind is Kind.TICKER:
            self._tickers.pop(product_code, None)

    def view(self, product_code: str) -> None:
        """Put a product in view and send what is known of it."""
        self._product_code = product_code
        self._outbox.restart_executions(product_code, list(self._executions.get(product_code, ())))
        ticker = self._tickers.get(product_code)
        if ticker is not None:
            self._outbox.set_state(_ticker(ticker))
        self._send_book()

    def send_book(self, now: float) -> None:
        """Have the book in view sent if it has changed and was not sent a moment ago; `now` in seconds."""
        if self._book_changed and now - self._book_sent_at >= BOOK_SECONDS:
            self._book_sent_at = now
            self._send_book()

    def _send_book(self) -> None:
        self._book_changed = False
        book = self._books.get(self._product_code) or OrderBook()
        live = book.state is BookState.LIVE
        self._outbox.set_state(
            messages.Book(
                self._product_code,
                state=str(book.state),
                reason="" if live else book.reason,
                drift_count=book.drift_count,
                bids=[(level.price, level.size) for level in book.bids(DEPTH)] if live else [],
                asks=[(level.price, level.size) for level in book.asks(DEPTH)] if live else [],
            )
        )


def _ticker(ticker: Ticker) -> messages.Ticker:
    return messages.Ticker(
        ticker.product_code,
        ltp=ticker.ltp,
        best_bid=ticker.best_bid,
        best_ask=ticker.best_ask,
        volume=ticker.volume_by_product,
        state=ticker.state or "",
        timestamp=ticker.timestamp,
    )


def _execution(row: Execution) -> messages.Execution:
    return messages.Execution(row.id, row.side, row.price, row.size, row.exec_date)
