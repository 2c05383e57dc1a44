"""The OpenAPI description against the official schema, and against the exchange's answers, in both directions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from fulgurite.exchange.http import create_app
from fulgurite.exchange.openapi import describe
from fulgurite.exchange.operations import MAX_BODY_BYTES
from fulgurite.exchange.orderrequests import read_child_order, read_object, read_parent_order
from fulgurite.exchange.orderschemas import BODIES
from fulgurite.exchange.privatehttp import private_routes
from fulgurite.exchange.products import PRODUCTS
from fulgurite.exchange.ratelimits import ADDRESS, RateLimits
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.auth import request_signature
from tests.descriptions import printed, problems, references, resolve, strict
from tests.exchange.world import START_NS, World

PRICE = 13_640_000
NOW = 1_790_000_000.0
KEY, SECRET = "me", "my secret"
SERVERS = {"Embedded": "http://exchange/v1"}
DOCUMENT = describe(SERVERS)
STRICT = strict(DOCUMENT, all_members=True)
OPERATIONS = {(method, path): each for path, methods in DOCUMENT["paths"].items() for method, each in methods.items()}
GETS = [path for method, path in OPERATIONS if method == "get"]
POSTS = [path for method, path in OPERATIONS if method == "post"]

ORDER = {"product_code": "BTC_JPY", "child_order_type": "LIMIT", "side": "BUY", "price": PRICE, "size": 0.01}
MARKET_ORDER = {"product_code": "BTC_JPY", "child_order_type": "MARKET", "side": "SELL", "size": 0.001}
LIMIT_PART = {"product_code": "BTC_JPY", "condition_type": "LIMIT", "side": "BUY", "price": PRICE - 9, "size": 0.01}
STOP_PART = {"product_code": "BTC_JPY", "condition_type": "STOP", "side": "SELL", "trigger_price": 1, "size": 0.01}
STOP_LIMIT_PART = STOP_PART | {"condition_type": "STOP_LIMIT", "price": 1}
TRAIL_PART = {"product_code": "BTC_JPY", "condition_type": "TRAIL", "side": "SELL", "offset": 10**6, "size": 0.01}
SPECIAL: dict[str, Any] = {"order_method": "IFDOCO", "parameters": [LIMIT_PART, STOP_PART, TRAIL_PART]}

# Requests that are right, of every kind.
SENT: dict[str, list[dict[str, Any]]] = {
    "/me/sendchildorder": [
        ORDER,
        MARKET_ORDER | {"minute_to_expire": 1, "time_in_force": "IOC"},
    ],
    "/me/cancelchildorder": [
        {"product_code": "BTC_JPY", "child_order_id": "JOR"},
        {"product_code": "BTC_JPY", "child_order_acceptance_id": "JRF"},
    ],
    "/me/sendparentorder": [
        SPECIAL | {"minute_to_expire": 60, "time_in_force": "GTC"},
        *({"order_method": "SIMPLE", "parameters": [part]} for part in (LIMIT_PART, STOP_PART)),
        *({"order_method": "SIMPLE", "parameters": [part]} for part in (STOP_LIMIT_PART, TRAIL_PART)),
    ],
    "/me/cancelparentorder": [
        {"product_code": "BTC_JPY", "parent_order_id": "JCP"},
        {"product_code": "BTC_JPY", "parent_order_acceptance_id": "JRF"},
    ],
    "/me/cancelallchildorders": [{"product_code": "BTC_JPY"}],
}


@cache
def simulation() -> Simulation:
    """A market that is only read."""
    return Simulation(1, START_NS)


class Api:
    """A client of both halves of the API, on an account that has something of everything."""

    def __init__(self, limits: RateLimits | None = None) -> None:
        world = self.world = World()
        for code in ("BTC_JPY", "FX_BTC_JPY"):
            world.flow("SELL", PRICE, 0.02, code)
            world.send(product_code=code, price=PRICE, size=0.02)
        self.order = world.send(price=PRICE - 2, size=0.01)
        self.special = world.send_parent(**SPECIAL)
        world.run()
        private = private_routes(world.orders, {KEY: SECRET}, lambda: world.now_ns, limits=limits, clock=lambda: NOW)
        self.app = create_app(simulation(), private, limits=limits, clock=lambda: NOW)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://exchange")

    async def call(
        self, method: str, path: str, body: object = None, *, query: str = "", without: str = "", key: str = KEY
    ) -> httpx.Response:
        target = f"/v1{path}?{query}" if query else f"/v1{path}"
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {
            "ACCESS-KEY": key,
            "ACCESS-TIMESTAMP": f"{NOW:.0f}",
            "ACCESS-SIGN": request_signature(SECRET, f"{NOW:.0f}", method.upper(), target, content),
        }
        headers = {name: value for name, value in signed.items() if name != without}
        return await self.client.request(method, target, content=content, headers=headers)

    async def plain(self, path: str) -> httpx.Response:
        """The answer to a GET with its required parameters."""
        needed = {
            "/me/getparentorder": f"parent_order_acceptance_id={self.special}",
            "/me/getpositions": "product_code=FX_BTC_JPY",
        }
        return await self.call("get", path, query=needed.get(path, ""))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    async with made.client:
        yield made


def check(path: str, method: str, answer: httpx.Response) -> None:
    """Validate an answer by the description of its status."""
    described = OPERATIONS[method, path]["responses"]
    assert str(answer.status_code) in described, answer.text
    content = described[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
    else:
        schema = content["application/json"]["schema"]
        assert problems(Draft202012Validator, STRICT, strict(schema, all_members=True), answer.json()) == []
        assert answer.headers["content-type"].startswith("application/json")


def test_it_is_an_openapi_description_by_the_official_schema():
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_the_official_schema_would_find_an_error():
    broken = describe(SERVERS)
    broken["paths"]["/board"]["get"]["parameters"][0]["in"] = "nowhere"
    with pytest.raises(Exception, match="nowhere"):
        validate(broken)


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    used = set(references(DOCUMENT))
    for reference in used:
        assert resolve(DOCUMENT, reference)
    assert used == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_it_is_the_same_text_in_every_process():
    program = f"import json; from fulgurite.exchange.openapi import describe; print(json.dumps(describe({SERVERS})))"
    texts = {printed(program, hash_seed) for hash_seed in ("1", "2")}
    assert texts == {json.dumps(DOCUMENT).encode() + b"\n"}


def test_it_describes_what_is_served_and_nothing_else():
    routes = [route for route in Api().app.routes if isinstance(route, Route)]
    served = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert served == {(method.upper(), f"/v1{path}") for method, path in OPERATIONS}


@pytest.mark.parametrize("path", GETS)
async def test_an_answer_has_the_members_that_are_described(api, path):
    answer = await api.plain(path)
    assert answer.status_code == 200, answer.text
    assert answer.json() != [], "an empty list shows nothing"
    check(path, "get", answer)


@pytest.mark.parametrize("path", POSTS)
async def test_what_is_sent_as_described_is_accepted(api, path):
    for sent in SENT[path]:
        assert problems(Draft202012Validator, DOCUMENT, strict(BODIES[path]), sent) == []
        accepted = {"child_order_acceptance_id": api.order, "parent_order_acceptance_id": api.special}
        body = {name: accepted.get(name, value) for name, value in sent.items()}
        answer = await api.call("post", path, body)
        check(path, "post", answer)
        if "JOR" not in body.values() and "JCP" not in body.values():  # there are no such orders
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_it_is_refused_in_the_ways_that_are_described(api, method, path):
    described = OPERATIONS[method, path]
    refusals: dict[str, httpx.Response] = {}
    if method == "post":
        refusals["400"] = await api.call(method, path, {})
    elif described["parameters"]:
        refusals["400"] = await api.call(method, path, query="product_code=NOPE_JPY")
    if described["security"]:
        (needed,) = described["security"]
        for scheme in needed:
            name = DOCUMENT["components"]["securitySchemes"][scheme]["name"]
            refusals["401"] = await api.call(method, path, without=name)
            assert refusals["401"].status_code == 401
        refusals["413"] = await api.call(method, path, b" " * (MAX_BODY_BYTES + 1))
    limits = RateLimits()
    while limits.admit(ADDRESS, "127.0.0.1", NOW):
        pass
    limited = Api(limits)
    async with limited.client:
        refusals["429"] = await limited.call(method, path)
    for status, answer in refusals.items():
        assert str(answer.status_code) == status
        check(path, method, answer)
        if status != "400":
            examples = described["responses"][status]["content"]["application/json"]["examples"]
            assert answer.json() in [example["value"] for example in examples.values()]
    assert refusals.keys() | {"200"} == described["responses"].keys()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_the_headers_about_limits_are_those_that_are_described(method, path):
    limited = Api(RateLimits())
    async with limited.client:
        answer = await limited.plain(path) if method == "get" else await limited.call(method, path, SENT[path][-1])
    sent = {name for name in answer.headers if "ratelimit" in name}
    assert sent == {name.lower() for name in OPERATIONS[method, path]["responses"]["200"]["headers"]}


@pytest.mark.parametrize("path", GETS)
async def test_a_parameter_changes_the_answer_where_it_is_described_and_nowhere_else(api, path):
    names = {parameter["name"] for _, each in OPERATIONS.items() for parameter in each["parameters"]}
    described = {parameter["name"]: parameter["schema"] for parameter in OPERATIONS["get", path]["parameters"]}
    plain = await api.call("get", path)
    for name in sorted(names):
        answer = await api.call("get", path, query=f"{name}=nonsense")
        assert (answer.text != plain.text) == (name in described), name
        check(path, "get", answer)
    for name, schema in described.items():
        for value in schema.get("enum", []):
            answer = await api.call("get", path, query=f"{name}={value}")
            # This world has two markets of the nine.
            known = name != "product_code" or not path.startswith("/me/") or value in api.world.markets
            assert answer.status_code == (200 if known else 400), answer.text
        for limit, refused in (("minimum", schema.get("minimum", 0) - 1), ("maximum", schema.get("maximum", 0) + 1)):
            if limit in schema:
                answers = [await api.call("get", path, query=f"{name}={value}") for value in (schema[limit], refused)]
                assert [answer.status_code for answer in answers] == [200, 400]


class Asked(dict[str, object]):
    """A body that notes the members it was asked for."""

    def __init__(self, members: Mapping[str, object]) -> None:
        super().__init__(members)
        self.names: set[str] = set()

    def get(self, name: str, default: object = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_the_members_that_orders_are_read_from_are_those_that_are_described():
    products = {product.code: product for product in PRODUCTS}
    names: set[str] = set()
    for sent in SENT["/me/sendchildorder"]:
        body = Asked(read_object(json.dumps(sent).encode()))
        read_child_order(body, products)
        names |= body.names
    assert names == BODIES["/me/sendchildorder"]["properties"].keys()
    names, part_names = set(), set()
    for sent in SENT["/me/sendparentorder"]:
        body = Asked(read_object(json.dumps(sent).encode()))
        parts = [Asked(part) for part in body.get("parameters")]
        body["parameters"] = parts
        read_parent_order(body, products)
        names |= body.names
        part_names |= {name for part in parts for name in part.names}
    special = BODIES["/me/sendparentorder"]["properties"]
    assert names == special.keys()
    assert part_names == special["parameters"]["items"]["properties"].keys()


TINY = (0.0009, 0.001)
"""Sizes, and no prices: those are whole numbers."""

ODD: tuple[Any, ...] = (
    "",
    "NOPE",
    0,
    -1,
    1,
    43_200,
    43_201,
    *TINY,
    1e5,
    100_001,
    1e9,
    1_000_000_001,
    True,
    [],
    {},
    [{}],
)


def changes(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The body as it is, with one member missing, or with another value; parts of special orders likewise."""
    words = ("LIMIT", "MARKET", "STOP", "TRAIL", "BUY", "SELL", "GTC", "IOC", "FOK", "SIMPLE", "IFD", "OCO", "IFDOCO")
    changed = [dict(body), *({other: body[other] for other in body if other != name} for name in body)]
    changed += [
        {**body, name: value} for name in body for value in (*ODD, *words) if name == "size" or value not in TINY
    ]
    parts = body.get("parameters", [])
    changed += [{**body, "parameters": [change, *parts[1:]]} for part in parts[:1] for change in changes(part)]
    return changed


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_is_refused_as_invalid_where_the_description_does_so(api, path):
    """Ticks aside, which only the text of the description tells."""
    validator = Draft202012Validator(BODIES[path])
    accepted = refused = 0
    for body in [change for sent in SENT[path] for change in changes(sent)]:
        answer = await api.call("post", path, body)
        is_invalid = answer.status_code == 400 and answer.json()["status"] in (-100, -101, -106, -110)
        assert is_invalid != validator.is_valid(body), (body, answer.text)
        accepted, refused = accepted + (not is_invalid), refused + is_invalid
    assert accepted, "nothing was accepted"
    assert refused, "nothing was refused"
