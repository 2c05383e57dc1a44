"""Every argument of every public function refuses a wrong value at once, and names the accepted ones."""

from __future__ import annotations

import inspect
import math
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import fulgurite
from fulgurite import (
    Channel,
    ChannelError,
    Endpoint,
    InputError,
    Kind,
    OrderBook,
    Signer,
    Stream,
    board,
    board_snapshot,
    connect,
    executions,
    keychain,
    parse_channel,
    parse_time,
    replay,
    resolve_endpoint,
    run_exchange,
    run_replay,
    ticker,
)
from fulgurite.protocol import jsonrpc
from fulgurite.protocol.framelog import Line, format_line
from fulgurite.protocol.messages import Board, Level

NAN = math.nan


def unchecked(kind: object, product_code: object = "") -> Channel:
    """A channel that was made past the checks of `Channel`, as by a program that unpickles one."""
    return Channel._make((kind, product_code))


# Values that are wrong for every argument of a sort.
NO_SECONDS = [1e-9, 1e300, -1, 0, NAN, math.inf, True, "3", [], None]
UNFIT_KEYS = ["k\n", "k\0", " ", " k", "k ", "鍵", "\xe9", "k\ud800"]  # no HTTP header can have them
NO_FLAG = [1, 0, "yes", "", None, []]
NO_PRODUCT = [
    "btc_jpy",
    "",
    " ",
    "BTC-JPY",
    "BTC_JPY\n",
    "A" * 65,
    "\N{RIGHT-TO-LEFT OVERRIDE}BTC",
    5,
    None,
    True,
    b"BTC_JPY",
]
NO_CHANNEL = [
    5, None, True, b"lightning_ticker_BTC_JPY", "", "BTC_JPY", "lightning_ticker_", "lightning_ticker_btc_jpy",
    "LIGHTNING_TICKER_BTC_JPY", ("lightning_ticker", "BTC_JPY"), unchecked(Kind.TICKER, "btc_jpy"),
    unchecked(Kind.TICKER), unchecked(Kind.CHILD_ORDER_EVENTS, "BTC_JPY"), unchecked("nonsense", "BTC_JPY"),
    unchecked("lightning_ticker", "BTC_JPY"), unchecked(Kind.TICKER, 5),
]  # fmt: skip
NO_HTTP = [
    "nope",
    "",
    "ftp://x",
    "ws://x",
    "http://",
    "http://u:p@x",
    "http://x/#v1",
    "http://a b",
    5,
    True,
    b"http://x",
]

# Argument -> the values that `connect` must refuse for it.
CONNECT: dict[str, list[Any]] = {
    "endpoint": [
        "", "nope", "ftp://x", "ws://", "ws://x:0", "ws://x:99999", "ws://u:p@x", 5, None, True, b"live", [],
        Endpoint("mine", "nope", "http://x"), Endpoint("mine", "ws://x", "ftp://x"),
        Endpoint("mine", "ws://x", "http://x", "ws://x"), Endpoint("mine", 5, "http://x"),  # type: ignore[arg-type]
    ],
    "http": NO_HTTP,
    "dialect": ["", "JSON-RPC", "Socketio", "socket.io", 5, None, True],
    "connections": [0, 5, -1, 1.5, NAN, True, "2", None],
    "ssl_context": ["/ca.pem", True, 5, ssl.PROTOCOL_TLS_CLIENT],
    "credentials": [
        ("key", "secret"), ["key", "secret"], "main", 5, True, {}, Signer, lambda key: (key, ""),
    ],
    "repair": ["", "Before", "later", 5, None, True],
    "audit": [1e-9, 1e300, 0, -1, NAN, math.inf, True, "Off", "", []],
    "overflow": ["", "PAUSE", "drop_oldest", 5, None, True],
    "queue_limit": [1, 0, -1, 2.5, NAN, math.inf, True, "1000", None],
    "frames": NO_FLAG,
    **dict.fromkeys(("open_timeout", "request_timeout", "ping_after", "pong_timeout"), NO_SECONDS),
    "silence_limits": [
        {"ticker": 3}, {Kind.TICKER: -1}, {Kind.TICKER: 1e-9}, {Kind.TICKER: NAN}, {Kind.TICKER: True},
        {Kind.TICKER: "3"}, {5: 3},
        3, True, [("lightning_ticker", 3)], "ticker",
    ],
    "delays": [[1.0], 5, True, 1.0, "backoff"],
}  # fmt: skip


