"""JSON-RPC, both sides: the documented answers byte for byte, and that no input breaks them."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fulgurite.errors import RemoteProtocolError
from fulgurite.protocol.events import (
    Acknowledged,
    Authenticated,
    ChannelMessage,
    ClientEvent,
    Method,
    Opened,
    Refused,
    Request,
    Subscribed,
    Unanswered,
    Unsubscribed,
)
from fulgurite.protocol.jsonrpc import JsonRpcClient, JsonRpcServer, encode_message

TICKER = "lightning_ticker_BTC_JPY"


def new_server() -> JsonRpcServer:
    return JsonRpcServer(lambda params: "key" if params == {"api_key": "key"} else None)


def answer(server: JsonRpcServer, data: str | bytes) -> str | bytes | None:
    """The one frame with which the server answers, or None where it is silent."""
    server.receive(data, 0.0)
    frames = server.frames_to_send()
    assert len(frames) <= 1
    return frames[0] if frames else None


# --- the server's side: protocol reference, sections 1.1 and 1.2

SUBSCRIBE = '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"lightning_ticker_BTC_JPY"},"id":1}'


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        # marked wire
        (SUBSCRIBE, '{"jsonrpc":"2.0","id":1,"result":true}'),
        (
            '[{"method":"subscribe","params":{"channel":"lightning_board_A"},"id":108},'
            '{"method":"subscribe","params":{"channel":"lightning_board_B"},"id":109}]',
            '[{"jsonrpc":"2.0","id":108,"result":true},{"jsonrpc":"2.0","id":109,"result":true}]',
        ),
        (
            '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"nope_channel"},"id":102}',
            '{"jsonrpc":"2.0","id":102,"error":{"code":-32602,"message":"invalid channel"}}',
        ),
        (
            '{"jsonrpc":"2.0","method":"subscribe","id":1}',
            '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params"}}',
        ),
        (
            '{"method":"subscribe","params":{"channel":"lightning_board_NOPE_JPY"},"id":5}',
            '{"jsonrpc":"2.0","id":5,"result":true}',
        ),
        (
            '{"method":"subscribe","params":{"channel":"child_order_events"},"id":5}',
            '{"jsonrpc":"2.0","id":5,"error":{"code":-32007,"message":"authentication required"}}',
        ),
        ('{"method":"nope","id":5}', '{"jsonrpc":"2.0","id":5,"error":{"code":-32601,"message":"Method not found"}}'),
        (
            "not JSON",
            '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error","data":"Invalid JSON"},"id":null}',
        ),
        ('{"method":"subscribe","params":{"channel":"lightning_board_A"}}', None),
        # marked code J
        (
            "[]",
            '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"Empty Array"},"id":null}',
        ),
        ("5", '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'),
        ('"text"', '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'),
        ("null", None),
        (
            '{"id":1}',
            '{"jsonrpc":"2.0","id":1,"error":'
            '{"code":-32601,"message":"Method not found","data":"Method not specified"}}',
        ),
        (
            '{"id":1,"method":5}',
            '{"jsonrpc":"2.0","id":1,"error":'
            '{"code":-32600,"message":"Invalid Request","data":"Invalid type of method name"}}',
        ),
        (
            '{"id":1,"method":"subscribe","params":null}',
            '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request"}}',
        ),
        (
            '{"id":1,"method":"subscribe","params":"lightning_board_A"}',
            '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request"}}',
        ),
        (
            '{"jsonrpc":"1.0","id":1,"method":"subscribe"}',
            '{"jsonrpc":"2.0","id":1,"error":'
            '{"code":-32600,"message":"Invalid Request","data":"Invalid JSON-RPC Version"}}',
        ),
        ('{"method":"nope"}', '{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}'),
        ('{"method":"subscribe","params":{"channel":"nope"}}', None),
        ('[{"method":"subscribe","params":{"channel":"lightning_board_A"}}]', None),
        (
            '{"id":null,"method":"unsubscribe","params":{"channel":"lightning_board_A"}}',
            '{"jsonrpc":"2.0","id":null,"result":true}',
        ),
        # any id is given back as it came
        (
            '{"id":"auth","method":"unsubscribe","params":{"channel":"lightning_board_A"}}',
            '{"jsonrpc":"2.0","id":"auth","result":true}',
        ),
        (
            '{"id":0,"method":"unsubscribe","params":{"channel":"lightning_board_A"}}',
            '{"jsonrpc":"2.0","id":0,"result":true}',
        ),
        ('{"id":1.0,"method":"nope"}', '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}'),
    ],
)  # fmt: skip
def test_the_answers_are_exact(sent: str, answered: str | None):
    assert answer(new_server(), sent) == answered


def test_a_second_subscription_of_a_channel_is_refused_and_the_first_goes_on():
    server = new_server()
    assert server.receive(SUBSCRIBE, 0.0) == [Subscribed(TICKER)]
    assert server.receive(SUBSCRIBE, 0.0) == []
    assert server.frames_to_send()[1] == (
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32009,"message":"already subscribed"}}'
    )


def test_a_binary_message_is_answered_in_binary():
    assert answer(new_server(), SUBSCRIBE.encode()) == b'{"jsonrpc":"2.0","id":1,"result":true}'


def test_a_batch_is_processed_in_order():
    server = new_server()
    call = '{"method":"%s","params":{"channel":"lightning_ticker_BTC_JPY"}}'
    batch = f"[{call % 'subscribe'},{call % 'unsubscribe'},{call % 'subscribe'}]"
    assert server.receive(batch, 0.0) == [Subscribed(TICKER), Unsubscribed(TICKER), Subscribed(TICKER)]


def test_private_channels_open_with_auth():
    server = new_server()
    auth = {"method": "auth", "params": {"api_key": "wrong"}, "id": 1}
    assert json.loads(answer(server, json.dumps(auth)) or "")["error"]["message"] == "authentication failed"
    auth["params"] = {"api_key": "key"}
    assert server.receive(json.dumps(auth), 0.0) == [Authenticated("key")]
    assert server.frames_to_send() == ['{"jsonrpc":"2.0","id":1,"result":true}']
    subscribe = {"method": "subscribe", "params": {"channel": "child_order_events"}, "id": 2}
    assert server.receive(json.dumps(subscribe), 0.0) == [Subscribed("child_order_events")]
    server.frames_to_send()
    assert json.loads(answer(server, json.dumps(auth)) or "")["error"]["code"] == -32009


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": st.sampled_from(["subscribe", "unsubscribe", "auth", "channelMessage"]) | JSON,
        "params": st.fixed_dictionaries({}, optional={"channel": st.just(TICKER) | JSON, "message": JSON}) | JSON,
        "result": st.just(True) | JSON,
        "error": st.fixed_dictionaries({}, optional={"code": JSON, "message": JSON}) | JSON,
    },
)
FRAMES = (CALLS | st.lists(CALLS, max_size=4) | JSON).map(json.dumps) | st.text()


@given(st.lists(FRAMES | st.binary(), max_size=5))
@example(["[" * 200_000])
@example(['{"id":' + "9" * 5_000 + "}"])
@example(['{"id":"\\ud800","method":"x"}'])
@example(['{"id":1e999,"method":"x"}'])
def test_the_server_answers_anything_with_json(frames: list[str | bytes]):
    server = new_server()
    for frame in frames:
        answered = answer(server, frame)
        if answered is not None:
            assert isinstance(answered, str) == isinstance(frame, str)
            text = answered if isinstance(answered, str) else answered.decode()
            text.encode()  # can go over the wire
            json.loads(text, parse_constant=pytest.fail)


# --- the client's side


def plain(events: list[ClientEvent]) -> list[object]:
    """The events with their messages as bytes, which can be compared."""
    return [(e.channel, bytes(e.message)) if isinstance(e, ChannelMessage) else e for e in events]


def open_client() -> JsonRpcClient:
    client = JsonRpcClient(request_timeout=10.0)
    assert client.next_timer() == 0.0
    assert client.handle_timer(0.0) == [Opened()]
    return client


def test_a_session_of_both_sides():
    """Client and server back to back."""
    client, server = open_client(), new_server()
    client.authenticate({"api_key": "key"}, 0.0)
    client.subscribe(TICKER, 0.0)
    client.unsubscribe(TICKER, 0.0)
    client.subscribe("nope", 0.0)
    at_server = [event for frame in client.frames_to_send() for event in server.receive(frame, 0.0)]
    assert at_server == [Authenticated("key"), Subscribed(TICKER), Unsubscribed(TICKER)]
    at_client = [event for frame in server.frames_to_send() for event in client.receive(frame, 0.0)]
    assert at_client == [
        Acknowledged(Request(Method.AUTH)),
        Acknowledged(Request(Method.SUBSCRIBE, TICKER)),
        Acknowledged(Request(Method.UNSUBSCRIBE, TICKER)),
        Refused(Request(Method.SUBSCRIBE, "nope"), -32602, "invalid channel"),
    ]
    assert client.next_timer() is None


def test_the_request_is_written_as_the_documentation_has_it():
    client = open_client()
    client.subscribe("lightning_board_snapshot_FX_BTC_JPY", 0.0)
    assert client.frames_to_send() == [
        '{"jsonrpc":"2.0","method":"subscribe",'
        '"params":{"channel":"lightning_board_snapshot_FX_BTC_JPY"},"id":1}'
    ]  # fmt: skip


@given(st.text(min_size=1), JSON.map(json.dumps).map(str.encode))
def test_a_message_arrives_unchanged(channel: str, message: bytes):
    try:
        frame = encode_message(channel, message).decode()
    except UnicodeEncodeError:
        return  # half a surrogate pair names no channel
    with contextlib.suppress(RemoteProtocolError):  # Infinity and the like, which Python's json writes
        assert plain(JsonRpcClient().receive(frame, 0.0)) == [(channel, message)]


def test_a_batch_of_notifications_and_answers_is_taken_apart():
    client = open_client()
    client.subscribe(TICKER, 0.0)
    message = encode_message(TICKER, b"1").decode()
    assert plain(client.receive(f' [{message},{{"id":1,"result":true}},{message}]', 0.0)) == [
        (TICKER, b"1"),
        Acknowledged(Request(Method.SUBSCRIBE, TICKER)),
        (TICKER, b"1"),
    ]


@pytest.mark.parametrize("result", ["false", "null", '"true"', "1"])
def test_only_true_grants(result: str):
    """The documentation's "be sure to check" (section 1.1)."""
    client = open_client()
    client.subscribe(TICKER, 0.0)
    (event,) = client.receive(f'{{"id":1,"result":{result}}}', 0.0)
    assert isinstance(event, Refused)
    assert result in event.text


