"""The meaning and the ids of texts."""

from __future__ import annotations

import pytest
from msgspec import Raw

from fulgurite.client.comparison import Ids, Text


def text(json: str) -> Text:
    return Text(Raw(json.encode()), 0)


@pytest.mark.parametrize(
    ("json", "ids"),
    [
        ('[{"id":7,"side":"BUY"}]', Ids(7, 7)),
        ('[{"id":7},{"id":9}]', Ids(7, 9)),
        ('{"product_code":"BTC_JPY","tick_id":5}', Ids(5, 5)),
        ('[{"id":7},{"id":0}]', None),
        ('[{"id":-7}]', None),
        ('[{"id":"7"}]', None),
        ("[]", None),
        ('{"mid_price":1.0}', None),
        ('"word"', None),
        ("[{", None),
    ],
)
def test_ids_are_those_of_executions_or_of_a_ticker(json, ids):
    assert text(json).ids() == ids
    assert Text(json, 0).ids() == ids


def test_ids_of_what_is_no_text_are_none():
    assert Text(Raw(b"\xff"), 0).ids() is None
    assert Text(Raw(b"[" * 5000), 0).ids() is None


def test_texts_that_mean_the_same_are_equal():
    assert text('{"a":1.0,"b":1e-8}').equals('{"b": 0.00000001000, "a":1}')
    assert not text('{"a":1.0}').equals('{"a":1.5}')
    assert text('{"a":1.0}').meaning() == text('{ "a": 1 }').meaning()
