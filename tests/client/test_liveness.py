"""Silent channels: the limits, and the steps against silence, in simulated seconds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.liveness import (
    FIRST_LIMITS,
    LEARNED_FROM,
    LONGEST_LIMIT,
    SHORTEST_LIMIT,
    TIMES_THE_LONGEST,
    Liveness,
    Silence,
    Step,
)
from fulgurite.protocol.channels import Kind

BOARD, SNAPSHOT, TICKER = (f"lightning_{kind}_BTC_JPY" for kind in ("board", "board_snapshot", "ticker"))
PRIVATE = "child_order_events"


def steps(liveness: Liveness, until: float, start: float = 0.0, step: float = 1.0) -> list[tuple[float, str, Step]]:
    """The due steps, second by second."""
    found = []
    now = start
    while now < until:
        found += [(now, silence.channel, silence.step) for silence in liveness.due(now)]
        now += step
    return found


def test_a_channel_is_watched_from_the_moment_it_was_asked_for():
    liveness = Liveness()
    liveness.ask(SNAPSHOT, 100.0)
    limit = FIRST_LIMITS[Kind.BOARD_SNAPSHOT]
    assert limit is not None
    assert liveness.due(100.0 + limit - 0.1) == []
    assert liveness.due(100.0 + limit) == [Silence(SNAPSHOT, limit, Step.RESUBSCRIBE)]


def test_a_dead_channel_is_subscribed_again_then_connected_again_then_reported():
    liveness = Liveness({Kind.TICKER: 10.0, Kind.BOARD: 1000.0})
    liveness.ask(TICKER, 0.0)
    liveness.ask(BOARD, 0.0)
    liveness.heard[BOARD] = 1.0  # so the connection is not deaf
    assert steps(liveness, 25.0) == [(10.0, TICKER, Step.RESUBSCRIBE), (20.0, TICKER, Step.RECONNECT)]
    liveness.disconnect()
    assert steps(liveness, 60.0, start=25.0) == []
    liveness.ask(TICKER, 60.0)
    liveness.ask(BOARD, 60.0)
    liveness.heard[BOARD] = 61.0
    # Another connection has not helped: it is said, and then only tried again with growing patience.
    assert steps(liveness, 200.0, start=61.0) == [
        (70.0, TICKER, Step.REPORT),
        (90.0, TICKER, Step.RESUBSCRIBE),
        (130.0, TICKER, Step.RESUBSCRIBE),
    ]


def test_a_connection_over_which_nothing_comes_is_given_up_each_time_with_growing_patience():
    liveness = Liveness({Kind.TICKER: 10.0})
    now = 0.0
    reconnected = []
    while now < 1000.0:
        liveness.ask(TICKER, now)
        while Step.RECONNECT not in [silence.step for silence in liveness.due(now)]:
            now += 1.0
        reconnected.append(now)
        liveness.disconnect()
    assert reconnected[0] == 20.0
    waits = [later - earlier for earlier, later in itertools.pairwise(reconnected)]
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]


def test_a_message_begins_anew():
    liveness = Liveness({Kind.TICKER: 10.0})
    liveness.ask(TICKER, 0.0)
    assert [step for _, _, step in steps(liveness, 21.0)] == [Step.RESUBSCRIBE, Step.RECONNECT]
    liveness.heard[TICKER] = 21.0
    assert liveness.due(30.0) == []
    assert [silence.step for silence in liveness.due(31.0)] == [Step.RESUBSCRIBE]


def test_a_channels_own_pace_is_learned():
    liveness = Liveness()
    liveness.ask(BOARD, 0.0)
    now = 0.0
    for _ in range(LEARNED_FROM + 1):
        now += 5.0
        liveness.heard[BOARD] = now
        assert liveness.due(now) == []
    assert liveness.due(now + TIMES_THE_LONGEST * 5.0 - 1.0) == []
    assert liveness.due(now + TIMES_THE_LONGEST * 5.0) != []


@given(st.floats(0.001, LONGEST_LIMIT * 0.9), st.integers(LEARNED_FROM + 1, 200))
def test_the_learned_limit_fits_any_pace(pace, count):
    """A channel that goes on at its pace is never doubted, and one that stops is found within the bounds."""
    liveness = Liveness()
    liveness.ask(BOARD, 0.0)
    for number in range(count):
        liveness.heard[BOARD] = number * pace
        assert liveness.has_heard(BOARD)
        if number > LEARNED_FROM:
            assert liveness.due((number + 1) * pace - pace * 0.001) == []
    last = (count - 1) * pace
    assert liveness.due(last + SHORTEST_LIMIT * 0.99) == []
    assert liveness.due(last + LONGEST_LIMIT + 1.0) != []


def test_the_users_limits_are_not_adapted():
    liveness = Liveness({Kind.TICKER: 3.0, Kind.BOARD: None})
    liveness.ask(TICKER, 0.0)
    liveness.ask(BOARD, 0.0)
    for second in range(100):
        liveness.heard[TICKER] = second * 2.9
        assert liveness.due(second * 2.9 + 2.8) == []
    assert [silence.channel for silence in liveness.due(1e6)] == [TICKER]


def test_private_channels_may_be_silent_for_ever():
    liveness = Liveness()
    liveness.ask(PRIVATE, 0.0)
    assert liveness.due(1e9) == []


def test_time_in_which_nothing_was_read_is_no_silence():
    liveness = Liveness({Kind.TICKER: 10.0})
    liveness.ask(TICKER, 0.0)
    liveness.heard[TICKER] = 1.0
    liveness.shift(100.0)
    assert liveness.due(110.9) == []
    assert liveness.due(111.0) == [Silence(TICKER, 10.0, Step.RESUBSCRIBE)]


def test_a_channel_that_is_wanted_no_longer_is_forgotten():
    liveness = Liveness({Kind.TICKER: 10.0})
    liveness.ask(TICKER, 0.0)
    liveness.forget(TICKER)
    assert liveness.due(1e6) == []
    liveness.heard[TICKER] = 1e6  # it was on its way
    assert not liveness.has_heard(TICKER)


@pytest.mark.parametrize("name", ["no_channel_at_all", ""])
def test_a_channel_that_the_server_made_up_is_not_watched(name):
    liveness = Liveness()
    liveness.ask(name, 0.0)
    assert liveness.due(1e9) == []


def test_what_was_heard_is_known_for_each_connection():
    liveness = Liveness()
    liveness.ask(TICKER, 0.0)
    assert not liveness.has_heard(TICKER)
    liveness.heard[TICKER] = 1.0
    assert liveness.has_heard(TICKER)
    liveness.disconnect()
    assert not liveness.has_heard(TICKER)
