"""The invariants of the exchange through all market states: books, executions and tickers agree at every step."""

from __future__ import annotations

from itertools import count, pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.exchange.market import Market, Outcome
from fulgurite.exchange.matching import MARKET_PRICE, Order, Side, TimeInForce
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY, MONA_JPY
from fulgurite.exchange.publisher import Publisher, TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import CloseConnections, MarketState
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.choices import CIRCUIT_BREAK_SECONDS
from fulgurite.protocol.messages import Board, Execution, Ticker, decode_message, parse_time

START_NS = parse_time("2026-09-23T03:31:00Z")
SECOND_NS = 1_000_000_000
Levels = dict[tuple[Side, int], int]


class PlainBook:
    """The content of the messages and no more: crossing levels stay."""

    def __init__(self) -> None:
        self.levels: Levels = {}

    def apply(self, board: Board, *, is_snapshot: bool) -> None:
        if is_snapshot:
            self.levels.clear()
        for side, levels in ((Side.BUY, board.bids), (Side.SELL, board.asks)):
            for level in levels:
                price, lots = round(level.price), round(level.size * LOTS)
                if price == MARKET_PRICE:
                    assert lots == 0, "the queue of market orders is told of when it is gone"
                elif lots:
                    self.levels[side, price] = lots
                else:
                    self.levels.pop((side, price), None)


def rest(market: Market) -> Levels:
    return {(side, price): lots for side in Side for price, lots in market.engine.levels(side)}


