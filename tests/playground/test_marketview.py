"""The market view: the product in view is shown, the others are ready, and nothing is shown that may be wrong."""

from __future__ import annotations

import msgspec
import pytest

from fulgurite.client import Message
from fulgurite.client.bookkeeping import BookKeeper
from fulgurite.client.duplicates import executions_of
from fulgurite.client.feed import Feed
from fulgurite.playground.candles import INTERVALS
from fulgurite.playground.heatmap import COLUMN_LIMIT
from fulgurite.playground.marketview import MarketView
from fulgurite.playground.messages import Book, Candles, Charts, Depth, Executions, Gap, Heatmap, Ticker
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol import channels
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.messages import Board, Execution, Level
from fulgurite.protocol.messages import Ticker as WireTicker

FX, BTC = "FX_BTC_JPY", "BTC_JPY"
ALL = Charts(["book", "candles", "depth", "heatmap"], 1)
T0 = 1_795_305_600_000  # 2026-11-22T00:00:00Z


def board(bid, ask):
    return Board((bid + ask) / 2, [Level(bid, 1.0)], [Level(ask, 2.0)])


def ticker(product_code):
    return WireTicker(product_code, "2026-11-22T00:00:00Z", 1, 99.0, 101.0, 1.0, 1.0, 1.0, 1.0, 100.0, 5.0, 6.0)


def fill(number, second=0, price=100.0, size=0.1, side="SELL"):
    return Execution(number, side, price, size, f"2026-11-22T00:00:{second:02d}Z", "JRF1", "JRF2")


def gap(channel, from_second, to_second, repaired="none"):
    return Gap(channel.name, "closed", T0 + from_second * 1e3, T0 + to_second * 1e3, repaired)


def executions_message(fills, at_ms):
    return Message(
        channels.executions(FX).name, int(at_ms * 1e6), "", msgspec.Raw(msgspec.json.encode(fills)), list(fills)
    )


class Page:
    """A market view with its outbox, kept books and the feed of its executions, and the messages to the page."""

    def __init__(self, product_code=FX, charts=ALL):
        self.outbox = Outbox()
        self.market = MarketView(self.outbox, product_code, charts)
        self.keepers = {code: BookKeeper() for code in (FX, BTC)}
        for keeper in self.keepers.values():
            keeper.resumed(Kind.BOARD)
        self.market.book_of = lambda code: self.keepers[code].book
        self.feed = Feed(channels.executions(FX))
        self.now = 0.0

    def receive(self, channel, message):
        """A message of a board: its book is brought up to date before anybody sees it."""
        self.keepers[channel.product_code].apply(channel.kind, message)
        self.market.receive(channel, message, T0)

    def sent(self, kind, later=1.0):
        self.now += later
        self.market.send(self.now)
        return [message for message in self.outbox.drain() if isinstance(message, kind)]

    def live(self, *fills, product_code=FX, at_ms=T0):
        """Executions come; those of FX by the client's feed, as in a stream."""
        given = self.feed.message(0, executions_message(fills, at_ms), now=0.0) if product_code == FX else []
        rows = [item.data for item in given if isinstance(item, Message)] if product_code == FX else [list(fills)]
        for data in rows:
            self.market.receive(channels.executions(product_code), data, at_ms)

    def load(self, *fills, problem=""):
        """Executions from before the subscription come, by way of the feed too."""
        if not self.market.is_loading(FX):
            return
        message = self.feed.recovered(executions_message(fills, T0))
        self.market.end_history(FX, [] if message is None else executions_of(message), problem)

    def execution_list(self):
        return [getattr(row, "id", "gap") for message in self.sent(Executions) for row in message.rows]


@pytest.fixture
def page():
    return Page()


def test_a_ticker_is_of_its_channels_product_whatever_it_says_itself():
    page = Page(FX)
    page.market.receive(channels.ticker(FX), ticker("BTCJPY_OTHER"), T0)
    assert [shown.product_code for shown in page.sent(Ticker)] == [FX]
    page.market.view(BTC)
    page.market.view(FX)
    assert [shown.product_code for shown in page.sent(Ticker)] == [FX]


