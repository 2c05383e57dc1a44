from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.httplimits import BLOCKED_SECONDS, LIMIT, PERIOD_SECONDS, HttpBudget

NOW = 1_790_000_000.0


def spend(budget: HttpBudget, times: int, now: float = NOW) -> None:
    for _ in range(times):
        assert budget.wait(now) == 0
        budget.spent(now)


def test_a_share_is_spent_and_then_it_waits_for_the_period_to_pass():
    budget = HttpBudget(share=3)
    spend(budget, 2)
    spend(budget, 1, NOW + 10)
    assert budget.wait(NOW + 10) == PERIOD_SECONDS - 10
    assert budget.wait(NOW + PERIOD_SECONDS) == 0


def test_what_the_user_has_spent_leaves_less_for_us():
    budget = HttpBudget(share=300)
    reset = {"X-RateLimit-Reset": str(int(NOW) + 100)}
    budget.answered(200, {"X-RateLimit-Remaining": "201", **reset}, NOW)
    assert budget.wait(NOW) == 0
    budget.answered(200, {"X-RateLimit-Remaining": "200", **reset}, NOW)
    assert budget.wait(NOW) == 100
    assert budget.wait(NOW + 100) == 0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {}, BLOCKED_SECONDS),
        (429, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "7"}, 7),
        (503, {}, 0),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 42)}, 42),
        (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) - 42)}, 0),
        (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 301)}, 0),
        (200, {"X-RateLimit-Remaining": "0"}, 0),
        (200, {"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "9" * 1000}, 0),
    ],
)
def test_what_an_answer_says_is_heeded_where_it_can_be_meant(status, headers, seconds):
    budget = HttpBudget()
    budget.answered(status, headers, NOW)
    assert budget.wait(NOW) == seconds


def test_a_clock_that_is_set_back_does_not_block():
    budget = HttpBudget(share=1)
    budget.spent(NOW)
    budget.answered(429, {}, NOW)
    assert budget.wait(NOW) > 0
    assert budget.wait(NOW - 3600) == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.integers(1, 20))
def test_whoever_waits_never_makes_more_than_the_share_in_any_period(pauses, share):
    budget = HttpBudget(share)
    now, made = NOW, []
    for pause in pauses:
        now += pause + budget.wait(now + pause)
        assert budget.wait(now) < 1e-6  # the rounding error of a sum of floats
        budget.spent(now)
        made.append(now)
    for first, last in zip(made, made[share:], strict=False):
        assert last - first > PERIOD_SECONDS - 1e-6
    assert share < LIMIT