class Venue:
    """A market, its published messages, and two clients: one plain, one with our own order book."""

    def __init__(self, **settings: bool) -> None:
        self.market = Market(BTC_JPY, start_ns=START_NS, execution_ids=count(1), **settings)
        self.publisher = Publisher(self.market, Random(1))
        self.now_ns = START_NS
        self.orders: list[Order] = []
        self.plain = PlainBook()
        self.book = OrderBook()
        self.book.apply_snapshot(Board(0.0, [], []))
        self.book.apply_diff(Board(0.0, [], []))  # it is not the first snapshot that is to be doubted
        self.executions: list[Execution] = []
        self.tickers: list[Ticker] = []
        self.boards: list[Board] = []
        self.gone = 0

    def submit(self, side: Side, price: int | None, lots: int, time_in_force=TimeInForce.GTC) -> Outcome | None:
        order = Order(id=len(self.orders) + 1, owner="", side=side, price=price, size=lots, accepted_ns=self.now_ns)
        if self.market.state is MarketState.CLOSED:
            with pytest.raises(InputError, match="CLOSED"):
                self.market.submit(order, self.now_ns, time_in_force)
            return None
        self.orders.append(order)
        outcome = self.market.submit(order, self.now_ns, time_in_force)
        if order.id not in self.market.engine:
            self.gone += order.remaining
        self.publisher.record(outcome, self.now_ns)
        return outcome

    def cancel(self, number: int) -> None:
        if number <= len(self.orders):
            outcome = self.market.cancel(number, self.now_ns)
            if outcome:
                self.gone += self.orders[number - 1].remaining
                self.publisher.record(outcome, self.now_ns)

    def change_state(self, state: MarketState) -> Outcome:
        waiting = [order for side in Side for order in self.market.engine.market_orders(side)]
        outcome = self.market.change_state(state, self.now_ns)
        self.gone += sum(order.remaining for order in waiting if order.id not in self.market.engine)
        self.publisher.record(outcome, self.now_ns)
        self.publisher.announce(self.now_ns)
        return outcome

    def pass_time(self, ns: int) -> None:
        until_ns = self.now_ns + ns
        while (due_ns := self.publisher.next_ns) is not None and due_ns <= until_ns:
            self.now_ns = due_ns
            for published in self.publisher.publish():
                self.receive(published)
        self.now_ns = until_ns

    def take_snapshot(self) -> None:
        """It is the book before or after a diff, the one that follows it at once."""
        before = dict(self.plain.levels)
        snapshot, *diff = self.publisher.snapshot(self.now_ns)
        self.receive(snapshot)
        shown = dict(self.plain.levels)
        for published in diff:
            self.receive(published)
        assert shown == (self.plain.levels if diff else before)

    def receive(self, published: TimedMessage) -> None:
        channel = parse_channel(published.channel)
        data = decode_message(channel, published.message)
        if isinstance(data, Ticker):
            self.tickers.append(data)
            self.check_ticker(data)
        elif isinstance(data, Board):
            is_snapshot = channel.kind is Kind.BOARD_SNAPSHOT
            self.boards.append(data)
            self.plain.apply(data, is_snapshot=is_snapshot)
            if is_snapshot:
                self.book.apply_snapshot(data)
            else:
                assert self.plain.levels == rest(self.market)
                assert data.bids or data.asks
                self.book.apply_diff(data)
            self.check_our_book()
        else:
            self.executions += [row for row in data if isinstance(row, Execution)]

    def check_our_book(self) -> None:
        """Our book follows the messages, and says whether it is crossed."""
        sides = ((Side.BUY, self.book.bids()), (Side.SELL, self.book.asks()))
        assert {
            (side, round(level.price)): round(level.size * LOTS) for side, levels in sides for level in levels
        } == self.plain.levels
        bids, asks = ([price for of, price in self.plain.levels if of is side] for side in Side)
        has_crossed = bool(bids and asks) and max(bids) >= min(asks)
        assert self.book.state is (BookState.AUCTION if has_crossed else BookState.LIVE)
        assert self.book.drift_count == 0

    def check_ticker(self, ticker: Ticker) -> None:
        engine = self.market.engine
        assert ticker.state == str(self.market.state)
        for side, price, size, waiting in (
            (Side.BUY, ticker.best_bid, ticker.best_bid_size, ticker.market_bid_size),
            (Side.SELL, ticker.best_ask, ticker.best_ask_size, ticker.market_ask_size),
        ):
            best = engine.best(side)
            assert price == (best or 0)
            assert round(size * LOTS) == (engine.level_size(side, best) if best else 0)
            assert waiting is not None
            assert round(waiting * LOTS) == engine.level_size(side, MARKET_PRICE)
        assert ticker.ltp == (self.market.executions[-1].price if self.market.executions else BTC_JPY.typical.price)

    def check_lots(self) -> None:
        engine, traded = self.market.engine, sum(round(row.size * LOTS) for row in self.market.executions)
        waiting = sum(engine.total_size(side) + engine.level_size(side, MARKET_PRICE) for side in Side)
        assert sum(order.size for order in self.orders) == 2 * traded + self.gone + waiting, "no lot is lost"
        best_bid, best_ask = engine.best(Side.BUY), engine.best(Side.SELL)
        if not self.market.state.is_auction:
            assert best_bid is None or best_ask is None or best_bid < best_ask
            assert not any(engine.level_size(side, MARKET_PRICE) for side in Side)


SUBMIT = st.tuples(
    st.just("submit"),
    st.sampled_from(Side),
    st.none() | st.integers(1, 24),
    st.integers(1, 4),
    st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
)
CANCEL = st.tuples(st.just("cancel"), st.integers(1, 40))
CHANGE = st.tuples(st.just("state"), st.sampled_from(MarketState))
SNAPSHOT = st.tuples(st.just("snapshot"))
PAUSES = st.sampled_from([0, 1, 30, 120, 500])


@given(st.lists(st.tuples(SUBMIT | SUBMIT | CANCEL | CHANGE | SNAPSHOT, PAUSES), max_size=60))
@settings(max_examples=500)
def test_everything_agrees_at_every_step_through_all_states(actions):
    venue = Venue()
    for action, pause_ms in actions:
        match action:
            case ("submit", side, price, lots, time_in_force):
                venue.submit(side, price, lots, time_in_force)
            case ("cancel", number):
                venue.cancel(number)
            case ("state", state):
                outcome = venue.change_state(state)
                assert len({(row.price, row.exec_date, row.side) for row in outcome.executions}) <= 1
                assert all(later.id == earlier.id + 1 for earlier, later in pairwise(outcome.executions))
            case _:
                venue.take_snapshot()
        venue.check_lots()
        venue.pass_time(pause_ms * 1_000_000)
    venue.pass_time(2 * SECOND_NS)
    assert venue.plain.levels == rest(venue.market)
    assert venue.executions == list(venue.market.executions), "every execution is published once, in order"
    assert [row.id for row in venue.executions] == list(range(1, len(venue.executions) + 1))


