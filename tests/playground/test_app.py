"""The backend as it runs: admission, a page's messages, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from fulgurite import playground
from fulgurite.errors import AddressInUseError, ListenError
from fulgurite.exchange.run import run as run_exchange
from fulgurite.playground import app as app_module
from tests.playground.talking import cookie_of, talking

PATIENCE = 10.0
FX = "FX_BTC_JPY"
TICKER = f"lightning_ticker_{FX}"


async def test_each_page_has_a_token_of_its_own():
    async with playground.run(None) as one, playground.run(None) as other:
        assert one.token != other.token
        assert len(one.token) >= 32


async def fetch(page: playground.Page, path: str = "/", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        await client.get(page.plain_url)
        return await client.get(f"{page.plain_origin}{path}", headers=headers)


async def handshake(page: playground.Page, *, host: str, origin: str, token: str, cookie: str) -> int:
    """The HTTP status that a WebSocket handshake with exactly these headers gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    lines = [
        f"GET /ws?token={token} HTTP/1.1",
        f"Host: {host}",
        *([f"Origin: {origin}"] if origin else []),
        f"Cookie: {cookie}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(PATIENCE):
        status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_the_page_comes_with_its_headers_and_without_the_token(page):
    answer = await fetch(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert page.token not in answer.text
    assert page.token not in repr(page)
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", answer.text), "nothing is inline"


async def test_static_files_have_their_types_and_headers(page):
    script = await fetch(page, "/static/js/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "default-src 'none'" in script.headers["content-security-policy"]
    assert (await fetch(page, "/static/css/base.css")).headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/none.js",
        "/static/vendor/README.md",
        "/static/%2e%2e/app.py",
        "/static/js/%2e%2e/%2e%2e/%2e%2e/cli.py",
        "/static//etc/passwd",
        "/static/%00.js",
        "/docs",
    ],
)
async def test_nothing_else_is_served(page, path):
    answer = await fetch(page, path)
    assert answer.status_code == 404
    assert "x-content-type-options" in answer.headers


async def test_other_host_names_are_refused(page):
    assert (await fetch(page, Host=f"evil.example:{page.port}")).status_code == 421
    assert (await fetch(page, Host=f"localhost:{page.port}")).status_code == 200


async def test_the_socket_is_guarded(page):
    ours, token = f"127.0.0.1:{page.port}", page.token
    right = {"host": ours, "origin": f"http://{ours}", "token": token, "cookie": await cookie_of(page)}
    assert await handshake(page, **right) == 101
    assert await handshake(page, **(right | {"origin": "http://evil.example"})) == 403
    assert await handshake(page, **(right | {"origin": ""})) == 403
    assert await handshake(page, **(right | {"token": "guess"})) == 403
    assert await handshake(page, **(right | {"cookie": ""})) == 403
    evil = f"evil.example:{page.port}"
    assert await handshake(page, **(right | {"host": evil, "origin": f"http://{evil}"})) == 403


async def test_hello_says_what_there_is(page, exchange):
    async with talking(page) as talker:
        hello = await talker.until_type("hello")
        assert hello["embedded"] == exchange.realtime
        assert hello["live"].startswith("wss://")


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_connection_brings_frames_states_and_the_market(page, dialect):
    kinds = ("board_snapshot", "board", "ticker", "executions")
    async with talking(page) as talker:
        channels = [f"lightning_{kind}_{FX}" for kind in kinds]
        await talker.say(type="charts", parts=["book"], interval_s=1)
        await talker.say(type="connect", endpoint="embedded", dialect=dialect, channels=channels)
        assert (await talker.until(lambda m: m.get("state") == "open"))["dialect"] == dialect
        assert (
            TICKER in (await talker.until(lambda m: m.get("direction") == "received" and TICKER in m["text"]))["text"]
        )
        live = await talker.until(lambda m: m["type"] == "book" and m["state"] == "LIVE")
        assert live["bids"][0][0] < live["asks"][0][0]
        assert (await talker.until_type("ticker"))["product_code"] == FX
        states = await talker.until(
            lambda m: m["type"] == "channels" and all(row["state"] == "receiving" for row in m["channels"])
        )
        assert {row["channel"] for row in states["channels"]} == set(channels)
        assert states["frames"] > 4
        await talker.say(type="disconnect")
        assert (await talker.until_type("connection"))["state"] == "closed"


async def test_the_candles_begin_before_the_connection(page, exchange):
    async with httpx.AsyncClient() as client:
        listed = (await client.get(f"{exchange.http}/executions", params={"product_code": FX, "count": "500"})).json()
    async with talking(page) as talker:
        await talker.say(type="charts", parts=["candles"], interval_s=300)
        await talker.say(
            type="connect", endpoint="embedded", dialect="json-rpc", channels=[f"lightning_executions_{FX}"]
        )
        candles = await talker.until(lambda m: m["type"] == "candles" and m["history"] == "ready")
        assert candles["problem"] == ""
        volume = sum(candle[5] for candle in candles["candles"])
        assert volume >= sum(row["size"] for row in listed) - 1e-6 > 0


async def test_an_endpoint_without_an_http_api_says_that_its_candles_begin_now(page, exchange):
    url = exchange.realtime.replace("127.0.0.1", "localhost")
    async with talking(page) as talker:
        await talker.say(type="charts", parts=["candles"], interval_s=1)
        await talker.say(type="connect", endpoint=url, dialect="json-rpc", channels=[f"lightning_executions_{FX}"])
        candles = await talker.until(lambda m: m["type"] == "candles" and m["history"] == "failed")
        assert candles["problem"]


async def test_products_come_from_the_endpoint(page):
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint="embedded", dialect="json-rpc")
        products = await talker.until_type("products")
        assert products["from_endpoint"] is True
        assert FX in products["product_codes"]


