"""Socket.IO 2 over Engine.IO 3, both sides: the known packets to the letter, heartbeats, and arbitrary input."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fulgurite.errors import LocalProtocolError, RemoteProtocolError
from fulgurite.protocol.engineio import Handshake, encode_handshake
from fulgurite.protocol.events import (
    Acknowledged,
    Authenticated,
    ChannelMessage,
    Ended,
    Method,
    Opened,
    Refused,
    Request,
    Subscribed,
    Unanswered,
    Unsubscribed,
)
from fulgurite.protocol.socketio import (
    PARSE_ERROR,
    Packet,
    SocketIoClient,
    SocketIoServer,
    encode_message,
    split_message,
)

TICKER = "lightning_ticker_BTC_JPY"


def new_server(now: float = 0.0) -> SocketIoServer:
    """A server whose opening frames have been sent."""
    server = SocketIoServer(lambda params: "key" if params == {"api_key": "key"} else None, "a-session", now)
    server.frames_to_send()
    return server


def open_client(now: float = 0.0) -> SocketIoClient:
    client = SocketIoClient(request_timeout=10.0)
    client.receive(encode_handshake(Handshake("a-session")), now)
    assert client.receive("40", now) == [Opened()]
    return client


# --- packets


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0", Packet("0", "/", None, "")),
        ('2["a",1]', Packet("2", "/", None, '["a",1]')),
        ('217["a",1]', Packet("2", "/", 17, '["a",1]')),
        ('2/foo,1["a"]', Packet("2", "/foo", 1, '["a"]')),
        ("0/foo?a=1", Packet("0", "/foo?a=1", None, "")),
        ("0/foo,", Packet("0", "/foo", None, "")),
        ("30[null]", Packet("3", "/", 0, "[null]")),
    ],
)
def test_packets_are_taken_apart(text: str, packet: Packet):
    assert split_message(text) == packet


@pytest.mark.parametrize("text", ["", "7", "x", '51-["a",{"_placeholder":true,"num":0}]'])
def test_other_and_binary_packets_are_refused(text: str):
    with pytest.raises(RemoteProtocolError):
        split_message(text)


# --- the server's side


def test_a_session_opens_as_the_real_one_does():
    """Byte for byte as captured (section 1.6), the sid aside; then the default namespace, unasked."""
    server = SocketIoServer(lambda params: None, "x", 0.0)
    assert server.frames_to_send() == [
        '0{"sid":"x","upgrades":[],"pingInterval":15000,"pingTimeout":3000,"maxPayload":1000000}',
        "40",
    ]


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ('421["subscribe","lightning_ticker_BTC_JPY"]', ["431[null]"]),
        ('42007["subscribe","lightning_ticker_BTC_JPY"]', ["437[null]"]),
        ('420["auth",{"api_key":"key"}]', ["430[null]"]),
        ('42["subscribe","lightning_ticker_BTC_JPY"]', []),
        ('421["subscribe","nope"]', ['431[{"code":-32602,"message":"invalid channel"}]']),
        ('421["subscribe"]', ['431[{"code":-32602,"message":"Invalid params"}]']),
        ('421["subscribe","child_order_events"]', ['431[{"code":-32007,"message":"authentication required"}]']),
        ('421["auth",{}]', ['431[{"code":-32008,"message":"authentication failed"}]']),
        ('421["unsubscribe","lightning_ticker_BTC_JPY"]', ["431[null]"]),
        ('421["nobody listens",1]', []),
        ("42", []),
        ("2", ["3"]),
        ("2probe", ["3"]),
        (b"\x02", ["3"]),
        ("b2", ["3"]),
        (b"nothing known", []),
        (b"", []),
        ("b", []),
        ("40/foo", ['44/foo,{"message":"Invalid namespace"}']),
        ("40/foo bar?a=1#b", ['44/foo%20bar,{"message":"Invalid namespace"}']),
        ('4212345678901234567890["unsubscribe","lightning_ticker_BTC_JPY"]', ["4312345678901234567000[null]"]),
        ("6", []),
    ],
)
def test_packets_are_answered(sent: str | bytes, answered: list[str]):
    server = new_server()
    server.receive(sent, 0.0)
    assert server.frames_to_send() == answered


@pytest.mark.parametrize(
    "sent", ["", "x", "4", "4x", "42{}", '42["connect"]', "42[null]", "42nope", "41[]", "43{}", b"\x04a", "b4AAAA"]
)
def test_what_does_not_parse_ends_the_session(sent: str | bytes):
    server = new_server()
    assert server.receive(sent, 0.0) == [PARSE_ERROR]
    assert server.next_timer() is None
    assert server.receive('421["subscribe","lightning_ticker_BTC_JPY"]', 0.0) == []
    assert server.frames_to_send() == []


@pytest.mark.parametrize("sent", ["40", '42/foo,["subscribe","a"]', "44", "3"])
def test_what_the_state_forbids_ends_the_session(sent: str):
    (event,) = new_server().receive(sent, 0.0)
    assert isinstance(event, Ended)


def test_leaving_the_namespace_ends_all_subscriptions():
    server = new_server()
    server.receive('42["subscribe","lightning_ticker_BTC_JPY"]', 0.0)
    assert server.receive("41", 0.0) == [Unsubscribed(TICKER)]
    assert server.receive("40", 0.0) == []
    assert server.frames_to_send() == ["40"]
    assert server.receive('42["subscribe","lightning_ticker_BTC_JPY"]', 0.0) == [Subscribed(TICKER)]


def test_leaving_the_namespace_forgets_the_account():
    """So that a client may authenticate in its `connect` handler, as the documentation's sample does."""
    server = new_server()
    for _ in range(2):
        assert server.receive('42["auth",{"api_key":"key"}]', 0.0) == [Authenticated("key")]
        server.receive("41", 0.0)
        server.receive("40", 0.0)


