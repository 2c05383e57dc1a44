"""How much time passes in a log."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.protocol.logclock import LogClock

SECOND = 10**9
DAY = 86_400 * SECOND


def passed(*times_ns: int, longest_pause: float = 86_400.0) -> tuple[float, list[float]]:
    clock = LogClock(longest_pause)
    passed_over = [seconds for at_ns in times_ns if (seconds := clock.advance(at_ns))]
    return clock.seconds, passed_over


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ((), 0.0),
        ((5 * SECOND,), 0.0),
        ((10 * SECOND, 11 * SECOND, 13 * SECOND), 3.0),
        # Set back by two seconds, after which one passes.
        ((10 * SECOND, 11 * SECOND, 9 * SECOND, 10 * SECOND), 2.0),
        ((DAY, 0, SECOND), 1.0),
    ],
)
def test_a_clock_that_is_set_back_lets_no_time_pass_and_goes_on_from_there(times, seconds):
    assert passed(*times) == (seconds, [])


def test_a_jump_of_a_day_is_passed_over_and_said():
    assert passed(0, SECOND, SECOND + DAY, 2 * SECOND + DAY) == (2.0, [86_400.0])
    assert passed(0, DAY - 1) == ((DAY - 1) / 1e9, [])


def test_the_longest_pause_is_the_callers_choice():
    assert passed(0, 60 * SECOND, 61 * SECOND, longest_pause=60) == (1.0, [60.0])
    assert passed(0, 400 * DAY, longest_pause=math.inf) == (400 * 86_400.0, [])


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_no_pause_at_all_is_refused(seconds):
    with pytest.raises(InputError, match="longest_pause"):
        LogClock(seconds)


@given(st.lists(st.integers(-(2**70), 2**70)))
def test_it_never_goes_back(times):
    clock = LogClock()
    latest = 0
    for at_ns in times:
        clock.advance(at_ns)
        assert clock.passed_ns >= latest
        latest = clock.passed_ns
