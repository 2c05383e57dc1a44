from __future__ import annotations

import re
from itertools import count, pairwise
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.exchange.market import Market
from fulgurite.exchange.matching import Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.products import BCH_BTC, ETH_JPY, MONA_JPY, Product
from fulgurite.exchange.publisher import BATCH_NS, CUT_DEPTH, TICKER_GAP_NS, UNCUT_LEVELS, Publisher, TimedMessage
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, decode_message, parse_time

START_NS = parse_time("2026-09-23T03:31:00Z")
MILLISECOND_NS = 1_000_000


class Client:
    """Keeps a book from the bytes.

    Args:
        every_snapshot: whether it applies every snapshot, or the first one only and lives on diffs from there.
    """

    def __init__(self, *, every_snapshot: bool) -> None:
        self.book = OrderBook()
        self._every_snapshot = every_snapshot
        # The range of prices in ticks that it must know everything of: a cut snapshot shows no more.
        self._window = range(0)

    def receive(self, published: TimedMessage, market: Market) -> None:
        channel = parse_channel(published.channel)
        message = decode_message(channel, published.message)
        if channel.kind is Kind.BOARD:
            assert isinstance(message, Board)
            for levels in (message.bids, message.asks):
                assert len({level.price for level in levels}) == len(levels), "one price once a side"
            self.book.apply_diff(message)
        elif channel.kind is Kind.BOARD_SNAPSHOT and (self._every_snapshot or self.book.state is not BookState.LIVE):
            assert isinstance(message, Board)
            self.book.apply_snapshot(message)
            self._window = range(10**9)
            if CUT_DEPTH in (len(message.bids), len(message.asks)):
                worst_bid = min((level.price for level in message.bids), default=0)
                worst_ask = max((level.price for level in message.asks), default=10**6)
                self._window = range(ticks(worst_bid, market), ticks(worst_ask, market) + 1)

    def check(self, market: Market) -> None:
        """Its book is the engine's: everything within the window, and no wrong level beyond."""
        if self.book.state is not BookState.LIVE:
            return
        for side, levels in ((Side.BUY, self.book.bids()), (Side.SELL, self.book.asks())):
            known = {ticks(level.price, market): round(level.size * LOTS) for level in levels}
            real = dict(market.engine.levels(side))
            window = {price: size for price, size in real.items() if price in self._window}
            assert window.items() <= known.items() <= real.items()


def ticks(price: float, market: Market) -> int:
    return round(price * 10**market.product.price_decimals)


def rest_of(market: Market) -> set[tuple[str, int]]:
    sides = ((Side.BUY, "bid"), (Side.SELL, "ask"))
    return {(name, price) for side, name in sides for price, _ in market.engine.levels(side)}


class Venue:
    """A market that is published, and two clients."""

    def __init__(self, product: Product = MONA_JPY) -> None:
        self.market = Market(product, start_ns=START_NS, execution_ids=count(1))
        self.publisher = Publisher(self.market, Random(1))
        self.clients = [Client(every_snapshot=True), Client(every_snapshot=False)]
        self.published: list[TimedMessage] = []
        # The book by the diffs alone.
        self.told: dict[tuple[str, int], float] = {}
        self.now_ns = START_NS
        self._ids = count(1)

    def submit(self, side: Side, price: int | None, lots: int, time_in_force=TimeInForce.GTC) -> None:
        order = Order(id=next(self._ids), owner="somebody", side=side, price=price, size=lots, accepted_ns=self.now_ns)
        self.publisher.record(self.market.submit(order, self.now_ns, time_in_force), self.now_ns)

    def cancel(self, number: int) -> None:
        outcome = self.market.cancel(number, self.now_ns)
        if outcome:
            self.publisher.record(outcome, self.now_ns)

    def snapshot(self) -> Board:
        """Take a snapshot, and hold it against the diffs: it is the book before or after one of them."""
        before = dict(self.told)
        published, *diff = self.publisher.snapshot(self.now_ns)
        self._deliver(published)
        for each in diff:
            self._deliver(each)
        if diff:
            self.check()  # nothing is pending
        message = decode_message(parse_channel(published.channel), published.message)
        assert isinstance(message, Board)
        shown = {
            (side, ticks(level.price, self.market)): level.size
            for side, levels in (("bid", message.bids), ("ask", message.asks))
            for level in levels
        }
        told = self.told if diff else before
        if len(told) > UNCUT_LEVELS:
            sides = [sorted(key for key in told if key[0] == side) for side in ("bid", "ask")]
            told = {key: told[key] for key in (*sides[0][-CUT_DEPTH:], *sides[1][:CUT_DEPTH])}
        assert shown == told
        return message

    def pass_time(self, ns: int) -> None:
        """Let time pass, and deliver the messages that become due."""
        until_ns = self.now_ns + ns
        while (due_ns := self.publisher.next_ns) is not None and due_ns <= until_ns:
            assert due_ns >= self.now_ns
            self.now_ns = due_ns
            for published in self.publisher.publish():
                assert published.at_ns == due_ns
                self._deliver(published)
            if self.published[-1].channel.startswith("lightning_board_"):
                self.check()  # a diff leaves nothing pending
        self.now_ns = until_ns

    def settle(self) -> None:
        self.pass_time(10 * BATCH_NS)
        assert self.publisher.next_ns is None
        self.check()

    def check(self) -> None:
        for client in self.clients:
            client.check(self.market)

    def _deliver(self, published: TimedMessage) -> None:
        self.published.append(published)
        if parse_channel(published.channel).kind is Kind.BOARD:
            diff = decode_message(parse_channel(published.channel), published.message)
            assert isinstance(diff, Board)
            for side, levels in (("bid", diff.bids), ("ask", diff.asks)):
                self.told |= {(side, ticks(level.price, self.market)): level.size for level in levels}
            self.told = {key: size for key, size in self.told.items() if size}
        for client in self.clients:
            client.receive(published, self.market)


