"""Endpoints: one URL stands for both dialects, and the error for an invalid one names the accepted forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client import connect
from fulgurite.client.endpoints import LIVE, Endpoint, resolve_endpoint
from fulgurite.errors import InputError
from fulgurite.protocol.dialects import JSON_RPC, SOCKETIO

SOCKETIO_TAIL = "/socket.io/?EIO=3&transport=websocket"


def test_live_is_the_real_service():
    assert resolve_endpoint("live") is LIVE
    assert resolve_endpoint(" Live ") is LIVE
    assert LIVE.websocket_url(JSON_RPC) == "wss://ws.lightstream.bitflyer.com/json-rpc"
    assert LIVE.websocket_url(SOCKETIO) == f"wss://io.lightstream.bitflyer.com{SOCKETIO_TAIL}"


@pytest.mark.parametrize(
    ("text", "is_bitflyer"),
    [
        ("live", True),
        ("wss://WS.lightstream.bitflyer.com:443/json-rpc", True),
        ("https://bitflyer.com", True),
        ("embedded", False),
        ("ws://127.0.0.1:7351", False),
        ("wss://bitflyer.com.example.jp", False),
        ("wss://notbitflyer.com", False),
        ("wss://example.jp/bitflyer.com", False),
    ],
)
def test_only_the_real_service_has_a_daily_maintenance_that_is_known(text, is_bitflyer):
    assert resolve_endpoint(text).is_bitflyer is is_bitflyer


@pytest.mark.parametrize(
    ("text", "json_rpc", "socketio"),
    [
        ("ws://127.0.0.1:7351", "ws://127.0.0.1:7351/json-rpc", f"ws://127.0.0.1:7351{SOCKETIO_TAIL}"),
        ("ws://127.0.0.1:7351/", "ws://127.0.0.1:7351/json-rpc", f"ws://127.0.0.1:7351{SOCKETIO_TAIL}"),
        ("http://127.0.0.1:7351", "ws://127.0.0.1:7351/json-rpc", f"ws://127.0.0.1:7351{SOCKETIO_TAIL}"),
        ("https://example.jp", "wss://example.jp/json-rpc", f"wss://example.jp{SOCKETIO_TAIL}"),
        ("wss://example.jp/json-rpc", "wss://example.jp/json-rpc", f"wss://example.jp{SOCKETIO_TAIL}"),
        ("wss://example.jp/proxy/x?k=1", "wss://example.jp/proxy/x?k=1", f"wss://example.jp{SOCKETIO_TAIL}"),
        ("https://example.jp/socket.io/", "wss://example.jp/json-rpc", f"wss://example.jp{SOCKETIO_TAIL}"),
        ("ws://[::1]:80/json-rpc", "ws://[::1]:80/json-rpc", f"ws://[::1]:80{SOCKETIO_TAIL}"),
    ],
)
def test_one_url_stands_for_both_dialects(text, json_rpc, socketio):
    endpoint = resolve_endpoint(text)
    assert endpoint.name == text
    assert endpoint.websocket_url(JSON_RPC) == json_rpc
    assert endpoint.websocket_url(SOCKETIO) == socketio
    assert endpoint.http is None


def test_embedded_is_an_exchange_at_its_usual_ports():
    endpoint = resolve_endpoint("embedded")
    assert endpoint.websocket_url(JSON_RPC) == "ws://127.0.0.1:7351/json-rpc"
    assert endpoint.http == "http://127.0.0.1:7352/v1"
    assert resolve_endpoint("Embedded", "http://h:2/v1").http == "http://h:2/v1"


def test_http_api_may_be_elsewhere():
    assert resolve_endpoint("ws://h:1", "http://h:2/v1/").http == "http://h:2/v1"
    assert resolve_endpoint("live", "http://h:2/v1").http == "http://h:2/v1"
    assert resolve_endpoint("live", "http://h:2/v1").json_rpc == LIVE.json_rpc


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.jp",
        "ftp://h",
        "ws://",
        "ws://:80",
        "ws://h:0",
        "ws://h:99999",
        "ws://h:x",
        *("ws://[::1", "ws://h/\x1b[2J", "ws://h/#top", "//h", "ws://h h"),
        *("ws://a..b/", "ws://.jp", "ws://.", f"wss://{'a' * 64}.jp", f"https://{'日' * 64}.jp"),
    ],
)
def test_anything_else_is_refused_with_what_is_accepted(text):
    with pytest.raises(InputError, match=r'endpoint: .*"live", "embedded", or a URL such as'):
        resolve_endpoint(text)


@pytest.mark.parametrize("text", ["http://a..b/v1", f"http://{'a' * 64}.jp/v1", "http://h/?q", "http://h/v1?q=1"])
def test_address_of_an_http_api_that_no_request_could_have_is_refused(text):
    with pytest.raises(InputError, match=r"http: .*a URL such as"):
        resolve_endpoint("live", text)
    endpoint = Endpoint("mine", json_rpc="ws://h:1", socketio="http://h:1", http=text)
    with pytest.raises(InputError, match=r"endpoint\.http: "):
        connect("lightning_ticker_BTC_JPY", endpoint=endpoint)


@pytest.mark.parametrize("text", ["ws://日本.jp", "wss://example.jp.", f"ws://{'a' * 63}.jp", "ws://a_b"])
def test_names_that_can_be_looked_up_are_taken(text):
    assert resolve_endpoint(text).name == text


def test_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(InputError) as caught:
        resolve_endpoint("wss://me:canary@h")
    assert "canary" not in str(caught.value) + repr(caught.value)


def test_http_api_over_a_websocket_is_refused():
    with pytest.raises(InputError, match="http: "):
        resolve_endpoint("live", "ws://h/v1")


@given(st.text() | st.text().map("ws://{}".format))
def test_any_text_gives_an_endpoint_or_an_input_error(text):
    try:
        resolve_endpoint(text)
    except InputError:
        return
