"""A clock that runs at a speed of its own."""

import math

from hypothesis import given
from hypothesis import strategies as st

from fulgurite.protocol.pacedclock import PacedClock

SECOND = 10**9


def test_time_passes_at_its_speed():
    clock = PacedClock(100 * SECOND, 5.0, speed=30.0)
    assert clock.at(5.0) == 100 * SECOND
    assert clock.at(7.0) == 160 * SECOND
    assert clock.seconds_until(190 * SECOND, 7.0) == 1.0
    assert clock.seconds_until(130 * SECOND, 7.0) == -1.0


def test_a_change_of_speed_changes_no_time():
    clock = PacedClock(0, 0.0)
    clock.set_speed(0.0, 3.0)
    assert clock.at(9.0) == 3 * SECOND
    assert clock.seconds_until(4 * SECOND, 9.0) == math.inf
    clock.set_speed(2.0, 9.0)
    assert clock.at(10.0) == 5 * SECOND


def test_it_can_be_set():
    clock = PacedClock(0, 0.0, speed=2.0)
    clock.set(50 * SECOND, 10.0)
    assert clock.at(11.0) == 52 * SECOND


def test_no_speed_is_too_large_for_it():
    assert PacedClock(0, 0.0, speed=1e308).at(1e6) == 2**63 - 1


@given(st.integers(0, 2**62), st.floats(0, 1e6), st.floats(0.001, 1000), st.integers(0, 10**15))
def test_it_shows_a_time_when_it_says_that_it_will(shown_ns: int, now: float, speed: float, more_ns: int):
    clock = PacedClock(shown_ns, now, speed)
    wait = clock.seconds_until(shown_ns + more_ns, now)
    assert abs(clock.at(now + wait) - shown_ns - more_ns) <= 1_000 * speed
