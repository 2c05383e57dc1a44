from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.exchange.market import KEPT_EXECUTIONS
from fulgurite.exchange.marketdata import MarketData, MarketInfo
from fulgurite.exchange.products import BTC_JPY, FX_BTC_JPY, MONA_JPY, PRODUCTS, XRP_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import FIRST_EXECUTION_IDS, IDS_PER_SECOND, Simulation
from fulgurite.exchange.timeline import CloseConnections
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.messages import Board, Execution, Ticker, decode_message, parse_time

START_NS = parse_time("2026-09-23T03:31:25.6491037Z")
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def minute() -> list[TimedMessage]:
    """The first minute of all products."""
    return messages(Simulation(1, START_NS), START_NS + 60 * SECOND_NS)


def messages(simulation: Simulation, until_ns: int) -> list[TimedMessage]:
    """The messages published until then, where no maintenance comes."""
    events = simulation.advance(until_ns)
    assert not any(isinstance(event, CloseConnections) for event in events)
    return [event for event in events if isinstance(event, TimedMessage)]


THREE = (XRP_JPY, MONA_JPY, FX_BTC_JPY)
END_NS = START_NS + 12 * SECOND_NS


@pytest.fixture(scope="module")
def in_one_step() -> list[TimedMessage]:
    return messages(Simulation(5, START_NS, THREE), END_NS)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    simulation = Simulation(3, START_NS)
    simulation.advance(START_NS + 5 * SECOND_NS)
    return simulation


class TestDeterminism:
    @given(steps_ns=st.lists(st.integers(0, 3 * SECOND_NS), max_size=40))
    @settings(max_examples=30)
    def test_the_stream_is_the_same_whatever_the_steps(self, in_one_step, steps_ns):
        simulation, now_ns, published = Simulation(5, START_NS, THREE), START_NS, []
        for step_ns in steps_ns:
            now_ns = min(now_ns + step_ns, END_NS)
            published += messages(simulation, now_ns)
        assert published + messages(simulation, END_NS) == in_one_step

    def test_nor_from_event_to_event(self, in_one_step):
        simulation, published = Simulation(5, START_NS, THREE), []
        while simulation.next_event_ns <= END_NS:
            at_ns = simulation.next_event_ns
            step = messages(simulation, at_ns)
            assert all(message.at_ns == at_ns for message in step)
            assert simulation.next_event_ns >= at_ns
            published += step
        assert published == in_one_step

    def test_a_time_that_has_passed_publishes_nothing(self):
        simulation = Simulation(5, START_NS, THREE)
        simulation.advance(START_NS + SECOND_NS)
        assert simulation.advance(START_NS) == []

    def test_another_seed_gives_another_stream(self, in_one_step):
        other = messages(Simulation(6, START_NS, THREE), END_NS)
        assert [message.message for message in other] != [message.message for message in in_one_step]

    @given(st.integers(0, 10_000))
    @settings(max_examples=5)
    def test_a_start_on_another_day_gives_the_same_stream_shifted(self, in_one_step, days):
        shift_ns = days * 86_400 * SECOND_NS
        other = messages(Simulation(5, START_NS + shift_ns, THREE), END_NS + shift_ns)
        assert [(m.at_ns - shift_ns, m.channel, timeless(m)) for m in other] == [
            (m.at_ns, m.channel, timeless(m)) for m in in_one_step
        ]


def timeless(published: TimedMessage) -> bytes:
    """The message without its times and the numbers counted from them; serial numbers of acceptance ids stay."""
    pattern = rb'"(timestamp|exec_date)":"[^"]+"|JRF\d{8}-\d{6}-|"(tick_)?id":\d+'
    return re.sub(pattern, b"", published.message)


