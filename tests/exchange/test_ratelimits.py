"""The limits of the HTTP API by themselves: how they block, are lowered, and come back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.exchange.ratelimits import ADDRESS, KEY, MAX_COUNTED, ORDERS, SMALL_ORDERS, Limit, RateLimits

NOW = 1_790_000_000.0
LIMITS = [ADDRESS, KEY, ORDERS, SMALL_ORDERS]


def taken(limits: RateLimits, limit: Limit, now: float, who: str = "me") -> int:
    """How many requests are taken at a moment, until the first that is not."""
    count = 0
    while limits.admit(limit, who, now):
        count += 1
    return count


def test_the_documented_numbers():
    assert [(each.requests, each.seconds) for each in LIMITS] == [(500, 300), (500, 300), (300, 300), (100, 60)]
    assert (SMALL_ORDERS.lowered, SMALL_ORDERS.lowered_seconds) == (10, 3600)


@pytest.mark.parametrize("limit", LIMITS)
def test_who_exceeds_a_limit_is_blocked_until_the_period_ends_and_has_a_lowered_one_for_a_while(limit: Limit):
    limits = RateLimits()
    assert taken(limits, limit, NOW) == limit.requests
    assert taken(limits, limit, NOW + limit.seconds - 0.001) == 0
    assert taken(limits, limit, NOW + limit.seconds) == limit.lowered
    assert taken(limits, limit, NOW + limit.lowered_seconds - 0.001) == limit.lowered
    assert taken(limits, limit, NOW + limit.lowered_seconds + limit.seconds) == limit.requests


@pytest.mark.parametrize("limit", LIMITS)
def test_who_stays_within_a_limit_has_it_anew_after_each_period(limit: Limit):
    limits = RateLimits()
    for period in range(20):
        assert all(limits.admit(limit, "me", NOW + period * limit.seconds) for _ in range(limit.requests))


def test_an_hour_of_small_orders_after_too_many_is_ten_a_minute():
    limits = RateLimits()
    assert taken(limits, SMALL_ORDERS, NOW) == 100
    assert [taken(limits, SMALL_ORDERS, NOW + minute * 60) for minute in range(1, 62)] == [10] * 59 + [100, 10]


def test_everyone_is_counted_alone():
    limits = RateLimits()
    assert taken(limits, KEY, NOW, "me") == 500
    assert taken(limits, KEY, NOW, "you") == 500
    assert taken(limits, ADDRESS, NOW, "me") == 500
    assert taken(limits, ORDERS, NOW, "me") == 300


def test_a_clock_that_was_put_back_blocks_nobody():
    limits = RateLimits()
    assert taken(limits, KEY, NOW) == 500
    assert taken(limits, KEY, NOW - 1) == 500


def test_headers_count_down():
    limits = RateLimits()
    for _ in range(3):
        limits.admit(ORDERS, "me", NOW + 0.25)
    told = limits.headers(ORDERS, "me", NOW + 72.5)
    names = [f"X-OrderRequest-RateLimit-{name}" for name in ("Period", "Remaining", "Reset")]
    assert told == dict(zip(names, ["229", "297", "1790000301"], strict=True))
    # A client that waits until then is let in.
    assert taken(limits, ORDERS, NOW + 100) == 297
    assert limits.headers(ORDERS, "me", NOW + 100)["X-OrderRequest-RateLimit-Remaining"] == "0"
    assert limits.admit(ORDERS, "me", 1790000301)


def test_the_one_who_asked_longest_ago_is_forgotten():
    limits = RateLimits()
    assert taken(limits, KEY, NOW, "first") == 500
    for number in range(MAX_COUNTED - 1):
        limits.admit(KEY, f"other {number}", NOW)
    assert not limits.admit(KEY, "first", NOW)
    limits.admit(KEY, "one more", NOW)
    assert not limits.admit(KEY, "first", NOW)
    for number in range(MAX_COUNTED):
        limits.admit(KEY, f"another {number}", NOW)
    assert limits.admit(KEY, "first", NOW)


@given(st.lists(st.integers(0, 20), max_size=200))
@settings(max_examples=200)
def test_no_period_ever_takes_more_than_the_limit(pauses):
    limit = Limit("", 5, 60, 2, 180)
    limits, now, begun, count = RateLimits(), NOW, NOW, 0
    for index, pause in enumerate(pauses):
        now += pause
        if index == 0 or now - begun >= 60:
            begun, count = now, 0
        count += limits.admit(limit, "me", now)
        assert count <= 5
        told = limits.headers(limit, "me", now)
        assert int(told["-Reset"]) == begun + 60 == now + int(told["-Period"])
        assert 0 <= int(told["-Remaining"]) <= 5 - count
