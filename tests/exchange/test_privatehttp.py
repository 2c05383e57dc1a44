"""The private HTTP API as an ASGI application, with real signatures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from fulgurite.exchange.operations import MAX_BODY_BYTES
from fulgurite.exchange.privatehttp import private_routes
from fulgurite.exchange.ratelimits import RateLimits
from fulgurite.protocol.auth import request_signature
from tests.exchange.world import World

PRICE = 13_640_000
NOW = 1_790_000_000.0
SECRETS = {"me": "my secret", "you": "your secret"}
ORDER = {"product_code": "BTC_JPY", "child_order_type": "LIMIT", "side": "BUY", "price": PRICE, "size": 0.01}


class Api:
    """A client of one account that signs as the documentation says."""

    def __init__(self, world: World, limits: RateLimits | None = None) -> None:
        routes = private_routes(world.orders, SECRETS, lambda: world.now_ns, limits=limits, clock=lambda: NOW)
        self.app = Starlette(routes=routes)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str = "me",
        timestamp: str = "1790000000",
        secret: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        target = f"/v1/me/{path}"
        if headers is None:
            sign = request_signature(secret or SECRETS[key], timestamp, method, target, body)
            headers = {"ACCESS-KEY": key, "ACCESS-TIMESTAMP": timestamp, "ACCESS-SIGN": sign}
        return asyncio.run(self._request(method, target, body, headers))

    async def _request(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://exchange") as client:
            return await client.request(method, target, content=body, headers=headers)

    def get(self, path: str, key: str = "me"):
        answer = self.call("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object, key: str = "me"):
        return self.call("POST", path, json.dumps(body).encode(), key=key)


def error(answer) -> tuple[int, int, str]:
    """HTTP status, status and text of an error; it has the shape of the wire's."""
    body = answer.json()
    assert list(body) == ["status", "error_message", "data"]
    assert body["data"] is None
    return answer.status_code, body["status"], body["error_message"]


def test_an_order_from_acceptance_to_execution():
    world = World()
    api = Api(world)
    answer = api.post("sendchildorder", ORDER)
    assert answer.status_code == 200
    accepted_id = answer.json()["child_order_acceptance_id"]
    assert api.get("getchildorders") == []  # it is on its way
    world.run()
    assert api.get(f"getchildorders?child_order_acceptance_id={accepted_id}") == [
        {
            "id": 0,
            "child_order_id": "JOR20260921-141320-000001",
            "product_code": "BTC_JPY",
            "side": "BUY",
            "child_order_type": "LIMIT",
            "price": PRICE,
            "average_price": 0,
            "size": 0.01,
            "child_order_state": "ACTIVE",
            "expire_date": "2026-10-21T14:13:20",
            "child_order_date": "2026-09-21T14:13:20",
            "child_order_acceptance_id": accepted_id,
            "outstanding_size": 0.01,
            "cancel_size": 0,
            "executed_size": 0,
            "total_commission": 0,
            "time_in_force": "GTC",
        }
    ]
    assert api.get("getchildorders", key="you") == []
    assert api.get("getbalance")[0] == {"currency_code": "JPY", "amount": 10_000_000, "available": 9_863_600}
    world.flow("SELL", PRICE, 0.01)
    [row] = api.get("getchildorders?child_order_state=COMPLETED")
    assert (row["id"], row["average_price"], row["total_commission"]) == (2, PRICE, 0.000015)
    assert api.get("getexecutions") == [
        {
            "id": 1,
            "child_order_id": "JOR20260921-141320-000001",
            "side": "BUY",
            "price": PRICE,
            "size": 0.01,
            "commission": 0.000015,
            "exec_date": "2026-09-21T14:13:20.1",
            "child_order_acceptance_id": accepted_id,
        }
    ]
    balances = {row["currency_code"]: row for row in api.get("getbalance")}
    assert balances["JPY"] == {"currency_code": "JPY", "amount": 9_863_600, "available": 9_863_600}
    assert balances["BTC"]["amount"] == 1.009985