class TestRestart:
    @given(st.integers(0, 2**32), st.integers(1, 10 * 365 * 86_400))
    @settings(max_examples=5)
    def test_no_id_comes_again_after_a_restart(self, seed, later_s):
        before = ids(messages(Simulation(5, START_NS, THREE), START_NS + SECOND_NS))
        start_ns = START_NS + later_s * SECOND_NS
        open_until_ns = start_ns + 2 * SECOND_NS
        after = ids(messages(Simulation(seed, start_ns, THREE, open_until_ns=open_until_ns), start_ns + SECOND_NS))
        for channel, numbers in before.items():
            assert all(number > max(numbers) for number in after.get(channel, []))
        assert before.keys() & after.keys()

    def test_the_executions_listed_over_http_ascend_over_it_too(self):
        first, second = (Simulation(5, START_NS + later * SECOND_NS, THREE) for later in (0, 1))
        for product in THREE:
            assert first.executions(product.code)[-1].id < second.executions(product.code)[0].id

    def test_ids_are_numbers_in_every_language(self):
        in_2255 = Simulation(5, START_NS + 230 * 365 * 86_400 * SECOND_NS, THREE)
        assert all(row.id < 2**53 for product in THREE for row in in_2255.executions(product.code))


def ids(published: list[TimedMessage]) -> dict[str, list[int]]:
    """The ids of executions and of tickers, by channel."""
    found: dict[str, list[int]] = defaultdict(list)
    for each in published:
        found[each.channel] += map(int, re.findall(rb'"(?:tick_)?id":(\d+)', each.message))
    return {channel: numbers for channel, numbers in found.items() if numbers}


class TestStream:
    def test_comes_in_order_of_time(self, minute):
        times = [published.at_ns for published in minute]
        assert times == sorted(times)
        assert times[0] > START_NS
        assert times[-1] <= START_NS + 60 * SECOND_NS

    def test_every_message_is_of_its_channel_and_agrees_with_the_book(self, minute):
        books: dict[str, OrderBook] = defaultdict(OrderBook)
        last_ids: dict[str, int] = defaultdict(int)
        first_of_fx = FIRST_EXECUTION_IDS["FX"] + START_NS * IDS_PER_SECOND // SECOND_NS
        for published in minute:
            channel = parse_channel(published.channel)
            message = decode_message(channel, published.message)
            book = books[channel.product_code]
            if isinstance(message, Board):
                if channel.kind is Kind.BOARD_SNAPSHOT:
                    book.apply_snapshot(message)
                else:
                    book.apply_diff(message)
                if book.state is BookState.LIVE:
                    assert book.bids(1)[0].price <= message.mid_price < book.asks(1)[0].price
            elif isinstance(message, Ticker):
                assert message.product_code == channel.product_code
                assert message.best_bid < message.best_ask
            else:
                is_spot = channel.product_code != FX_BTC_JPY.code
                for execution in message:
                    assert isinstance(execution, Execution)
                    assert execution.id > last_ids[channel.product_code]
                    last_ids[channel.product_code] = execution.id
                    assert (execution.id < first_of_fx) == is_spot
                    assert START_NS - SECOND_NS <= parse_time(execution.exec_date) <= published.at_ns
        assert {code: book.drift_count for code, book in books.items()} == {product.code: 0 for product in PRODUCTS}

    def test_snapshots_come_in_two_bursts_every_five_seconds(self, minute):
        bursts: dict[int, list[str]] = defaultdict(list)
        for published in minute:
            channel = parse_channel(published.channel)
            if channel.kind is Kind.BOARD_SNAPSHOT:
                bursts[published.at_ns].append(channel.product_code)
        spot = [product.code for product in PRODUCTS if product.market_type == "Spot"]
        assert all(codes in (spot, ["FX_BTC_JPY"]) for codes in bursts.values())
        for first in ("BTC_JPY", "FX_BTC_JPY"):
            burst_times = [at_ns for at_ns, codes in bursts.items() if codes[0] == first]
            assert len(burst_times) == 12
            gaps = [later - earlier for earlier, later in itertools.pairwise(burst_times)]
            assert 4.89 * SECOND_NS < min(gaps) <= max(gaps) < 5.12 * SECOND_NS

    def test_large_books_are_cut_to_300_a_side_and_small_ones_are_not(self, minute):
        depths: dict[str, set[tuple[int, int, bool]]] = {}
        for published in minute:
            channel = parse_channel(published.channel)
            if channel.kind is Kind.BOARD_SNAPSHOT:
                board = decode_message(channel, published.message)
                assert isinstance(board, Board)
                descending = board.bids[0].price > board.bids[-1].price
                depths.setdefault(channel.product_code, set()).add((len(board.bids), len(board.asks), descending))
        for code in ("BTC_JPY", "FX_BTC_JPY", "ETH_JPY"):
            assert depths.pop(code) == {(300, 300, True)}
        for seen in depths.values():
            for bids, asks, descending in seen:
                assert bids > 20
                assert asks > 20
                assert bids + asks <= 503
                assert not descending

    @pytest.mark.parametrize(
        ("code", "kind", "low", "high"),
        [
            # Messages in a second, around the rates of the captures (protocol reference, section 3).
            ("FX_BTC_JPY", Kind.BOARD, 7.0, 8.7),
            ("FX_BTC_JPY", Kind.TICKER, 1.5, 2.0),
            ("FX_BTC_JPY", Kind.EXECUTIONS, 0.3, 2.0),
            ("BTC_JPY", Kind.BOARD, 4.0, 7.0),
            ("BTC_JPY", Kind.EXECUTIONS, 0.1, 0.8),
            ("ETH_JPY", Kind.BOARD, 3.5, 6.0),
            ("XRP_JPY", Kind.BOARD, 1.2, 3.8),
            ("XLM_JPY", Kind.BOARD, 1.2, 3.2),
            ("ETH_BTC", Kind.BOARD, 0.5, 1.5),
            ("MONA_JPY", Kind.BOARD, 0.05, 0.5),
        ],
    )
    def test_rates_resemble_the_captures(self, minute, code, kind, low, high):
        counts = Counter(published.channel for published in minute)
        assert low <= counts[f"{kind}_{code}"] / 60 <= high


