"""The control API from outside: faults, and the truth about published and delivered messages."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import aiohttp
import pytest

from fulgurite.errors import InputError
from fulgurite.exchange.run import Exchange, run, run_replay
from fulgurite.exchange.scenarios import SCENARIOS
from fulgurite.protocol.auth import signed_params
from fulgurite.protocol.framelog import Recorded, recorded_messages
from fulgurite.server.faults import Close, parse_plan
from tests.exchange.test_replay import json_rpc, numbered, read, socket_io, subscribe, write_log

BOARD = "lightning_board_FX_BTC_JPY"
TICKER = "lightning_ticker_FX_BTC_JPY"
EXECUTIONS = "lightning_executions_FX_BTC_JPY"
PRODUCTS = ("BTC_JPY", "MONA_JPY", "FX_BTC_JPY")


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7, products=PRODUCTS) as running:
        yield running


async def ask(exchange: Exchange, path: str, method: str = "GET", **request: Any) -> tuple[int, Any]:
    """The status and the JSON, or the JSON lines, of an answer under `/control`."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{exchange.control}/{path}", **request) as response,
    ):
        body = await response.text()
        if response.content_type == "application/jsonl":
            return response.status, body.splitlines()
        return response.status, json.loads(body)


async def test_faults_are_given_listed_and_ended(exchange):
    fault = {"fault": "mute", "channel": BOARD, "seconds": 100.0}
    assert await ask(exchange, "faults", "POST", json=fault) == (201, {"number": 1, **fault})
    assert await ask(exchange, "faults", "POST", json={"fault": "freeze", "after": 50}) == (
        201,
        {"number": 2, "fault": "freeze", "after": 50.0},
    )
    assert [each["number"] for each in (await ask(exchange, "faults"))[1]] == [1, 2]
    assert await ask(exchange, "faults/1", "DELETE") == (200, {"ended": 1})
    assert (await ask(exchange, "faults/1", "DELETE"))[0] == 404
    assert await ask(exchange, "faults", "DELETE") == (200, {"ended": 1})
    assert await ask(exchange, "faults") == (200, [])


@pytest.mark.parametrize(
    ("body", "field", "accepted"),
    [
        (b'{"fault": "clsoe"}', "fault", "close, reset"),
        (b'{"fault": "close", "cod": 1}', "cod", "code, reason"),
        (b'{"fault": "close", "code": 1}', "fault close", "1000"),
        (b'{"fault": "delay"}', "fault delay", "by"),
        (b'{"fault": "freeze", "seconds": 2, "every": 1}', "seconds", "less than every"),
        (b"[]", "fault", "close"),
        (b"{", "body", "close"),
        (b"\xff", "body", "close"),
        (b" " * 100_001, "body", "close"),
    ],
)
async def test_what_is_no_fault_is_answered_with_what_is_accepted(exchange, body, field, accepted):
    status, answer = await ask(exchange, "faults", "POST", data=body)
    assert (status, answer["field"]) == (400, field)
    assert accepted in answer["accepted"]


@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Host": "example.com"}])
@pytest.mark.parametrize("path", ["faults", "published", "connections", "replay"])
async def test_no_web_page_may_ask(exchange, path, headers):
    assert (await ask(exchange, path, headers=headers))[0] == 403


async def test_without_control_there_is_no_such_path():
    async with run(seed=7, control=False) as exchange, aiohttp.ClientSession() as session:
        assert exchange.control is None
        for path in ("faults", "published", "connections", "replay"):
            async with session.get(exchange.http.removesuffix("v1") + f"control/{path}") as response:
                assert response.status == 404


@pytest.mark.parametrize("connect", [json_rpc, socket_io])
async def test_the_truth_says_exactly_what_a_client_missed(exchange, connect):
    """Every second diff or so is lost; the client's own log and the exchange's truth agree about them."""
    fault = {"fault": "lost-messages", "chance": 0.5, "channel": BOARD}
    await ask(exchange, "faults", "POST", json=fault)
    async with connect(exchange) as connection:
        await subscribe(connection, [BOARD, TICKER])
        came: list[Recorded] = []
        while len([channel for channel, _ in came if channel == BOARD]) < 10:
            came += await read(connection, 1)
        (report,) = (await ask(exchange, "connections"))[1]
        _, lines = await ask(exchange, f"published?channel={BOARD}")
        delivered = report["channels"][BOARD]
        ((first, last),) = delivered["subscribed"]
        # Messages delivered up to the report may be still on their way to us.
        while len([channel for channel, _ in came if channel == BOARD]) < sum(
            any(low <= json.loads(line)["number"] <= high for low, high in delivered["delivered"]) for line in lines
        ):
            came += await read(connection, 1)
    published = [(json.loads(line)["number"], line) for line in lines if first <= json.loads(line)["number"] <= last]
    got = [line for number, line in published if any(low <= number <= high for low, high in delivered["delivered"])]
    assert [line.split(',"message":', 1)[1][:-1].encode() for line in got] == [
        message for channel, message in came if channel == BOARD
    ][: len(got)]
    assert 0 < len(got) < len(published)
    assert report["faults"] == [1]
    assert report["closed_ns"] is None


async def test_what_was_published_is_numbered_and_asked_for_from_a_number_on(exchange):
    async with json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER])
        await read(connection, 3)
    _, lines = await ask(exchange, "published")
    numbers = [json.loads(line)["number"] for line in lines]
    assert numbers == list(range(1, len(lines) + 1))
    assert json.loads((await ask(exchange, "published?after=2"))[1][0])["number"] == 3
    assert list(json.loads(lines[0])) == ["number", "published_ns", "channel", "message"]
    for query in ("after=x", "after=-1", "chanel=x"):
        assert (await ask(exchange, f"published?{query}"))[0] == 400


