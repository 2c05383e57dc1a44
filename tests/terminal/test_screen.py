"""The screen: everything that matters is on it at any size, and nothing that commands a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.client.items import Gap, Malformed, Repaired, Status, StatusKind
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.channels import Channel, board, child_order_events, executions, ticker
from fulgurite.protocol.messages import Board, Level
from fulgurite.protocol.words import Words
from fulgurite.terminal.screen import Up, screen, summary
from fulgurite.terminal.screenstate import ScreenState
from tests.terminal.test_screenstate import SECOND, execution, message, order, ticker_message

PRODUCT = "BTC_JPY"
CHANNELS: list[Channel] = [ticker(PRODUCT), executions(PRODUCT), board(PRODUCT)]
NOW = 100 * SECOND


def full(channels: list[Channel] = CHANNELS) -> tuple[ScreenState, dict[str, OrderBook]]:
    state = ScreenState(channels, "embedded", ["json-rpc"] * 3, 0)
    state.add([
        Status(StatusKind.CONNECTING, 1, None, "ws://127.0.0.1/json-rpc"), Status(StatusKind.OPEN, 2),
        *(Status(StatusKind.SUBSCRIBED, 3, str(channel)) for channel in channels),
        *(
            ticker_message(NOW - SECOND // 2, ltp=ltp, best_bid=3_539_640, best_ask=3_541_058, volume_by_product=3153.8)
            for ltp in (3_540_000, 3_540_100)
        ),
        message(executions(PRODUCT), [execution(1, "BUY"), execution(2, "SELL"), execution(3, "")], NOW - SECOND),
        Gap(str(executions(PRODUCT)), "closed by the server: 1012", 0, SECOND, repaired=Repaired.FULL, recovered=7),
        message(child_order_events(), [order("ORDER", "JRF7", side="BUY", price=5.0, size=0.3)]),
    ])  # fmt: skip
    book = OrderBook()
    levels = [Level(price, 0.5) for price in range(100, 130)]
    book.apply_snapshot(Board(99.5, [Level(99.0 - n, 0.25) for n in range(30)], levels))
    return state, {PRODUCT: book}


def shown(lines: list[Words]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def styles_of(lines: list[Words], part: str) -> list[str]:
    return [style for line in lines for text, style in line if part in text]


def test_a_book_that_has_crossed_is_shown_as_an_auction():
    state, books = full()
    books[PRODUCT].apply_snapshot(Board(99.5, [Level(101.0, 0.25)], [Level(98.0, 0.5)]))
    state.look_at_book(PRODUCT, books[PRODUCT], NOW)
    text = shown(screen(state, books, 80, 24, NOW))
    for part in ("BTC_JPY  AUCTION", "crossed by 3", "order book: an auction"):
        assert part in text, part


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (120, 30)])
def test_everything_that_matters_is_on_it(width, height):
    state, books = full()
    text = shown(screen(state, books, width, height, NOW))
    for part in (
        "embedded", "json-rpc  LIVE", "1 gap, 7 recovered", "3,540,100 ▲", "3,539,640", "3,541,058", "3,153.8",
        "RUNNING", "● 0.5 s", "BTC_JPY  LIVE", "spread 1", "TRADES", " B ", " S ", " - ", "EVENTS",
        " GAP  1.0 s - executions 7 recovered, all of them",
    ):  # fmt: skip
        assert part in text, part


def test_ladders_have_the_best_levels_in_the_middle_and_ten_at_the_most():
    state, books = full()
    lines = shown(screen(state, books, 80, 60, NOW)).splitlines()
    prices = [line.split()[0] for line in lines if "█" in line]
    assert prices == [str(price) for price in (*range(109, 99, -1), *range(99, 89, -1))]


@pytest.mark.parametrize(("up", "down"), [(Up.GREEN, "red"), (Up.RED, "green")])
def test_the_colours_of_buyers_and_sellers_can_change_places(up, down):
    state, books = full()
    lines = screen(state, books, 100, 40, NOW, up)
    assert styles_of(lines, "3,540,100 ▲") == [f"bold {up}"]
    assert styles_of(lines, "3,541,058") == [down]
    assert [style for line in lines for text, style in line if text.strip() in ("B", "S")] == [down, up]


@pytest.mark.parametrize(
    ("seconds", "mark", "style"),
    [(0.5, "● 0.5 s", "bold green"), (9, "◐ 9.0 s", "yellow"), (80, "○ 1 min 20 s", "bold red")],
)
def test_ages_cool_in_colour_and_mark(seconds, mark, style):
    state, books = full()
    heard_ns = state.products[PRODUCT].heard_ns
    lines = screen(state, books, 100, 40, heard_ns + round(seconds * SECOND))
    assert [style.strip() for style in styles_of(lines, mark)] == [style]


def test_a_book_that_may_be_wrong_shows_no_levels():
    state, books = full()
    books[PRODUCT].invalidate("a tunnel")
    lines = screen(state, books, 80, 24, NOW)
    assert "█" not in shown(lines)
    assert "a tunnel; it is right again" in shown(lines)
    assert styles_of(lines, " STALE ") == ["bold white on red"]
    waiting = shown(screen(state, {PRODUCT: OrderBook()}, 80, 24, NOW))
    assert "WAITING FOR A SNAPSHOT" in waiting


def test_a_connection_that_is_down_is_loud_and_says_when_it_is_tried_again():
    state, books = full()
    state.add([Status(StatusKind.CLOSED, NOW, detail="1006"), Status(StatusKind.BACKING_OFF, NOW, seconds=4.0)])
    lines = screen(state, books, 80, 24, NOW + SECOND)
    assert styles_of(lines, " CLOSED, again in 3 s ") == ["bold white on red"]


def test_books_that_do_not_fit_are_counted():
    state, books = full([board(product) for product in ("BTC_JPY", "ETH_JPY", "XRP_JPY")])
    three = dict.fromkeys(("BTC_JPY", "ETH_JPY", "XRP_JPY"), books[PRODUCT])
    assert "2 of 3 books" in shown(screen(state, three, 80, 24, NOW))
    assert "of 3 books" not in shown(screen(state, three, 160, 24, NOW))


def test_open_orders_have_a_table():
    state, _ = full([child_order_events()])
    text = shown(screen(state, {}, 80, 24, NOW))
    assert "OPEN ORDERS" in text
    assert any(line.split() == ["BTC_JPY", "BUY", "5", "0.3", "0.3", "JRF7"] for line in text.splitlines())


def test_a_recording_that_failed_is_not_overlooked():
    state, books = full()
    state.recording.failure = "cannot write a.jsonl"
    assert styles_of(screen(state, books, 80, 24, NOW), "cannot write a.jsonl") == ["bold white on red"]


def test_the_summary_says_how_much_came_and_what_went_wrong():
    state, _ = full()
    text = shown(summary(state, 3700 * SECOND))
    assert "4 messages in 1 h 01 min, 1 gap, 7 recovered" in text
    assert "GAP" in text


texts = st.text(max_size=30)
some_channels = st.lists(
    st.sampled_from([*CHANNELS, ticker("ETH_JPY"), board("ETH_JPY"), child_order_events()]), min_size=1
)


@settings(max_examples=300)
@given(
    some_channels, st.integers(1, 200), st.integers(1, 70), st.integers(0, 10**15), texts, texts,
    st.floats(0, 1e12), st.sampled_from(Up),
)  # fmt: skip
def test_it_fits_any_terminal_and_commands_none(channels, width, height, now_ns, one, other, number, up):
    state, books = full(channels)
    state.recording.failure = one
    state.add([
        Status(StatusKind.CLOSED, 1, one, other), Status(StatusKind.CONNECTING, 1, None, one, connection=2),
        Gap(str(channels[0]), one, 1, 2, note=other), Gap(one, other, 1, 2), Malformed(1, one, other),
        ticker_message(state=one, ltp=number, volume_by_product=number),
        message(executions(PRODUCT), [execution(1, other)]),
    ])  # fmt: skip
    wanted = {channel.product_code: OrderBook() for channel in channels if channel.product_code}
    lines = screen(state, wanted | books, width, height, now_ns, up)
    assert len(lines) == height
    for line in lines:
        assert sum(len(text) for text, _ in line) <= width
        assert all(text.isprintable() for text, _ in line)