class TestQueries:
    def test_it_is_market_data(self, simulation: Simulation):
        data: MarketData = simulation
        assert data.markets()[::8] == [MarketInfo("BTC_JPY", "Spot"), MarketInfo("FX_BTC_JPY", "FX")]
        assert (data.state("BTC_JPY"), data.health("BTC_JPY")) == ("RUNNING", "NORMAL")

    @pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.code)
    def test_board_ticker_and_executions_agree(self, simulation: Simulation, product):
        board, ticker = simulation.board(product.code), simulation.ticker(product.code)
        assert isinstance(ticker, Ticker)
        assert (board.bids[0].price, board.bids[0].size) == (ticker.best_bid, ticker.best_bid_size)
        assert (board.asks[0].price, board.asks[0].size) == (ticker.best_ask, ticker.best_ask_size)
        assert board.bids == sorted(board.bids, key=lambda level: -level.price)
        assert board.asks == sorted(board.asks, key=lambda level: level.price)
        assert ticker.best_bid <= board.mid_price < ticker.best_ask
        assert ticker.total_bid_depth == pytest.approx(sum(level.size for level in board.bids))
        assert ticker.volume > 0
        executions = simulation.executions(product.code)
        assert ticker.ltp == executions[-1].price

    @pytest.mark.parametrize("seed", range(5))
    def test_there_are_executions_from_the_start(self, seed):
        simulation = Simulation(seed, START_NS)
        for product in PRODUCTS:
            executions = simulation.executions(product.code)
            assert 0 < len(executions) < KEPT_EXECUTIONS
            assert all(parse_time(execution.exec_date) < START_NS for execution in executions)
            ids = [execution.id for execution in executions]
            assert ids == sorted(set(ids))

    def test_one_product_is_enough(self):
        assert Simulation(1, START_NS, [BTC_JPY]).markets() == [MarketInfo("BTC_JPY", "Spot")]