# Prices on a narrow range, so that orders meet; the last element is the milliseconds until the next action.
SUBMIT = st.tuples(
    st.just("submit"),
    st.sampled_from(Side),
    st.none() | st.integers(1, 24),
    st.integers(1, 4),
    st.sampled_from(TimeInForce),
)
CANCEL = st.tuples(st.just("cancel"), st.integers(1, 80))
SNAPSHOT = st.tuples(st.just("snapshot"))
PAUSES = st.sampled_from([0, 1, 30, 120, 500])


def play(venue: Venue, actions, price_offset: int = 0, size_factor: int = 1) -> None:
    for action, pause_ms in actions:
        match action:
            case ("submit", side, price, size, time_in_force):
                venue.submit(side, price and price + price_offset, size * size_factor, time_in_force)
            case ("cancel", number):
                venue.cancel(number)
            case ("snapshot",):
                venue.snapshot()
        venue.pass_time(pause_ms * MILLISECOND_NS)
    venue.settle()


class TestTheBookThatClientsRebuild:
    @given(st.lists(st.tuples(SUBMIT | CANCEL | SNAPSHOT, PAUSES), max_size=60))
    @settings(max_examples=1000)
    def test_is_the_engines_own_whatever_the_orders(self, actions):
        venue = Venue()
        play(venue, actions)
        assert [client.book.drift_count for client in venue.clients] == [0, 0]

    @given(
        st.integers(CUT_DEPTH - 20, CUT_DEPTH + 60),
        st.integers(CUT_DEPTH - 20, CUT_DEPTH + 60),
        st.lists(st.tuples(SUBMIT | CANCEL | SNAPSHOT, PAUSES), max_size=25),
        st.integers(-400, 400),
    )
    @settings(max_examples=200)
    def test_is_the_engines_own_where_snapshots_are_cut(self, bid_count, ask_count, actions, offset):
        venue = Venue()
        for distance in range(1, bid_count + 1):
            venue.submit(Side.BUY, 1000 - distance, 1)
        for distance in range(1, ask_count + 1):
            venue.submit(Side.SELL, 1000 + distance, 1)
        venue.snapshot()
        venue.settle()
        # Orders for tens of levels, inside the window of 300 and outside of it.
        play(venue, actions, price_offset=1000 + offset, size_factor=12)


