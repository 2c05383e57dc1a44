from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.exchange.matching import LevelKey, MatchingEngine, Order, Report, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL


class Book:
    """An engine with the vocabulary of these tests: orders are numbered from 1."""

    def __init__(self) -> None:
        self.engine = MatchingEngine()
        self.orders: dict[int, Order] = {}
        self._ids = count(1)

    def submit(self, side: Side, price: int | None, size: int, time_in_force=TimeInForce.GTC) -> Report:
        order = Order(id=next(self._ids), owner="somebody", side=side, price=price, size=size)
        self.orders[order.id] = order
        return self.engine.submit(order, time_in_force)

    def levels(self, side: Side) -> list[tuple[int, int]]:
        return list(self.engine.levels(side))


def fills(report: Report) -> list[tuple[int, int, int]]:
    """Maker's number, price, size."""
    return [(fill.maker.id, fill.price, fill.size) for fill in report.fills]


@pytest.fixture
def book() -> Book:
    """Asks 101 (orders 1: 5, 3: 2) and 102 (2: 4), bids 99 (4: 3) and 98 (5: 6)."""
    book = Book()
    book.submit(SELL, 101, 5)
    book.submit(SELL, 102, 4)
    book.submit(SELL, 101, 2)
    book.submit(BUY, 99, 3)
    book.submit(BUY, 98, 6)
    return book


class TestMatching:
    def test_best_price_first_then_oldest_at_the_makers_price(self, book: Book):
        report = book.submit(BUY, 105, 8)
        assert fills(report) == [(1, 101, 5), (3, 101, 2), (2, 102, 1)]
        assert report.changed == [LevelKey(SELL, 101), LevelKey(SELL, 102)]
        assert book.levels(SELL) == [(102, 3)]

    def test_a_sell_walks_down_the_bids(self, book: Book):
        assert fills(book.submit(SELL, 98, 4)) == [(4, 99, 3), (5, 98, 1)]
        assert book.levels(BUY) == [(98, 5)]

    def test_the_rest_of_a_limit_order_rests(self, book: Book):
        report = book.submit(BUY, 101, 10)
        assert fills(report) == [(1, 101, 5), (3, 101, 2)]
        assert report.changed == [LevelKey(SELL, 101), LevelKey(BUY, 101)]
        assert book.levels(BUY) == [(101, 3), (99, 3), (98, 6)]
        assert book.engine.front(BUY) is book.orders[6]

    def test_a_limit_order_that_meets_nobody_rests_whole(self, book: Book):
        assert book.submit(BUY, 100, 1) == Report([], [LevelKey(BUY, 100)])
        assert book.engine.best(BUY) == 100

    def test_a_later_order_of_the_same_price_waits_behind(self, book: Book):
        book.submit(BUY, 99, 9)
        assert fills(book.submit(SELL, 99, 4)) == [(4, 99, 3), (6, 99, 1)]

    def test_a_market_order_takes_any_price_and_never_rests(self, book: Book):
        assert sum(size for _, _, size in fills(book.submit(BUY, None, 100))) == 11
        assert book.levels(SELL) == []
        assert book.submit(BUY, None, 1) == Report([], [])
        assert book.levels(BUY) == [(99, 3), (98, 6)]

    def test_ioc_lapses_with_its_rest(self, book: Book):
        assert fills(book.submit(BUY, 101, 10, TimeInForce.IOC)) == [(1, 101, 5), (3, 101, 2)]
        assert book.levels(BUY) == [(99, 3), (98, 6)]

    @pytest.mark.parametrize(("price", "size"), [(101, 8), (102, 12), (None, 12), (100, 1)])
    def test_fok_lapses_whole_where_it_cannot_be_filled_whole(self, book: Book, price, size):
        assert book.submit(BUY, price, size, TimeInForce.FOK) == Report([], [])
        assert book.levels(SELL) == [(101, 7), (102, 4)]

    @pytest.mark.parametrize(("price", "size"), [(101, 7), (102, 11), (None, 11)])
    def test_fok_is_filled_where_it_can_be_filled_whole(self, book: Book, price, size):
        assert sum(size for _, _, size in fills(book.submit(BUY, price, size, TimeInForce.FOK))) == size


class TestCancel:
    def test_takes_the_order_out_of_its_level(self, book: Book):
        assert book.engine.cancel(1) == Report([], [LevelKey(SELL, 101)])
        assert book.levels(SELL) == [(101, 2), (102, 4)]
        assert 1 not in book.engine
        assert 3 in book.engine

    def test_takes_only_what_is_left_of_it(self, book: Book):
        book.submit(BUY, 101, 4)
        book.engine.cancel(1)
        assert book.levels(SELL) == [(101, 2), (102, 4)]

    def test_is_none_for_orders_that_do_not_rest(self, book: Book):
        book.submit(BUY, 101, 5)
        assert book.engine.cancel(1) is None, "filled"
        assert book.engine.cancel(99) is None, "never seen"
        book.engine.cancel(2)
        assert book.engine.cancel(2) is None, "cancelled already"


