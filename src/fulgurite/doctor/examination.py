"""The way from this machine to a service, examined step by step. A shell.

It listens with a WebSocket library other than the client's own, so that a mistake of ours does not look like one of
the service's. Every step is bounded in time and answers with one `Finding`; nothing is tried twice.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from fulgurite.client.credentials import KeychainKey, bound
from fulgurite.client.endpoints import Endpoint
from fulgurite.client.http import HttpApi
from fulgurite.client.signing import Credentials, ask
from fulgurite.client.tls import client_context
from fulgurite.doctor.findings import (
    Finding,
    Mark,
    clock_finding,
    health_finding,
    message_time_finding,
    permission_finding,
    proxy_finding,
    timed_finding,
)
from fulgurite.doctor.probes import UNKNOWN_ADVICE, Dialogue, Failure, reach, since, words_of
from fulgurite.errors import FulguriteError, HttpRequestError, KeychainError
from fulgurite.protocol.auth import signed_params
from fulgurite.protocol.channels import child_order_events, parse_channel, ticker
from fulgurite.protocol.dialects import DIALECTS, JSON_RPC, Dialect
from fulgurite.protocol.events import Acknowledged, ChannelMessage, Refused
from fulgurite.protocol.messages import Ticker, decode_message, parse_time
from fulgurite.version import __version__

TIMEOUT_SECONDS: Final = 10.0
"""The longest time of a step."""

MAX_HEALTH_BYTES: Final = 1024


async def examine(
    endpoint: Endpoint,
    *,
    credentials: Credentials | KeychainKey | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout: float = TIMEOUT_SECONDS,
    begins: Callable[[str], None] = lambda what: None,
) -> AsyncIterator[Finding]:
    """Examine this machine, each address of a service, and a key; yield each finding as soon as it is there.

    Args:
        endpoint: the service.
        credentials: the key to examine; None for none.
        ssl_context: for certificates that the system does not trust.
        timeout: seconds that each step may take.
        begins: is called with the name of each step before it.
    """
    context = ssl_context or client_context()
    begins("this machine")
    yield machine_finding()
    yield proxy_finding(os.environ)
    for dialect in DIALECTS.values():
        subject, url = dialect.title, endpoint.websocket_url(dialect)
        reached = reach(subject, url, context, timeout, begins)
        async for finding in _through(reached, _listen(subject, dialect, url, context, timeout, begins)):
            yield finding
    if endpoint.http is None:
        yield Finding("HTTP API", "address", Mark.WARNING, "not given, so not examined", "name it with --http URL")
    else:
        reached = reach("HTTP API", endpoint.http, context, timeout, begins)
        async for finding in _through(reached, _ask_health(endpoint.http, context, timeout, begins)):
            yield finding
    if credentials is not None:
        async for finding in examine_key(endpoint, credentials, ssl_context=context, timeout=timeout, begins=begins):
            yield finding


async def examine_key(
    endpoint: Endpoint,
    credentials: Credentials | KeychainKey,
    *,
    ssl_context: ssl.SSLContext | None = None,
    timeout: float = TIMEOUT_SECONDS,
    begins: Callable[[str], None] = lambda what: None,
) -> AsyncIterator[Finding]:
    """Examine a key alone: its permissions, and whether it may listen; see `examine`."""
    context = ssl_context or client_context()
    begins("the key in the keychain")
    key = bound(credentials, endpoint)
    try:
        await ask(key)
    except KeychainError as error:
        yield Finding("credentials", "keychain", Mark.FAILED, error.problem, error.advice)
        return
    if endpoint.http is None:
        advice = "name the HTTP API with --http URL"
        yield Finding("credentials", "permissions", Mark.WARNING, "not asked for: no HTTP API is known", advice)
    else:
        begins("the key's permissions")
        yield await _permissions(endpoint.http, key, context, timeout)
    begins("auth over JSON-RPC")
    async for finding in _through(_authenticate(endpoint.websocket_url(JSON_RPC), key, context, timeout)):
        yield finding


async def _through(*steps: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """Go through steps until one fails."""
    try:
        for step in steps:
            async for finding in step:
                yield finding
    except Failure as failure:
        yield failure.finding


# --- this machine -------------------------------------------------------------------------------------------------


def machine_finding() -> Finding:
    """The versions of this machine's software."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Finding(
        "this machine", "system", Mark.OK, f"fulgurite {__version__}, {python}, {ssl.OPENSSL_VERSION}, {system}"
    )


# --- a dialect ----------------------------------------------------------------------------------------------------