class TestSnapshots:
    @staticmethod
    def fill(venue: Venue, bids: int, asks: int) -> None:
        for distance in range(1, bids + 1):
            venue.submit(Side.BUY, 1000 - distance, distance)
        for distance in range(1, asks + 1):
            venue.submit(Side.SELL, 1000 + distance, distance)

    def test_uncut_ones_hold_everything_bids_ascending(self):
        venue = Venue()
        self.fill(venue, 191, 312)
        board = venue.snapshot()
        assert [ticks(level.price, venue.market) for level in board.bids] == list(range(809, 1000))
        assert [ticks(level.price, venue.market) for level in board.asks] == list(range(1001, 1313))

    def test_cut_ones_hold_the_best_300_a_side_bids_descending(self):
        venue = Venue()
        self.fill(venue, 192, 312)
        board = venue.snapshot()
        assert [ticks(level.price, venue.market) for level in board.bids] == list(range(999, 807, -1))
        assert [ticks(level.price, venue.market) for level in board.asks] == list(range(1001, 1301))

    def test_come_from_an_empty_market_too(self):
        [snapshot] = Venue().publisher.snapshot(START_NS)
        assert snapshot.message == b'{"mid_price":0.0,"bids":[],"asks":[]}'

    def test_shows_what_the_last_diff_left_while_the_next_one_is_far_off(self):
        venue = Venue()
        self.fill(venue, 3, 3)
        venue.settle()
        venue.submit(Side.BUY, 999, 1)
        venue.pass_time(60 * MILLISECOND_NS)  # told, and so the next diff is some 120 ms away
        venue.cancel(1)
        published = venue.publisher.snapshot(venue.now_ns)
        assert [parse_channel(each.channel).kind for each in published] == [Kind.BOARD_SNAPSHOT]
        assert b'{"price":0.999,' in published[0].message, "the deletion is not told yet"

    def test_brings_a_diff_that_is_nearly_due_with_it(self):
        venue = Venue()
        self.fill(venue, 3, 3)
        venue.settle()
        venue.cancel(1)
        snapshot, *diff = venue.publisher.snapshot(venue.now_ns)
        assert b'{"price":0.999,' not in snapshot.message
        assert diff[-1].message.startswith(b'{"mid_price":0.999,"bids":[{"price":0.999,"size":0.0}]')
        assert venue.publisher.next_ns is None

    def test_a_lost_deletion_is_in_no_diff_and_healed_by_the_next_snapshot(self):
        venue = Venue()
        self.fill(venue, 10, 10)
        venue.settle()
        venue.publisher.lose_deletion()
        for number in (1, 8, 9):  # the best bid, and two further out
            venue.cancel(number)
        venue.pass_time(1_000 * MILLISECOND_NS)
        assert set(venue.told) - set(rest_of(venue.market)) == {("bid", 992)}
        assert len(venue.publisher.snapshot(venue.now_ns)[0].message.split(b'"price"')) == 18


