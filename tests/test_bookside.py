"""Both implementations of a book's side: that they do the same, and that the one in C survives bad levels."""

from __future__ import annotations

import copy
import pickle
import shutil
import sysconfig
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.bookside import BookSide, PlainBookSide
from fulgurite.protocol.messages import Level

BOTH = pytest.mark.parametrize("make", list(dict.fromkeys([PlainBookSide, BookSide])))
SIGN = st.sampled_from([1.0, -1.0])
# Few prices, so that they meet again; sizes of 0 are deletions, prices of 0 market orders.
PRICES = st.one_of(st.integers(0, 12).map(float), st.sampled_from([-0.0, 0.5, -3.0, 1e-300, 1e300, float("inf")]))
SIZES = st.sampled_from([0.0, -0.0, 1.0, 0.01, 2.5, 1e300])
LEVELS = st.lists(st.builds(Level, PRICES, SIZES), max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["update", "replace", "drop_best", "copy"]), LEVELS), max_size=30)


class Number:
    """A level of another kind, which runs this when its price is asked for."""

    size = 1.0

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    @property
    def price(self) -> Any:
        return self._ask()


def test_it_is_compiled_where_it_can_be():
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which("cc") and headers.exists():
        assert BookSide is not PlainBookSide


@given(SIGN, STEPS)
@settings(deadline=None)
def test_both_do_the_same_whatever_comes(sign: float, steps: list[tuple[str, list[Level]]]):
    sides: list[Any] = [PlainBookSide(sign), BookSide(sign)]
    for step, levels in steps:
        if step == "copy":
            originals, sides = sides, [side.copy() for side in sides]
            for original in originals:
                original.update(levels)
        elif step != "drop_best":
            plain, compiled = (getattr(side, step)(levels) for side in sides)
            assert plain == compiled
        elif sides[0].best_price is not None:
            for side in sides:
                side.drop_best()
        plain, compiled = sides
        assert plain.levels(None) == compiled.levels(None)
        assert plain.levels(3) == compiled.levels(3)
        assert plain.best() == compiled.best()
        assert plain.best_price == compiled.best_price
        assert plain.market_size == compiled.market_size


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(5))
def test_both_do_the_same_with_thousands_of_levels(sign: float, seed: int):
    """In C a side is made of blocks of some hundred levels, which are split, joined and removed."""
    rng = Random(seed)
    plain, compiled = PlainBookSide(sign), BookSide(sign)
    for deletions in (0.1, 0.5, 0.9, 0.5, 1.0):  # it grows, stays, shrinks, stays, and ends
        for _ in range(30):
            middle = rng.uniform(0, 9000)
            levels = [
                Level(float(1 + int(middle + rng.expovariate(0.01))), 0.0 if rng.random() < deletions else rng.random())
                for _ in range(100)
            ]
            assert plain.update(levels) == compiled.update(levels)
            rng.shuffle(levels)
            if rng.random() < 0.1:
                levels += plain.levels(rng.randrange(3000))
                assert plain.replace(levels) == compiled.replace(levels)
        assert plain.levels(None) == compiled.levels(None) == compiled.copy().levels(None)
        assert plain.levels(700) == compiled.levels(700)
    while plain.best_price is not None:
        plain.drop_best()
        compiled.drop_best()
        assert plain.best() == compiled.best()
    assert compiled.levels(None) == []


@BOTH
def test_lists_no_more_levels_than_it_has(make: type[PlainBookSide]):
    side = make(1.0)
    assert (side.levels(5), side.best(), side.best_price) == ([], None, None)
    side.update([Level(1.0, 1.0), Level(2.0, 1.0)])
    assert [len(side.levels(depth)) for depth in (-1, 0, 1, 2, 3, None)] == [0, 0, 1, 2, 2, 2]
    side.drop_best()
    side.drop_best()
    with pytest.raises(IndexError):
        side.drop_best()


@BOTH
@pytest.mark.parametrize("again", [copy.deepcopy, lambda side: pickle.loads(pickle.dumps(side))])
def test_can_be_copied_and_pickled(make: type[PlainBookSide], again: Any):
    side = make(-1.0)
    side.update([Level(2.0, 1.0), Level(1.0, 3.0), Level(0.0, 7.0)])
    other = again(side)
    side.update([Level(2.0, 0.0)])
    assert other.levels(None) == [Level(1.0, 3.0), Level(2.0, 1.0)]
    assert other.market_size == 7.0


@BOTH
def test_takes_whatever_has_a_price_and_a_size(make: type[PlainBookSide]):
    class Other(msgspec.Struct):
        size: int
        price: int

    class Special(Level, frozen=True):
        pass

    side = make(1.0)
    side.update([Other(1, 2), Special(3.0, 4.0), Level(5, 6)])  # type: ignore[list-item]
    assert side.levels(None) == [Level(5.0, 6.0), Level(3.0, 4.0), Level(2.0, 1.0)]


if BookSide is not PlainBookSide:

    class TestCompiled:
        """In C, a bad level must raise an error and never crash."""

        @pytest.mark.parametrize("levels", [None, 7, (), [None], [Level("1", 1.0)], [Level(1.0, 1.0), object()]])  # type: ignore[arg-type]
        def test_what_is_no_level_is_an_error_and_leaves_a_whole_side(self, levels: Any):
            side = BookSide(1.0)
            side.update([Level(3.0, 1.0)])
            for take in (side.update, side.replace):
                with pytest.raises((TypeError, AttributeError)):
                    take(levels)
            side.replace([Level(1.0, 1.0), Level(2.0, 5.0)])
            assert side.levels(None) == [Level(2.0, 5.0), Level(1.0, 1.0)]

        @pytest.mark.parametrize("name", ["update", "replace"])
        def test_a_level_may_change_the_side_and_the_list_while_it_is_read(self, name: str):
            side = BookSide(1.0)
            levels: list[Any] = []

            def shrink() -> float:
                levels.clear()
                side.update([Level(float(price), 0.0) for price in range(1, 400)])
                return 7.0

            def grow() -> float:
                levels.extend(Level(float(price), 1.0) for price in range(1, 400))
                side.update([Level(float(price), 1.0) for price in range(500, 900)])
                return 7.0

            for ask in (shrink, grow):
                side.update([Level(float(price), 1.0) for price in range(1, 300)])
                levels[:] = [Number(ask), Level(8.0, 1.0), Level(9.0, 1.0)]
                getattr(side, name)(levels)
                prices = [level.price for level in side.levels(None)]
                assert prices == sorted(set(prices), reverse=True)
                assert 7.0 in prices

        @pytest.mark.parametrize("sign", [0.0, 2.0, float("nan")])
        def test_the_sign_is_one_of_two(self, sign: float):
            with pytest.raises(ValueError, match="sign"):
                BookSide(sign)

        def test_a_price_that_is_not_a_number_is_refused_since_it_has_no_place_in_an_order(self):
            side = BookSide(1.0)
            for take in (side.update, side.replace):
                with pytest.raises(ValueError, match="NaN"):
                    take([Level(1.0, 1.0), Level(float("nan"), 1.0)])
