"""Any input from the page is one of its messages, or an InputError that says so."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fulgurite.playground.messages as module
from fulgurite.errors import InputError
from fulgurite.playground.messages import Connect, Disconnect, Subscribe, View, decode


def test_each_message_is_read():
    assert decode('{"type":"disconnect"}') == Disconnect()
    assert decode('{"type":"view","product_code":"BTC_JPY"}') == View("BTC_JPY")
    assert decode('{"type":"subscribe","channels":["lightning_ticker_BTC_JPY"]}') == Subscribe(
        ["lightning_ticker_BTC_JPY"]
    )
    assert decode('{"type":"connect","endpoint":"live","dialect":"socketio"}') == Connect("live", "socketio")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type":"launch"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","channels":"lightning_ticker_BTC_JPY"}',
        '{"type":"subscribe","channels":[1]}',
        '{"type":"disconnect","now":true}',
        '{"type":"view","product_code":"' + "A" * 65 + '"}',
        '{"type":"subscribe","channels":[' + '"a",' * 200 + '"a"]}',
        "[" * 100_000,
        " " * 65_537,
        '"\ud800"',
    ],
)
def test_anything_else_is_refused_in_words(text):
    with pytest.raises(InputError, match="message of the page"):
        decode(text)


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner), max_leaves=9).map(str))
def test_no_text_gives_another_error(text):
    with contextlib.suppress(InputError):
        decode(text)


def test_the_pages_typedefs_mirror_the_messages():
    """Each message has its tag and each of its fields in static/js/messages.js."""
    mirror = (Path(module.__file__).parent / "static" / "js" / "messages.js").read_text()
    for message in (*module.FromPage.__args__, *leaves(module.ToPage)):
        config = message.__struct_config__
        found = re.search(rf'type: "{config.tag}"([^}}]*)\}}', mirror)
        assert found, f"{config.tag} is not in messages.js"
        for field in message.__struct_fields__:
            assert re.search(rf"\b{field}:", found[1]), f"{config.tag}.{field} is not in messages.js"


def leaves(kind: Any) -> list[Any]:
    return [leaf for below in kind.__subclasses__() for leaf in leaves(below)] or [kind]