class TestText:
    """Byte for byte, in the forms of sections 3 and 10."""

    def test_a_diff(self):
        venue = Venue(MONA_JPY)
        venue.submit(Side.BUY, 31_469, 195_351_000_000)
        venue.submit(Side.SELL, 31_560, 1)
        venue.settle()
        assert self.last(venue, Kind.BOARD) == (
            '{"mid_price":31.514,"bids":[{"price":31.469,"size":1953.51}],"asks":[{"price":31.56,"size":0.00000001}]}'
        )
        venue.cancel(2)
        venue.settle()
        assert self.last(venue, Kind.BOARD) == '{"mid_price":31.469,"bids":[],"asks":[{"price":31.56,"size":0.0}]}'

    def test_executions_of_one_taker(self):
        venue = Venue(ETH_JPY)
        venue.submit(Side.SELL, 464_001, 1)
        venue.submit(Side.SELL, 464_002, 12_000_000)
        venue.pass_time(1_345_678_900)
        venue.submit(Side.BUY, 464_002, 11_000_001)
        venue.settle()
        assert self.last(venue, Kind.EXECUTIONS) == (
            '[{"id":1,"side":"BUY","price":464001.0,"size":0.00000001,"exec_date":"2026-09-23T03:31:01.3456789Z",'
            '"buy_child_order_acceptance_id":"JRF20260923-033101-000003",'
            '"sell_child_order_acceptance_id":"JRF20260923-033100-000001"},'
            '{"id":2,"side":"BUY","price":464002.0,"size":0.11,"exec_date":"2026-09-23T03:31:01.3456789Z",'
            '"buy_child_order_acceptance_id":"JRF20260923-033101-000003",'
            '"sell_child_order_acceptance_id":"JRF20260923-033100-000002"}]'
        )

    def test_a_ticker(self):
        venue = Venue(BCH_BTC)
        venue.submit(Side.BUY, 540, 155_000_000)
        venue.submit(Side.SELL, 550, 120_000_000)
        venue.submit(Side.BUY, 550, 20_000_000)
        typical_day = BCH_BTC.typical.daily_lots // 1440 * 1440
        volume = f"{(typical_day + 20_000_000) / LOTS:.8f}0000"
        assert venue.publisher.ticker().decode() == (
            '{"product_code":"BCH_BTC","state":"RUNNING","timestamp":"2026-09-23T03:31:00Z","tick_id":3,'
            '"best_bid":0.00540,"best_ask":0.00550,"best_bid_size":1.55,"best_ask_size":1.0,'
            '"total_bid_depth":1.5500000,"total_ask_depth":1.0000000,"market_bid_size":0.0,"market_ask_size":0.0,'
            f'"ltp":0.00550,"volume":{volume},"volume_by_product":{volume},'
            '"preopen_end":null,"circuit_break_end":null}'
        )

    def test_a_ticker_gives_the_numbers_of_some_senders_back_with_six_decimals(self):
        venue = Venue(ETH_JPY)
        for _ in range(99):
            venue.submit(Side.BUY, 1, 1, TimeInForce.IOC)
        venue.submit(Side.SELL, 471_501, 90_000_000)  # the 100th
        venue.submit(Side.BUY, 471_501, 10_000_000)
        ticker = venue.publisher.ticker()
        assert b'"best_ask":471501.000000,' in ticker
        assert b'"best_ask_size":0.800000,' in ticker
        assert b'"ltp":471501.000000,' in ticker

    def test_a_ticker_of_an_empty_market(self):
        ticker = msgspec.json.decode(Venue().publisher.ticker())
        assert (ticker["best_bid"], ticker["best_ask_size"], ticker["total_bid_depth"]) == (0, 0, 0)

    @pytest.mark.parametrize("kind", ["ticker", "executions", "board"])
    def test_has_the_keys_of_2026_in_their_order(self, captures: Path, kind):
        venue = Venue()
        venue.submit(Side.BUY, 10, 1)
        venue.submit(Side.SELL, 10, 1)
        venue.settle()
        ours = next(p.message.decode() for p in venue.published if p.channel == f"lightning_{kind}_MONA_JPY")
        frames = (captures / "2026-09-23_wire-frames.txt").read_text()
        theirs = re.search(f'"channel":"lightning_{kind}_FX_BTC_JPY","message":(.*)}}}}', frames)
        assert theirs is not None
        keys = re.findall(r'"(\w+)":', theirs[1])
        assert list(dict.fromkeys(re.findall(r'"(\w+)":', ours))) == list(dict.fromkeys(keys))

    @staticmethod
    def last(venue: Venue, kind: Kind) -> str:
        return next(p.message.decode() for p in reversed(venue.published) if p.channel.startswith(f"{kind}_"))


class TestCadence:
    def times(self, venue: Venue, kind: Kind) -> list[int]:
        name = f"{kind}_{venue.market.product.code}"
        return [published.at_ns for published in venue.published if published.channel == name]

    @pytest.fixture
    def busy(self) -> Venue:
        """Twenty seconds of a change every 10 ms."""
        venue = Venue()
        venue.submit(Side.SELL, 100, 10**9)
        for _ in range(2000):
            venue.submit(Side.BUY, 100, 1)
            venue.pass_time(10 * MILLISECOND_NS)
        venue.settle()
        return venue

    def test_diffs_are_batched(self, busy: Venue):
        times = self.times(busy, Kind.BOARD)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 0.9 * BATCH_NS
        assert max(gaps[:-1]) <= 1.5 * BATCH_NS

    def test_tickers_keep_their_distance_and_come_just_before_a_diff(self, busy: Venue):
        times = self.times(busy, Kind.TICKER)
        assert all(later - earlier >= TICKER_GAP_NS for earlier, later in pairwise(times))
        assert len(times) >= 30
        order = [(published.at_ns, published.channel) for published in busy.published]
        for at_ns, channel in order:
            if "ticker" in channel:
                assert order[order.index((at_ns, channel)) + 1] == (at_ns, "lightning_board_MONA_JPY")

    def test_every_execution_comes_once_in_the_order_of_ids(self, busy: Venue):
        rows = [
            row["id"]
            for published in busy.published
            if "executions" in published.channel
            for row in msgspec.json.decode(published.message)
        ]
        assert rows == list(range(1, 2001))

    def test_nothing_comes_while_nothing_happens(self):
        venue = Venue()
        venue.pass_time(3600 * 10**9)
        assert venue.published == []
        venue.submit(Side.BUY, None, 1)  # meets nobody, changes no level
        assert venue.publisher.next_ns is None
        assert venue.publisher.publish() == []
