"""The doctor against the embedded exchange: everything well, and each thing that can be wrong."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trustme

from fulgurite.client import Credentials, Endpoint
from fulgurite.doctor.examination import examine, examine_key
from fulgurite.doctor.findings import Finding, Mark
from fulgurite.errors import KeychainError
from fulgurite.exchange.run import Exchange, run
from fulgurite.server.bind import port_of

Findings = dict[tuple[str, str], Finding]


def endpoint_of(running: Exchange) -> Endpoint:
    return Endpoint("embedded", json_rpc=running.realtime, socketio=running.socketio, http=running.http)


def key_of(running: Exchange) -> Credentials:
    return lambda: (running.api_key, running.api_secret)


async def examined(
    where: Endpoint,
    credentials: Credentials | None = None,
    ca_file: str | None = None,
    timeout: float = 10.0,
    begins: Callable[[str], None] = lambda what: None,
) -> Findings:
    context = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    found = [
        finding
        async for finding in examine(
            where, credentials=credentials, ssl_context=context, timeout=timeout, begins=begins
        )
    ]
    assert all(finding.advice for finding in found if finding.mark is not Mark.OK), "what is wrong comes with advice"
    by_check = {(finding.subject, finding.check): finding for finding in found}
    assert len(by_check) == len(found)
    return by_check


def wrong(found: Findings) -> dict[tuple[str, str], str]:
    return {check: finding.measured for check, finding in found.items() if finding.mark is Mark.FAILED}


DIALOGUE = ["name", "TCP", "handshake", "acknowledgement", "ping", "message", "times"]


async def test_a_service_that_is_well_is_found_to_be():
    steps: list[str] = []
    async with run() as running:
        found = await examined(endpoint_of(running), key_of(running), begins=steps.append)
    assert wrong(found) == {}
    assert list(found) == [
        *(("this machine", check) for check in ("system", "proxy")),
        *(("JSON-RPC", check) for check in DIALOGUE),
        *(("Socket.IO", check) for check in DIALOGUE),
        *(("HTTP API", check) for check in ("name", "TCP", "health", "clock")),
        *(("credentials", check) for check in ("permissions", "auth", "order events")),
    ]
    assert "orders among them" in found["credentials", "permissions"].measured
    assert "Socket.IO: ping" in steps
    secrets = (running.api_key, running.api_secret)
    assert not any(secret in f"{finding}" for finding in found.values() for secret in secrets)


async def test_a_self_made_certificate_is_examined_where_it_is_trusted():
    async with run(tls=True, products=["BTC_JPY"]) as running:
        where = msgspec.structs.replace(
            endpoint_of(running), json_rpc=running.realtime.replace("127.0.0.1", "localhost")
        )
        found = await examined(where, key_of(running), running.ca_file)
    assert wrong(found) == {}
    assert "localhost is " in found["JSON-RPC", "name"].measured
    for subject in ("JSON-RPC", "Socket.IO", "HTTP API"):
        assert found[subject, "TLS"].measured.startswith("TLSv1.")
        assert "issued by Fulgurite, self-made" in found[subject, "certificate"].measured


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so():
    async with run(tls=True, products=["BTC_JPY"]) as running:
        found = await examined(endpoint_of(running), key_of(running))
    assert set(wrong(found)) == {
        *((subject, "certificate") for subject in ("JSON-RPC", "Socket.IO", "HTTP API")),
        ("credentials", "permissions"),
        ("credentials", "handshake"),
    }
    assert "not trusted" in found["JSON-RPC", "certificate"].measured
    assert "--ca-file" in found["JSON-RPC", "certificate"].advice


async def test_a_certificate_that_has_expired_is_said_to_be_so():
    authority = trustme.CA()
    ended = datetime.now(UTC) - timedelta(days=1)
    certificate = authority.issue_cert("127.0.0.1", not_before=ended - timedelta(days=9), not_after=ended)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context) as server:
        address = f"https://127.0.0.1:{port_of(server.sockets[0])}"
        where = Endpoint("x", json_rpc=address.replace("https", "wss"), socketio=address, http=address)
        found = [each async for each in examine(where, ssl_context=trusting) if each.mark is Mark.FAILED]
    assert [(each.check, each.measured) for each in found] == [
        ("certificate", "not trusted: certificate has expired")
    ] * 3
    assert "clock" in found[0].advice


async def test_an_address_where_nobody_listens_and_a_name_that_is_none_are_told_apart():
    with socket.socket() as bound:
        # Bound and not listening: a connect is refused, and nobody else can have the port meanwhile.
        bound.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{port_of(bound)}"
        where = Endpoint("x", json_rpc=f"ws://{closed}/json-rpc", socketio="http://no-such-name.invalid", http=None)
        found = await examined(where)
    assert wrong(found).keys() == {("JSON-RPC", "TCP"), ("Socket.IO", "name")}
    assert "Connection refused" in found["JSON-RPC", "TCP"].measured
    assert found["HTTP API", "address"].mark is Mark.WARNING


async def test_an_address_without_tls_is_found_out():
    async with run() as running:
        where = endpoint_of(running)
        where = msgspec.structs.replace(
            where, json_rpc=where.json_rpc.replace("ws:", "wss:"), http=where.http and where.http.replace("p:", "ps:")
        )
        found = await examined(where)
    assert wrong(found).keys() == {("JSON-RPC", "TLS"), ("HTTP API", "TLS")}


async def test_a_server_that_is_something_else_is_found_out():
    async with run() as running:
        # The HTTP API is asked to speak WebSocket, and for a page that it does not have.
        other = running.http.replace("http:", "ws:")
        where = Endpoint("x", json_rpc=other, socketio=running.http.removesuffix("/v1"), http=f"{running.http}/nope")
        found = await examined(where, key_of(running))
    assert wrong(found).keys() == {
        ("JSON-RPC", "handshake"),
        ("Socket.IO", "handshake"),
        ("HTTP API", "health"),
        ("credentials", "permissions"),
        ("credentials", "handshake"),
    }
    assert "HTTP status 404" in found["HTTP API", "health"].measured


@pytest.mark.parametrize(
    ("fault", "check", "measured"),
    [
        ({"fault": "refuse", "status": 503}, "handshake", "refused with HTTP status 503"),
        ({"fault": "refuse", "status": 429}, "handshake", "refused with HTTP status 429"),
        ({"fault": "slow-handshake", "by": 60}, "handshake", "no answer within 2 s"),
        ({"fault": "close-at-once", "code": 4001, "reason": "no"}, "acknowledgement", "closed by the server: 4001 no"),
        ({"fault": "no-ack"}, "acknowledgement", "nothing within 2 s"),
        ({"fault": "dummy"}, "message", "nothing within 2 s"),
        ({"fault": "freeze"}, "acknowledgement", "nothing within 2 s"),
        ({"fault": "wrong-types", "seed": 1}, "message", "lightning_ticker_BTC_JPY"),
        ({"fault": "invalid-json"}, "message", "the answer is not the protocol"),
    ],
)
async def test_what_is_wrong_with_the_service_is_named(fault, check: str, measured: str):
    timeout = 2.0 if "2 s" in measured else 10.0
    async with run(faults=[fault], products=["BTC_JPY"]) as running:
        found = await examined(endpoint_of(running), timeout=timeout)
    failed = wrong(found)
    assert check in {check for subject, check in failed if subject == "JSON-RPC"}
    assert measured in failed["JSON-RPC", check]
    # Steps after a failure are not examined, and the other addresses are.
    assert found["HTTP API", "health"].mark is Mark.OK


async def test_a_wrong_clock_is_seen_in_the_times_of_messages_and_refuses_the_key():
    async with run(faults=[{"fault": "clock-skew", "by": -1000}], products=["BTC_JPY"]) as running:
        found = await examined(endpoint_of(running), key_of(running))
    assert found["JSON-RPC", "times"].mark is Mark.WARNING
    assert "behind this machine's clock" in found["JSON-RPC", "times"].measured
    assert wrong(found).keys() == {("credentials", "auth")}
    assert "clock" in found["credentials", "auth"].advice


@pytest.mark.parametrize(
    ("fault", "check", "measured"),
    [
        ({"fault": "refuse-auth"}, "auth", "refused: "),
        ({"fault": "no-ack", "method": "auth"}, "auth", "nothing within 2 s"),
        ({"fault": "no-ack", "method": "subscribe"}, "order events", "nothing within 2 s"),
    ],
)
async def test_a_key_that_does_not_work_is_told(fault, check: str, measured: str):
    async with run(faults=[fault], products=["BTC_JPY"]) as running:
        timeout = 2.0 if "2 s" in measured else 10.0
        found = [each async for each in examine_key(endpoint_of(running), key_of(running), timeout=timeout)]
    assert [(each.check, measured in each.measured) for each in found if each.mark is Mark.FAILED] == [(check, True)]
    assert found[-1].advice


async def test_a_wrong_secret_is_refused_by_both():
    async with run() as running:
        found = [each async for each in examine_key(endpoint_of(running), lambda: (running.api_key, "canary"))]
    assert [(each.check, each.mark) for each in found] == [("permissions", Mark.FAILED), ("auth", Mark.FAILED)]
    assert not any("canary" in f"{each}" for each in found)


async def test_a_keychain_that_fails_ends_the_examination_of_the_key():
    def locked() -> tuple[str, str]:
        raise KeychainError("it is locked", "unlock it")

    where = Endpoint("x", json_rpc="ws://127.0.0.1:1/json-rpc", socketio="http://127.0.0.1:1")
    found = [each async for each in examine_key(where, locked)]
    assert found == [Finding("credentials", "keychain", Mark.FAILED, "it is locked", "unlock it")]


async def test_it_can_be_cancelled_at_any_step():
    async with run(faults=[{"fault": "dummy"}], products=["BTC_JPY"]) as running:
        reached = asyncio.Event()

        def begins(what: str) -> None:
            if "first message" in what:
                reached.set()

        task = asyncio.create_task(examined(endpoint_of(running), begins=begins))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
