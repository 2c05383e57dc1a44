"""Our server beside the libraries that the real one is inferred to run on: both are sent the same, by hand.

Every answer must be the same to the byte, text or binary alike, in the same order, and so must be every silence and
the way in which a connection ends. Where the real service is unknown, the reference programs in tests/peers answer as
`fulgurite.protocol.choices` says.

This module is long because it lists all that is sent to both.

Known to differ, and left out: arrays and objects nested hundreds deep; in Socket.IO packets, binary attachments,
white space where an acknowledgement's number may stand, and namespaces that a URL's rules would rewrite (`/../`).

This module is long because it compares its frames, one a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fulgurite.protocol.choices import SOCKETIO_ESCAPES_CARETS
from fulgurite.server.serve import serve
from tests.peers.programs import reference_server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("node")]

JSON_RPC = "/json-rpc"
SOCKETIO = "/socket.io/?EIO=3&transport=websocket"
EXAMPLES = settings(max_examples=150)

Frame = str | bytes | list[str] | list[bytes]
"""A WebSocket message to send, whole or in fragments."""


class End(NamedTuple):
    """The connection ended, with this close code; 1005 is a close frame without one, None is no close frame."""

    code: int | None


Heard = list[str | bytes | End]


class Barrier(NamedTuple):
    """A request whose answer shows that earlier frames are answered, by silence where nothing has come."""

    request: str
    answer: str


JSON_RPC_BARRIER = Barrier(
    '{"method":"no such method","id":"barrier"}',
    '{"jsonrpc":"2.0","id":"barrier","error":{"code":-32601,"message":"Method not found"}}',
)
HEARTBEAT = Barrier("2", "3")
EVENT_BARRIER = Barrier('42987654321["subscribe",""]', '43987654321[{"code":-32602,"message":"invalid channel"}]')


def barrier_after(frame: Frame | None, path: str) -> Barrier:
    """In Socket.IO the heartbeat, which any state of the namespaces allows, unless the frame is one itself."""
    if path == JSON_RPC:
        return JSON_RPC_BARRIER
    return EVENT_BARRIER if frame and frame[0] in ("2", 2, "b") else HEARTBEAT


async def listen(ws: ClientConnection, until: str) -> Heard:
    """The frames before a certain one, or up to the end of the connection."""
    heard: Heard = []
    try:
        async with asyncio.timeout(30):
            while (frame := await ws.recv()) != until:
                heard.append(frame)
    except ConnectionClosed as closed:
        heard.append(End(closed.rcvd.code if closed.rcvd else None))
    return heard


async def answer(ws: ClientConnection, frame: Frame | None, barrier: Barrier) -> Heard:
    """The answer to a frame; without a frame, the unasked frames.

    The barrier is passed twice: the reference servers may answer the first before an earlier frame that takes them
    longer, such as a batch.
    """
    if frame is not None:
        with contextlib.suppress(ConnectionClosed):
            await ws.send(frame)
    heard: Heard = []
    for _ in range(2):
        with contextlib.suppress(ConnectionClosed):
            await ws.send(barrier.request)
        heard += await listen(ws, until=barrier.answer)
        if has_ended(heard):
            break
    return heard


def has_ended(heard: Heard) -> bool:
    return bool(heard) and isinstance(heard[-1], End)


async def conversation(port: int, path: str, frames: Sequence[Frame]) -> list[Heard]:
    """Say these frames on a new connection; returns the unasked frames first, and the answer to each."""
    url = f"ws://127.0.0.1:{port}{path}"
    async with connect(url, compression=None, ping_interval=None, max_size=None) as ws:
        heard = []
        for frame in (None, *frames):
            heard.append(await answer(ws, frame, barrier_after(frame, path)))
            if has_ended(heard[-1]):
                break
    return heard


class Service(NamedTuple):
    """One dialect, as both servers offer it."""

    ours: int
    reference: int
    path: str

    async def answers_of_both(self, *frames: Frame) -> tuple[list[Heard], list[Heard]]:
        """Each server's answers to these frames, on a connection of its own; the opening is left out."""
        ours, reference = [await conversation(port, self.path, frames) for port in (self.ours, self.reference)]
        return ours[1:], reference[1:]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def our_port() -> AsyncIterator[int]:
    def check_auth(params: object) -> str | None:
        return "key" if isinstance(params, dict) and params.get("api_key") == "key" else None

    async with serve("127.0.0.1", 0, check_auth=check_auth) as server:
        yield int(server.url.rpartition(":")[2])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def json_rpc(our_port: int) -> AsyncIterator[Service]:
    async with reference_server("jsonrpc_reference_server.js") as port:
        yield Service(our_port, port, JSON_RPC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def socketio(our_port: int) -> AsyncIterator[Service]:
    async with reference_server("socketio_reference_server.js") as port:
        yield Service(our_port, port, SOCKETIO)


def shown(value: object) -> str:
    """A test's name."""
    return ascii(value)[:80]


# --- JSON-RPC

SUBSCRIBE = '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"lightning_ticker_A"},"id":%s}'

TEXTS = [
    *["", " ", "\ufeff{}", "\x0b{}", "{", "not JSON", "NaN", "Infinity", "01", "1.", ".5", "+1", "'x'", '{"a":1,}'],
    *["[1,]", "{id:1}", '{"id":1,"method":"x"}x', '{"id":1,"method":"x"}\0', '[{"id":1,"method":"x"}][]'],
    *['{"id":"\\q","method":"x"}', '{"id":"\t","method":"x"}', '{"id":"\\u12","method":"x"}', '{"id":1\xa0}'],
    *[' {"id":1,"method":"x"} \r\n\t', "null", "true", "5", "-0", "1e5", '"x"', "{}", '{"id":"\x7f","method":"x"}'],
    *["[]", "[[]]", "[[[]]]", "[{}]", "[null]", '[1,"a",true,false,1.5]', "[NaN]"],
    *['{"id":1,"id":2,"method":"x","method":"y"}', '{"__proto__":{"method":"subscribe"},"id":1}'],
]
IDS = [
    *["0", '""', "null", "1.0", "1e2", "-0", "-0.0", "-1", "1E5", "-1.50", "0.1", "4.35", "true", "false"],
    *["12345678901234567890", "9007199254740993", "12345678901234567", "123456789012345678901234", "1" * 5000],
    *["1e20", "1e21", "1e23", "1e400", "-1e400", "1e-7", "0.000001", "1.5e-10", "5e-324", "1.7976931348623157e308"],
    *["{}", '{"a":1.0}', "[]", '[1,null,"x"]', '{"b":1,"10":2,"2":3,"01":4,"-1":5,"4294967295":6,"4294967294":7}'],
    *['{"a":1,"b":2,"a":3}', '{"__proto__":1}', '"é漢😀"', '"\\u00e9\\ud83d\\ude00"', '"\\ud800"'],
    *['"\\udc00\\ud800 é"', r'"\u0000\u001F\u007f\u2028\/\b\f\n\r\t\"\\"', '"auth"', f'"{"x" * 70_000}"'],
]
METHODS = [
    *["null", '""', "0", "-0", "0.0", "1e-400", "false", "true", "1", "1e400", "{}", "[]", '[""]', '"nope"'],
    *['"toString"', '"__proto__"', '"constructor"', '"Subscribe"', '"subscribe "', '"sub\\u0073cribe"'],
]
PARAMS = [
    *["null", "true", "false", "0", '""', '"lightning_ticker_A"', "[]", '["lightning_ticker_A"]', "{}"],
    *['[{"channel":"lightning_ticker_A"}]', '{"channel":null}', '{"channel":1}', '{"channel":{}}', '{"channel":""}'],
    *['{"channel":["lightning_ticker_A"]}', '{"Channel":"lightning_ticker_A"}', '{"channel":"lightning_ticker_"}'],
    *['{"channel":"lightning_ticker_\\n"}', '{"channel":"lightning_ticker_\\ud800"}', '{"channel":"nope"}'],
    *['{"channel":" lightning_ticker_A"}', '{"channel":"LIGHTNING_ticker_A"}', '{"channel":"lightning_nope_A"}'],
    *['{"channel":"lightning_board_snapshot"}', '{"channel":"lightning_board_snapshot_"}'],
    *['{"channel":"child_order_events"}', '{"channel":"parent_order_events"}', '{"channel":"child_order_events_A"}'],
    *['{"channel":"lightning_ticker_child_order_events"}', '{"channel":"lightning_ticker_A","channel":"nope"}'],
    *['{"api_key":"key"}', '{"api_key":"another"}', '{"api_key":["key"]}', '[{"api_key":"key"}]'],
]
VERSIONS = ['"2.0"', '"1.0"', '"2"', '""', "2.0", "2", "null", "true", '["2.0"]']
RESPONSES = [
    *['"id":1,"result":true', '"result":true', '"id":null,"result":true', '"id":1,"result":true,"method":"x"'],
    *[f'"id":null,"error":{error}' for error in ("{}", "[]", "null", "0", "-0", "0.0", '""', '"x"', "false")],
    *['"id":null,"error":{"code":-32700}', '"id":null,"result":1,"error":{}', '"id":5,"error":null'],
]
CALLS = [
    *TEXTS,
    *(SUBSCRIBE % id for id in IDS),
    *(f'{{"method":"nope","id":{id}}}' for id in IDS),
    *(f'{{{id}"method":{method}}}' for method in METHODS for id in ('"id":1,', "")),
    *(
        f'{{{id}"method":"{method}","params":{params}}}'
        for params in PARAMS
        for method in ("auth", "subscribe", "unsubscribe", "nope")
        for id in ('"id":1,', "")
    ),
    *(f'{{"jsonrpc":{version},{rest}}}' for version in VERSIONS for rest in ('"id":1,"method":"x"', '"method":"x"')),
    *(f'{{"jsonrpc":{version},"id":null,"result":1}}' for version in VERSIONS),
    *(f"{{{response}}}" for response in RESPONSES),
    *(f'[{{{response}}},{{"id":2,"method":"x"}}]' for response in RESPONSES),
    *["[" * 300 + "]" * 300, f'{{"id":{"[" * 300}{"]" * 300},"method":"x"}}'],
]
BINARY_CALLS = [
    *[b"", b"[]", b"null", b'{"id":1,"method":"x"}', b'\xef\xbb\xbf{"id":1,"method":"x"}', b"\xff"],
    *[b'{"id":"\xff\xc3","method":"x"}', b'{"id":"\xed\xa0\x80","method":"x"}', b'{"id":"\xf0\x9f\x98"}'],
]


@pytest.mark.parametrize("call", [*CALLS, *BINARY_CALLS], ids=shown)
async def test_a_json_rpc_call_is_answered_alike(json_rpc, call):
    ours, reference = await json_rpc.answers_of_both(call)
    assert ours == reference


def calls(*members: str) -> str:
    """A batch of calls, each with an id of its own; one that begins with "-" has none."""
    texts = []
    for number, member in enumerate(members, start=1):
        method, _, channel = member.removeprefix("-").partition(" ")
        params = {"api_key": "key"} if method == "auth" else {"channel": channel}
        has_id = not member.startswith("-")
        texts.append(json.dumps({"method": method, "params": params} | ({"id": number} if has_id else {})))
    return f"[{','.join(texts)}]"


SUBSCRIBE_A, UNSUBSCRIBE_A = "subscribe lightning_board_A", "unsubscribe lightning_board_A"


@pytest.mark.parametrize(
    "frames",
    [
        [calls(SUBSCRIBE_A, SUBSCRIBE_A, UNSUBSCRIBE_A, UNSUBSCRIBE_A, SUBSCRIBE_A)],
        [calls("-" + SUBSCRIBE_A, "-" + SUBSCRIBE_A), calls(SUBSCRIBE_A)],
        [calls("-subscribe nope", "-nope", "subscribe nope", "nope")],
        [calls("subscribe child_order_events", "auth", "auth", "subscribe child_order_events")],
        [calls("-auth"), calls("subscribe parent_order_events", "unsubscribe parent_order_events")],
        [calls("auth"), calls("auth"), calls("-auth")],
        [f"[{SUBSCRIBE % 1},null,{SUBSCRIBE % 2}]", SUBSCRIBE % 3],
        [f'[[{SUBSCRIBE % 1}],1,"x",{{"id":5,"result":true}},{SUBSCRIBE % 2},{{}}]'],
        [SUBSCRIBE % 1, "not JSON", SUBSCRIBE % 1, b"[]", (SUBSCRIBE % 1).encode(), SUBSCRIBE % "[1]"],
        [[SUBSCRIBE[:40], SUBSCRIBE[40:] % 1], [(SUBSCRIBE % 1).encode(), b""], ["", "", ""]],
    ],
    ids=shown,
)
async def test_json_rpc_calls_on_one_connection_are_answered_alike(json_rpc, frames):
    ours, reference = await json_rpc.answers_of_both(*frames)
    assert ours == reference


async def test_silence_and_answers_are_told_apart(json_rpc):
    """A test of the tests here."""
    notification = SUBSCRIBE.replace(',"id":%s', "")
    ours, reference = await json_rpc.answers_of_both(SUBSCRIBE % 1, notification, (SUBSCRIBE % 1).encode())
    refused = '{"jsonrpc":"2.0","id":1,"error":{"code":-32009,"message":"already subscribed"}}'
    assert ours == reference == [['{"jsonrpc":"2.0","id":1,"result":true}'], [], [refused.encode()]]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10)
