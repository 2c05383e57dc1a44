"""When ids that fall back are a new numbering, and when they only come late."""

from __future__ import annotations

import pytest

from fulgurite.client.numbering import Numbering

A, B = 0, 1


def came(numbering: Numbering, connection: int, *ids: int, at_ns: int = 0, is_new: bool = True) -> bool:
    return numbering.came(connection, ids, at_ns, lambda: is_new)


@pytest.fixture
def numbering() -> Numbering:
    """Both connections have brought up to 100, at the time 100."""
    numbering = Numbering()
    for connection in (A, B):
        numbering.asked(connection, 0)
        assert not came(numbering, connection, 99, 100, at_ns=100)
    return numbering


def test_ids_that_ascend_are_one_numbering(numbering):
    assert not came(numbering, A, 101, 105)
    assert (numbering.first, numbering.newest) == (99, 105)


def test_new_executions_behind_those_of_the_same_connection_begin_one(numbering):
    assert came(numbering, A, 5, 6)
    assert (numbering.first, numbering.newest) == (5, 6)
    assert not came(numbering, A, 7)
    assert came(numbering, A, 6)


def test_what_was_brought_before_begins_none(numbering):
    assert not came(numbering, A, 99, is_new=False)
    assert not came(numbering, A, 98, 101)
    assert not came(numbering, A, 0, 0)
    assert not came(numbering, A)


def test_a_connection_that_follows_another_into_a_numbering_begins_none(numbering):
    assert came(numbering, A, 5)
    assert not came(numbering, A, 6)
    assert not came(numbering, B, 101), "it still brings what the other had not"
    assert numbering.newest == 6
    assert not came(numbering, B, 5, is_new=False)
    assert not came(numbering, B, 7)
    assert numbering.newest == 7
    assert came(numbering, B, 6)


def test_a_connection_that_lags_begins_none(numbering):
    assert not came(numbering, A, 110, at_ns=110)
    assert not came(numbering, B, 105, at_ns=111)
    numbering.left(B)
    numbering.asked(B, asked_ns=110)
    assert not came(numbering, B, 103), "asked for when that may not have been brought"


def test_a_connection_that_was_asked_later_begins_one(numbering):
    numbering.left(A)
    numbering.left(B)
    numbering.asked(A, asked_ns=101)
    assert not came(numbering, A, 100, is_new=False)
    assert came(numbering, A, 50)


def test_a_connection_that_nobody_is_beside_begins_one_with_what_was_brought_before(numbering):
    """As where the service is started again with the same seed."""
    numbering.left(A)
    numbering.left(B)
    for connection in (A, B):
        numbering.asked(connection, asked_ns=101)
    assert came(numbering, B, 99, 100, is_new=False)
    assert numbering.begins_everywhere
    assert not came(numbering, A, 99, is_new=False), "it follows"
    assert not came(numbering, B, 98, 101), "only what it brings first tells"


def test_a_connection_that_another_is_beside_begins_none_with_what_was_brought_before(numbering):
    numbering.left(B)
    numbering.asked(B, asked_ns=101)
    assert not came(numbering, B, 99, is_new=False), "it may lag"
    assert came(numbering, A, 50)
    assert not numbering.begins_everywhere


def test_what_was_looked_up_counts_once_all_of_it_has_been_sent():
    numbering = Numbering()
    numbering.learned(100, at_ns=50)
    numbering.asked(A, asked_ns=40)
    assert not came(numbering, A, 98)
    numbering.asked(B, asked_ns=60)
    assert came(numbering, B, 97)


def test_a_connection_that_is_asked_again_goes_on_and_its_repetitions_begin_none(numbering):
    numbering.left(B)
    for asked_ns in (200, 300):
        numbering.asked(A, asked_ns)
    assert not came(numbering, A, 99, 100, is_new=False)
