from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fulgurite.exchange.http import create_app
from fulgurite.exchange.marketdata import MarketInfo
from fulgurite.exchange.products import BTC_JPY
from fulgurite.exchange.ratelimits import RateLimits
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol.messages import Board, Execution, Level, Ticker, parse_time

START_NS = parse_time("2026-09-23T03:31:00Z")


class Recorded:
    """Market data with known values, as a replay has it: no ticker yet of one product, and a foreign one."""

    def markets(self) -> list[MarketInfo]:
        return [
            MarketInfo(code, kind) for code, kind in (("BTC_JPY", "Spot"), ("BTC_USD", "Spot"), ("FX_BTC_JPY", "FX"))
        ]

    def board(self, product_code: str) -> Board:
        return Board(5860745.0, [Level(5860744.0, 1e-8)], [Level(5860747.5, 0.01), Level(5860748.0, 2.0)])

    def ticker(self, product_code: str) -> Ticker | None:
        if product_code == "BTC_USD":
            return None
        return Ticker(
            product_code=product_code,
            timestamp="2021-07-22T22:29:23.0441643Z",
            tick_id=9025808,
            best_bid=3539640.0,
            best_ask=3541058.0,
            best_bid_size=0.008,
            best_ask_size=0.00001,
            total_bid_depth=893.6529438,
            total_ask_depth=668.93724584,
            ltp=3539894.0,
            volume=3153.89,
            volume_by_product=3153.89,
            state="RUNNING",
            market_bid_size=0.0,
            market_ask_size=0.0,
        )

    def executions(self, product_code: str) -> list[Execution]:
        return [
            Execution(number, "BUY", 100.0, 0.5, "2021-07-22T22:29:24.3983287Z", f"JRF-B{number}", f"JRF-S{number}")
            for number in range(1, 1001)
        ]

    def state(self, product_code: str) -> str:
        return "CIRCUIT BREAK"

    def health(self, product_code: str) -> str:
        return "VERY BUSY"