KEYS = st.text(max_size=3) | st.integers(0, 2**33).map(str)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
CHANNELS = st.sampled_from(["lightning_ticker_A", "lightning_board_A", "child_order_events", "nope"]) | SCALARS
METHOD_NAMES = st.sampled_from(["auth", "subscribe", "unsubscribe"])
CALL = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | VALUES,
        "method": METHOD_NAMES | METHOD_NAMES | VALUES,
        "params": st.fixed_dictionaries({"channel": CHANNELS}) | st.just({"api_key": "key"}) | VALUES,
        "id": VALUES,
        "result": VALUES,
        "error": VALUES,
    },
)
REQUEST = CALL.map(lambda call: {name: value for name, value in call.items() if name not in ("result", "error")})
GARBAGE = st.text() | st.text(alphabet='{}[]",:0123456789.eE-+ \\utrfn')
JSON_RPC_FRAME = st.one_of(REQUEST, CALL, st.lists(REQUEST | CALL | VALUES, max_size=5)).map(json.dumps) | GARBAGE


@EXAMPLES
@given(frames=st.lists(JSON_RPC_FRAME | JSON_RPC_FRAME.map(str.encode), min_size=1, max_size=6))
async def test_any_json_rpc_frames_are_answered_alike(json_rpc, frames):
    ours, reference = await json_rpc.answers_of_both(*frames)
    assert ours == reference