# Arguments that `run_exchange` and `run_replay` must refuse.
NO_PORT = [-1, 65536, 1.5, NAN, True, "7351", None]
SHARED: dict[str, list[Any]] = {
    "host": ["", " ", "a..b", "a" * 64, 5, None, True, b"127.0.0.1"],
    "port": NO_PORT,
    "http_port": NO_PORT,
    **dict.fromkeys(("tls", "control", "rate_limits"), NO_FLAG),
    "faults": [5, True, None, {"fault": "close"}, "there is no such file"],
    "scenario": ["", "Dead-Channel", 5, True],
}
EXCHANGE: dict[str, list[Any]] = {
    **SHARED,
    "seed": [-1, 2**63, 1.5, NAN, True, "1"],
    "start_ns": [-1, 1.5, NAN, True, "2026-09-23T00:00:00Z", 2**63 - 1, 10**30],
    "refuse_in_maintenance": NO_FLAG,
    "speed": [-1, 0, 1001, NAN, math.inf, True, "fast", None],
    "accounts": [0, 101, -1, 1.5, NAN, True, "2", None],
    "demo_key": ["main", ("key",), ("key", ""), ("key", 5), 5, True, *((key, "secret") for key in UNFIT_KEYS)],
    "products": [["BTC_JPY", "BTC_JPY"], "BTC_JPY", ["btc_jpy"], [5], [""], 5, None, True],
}
REPLAY: dict[str, list[Any]] = {
    **SHARED,
    "scenario": [*SHARED["scenario"], "daily-maintenance"],
    "path": [5, True, [], None, "there is no such file"],
    "loop": NO_FLAG,
    "paused": NO_FLAG,
    "speed": [-1, NAN, math.inf, True, "fast", None],
    "longest_pause": [-1, 0, NAN, True, "1", None],
    "frame_rate": [-1, 0, NAN, math.inf, True, "1"],
}


def cases(table: dict[str, list[Any]]) -> list[Any]:
    """A function goes by its name: where it lies is another place in each process, which must name a test alike."""
    return [
        pytest.param(name, value, id=f"{name}={getattr(value, '__name__', None) or repr(value):.40}")
        for name, values in table.items()
        for value in values
    ]


def refused(call: Callable[[], object], field: str) -> InputError:
    """The error of a refused call: it names the argument and the accepted values."""
    with pytest.raises(InputError) as raised:
        call()
    error = raised.value
    assert error.field.split("[")[0].split(".")[0] == field
    assert error.accepted
    assert f"{error.field}: " in str(error)
    assert error.accepted in str(error)
    assert "secret" not in str(error).replace("the secret", "")
    return error


@pytest.mark.parametrize(("name", "value"), cases(CONNECT))
def test_connect_refuses(name: str, value: Any):
    refused(lambda: connect(ticker("BTC_JPY"), **{name: value}), name)


def test_every_argument_of_connect_is_in_the_table():
    """With one that accepts everything this table, too, has to say so."""
    parameters = inspect.signature(connect).parameters.values()
    assert {each.name for each in parameters if each.kind is each.KEYWORD_ONLY} == set(CONNECT)


@pytest.mark.parametrize(("name", "value"), cases(EXCHANGE))
async def test_run_exchange_refuses(name: str, value: Any):
    with pytest.raises(InputError) as raised:
        await run_exchange(**{name: value}).__aenter__()
    assert raised.value.field == name
    assert raised.value.accepted


@pytest.mark.parametrize(("name", "value"), cases(REPLAY))
async def test_run_replay_refuses(name: str, value: Any, tmp_path: Path):
    (tmp_path / "log.jsonl").write_bytes(FRAME_LOG)
    arguments = {"path": tmp_path / "log.jsonl"} | {name: value}
    with pytest.raises(InputError) as raised:
        await run_replay(**arguments).__aenter__()
    assert raised.value.field == name
    assert raised.value.accepted


FRAME_LOG = format_line(Line(received_ns=1, frame=jsonrpc.encode_message("lightning_ticker_BTC_JPY", b"{}").decode()))

NO_AIM: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "channel": [
        ("mute", {"channel": "x"}, "lightning_ticker_PRODUCT"),
        ("mute", {"channel": "lightning_ticker_btc_jpy"}, "BTC_JPY, FX_BTC_JPY"),
        ("close", {"channel": "lightning_ticker_ETH_JPY"}, "BTC_JPY, FX_BTC_JPY"),
        ("lost-diffs", {"channel": "lightning_ticker_BTC_JPY"}, "lightning_board_BTC_JPY"),
        (
            "mute",
            {"channel": "lightning_ticker_BTC_JPY", "product": "FX_BTC_JPY"},
            "such as lightning_board_snapshot_FX_BTC_JPY",
        ),
        ("reset", {"channel": "child_order_events", "product": "BTC_JPY"}, "such as lightning_board_snapshot_BTC_JPY"),
    ],
    "product": [("mute", {"product": "btc"}, "BTC_JPY"), ("delay", {"by": 1.0, "product": "ETH_JPY"}, "FX_BTC_JPY")],
}


