"""The AsyncAPI description against the official schema, and against the wire's frames, in both directions."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from fulgurite.errors import ChannelError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol import choices, subscriptions
from fulgurite.protocol.asyncapi import channel_pattern, describe
from fulgurite.protocol.auth import AuthChecker, request_signature, signed_params
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.choices import Refusal
from fulgurite.protocol.dialects import DIALECTS, JSON_RPC, SOCKETIO, DialectName
from tests.descriptions import printed, problems, references, resolve, strict

SERVERS = {
    "embedded": {JSON_RPC.name: "ws://127.0.0.1:7351/json-rpc", SOCKETIO.name: "ws://127.0.0.1:7351/socket.io/"},
}
PRODUCTS = ["BTC_JPY", "FX_BTC_JPY"]
DOCUMENT = describe(SERVERS, PRODUCTS)
STRICT = strict(DOCUMENT)
PATIENCE_SECONDS = 120
"""Nothing here takes a tenth as long on an idle machine."""


def official_errors(document: object, node: Path) -> list[str]:
    schema = node / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    validator = Draft7Validator(json.loads(schema.read_text()))
    return [error.message for error in validator.iter_errors(document)]


def test_it_is_an_asyncapi_description_by_the_official_schema(node):
    assert official_errors(DOCUMENT, node) == []
    assert DOCUMENT["asyncapi"] == "3.0.0"


def test_the_official_schema_would_find_an_error(node):
    broken = describe(SERVERS, PRODUCTS)
    broken["operations"]["lightning_ticker"]["action"] = "shout"
    assert official_errors(broken, node)


def test_every_reference_leads_somewhere_and_nothing_is_left_over():
    used = set(references(DOCUMENT))
    for reference in used:
        assert resolve(DOCUMENT, reference)
    for room in ("schemas", "messages", "securitySchemes"):
        assert {f"#/components/{room}/{name}" for name in DOCUMENT["components"][room]} <= used
    assert {f"#/channels/{name}" for name in DOCUMENT["channels"]} <= used


def test_an_operation_has_messages_of_its_own_channel_only():
    told = set()
    for operation in DOCUMENT["operations"].values():
        for side in [operation, operation.get("reply", operation)]:
            for message in side["messages"]:
                assert message["$ref"].startswith(f"{side['channel']['$ref']}/messages/")
                told.add(message["$ref"])
    assert told == {
        f"#/channels/{name}/messages/{message}"
        for name, channel in DOCUMENT["channels"].items()
        for message in channel["messages"]
    }


def test_it_is_the_same_text_in_every_process():
    servers = {name: {str(dialect): url for dialect, url in urls.items()} for name, urls in SERVERS.items()}
    call = f"describe({servers}, {PRODUCTS})"
    program = f"import json; from fulgurite.protocol.asyncapi import describe; print(json.dumps({call}))"
    texts = {printed(program, hash_seed) for hash_seed in ("1", "2")}
    assert texts == {json.dumps(DOCUMENT).encode() + b"\n"}


def test_its_channels_are_the_kinds_that_there_are():
    addresses = [channel["address"] for channel in DOCUMENT["channels"].values() if channel["address"]]
    assert [address.removesuffix("_{product_code}") for address in addresses] == list(Kind)
    for address in addresses:
        assert parse_channel(address.replace("{product_code}", "BTC_JPY")).name.startswith(address.partition("{")[0])


NAMES = st.sampled_from([*Kind, *(f"{kind}_" for kind in Kind), *(f"{kind}_BTC_JPY" for kind in Kind), "lightning"])


@given(st.one_of(NAMES, st.text(), st.tuples(NAMES, st.text()).map("".join)))
def test_a_channel_can_be_subscribed_where_the_pattern_fits(name):
    try:
        parse_channel(name)
    except ChannelError:
        assert not re.search(channel_pattern().removesuffix("$") + r"\Z", name)
    else:
        assert re.search(channel_pattern(), name)


@pytest.mark.parametrize("timestamp", [10**9 - 1, 10**9, 10**10 - 1, 10**10, 10**12 - 1, 10**12, 10**13 - 1, 10**13])
@pytest.mark.parametrize("length", [0, 15, 16, 255, 256])
def test_auth_is_accepted_where_it_is_as_described(timestamp, length):
    now = timestamp / 1000 if timestamp >= 10**11 else timestamp
    params = signed_params("key", "secret", timestamp, "n" * length)
    is_accepted = AuthChecker({"key": "secret"}, lambda: now).check(params) == "key"
    schema = STRICT["components"]["schemas"]["Auth"]
    assert is_accepted == (problems(Draft7Validator, STRICT, schema, params) == [])
    for name in params:
        assert problems(Draft7Validator, STRICT, schema, {each: params[each] for each in params if each != name})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_known_refusal_is_an_example_and_every_example_fits(dialect):
    message = STRICT["components"]["messages"][f"refused.{dialect}"]
    told = set()
    for example in message["examples"]:
        payload = example["payload"]
        assert problems(Draft7Validator, STRICT, message["payload"], payload) == []
        error = payload["error"] if isinstance(payload, dict) else payload[0]
        told.add(Refusal(error["code"], error["message"]))
    known = {each for module in (choices, subscriptions) for each in vars(module).values() if isinstance(each, Refusal)}
    assert told >= {refusal for refusal in known if refusal.code <= -32000}


# --- over the wire


class Line:
    """A connection whose every frame, both ways, is held against the description."""

    def __init__(self, connection: websockets.ClientConnection, dialect: DialectName) -> None:
        self.connection = connection
        self.dialect = dialect
        self.seen: set[str] = set()
        """The described messages that were sent or came."""

    async def send(self, frame: str) -> None:
        self._look(frame)
        await self.connection.send(frame)

    async def until(self, *wanted: str) -> None:
        """Read until all of these messages have come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.seen.issuperset(wanted):
                self._look(str(await self.connection.recv()))

    def ask(self, method: str, argument: object, number: int) -> str:
        """A request."""
        if self.dialect == SOCKETIO.name:
            return f"42{number}{json.dumps([method, argument])}"
        params = argument if method == "auth" else {"channel": argument}
        return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": number})

    def _look(self, frame: str) -> None:
        fitting = [
            name.rpartition(".")[0]
            for name, message in STRICT["components"]["messages"].items()
            if name.endswith(f".{self.dialect}") and is_payload_of(message, frame)
        ]
        assert len(fitting) == 1, (fitting, frame[:500])
        self.seen.add(fitting[0])