# --- Socket.IO

EVENTS = [
    *["[]", '["subscribe"]', '["subscribe","lightning_ticker_A"]', '["subscribe","lightning_ticker_A","extra"]'],
    *['["subscribe","nope"]', '["subscribe",null]', '["subscribe",1]', '["subscribe",["lightning_ticker_A"]]'],
    *['["subscribe",{"channel":"lightning_ticker_A"}]', '["subscribe","child_order_events"]', '["unsubscribe"]'],
    *['["subscribe","lightning_ticker_\\ud800"]', '["subscribe","lightning_ticker_\\n"]', '["subscribe",1e400]'],
    *['["unsubscribe","lightning_ticker_A"]', '["unsubscribe","child_order_events"]', '["unsubscribe","nope"]'],
    *['["auth"]', '["auth",null]', '["auth",{}]', '["auth",{"api_key":"key"}]', '["auth",[]]', '["auth","key"]'],
    *['["auth",{"api_key":"key"},1]', '["auth",1]', '["auth",false]', '["nope",1]', '["message"]', '["error"]'],
    *['["connect"]', '["connect_error"]', '["disconnect"]', '["disconnecting"]', '["newListener"]'],
    *['["removeListener"]', '["connection"]', '["toString"]', '["__proto__"]', '["constructor"]', '[""]', "[1]"],
    *['[1.5,"a"]', "[-1]", "[1e400]", "[null]", "[true]", "[{}]", "[[]]", "{}", "null", '"subscribe"', "[", "NaN"],
    *['["subscribe","lightning_ticker_A"', '["subscribe","lightning_ticker_A"]x', '["subscribe" , "nope" ] '],
    *['["x",NaN]', f'["x",{"1" * 5000}]', f'["subscribe","{"x" * 70_000}"]', f'["x",{"[" * 300}{"]" * 300}]', ""],
]
NOPE = '["subscribe","nope"]'
PACKETS = [
    *["", "0", "1", "2", "3", "4", "5", "6", "7", "9", "x", " ", "é", "0{}", "1x", "5x", "6x", "2x", "22"],
    *["2probe", "3probe", "2" * 1000, "4" * 100, "b", "b2", "b3", "b4", "b4YWJj", "b6", "bx", "b2probe"],
    *(f"42{number}{event}" for event in EVENTS for number in ("", "0", "17")),
    *(f"42{number}{NOPE}" for number in ("00", "007", "123456789012345", "1234567890123456", "1" * 30, "9" * 20)),
    *(f"42{number}{NOPE}" for number in ("-1", "1.5", "1e3", "１", "foo", "/", "/,", "/,1", "/foo,1", "/?a=1,1")),
    *["4 ", f" 421{NOPE}", "421", "42/foo", "42/#a,1" + NOPE, "4é", "42é", "4x", "45", "45-1-[]", "451.5-[]", "46"],
    *['451["x"]', '45-["x"]', '450-["x"]', '4511111-["x"]', "4-1", "47", "48"],
    *["40", "40/", "40/,", "40{}", '40{"a":1}', "40[]", "40null", '40""', "401", "40x", "40/#", "40/?"],
    *["40/foo", "40/foo,", "40/foo?a=1", '40/foo,{"a":1}', '40/foo{"a":1}', "40/foo,x", "40/foo,1{}", "40/foo/"],
    *["40/漢", "40/a b", '40/a"b', "40/%", "40/%20", "40/foo#x", "40/:", "40/a'b", "40/a<b>`{}|", "40/a;b=c&d@"],
    *["41", "41{}", "41[]", '41""', "41null", "411", "41/", "41/,", "41/foo", "41x"],
    *["43", "431", "431[]", "430[null]", "43[1]", "43{}", '431"x"', "44", "441", "44{}", '44"x"', "44[]", "44/foo"],
]
BINARY_PACKETS = [
    *[b"", b"\0", b"\1", b"\2", b"\2probe", b"\3", b"\4", b"\4abc", b"\5", b"\6", b"\7", b"\xff", b"2", b"421" + b"[]"],
]