@pytest.mark.parametrize(
    ("field", "name", "aim", "said"), [(field, *case) for field, cases in NO_AIM.items() for case in cases], ids=str
)
async def test_a_fault_that_can_hit_nothing_is_refused_with_what_there_is(field, name, aim, said):
    async with run_exchange(products=["BTC_JPY", "FX_BTC_JPY"]) as exchange, httpx.AsyncClient() as client:
        with pytest.raises(InputError) as raised:
            await exchange.fault(name, **aim)
        assert (raised.value.field, said in raised.value.accepted) == (field, True)
        answer = await client.post(f"{exchange.control}/faults", json={"fault": name, **aim})
        assert (answer.status_code, answer.json()["field"]) == (400, field)
        assert await exchange.end_fault() == 0
    with pytest.raises(InputError) as raised:
        await run_exchange(products=["BTC_JPY", "FX_BTC_JPY"], faults=[{"fault": name, **aim}]).__aenter__()
    assert raised.value.field == field


async def test_a_fault_that_can_hit_something_is_taken(tmp_path):
    async with run_exchange(products=["BTC_JPY"], scenario="dead-channel") as exchange:
        assert await exchange.end_fault(), "a scenario is for all products"
    async with run_exchange(products=["BTC_JPY", "FX_BTC_JPY"]) as exchange:
        assert await exchange.fault("mute", channel="child_order_events")
        assert await exchange.fault("lost-diffs", channel="lightning_board_BTC_JPY", product="BTC_JPY")
        assert await exchange.fault("close", product="FX_BTC_JPY")
        assert await exchange.end_fault() == 2, "the third is over at once"
        refused_later = exchange.end_fault("1")  # type: ignore[arg-type]
        with pytest.raises(InputError, match="number"):
            await refused_later
    (tmp_path / "log.jsonl").write_bytes(FRAME_LOG)
    async with run_replay(tmp_path / "log.jsonl", paused=True) as exchange:
        assert await exchange.fault("mute", product="BTCJPY24DEC2021"), "a recording may have any"
        with pytest.raises(InputError, match="lightning_ticker_PRODUCT"):
            await exchange.fault("mute", channel="x")


@pytest.mark.parametrize(("function", "table"), [(run_exchange, EXCHANGE), (run_replay, REPLAY)])
def test_every_argument_of_run_exchange_and_run_replay_is_in_its_table(function: Callable[..., object], table: dict):
    assert set(inspect.signature(function).parameters) == set(table)


@pytest.mark.parametrize("value", NO_CHANNEL, ids=lambda value: repr(value)[:40])
def test_what_is_no_channel_is_refused_wherever_one_is_named(value: Any):
    stream = connect(endpoint="ws://127.0.0.1:1")
    for call in (lambda: connect(value), lambda: stream.only(value), lambda: connect(ticker("BTC_JPY"), value)):
        with pytest.raises(ChannelError) as raised:
            call()
        assert raised.value.field in ("channel", "product_code")


@pytest.mark.parametrize("value", NO_CHANNEL, ids=lambda value: repr(value)[:40])
async def test_what_is_no_channel_is_not_subscribed(value: Any):
    stream = connect(endpoint="ws://127.0.0.1:1")
    with pytest.raises(ChannelError):
        await stream.subscribe(ticker("BTC_JPY"), value)
    with pytest.raises(ChannelError):
        await stream.unsubscribe(value)


@pytest.mark.parametrize("value", NO_PRODUCT, ids=lambda value: repr(value)[:40])
async def test_what_is_no_product_is_refused_wherever_one_is_named(value: Any, tmp_path):
    stream = connect(endpoint="ws://127.0.0.1:1")
    for make in (ticker, board, board_snapshot, executions, lambda code: stream.books[code]):
        refused(partial(make, value), "product_code")
    with pytest.raises(ChannelError):
        await stream.synced(value)
    (tmp_path / "log.jsonl").write_text('{"received_ns":1,"frame":"{}"}\n')
    refused(lambda: replay(tmp_path / "log.jsonl").books[value], "product_code")


def test_the_form_that_is_meant_is_named():
    with pytest.raises(ChannelError, match="a product code in capitals, such as FX_BTC_JPY"):
        ticker("fx_btc_jpy")


