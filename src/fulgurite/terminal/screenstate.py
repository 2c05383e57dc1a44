"""The state of the screen of `fulgurite listen`, kept from the stream's items. Pure.

Everything is bounded: the oldest trades, entries of the log, and open orders are forgotten.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from statistics import median
from typing import Final

import msgspec

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.errors import ChannelError, InputError, MessageError
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Channel, Kind, parse_channel
from fulgurite.protocol.messages import ChildOrderEvent, Execution, ParentOrderEvent, Ticker, parse_time
from fulgurite.protocol.words import number_text, printable

TRADES_LIMIT: Final = 200
LOG_LIMIT: Final = 200
ORDERS_LIMIT: Final = 500

GAP_TOGETHER_NS: Final = 10_000_000_000
"""Gaps of one reason that end within this time share an entry of the log."""

RATE_SECONDS: Final = 5
"""Over how long messages are counted for their rate."""

DELAYS_LIMIT: Final = 20
"""Messages whose delays the median is taken of."""

CLOCKS_APART_NS: Final = 60_000_000_000
"""A delay beyond this says nothing about the network: the exchange has another time."""

GOOD: Final = "black on green"
WARNING: Final = "bold black on yellow"
BAD: Final = "bold white on red"

_KINDS: Final = {
    Kind.TICKER: "ticker",
    Kind.EXECUTIONS: "executions",
    Kind.BOARD: "board",
    Kind.BOARD_SNAPSHOT: "snapshot",
    Kind.CHILD_ORDER_EVENTS: "orders",
    Kind.PARENT_ORDER_EVENTS: "special orders",
}
_ENDED: Final = ("CANCEL", "EXPIRE", "ORDER_FAILED")
_BADGES: Final = {
    **dict.fromkeys((StatusKind.OPEN, StatusKind.AUTHENTICATED, StatusKind.CAUGHT_UP), GOOD),
    **dict.fromkeys((StatusKind.SILENT, StatusKind.BEHIND, StatusKind.DROPPED), WARNING),
    **dict.fromkeys((StatusKind.REFUSED, StatusKind.UNANSWERED, StatusKind.CLOSED, StatusKind.DEAD), BAD),
    StatusKind.BACKING_OFF: "dim",
}


class Entry(msgspec.Struct):
    """One line of the log."""

    at_ns: int
    badge: str
    style: str
    text: str


class ProductView(msgspec.Struct):
    """One product's line."""

    ticker: Ticker | None = None
    before: Ticker | None = None
    """The ticker before: it tells the direction of the price."""
    heard_ns: int = 0
    """The time of the last message of any of its channels."""
    book_state: BookState = BookState.WAITING_SNAPSHOT


class Trade(msgspec.Struct, frozen=True):
    """One execution."""

    product_code: str
    execution: Execution
    at_ns: int
    is_recovered: bool


class OrderView(msgspec.Struct):
    """One open order, as far as its events have told."""

    placed: ChildOrderEvent
    outstanding: float
    at_ns: int


class ConnectionView(msgspec.Struct):
    """One connection."""

    url: str = ""
    kind: StatusKind = StatusKind.CONNECTING
    retry_ns: int = 0
    """The time of the next attempt, while it waits for one."""
    channels: set[str] = set()
    """Those that are acknowledged."""


class RecordingView(msgspec.Struct):
    """The recording, if there is one."""

    words: str = ""
    """Its state in words; "" where there is none."""
    failure: str = ""
    """A lasting failure that must not be overlooked."""