@pytest.mark.parametrize("packet", [*PACKETS, *BINARY_PACKETS], ids=shown)
async def test_a_socketio_packet_is_answered_alike(socketio, packet):
    ours, reference = await socketio.answers_of_both(packet)
    assert ours == reference


async def test_a_caret_in_a_namespace_is_answered_as_chosen(socketio):
    """Node.js 20 leaves it as it is, 24 escapes it; all else is alike."""
    ours, reference = await socketio.answers_of_both("40/a^b")
    plain, escaped = ([[f'44/a{caret}b,{{"message":"Invalid namespace"}}']] for caret in ("^", "%5E"))
    assert ours == (escaped if SOCKETIO_ESCAPES_CARETS else plain)
    assert reference in (plain, escaped)


AUTH, CHILD = '42%d["auth",{"api_key":"key"}]', '42%d["subscribe","child_order_events"]'
SUBSCRIBE_EVENT, UNSUBSCRIBE_EVENT = (
    '42%d["subscribe","lightning_ticker_A"]',
    '42%d["unsubscribe","lightning_ticker_A"]',
)


@pytest.mark.parametrize(
    "packets",
    [
        [SUBSCRIBE_EVENT % 0, SUBSCRIBE_EVENT % 1, UNSUBSCRIBE_EVENT % 0, UNSUBSCRIBE_EVENT % 0, SUBSCRIBE_EVENT % 0],
        ['42["subscribe","lightning_ticker_A"]', SUBSCRIBE_EVENT % 1],
        [CHILD % 0, AUTH % 1, AUTH % 2, CHILD % 3, CHILD % 4, '421["unsubscribe","child_order_events"]'],
        ["41", f"421{NOPE}"],
        ["41", "41"],
        ["41", "2"],
        ["41", "40/foo", "40", f"421{NOPE}"],
        ["41", "40", "40"],
        ["41", "40/", f"421{NOPE}"],
        ["40/foo", "40/foo", f"421{NOPE}"],
        [SUBSCRIBE_EVENT % 0, "41", "40", SUBSCRIBE_EVENT % 0],
        [AUTH % 0, "41", "40", CHILD % 0, AUTH % 1, CHILD % 2],
        [["42", "1", NOPE], [b"\2", b""], ["", "2"]],
    ],
    ids=shown,
)
async def test_socketio_packets_on_one_connection_are_answered_alike(socketio, packets):
    ours, reference = await socketio.answers_of_both(*packets)
    assert ours == reference