class TestRefusals:
    @pytest.mark.parametrize(("price", "size"), [(0, 1), (-1, 1), (1, 0), (None, 0)])
    def test_prices_and_sizes_below_one(self, price, size):
        with pytest.raises(InputError):
            Order(id=1, owner="somebody", side=BUY, price=price, size=size)

    def test_the_id_of_a_resting_order(self, book: Book):
        with pytest.raises(InputError, match="id"):
            book.engine.submit(Order(id=1, owner="somebody", side=BUY, price=1, size=1))
        assert book.levels(BUY) == [(99, 3), (98, 6)]


class PlainEngine:
    """The same rules as a list of orders that is searched for every fill: slow, and plainly right."""

    def __init__(self) -> None:
        # Each resting order with its price.
        self.resting: list[tuple[int, Order]] = []

    def submit(self, order: Order, time_in_force: TimeInForce) -> list[tuple[int, int, int]]:
        makers = [
            (price, maker)
            for price, maker in self.resting
            if maker.side is not order.side
            and (order.price is None or (price <= order.price if order.side is BUY else price >= order.price))
        ]
        makers.sort(key=lambda pair: pair[0] if order.side is BUY else -pair[0])  # stable: the oldest first
        if time_in_force is TimeInForce.FOK and sum(maker.remaining for _, maker in makers) < order.remaining:
            return []
        fills = []
        for price, maker in makers:
            size = min(order.remaining, maker.remaining)
            if size:
                order.remaining -= size
                maker.remaining -= size
                fills.append((maker.id, price, size))
        if order.price is not None and time_in_force is TimeInForce.GTC:
            self.resting.append((order.price, order))
        self.resting = [(price, order) for price, order in self.resting if order.remaining]
        return fills

    def cancel(self, order_id: int) -> int | None:
        """The lots that were left, None where no such order rests."""
        for index, (_, order) in enumerate(self.resting):
            if order.id == order_id:
                del self.resting[index]
                return order.remaining
        return None

    def levels(self, side: Side) -> dict[int, int]:
        levels: dict[int, int] = {}
        for price, order in self.resting:
            if order.side is side:
                levels[price] = levels.get(price, 0) + order.remaining
        return levels


SUBMISSIONS = st.tuples(
    st.sampled_from(Side),
    st.none() | st.integers(1, 12),
    st.integers(1, 9),
    st.sampled_from(TimeInForce),
)
CANCELLATIONS = st.integers(1, 60)


@given(st.lists(SUBMISSIONS | CANCELLATIONS, max_size=60))
@settings(max_examples=300)
def test_any_sequence_of_orders_does_what_the_plain_engine_does(actions):
    engine, plain = MatchingEngine(), PlainEngine()
    submitted = traded = cancelled = 0
    for number, action in enumerate(actions, 1):
        before = {side: dict(engine.levels(side)) for side in Side}
        if isinstance(action, int):
            report = engine.cancel(action)
            lots = plain.cancel(action)
            assert (report is None) == (lots is None)
            cancelled += lots or 0
            changed = report.changed if report else []
        else:
            side, price, size, time_in_force = action
            order, twin = (Order(id=number, owner="", side=side, price=price, size=size) for _ in range(2))
            report = engine.submit(order, time_in_force)
            assert fills(report) == plain.submit(twin, time_in_force)
            assert all(fill.taker is order and fill.maker.side is side.opposite for fill in report.fills)
            filled = sum(fill.size for fill in report.fills)
            assert order.size - order.remaining == filled, "what the taker got is what the makers gave"
            submitted += size
            traded += 2 * filled
            if number not in engine:
                cancelled += order.remaining
            changed = report.changed

        after = {side: dict(engine.levels(side)) for side in Side}
        for side in Side:
            assert after[side] == plain.levels(side)
            assert list(after[side]) == sorted(after[side], reverse=side is BUY)
            assert engine.total_size(side) == sum(after[side].values())
            assert len(list(engine.levels(side))) == len(after[side])
            assert engine.best(side) == next(iter(after[side]), None)
            assert all(engine.level_size(side, price) == size for price, size in after[side].items())
        assert len(changed) == len(set(changed))
        assert {
            LevelKey(side, price)
            for side in Side
            for price in before[side].keys() | after[side].keys()
            if before[side].get(price) != after[side].get(price)
        } == set(changed), "exactly the levels that changed are reported"
        best_bid, best_ask = engine.best(BUY), engine.best(SELL)
        assert best_bid is None or best_ask is None or best_bid < best_ask, "never crossed or locked"
        assert submitted == traded + cancelled + engine.total_size(BUY) + engine.total_size(SELL), "no lot is lost"
