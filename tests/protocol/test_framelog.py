"""The frame log."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.protocol import jsonrpc, socketio
from fulgurite.protocol.dialects import DIALECTS
from fulgurite.protocol.framelog import (
    Line,
    format_line,
    parse_line,
    recorded_messages,
    without_credentials,
)

TICKER = "lightning_ticker_BTC_JPY"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"received_ns":1,"frame":"x"}', Line(received_ns=1, frame="x")),
        ('{"sent_ns":1,"frame":"x","connection":2}', Line(sent_ns=1, frame="x", connection=2)),
        ('{"event":"gap","channel":"x","reason":"y"}', Line(event="gap", channel="x", reason="y")),
        (b'{"frame":"\\u00e9","received_ns":1}\n', Line(received_ns=1, frame="é")),
    ],
)
def test_lines_are_read(text, line):
    assert parse_line(text) == line


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "nope", '{"frame":"x"}', '{"received_ns":1}', '{"received_ns":"1","frame":"x"}',
     '{"received_ns":1,"sent_ns":1,"frame":"x"}', '{"received_ns":1,"frame":"x', b"\xff", "[" * 200_000, "\ud800"],
)  # fmt: skip
def test_other_lines_are_refused_with_what_is_accepted(text):
    with pytest.raises(InputError, match="received_ns"):
        parse_line(text)


@given(st.integers(0, 2**63 - 1), st.text(st.characters(codec="utf-8")))
def test_what_is_written_is_read_back(time_ns, frame):
    line = Line(received_ns=time_ns, frame=frame)
    written = format_line(line)
    assert written.count(b"\n") == 1
    assert parse_line(written) == line


@pytest.mark.parametrize(
    "message",
    [
        b'{"price":5860832.0,"size":0.00}',
        b'[ {"b" : 1e2 , "a":"\\u00e9\xc3\xa9"} ]',
        b"null",
        b'"x"',
        b"1104.266230520000",
    ],
)
@pytest.mark.parametrize("encode", [jsonrpc.encode_message, socketio.encode_message])
def test_a_message_comes_out_as_it_was_byte_for_byte(encode, message):
    frame = encode(TICKER, message).decode()
    assert recorded_messages(frame) == [(TICKER, message)]


def test_odd_but_legal_frames_are_understood():
    """Other order, white space, further members, a batch, an acknowledgement wanted, a namespace."""
    message = '{"a": 1.0}'
    frame = f' {{"params" : {{"message": {message} , "channel":"{TICKER}"}}, "x":1, "method":"channelMessage"}}'
    expected = (TICKER, message.encode())
    assert recorded_messages(frame) == [expected]
    assert recorded_messages(f'[{frame}, {{"id":1,"result":true}},{frame}]') == [expected, expected]
    assert recorded_messages(f'4217["{TICKER}",{message}]') == [expected]


@pytest.mark.parametrize(
    "frame",
    [
        "", "2", "3", "40", "430[null]", "42", '42["x"]', "42[5,1]", "nope", "[", "[1]",
        '{"id":1,"result":true}',
        '{"method":"subscribe","params":{"channel":"x"}}',
        '{"method":"channelMessage"}',
        '{"method":"channelMessage","params":{"channel":"x"}}',
        '{"method":"channelMessage","params":{"channel":5,"message":1}}',
    ],
)  # fmt: skip
def test_other_frames_carry_no_message(frame):
    assert recorded_messages(frame) == []


@given(st.text() | st.text(alphabet='4{}[]",:12 ') | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_frame_is_taken(frame):
    recorded_messages(frame)


@given(
    st.binary()
    | st.text()
    | st.dictionaries(st.sampled_from(Line.__struct_fields__), st.integers() | st.text()).map(json.dumps)
)
def test_any_line_is_read_or_refused(text):
    try:
        line = parse_line(text)
    except InputError:
        return
    assert msgspec.structs.asdict(line)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_a_request_to_authenticate_is_kept_without_its_credentials(dialect):
    client = dialect.client(10.0)
    client.handle_timer(0.0)
    if dialect.name == "socketio":
        client.receive("40", 0.0)
    client.authenticate({"api_key": "KEY", "signature": "SIGNATURE"}, 0.0)
    client.subscribe(TICKER, 0.0)
    auth, subscribe = client.frames_to_send()
    kept = without_credentials(auth)
    assert "auth" in kept
    assert "KEY" not in kept
    assert "SIGNATURE" not in kept
    assert without_credentials(subscribe) == subscribe
    # It is still a frame that a server understands.
    assert len(kept) > len("auth")
    assert msgspec.json.decode(kept.lstrip("0123456789"))


@pytest.mark.parametrize("frame", ["", '"auth"', '42["auth"]', "[", '{"method":"auth"', '["auth",', '42["x","auth"]'])
def test_other_frames_are_kept_as_they_are(frame):
    assert without_credentials(frame) == frame
