from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.exchange.timeline import MarketState, next_step, steps_taken
from fulgurite.protocol.messages import parse_time

DAY_NS = 86_400 * 10**9
NOON_NS = parse_time("2026-09-23T12:00:00Z")


def test_a_maintenance_goes_by_the_clock():
    """Section 1.4: 04:00, 04:02, 04:10 and 04:12 JST."""
    now_ns, steps = NOON_NS, []
    for _ in range(5):
        step = next_step(now_ns)
        steps.append((step.at_ns, step.state, step.closes_connections))
        now_ns = step.at_ns
    assert steps == [
        (parse_time("2026-09-23T19:00:00Z"), MarketState.CLOSED, False),
        (parse_time("2026-09-23T19:02:00Z"), MarketState.CLOSED, True),
        (parse_time("2026-09-23T19:10:00Z"), MarketState.PREOPEN, False),
        (parse_time("2026-09-23T19:12:00Z"), MarketState.RUNNING, False),
        (parse_time("2026-09-24T19:00:00Z"), MarketState.CLOSED, False),
    ]


@pytest.mark.parametrize(
    ("now", "states"),
    [
        ("19:00:00", ["CLOSED"]),
        ("19:01:59.999999999", ["CLOSED"]),
        ("19:02:00", ["CLOSED", "CLOSED"]),
        ("19:11:59", ["CLOSED", "CLOSED", "PREOPEN"]),
        ("18:59:59", ["CLOSED", "CLOSED", "PREOPEN", "RUNNING"]),
    ],
)
def test_the_steps_that_have_been_taken(now, states):
    assert [step.state for step in steps_taken(parse_time(f"2026-09-23T{now}Z"))] == states


def test_a_maintenance_that_begins_too_early_does_not_take_place():
    during_ns = parse_time("2026-09-23T19:01:00Z")
    assert steps_taken(during_ns, open_until_ns=during_ns) == []
    assert next_step(during_ns, open_until_ns=during_ns).at_ns == parse_time("2026-09-24T19:00:00Z")
    begins_ns = parse_time("2026-09-23T19:00:00Z")
    assert next_step(NOON_NS, open_until_ns=begins_ns).at_ns == begins_ns
    assert next_step(NOON_NS, open_until_ns=begins_ns + 1).at_ns == begins_ns + DAY_NS
    assert next_step(0, open_until_ns=begins_ns + 1).at_ns == begins_ns + DAY_NS


@given(st.integers(0, 4 * 10**18), st.integers(0, 4 * 10**18))
def test_the_next_step_is_later_and_follows_the_last_one(now_ns, open_until_ns):
    step = next_step(now_ns, open_until_ns)
    assert step.at_ns > now_ns
    assert step in steps_taken(step.at_ns, open_until_ns)