class Traffic:
    """How many messages there were, their rate, and their delay."""

    def __init__(self) -> None:
        self.messages = 0
        self._seconds: Counter[int] = Counter()
        self._delays = {kind: deque[int](maxlen=DELAYS_LIMIT) for kind in (Kind.EXECUTIONS, Kind.TICKER)}

    def add(self, at_ns: int) -> None:
        """Count a message."""
        self.messages += 1
        if len(self._seconds) < 1000:  # a replay's clock may jump
            self._seconds[at_ns // 1_000_000_000] += 1

    def add_delay(self, kind: Kind, at_ns: int, sent: str) -> None:
        """Take note of the exchange's own time of a message, as it wrote it."""
        with suppress(InputError):  # it is known to be blank at times
            self._delays[kind].append(at_ns - parse_time(sent))

    def rate(self, now_ns: int) -> float:
        """Messages a second, of late."""
        now = now_ns // 1_000_000_000
        for second in [second for second in self._seconds if second < now - RATE_SECONDS]:
            del self._seconds[second]
        return sum(count for second, count in self._seconds.items() if second < now) / RATE_SECONDS

    def delay_ns(self) -> int | None:
        """The delay of messages after the exchange's own time, by our clock; None where it is not known.

        Executions tell it best. Tickers are held back for up to half a second by the exchange.
        """
        delays = self._delays[Kind.EXECUTIONS] or self._delays[Kind.TICKER]
        delay = round(median(delays)) if delays else None
        return None if delay is None or abs(delay) > CLOCKS_APART_NS else delay


class Gaps:
    """The number of gaps, and the log's entry of the latest; others of the same reason join it."""

    def __init__(self) -> None:
        self.count = 0
        self.recovered = 0
        self._entry: Entry | None = None
        self._together: dict[str, Gap] = {}

    def add(self, gap: Gap) -> Entry | None:
        """Count a gap; returns its entry where it begins one."""
        self.recovered += gap.recovered
        again = self._together.get(gap.channel)
        is_again = again is not None and again.to_ns == gap.to_ns
        self.count += not is_again
        first = next(iter(self._together.values()), None)
        is_alike = first is not None and first.reason == gap.reason and abs(gap.to_ns - first.to_ns) < GAP_TOGETHER_NS
        joins = self._entry is not None and (is_again or (is_alike and again is None))
        if self._entry is None or not joins:
            self._together = {}
            self._entry = Entry(gap.to_ns, "GAP", BAD, "")
        self._together[gap.channel] = gap
        self._entry.text = _gap_text(list(self._together.values()))
        return None if joins else self._entry


class ScreenState:
    """The state of the screen: items are added to it.

    Args:
        channels: those that are listened to.
        endpoint: its name for people.
        dialects: the name of each connection's dialect.
        started_ns: when it began.
    """

    def __init__(self, channels: Iterable[Channel], endpoint: str, dialects: Sequence[str], started_ns: int) -> None:
        self.channels = list(channels)
        self.endpoint = endpoint
        self.dialects = dialects
        self.started_ns = started_ns
        self.traffic = Traffic()
        self.gaps = Gaps()
        self.recording = RecordingView()
        self.connections: dict[int, ConnectionView] = {}
        self.products: dict[str, ProductView] = {
            channel.product_code: ProductView() for channel in self.channels if channel.product_code
        }
        self.trades: deque[Trade] = deque(maxlen=TRADES_LIMIT)
        self.orders: dict[str, OrderView] = {}
        self.log: deque[Entry] = deque(maxlen=LOG_LIMIT)

    def add(self, items: Iterable[Item]) -> None:
        """Add items of the stream."""
        for item in items:
            match item:
                case Message():
                    self._message(item)
                case Gap():
                    entry = self.gaps.add(item)
                    if entry is not None:
                        self.log.append(entry)
                case Status():
                    self._status(item)
                case Malformed():
                    text = f"{item.error}: {item.frame[:100]}"
                    self._say(item.received_ns, "NOT THE PROTOCOL", BAD, text)
                case Frame():
                    pass  # they are for the recording

    def look_at_book(self, product_code: str, book: OrderBook, at_ns: int) -> None:
        """Take note of the state of a book."""
        view = self.products[product_code]
        if book.state is view.book_state:
            return
        view.book_state = book.state
        styles = {BookState.STALE: BAD, BookState.AUCTION: WARNING}
        if book.state in styles:
            self._say(at_ns, book.state, styles[book.state], f"{product_code} order book: {book.reason}")
        else:
            self._say(at_ns, "LIVE", GOOD, f"{product_code} order book")

    # --- inside

    def _message(self, message: Message) -> None:
        at_ns = message.received_ns
        self.traffic.add(at_ns)
        try:
            data = message.data
            product_code = parse_channel(message.channel).product_code
        except (MessageError, ChannelError) as error:
            self._say(at_ns, "UNREADABLE", BAD, str(error))
            return
        view = self.products.get(product_code)
        if view is not None:
            view.heard_ns = max(view.heard_ns, at_ns)
        match data:
            case Ticker():
                if view is not None:
                    self._ticker(product_code, view, data, at_ns)
            case list():
                for row in data:
                    match row:
                        case Execution():
                            is_recovered = message.origin is not Origin.LIVE
                            self.trades.append(Trade(product_code, row, at_ns, is_recovered))
                            if not is_recovered:
                                self.traffic.add_delay(Kind.EXECUTIONS, at_ns, row.exec_date)
                        case ChildOrderEvent():
                            self._order(row, message)
                        case ParentOrderEvent():
                            self._say_event(row, message)

    def _ticker(self, product_code: str, view: ProductView, ticker: Ticker, at_ns: int) -> None:
        before = view.ticker
        if before is not None and before.state != ticker.state:
            text = f"{product_code} was {before.state or 'in an unknown state'}"
            self._say(at_ns, ticker.state or "?", WARNING, text)
        if before is None or before.ltp != ticker.ltp:
            view.before = before
        view.ticker = ticker
        self.traffic.add_delay(Kind.TICKER, at_ns, ticker.timestamp)

    def _order(self, event: ChildOrderEvent, message: Message) -> None:
        number = event.child_order_acceptance_id
        if event.event_type == "ORDER":
            self.orders[number] = OrderView(event, event.size or 0.0, message.received_ns)
            if len(self.orders) > ORDERS_LIMIT:
                del self.orders[next(iter(self.orders))]
        elif event.event_type in _ENDED:
            self.orders.pop(number, None)
        elif event.event_type == "EXECUTION" and number in self.orders:
            self.orders[number].outstanding = event.outstanding_size or 0.0
            if not event.outstanding_size:
                del self.orders[number]
        self._say_event(event, message)

    def _say_event(self, event: ChildOrderEvent | ParentOrderEvent, message: Message) -> None:
        number = event.child_order_acceptance_id
        if isinstance(event, ParentOrderEvent):
            number = event.parent_order_acceptance_id
        words = [event.product_code, event.side or ""]
        if event.price is not None and event.size is not None:
            words.append(f"{number_text(event.price) if event.price else 'MARKET'} x {number_text(event.size)}")
        words += [event.reason or "", number or ""]
        text = " ".join(word for word in words if word)
        if message.origin is not Origin.LIVE:
            text += f" ({message.origin})"
        self._say(message.received_ns, event.event_type, "bold black on cyan", text)

    def _status(self, status: Status) -> None:
        view = self.connections.setdefault(status.connection, ConnectionView())
        match status.kind:
            case StatusKind.SUBSCRIBED:
                view.channels.add(status.channel or "")
                return
            case StatusKind.UNSUBSCRIBED:
                view.channels.discard(status.channel or "")
                return
            case StatusKind.CONNECTING:
                view.url = status.detail
                view.kind = status.kind
                return
            case StatusKind.OPEN | StatusKind.AUTHENTICATED | StatusKind.BEHIND:
                view.kind = status.kind
            case StatusKind.CAUGHT_UP:
                view.kind = StatusKind.OPEN
            case StatusKind.CLOSED:
                view.kind = status.kind
                view.channels.clear()
            case StatusKind.BACKING_OFF:
                view.kind = status.kind
                view.retry_ns = status.at_ns + round((status.seconds or 0.0) * 1e9)
                return
        badge = status.kind.replace("_", " ").upper()
        text = status.detail
        if status.channel:
            text = f"{_name(status.channel)}: {text}"
        if status.kind in (StatusKind.OPEN, StatusKind.AUTHENTICATED):
            text = view.url
        if len(self.connections) > 1:
            text = f"#{status.connection} {text}"
        self._say(status.at_ns, badge, _BADGES.get(status.kind, ""), text)

    def _say(self, at_ns: int, badge: str, style: str, text: str) -> None:
        self.log.append(Entry(at_ns, printable(badge), style, printable(text)))


def _name(channel: str) -> str:
    """The channel as people would say it."""
    try:
        kind, product_code = parse_channel(channel)
    except ChannelError:
        return printable(channel)
    return f"{product_code} {_KINDS[kind]}".lstrip()


def _gap_text(gaps: list[Gap]) -> str:
    """Gaps of one reason in one line: their length, recovered items, channels and reason."""
    # One connection brought them all: while one channel still came, the others would have, too.
    seconds = (max(gap.to_ns for gap in gaps) - max(gap.from_ns for gap in gaps)) / 1e9
    channels: dict[str, list[str]] = {}
    recovered: Counter[tuple[str, Repaired, str]] = Counter()
    unresolved = 0
    for gap in gaps:
        product_code, _, kind = _name(gap.channel).rpartition(" ")
        channels.setdefault(product_code, []).append(kind)
        if gap.note or gap.repaired is not Repaired.NONE:
            recovered[kind, gap.repaired, gap.note.removeprefix("not repaired: ")] += gap.recovered
        unresolved += len(gap.unresolved)
    words = [f"{seconds:.1f} s"]
    words += [f"{kind} {_outcome(repaired, count, note)}" for (kind, repaired, note), count in recovered.items()]
    if unresolved:
        words.append(f"{unresolved} orders ended and nobody can say how")
    words.append("; ".join(f"{product} {', '.join(kinds)}".lstrip() for product, kinds in channels.items()))
    return printable(" - ".join([*words, gaps[0].reason]))


def _outcome(repaired: Repaired, count: int, note: str) -> str:
    match repaired:
        case Repaired.PENDING:
            return "being recovered"
        case Repaired.FULL:
            return f"{count} recovered, all of them" if count else "missed none"
        case Repaired.PARTIAL:
            return f"{count} recovered, not all: {note}"
        case Repaired.NONE:
            return f"not recovered: {note}"
