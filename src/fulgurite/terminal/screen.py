"""The screen of `fulgurite listen`: its state as lines of a given size, in words with styles. Pure.

Every panel is a function from state and a size to that many lines, each as wide as that or less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias

from fulgurite.client.items import StatusKind
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Level
from fulgurite.protocol.words import Words, number_text, printable
from fulgurite.terminal.layout import Column, beside, cut, sized, table, table_width, wrapped, wrapped_words
from fulgurite.terminal.screenstate import BAD, GOOD, WARNING, ConnectionView, Entry, ProductView, ScreenState

MIN_WIDTH: Final = 40
MIN_HEIGHT: Final = 10

LADDER_WIDTH: Final = 38
TRADES_WIDTH: Final = 38
NARROW_LADDER_WIDTH: Final = 34
NARROW_TRADES_WIDTH: Final = 24
DEPTH: Final = 10
"""Levels of each side at the most."""

FRESH_SECONDS: Final = 2.0
OLD_SECONDS: Final = 15.0

_TITLE: Final = "bold"
_ROUTINE: Final = {
    StatusKind.CONNECTING: "black on yellow",
    StatusKind.OPEN: GOOD,
    StatusKind.AUTHENTICATED: GOOD,
}


class Up(StrEnum):
    """The colour of buyers, and of prices that rise; the other is that of sellers, and of prices that fall."""

    GREEN = "green"
    RED = "red"

    @property
    def down(self) -> str:
        """The other one."""
        return "red" if self is Up.GREEN else "green"


_Draw: TypeAlias = Callable[[int, int], list[Words]]
"""Draws a panel of a width and a height."""
_Panel: TypeAlias = tuple[int, list[Words]]
"""A width, and the lines that stand in it."""


def screen(
    state: ScreenState, books: Mapping[str, OrderBook], width: int, height: int, now_ns: int, up: Up = Up.GREEN
) -> list[Words]:
    """The whole screen.

    Args:
        state: the state to draw.
        books: the order books that are shown, by product.
        width: columns of the terminal.
        height: its lines; so many come back.
        now_ns: the present, nanoseconds since 1970.
        up: the colour of buyers and of prices that rise; red in Japan.
    """
    lines = _header(state, width, now_ns)
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        too_small = f"The terminal has {width} x {height}: make it {MIN_WIDTH} x {MIN_HEIGHT} or larger"
        return sized([*lines[:2], [(too_small, "yellow")], *_log(state, width, max(height - 3, 0))], width, height)
    has = {channel.kind for channel in state.channels}
    if state.products:
        room = max(2, height // 3 if Kind.TICKER in has else 0)
        lines += [[], *_tickers(state, width, room, now_ns, up)] if Kind.TICKER in has else []
    rest = height - len(lines)
    log_height = min(max(5, rest // 4), 12, rest)
    middle = rest - log_height - 1
    if books:
        middle = min(middle, 2 * DEPTH + 3)
    is_middle = bool(books) or Kind.EXECUTIONS in has or any(kind.is_private for kind in has)
    if is_middle and middle >= 4:
        lines += [[], *_middle(state, books, width, middle - 1, up)]
    log_height = height - len(lines) - 1
    lines += [[], *_log(state, width, log_height)]
    return sized(lines, width, height)


def keys_line(books: int, held_since: str = "") -> Words:
    """The screen's last line: its keys.

    Args:
        books: how many there are.
        held_since: the time since it is held, or "" where it moves.
    """
    line: Words = [(" q ", "reverse"), (" quit  ", "dim")]
    if books > 1:
        line += [(" Tab ", "reverse"), (" next book  ", "dim")]
    if held_since:
        return [*line, (" space ", "reverse"), (f" HELD since {held_since}, not the present: space goes on ", BAD)]
    return [*line, (" space ", "reverse"), (" hold", "dim")]


def summary(state: ScreenState, now_ns: int) -> list[Words]:
    """A summary for after the screen: the number of messages, and the last failures."""
    count = f"{_counted(state.traffic.messages, 'message')} in {_duration((now_ns - state.started_ns) / 1e9)}"
    gaps = f"{_counted(state.gaps.count, 'gap')}, {state.gaps.recovered} recovered"
    lines: list[Words] = [[(f"{count}, {gaps}", "bold")]]
    lines += [_entry(entry) for entry in state.log if entry.style == BAD][-5:]
    return lines


# --- the header


def _header(state: ScreenState, width: int, now_ns: int) -> list[Words]:
    first: Words = [(" fulgurite ", "bold black on cyan"), (f" {printable(state.endpoint)}", "bold")]
    for number, view in sorted(state.connections.items()):
        first += [
            (f"  {state.dialects[number]} ", ""),
            _connection_state(view, {channel.name for channel in state.channels}, now_ns),
        ]
        if number > 3:
            break
    delay = state.traffic.delay_ns()
    facts = [
        f"{state.traffic.rate(now_ns):.0f} messages/s",
        f"{state.traffic.messages:,} in {_duration((now_ns - state.started_ns) / 1e9)}",
        *([] if delay is None else [f"delay {delay / 1e6:.0f} ms"]),
    ]
    second: Words = [(" " + "  ".join(facts), "dim")]
    if state.gaps.count:
        recovered = f", {state.gaps.recovered} recovered" if state.gaps.recovered else ""
        second.append((f"  {_counted(state.gaps.count, 'gap')}{recovered}", "bold red"))
    if state.recording.words:
        second.append((f"  {printable(state.recording.words)}", "bold magenta"))
    lines = [cut(first, width), cut(second, width)]
    if state.recording.failure:
        lines.append([(printable(f" {state.recording.failure} "), BAD)])
    return lines


def _connection_state(view: ConnectionView, wanted: set[str], now_ns: int) -> tuple[str, str]:
    if view.kind is StatusKind.BACKING_OFF:
        return f" CLOSED, again in {max(view.retry_ns - now_ns, 0) / 1e9:.0f} s ", BAD
    if view.kind not in _ROUTINE:
        return f" {view.kind.replace('_', ' ').upper()} ", BAD
    if view.kind is StatusKind.CONNECTING or not view.channels:
        return f" {view.kind.upper()} ", "black on yellow"
    # A book brings a channel that was not asked for by name.
    count = len(view.channels & wanted)
    all_of_them = len(wanted)
    return (" LIVE ", GOOD) if count == all_of_them else (f" {count} OF {all_of_them} ", "black on yellow")


# --- the tickers


def _tickers(state: ScreenState, width: int, height: int, now_ns: int, up: Up) -> list[Words]:
    names = [channel.product_code for channel in state.channels if channel.kind is Kind.TICKER]
    views = [(name, state.products[name]) for name in dict.fromkeys(names)]
    shown = views[: height - 1]

    def column(title: str, cell: Callable[[ProductView], tuple[str, str]], is_right: bool = True) -> Column:
        return Column(title, [cell(view) for _, view in shown], is_right)

    columns = [
        Column("PRODUCT", [(printable(name), "bold") for name, _ in shown], False),
        column("LAST", lambda view: _last(view, up)),
        column("BID", lambda view: (_price(view, "best_bid"), up)),
        column("ASK", lambda view: (_price(view, "best_ask"), up.down)),
        column("SPREAD", _spread),
        column("24H VOL", lambda view: ("" if view.ticker is None else _size(view.ticker.volume_by_product), "")),
        column("STATE", _state, False),
        column("AGE", lambda view: _age(view, now_ns), False),
    ]
    # The least important go first where there is no room.
    for titles in (("SPREAD",), ("24H VOL",), ("BID", "ASK"), ("STATE",)):
        if table_width(columns) <= width:
            break
        columns = [each for each in columns if each.title not in titles]
    lines = table(columns)
    if len(shown) < len(views):
        lines[-1] = [(f" {len(views) - len(shown) + 1} more do not fit", "dim")]
    return lines


def _last(view: ProductView, up: Up) -> tuple[str, str]:
    if view.ticker is None:
        return "-", "dim"
    before = view.ticker.ltp if view.before is None else view.before.ltp
    if view.ticker.ltp > before:
        return f"{number_text(view.ticker.ltp)} ▲", f"bold {up}"
    if view.ticker.ltp < before:
        return f"{number_text(view.ticker.ltp)} ▼", f"bold {up.down}"
    return f"{number_text(view.ticker.ltp)}  ", "bold"


def _price(view: ProductView, name: str) -> str:
    return "-" if view.ticker is None else number_text(getattr(view.ticker, name))


def _spread(view: ProductView) -> tuple[str, str]:
    if view.ticker is None:
        return "-", "dim"
    return number_text(float(f"{view.ticker.best_ask - view.ticker.best_bid:.8g}")), ""


def _state(view: ProductView) -> tuple[str, str]:
    if view.ticker is None:
        return "-", "dim"
    state = printable(view.ticker.state or "-")
    return (state, "green") if state in ("RUNNING", "-") else (f" {state} ", WARNING)


def _age(view: ProductView, now_ns: int) -> tuple[str, str]:
    """The time since the last message, with a mark that empties and a colour that cools."""
    if not view.heard_ns:
        return "○ none", "dim"
    seconds = max(now_ns - view.heard_ns, 0) / 1e9
    text = f"{seconds:.1f} s" if seconds < 10 else _duration(seconds)
    if seconds < FRESH_SECONDS:
        return f"● {text}", "bold green"
    return (f"◐ {text}", "yellow") if seconds < OLD_SECONDS else (f"○ {text}", "bold red")


# --- books, trades and orders


def _middle(state: ScreenState, books: Mapping[str, OrderBook], width: int, height: int, up: Up) -> list[Words]:
    """Order books, trades and open orders: side by side, or the books above the others where that is too narrow."""
    kinds = {channel.kind for channel in state.channels}
    others: list[_Draw] = []
    if Kind.EXECUTIONS in kinds:
        others.append(lambda width, height: _trades(state, width, height, up))
    if Kind.CHILD_ORDER_EVENTS in kinds:
        others.append(lambda width, height: _orders(state, width, height, up))
    if not others:
        return _joined(_ladders(books, width, height, up, LADDER_WIDTH * 2), height)
    if not books:
        return _joined(_evenly(others, width, height), height)
    if width < NARROW_LADDER_WIDTH + NARROW_TRADES_WIDTH:
        upper = (height + 1) // 2
        ladder = _joined(_ladders(books, width, upper, up, LADDER_WIDTH), upper)
        return ladder + _joined(_evenly(others, width, height - upper), height - upper)
    room = max(width - TRADES_WIDTH * len(others), NARROW_LADDER_WIDTH)
    panels = _ladders(books, room, height, up, LADDER_WIDTH)
    left = width - sum(taken for taken, _ in panels)
    return _joined(panels + _evenly(others, left, height), height)


def _ladders(books: Mapping[str, OrderBook], width: int, height: int, up: Up, widest: int) -> list[_Panel]:
    count = max(min(len(books), width // LADDER_WIDTH), 1)
    each = min(width // count, widest)
    of = f"  {count} of {len(books)} books" if count < len(books) else ""
    return [(each, _ladder(name, book, each - 2, height, up, of)) for name, book in islice(books.items(), count)]


def _evenly(panels: list[_Draw], width: int, height: int) -> list[_Panel]:
    each = width // len(panels)
    return [(each, draw(each - 1, height)) for draw in panels]


def _joined(panels: list[_Panel], height: int) -> list[Words]:
    return [beside([(width, lines[i] if i < len(lines) else []) for width, lines in panels]) for i in range(height)]


def _ladder(product_code: str, book: OrderBook, width: int, height: int, up: Up, of: str) -> list[Words]:
    title: Words = [(f"{printable(product_code)} ", _TITLE)]
    match book.state:
        case BookState.LIVE:
            label = (" LIVE ", GOOD)
        case BookState.AUCTION:
            label = (" AUCTION ", WARNING)
        case BookState.STALE:
            why = f"{book.reason}; it is right again after the next snapshot"
            return [[*title, (" STALE ", BAD), (of, "dim")], [], *_wrapped(why, BAD, width)][:height]
        case _:
            why = "one comes every 5 s or so"
            label = (" WAITING FOR A SNAPSHOT ", WARNING)
            return [[*title, label, (of, "dim")], [], *_wrapped(why, WARNING, width)][:height]
    drift = f"  {_counted(book.drift_count, 'drift')}" if book.drift_count else ""
    return [[*title, label, (drift + of, "dim")], *_levels(book, width, min(DEPTH, (height - 2) // 2), up)]


def _wrapped(text: str, style: str, width: int) -> list[Words]:
    return [[(line, style.split(" on ")[0])] for line in wrapped(text, width)]


def _levels(book: OrderBook, width: int, depth: int, up: Up) -> list[Words]:
    """The best levels of both sides, each with a bar, and the spread between them."""
    asks, bids = book.asks(depth), book.bids(depth)
    levels = [*asks, *bids]
    prices = max((len(number_text(level.price)) for level in levels), default=1)
    sizes = max((len(_size(level.size)) for level in levels), default=1)
    largest = max((level.size for level in levels), default=1.0)
    room = max(width - prices - sizes - 3, 0)

    def row(level: Level, style: str) -> Words:
        return [
            (f"{number_text(level.price):>{prices}} ", f"bold {style}"),
            (f"{_size(level.size):>{sizes}} ", ""),
            (_bar(level.size / largest, room), style),
        ]

    middle: Words = [("", "")]
    if asks and bids:
        spread = number_text(float(f"{abs(asks[0].price - bids[0].price):.8g}"))
        name = "crossed by" if book.state is BookState.AUCTION else "spread"
        line = "─" * max(width - prices - len(spread) - len(name) - 3, 0)
        middle = [(f"{'─' * prices} {name} {spread} {line}", "dim")]
    rows = [*(row(level, up.down) for level in reversed(asks)), middle, *(row(level, up) for level in bids)]
    return [*([] for _ in range(depth - len(asks))), *rows]


def _bar(share: float, width: int) -> str:
    eighths = max(round(share * width * 8), 1)
    full, part = divmod(eighths, 8)
    return ("█" * full + " ▏▎▍▌▋▊▉"[part].strip())[:width]


def _trades(state: ScreenState, width: int, height: int, up: Up) -> list[Words]:
    shown = list(islice(reversed(state.trades), height - 1))
    if not shown:
        return [[("TRADES", _TITLE)], [("none yet", "dim")]]
    sides = {"BUY": ("B", up), "SELL": ("S", up.down)}
    rows = [(trade, trade.execution, *sides.get(trade.execution.side, ("-", ""))) for trade in shown]
    columns = [
        Column("TRADES", [(_clock(trade.at_ns), "dim") for trade, *_ in rows], False),
        Column("", [(side + "+" * trade.is_recovered, colour) for trade, _, side, colour in rows], False),
        Column("PRICE", [(number_text(execution.price), colour) for _, execution, _, colour in rows]),
        Column("SIZE", [(_size(execution.size), "") for _, execution, *_ in rows]),
    ]
    if len({trade.product_code for trade in state.trades}) > 1:
        columns.append(Column("PRODUCT", [(printable(trade.product_code), "dim") for trade, *_ in rows], False))
    if any(trade.is_recovered for trade in shown):
        words = [("recovered" if trade.is_recovered else "", "yellow") for trade, *_ in rows]
        columns.append(Column("", words, False))
    while len(columns) > 4 and table_width(columns) > width:
        del columns[4]
    if table_width(columns) > width:
        del columns[0]
    return table(columns)


def _orders(state: ScreenState, width: int, height: int, up: Up) -> list[Words]:
    shown = list(islice(reversed(state.orders.values()), height - 1))
    if not shown:
        return [[("OPEN ORDERS", _TITLE)], [("none placed since the start", "dim")]]
    colours = {"BUY": up, "SELL": up.down}
    rows = [(view, view.placed, colours.get(view.placed.side or "", "")) for view in shown]
    columns = [
        Column("OPEN ORDERS", [(printable(order.product_code), "") for _, order, _ in rows], False),
        Column("SIDE", [(printable(order.side or "-"), colour) for _, order, colour in rows], False),
        Column("PRICE", [(number_text(order.price) if order.price else "market", colour) for _, order, colour in rows]),
        Column("LEFT", [(_size(view.outstanding), "") for view, _, _ in rows]),
        Column("OF", [(_size(order.size or 0.0), "dim") for _, order, _ in rows]),
        Column("ID", [(printable(order.child_order_acceptance_id), "dim") for _, order, _ in rows], False),
    ]
    while len(columns) > 3 and table_width(columns) > width:
        columns.pop()
    return table(columns)


# --- the log


def _log(state: ScreenState, width: int, height: int) -> list[Words]:
    if height < 1:
        return []
    lines: list[Words] = []
    for entry in reversed(state.log):
        words = _entry(entry)
        at_end = wrapped_words(words, width, 3 if entry.style == BAD else 1)
        if len(lines) + len(at_end) > height - 1:
            break
        lines[:0] = at_end
    return [[("EVENTS", _TITLE)], *lines]


def _entry(entry: Entry) -> Words:
    text_style = "bold" if entry.style == BAD else ""
    return [(f"{_clock(entry.at_ns)} ", "dim"), (f" {entry.badge} ", entry.style), (f" {entry.text}", text_style)]


# --- numbers and times


def _size(size: float) -> str:
    """A size or volume to at most four places: smaller digits only blur a column."""
    return number_text(round(size, 4)) if size >= 0.001 else number_text(size)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _clock(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000):%H:%M:%S}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
