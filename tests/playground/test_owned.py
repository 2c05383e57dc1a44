"""The embedded exchange in its owner's hands: private requests, faults, a maintenance; and signatures from the page."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.errors import ConnectError, InputError
from fulgurite.exchange.run import Exchange
from fulgurite.exchange.run import run as run_exchange
from fulgurite.playground import messages, owned
from fulgurite.playground.messages import decode
from fulgurite.playground.pagesigner import PageSigner
from tests.playground.talking import Talker, talking

CHILD = "child_order_events"
TICKER = "lightning_ticker_FX_BTC_JPY"


@pytest.fixture
async def page(exchange: Exchange, embedded: Endpoint) -> AsyncIterator[playground.Page]:
    async with playground.run(embedded, owned=exchange) as served:
        yield served


def hexed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def private(exchange: Exchange, method: str, path: str, body: object = None, number: int = 1) -> dict[str, Any]:
    """A private request as the page sends it."""
    target, text = f"/v1/me/{path}", "" if body is None else json.dumps(body)
    timestamp = str(time.time_ns() // 1_000_000)
    return {
        "type": "private",
        "number": number,
        "method": method,
        "target": target,
        "body": text,
        "api_key": exchange.api_key,
        "timestamp": timestamp,
        "signature": hexed(exchange.api_secret, f"{timestamp}{method}{target}{text}"),
    }


async def answered(talker: Talker, number: int) -> dict[str, Any]:
    return await talker.until(lambda message: message["type"] == "answer" and message["number"] == number)


async def test_the_page_signs_for_the_backend_and_hears_of_its_order(page, exchange):
    async with talking(page) as talker:
        assert (await talker.until_type("hello"))["is_owned"] is True
        await talker.say(type="demo")
        demo = await talker.until_type("demokey")
        assert (demo["api_key"], demo["api_secret"]) == (exchange.api_key, exchange.api_secret)
        await talker.say(
            type="connect", endpoint="embedded", dialect="json-rpc", channels=[CHILD], api_key=demo["api_key"]
        )
        asked = await talker.until_type("sign")
        signature = hexed(exchange.api_secret, asked["text"])
        await talker.say(type="signature", number=asked["number"], signature=signature)
        await talker.until(lambda message: message["type"] == "status" and message["kind"] == "subscribed")
        assert {"type": "auth", "state": "authenticated", "detail": ""} in talker.all
        order = {"product_code": "BTC_JPY", "child_order_type": "MARKET", "side": "BUY", "size": 0.01}
        await talker.say(**private(exchange, "POST", "sendchildorder", order))
        await talker.until_type("orderevents")
        answer, events = (
            next(each for each in talker.all if each["type"] == name) for name in ("answer", "orderevents")
        )
        assert answer["status"] == 200
        assert answer["at_ms"] > 0
        assert (events["channel"], events["origin"]) == (CHILD, "live")
        assert events["events"][0]["event_type"] == "ORDER"
        accepted = json.loads(answer["body"])["child_order_acceptance_id"]
        assert events["events"][0]["child_order_acceptance_id"] == accepted


async def test_a_wrong_signature_is_refused_in_the_servers_words(page):
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint="embedded", dialect="socketio", channels=[CHILD], api_key="a key")
        asked = await talker.until_type("sign")
        await talker.say(type="signature", number=asked["number"], signature="0" * 64)
        refused = await talker.until(lambda message: message["type"] == "auth" and message["state"] == "refused")
        assert "authentication failed" in refused["detail"]


async def test_a_page_that_has_forgotten_the_key_costs_the_attempt_only(page):
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=[CHILD], api_key="a key")
        for _ in range(2):
            asked = await talker.until_type("sign")
            await talker.say(type="signature", number=asked["number"], signature="")
            closed = await talker.until(lambda message: message["type"] == "status" and message["kind"] != "connecting")
            assert "signed nothing" in closed["detail"]
            assert closed["kind"] == "unreachable"


async def test_faults_go_to_the_control_api_and_what_is_wrong_comes_back(page, exchange):
    async with talking(page) as talker:
        await talker.say(type="control", number=1, method="POST", path="faults", body='{"fault":"mute","seconds":60}')
        assert (await answered(talker, 1))["status"] == 201
        await talker.say(type="control", number=2, method="GET", path="faults")
        (fault,) = json.loads((await answered(talker, 2))["body"])
        assert fault["fault"] == "mute"
        await talker.say(type="control", number=3, method="DELETE", path=f"faults/{fault['number']}")
        assert (await answered(talker, 3))["status"] == 200
        await talker.say(type="control", number=4, method="POST", path="faults", body='{"fault":"nap"}')
        answer = await answered(talker, 4)
        assert answer["status"] == 400
        assert json.loads(answer["body"])["field"] == "fault"


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_page_is_told_its_name_and_a_fault_that_is_aimed_at_it_leaves_others_alone(page, exchange, dialect):
    async with talking(page) as talker, talking(page) as other:
        names = [(await each.until_type("hello"))["client"] for each in (talker, other)]
        assert names == ["page-1", "page-2"]
        for each in (talker, other):
            await each.say(type="connect", endpoint="embedded", dialect=dialect, channels=[TICKER])
            await each.until(lambda message: message["type"] == "frame" and '"ltp"' in message["text"])
        for number, fault in enumerate(("refuse", "close"), 1):
            body = json.dumps({"fault": fault, "client": names[0]})
            await talker.say(type="control", number=number, method="POST", path="faults", body=body)
            assert (await answered(talker, number))["status"] == 201
        # A new connection is the same page's.
        await talker.until(lambda message: message["type"] == "status" and message["kind"] == "unreachable")
        await other.until(lambda message: message["type"] == "frame" and '"ltp"' in message["text"])
        assert not [each for each in other.all if each["type"] == "status" and each["kind"] == "closed"]


async def states(exchange: Exchange) -> set[str]:
    async with httpx.AsyncClient() as client:
        return {market["state"] for market in (await client.get(f"{exchange.control}/market")).json()}


async def test_a_maintenance_closes_the_markets_and_opens_them_even_if_the_page_goes(page):
    async def told(talker: Talker, *states: str) -> None:
        await talker.until(
            lambda message: (
                message["type"] == "frame" and any(f'"state":"{state}"' in message["text"] for state in states)
            )
        )

    ticker = ["lightning_ticker_FX_BTC_JPY"]
    async with talking(page) as talker, talking(page) as other:
        for each in (talker, other):
            await each.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=ticker)
            await told(each, "RUNNING")
        await talker.say(type="maintain", number=1)
        await told(other, "CLOSED")
        await talker.connection.close()
        await told(other, "PREOPEN", "RUNNING")


async def test_a_maintenance_answers_when_the_itayose_is_prepared(page, exchange, monkeypatch):
    monkeypatch.setattr(owned, "CLOSED_SECONDS", 0.2)
    async with talking(page) as talker:
        await talker.say(type="maintain", number=7)
        assert (await answered(talker, 7))["status"] == 200
        assert await states(exchange) == {"PREOPEN"}


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "control", "number": 1, "method": "POST", "path": "faults", "body": '{"fault":"close"}'},
        {"type": "maintain", "number": 1},
        {"type": "private", "number": 1, "method": "POST", "target": "/v1/me/sendchildorder", "body": "{}",
         "api_key": "k", "timestamp": "1795393018633", "signature": "0" * 64},
    ],
)  # fmt: skip
async def test_nothing_of_it_is_possible_on_another_endpoint_or_without_an_exchange(page, exchange, asked):
    async with talking(page) as talker:
        await talker.say(type="connect", endpoint=exchange.realtime, dialect="json-rpc", channels=[])
        await talker.say(**asked)
        answer = await answered(talker, 1)
        assert (answer["status"], answer["body"]) == (0, "this is possible on the embedded exchange only")
    async with playground.run(None) as bare, talking(bare) as talker:
        await talker.say(**asked)
        assert (await answered(talker, 1))["status"] == 0
        await talker.say(type="demo")
        assert "embedded exchange" in (await talker.until_type("problem"))["text"]


async def test_an_exchange_that_is_gone_is_said_to_be(embedded):
    async with run_exchange() as other:
        pass
    async with playground.run(embedded, owned=other) as page, talking(page) as talker:
        await talker.say(type="control", number=1, method="GET", path="faults")
        answer = await answered(talker, 1)
        assert answer["status"] == 0
        assert "did not answer" in answer["body"]


async def test_a_page_may_have_so_many_requests_on_their_way(page):
    async with talking(page) as talker:
        for number in range(17):
            await talker.say(type="maintain", number=number)
        assert "at most 16 at once" in (await talker.until_type("problem"))["text"]


@pytest.mark.parametrize(
    "target",
    ["/v1/me", "/v1/markets", "/v1/me/../control/faults", "http://elsewhere/v1/me/getbalance", "//v1/me/x",
     "/v1/me/getbalance\n", "/v1/me/getbalance?a=b c", "/v1/me/getbalance#x", "/v1/me/@elsewhere", ""],
)  # fmt: skip
def test_no_other_address_can_be_asked(target):
    asked = {"type": "private", "number": 1, "method": "GET", "body": "", "api_key": "k", "timestamp": "1" * 13,
             "signature": "0" * 64}  # fmt: skip
    decode(json.dumps({**asked, "target": "/v1/me/getexecutions?product_code=BTC_JPY&count=5"}))
    with pytest.raises(InputError):
        decode(json.dumps({**asked, "target": target}))


@pytest.mark.parametrize(
    "path", ["", "published", "connections", "replay", "faults/", "faults/x", "faults/1/2", "../v1"]
)
def test_no_other_part_of_the_control_api_can_be_asked(path):
    with pytest.raises(InputError):
        decode(json.dumps({"type": "control", "number": 1, "method": "GET", "path": path}))


async def test_a_page_that_does_not_sign_in_time_is_waited_for_no_longer():
    asked: list[messages.Sign] = []
    signer = PageSigner(asked.append, seconds=0.05)
    with pytest.raises(ConnectError, match=r"did not sign within 0\.05 s"):
        await signer.signer("key", "live", "").sign("text")
    signer.answer(asked[0].number, "0" * 64)  # too late, and harmless
    signer.answer(99, "")


async def test_each_answer_goes_to_its_own_question():
    asked: list[messages.Sign] = []
    signer = PageSigner(asked.append)
    sign = signer.signer("key", "live", "").sign
    first, second = asyncio.ensure_future(sign("one")), asyncio.ensure_future(sign("two"))
    await asyncio.sleep(0)  # both have asked
    signer.answer(asked[1].number, "b")
    signer.answer(asked[0].number, "a")
    assert await asyncio.gather(first, second) == ["a", "b"]
    assert [(each.text, each.endpoint) for each in asked] == [("one", "live"), ("two", "live")]
