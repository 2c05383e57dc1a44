"""Delays between attempts: capped, jittered, and never more than one attempt a second."""

from __future__ import annotations

import random
from email.utils import formatdate
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.backoff import CAP_SECONDS, MAX_RETRY_AFTER_SECONDS, backoff, is_fatal, parse_retry_after
from fulgurite.errors import (
    AuthenticationError,
    ChannelError,
    ConnectError,
    HandshakeRefusedError,
    InputError,
    KeychainError,
    UnansweredError,
)


@given(st.integers())
def test_delays_stay_between_a_second_and_the_cap(seed):
    delays = list(islice(backoff(random.Random(seed)), 50))
    assert 1.0 <= delays[0] <= 2.0
    assert all(1.0 <= delay <= CAP_SECONDS for delay in delays)
    assert all(delay >= CAP_SECONDS / 2 for delay in delays[4:])


@given(st.integers(), st.lists(st.integers(1, 10), min_size=1, max_size=30))
def test_never_more_than_one_attempt_a_second_however_often_it_is_reset(seed, useful_after):
    """A server that sends one message on every n-th connection resets the backoff there, and gains nothing by it."""
    rng = random.Random(seed)
    waited = [delay for attempts in useful_after for delay in islice(backoff(rng), attempts)]
    assert sum(waited) >= len(waited)


@given(st.floats(0.001, 100), st.floats(0.001, 100), st.integers())
def test_bounds_double_from_the_first_to_the_cap(first, cap, seed):
    bound = min(first, cap)
    for delay in islice(backoff(random.Random(seed), first, cap), 20):
        assert bound / 2 <= delay <= bound <= cap
        bound = min(bound * 2, cap)


def test_clients_do_not_come_back_together():
    assert len({next(backoff(random.Random(seed))) for seed in range(100)}) == 100


def test_same_generator_gives_the_same_delays():
    assert list(islice(backoff(random.Random(7)), 10)) == list(islice(backoff(random.Random(7)), 10))


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("auth", -32008, "authentication failed"),
        KeychainError("the keychain has no such key", "add it"),
        InputError("endpoint", "x", "a URL"),
        ChannelError("channel", "x", "a channel"),
    ],
)
def test_what_no_retry_can_heal_is_fatal(error):
    assert is_fatal(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectError("ws://h", "connection refused"),
        HandshakeRefusedError("ws://h", 503, 3.0),
        HandshakeRefusedError("ws://h", 403),
        UnansweredError("auth"),
    ],
)
def test_what_may_heal_is_retried(error):
    assert not is_fatal(error)


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 5000, MAX_RETRY_AFTER_SECONDS),
        ("٣", None),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_to_wait(value, seconds):
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_retry_after_takes_any_text(value):
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS
