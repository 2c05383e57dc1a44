"""JSON as JavaScript reads and writes it; tests/server/test_differential.py holds it to Node.js itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.protocol.javascript import is_truthy, parse, stringify


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.0", "1"),
        ("-0", "0"),
        ("1e2", "100"),
        ("9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000"),
        ("100000000000000000000", "100000000000000000000"),
        ("1000000000000000000000", "1e+21"),
        ("123456789012345678901234", "1.2345678901234569e+23"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("-1.50", "-1.5"),
        ("5e-324", "5e-324"),
        ("1e400", "null"),
        ("1" * 5000, "null"),
        ('"é\\ud83d\\ude00 \\/ \\u2028"', '"é😀 / \u2028"'),
        ('"\\ud800 é \\udc00"', '"\\ud800 é \\udc00"'),
        ('"\\u001F\\b\\u007f"', '"\\u001f\\b\x7f"'),
        ('{"b":1,"10":2,"2":3,"02":4,"4294967295":5}', '{"2":3,"10":2,"b":1,"02":4,"4294967295":5}'),
        ('[ true, false, null, {"a": 1, "a": 2} ]', '[true,false,null,{"a":2}]'),
    ],
)
def test_what_is_read_is_written_as_javascript_writes_it(text: str, written: str):
    assert stringify(parse(text)) == written


@pytest.mark.parametrize("text", ["", "NaN", "-Infinity", "\ufeff1", "01", "[1,]", "'a'", '"a\tb"', "\xa01"])
def test_what_is_no_json_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the kind does not matter
        parse(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(number: float):
    assert float(stringify(number)) == number


@given(st.recursive(st.none() | st.booleans() | st.text(st.characters()), lambda inner: st.lists(inner)))
def test_a_value_survives(value):
    assert parse(stringify(value)) == value
    stringify(parse(json.dumps(value))).encode()


@pytest.mark.parametrize("text", ["[]", "{}", '"a"', "1", "true"])
def test_empty_arrays_and_objects_are_true(text: str):
    assert is_truthy(parse(text))


@pytest.mark.parametrize("text", ["null", "false", '""', "0", "-0.0", "1e-400"])
def test_other_empty_values_are_not(text: str):
    assert not is_truthy(parse(text))