async def _listen(
    subject: str,
    dialect: Dialect,
    url: str,
    context: ssl.SSLContext,
    timeout: float,
    begins: Callable[[str], None],
) -> AsyncIterator[Finding]:
    """Handshake, acknowledgement, first message, ping.

    Raises:
        Failure: one of the first two did not work.
    """
    channel = ticker("BTC_JPY").name  # the one that is never still for long
    begins(f"{subject}: WebSocket handshake")
    began = time.perf_counter()
    async with Dialogue(subject, dialect, url, context, timeout) as dialogue:
        yield timed_finding(subject, "handshake", since(began), "done")

        begins(f"{subject}: subscribing {channel}")
        began = time.perf_counter()
        dialogue.protocol.subscribe(channel, dialogue.now())
        event = await dialogue.wait("acknowledgement", Acknowledged, Refused)
        if isinstance(event, Refused):
            measured = f"{channel} is refused: {event.text}"
            raise Failure(Finding(subject, "acknowledgement", Mark.FAILED, measured, "look whether the product exists"))
        yield timed_finding(subject, "acknowledgement", since(began), f"{channel} is subscribed")

        begins(f"{subject}: ping")
        yield await dialogue.ping()

        begins(f"{subject}: the first message of {channel}")
        event = await dialogue.wait("message", ChannelMessage)
        assert isinstance(event, ChannelMessage)
        took, received_at = since(began), time.time()
        try:
            data = decode_message(parse_channel(channel), event.message)
            at = parse_time(data.timestamp) / 1e9 if isinstance(data, Ticker) else received_at
        except FulguriteError as error:
            raise Failure(Finding(subject, "message", Mark.FAILED, str(error), UNKNOWN_ADVICE)) from error
        yield timed_finding(subject, "message", took, "the first one comes")
        yield message_time_finding(subject, at, received_at)


async def _authenticate(
    url: str, credentials: Credentials, context: ssl.SSLContext, timeout: float
) -> AsyncIterator[Finding]:
    channel = child_order_events().name
    async with Dialogue("credentials", JSON_RPC, url, context, timeout) as dialogue:
        began = time.perf_counter()
        api_key, secret = await ask(credentials)
        params = signed_params(api_key, secret, time.time_ns() // 1_000_000, secrets.token_hex(16))
        dialogue.protocol.authenticate(params, dialogue.now())
        event = await dialogue.wait("auth", Acknowledged, Refused)
        if isinstance(event, Refused):
            advice = (
                "look whether the key and the secret are right and the key may receive order events; "
                "and whether a line above calls this machine's clock wrong"
            )
            raise Failure(Finding("credentials", "auth", Mark.FAILED, f"refused: {event.text}", advice))
        yield timed_finding("credentials", "auth", since(began), "granted")
        dialogue.protocol.subscribe(channel, dialogue.now())
        event = await dialogue.wait("order events", Acknowledged, Refused)
        if isinstance(event, Refused):
            advice = "give the key the permission to receive order events, on bitFlyer's page of API keys"
            raise Failure(Finding("credentials", "order events", Mark.FAILED, f"refused: {event.text}", advice))
        yield Finding("credentials", "order events", Mark.OK, f"{channel} may be listened to")


# --- the HTTP API -------------------------------------------------------------------------------------------------


async def _ask_health(
    url: str, context: ssl.SSLContext, timeout: float, begins: Callable[[str], None]
) -> AsyncIterator[Finding]:
    import httpx

    begins("HTTP API: health")
    advice = "look whether the address is that of the HTTP API, with /v1, and whether the service is up"
    try:
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=None) as client, asyncio.timeout(timeout):
            began, asked_at = time.perf_counter(), time.time()
            async with client.stream("GET", f"{url}/gethealth") as response:
                # The first piece is all of the some twenty bytes; of anything longer the rest is not wanted.
                body = await anext(response.aiter_bytes(MAX_HEALTH_BYTES), b"")
            took, answered_at = since(began), time.time()
    except (httpx.RequestError, OSError, TimeoutError) as error:
        yield Finding("HTTP API", "health", Mark.FAILED, words_of(error, timeout), advice)
        return
    if response.status_code != 200:
        yield Finding("HTTP API", "health", Mark.FAILED, f"HTTP status {response.status_code}", advice)
        return
    yield health_finding(body, took)
    yield clock_finding(response.headers.get("Date"), asked_at, answered_at)


# --- a key --------------------------------------------------------------------------------------------------------


async def _permissions(url: str, credentials: Credentials, context: ssl.SSLContext, timeout: float) -> Finding:
    try:
        async with HttpApi(url, credentials, ssl_context=context, timeout=timeout) as api:
            body = await api.get_signed("me/getpermissions")
    except HttpRequestError as error:
        advice = "look whether the key and the secret are right and the key still exists"
        return Finding("credentials", "permissions", Mark.FAILED, f"refused: {error.text} ({error.status})", advice)
    except FulguriteError as error:
        return Finding("credentials", "permissions", Mark.FAILED, str(error), "see the lines on the HTTP API")
    try:
        return permission_finding(msgspec.json.decode(body, type=list[str]))
    except (msgspec.DecodeError, UnicodeError):
        advice = "look whether the address is that of the HTTP API, with /v1"
        return Finding("credentials", "permissions", Mark.FAILED, "the answer is not that of this API", advice)