class TestItayose:
    @pytest.fixture
    def opened(self) -> Venue:
        """Two queues that were uncrossed at 101."""
        venue = Venue()
        venue.change_state(MarketState.PREOPEN)
        for side, price, lots in (
            (Side.BUY, 103, 4),
            (Side.SELL, 100, 3),
            (Side.BUY, None, 2),
            (Side.SELL, 101, 5),
            (Side.BUY, 90, 7),
            (Side.SELL, 110, 6),
        ):
            venue.submit(side, price, lots)
        venue.pass_time(SECOND_NS)
        assert venue.executions == []
        assert venue.tickers[-1].market_bid_size == 2 / LOTS
        venue.change_state(MarketState.RUNNING)
        venue.pass_time(SECOND_NS)
        return venue

    def test_executions_have_one_price_one_time_no_side_and_consecutive_ids(self, opened: Venue):
        rows = [(row.id, row.side, row.price, round(row.size * LOTS)) for row in opened.executions]
        assert rows == [(1, "", 101, 2), (2, "", 101, 1), (3, "", 101, 3)]
        assert len({row.exec_date for row in opened.executions}) == 1
        # The buyer of 4 spans two sellers, the seller of 3 two buyers.
        ids = [
            (row.buy_child_order_acceptance_id[-1], row.sell_child_order_acceptance_id[-1]) for row in opened.executions
        ]
        assert ids == [("3", "2"), ("1", "2"), ("1", "4")]

    def test_a_row_of_price_0_says_that_the_market_orders_are_gone(self, opened: Venue):
        zeros = [(bool(board.bids), level) for board in opened.boards for level in board.bids if not level.price]
        assert [level.size for _, level in zeros] == [0.0]
        assert opened.tickers[-1].market_bid_size == 0

    def test_market_orders_that_find_nobody_lapse(self):
        venue = Venue()
        venue.change_state(MarketState.PREOPEN)
        venue.submit(Side.SELL, None, 2)
        venue.submit(Side.BUY, 100, 1)
        venue.change_state(MarketState.RUNNING)
        assert 1 not in venue.market.engine
        assert venue.gone == 1

    def test_orders_that_want_to_be_executed_at_once_lapse(self):
        venue = Venue()
        venue.submit(Side.SELL, 100, 5)
        venue.change_state(MarketState.PREOPEN)
        for time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            venue.submit(Side.BUY, 100, 1, time_in_force)
        assert rest(venue.market) == {(Side.SELL, 100): 5}