def test_a_book_waits_for_its_snapshot_then_is_live(page):
    page.receive(channels.board(FX), board(99, 101))
    assert [book.state for book in page.sent(Book)] == ["WAITING_SNAPSHOT"]
    page.receive(channels.board_snapshot(FX), board(99, 101))
    [book] = page.sent(Book)
    assert (book.state, book.bids, book.asks) == ("LIVE", [(99, 1.0)], [(101, 2.0)])


def test_the_book_is_sent_ten_times_a_second_at_most_and_only_when_changed(page):
    page.sent(Book)
    counts = []
    for step in range(20):
        page.receive(channels.board_snapshot(FX), board(99 - step, 101))
        counts.append(len(page.sent(Book, later=1 / 16)))
    assert sum(counts) == 10, "every 62.5 ms it was asked, so every other time it was due"
    page.sent(Book)
    assert page.sent(Book) == []


def test_no_book_is_shown_after_an_interruption(page):
    page.receive(channels.board_snapshot(FX), board(99, 101))
    page.keepers[FX].interrupted(Kind.BOARD, "closed by the server: 1012")
    batch = page.sent((Book, Depth))
    assert {(message.state, tuple(message.bids)) for message in batch} == {("STALE", ())}
    assert {type(message) for message in batch} == {Book, Depth}


def test_without_a_kept_book_there_is_none_whatever_comes(page):
    """Snapshots without diffs make no book; that is not decided here."""
    page.market.book_of = lambda _code: None
    page.market.receive(channels.board_snapshot(FX), board(99, 101), T0)
    assert [(message.state, message.bids) for message in page.sent((Book, Depth))] == [("WAITING_SNAPSHOT", [])] * 2


def test_a_book_that_turns_stale_without_a_message_is_sent(page):
    page.receive(channels.board_snapshot(FX), board(99, 101))
    assert [book.state for book in page.sent(Book)] == ["LIVE"]
    page.keepers[FX].interrupted(Kind.BOARD, "nothing was read for 25 s")
    assert [(book.state, book.reason) for book in page.sent(Book)] == [("STALE", "nothing was read for 25 s")]


def test_an_auction_has_crossed_levels_and_the_price_at_which_it_would_uncross(page):
    bids = [Level(103.0, 1.0), Level(102.0, 2.0)]
    asks = [Level(100.0, 2.5), Level(104.0, 1.0)]
    page.market.receive(channels.ticker(FX), ticker(FX), T0)
    page.receive(channels.board_snapshot(FX), Board(101.0, bids, asks))
    book, depth = sorted(page.sent((Book, Depth)), key=lambda message: isinstance(message, Depth))
    assert (book.state, book.drift_count, depth.state, depth.bids) == ("AUCTION", 0, "AUCTION", [])
    assert book.bids == [(103.0, 1.0), (102.0, 2.0)]
    assert book.asks == [(100.0, 2.5), (104.0, 1.0)]
    expected = page.keepers[FX].book.uncrossing_price(100.0)
    assert book.uncrossing == expected
    assert 100.0 <= expected <= 102.0, "where most is executed"
    page.receive(channels.board_snapshot(FX), board(101, 102))
    assert [(book.state, book.uncrossing) for book in page.sent(Book)] == [("LIVE", None)]


def test_another_product_is_ready_when_it_comes_into_view(page):
    page.receive(channels.board_snapshot(BTC), board(9, 11))
    page.market.receive(channels.ticker(BTC), ticker(BTC), T0)
    page.live(fill(1), fill(2), product_code=BTC)
    page.market.sample(T0 + 500)
    assert page.sent((Ticker, Candles))[0].product_code == FX
    page.market.view(BTC)
    batch = page.sent((Book, Ticker, Candles, Heatmap, Executions))
    assert {type(message): message.product_code for message in batch} == dict.fromkeys(
        (Book, Ticker, Candles, Heatmap, Executions), BTC
    )
    shown = {type(message): message for message in batch}
    assert shown[Book].state == "LIVE"
    assert [row.id for row in shown[Executions].rows] == [1, 2]
    assert (len(shown[Candles].candles), shown[Candles].restart) == (1, True)
    assert (len(shown[Heatmap].columns), shown[Heatmap].restart) == (1, True)


