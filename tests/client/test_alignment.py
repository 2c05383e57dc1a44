"""The place of a connection's messages in a sequence, against a search of all places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.alignment import Alignment, align


def words(text: str) -> list[bytes]:
    return [letter.encode() for letter in text]


@pytest.mark.parametrize(
    ("messages", "sequence", "may_begin_earlier", "found"),
    [
        ("x", "abc", False, None),
        ("a", "", False, None),
        ("bc", "abcd", False, Alignment(0, 2, 1, 3, 2, True)),
        ("cde", "abc", False, Alignment(0, 1, 2, 3, 1, True)),  # two messages lie beyond the end
        ("xbc", "abc", False, Alignment(1, 3, 1, 3, 2, True)),
        ("xabc", "abc", True, Alignment(0, 4, 0, 3, 3, True)),  # the first may be older than the sequence
        ("xabc", "abc", False, Alignment(1, 4, 0, 3, 3, True)),
        ("aa", "aaa", False, Alignment(0, 2, 1, 3, 1, False)),
    ],
)
def test_examples(messages: str, sequence: str, may_begin_earlier: bool, found: Alignment | None) -> None:
    assert align(words(messages), words(sequence), may_begin_earlier) == found


@given(st.text("ab", min_size=1, max_size=8), st.text("ab", max_size=8), st.booleans())
def test_the_place_is_the_one_at_which_the_most_agrees(messages: str, sequence: str, may_begin_earlier: bool) -> None:
    found = align(words(messages), words(sequence), may_begin_earlier)
    places = []
    for offset in range(-len(messages) + 1, len(sequence)):  # the place in the sequence of the first message
        stop = min(len(messages), len(sequence) - offset)
        start = stop
        while start > max(0, -offset) and messages[start - 1] == sequence[offset + start - 1]:
            start -= 1
        if start < stop:
            is_whole = may_begin_earlier and offset + start == 0
            places.append((0 if is_whole else start, len(messages) - stop, -offset))
    assert (found is None) == (not places)
    if found is not None:
        start, _, place = min(places)  # the fewest beyond the end, and of those the latest
        assert (found.start, found.sequence_stop - found.stop) == (start, -place)
        assert found.is_only == (sum(each[0] == start for each in places) == 1)
