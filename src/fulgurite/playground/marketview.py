"""The market view of one page: the books, executions, candles and tickers of its products. Pure.

It shows items and decides nothing about them: the client's stream keeps the books (`MarketView.book_of` asks for them),
leaves out duplicates and repairs gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fulgurite.errors import InputError
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.playground import messages
from fulgurite.playground.candles import INTERVALS, Candles, GapSpan
from fulgurite.playground.depth import depth_points
from fulgurite.playground.executionlist import ROW_LIMIT, ExecutionList
from fulgurite.playground.heatmap import COLUMN_MS, Column, HeatMap
from fulgurite.playground.history import History
from fulgurite.playground.outbox import Outbox
from fulgurite.playground.paced import Paced
from fulgurite.protocol.channels import Channel, Kind, parse_channel
from fulgurite.protocol.messages import Board, Data, Execution, Ticker, parse_time

BOOK_SECONDS = 0.1
"""The order book is sent at most this often: a person reads no faster, and a busy book changes as often."""

DEPTH_SECONDS = 0.25
DEPTH = 40

PRODUCT_LIMIT = 250
"""Products that are kept beside the one in view: as many as `upstream.CHANNEL_LIMIT` channels can be of."""

LATE_SLOTS = 120
"""A message is not older than so many columns."""


class MarketView:
    """Gets every message of one connection in turn, and sends the state of the product in view.

    The other products are kept up to date too, so that switching to one shows it at once.

    Args:
        outbox: where to.
        product_code: the product in view.
        charts: the parts of the view that the page shows.

    Attributes:
        product_code, charts: as above; `view` and `show` set them.
        book_of: gives the book of a product as it is kept, or None where none is. The reader of the stream sets it.
    """

    def __init__(self, outbox: Outbox, product_code: str, charts: messages.Charts | None = None) -> None:
        self.book_of: Callable[[str], OrderBook | None] = _no_book
        self._outbox = outbox
        self._products: dict[str, _Product] = {}
        # Our clock less the exchange's, by the latest time in a message.
        self._ahead_ms = 0.0
        self._sampled_slot = 0.0
        self.charts = charts or messages.Charts([], INTERVALS[0])
        self.view(product_code)

    def receive(self, channel: Channel, data: Data, received_ms: float, *, is_backfilled: bool = False) -> None:
        """Process one message.

        Args:
            channel: its channel.
            data: the message.
            received_ms: when it came.
            is_backfilled: whether it has executions of a gap, fetched from the HTTP API.
        """
        self.sample(received_ms)  # a replay may be so fast that nobody else asks in time
        product = self._product(channel.product_code)
        in_view = channel.product_code == self.product_code
        if isinstance(data, Board):
            if in_view:
                self._unsent.book = self._unsent.depth = True
        elif isinstance(data, Ticker):
            product.ticker = data
            self._set_clock(data.timestamp, received_ms)
            if in_view:
                self._outbox.set_state(_ticker(channel.product_code, data))
        elif channel.kind is Kind.EXECUTIONS:
            executions = [row for row in data if isinstance(row, Execution)]
            if is_backfilled:
                self._add_backfilled(channel.product_code, executions)
            else:
                self._add_live(channel.product_code, executions, received_ms)

    def miss(self, gap: messages.Gap) -> None:
        """Messages of a channel were missed."""
        channel = parse_channel(gap.channel)
        product = self._product(channel.product_code)
        in_view = channel.product_code == self.product_code
        if channel.kind is Kind.EXECUTIONS:
            if gap.repaired == "full":
                product.candles.fill(gap.from_ms)
            else:
                span = GapSpan(gap.from_ms - self._ahead_ms, gap.to_ms - self._ahead_ms)
                product.candles.mark(gap.from_ms, span)
            self._unsent.candles |= in_view
            if product.executions.update(gap):
                self._restart_executions(channel.product_code)
            else:
                product.executions.add([gap])
                if in_view:
                    self._outbox.add_executions([gap])

    def pause(self, at_ms: float) -> None:
        """The user ended the connection: executions until the next one are missed, and no gap will tell it."""
        self.book_of = _no_book
        for product in self._products.values():
            product.history.pause(at_ms - self._ahead_ms)
        self._unsent.candles = True

    def forget(self, channel: Channel, at_ms: float) -> None:
        """A channel was unsubscribed: its state is no longer kept up to date."""
        product = self._product(channel.product_code)
        if channel.kind is Kind.TICKER:
            product.ticker = None
        elif channel.kind is Kind.EXECUTIONS:
            product.history.pause(at_ms - self._ahead_ms)

    def begin_history(self, product_code: str, at_ms: float) -> int | None:
        """Begin to load the executions from before a subscription at `at_ms`.

        Returns:
            The id of the newest known execution, 0 where there is none; or None if no execution was missed.
        """
        product = self._product(product_code)
        if not product.history.begin(at_ms - self._ahead_ms):
            return None
        self._unsent.candles |= product_code == self.product_code
        return product.newest_id

    def is_loading(self, product_code: str) -> bool:
        """Whether the load is still expected: the subscription may have ended meanwhile."""
        return self._product(product_code).history.state == "loading"

    def end_history(self, product_code: str, executions: Sequence[Execution], problem: str) -> None:
        """Add the loaded executions.

        Args:
            product_code: the product.
            executions: those that the stream has not given, oldest first.
            problem: the reason for missing ones, or "".
        """
        product = self._product(product_code)
        gap = product.history.end(problem)
        if gap is not None:
            product.candles.mark(gap.from_ms, gap)
        self._add_backfilled(product_code, executions)

    def view(self, product_code: str) -> None:
        """Put a product in view and send its state."""
        self.product_code = product_code
        product = self._product(product_code)
        self._restart_executions(product_code)
        if product.ticker is not None:
            self._outbox.set_state(_ticker(product_code, product.ticker))
        self._unsent = _Unsent()

    def show(self, charts: messages.Charts) -> None:
        """Send the state of these parts of the view from now on."""
        self.charts = charts
        self._unsent = _Unsent()

    def sample(self, at_ms: float) -> None:
        """Have the next columns of the heat maps made, if they are due at this time of day."""
        slot = at_ms // COLUMN_MS
        # A message is a little older than the present; but a clock that was set back must not stop everything.
        if 0 <= self._sampled_slot - slot < LATE_SLOTS:
            return
        self._sampled_slot = slot
        for product_code, product in self._products.items():
            book = self.book_of(product_code)
            # A map begins with the first known book.
            if product.heatmap.columns or (book is not None and book.state is BookState.LIVE):
                column = product.heatmap.sample(slot * COLUMN_MS, book)
                if product_code == self.product_code and "heatmap" in self.charts.parts:
                    self._unsent.columns.append(column)

    def send(self, now: float) -> None:
        """Send the changes of the parts that the page shows; `now` in seconds on any clock that never goes back.

        The outbox must be drained at once afterwards: changes are given once, and must not replace each other.
        """
        parts, unsent = self.charts.parts, self._unsent
        product = self._product(self.product_code)
        book = self.book_of(self.product_code)
        # A book may become STALE without a message: its channel fell silent, or it is not read.
        if _state(book) != unsent.book_state:
            unsent.book_state = _state(book)
            unsent.book = unsent.depth = True
        if "book" in parts and unsent.book and unsent.book_pace.is_due(now):
            unsent.book = False
            self._outbox.set_state(_book(self.product_code, book, product.ticker))
        if "depth" in parts and unsent.depth and unsent.depth_pace.is_due(now):
            unsent.depth = False
            self._outbox.set_state(_depth(self.product_code, book))
        if "candles" in parts and (unsent.candles or unsent.restart):
            unsent.candles = False
            self._outbox.set_state(self._candles(product))
        if "heatmap" in parts and (unsent.columns or unsent.restart):
            columns = list(product.heatmap.columns) if unsent.restart else unsent.columns
            unsent.columns = []
            self._outbox.set_state(messages.Heatmap(self.product_code, product.heatmap.step, columns, unsent.restart))
        unsent.restart = False

    def _candles(self, product: _Product) -> messages.Candles:
        series = product.candles.series[self.charts.interval_s]
        return messages.Candles(
            self.product_code,
            self.charts.interval_s,
            series.all() if self._unsent.restart else series.changed(),
            product.candles.gaps,
            product.history.state,
            product.history.problem,
            restart=self._unsent.restart,
        )

    def _restart_executions(self, product_code: str) -> None:
        if product_code == self.product_code:
            self._outbox.restart_executions(product_code, self._product(product_code).executions.rows)

    def _product(self, product_code: str) -> _Product:
        product = self._products.get(product_code)
        if product is None:
            others = [code for code in self._products if code != self.product_code]
            if len(others) >= PRODUCT_LIMIT:
                del self._products[others[0]]
            product = self._products[product_code] = _Product()
        return product

    def _add_live(self, product_code: str, executions: Sequence[Execution], received_ms: float) -> None:
        product = self._product(product_code)
        in_view = product_code == self.product_code
        rows = []
        for execution in executions:
            self._set_clock(execution.exec_date, received_ms)
            self._add_to_candles(product, execution, received_ms - self._ahead_ms)
            product.heatmap.trade(execution.side, execution.price, execution.size)
            product.newest_id = execution.id or product.newest_id
            rows.append(_execution(execution))
        product.executions.add(rows)
        self._unsent.candles |= in_view
        if in_view:
            self._outbox.add_executions(rows)

    def _add_backfilled(self, product_code: str, executions: Sequence[Execution]) -> None:
        product = self._product(product_code)
        for execution in executions:
            self._add_to_candles(product, execution, None)
            product.newest_id = max(product.newest_id, execution.id)
        product.executions.insert([_execution(execution, is_backfilled=True) for execution in executions[-ROW_LIMIT:]])
        self._restart_executions(product_code)
        self._unsent.candles |= product_code == self.product_code

    def _add_to_candles(self, product: _Product, execution: Execution, otherwise_ms: float | None) -> None:
        """Add an execution to the candles; if it has no date, at another time, or not at all."""
        at_ms = _time_ms(execution.exec_date) or otherwise_ms
        if at_ms is None:
            return
        product.candles.add(execution.id, at_ms, execution.price, execution.size)

    def _set_clock(self, timestamp: str, received_ms: float) -> None:
        at_ms = _time_ms(timestamp)
        if at_ms is not None:
            self._ahead_ms = received_ms - at_ms


class _Product:
    """The state of one product."""

    def __init__(self) -> None:
        self.ticker: Ticker | None = None
        self.executions = ExecutionList()
        self.candles = Candles()
        self.heatmap = HeatMap()
        self.history = History()
        self.newest_id = 0
        """The id of the newest execution; 0 for none."""


class _Unsent:
    """The changes of the product in view that the page has not been sent; at first all of it."""

    def __init__(self) -> None:
        self.book = self.depth = self.candles = True
        self.book_state = ""
        self.book_pace = Paced(BOOK_SECONDS)
        self.depth_pace = Paced(DEPTH_SECONDS)
        self.columns: list[Column] = []
        self.restart = True
        """Whether the charts are to be sent as a whole."""


def _no_book(_product_code: str) -> None:
    return None


def _state(book: OrderBook | None) -> str:
    return str(BookState.WAITING_SNAPSHOT if book is None else book.state)


def _book(product_code: str, book: OrderBook | None, ticker: Ticker | None) -> messages.Book:
    state = _state(book)
    if book is None or state not in (BookState.LIVE, BookState.AUCTION):
        reason, drift_count = ("", 0) if book is None else (book.reason, book.drift_count)
        return messages.Book(product_code, state, reason, drift_count)
    uncrossing = None
    if state == BookState.AUCTION:
        # The ticker has the sizes of waiting market orders; the book has them only where they have a row.
        last, bid, ask = (ticker.ltp, ticker.market_bid_size, ticker.market_ask_size) if ticker else (None, None, None)
        uncrossing = book.uncrossing_price(last, market_bid_size=bid, market_ask_size=ask)
    return messages.Book(
        product_code,
        state=state,
        reason=book.reason,
        drift_count=book.drift_count,
        bids=[(level.price, level.size) for level in book.bids(DEPTH)],
        asks=[(level.price, level.size) for level in book.asks(DEPTH)],
        uncrossing=uncrossing,
    )


def _depth(product_code: str, book: OrderBook | None) -> messages.Depth:
    if book is None or book.state is not BookState.LIVE:
        return messages.Depth(product_code, _state(book))
    return messages.Depth(product_code, str(book.state), *depth_points(book))


def _ticker(product_code: str, ticker: Ticker) -> messages.Ticker:
    """The product is its channel's: a server may call it otherwise in the message."""
    return messages.Ticker(
        product_code,
        ltp=ticker.ltp,
        best_bid=ticker.best_bid,
        best_ask=ticker.best_ask,
        volume=ticker.volume_by_product,
        state=ticker.state or "",
        timestamp=ticker.timestamp,
    )


def _execution(row: Execution, *, is_backfilled: bool = False) -> messages.Execution:
    # HTTP leaves out the Z; JavaScript would take the time for a local one.
    exec_date = row.exec_date if row.exec_date.endswith("Z") or not row.exec_date else f"{row.exec_date}Z"
    return messages.Execution(row.id, row.side, row.price, row.size, exec_date, is_backfilled)


def _time_ms(text: str) -> float | None:
    try:
        return parse_time(text) / 1e6
    except InputError:
        return None