async def test_a_socketio_message_that_is_too_long_ends_the_connection_alike(socketio):
    longest = f'421["nope","{"x" * (1_000_000 - 14)}"]'
    assert len(longest) == 1_000_000
    ours, reference = await socketio.answers_of_both(longest, longest.replace("nope", "nopes"))
    assert ours == reference == [[], [End(1009)]]


async def test_a_socketio_session_opens_alike(socketio):
    """The handshake's packet, the `sid` aside, and the default namespace."""
    ours, reference = [
        re.sub(r'"sid":"[\w-]{20}"', '"sid":""', repr(await conversation(port, SOCKETIO, [])))
        for port in (socketio.ours, socketio.reference)
    ]
    assert ours == reference
    assert '"sid":""' in ours


EVENT = st.tuples(METHOD_NAMES, CHANNELS | st.just({"api_key": "key"}) | VALUES).map(list) | st.lists(VALUES)
SOCKETIO_FRAME = st.one_of(
    st.builds("42{}{}".format, st.just("") | st.integers(0, 10**25), EVENT.map(json.dumps)),
    st.builds("42{}{}".format, st.just("") | st.integers(0, 99), VALUES.map(json.dumps)),
    st.builds("4{}{}".format, st.sampled_from(["0", "1", "3", "4", "0/foo,", "1/foo,"]), VALUES.map(json.dumps)),
    st.sampled_from(["2", "41", "40", "40/foo"]),
    st.text(alphabet='0123/,[]"{}xb', max_size=8).filter(lambda text: "//" not in text),
)