class TestCircuitBreak:
    def test_an_execution_too_far_from_the_last_minutes_price_begins_one(self):
        venue = Venue(breaks_circuit=True)
        for price in (1000, 1100, 1201):
            assert venue.market.state is MarketState.RUNNING
            venue.submit(Side.SELL, price, 1)
            venue.submit(Side.BUY, price, 1)
        assert venue.market.state is MarketState.CIRCUIT_BREAK
        venue.submit(Side.SELL, 900, 1)
        venue.submit(Side.BUY, 950, 1)
        venue.pass_time(SECOND_NS)
        assert venue.tickers[-1].state == "CIRCUIT BREAK"
        end_ns = START_NS + CIRCUIT_BREAK_SECONDS * SECOND_NS
        assert parse_time(venue.tickers[-1].circuit_break_end) == end_ns
        assert venue.tickers[-1].preopen_end is None
        venue.change_state(MarketState.RUNNING)
        assert [row.side for row in venue.market.executions] == ["BUY"] * 3 + [""]

    def test_a_slow_move_does_not(self):
        venue = Venue(breaks_circuit=True)
        for price in range(1000, 2000, 20):
            venue.submit(Side.SELL, price, 1)
            venue.submit(Side.BUY, price, 1)
            venue.pass_time(60 * SECOND_NS)
        assert venue.market.state is MarketState.RUNNING

    def test_the_simulation_ends_it_by_itself(self):
        simulation = Simulation(1, START_NS, [MONA_JPY])
        simulation.advance(START_NS + SECOND_NS)
        end_ns = START_NS + 61 * SECOND_NS
        simulation.change_state("MONA_JPY", MarketState.CIRCUIT_BREAK, 60 * SECOND_NS)
        assert simulation.state("MONA_JPY") == "CIRCUIT BREAK"
        simulation.advance(end_ns - 1)
        assert simulation.state("MONA_JPY") == "CIRCUIT BREAK"
        simulation.advance(end_ns)
        assert simulation.state("MONA_JPY") == "RUNNING"

    def test_the_simulation_can_be_told_when_it_ends_again_and_again(self):
        simulation = Simulation(1, START_NS, [MONA_JPY])
        for seconds in (60, 600, 5):
            simulation.change_state("MONA_JPY", MarketState.CIRCUIT_BREAK, seconds * SECOND_NS)
        events = simulation.advance(START_NS + SECOND_NS)
        tickers = [event for event in events if isinstance(event, TimedMessage) and "ticker" in event.channel]
        told = decode_message(parse_channel(tickers[-1].channel), tickers[-1].message)
        assert isinstance(told, Ticker)
        assert parse_time(told.circuit_break_end or "") == START_NS + 5 * SECOND_NS
        simulation.advance(START_NS + 5 * SECOND_NS)
        assert simulation.state("MONA_JPY") == "RUNNING"

    def test_the_daily_maintenance_goes_before_everything_else(self):
        simulation = Simulation(4, EVE_NS, [MONA_JPY])
        simulation.change_state("MONA_JPY", MarketState.CIRCUIT_BREAK, 3600 * SECOND_NS)
        simulation.advance(parse_time("2026-09-23T19:00:00Z"))
        assert (simulation.state("MONA_JPY"), simulation.auction_end_ns("MONA_JPY")) == ("CLOSED", None)
        with pytest.raises(InputError, match="maintenance"):
            simulation.change_state("MONA_JPY", MarketState.RUNNING)
        simulation.advance(parse_time("2026-09-23T19:12:00Z"))
        simulation.change_state("MONA_JPY", MarketState.CLOSED)
        simulation.advance(parse_time("2026-09-24T18:59:59Z"))
        assert simulation.state("MONA_JPY") == "CLOSED"
        simulation.advance(parse_time("2026-09-24T19:12:00Z"))
        assert simulation.state("MONA_JPY") == "RUNNING"


PRODUCTS = (BTC_JPY, MONA_JPY, FX_BTC_JPY)
EVE_NS = parse_time("2026-09-23T18:59:50Z")
REOPENED_NS = parse_time("2026-09-23T19:12:30Z")
Event = TimedMessage | CloseConnections


@pytest.fixture(scope="module")
def maintenance() -> list[Event]:
    return Simulation(4, EVE_NS, PRODUCTS).advance(REOPENED_NS)


