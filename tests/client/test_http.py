"""The HTTP client against the embedded exchange, and against a server with scripted answers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator

import msgspec
import pytest

from fulgurite.client import Signer
from fulgurite.client.http import MAX_ANSWER_BYTES, HttpApi
from fulgurite.errors import (
    ConnectError,
    FulguriteError,
    HttpRequestError,
    InputError,
    LocalProtocolError,
    RemoteProtocolError,
    UnansweredError,
)
from fulgurite.exchange.run import Exchange, run

SECRET = "canary-secret"


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7) as running:
        yield running


@contextlib.asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """Run a server with these answers, one for each request, and then none; give its URL and the requests."""
    asked: list[str] = []
    left = list(answers)
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if left:
                writer.write(left.pop(0))
                await writer.drain()
            else:
                await reader.read()  # until the client has gone
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", asked
        await asyncio.gather(*filter(None, serving))  # the client has gone, so each comes to its end


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_name_that_may_not_be_looked_up_is_a_connection_that_cannot_be_made():
    async with HttpApi("http://☃.example/v1") as api:
        with pytest.raises(ConnectError, match="☃"):
            await api.get("markets")


async def test_the_public_api_is_asked(exchange: Exchange):
    async with HttpApi(exchange.http) as api:
        state = msgspec.json.decode(await api.get("getboardstate", {"product_code": "FX_BTC_JPY"}))
        assert state == {"health": "NORMAL", "state": "RUNNING"}


async def test_a_private_request_is_signed_as_it_is_sent(exchange: Exchange):
    async with HttpApi(exchange.http, lambda: (exchange.api_key, exchange.api_secret)) as api:
        assert await api.get_signed("me/getexecutions", {"product_code": "BTC_JPY", "odd name": "あ&+ ?/%"}) == b"[]"
        balances = msgspec.json.decode(await api.get_signed("me/getbalance"))
        assert balances[0]["currency_code"] == "JPY"


async def test_the_services_words_come_out_as_an_error(exchange: Exchange):
    async with HttpApi(exchange.http, lambda: (exchange.api_key, SECRET)) as api:
        with pytest.raises(HttpRequestError) as refused:
            await api.get("executions", {"product_code": "NOPE"})
        assert (refused.value.status, refused.value.code, refused.value.text) == (400, -100, "Invalid product")
        assert str(refused.value) == (
            f"the server refused GET {exchange.http}/executions with HTTP status 400: Invalid product (-100)"
        )
        with pytest.raises(HttpRequestError) as refused:
            await api.get_signed("me/getbalance")
        assert (refused.value.status, refused.value.code) == (401, -500)
        assert SECRET not in f"{refused.value!r} {api!r}"
        with pytest.raises(HttpRequestError) as refused:
            await api.get("no-such-path")
        assert (refused.value.status, refused.value.code, refused.value.text) == (404, None, "Not Found")


async def test_a_certificate_must_be_trusted():
    async with run(seed=7, tls=True) as exchange:
        async with HttpApi(exchange.http) as api:
            with pytest.raises(ConnectError, match="certificate"):
                await api.get("markets")
        async with HttpApi(exchange.http, ssl_context=ssl.create_default_context(cafile=exchange.ca_file)) as api:
            assert await api.get("markets")


async def test_nobody_is_listening(unused_tcp_port: int):
    async with HttpApi(f"http://127.0.0.1:{unused_tcp_port}/v1") as api:
        with pytest.raises(ConnectError, match="cannot connect to http://127"):
            await api.get("markets")


async def test_too_many_requests_are_tried_once_more_after_the_time_asked_for():
    busy = answer("429 Too Many Requests", b'{"status":-1,"error_message":"Over API limit"}', Retry_After="0")
    async with answering(busy, answer("200 OK", b"[]")) as (url, asked), HttpApi(url) as api:
        assert await api.get("markets") == b"[]"
        assert len(asked) == 2
    async with answering(busy, busy, answer("200 OK", b"[]")) as (url, asked), HttpApi(url) as api:
        with pytest.raises(HttpRequestError, match="Over API limit"):
            await api.get("markets")
        assert len(asked) == 2


async def test_nothing_is_asked_before_the_time_that_an_answer_names():
    closed = answer("503 Service Unavailable", Retry_After="3600")
    async with answering(closed) as (url, asked), HttpApi(url) as api:
        with pytest.raises(HttpRequestError, match="503: Service Unavailable"):
            await api.get("markets")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await api.get("markets")
        assert len(asked) == 1


async def test_a_redirect_is_not_followed_and_carries_no_signature_away():
    async with answering(answer("200 OK", b"stolen")) as (elsewhere, stolen):
        moved = answer("302 Found", Location=f"{elsewhere}/me/getbalance")
        async with answering(moved) as (url, asked), HttpApi(url, lambda: ("key", SECRET)) as api:
            with pytest.raises(HttpRequestError, match="302: Found"):
                await api.get_signed("me/getbalance")
        assert not stolen
        assert len(asked) == 1
        assert "access-key: key" in asked[0].lower()
        assert SECRET not in asked[0]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (b"", UnansweredError, "GET http://127.0.0.1:[0-9]+/v1/markets within 0.5 s"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", ConnectError, "without sending complete message body"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ConnectError, "cannot connect to"),
        (answer("200 OK", b" " * (MAX_ANSWER_BYTES + 1)), RemoteProtocolError, "longer than 16777216 bytes"),
        (answer("599 Odd", b"\xff"), HttpRequestError, "599: no reason given"),
        (answer("502 Bad Gateway", b"[" * 100_000), HttpRequestError, "502: Bad Gateway"),
    ],
)
async def test_answers_of_no_use_are_typed_errors(given: bytes, error: type[FulguriteError], words: str):
    answers = [given] if given else []
    async with answering(*answers) as (url, _), HttpApi(url, timeout=0.5 if not given else 10.0) as api:
        with pytest.raises(error, match=words):
            await api.get("markets")


async def test_misuse_is_told():
    api = HttpApi("http://127.0.0.1:1/v1")
    with pytest.raises(LocalProtocolError, match="async with"):
        await api.get("markets")
    async with api:
        with pytest.raises(InputError, match="credentials"):
            await api.get_signed("me/getbalance")


def test_httpx_is_loaded_only_by_who_asks():
    """It takes longer to load than all the rest of the client."""
    code = "import sys, fulgurite.client.fetching; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_credentials_are_asked_for_at_each_request_and_not_kept(exchange: Exchange):
    times = 0

    def credentials() -> tuple[str, str]:
        nonlocal times
        times += 1
        return exchange.api_key, exchange.api_secret

    async with HttpApi(exchange.http, credentials) as api:
        await api.get("markets")
        assert times == 0
        await api.get_signed("me/getbalance")
        await api.get_signed("me/getbalance")
        assert times == 2
        assert exchange.api_secret not in str(vars(api))


async def test_a_signer_signs_the_very_request(exchange: Exchange):
    texts: list[str] = []

    async def sign(text: str) -> str:
        texts.append(text)
        return hmac.new(exchange.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    async with HttpApi(exchange.http, Signer(exchange.api_key, sign)) as api:
        await api.get_signed("me/getchildorders", {"product_code": "BTC_JPY", "count": "5"})
    assert [text[13:] for text in texts] == ["GET/v1/me/getchildorders?product_code=BTC_JPY&count=5"]
