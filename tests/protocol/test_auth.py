"""Signing and checking `auth`."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.protocol.auth import AuthChecker, signature, signed_params
from fulgurite.protocol.choices import AUTH_WINDOW_SECONDS

NOW = 1_790_134_285
NONCE = "0123456789abcdef"
KEY, SECRET = "the key", "the secret"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checker(clock) -> AuthChecker:
    return AuthChecker({KEY: SECRET}, clock)


def test_the_signature_is_hmac_sha256_of_timestamp_and_nonce():
    """Written out as the documentation says it (section 2)."""
    expected = hmac.new(b"the secret", b"1790134285" + b"0123456789abcdef", hashlib.sha256).hexdigest()
    assert signature(SECRET, NOW, NONCE) == expected
    assert signed_params(KEY, SECRET, NOW, NONCE) == {
        "api_key": KEY,
        "timestamp": NOW,
        "nonce": NONCE,
        "signature": expected,
    }


@pytest.mark.parametrize("timestamp", [NOW, NOW * 1000 + 123])
def test_seconds_and_milliseconds_are_taken(checker, timestamp):
    assert checker.check(signed_params(KEY, SECRET, timestamp, NONCE)) == KEY


def test_a_timestamp_may_be_a_whole_number_with_a_point(checker):
    """JSON has one kind of number."""
    params = signed_params(KEY, SECRET, NOW, NONCE)
    assert checker.check(json.loads(json.dumps(params).replace(str(NOW), f"{NOW}.0"))) == KEY


@pytest.mark.parametrize("seconds", [-AUTH_WINDOW_SECONDS - 1, AUTH_WINDOW_SECONDS + 1])
def test_a_timestamp_outside_the_window_is_refused(checker, seconds):
    assert checker.check(signed_params(KEY, SECRET, NOW + int(seconds), NONCE)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "another"},
        {"api_key": None},
        {"timestamp": NOW + 1},
        {"timestamp": str(NOW)},
        {"timestamp": True},
        {"timestamp": 10**5000},
        {"timestamp": float("inf")},
        {"timestamp": NOW // 10},
        {"nonce": "another nonce, long enough"},
        {"nonce": 5},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "\ud800"},
        {"signature": None},
    ],
)
def test_any_wrong_part_is_refused(checker, change):
    assert checker.check(signed_params(KEY, SECRET, NOW, NONCE) | change) is None


@pytest.mark.parametrize("missing", ["api_key", "timestamp", "nonce", "signature"])
def test_all_four_parts_are_needed(checker, missing):
    params = signed_params(KEY, SECRET, NOW, NONCE)
    del params[missing]
    assert checker.check(params) is None


@pytest.mark.parametrize(("length", "accepted"), [(15, False), (16, True), (255, True), (256, False)])
def test_a_nonce_has_16_to_255_characters(checker, length, accepted):
    assert (checker.check(signed_params(KEY, SECRET, NOW, "n" * length)) is not None) == accepted


def test_a_nonce_is_used_once(checker, clock):
    params = signed_params(KEY, SECRET, NOW, NONCE)
    assert checker.check(params) == KEY
    assert checker.check(params) is None
    clock.now += 2 * AUTH_WINDOW_SECONDS + 1
    assert checker.check(signed_params(KEY, SECRET, int(clock.now), NONCE)) == KEY


def test_a_refused_attempt_does_not_use_the_nonce(checker):
    assert checker.check(signed_params(KEY, "wrong", NOW, NONCE)) is None
    assert checker.check(signed_params(KEY, SECRET, NOW, NONCE)) == KEY


PARTS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["api_key", "timestamp", "nonce", "signature"]), PARTS) | PARTS)
def test_anything_else_proves_nothing(params):
    assert AuthChecker({KEY: SECRET}, Clock()).check(params) is None