@EXAMPLES
@given(frames=st.lists(SOCKETIO_FRAME, min_size=1, max_size=6))
async def test_any_socketio_packets_are_answered_alike(socketio, frames):
    ours, reference = await socketio.answers_of_both(*frames)
    assert ours == reference


# --- handshakes

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Response(NamedTuple):
    """The answer to an HTTP request; the headers only as far as they matter to a WebSocket."""

    status: int
    negotiated: list[str]
    body: bytes


async def ask(port: int, target: str, headers: dict[str, str]) -> Response:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {headers[name]}" for name in headers)]
    writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    try:
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            status = int(head[0].split()[1])
            body = b"" if status == 101 else await reader.read()
    finally:
        writer.close()
    if any(line.lower() == "transfer-encoding: chunked" for line in head):
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", body))
    negotiated = [line for line in head if re.match("sec-websocket-(protocol|extensions|accept)", line, re.IGNORECASE)]
    return Response(status, sorted(negotiated), body)


QUERIES = [
    *["", "?", "?EIO=3", "?EIO=3&transport=", "?EIO=3&transport=polling", "?EIO=3&transport=Websocket"],
    *["?EIO=3&transport=nope", "?EIO=3&transport=webtransport", "?EIO=3&transport=websocket%20"],
    *["?transport=websocket", "?transport=websocket&EIO", "?EIO=&transport=websocket", "?EIO=3&%74ransport=websocket"],
    *["?EIO=3&transport=websocket", "?EIO=2&transport=websocket", "?EIO=5&transport=websocket"],
    *["?EIO=abc&transport=websocket", "?EIO=03&transport=websocket", "?EIO=4&EIO=3&transport=websocket"],
    *["?EIO=3&transport=websocket&transport=polling", "?EIO=3&transport=polling&transport=websocket"],
    *["?EIO=3&transport=websocket&sid=", "?EIO=3&transport=websocket&sid=nope", "?EIO=4&transport=websocket&sid=nope"],
    *["?EIO=3&transport=polling&sid=nope", "?EIO=3&transport=websocket&sid=toString", "?EIO=3;transport=websocket"],
    *["?EIO=3&transport=websocket&t=N1&b64=1&j=0", "?EIO=3&transport=websocket#x", "?&&transport=websocket&"],
]
FOUR = ["?EIO=4&transport=websocket", "?EIO=3&EIO=4&transport=websocket", "?EIO=4&transport=websocket&x=y"]