def test_a_client_that_does_not_ping_is_given_up_after_18_seconds():
    """pingInterval and pingTimeout together (section 1.6); other packets do not count."""
    server = new_server(now=100.0)
    assert server.next_timer() == 118.0
    server.receive('42["subscribe","lightning_ticker_BTC_JPY"]', 110.0)
    assert server.handle_timer(117.9) == []
    server.receive("2", 117.9)
    assert server.next_timer() == 135.9
    assert server.handle_timer(135.9) == [Ended("ping timeout")]
    assert server.next_timer() is None


PACKETS = st.builds(
    lambda head, content: head + json.dumps(content),
    st.from_regex(r"\A[0-6]?[0-6]?(/[a-z]*,?)?[0-9]{0,4}\Z"),
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["auth", "subscribe", "unsubscribe", TICKER]) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
)
ANYTHING = PACKETS | st.text() | st.binary() | st.text(alphabet='0123456/,[]"{}n', max_size=12)


@given(st.lists(ANYTHING, max_size=6))
@example(["42" + "[" * 200_000])
@example(["4" + "2" * 5_000])
def test_the_server_takes_anything(frames: list[str | bytes]):
    server = new_server()
    for frame in frames:
        server.receive(frame, 0.0)
        for answered in server.frames_to_send():
            assert isinstance(answered, str)
            answered.encode()


# --- the client's side


def test_a_session_of_both_sides():
    """Client and server back to back."""
    server = SocketIoServer(lambda params: "key" if params == {"api_key": "key"} else None, "a-session", 0.0)
    client = SocketIoClient(request_timeout=10.0)

    def to_client() -> list[object]:
        return [event for frame in server.frames_to_send() for event in client.receive(str(frame), 0.0)]

    assert to_client() == [Opened()]
    client.authenticate({"api_key": "key"}, 0.0)
    client.subscribe(TICKER, 0.0)
    client.unsubscribe(TICKER, 0.0)
    client.subscribe("nope", 0.0)
    at_server = [event for frame in client.frames_to_send() for event in server.receive(frame, 0.0)]
    assert at_server == [Authenticated("key"), Subscribed(TICKER), Unsubscribed(TICKER)]
    assert to_client() == [
        Acknowledged(Request(Method.AUTH)),
        Acknowledged(Request(Method.SUBSCRIBE, TICKER)),
        Acknowledged(Request(Method.UNSUBSCRIBE, TICKER)),
        Refused(Request(Method.SUBSCRIBE, "nope"), -32602, "invalid channel"),
    ]


