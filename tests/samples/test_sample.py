"""Filling parameters into a sample, and refusing bad ones."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client import LIVE, resolve_endpoint
from fulgurite.errors import InputError
from fulgurite.protocol.dialects import DialectName
from fulgurite.samples.folders import find_sample, find_samples
from fulgurite.samples.sample import PARAMETERS, Parameters, check_parameters, digest, fill_source, steps

SOURCE = """\
const endpoint = "wss://live" // fulgurite:endpoint
var channels = []string{"a", "b"} // fulgurite:channels
AUTHENTICATE = False  # fulgurite:auth
const silence = 60; // fulgurite:silence
"""
JSON_RPC, SOCKETIO = DialectName


def test_values_are_filled_in_and_the_marks_are_gone():
    parameters = Parameters("ws://127.0.0.1:1/json-rpc", ("one", "two", "three"), True, 5)
    assert fill_source(SOURCE, parameters) == (
        'const endpoint = "ws://127.0.0.1:1/json-rpc"\n'
        'var channels = []string{"one", "two", "three"}\n'
        "AUTHENTICATE = True\n"
        "const silence = 5;\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "",
        SOURCE + SOURCE,
        SOURCE.replace("fulgurite:auth", "fulgurite:author"),
        SOURCE.replace('"wss://live"', "live"),
        SOURCE.replace("60", "sixty"),
        SOURCE.replace("False", "None"),
    ],
)
def test_a_sample_that_is_not_marked_as_it_should_be_is_refused(source):
    with pytest.raises(ValueError, match="mark"):
        fill_source(source, Parameters("ws://x"))


@pytest.mark.parametrize("sample", find_samples(), ids=lambda sample: sample.folder)
def test_every_sample_is_marked_and_stands_for_the_live_service_as_it_is(sample):
    source = sample.files[sample.manifest.source]
    filled = fill_source(source, check_parameters(sample.manifest.dialect, endpoint=LIVE))
    without_marks = re.sub(r"(?m)[ \t]*(//|#|--)[ \t]*fulgurite:\w+$", "", source)
    assert filled == without_marks
    assert "fulgurite:" not in filled
    assert len(PARAMETERS) == 4


@pytest.mark.parametrize("sample", find_samples(), ids=lambda sample: sample.folder)
def test_every_sample_is_run_in_three_lines_and_its_folder_says_what_it_is(sample):
    assert len(steps(sample.manifest)) <= 3
    assert sample.folder == f"{sample.manifest.language}-{sample.manifest.dialect}"


def test_the_address_is_that_of_the_dialect():
    for text in ("ws://127.0.0.1:7/json-rpc", "http://127.0.0.1:7", "ws://127.0.0.1:7/socket.io/?EIO=3"):
        endpoint = resolve_endpoint(text)
        assert check_parameters(JSON_RPC, endpoint=endpoint).endpoint == "ws://127.0.0.1:7/json-rpc"
        assert check_parameters(SOCKETIO, endpoint=endpoint).endpoint == "http://127.0.0.1:7"
    assert check_parameters(JSON_RPC).endpoint == "wss://ws.lightstream.bitflyer.com/json-rpc"
    assert check_parameters(SOCKETIO).endpoint == "https://io.lightstream.bitflyer.com"


@given(st.text(max_size=20), st.text(max_size=20))
def test_nothing_is_filled_in_that_could_mean_something_in_a_language(host, product):
    """Any text is refused, or every language reads it as the text that it is."""
    try:
        endpoint = resolve_endpoint(f"ws://{host}/json-rpc")
        parameters = check_parameters(JSON_RPC, endpoint=endpoint, channels=[f"lightning_ticker_{product}"])
    except InputError:
        return
    for value in (parameters.endpoint, *parameters.channels):
        assert json.dumps(value) == f'"{value}"'
        assert value.isascii()
        assert not set(value) & set("\"'\\`$#{}<>%@;")


def test_channels_are_checked_and_repetitions_dropped():
    twice = ["lightning_ticker_BTC_JPY"] * 2
    assert check_parameters(JSON_RPC, channels=twice).channels == ("lightning_ticker_BTC_JPY",)
    assert check_parameters(JSON_RPC, channels=["child_order_events"], auth=True).auth
    for channels in ([], ["nope"], ["child_order_events"], [f"lightning_ticker_P{n}" for n in range(101)]):
        with pytest.raises(InputError, match="channel"):
            check_parameters(JSON_RPC, channels=channels)


@pytest.mark.parametrize("silence", [0, -1, 3601])
def test_silence_has_its_range(silence):
    with pytest.raises(InputError, match="silence"):
        check_parameters(JSON_RPC, silence=silence)


def test_a_sample_is_found_or_it_says_which_there_are():
    assert find_sample("python", "json-rpc").folder == "python-json-rpc"
    with pytest.raises(InputError, match="python"):
        find_sample("cobol", "json-rpc")
    with pytest.raises(InputError, match="json-rpc"):
        find_sample("python", "morse")


def test_a_digest_knows_names_and_contents_apart():
    different = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "bd"}, {}]
    assert len({digest(files) for files in different}) == len(different)
    assert digest({"a": "1", "b": "2"}) == digest({"b": b"2", "a": b"1"})