def is_payload_of(message: dict[str, Any], frame: str) -> bool:
    """Whether a frame carries a message as described."""
    framed = re.escape(message.get("x-frame", "{payload}"))
    pattern = framed.replace(re.escape("{id}"), r"\d+").replace(re.escape("{payload}"), "(.+)")
    match = re.fullmatch(pattern, frame, re.DOTALL)
    if match is None:
        return False
    try:
        payload = match[1] if message.get("contentType") == "text/plain" else json.loads(match[1])
    except ValueError:
        return False
    return problems(Draft7Validator, STRICT, message["payload"], payload) == []


async def order(exchange: Exchange, path: str, body: object) -> None:
    content, timestamp = json.dumps(body).encode(), str(int(time.time()))
    sign = request_signature(exchange.api_secret, timestamp, "POST", f"/v1/me/{path}", content)
    headers = {"ACCESS-KEY": exchange.api_key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": sign}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{exchange.http}/me/{path}", content=content, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", DIALECTS)
async def test_every_frame_is_described_and_every_described_message_comes(name):
    dialect = DIALECTS[name]
    limit = {"product_code": "BTC_JPY", "side": "BUY", "price": 1_000_000, "size": 0.001}
    async with run(seed=7) as exchange:
        address = exchange.realtime if dialect is JSON_RPC else exchange.socketio
        # Client and server ping by themselves; Engine.IO's pings are frames.
        async with websockets.connect(dialect.websocket_url(address), max_size=None) as connection:
            line = Line(connection, dialect.name)
            if dialect is SOCKETIO:
                await line.until("open", "connected")
                await line.send("2")
                await line.until("pong")
            await line.send(line.ask("subscribe", str(Kind.CHILD_ORDER_EVENTS), 1))
            await line.until("refused")
            params = signed_params(exchange.api_key, exchange.api_secret, int(time.time()), "n" * 16)
            await line.send(line.ask("auth", params, 2))
            for number, kind in enumerate(Kind, 3):
                channel = str(kind) if kind.is_private else f"{kind}_FX_BTC_JPY"
                await line.send(line.ask("subscribe", channel, number))
            await line.until("granted", *(kind for kind in Kind if not kind.is_private))
            await order(exchange, "sendchildorder", limit | {"child_order_type": "LIMIT"})
            await order(exchange, "sendparentorder", {"parameters": [limit | {"condition_type": "LIMIT"}]})
            await line.until(*(kind for kind in Kind if kind.is_private))
            await line.send(line.ask("unsubscribe", str(Kind.CHILD_ORDER_EVENTS), 9))
    described = [each for each in STRICT["components"]["messages"] if each.endswith(f".{dialect.name}")]
    assert line.seen == {each.rpartition(".")[0] for each in described}