def test_requests_wait_for_the_session_to_open():
    with pytest.raises(LocalProtocolError):
        SocketIoClient().subscribe(TICKER, 0.0)


def test_a_session_that_never_opens_is_given_up():
    client = SocketIoClient(request_timeout=10.0)
    assert client.handle_timer(100.0) == []
    client.receive(encode_handshake(Handshake("a-session")), 101.0)  # opening it counts, and "40" never comes
    assert client.next_timer() == 110.0
    assert client.handle_timer(110.0) == [Ended("no Socket.IO session was opened")]


def test_the_client_pings_and_gives_up_a_server_that_does_not_answer():
    """In Engine.IO 3 it is the client that pings (section 1.6)."""
    client = open_client(now=100.0)
    assert client.next_timer() == 115.0
    assert client.handle_timer(115.0) == []
    assert client.frames_to_send() == ["2"]
    assert client.next_timer() == 118.0
    client.receive("3", 116.0)
    assert client.next_timer() == 130.0
    client.handle_timer(130.0)
    assert client.handle_timer(133.0) == [Ended("no answer to a ping")]


def test_a_server_of_engine_io_4_is_told_apart():
    with pytest.raises(RemoteProtocolError, match=r"Engine\.IO 4"):
        open_client().receive("2", 0.0)


@pytest.mark.parametrize(
    ("argument", "code", "text"),
    [
        ('{"code":-1,"message":"no"}', -1, "no"),
        ('"no"', None, "no"),
        ("false", None, "False"),
        ('{"reason":1}', None, "{'reason': 1}"),
        ('{"code":true,"message":"no"}', None, "no"),
    ],
)
def test_an_error_of_any_shape_is_a_refusal(argument: str, code: int | None, text: str):
    """Its shape is unknown (section 1.6)."""
    client = open_client()
    client.subscribe(TICKER, 0.0)
    assert client.receive(f"431[{argument}]", 0.0) == [Refused(Request(Method.SUBSCRIBE, TICKER), code, text)]


def test_a_request_that_nobody_answers_is_given_up():
    client = open_client()
    client.subscribe(TICKER, 0.0)
    assert client.next_timer() == 10.0
    assert client.handle_timer(10.0) == [Unanswered(Request(Method.SUBSCRIBE, TICKER))]


@pytest.mark.parametrize(
    ("frame", "ends"),
    [
        ("1", True),
        ("41", True),
        ('44"no"', True),
        ("6", False),
        ("5", False),
        ("42/x,[]", False),
        ('42["x"]', False),
        ("439[null]", False),
    ],
)
def test_other_packets(frame: str, ends: bool):
    assert [type(event) for event in open_client().receive(frame, 0.0)] == ([Ended] if ends else [])


@given(st.text(), st.recursive(st.none() | st.text(), lambda inner: st.lists(inner)).map(json.dumps).map(str.encode))
def test_a_message_arrives_unchanged(channel: str, message: bytes):
    with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair names no channel
        frame = encode_message(channel, message).decode()
        with contextlib.suppress(RemoteProtocolError):  # nor does it stand in a message
            (event,) = open_client().receive(frame, 0.0)
            assert isinstance(event, ChannelMessage)
            assert (event.channel, bytes(event.message)) == (channel, message)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x",
        b"4",
        "0",
        "0{}",
        '0{"sid":"x","pingInterval":0}',
        "4",
        "4x",
        "42",
        "42{}",
        "42[1,2]",
        "43",
        "43{}",
        "42\ud800",
        "42" + "[" * 200_000,
    ],
)
def test_what_is_not_the_protocol_is_one_typed_error(frame: str | bytes):
    with pytest.raises(RemoteProtocolError):
        open_client().receive(frame, 0.0)


@given(st.booleans(), st.lists(ANYTHING, max_size=6))
def test_anything_gives_events_or_the_one_error(is_open: bool, frames: list[str | bytes]):
    client = open_client() if is_open else SocketIoClient()
    if is_open:
        client.subscribe(TICKER, 0.0)
    for frame in frames:
        with contextlib.suppress(RemoteProtocolError):
            client.receive(frame, 0.0)
    client.handle_timer(0.0)