class TestMaintenance:
    """Section 1.4, to the second."""

    def between(self, events: list[Event], start: str, end: str) -> list[TimedMessage]:
        start_ns, end_ns = (parse_time(f"2026-09-23T{text}Z") for text in (start, end))
        return [event for event in events if isinstance(event, TimedMessage) and start_ns <= event.at_ns < end_ns]

    def test_the_connections_are_closed_once_and_exactly_on_time(self, maintenance):
        closes = [event for event in maintenance if isinstance(event, CloseConnections)]
        assert closes == [CloseConnections(parse_time("2026-09-23T19:02:00Z"), 1012, "scheduled maintenance")]
        times = [event.at_ns for event in maintenance]
        assert times == sorted(times)

    def test_until_then_diffs_trickle(self, maintenance):
        closing = self.between(maintenance, "19:00:01", "19:02:00")
        diffs = [event.at_ns for event in closing if event.channel == "lightning_board_FX_BTC_JPY"]
        assert 12 <= len(diffs) <= 30
        assert all(3.8 < (later - earlier) / 1e9 < 10.2 for earlier, later in pairwise(diffs[:-1]))
        assert not any("executions" in event.channel for event in closing)
        assert any(b'"asks":[]' in event.message for event in closing)

    def test_then_there_is_silence_until_preopen(self, maintenance):
        assert self.between(maintenance, "19:02:00.000000001", "19:10:00") == []

    def test_nothing_is_executed_before_the_itayose_opens_trade(self, maintenance):
        preopen = self.between(maintenance, "19:10:00", "19:12:00")
        assert {event.channel.split("_")[1] for event in preopen} == {"ticker", "board"}
        opening = self.between(maintenance, "19:12:00", "19:12:01")
        rows = [
            row
            for event in opening
            if event.channel == "lightning_executions_FX_BTC_JPY"
            for row in msgspec.json.decode(event.message)
        ]
        assert len(rows) > 3
        assert {(row["side"], row["exec_date"]) for row in rows} == {("", "2026-09-23T19:12:00Z")}
        assert len({row["price"] for row in rows}) == 1
        assert [row["id"] for row in rows] == list(range(rows[0]["id"], rows[0]["id"] + len(rows)))
        later = self.between(maintenance, "19:12:01", "19:12:30")
        assert any(b'"side":"BUY"' in event.message or b'"side":"SELL"' in event.message for event in later)

    def test_the_tickers_tell_the_states(self, maintenance):
        states: list[tuple[str, str | None]] = []
        for event in maintenance:
            if isinstance(event, TimedMessage) and "ticker_BTC_JPY" in event.channel:
                ticker = msgspec.json.decode(event.message)
                if not states or states[-1][0] != ticker["state"]:
                    states.append((ticker["state"], ticker["preopen_end"]))
        assert states == [
            ("RUNNING", None),
            ("CLOSED", None),
            ("PREOPEN", "2026-09-23T19:12:00Z"),
            ("RUNNING", None),
        ]

    def test_our_book_is_the_engines_afterwards(self, maintenance):
        simulation = Simulation(4, EVE_NS, PRODUCTS)
        simulation.advance(REOPENED_NS)
        for product in PRODUCTS:
            book = OrderBook()
            for event in maintenance:
                if not isinstance(event, TimedMessage):
                    continue
                channel = parse_channel(event.channel)
                data = decode_message(channel, event.message)
                if channel.product_code != product.code:
                    continue
                if isinstance(data, Board):
                    is_snapshot = channel.kind is Kind.BOARD_SNAPSHOT
                    (book.apply_snapshot if is_snapshot else book.apply_diff)(data)
            board = simulation.board(product.code)
            pending = 5  # levels that the next diff will tell of
            assert len({*book.bids(200)} ^ {*board.bids[:200]}) <= pending
            assert len({*book.asks(200)} ^ {*board.asks[:200]}) <= pending

    @given(st.lists(st.integers(0, 200 * SECOND_NS), max_size=20))
    @settings(max_examples=4)
    def test_the_stream_is_the_same_whatever_the_steps(self, maintenance, steps_ns):
        simulation, now_ns, events = Simulation(4, EVE_NS, PRODUCTS), EVE_NS, []
        for step_ns in steps_ns:
            now_ns = min(now_ns + step_ns, REOPENED_NS)
            events += simulation.advance(now_ns)
        assert events + simulation.advance(REOPENED_NS) == maintenance

    def test_state_and_health_go_along(self):
        simulation = Simulation(4, EVE_NS, [MONA_JPY])
        seen = []
        for time in ("18:59:59", "19:00:00", "19:02:00", "19:10:00", "19:12:00"):
            simulation.advance(parse_time(f"2026-09-23T{time}Z"))
            seen.append((simulation.state("MONA_JPY"), simulation.health("MONA_JPY")))
        assert seen == [
            ("RUNNING", "NORMAL"),
            ("CLOSED", "NO ORDER"),
            ("CLOSED", "STOP"),
            ("PREOPEN", "NORMAL"),
            ("RUNNING", "NORMAL"),
        ]

    def test_an_exchange_that_is_to_be_open_has_no_maintenance(self):
        simulation = Simulation(4, EVE_NS, [MONA_JPY], open_until_ns=EVE_NS + 3600 * SECOND_NS)
        events = simulation.advance(EVE_NS + 300 * SECOND_NS)
        assert simulation.state("MONA_JPY") == "RUNNING"
        assert not any(isinstance(event, CloseConnections) for event in events)