def connect(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exchange")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(create_app(Recorded())) as client:
        yield client


def ids(response) -> list[int]:
    assert response.status_code == 200
    return [row["id"] for row in response.json()]


class TestTexts:
    """Byte for byte: numbers as JavaScript prints them, times without Z and with at most three digits."""

    async def test_board(self, http):
        response = await http.get("/v1/board")
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.text == (
            '{"mid_price":5860745,"bids":[{"price":5860744,"size":1e-8}],'
            '"asks":[{"price":5860747.5,"size":0.01},{"price":5860748,"size":2}]}'
        )

    async def test_ticker(self, http):
        assert (await http.get("/v1/ticker?product_code=FX_BTC_JPY")).text == (
            '{"product_code":"FX_BTC_JPY","state":"RUNNING","timestamp":"2021-07-22T22:29:23.044","tick_id":9025808,'
            '"best_bid":3539640,"best_ask":3541058,"best_bid_size":0.008,"best_ask_size":0.00001,'
            '"total_bid_depth":893.6529438,"total_ask_depth":668.93724584,"market_bid_size":0,"market_ask_size":0,'
            '"ltp":3539894,"volume":3153.89,"volume_by_product":3153.89,"preopen_end":null,"circuit_break_end":null}'
        )

    async def test_executions(self, http):
        assert (await http.get("/v1/executions?count=1")).text == (
            '[{"id":1000,"side":"BUY","price":100,"size":0.5,"exec_date":"2021-07-22T22:29:24.398",'
            '"buy_child_order_acceptance_id":"JRF-B1000","sell_child_order_acceptance_id":"JRF-S1000"}]'
        )

    async def test_markets(self, http):
        assert (await http.get("/v1/markets")).text == (
            '[{"product_code":"BTC_JPY","market_type":"Spot"},{"product_code":"FX_BTC_JPY","market_type":"FX"}]'
        )

    async def test_state_and_health(self, http):
        assert (await http.get("/v1/getboardstate")).text == '{"health":"VERY BUSY","state":"CIRCUIT BREAK"}'
        assert (await http.get("/v1/gethealth")).text == '{"status":"VERY BUSY"}'


@pytest.mark.parametrize("path", ["markets", "markets/usa", "markets/eu", "board", "ticker", "executions"])
async def test_every_endpoint_has_a_second_name(http, path):
    first, second = (await http.get(f"/v1/{path}")), (await http.get(f"/v1/get{path}"))
    assert first.status_code == second.status_code == 200
    assert first.text == second.text


async def test_the_other_regions_have_their_own_lists(http):
    assert [row["product_code"] for row in (await http.get("/v1/getmarkets/usa")).json()] == ["BTC_JPY", "BTC_USD"]
    assert [row["product_code"] for row in (await http.get("/v1/getmarkets/eu")).json()] == ["BTC_JPY"]


class TestExecutions:
    async def test_are_a_hundred_by_default_newest_first(self, http):
        assert ids(await http.get("/v1/executions")) == list(range(1000, 900, -1))

    async def test_are_five_hundred_at_most(self, http):
        assert ids(await http.get("/v1/executions?count=500")) == list(range(1000, 500, -1))
        assert ids(await http.get("/v1/executions?count=501")) == list(range(1000, 500, -1))

    async def test_before_and_after_leave_the_ids_themselves_out(self, http):
        assert ids(await http.get("/v1/executions?before=4")) == [3, 2, 1]
        assert ids(await http.get("/v1/executions?after=997")) == [1000, 999, 998]
        assert ids(await http.get("/v1/executions?before=10&after=5")) == [9, 8, 7, 6]
        assert ids(await http.get("/v1/executions?before=10&after=5&count=2")) == [9, 8]
        assert ids(await http.get("/v1/executions?before=0")) == []
        assert ids(await http.get("/v1/executions?before=5&after=5")) == []

    async def test_pages_through_all_of_them(self, http):
        seen: list[int] = []
        while page := ids(await http.get(f"/v1/executions?count=300&before={seen[-1] if seen else 10**9}")):
            seen += page
        assert seen == list(range(1000, 0, -1))

    async def test_empty_parameters_are_absent_ones(self, http):
        assert ids(await http.get("/v1/executions?count=&before=&after=")) == list(range(1000, 900, -1))

    @pytest.mark.parametrize("value", ["abc", "-1", "1.5", "1e3", " 1", "1_0", "٣", "9" * 5000])
    @pytest.mark.parametrize("name", ["count", "before", "after"])
    async def test_bad_parameters_get_a_clear_error(self, http, name, value):
        response = await http.get("/v1/executions", params={name: value})
        assert response.status_code == 400
        body = response.json()
        assert body == {"status": -101, "error_message": body["error_message"], "data": None}
        assert body["error_message"].startswith(f"Invalid {name}: must be an integer")

    async def test_a_count_of_0_is_an_error(self, http):
        assert (await http.get("/v1/executions?count=0")).json()[
            "error_message"
        ] == "Invalid count: must be an integer of 1 or more"


class TestProducts:
    PATHS = ("board", "ticker", "executions", "getboardstate", "gethealth")

    @pytest.mark.parametrize("path", PATHS)
    async def test_an_unknown_one_gets_the_real_error(self, http, path):
        response = await http.get(f"/v1/{path}?product_code=NOPE_JPY")
        assert response.status_code == 400
        assert response.text == '{"status":-100,"error_message":"Invalid product","data":null}'

    @pytest.mark.parametrize("path", PATHS)
    async def test_case_does_not_matter_and_btc_jpy_is_the_default(self, http, path):
        assert (await http.get(f"/v1/{path}?product_code=btc_Jpy")).text == (await http.get(f"/v1/{path}")).text

    async def test_one_whose_ticker_is_not_known_yet(self, http):
        assert (await http.get("/v1/ticker?product_code=BTC_USD")).status_code == 400


class TestOtherPaths:
    @pytest.mark.parametrize("path", ["/", "/v1", "/v1/nope", "/v1/markets/asia", "/v2/board"])
    async def test_are_404_in_html(self, http, path):
        response = await http.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"].startswith("text/html")
        assert "404" in response.text

    async def test_only_get_is_allowed(self, http):
        assert (await http.post("/v1/board")).status_code == 405
        assert (await http.head("/v1/board")).status_code == 200

    async def test_more_routes_can_be_mounted(self):
        async def control(request):
            return PlainTextResponse("here")

        async with connect(create_app(Recorded(), [Route("/control/replay", control)])) as client:
            assert (await client.get("/control/replay")).text == "here"
            assert (await client.get("/v1/gethealth")).status_code == 200


async def test_serves_the_simulation():
    simulation = Simulation(1, START_NS)
    async with connect(create_app(simulation)) as client:
        assert len((await client.get("/v1/markets")).json()) == 9
        assert [row["product_code"] for row in (await client.get("/v1/markets/usa")).json()] == ["BTC_JPY", "ETH_BTC"]
        for product_code in [market.product_code for market in simulation.markets()]:
            board = await client.get("/v1/board", params={"product_code": product_code})
            assert ".0," not in board.text
            assert board.json()["bids"][0]["price"] == simulation.board(product_code).bids[0].price
            ticker = (await client.get("/v1/ticker", params={"product_code": product_code})).json()
            assert ticker["product_code"] == product_code
            rows = (await client.get("/v1/executions", params={"product_code": product_code})).json()
            assert rows
            for row in rows:
                assert re.fullmatch(r"2026-09-23T0\d:\d\d:\d\d(\.\d{1,3})?", row["exec_date"])


async def test_tells_the_end_of_preopen_as_it_tells_every_time():
    simulation = Simulation(1, parse_time("2026-09-23T19:11:00Z"), [BTC_JPY])
    async with connect(create_app(simulation)) as client:
        ticker = (await client.get("/v1/ticker")).json()
        assert (ticker["state"], ticker["preopen_end"]) == ("PREOPEN", "2026-09-23T19:12:00")
        assert (await client.get("/v1/getboardstate")).json() == {"health": "NORMAL", "state": "PREOPEN"}


async def test_an_address_may_ask_500_times_in_five_minutes():
    now = 1_790_000_000.0
    async with connect(create_app(Recorded(), limits=RateLimits(), clock=lambda: now)) as client:
        for remaining in reversed(range(500)):
            answer = await client.get("/v1/gethealth" if remaining % 2 else "/v1/ticker?product_code=NOPE")
            assert answer.headers["X-RateLimit-Remaining"] == str(remaining)
        refused = await client.get("/v1/gethealth")
        assert refused.status_code == 429
        error = {"status": -1, "error_message": "Over API limit per period, per IP address", "data": None}
        assert refused.json() == error
        headers = [refused.headers[f"X-RateLimit-{name}"] for name in ("Period", "Remaining", "Reset")]
        assert headers == ["300", "0", "1790000300"]
        now += 300
        assert (await client.get("/v1/gethealth")).status_code == 200