def test_positions_and_collateral():
    world = World()
    api = Api(world)
    world.flow("SELL", PRICE, 1, "FX_BTC_JPY")
    api.post("sendchildorder", ORDER | {"product_code": "fx_btc_jpy", "child_order_type": "MARKET", "size": 0.1})
    world.run()
    world.flow("BUY", PRICE, 0.9, "FX_BTC_JPY")
    world.flow("BUY", PRICE + 1000, 0.1, "FX_BTC_JPY")
    world.flow("SELL", PRICE + 1000, 0.1, "FX_BTC_JPY")
    assert api.get("getpositions?product_code=FX_BTC_JPY") == [
        {
            "product_code": "FX_BTC_JPY",
            "side": "BUY",
            "price": PRICE,
            "size": 0.1,
            "commission": 0,
            "swap_point_accumulate": 0,
            "require_collateral": PRICE // 20,
            "open_date": "2026-09-21T14:13:20.02",
            "leverage": 2,
            "pnl": 100,
            "sfd": 0,
        }
    ]
    assert api.get("getpositions") == []
    collateral = api.get("getcollateral")
    assert collateral["collateral"] == 5_000_000
    assert collateral["open_position_pnl"] == 100
    assert collateral["require_collateral"] == PRICE // 20
    assert collateral["keep_rate"] == 7.3315
    assert api.get("gettradingcommission?product_code=FX_BTC_JPY") == {"commission_rate": 0}
    assert api.get("gettradingcommission") == {"commission_rate": 0.0015}


def test_cancelling_answers_with_nothing_and_a_cancelled_order_without_executions_is_not_listed():
    world = World()
    api = Api(world)
    ids = [api.post("sendchildorder", ORDER).json()["child_order_acceptance_id"] for _ in range(3)]
    world.run()
    answer = api.post("cancelchildorder", {"product_code": "BTC_JPY", "child_order_acceptance_id": ids[0]})
    assert (answer.status_code, answer.content) == (200, b"")
    world.run()
    assert [row["child_order_acceptance_id"] for row in api.get("getchildorders")] == [ids[2], ids[1]]
    answer = api.post("cancelallchildorders", {"product_code": "BTC_JPY"})
    assert (answer.status_code, answer.content) == (200, b"")
    world.run()
    assert api.get("getchildorders") == []
    answer = api.post("cancelchildorder", {"product_code": "BTC_JPY", "child_order_id": "JOR-nobody's"})
    assert error(answer) == (400, -111, "Order not found")


def test_pages_of_orders_and_executions():
    world = World()
    api = Api(world)
    for _ in range(5):
        api.post("sendchildorder", ORDER)
    world.run()
    for _ in range(4):
        world.flow("SELL", PRICE, 0.01)
    assert [row["id"] for row in api.get("getexecutions?count=2")] == [4, 3]
    assert [row["id"] for row in api.get("getexecutions?before=4&after=1")] == [3, 2]
    rows = api.get("getchildorders")
    assert [row["id"] for row in rows] == [0, 5, 4, 3, 2]
    assert [row["id"] for row in api.get("getchildorders?after=3")] == [5, 4]  # without the active one
    order_id = rows[1]["child_order_id"]
    assert len(api.get(f"getexecutions?child_order_id={order_id}")) == 1
    assert len(api.get(f"getchildorders?child_order_id={order_id}")) == 1
    assert error(api.call("GET", "getexecutions?count=x")) == (
        400,
        -101,
        "Invalid count: must be an integer of 1 or more",
    )
    assert error(api.call("GET", "getchildorders?child_order_state=OPEN"))[:2] == (400, -101)
    assert error(api.call("GET", "getchildorders?product_code=NOPE")) == (400, -100, "Invalid product")


def test_special_orders_are_listed_and_described():
    world = World()
    api = Api(world)
    part = {"product_code": "BTC_JPY", "condition_type": "STOP", "side": "SELL", "size": 0.01, "trigger_price": 100}
    accepted_id = api.post("sendparentorder", {"parameters": [part]}).json()["parent_order_acceptance_id"]
    world.run()
    [row] = api.get("getparentorders?parent_order_state=ACTIVE")
    assert (row["parent_order_type"], row["side"], row["id"]) == ("STOP", "SELL", 0)
    assert row["parent_order_id"] == "JCP20260921-141320-000001"
    assert api.get("getparentorders?parent_order_state=COMPLETED") == []
    details = api.get(f"getparentorder?parent_order_id={row['parent_order_id']}")
    assert (details["order_method"], details["parent_order_acceptance_id"]) == ("SIMPLE", accepted_id)
    assert details["parameters"] == [
        {
            "product_code": "BTC_JPY",
            "condition_type": "STOP",
            "side": "SELL",
            "price": 0,
            "size": 0.01,
            "trigger_price": 100,
            "offset": 0,
        }
    ]
    answer = api.post("cancelparentorder", {"product_code": "BTC_JPY", "parent_order_id": row["parent_order_id"]})
    assert (answer.status_code, answer.content) == (200, b"")
    world.run()
    [row] = api.get("getparentorders")
    assert row["parent_order_state"] == "CANCELED"
    assert error(api.call("GET", "getparentorder?parent_order_id=x")) == (400, -111, "Order not found")