@pytest.mark.parametrize(
    ("call", "field", "values"),
    [
        (parse_channel, "channel", [5, None, True, b"lightning_ticker_BTC_JPY", "", "ticker"]),
        (parse_time, "time", [5, None, True, b"2026-09-23T03:31:25Z", "", "yesterday", "2026-02-30T00:00:00Z"]),
        (keychain, "name", [5, None, True, b"main", "", "a b", "a" * 65]),
        (resolve_endpoint, "endpoint", [5, None, True, b"live", "", "nope", "ftp://x"]),
        (lambda value: resolve_endpoint("live", value), "http", NO_HTTP),
        (replay, "path", [5, 0, True, None, b"log.jsonl", "there is no such file", "", "."]),
        (lambda value: replay("x", speed=value), "speed", [0, -1, NAN, math.inf, True, "fast", []]),
        (lambda value: replay("x", longest_pause=value), "longest_pause", [0, -1, NAN, True, "1", []]),
        (lambda value: replay(__file__, frame_rate=value), "frame_rate", [0, -1, NAN, math.inf, True, "1", []]),
        (lambda value: Signer(value, print), "api_key", ["", 5, None, True, b"key", ("key", "secret"), *UNFIT_KEYS]),  # type: ignore[arg-type]
        (lambda value: Signer("key", value), "sign", [5, None, True, "secret", b"secret", lambda: "", lambda a, b: ""]),
        (lambda value: Channel(value, "BTC_JPY"), "kind", ["ticker", "lightning_ticker", "", 5, None, True]),
        (lambda value: Channel(Kind.TICKER, value), "product_code", NO_PRODUCT),
        (lambda value: Channel(Kind.CHILD_ORDER_EVENTS, value), "product_code", ["BTC_JPY", 5, None]),
        (OrderBook, "look", [5, True, "look", []]),
        (lambda value: OrderBook().apply_snapshot(value), "board", [5, None, True, {}, []]),
    ],
    ids=[
        "parse_channel", "parse_time", "keychain", "resolve_endpoint", "http", "replay", "speed", "longest_pause",
        "frame_rate", "api_key", "sign", "kind", "product_code", "private", "look", "board",
    ],
)  # fmt: skip
def test_the_others_refuse(call: Callable[[Any], object], field: str, values: list[Any]):
    for value in values:
        refused(partial(call, value), field)


@pytest.mark.parametrize("value", [-1, 1.5, NAN, True, "5", []])
def test_a_book_refuses_a_depth(value: Any):
    book = OrderBook()
    book.apply_snapshot(Board(1.0, [Level(1.0, 1.0)], [Level(2.0, 1.0)]))
    for side in (book.bids, book.asks):
        refused(partial(side, value), "depth")


@pytest.mark.parametrize("value", [NAN, math.inf, True, "5", []])
@pytest.mark.parametrize("name", ["last_price", "market_bid_size", "market_ask_size"])
def test_a_book_refuses_what_is_no_price_and_no_size(name: str, value: Any):
    book = OrderBook()
    book.apply_snapshot(Board(1.0, [Level(2.0, 1.0)], [Level(1.0, 1.0)]))
    refused(partial(book.uncrossing_price, **{name: value}), name)


def test_a_path_is_named_as_it_was_given():
    assert "path: '' is not accepted" in str(refused(lambda: replay(""), "path"))


def test_every_public_function_is_in_this_file():
    """So that a new one gets its line here."""
    functions = {name for name in fulgurite.__all__ if inspect.isfunction(getattr(fulgurite, name))}
    without_arguments = {name for name in functions if not inspect.signature(getattr(fulgurite, name)).parameters}
    assert functions - without_arguments <= set(globals())


# --- errors that show only later


async def iterate(stream: Stream) -> None:
    async with stream:
        async for _ in stream:
            pass


@pytest.mark.parametrize(
    "given",
    [
        ("key",), ("key", 5), ("key", ""), "secret", None, ("secret", "secret", "secret"), 5,
        *((key, "secret") for key in UNFIT_KEYS),
    ],
)  # fmt: skip
async def test_credentials_that_give_something_else_end_the_stream_and_are_not_shown(given: Any):
    stream = connect("child_order_events", endpoint="ws://127.0.0.1:1", credentials=lambda: given)
    with pytest.raises(InputError, match="the key and the secret") as raised:
        await iterate(stream)
    assert "'secret'" not in str(raised.value)


@pytest.mark.parametrize("delay", [-1.0, NAN, "1", True], ids=repr)
async def test_delays_that_are_none_end_the_stream(delay: Any):
    stream = connect(ticker("BTC_JPY"), endpoint="ws://127.0.0.1:1", delays=lambda: iter([delay]))
    with pytest.raises(InputError, match="delays"):
        await iterate(stream)