async def test_channels_come_and_go_while_connected(page):
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint="embedded", dialect="json-rpc")
        await talker.until(lambda m: m.get("state") == "open")
        await talker.say(type="subscribe", channels=[TICKER, "lightning_ticker_NOPE_JPY"])
        states = await talker.until(lambda m: m["type"] == "channels" and _state(m, TICKER) == "receiving")
        assert _state(states, "lightning_ticker_NOPE_JPY") == "acknowledged", "as the real service does"
        await talker.say(type="unsubscribe", channels=[TICKER])
        await talker.until(lambda m: m["type"] == "channels" and _state(m, TICKER) is None)


def _state(message: dict[str, Any], channel: str) -> str | None:
    return next((row["state"] for row in message["channels"] if row["channel"] == channel), None)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"type":"launch"}',
        '{"type":"subscribe","channels":[7]}',
        '{"type":"connect","endpoint":"ftp://x","dialect":"json-rpc"}',
        '{"type":"connect","endpoint":"ws://a..b/","dialect":"json-rpc"}',
        '{"type":"connect","endpoint":"ws://127.0.0.1:1","http":"http://a..b/v1","dialect":"json-rpc"}',
        '{"type":"connect","endpoint":"live","http":"https://127.0.0.1:1/v1","dialect":"json-rpc"}',
        '{"type":"connect","endpoint":"embedded","http":"https://127.0.0.1:1/v1","dialect":"json-rpc"}',
        '{"type":"connect","endpoint":"embedded","dialect":"carrier pigeon"}',
        '{"type":"connect","endpoint":"embedded","dialect":"json-rpc","channels":["nope_channel"]}',
        '{"type":"connect","endpoint":"embedded","dialect":"json-rpc","channels":["lightning_ticker_A B"]}',
        '{"type":"connect","endpoint":"embedded","dialect":"json-rpc","channels":["child_order_events"]}',
    ],
)
async def test_what_makes_no_sense_is_answered_and_the_page_goes_on(page, text):
    async with talking(page) as talker:
        await talker.connection.send(text)
        assert (await talker.until_type("problem"))["text"]
        await talker.say(type="connect", endpoint="embedded", dialect="json-rpc")
        await talker.until(lambda m: m.get("state") == "open")