def test_permissions_are_all_there_are():
    permissions = Api(World()).get("getpermissions")
    assert len(permissions) == 14
    assert "/v1/me/sendchildorder" in permissions


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"product_code": "NOPE"}, -100),
        ({"product_code": 1}, -100),
        ({"size": -1}, -101),
        ({"size": 0}, -101),
        ({"size": 0.000000001}, -101),
        ({"size": 1e300}, -101),
        ({"size": 10**30}, -101),
        ({"size": "0.01"}, -101),
        ({"size": True}, -101),
        ({"size": None}, -101),
        ({"size": 0.0009}, -110),
        ({"price": 0}, -106),
        ({"price": -5}, -106),
        ({"price": 0.5}, -101),
        ({"price": 10**10}, -101),
        ({"price": [1]}, -101),
        ({"side": "buy"}, -101),
        ({"side": {}}, -101),
        ({"child_order_type": "STOP"}, -101),
        ({"minute_to_expire": 0}, -101),
        ({"minute_to_expire": 43_201}, -101),
        ({"minute_to_expire": 1.5}, -101),
        ({"time_in_force": "GTX"}, -101),
        ({"size": 5}, -200),
        ({"product_code": "FX_BTC_JPY", "size": 5}, -205),
    ],
)
def test_bad_orders_get_an_error_and_change_nothing(change, code):
    world = World()
    answer = Api(world).post("sendchildorder", ORDER | change)
    assert error(answer)[:2] == (400, code)
    world.run()
    assert world.events == []
    assert not any(world.me.reserved.values())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"size":NaN}',
        b'{"size":Infinity}',
        b"\xff",
        b"[" * 50_000,
    ],
)
@pytest.mark.parametrize("path", ["sendchildorder", "sendparentorder", "cancelchildorder", "cancelallchildorders"])
def test_bodies_that_are_no_object_get_an_error(path, body):
    assert error(Api(World()).call("POST", path, body))[:2] == (400, -101)


@pytest.mark.parametrize(
    "size", ["1e999999999999", "1e-999999999999", "0.0100000000000000000000000000000000001", "9" * 4000]
)
def test_numbers_of_any_length_cost_nothing_and_are_refused(size):
    body = json.dumps(ORDER).replace("0.01", size).encode()
    assert error(Api(World()).call("POST", "sendchildorder", body))[:2] == (400, -101)


def test_a_minimum_order_size_is_told():
    answer = Api(World()).post("sendchildorder", ORDER | {"size": 0.0001})
    assert error(answer) == (400, -110, "The minimum order size is 0.001 BTC.")


def test_a_body_over_the_limit_is_not_taken():
    answer = Api(World()).call("POST", "sendchildorder", b" " * (MAX_BODY_BYTES + 1))
    assert error(answer)[:2] == (413, -101)


@pytest.mark.parametrize("timestamp", ["1790000000", "1790000000000", "1790000000.123456", "1789999701", "1790000299"])
def test_timestamps_in_seconds_and_milliseconds_are_taken(timestamp):
    assert Api(World()).call("GET", "getbalance", timestamp=timestamp).status_code == 200


@pytest.mark.parametrize("timestamp", ["1789999699", "1790000301", "1790000301000", "", "now", "-1", "١٧٩٠٠٠٠٠٠٠"])
def test_other_timestamps_are_not(timestamp):
    headers = {
        b"ACCESS-KEY": b"me",
        b"ACCESS-TIMESTAMP": timestamp.encode(),
        b"ACCESS-SIGN": request_signature("my secret", timestamp, "GET", "/v1/me/getbalance").encode(),
    }
    answer = Api(World()).call("GET", "getbalance", headers=headers)  # type: ignore[arg-type]
    assert error(answer) == (401, -500, "Permission denied")