@pytest.mark.parametrize(("skew", "answer"), [(200, "result"), (400, "error"), (-400, "error")])
async def test_a_wrong_clock_refuses_auth_beyond_the_window(exchange, skew, answer):
    await ask(exchange, "faults", "POST", json={"fault": "clock-skew", "by": skew})
    params = signed_params(exchange.api_key, exchange.api_secret, int(time.time()), "0123456789abcdef")
    async with json_rpc(exchange) as connection:
        await connection.send(json.dumps({"method": "auth", "params": params, "id": 1}))
        assert answer in json.loads(await connection.recv())


async def test_a_plan_is_given_at_the_start():
    async with run(seed=7, faults=[{"fault": "mute"}, Close(after=100)]) as exchange:
        assert (await ask(exchange, "faults"))[1] == [
            {"number": 1, "fault": "mute"},
            {"number": 2, "fault": "close", "after": 100},
        ]
    with pytest.raises(InputError, match="fault"):
        async with run(seed=7, faults=[{"fault": "nonsense"}]):
            pass


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_a_plan_and_a_sentence(name):
    scenario = SCENARIOS[name]
    assert parse_plan(scenario.plan) or scenario.starts_at
    assert scenario.sentence.endswith(".")


async def test_a_circuit_break_on_command_ends_with_an_itayose():
    """Tickers, executions and the control API agree about it, to the moment."""
    change = {"product": "FX_BTC_JPY", "state": "CIRCUIT BREAK", "seconds": 30}
    tickers: list[Any] = []
    executions: list[Any] = []
    async with run(seed=7, speed=20) as exchange, asyncio.timeout(60), json_rpc(exchange) as connection:
        await subscribe(connection, [TICKER, EXECUTIONS])
        status, row = await ask(exchange, "market", "POST", json=change)
        assert (status, row["product"], row["state"]) == (200, "FX_BTC_JPY", "CIRCUIT BREAK")
        while not any(each["exec_date"] > row["until"] for each in executions):
            for name, text in recorded_messages(str(await connection.recv())):
                if name == TICKER:
                    tickers.append(json.loads(text))
                else:
                    executions += json.loads(text)
        rows = (await ask(exchange, "market"))[1]
    states = [(each["state"], each["circuit_break_end"]) for each in tickers]
    assert [state for state, _ in groupby(states)][-2:] == [("CIRCUIT BREAK", row["until"]), ("RUNNING", None)]
    begun = next(each["timestamp"] for each in tickers if each["state"] == "CIRCUIT BREAK")
    during = [each for each in executions if begun <= each["exec_date"] <= row["until"]]
    assert {(each["side"], each["exec_date"]) for each in during} == {("", row["until"])}
    assert len({each["price"] for each in during}) == 1
    assert all(each["side"] for each in executions if each not in during)
    assert {"product": "FX_BTC_JPY", "state": "RUNNING", "until": None} in rows
    assert len(rows) == 9


@pytest.mark.parametrize("state", ["CLOSED", "PREOPEN", "RUNNING", "CIRCUIT BREAK"])
async def test_a_market_can_be_brought_to_every_state(exchange, state):
    body = {"product": "MONA_JPY", "state": state}
    answer = await ask(exchange, "market", "POST", json=body)
    assert answer[0] == 200
    assert (answer[1]["state"], answer[1]["until"] is None) == (state, state in ("CLOSED", "RUNNING"))
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{exchange.http}/getboardstate?product_code=MONA_JPY") as response,
    ):
        assert (await response.json())["state"] == state


@pytest.mark.parametrize(
    ("body", "field", "accepted"),
    [
        (b'{"state": "CLOSED"}', "product", "FX_BTC_JPY"),
        (b'{"product": ["BTC_JPY"], "state": "CLOSED"}', "product", "FX_BTC_JPY"),
        (b'{"product": "BTC_JPY", "state": "OPEN"}', "state", "CIRCUIT BREAK"),
        (b'{"product": "BTC_JPY"}', "state", "CIRCUIT BREAK"),
        (b'{"product": "BTC_JPY", "state": "CLOSED", "seconds": 5}', "seconds", "nothing with CLOSED"),
        (b'{"product": "BTC_JPY", "state": "PREOPEN", "seconds": 0}', "seconds", "86400"),
        (b'{"product": "BTC_JPY", "state": "PREOPEN", "seconds": 86401}', "seconds", "86400"),
        (b'{"product": "BTC_JPY", "state": "PREOPEN", "seconds": true}', "seconds", "86400"),
        (b'{"product": "BTC_JPY", "state": "PREOPEN", "seconds": null}', "seconds", "86400"),
        (b'{"product": "BTC_JPY", "state": "CLOSED", "minutes": 5}', "minutes", "seconds"),
        (b"[]", "body", "CIRCUIT BREAK"),
        (b"{", "body", "CIRCUIT BREAK"),
    ],
)
async def test_a_change_of_a_market_that_cannot_be_meant_changes_nothing(exchange, body, field, accepted):
    status, answer = await ask(exchange, "market", "POST", data=body)
    assert (status, answer["field"]) == (400, field)
    assert accepted in str(answer["accepted"])
    assert {row["state"] for row in (await ask(exchange, "market"))[1]} == {"RUNNING"}


async def test_the_markets_of_a_recording_cannot_be_changed(tmp_path):
    log = write_log(tmp_path / "log.jsonl", numbered(1))
    async with run_replay(log, paused=True) as exchange:
        assert (await ask(exchange, "market"))[0] == 404