async def test_a_binary_message_ends_the_page_and_nothing_else(page):
    async with talking(page) as talker:
        await talker.connection.send(b"\x00")
        with pytest.raises(ConnectionClosed):
            await talker.until(lambda m: False)
    async with talking(page) as talker:
        await talker.until_type("hello")


async def test_an_endpoint_that_is_not_there_is_tried_again_and_said(page):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint=f"ws://127.0.0.1:{free}/json-rpc", dialect="json-rpc")
        products = await talker.until_type("products")
        assert products["from_endpoint"] is False
        assert len(products["product_codes"]) == 9
        waiting = await talker.until(lambda m: m.get("state") == "backing_off" and m["retry_at_ms"] is not None)
        assert waiting["retry_at_ms"] > waiting["since_ms"]


async def test_an_interruption_is_a_stale_book_then_a_gap(page):
    """An exchange goes away and comes back under its old port."""
    channels = [f"lightning_board_snapshot_{FX}", f"lightning_board_{FX}"]
    async with talking(page) as talker:
        async with run_exchange(seed=2) as before:
            await talker.say(type="charts", parts=["book"], interval_s=1)
            await talker.say(type="connect", endpoint=before.realtime, dialect="json-rpc", channels=channels)
            await talker.until(lambda m: m["type"] == "book" and m["state"] == "LIVE")
        stale = await talker.until(lambda m: m["type"] == "book" and m["state"] == "STALE")
        assert stale["bids"] == []
        async with run_exchange(seed=2, port=int(before.realtime.split(":")[2].split("/")[0])):
            gap = await talker.until_type("gap")
            assert gap["channel"] in channels
            assert gap["to_ms"] > gap["from_ms"]
            await talker.until(lambda m: m["type"] == "book" and m["state"] == "LIVE")


async def test_too_many_pages_are_told_so(page, monkeypatch):
    monkeypatch.setattr(app_module, "PAGE_LIMIT", 1)
    async with talking(page) as first, talking(page) as second:
        await first.until_type("hello")
        with pytest.raises(ConnectionClosed) as ending:
            await second.until_type("hello")
        assert ending.value.rcvd is not None
        assert ending.value.rcvd.code == 1013


async def test_leaving_closes_open_pages_and_frees_the_port(embedded, caplog):
    async with contextlib.AsyncExitStack() as stack:
        async with playground.run(embedded) as page:
            talker = await stack.enter_async_context(talking(page))
            await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=[TICKER])
            await talker.until_type("ticker")
        with pytest.raises(ConnectionClosed):
            await talker.until(lambda m: False)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    async with playground.run(embedded, port=page.port) as again:
        assert again.port == page.port


async def test_a_taken_port_and_a_strange_host_are_said(page):
    with pytest.raises(AddressInUseError):
        async with playground.run(None, port=page.port):
            pass
    with pytest.raises(ListenError):
        async with playground.run(None, host="192.0.2.1"):
            pass


async def test_without_an_embedded_exchange_the_page_says_so():
    async with playground.run(None) as page, talking(page) as talker:
        assert (await talker.until_type("hello"))["embedded"] == ""
        await talker.say(type="connect", endpoint="embedded", dialect="json-rpc")
        assert "embedded" in (await talker.until_type("problem"))["text"]


def test_the_page_is_light():
    """All that a browser loads: less than 400 kB compressed."""
    static = Path(app_module.__file__).parent / "static"
    loaded = [path for path in static.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    assert len(loaded) > 20
    assert sum(len(gzip.compress(path.read_bytes())) for path in loaded) < 400_000