@pytest.mark.parametrize("target", [f"/socket.io/{query}" for query in [*QUERIES, *FOUR]] + ["/socket.io/x"])
async def test_a_socketio_handshake_is_answered_alike(socketio, target):
    assert await ask(socketio.ours, target, UPGRADE) == await ask(socketio.reference, target, UPGRADE)


@pytest.mark.parametrize("query", QUERIES)
async def test_a_socketio_request_that_is_no_handshake_is_answered_alike(socketio, query):
    target, headers = f"/socket.io/{query}", {"Connection": "close"}
    assert await ask(socketio.ours, target, headers) == await ask(socketio.reference, target, headers)


HEADERS = [
    *[{"Connection": options} for options in ("upgrade", "keep-alive, Upgrade", "Upgrade, keep-alive")],
    *[{"Upgrade": "WebSocket"}, {"Sec-WebSocket-Version": "8"}, {"Origin": "http://another.example"}],
    *[{"Sec-WebSocket-Extensions": offer} for offer in ("permessage-deflate; client_max_window_bits", "x-nonsense;;")],
    *[{"Sec-WebSocket-Protocol": offer} for offer in ("wss", "a, b", "b,a")],
]


@pytest.mark.parametrize("headers", HEADERS, ids=shown)
@pytest.mark.parametrize("dialect", ["json_rpc", "socketio"])
async def test_what_a_handshake_asks_for_is_granted_alike(dialect, headers, json_rpc, socketio):
    service = json_rpc if dialect == "json_rpc" else socketio
    ours, reference = [await ask(port, service.path, UPGRADE | headers) for port in (service.ours, service.reference)]
    assert ours == reference
    assert ours.status == 101


@pytest.mark.parametrize("offer", ["", ",", "a,a", "a b"])
async def test_an_odd_subprotocol_is_granted_alike(json_rpc, offer):
    """With JSON-RPC only: the version of ws under Socket.IO is stricter, and we are not."""
    headers = UPGRADE | {"Sec-WebSocket-Protocol": offer}
    assert await ask(json_rpc.ours, JSON_RPC, headers) == await ask(json_rpc.reference, JSON_RPC, headers)


async def test_a_json_rpc_handshake_may_have_a_query(json_rpc):
    target = f"{JSON_RPC}?a=b"
    assert await ask(json_rpc.ours, target, UPGRADE) == await ask(json_rpc.reference, target, UPGRADE)


async def test_a_json_rpc_request_that_is_no_handshake_is_answered_alike(json_rpc):
    headers = {"Connection": "close"}
    assert await ask(json_rpc.ours, JSON_RPC, headers) == await ask(json_rpc.reference, JSON_RPC, headers)
