"""Joining WebSocket fragments."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import FragmentError
from fulgurite.protocol.fragments import BINARY, CONTINUATION, TEXT, Fragments


@given(st.text(), st.lists(st.integers(0, 100)), st.sampled_from([TEXT, BINARY]))
def test_a_message_is_the_same_however_it_is_cut(text: str, cuts: list[int], opcode: int):
    """Also in the middle of a character."""
    payload = text.encode(errors="replace")
    fragments = Fragments(max_bytes=1_000_000)
    places = [0, *sorted(min(cut, len(payload)) for cut in cuts), len(payload)]
    parts = [payload[start:stop] for start, stop in pairwise(places)]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        message = fragments.add(opcode if number == 0 else CONTINUATION, is_last, part)
        assert (message is None) == (not is_last)
    assert message == (payload.decode() if opcode == TEXT else payload)


@pytest.mark.parametrize(
    ("frames", "close_code"),
    [
        ([(CONTINUATION, True, b"")], 1002),
        ([(TEXT, False, b""), (TEXT, True, b"")], 1002),
        ([(TEXT, True, b"\xff")], 1007),
        ([(TEXT, True, b"12345678901")], 1009),
        ([(TEXT, False, b"123456"), (CONTINUATION, True, b"78901")], 1009),
    ],
)
def test_what_breaks_the_rules_is_told_with_the_close_code_for_it(frames, close_code):
    fragments = Fragments(max_bytes=10)
    for frame in frames[:-1]:
        fragments.add(*frame)
    with pytest.raises(FragmentError) as caught:
        fragments.add(*frames[-1])
    assert caught.value.close_code == close_code


@given(st.lists(st.tuples(st.sampled_from([CONTINUATION, TEXT, BINARY]), st.booleans(), st.binary(max_size=8))))
def test_memory_is_bounded_whatever_comes(frames):
    fragments = Fragments(max_bytes=10)
    for frame in frames:
        with contextlib.suppress(FragmentError):
            fragments.add(*frame)
        assert sum(map(len, fragments._parts)) <= 10