@pytest.mark.parametrize(
    "response",
    ['{"id":2,"result":true}', '{"id":true,"result":true}', '{"id":"1","result":true}', '{"error":{},"id":null}', "{}"],
)
def test_an_answer_to_nobodys_request_changes_nothing(response: str):
    client = open_client()
    client.subscribe(TICKER, 0.0)
    assert client.receive(response, 0.0) == []
    assert client.receive('{"id":1,"result":true}', 0.0) == [Acknowledged(Request(Method.SUBSCRIBE, TICKER))]


def test_a_request_that_nobody_answers_is_given_up():
    client = open_client()
    client.subscribe(TICKER, 100.0)
    client.subscribe("lightning_ticker_B", 104.0)
    assert client.next_timer() == 110.0
    assert client.handle_timer(109.9) == []
    assert client.handle_timer(110.0) == [Unanswered(Request(Method.SUBSCRIBE, TICKER))]
    assert client.receive('{"id":1,"result":true}', 111.0) == []
    assert client.next_timer() == 114.0


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nope",
        "5",
        "[5]",
        '{"method":"channelMessage"}',
        '{"method":"channelMessage","params":{"channel":1,"message":1}}',
        '{"method":1}',
        b"\xff",
        "\ud800",
        "[" * 200_000,
    ],
)
def test_what_is_not_the_protocol_is_one_typed_error(frame: str | bytes):
    client = open_client()
    with pytest.raises(RemoteProtocolError) as caught:
        client.receive(frame, 0.0)
    assert caught.value.received == frame


@given(st.lists(FRAMES | st.binary(), max_size=5))
def test_anything_gives_events_or_the_one_error(frames: list[str | bytes]):
    client = open_client()
    client.subscribe(TICKER, 0.0)
    for frame in frames:
        with contextlib.suppress(RemoteProtocolError):
            client.receive(frame, 0.0)
