"""Common to the two dialects."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.protocol.dialects import DIALECTS, JSON_RPC, SOCKETIO, find_dialect
from fulgurite.protocol.events import ChannelMessage


@pytest.mark.parametrize("name", ["json-rpc", "socketio"])
def test_a_dialect_is_found_by_name(name):
    assert find_dialect(name).name == name


def test_an_unknown_dialect_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="json-rpc, socketio"):
        find_dialect("soap")


@pytest.mark.parametrize(
    ("dialect", "address", "url"),
    [
        (JSON_RPC, "wss://ws.lightstream.bitflyer.com/json-rpc", "wss://ws.lightstream.bitflyer.com/json-rpc"),
        (JSON_RPC, "http://127.0.0.1:1", "ws://127.0.0.1:1/json-rpc"),
        (
            SOCKETIO,
            "https://io.lightstream.bitflyer.com",
            "wss://io.lightstream.bitflyer.com/socket.io/?EIO=3&transport=websocket",
        ),
        (SOCKETIO, "http://[::1]:1/", "ws://[::1]:1/socket.io/?EIO=3&transport=websocket"),
    ],
)
def test_addresses_become_those_of_the_websocket(dialect, address, url):
    assert dialect.websocket_url(address) == url


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_server_greets_its_own_client(dialect):
    """The two sides of each dialect understand each other; the caller need not know the dialect."""
    server, client = dialect.server(lambda params: None, "a-session", 0.0), dialect.client(10.0)
    events = client.handle_timer(0.0)
    for frame in server.frames_to_send():
        events += client.receive(frame, 0.0)
    assert [type(event).__name__ for event in events] == ["Opened"]
    client.subscribe("lightning_ticker_BTC_JPY", 0.0)
    (frame,) = client.frames_to_send()
    (event,) = server.receive(frame, 0.0)
    assert type(event).__name__ == "Subscribed"
    message = dialect.encode_message("lightning_ticker_BTC_JPY", b'{"a":1.0}').decode()
    (event,) = client.receive(message, 0.0)
    assert bytes(event.message) == b'{"a":1.0}'


# --- the short way for ordinary messages


@pytest.mark.parametrize("name", list(DIALECTS))
@given(st.sampled_from(["lightning_ticker_BTC_JPY", "child_order_events"]), st.text() | st.integers() | st.none())
def test_an_ordinary_frame_is_split_into_what_receive_finds_in_it(name, channel, value):
    dialect = DIALECTS[name]
    message = msgspec.json.encode({"value": value})
    frame = dialect.encode_message(channel, message).decode()
    assert dialect.client(10.0).split(frame) == (channel, message.decode())


@pytest.mark.parametrize("name", list(DIALECTS))
@given(st.data())
def test_whatever_is_split_and_turns_out_well_formed_is_what_receive_finds(name, data):
    """Frames that nearly are ordinary ones: other members, other order, quotes and brackets in odd places."""
    pieces = st.sampled_from(
        [
            '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"',
            '42["',
            "lightning_ticker_BTC_JPY",
            '","message":',
            '",',
            '"message":1',
            '{"a":[1,2]}',
            "1",
            '"',
            "\\",
            "}}",
            "}",
            "]",
            ",",
            ' "x":1',
            " ",
        ]
    )
    frame = "".join(data.draw(st.lists(pieces, max_size=9)))
    client = DIALECTS[name].client(10.0)
    found = client.split(frame)
    if found is None or found[0] != "lightning_ticker_BTC_JPY":
        return
    try:
        value = msgspec.json.decode(found[1])
    except msgspec.DecodeError:
        return  # then it is looked at as a whole
    (event,) = client.receive(frame, 0.0)
    assert isinstance(event, ChannelMessage)
    assert (event.channel, msgspec.json.decode(event.message)) == (found[0], value)