def test_what_is_not_shown_is_not_sent():
    page = Page(charts=Charts([], 1))
    page.receive(channels.board_snapshot(FX), board(99, 101))
    page.live(fill(1))
    page.market.sample(T0 + 500)
    assert page.sent((Book, Depth, Candles, Heatmap)) == []
    page.market.show(Charts(["heatmap", "candles"], 60))
    heatmap, candles = sorted(page.sent((Book, Depth, Candles, Heatmap)), key=lambda message: "candles" in str(message))
    assert (len(heatmap.columns), candles.interval_s, len(candles.candles)) == (2, 60, 1)


def test_candles_come_once_and_then_as_they_change(page):
    page.live(fill(1, second=1, price=100), fill(2, second=1, price=103), fill(3, second=2, price=99))
    [first] = page.sent(Candles)
    assert first.restart
    assert [(candle.time_s - T0 // 1000, candle.open, candle.close) for candle in first.candles] == [
        (1, 100, 103),
        (2, 99, 99),
    ]
    assert page.sent(Candles) == []
    page.live(fill(4, second=2, price=98))
    [change] = page.sent(Candles)
    assert not change.restart
    assert [(candle.open, candle.close, candle.volume) for candle in change.candles] == [(99, 98, 0.2)]


def test_history_and_what_came_live_meanwhile_are_each_counted_once(page):
    assert page.market.begin_history(FX, T0) == 0
    page.live(fill(5, second=5), fill(6, second=6))
    page.load(fill(3, second=3), fill(4, second=4), fill(5, second=5))
    page.live(fill(7, second=7))
    candles = page.sent(Candles)[-1]
    assert [round(candle.volume, 8) for candle in candles.candles] == [0.1] * 5
    assert candles.history == "ready"
    assert page.market.begin_history(FX, T0) is None, (
        "another subscription, after an interruption: the client repairs that"
    )


def test_executions_that_history_was_faster_with_are_not_counted_again(page):
    page.market.begin_history(FX, T0)
    page.load(fill(3, second=3), fill(4, second=4))
    page.live(fill(3, second=3), fill(4, second=4), fill(5, second=5))
    assert [round(candle.volume, 8) for candle in page.sent(Candles)[-1].candles] == [0.1] * 3


def test_an_exchange_that_begins_anew_with_lower_ids_is_shown_too(page):
    page.market.begin_history(FX, T0)
    page.load(fill(803, second=3), fill(804, second=4))
    page.live(fill(805, second=5))
    page.live(fill(3, second=6), fill(4, second=7))
    assert len(page.sent(Candles)[-1].candles) == 5


def test_an_exchange_that_begins_anew_with_the_ids_of_the_history_is_shown_too(page):
    page.market.begin_history(FX, T0)
    page.load(fill(3, second=3), fill(4, second=4))
    page.live(fill(3, second=6, price=98), fill(4, second=7, price=97))
    assert [candle.close for candle in page.sent(Candles)[-1].candles][-2:] == [98, 97]


def test_the_execution_list_has_history_marked_and_in_order(page):
    page.market.begin_history(FX, T0)
    page.live(fill(5))
    page.load(fill(3), fill(4))
    [message] = page.sent(Executions)
    assert [(row.id, row.backfilled) for row in message.rows] == [(3, True), (4, True), (5, False)]
    assert message.rows[0].exec_date.endswith("Z")


def test_a_gap_is_in_the_candles_until_it_is_repaired(page):
    executions = channels.executions(FX)
    page.live(fill(1, second=1), at_ms=T0 + 1_000)
    page.market.miss(gap(executions, 1, 9, "pending"))
    page.live(fill(5, second=9), at_ms=T0 + 9_000)
    assert [(gap.from_ms - T0, gap.to_ms - T0) for gap in page.sent(Candles)[-1].gaps] == [(1_000, 9_000)]
    page.market.receive(executions, [fill(2, second=3), fill(3, second=4)], T0 + 10_000, is_backfilled=True)
    page.market.miss(gap(executions, 1, 9, "full"))
    batch = page.sent((Candles, Executions))
    rows = next(message.rows for message in batch if isinstance(message, Executions))
    assert [row.repaired if isinstance(row, Gap) else row.id for row in rows] == [1, "full", 2, 3, 5]
    candles = next(message for message in batch if isinstance(message, Candles))
    assert (candles.gaps, len(candles.candles)) == ([], 2)


def test_a_gap_that_is_not_repaired_stays(page):
    executions = channels.executions(FX)
    page.live(fill(1, second=1), at_ms=T0 + 1_000)
    page.market.miss(gap(executions, 1, 9, "none"))
    page.market.view(BTC)
    page.market.view(FX)
    assert len(page.sent(Candles)[-1].gaps) == 1


def test_a_gap_is_where_the_exchange_s_clock_was(page):
    """The exchange's clock stands three hours behind ours."""
    page.live(fill(1, second=1), at_ms=T0 + 1_000 + 3 * 3_600_000)
    page.market.miss(gap(channels.executions(FX), 3 * 3_600 + 2, 3 * 3_600 + 5))
    assert [(gap.from_ms - T0, gap.to_ms - T0) for gap in page.sent(Candles)[-1].gaps] == [(2_000, 5_000)]


def test_what_comes_while_the_user_is_disconnected_is_asked_for_or_a_gap(page):
    page.market.begin_history(FX, T0)
    page.load()
    page.live(fill(7, second=1), at_ms=T0 + 1_000)
    for problem, gaps in (("", []), ("no answer", [(4_000, 6_000)])):
        page.market.pause(T0 + 4_000)
        assert page.market.begin_history(FX, T0 + 6_000) == 7
        page.load(problem=problem)
        candles = page.sent(Candles)[-1]
        assert [(gap.from_ms - T0, gap.to_ms - T0) for gap in candles.gaps] == gaps
    assert (candles.history, candles.problem) == ("failed", "no answer")


def test_history_that_was_cut_off_is_asked_for_again(page):
    page.market.begin_history(FX, T0)
    page.market.pause(T0)
    page.load(fill(3))
    assert page.sent(Candles)[-1].candles == [], "it comes too late"
    assert page.market.begin_history(FX, T0) == 0


def test_executions_without_a_date_count_when_they_came(page):
    page.live(fill(1, second=3), at_ms=T0 + 3_000)
    page.live(Execution(2, "BUY", 100.0, 0.1, "", "", ""), at_ms=T0 + 4_000)
    assert [candle.time_s - T0 // 1000 for candle in page.sent(Candles)[-1].candles] == [3, 4]


def test_the_map_has_a_column_each_half_second_and_none_of_a_book_that_may_be_wrong(page):
    page.market.sample(T0)
    page.receive(channels.board_snapshot(FX), board(99, 101))
    for at_ms in (T0 + 100, T0 + 600, T0 + 700, T0 + 1_300):
        page.market.sample(at_ms)
    page.live(fill(1, price=101, size=1, side="BUY"), fill(2, price=102, size=3, side="BUY"))
    page.keepers[FX].interrupted(Kind.BOARD, "closed")
    page.market.sample(T0 + 1_500)
    [heatmap] = page.sent(Heatmap)
    assert [(column.at_ms - T0, column.best_bid, bool(column.sizes)) for column in heatmap.columns] == [
        (500, 99, True),
        (1_000, 99, True),
        (1_500, 0, False),
    ]
    assert [(trade.side, trade.price, trade.size) for trade in heatmap.columns[-1].trades] == [("BUY", 101.75, 4)]


def test_everything_is_bounded(page):
    page.receive(channels.board_snapshot(FX), board(99, 101))
    for number in range(1, 3_000):
        page.live(fill(number), at_ms=T0 + number)
        page.market.miss(gap(channels.executions(FX), number, number + 1))
        page.market.sample(T0 + number * 500)
    page.market.view(FX)
    batch = page.sent((Candles, Heatmap, Executions))
    sizes = {type(message): message for message in batch}
    assert len(sizes[Candles].gaps) == 100
    assert len(sizes[Heatmap].columns) == COLUMN_LIMIT
    assert len(sizes[Executions].rows) == 100


@pytest.mark.parametrize("interval_s", INTERVALS)
def test_each_interval_can_be_shown(interval_s):
    page = Page(charts=Charts(["candles"], interval_s))
    page.live(*(fill(number, second=number) for number in range(1, 60)))
    [candles] = page.sent(Candles)
    assert candles.interval_s == interval_s
    assert len(candles.candles) == {1: 59, 10: 6, 60: 1, 300: 1}[interval_s]
    assert sum(candle.volume for candle in candles.candles) == pytest.approx(5.9)