def test_wrong_and_missing_signatures_are_refused():
    world = World()
    api = Api(world)
    assert error(api.call("GET", "getbalance", headers={}))[:2] == (401, -500)
    assert error(api.call("GET", "getbalance", secret="another"))[:2] == (401, -500)
    sign = request_signature("my secret", "1790000000", "POST", "/v1/me/sendchildorder", json.dumps(ORDER).encode())
    replayed = {"ACCESS-KEY": "me", "ACCESS-TIMESTAMP": "1790000000", "ACCESS-SIGN": sign}
    body = json.dumps(ORDER | {"size": 0.02}).encode()
    assert error(api.call("POST", "sendchildorder", body, headers=replayed))[:2] == (401, -500)
    assert error(api.call("POST", "cancelallchildorders", body, headers=replayed))[:2] == (401, -500)
    assert error(api.call("GET", "getbalance?x=1", headers=replayed | {"ACCESS-KEY": "nobody"}))[:2] == (401, -500)
    world.run()
    assert world.events == []


def test_the_query_is_signed_byte_for_byte():
    path = "getchildorders?product_code=BTC%5FJPY&child_order_id=a+b%20c"
    assert Api(World()).call("GET", path).status_code == 200


LIMIT_HEADERS = ("period", "remaining", "reset")


def test_the_headers_tell_of_the_key_and_of_its_orders():
    api = Api(World(), RateLimits())
    answer = api.post("sendchildorder", ORDER)
    assert [answer.headers[f"x-ratelimit-{name}"] for name in LIMIT_HEADERS] == ["300", "499", "1790000300"]
    orders = [answer.headers[f"x-orderrequest-ratelimit-{name}"] for name in LIMIT_HEADERS]
    assert orders == ["300", "299", "1790000300"]
    answer = api.call("GET", "getbalance")
    assert answer.headers["x-ratelimit-remaining"] == "498"
    assert not any("orderrequest" in name for name in answer.headers)
    assert api.call("GET", "getbalance", key="you").headers["x-ratelimit-remaining"] == "499"


def test_three_kinds_of_request_share_the_limit_of_orders():
    api = Api(World(), RateLimits())
    kinds = ("sendchildorder", "sendparentorder", "cancelallchildorders")
    for number in range(300):
        assert api.post(kinds[number % 3], {}).status_code == 400
    refused = api.post("cancelallchildorders", {"product_code": "BTC_JPY"})
    assert error(refused) == (429, -1, "Over API limit per minute")
    assert refused.headers["x-orderrequest-ratelimit-remaining"] == "0"
    assert error(api.post("cancelchildorder", {}))[0] == 400


def test_small_orders_of_all_products_share_a_limit_that_others_do_not_have():
    api = Api(World(), RateLimits())
    spot = ORDER | {"price": 1000, "size": 0.1}
    fx = spot | {"product_code": "FX_BTC_JPY", "size": 0.01}
    part = {"product_code": "BTC_JPY", "condition_type": "LIMIT", "side": "BUY", "price": 1000}
    oco = {"order_method": "OCO", "parameters": [part | {"size": 0.1}, part | {"size": 2}]}
    for number in range(99):
        assert api.post("sendchildorder", (spot, fx)[number % 2]).status_code == 200
    assert api.post("sendparentorder", oco).status_code == 200
    assert error(api.post("sendparentorder", oco)) == (429, -1, "Over API limit per minute")
    assert error(api.post("sendchildorder", fx)) == (429, -1, "Over API limit per minute")
    assert api.post("sendchildorder", fx | {"size": 0.10000001}).status_code == 200
    assert api.post("sendchildorder", fx, key="you").status_code == 200


def test_an_address_has_a_limit_over_all_keys_and_wrong_signatures_count():
    api = Api(World(), RateLimits())
    for number in range(500):
        status = api.call("GET", "getbalance", key=("me", "you")[number % 2], secret="another").status_code
        assert status == 401
    refused = api.call("GET", "getbalance")
    assert error(refused) == (429, -1, "Over API limit per period, per IP address")
    assert [refused.headers[f"x-ratelimit-{name}"] for name in LIMIT_HEADERS] == ["300", "0", "1790000300"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300)
@given(
    path=st.sampled_from(["sendchildorder", "sendparentorder", "cancelchildorder", "cancelparentorder"]),
    body=st.dictionaries(
        st.sampled_from(
            [
                *("product_code", "child_order_type", "side", "price", "size", "minute_to_expire", "time_in_force"),
                *("order_method", "parameters", "child_order_id", "parent_order_id"),
            ]
        ),
        JSON | st.sampled_from(["BTC_JPY", "LIMIT", "BUY", 1, 0.01, "SIMPLE"]),
    ),
)
def test_any_body_is_answered(path, body):
    assert Api(World()).post(path, body).status_code in (200, 400)
