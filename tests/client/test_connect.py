"""The stream against real servers: ours in both dialects, and a peer that misbehaves.

The tests check this promise for every kind of ending: the client reconnects, subscribes the wanted channels again, and
yields one gap per channel, with the reason, before the next message.

This module is long because each ending is a test of its own, and all share the peer that misbehaves.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import trustme
from picows import WSUpgradeResponse

from fulgurite.client import Endpoint, Frame, Gap, Item, Malformed, Message, Signer, Status, StatusKind, Stream, connect
from fulgurite.client.hints import COMMAND, PAGE, PROGRAM, hints
from fulgurite.errors import (
    AuthenticationError,
    ChannelError,
    ConnectError,
    ConnectFailure,
    InputError,
    LocalProtocolError,
    SubscriptionError,
)
from fulgurite.protocol.auth import AuthChecker
from fulgurite.protocol.dialects import DIALECTS
from fulgurite.protocol.jsonrpc import encode_message
from fulgurite.server.frames import frame
from fulgurite.server.serve import RealtimeServer, serve
from tests.client.peer import BOARD, TICKER, Connection, serve_script

PRIVATE = "child_order_events"
EXECUTIONS = "lightning_executions_FX_BTC_JPY"
KEY, SECRET = "a-key", "canary-secret"


@pytest.fixture(params=list(DIALECTS))
def dialect(request) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncIterator[None]:
    """Every task that a test starts, through the client too, has ended with it."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with serve("127.0.0.1", 0, check_auth=AuthChecker({KEY: SECRET}, time.time).check) as running:
        yield running


def at_once() -> Iterator[float]:
    """No delays between attempts, so that tests need not wait."""
    return itertools.repeat(0.0)


async def take_until(stream: Stream, is_last: Callable[[Item], bool]) -> list[Any]:
    """Take items up to and including the first that is meant."""
    items: list[Item] = []
    async with asyncio.timeout(20):
        async for item in stream:
            items.append(item)
            if is_last(item):
                return items
    raise AssertionError(f"the stream ended before that: {items}")


async def take_all(stream: Stream) -> None:
    """Take items until the stream ends, with an error or without."""
    async with stream:
        async for _ in stream:
            pass


def status(kind: str, channel: str | None = None) -> Callable[[Item], bool]:
    return lambda item: isinstance(item, Status) and (item.kind, item.channel) == (kind, channel)


def is_message(item: Item) -> bool:
    return isinstance(item, Message)


def is_gap(item: Item) -> bool:
    return isinstance(item, Gap)


# --- the ordinary way, against our server


async def test_messages_come_as_they_were_published(server, dialect):
    async with connect(TICKER, BOARD, endpoint=server.url, dialect=dialect) as stream:
        await take_until(stream, status("subscribed", BOARD))
        texts = [b'{"mid_price": 1.50, "bids": [], "asks": []}', b'{"mid_price":2.0,"bids":[],"asks":[]}']
        for text in texts:
            server.hub.publish(BOARD, text)
        items: list[Any] = [await anext(stream), await anext(stream)]
    assert [item.raw for item in items] == texts
    assert [item.data.mid_price for item in items] == [1.5, 2.0]
    assert items[0].raw.decode() in items[0].frame


async def test_batches_give_the_same_items(server, dialect):
    async with connect(BOARD, endpoint=server.url, dialect=dialect) as stream:
        await take_until(stream, status("subscribed", BOARD))
        for number in range(100):
            server.hub.publish(BOARD, b"%d" % number)
        raws: list[bytes] = []
        async for batch in stream.batches():
            raws += [item.raw for item in batch if isinstance(item, Message)]
            if len(raws) >= 100:
                break
    assert raws == [b"%d" % number for number in range(100)]


async def test_channels_come_and_go_while_it_runs(server, dialect):
    async with connect(endpoint=server.url, dialect=dialect) as stream:
        await take_until(stream, status("open"))
        await stream.subscribe(BOARD)
        await take_until(stream, status("subscribed", BOARD))
        await stream.unsubscribe(BOARD)
        await take_until(stream, status("unsubscribed", BOARD))
        server.hub.publish(BOARD, b"1")
        with pytest.raises(ChannelError):
            await stream.subscribe(TICKER, "nope_channel")
        await stream.subscribe(TICKER)
        items = await take_until(stream, status("subscribed", TICKER))
    assert not [item for item in items if is_message(item)]


async def test_frames_are_given_on_request(server, dialect):
    async with connect(TICKER, endpoint=server.url, dialect=dialect, frames=True) as stream:
        items = await take_until(stream, status("subscribed", TICKER))
        server.hub.publish(TICKER, b"1")
        items += await take_until(stream, is_message)
    frames = [item for item in items if isinstance(item, Frame)]
    sent = [frame.text for frame in frames if frame.direction == "sent"]
    assert len(sent) == 1
    assert TICKER in sent[0]
    # The answer and the message, each before its items; and Socket.IO's opening.
    assert [frame.direction for frame in frames].index("sent") < len(frames) - 2
    assert items[-2] == Frame("received", items[-1].received_ns, items[-1].frame)


async def test_private_channels_need_credentials(server, dialect):
    with pytest.raises(InputError, match="private ones need `credentials`"):
        connect(PRIVATE, endpoint=server.url, dialect=dialect)
    async with connect(TICKER, endpoint=server.url, dialect=dialect) as stream:
        with pytest.raises(InputError, match="private ones need `credentials`"):
            await stream.subscribe(BOARD, PRIVATE)
        await take_until(stream, status("subscribed", TICKER))
        server.hub.publish(BOARD, b"1")  # was not subscribed with the other
        server.hub.publish(TICKER, b"2")
        assert (await take_until(stream, is_message))[-1].raw == b"2"


async def test_refused_channel_comes_out_of_the_iteration():
    async def script(connection: Connection) -> None:
        await connection.take()
        connection.send('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"invalid channel"}}')

    async with serve_script(script) as url:
        with pytest.raises(SubscriptionError, match=f"refused subscribe {TICKER}: invalid channel"):
            await take_all(connect(TICKER, endpoint=url))


async def test_credentials_open_private_channels(server, dialect):
    async with connect(PRIVATE, endpoint=server.url, dialect=dialect, credentials=lambda: (KEY, SECRET)) as stream:
        items = await take_until(stream, status("subscribed", PRIVATE))
    kinds = [item.kind for item in items if isinstance(item, Status)]
    assert kinds.index(StatusKind.AUTHENTICATED) < kinds.index(StatusKind.SUBSCRIBED)


async def test_credentials_may_be_an_async_function(server, dialect):
    async def credentials() -> tuple[str, str]:
        await asyncio.sleep(0)
        return KEY, SECRET

    async with connect(PRIVATE, endpoint=server.url, dialect=dialect, credentials=credentials) as stream:
        await take_until(stream, status("subscribed", PRIVATE))


async def test_wrong_key_comes_out_of_the_iteration(server, dialect):
    stream = connect(PRIVATE, endpoint=server.url, dialect=dialect, credentials=lambda: (KEY, "wrong"))
    with pytest.raises(AuthenticationError, match="authentication failed"):
        await take_all(stream)


async def test_wrong_key_comes_out_even_if_nobody_iterates(server):
    stream = connect(endpoint=server.url, credentials=lambda: (KEY, "wrong"))
    await stream.__aenter__()
    assert stream._task is not None
    await asyncio.wait([stream._task])
    with pytest.raises(AuthenticationError):
        await stream.__aexit__(None, None, None)


async def test_what_credentials_raises_comes_out_of_the_iteration(server):
    def locked() -> tuple[str, str]:
        raise PermissionError("the keychain is locked")

    with pytest.raises(PermissionError, match="keychain is locked"):
        await take_all(connect(endpoint=server.url, credentials=locked))


@pytest.mark.parametrize("given", [(KEY, ""), (KEY, f"{SECRET}\ud800"), ("\ud800", SECRET), (KEY,), None])
async def test_what_cannot_sign_is_refused_and_not_shown(server, given):
    with pytest.raises(InputError, match=r"^credentials: .*not shown") as raised:
        await take_all(connect(endpoint=server.url, credentials=lambda: given))
    assert SECRET not in str(raised.value)


async def test_a_signer_signs_each_connection_anew_and_never_gives_the_secret(server, dialect):
    texts: list[str] = []

    async def sign(text: str) -> str:
        texts.append(text)
        return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()

    signer = Signer(KEY, sign)
    async with connect(PRIVATE, endpoint=server.url, dialect=dialect, credentials=signer, delays=at_once) as stream:
        await take_until(stream, status("subscribed", PRIVATE))
        server.close_all(1012, "restart")
        await take_until(stream, status("subscribed", PRIVATE))
    assert len(set(texts)) == 2
    assert all(re.fullmatch(r"\d{13}[0-9a-f]{32}", text) for text in texts)
    assert "sign=..." in repr(signer)


async def test_a_signer_that_does_not_answer_costs_the_attempt_and_no_connection(server):
    calls = 0

    async def sign(text: str) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ConnectError(server.url, "nobody signed")
        return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()

    async with connect(PRIVATE, endpoint=server.url, credentials=Signer(KEY, sign), delays=at_once) as stream:
        items = await take_until(stream, status("subscribed", PRIVATE))
    assert ["nobody signed" in item.detail for item in items if status("closed")(item)] == [True]
    assert [item.kind for item in items if isinstance(item, Status)].count(StatusKind.OPEN) == 1


async def _gives(value: object) -> object:
    return value


@pytest.mark.parametrize(
    "sign",
    [
        *(
            partial(lambda value, _text: _gives(value), value)
            for value in (5, None, "", "nonsense", b"0" * 64, "A" * 64)
        ),
        lambda _text: "0" * 64,
        lambda _text: None,
    ],
)
async def test_what_is_no_signature_is_refused_before_it_is_sent(server, sign):
    with pytest.raises(InputError, match=r"sign: .*not shown.*64 lower-case hex digits"):
        await take_all(connect(endpoint=server.url, credentials=Signer(KEY, sign), delays=at_once))


async def test_a_signer_that_fails_otherwise_ends_the_stream(server):
    async def sign(_text: str) -> str:
        raise PermissionError("the token is locked")

    with pytest.raises(PermissionError, match="token is locked"):
        await take_all(connect(endpoint=server.url, credentials=Signer(KEY, sign)))


async def test_secret_is_shown_nowhere(server, dialect, caplog):
    caplog.set_level(logging.DEBUG)
    async with connect(
        PRIVATE, endpoint=server.url, dialect=dialect, credentials=lambda: (KEY, SECRET), frames=True
    ) as stream:
        items = await take_until(stream, status("subscribed", PRIVATE))
        shown = repr(items) + repr(stream) + repr(vars(stream)) + caplog.text
    assert SECRET not in shown


async def test_tls_with_a_certificate_that_is_trusted(dialect):
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    async with (
        serve("127.0.0.1", 0, check_auth=lambda params: None, ssl_context=theirs) as server,
        connect(BOARD, endpoint=server.url, dialect=dialect, ssl_context=ours) as stream,
    ):
        await take_until(stream, status("subscribed", BOARD))
        server.hub.publish(BOARD, b"1")
        assert (await take_until(stream, is_message))[-1].raw == b"1"


@pytest.mark.parametrize(("whose", "said"), [(PROGRAM, "ssl_context"), (COMMAND, "--ca-file FILE"), (PAGE, "system")])
async def test_tls_with_a_certificate_that_is_not_trusted_says_so_in_the_words_of_who_asked(whose, said):
    hints.set(whose)  # of this test alone: it is a task of its own
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(theirs)
    async with (
        serve("127.0.0.1", 0, check_auth=lambda params: None, ssl_context=theirs) as server,
        connect(BOARD, endpoint=server.url) as stream,
    ):
        items = await take_until(stream, status("closed"))
    assert "its TLS certificate is not trusted" in items[-1].detail
    assert said in items[-1].detail


# --- every kind of ending, against a peer that misbehaves


async def say_1012(connection: Connection) -> None:
    connection.close(1012, "scheduled maintenance")


async def say_1000(connection: Connection) -> None:
    connection.close(1000)


async def say_4001(connection: Connection) -> None:
    connection.close(4001, "a code of their own")


async def hang_up(connection: Connection) -> None:
    connection.hang_up()


async def break_websocket(connection: Connection) -> None:
    connection.send_bytes(b"\x83\x00")  # an opcode that does not exist


async def break_fragments(connection: Connection) -> None:
    connection.send_bytes(b"\x80\x00")  # a continuation of nothing


async def claim_an_extension(connection: Connection) -> None:
    connection.send(b"{}", rsv1=True)


async def freeze(connection: Connection) -> None:
    connection.answers_pings = False


ENDINGS = {
    say_1012: "closed by the server: 1012 scheduled maintenance",
    say_1000: "closed by the server: 1000",
    say_4001: "closed by the server: 4001 a code of their own",
    hang_up: "the connection was cut without a close frame (1006)",
    break_websocket: "the server broke the WebSocket protocol: Received frame with invalid opcode=0x3",
    break_fragments: "the server broke the WebSocket protocol: a fragment out of place",
    claim_an_extension: "the server broke the WebSocket protocol: an extension that was not negotiated",
    freeze: "nothing came for 0 s, not even an answer to a ping",
}


# The server's close code and reason, if it sent a close frame.
CLOSES = {
    say_1012: (1012, "scheduled maintenance"),
    say_1000: (1000, ""),
    say_4001: (4001, "a code of their own"),
    hang_up: (1006, None),
}


@pytest.mark.parametrize(("end", "reason"), ENDINGS.items(), ids=lambda value: getattr(value, "__name__", ""))
async def test_every_ending_gives_a_gap_per_channel_and_a_new_connection(end, reason):
    async def script(connection: Connection) -> None:
        await connection.grant(2)
        connection.publish(TICKER, connection.number)
        if connection.number == 0:
            await end(connection)

    # The peer that freezes is given up soon; of any other it would be too early on a busy machine.
    patience = 0.2 if end is freeze else 15.0
    async with (
        serve_script(script) as url,
        connect(TICKER, BOARD, endpoint=url, delays=at_once, ping_after=patience, pong_timeout=patience) as stream,
    ):
        before = await take_until(stream, is_message)
        after = await take_until(stream, is_message)
        assert (before[-1].raw, after[-1].raw) == (b"0", b"1")
        await stream.close()
        after += [item async for item in stream]
    acknowledged = next(item for item in before if status("subscribed", BOARD)(item))
    gaps = [item for item in after if isinstance(item, Gap)]
    subscribed = {item.channel: item for item in after if isinstance(item, Status) and item.kind == "subscribed"}
    message = next(item for item in after if isinstance(item, Message))
    if end is freeze:  # a busy machine takes longer to notice
        reason = gaps[0].reason
        assert re.fullmatch(ENDINGS[freeze].replace("0 s", r"\d+ s"), reason)
    code, words = CLOSES.get(end, (None, None))
    assert gaps == [
        Gap(TICKER, reason, before[-1].received_ns, subscribed[TICKER].at_ns, before[-1], message, close_code=code),
        # No message of this one has come.
        Gap(BOARD, reason, acknowledged.at_ns, subscribed[BOARD].at_ns, close_code=code),
    ]
    assert after.index(gaps[0]) == after.index(message) - 1
    closed = next(item for item in after if status("closed")(item))
    assert (closed.detail, closed.close_code, closed.close_reason) == (reason, code, words)


@pytest.mark.parametrize(("channel", "is_told"), [(EXECUTIONS, True), (TICKER, False)])
async def test_the_gaps_of_an_endpoint_without_an_http_api_say_why_nothing_is_repaired(channel, is_told):
    async def script(connection: Connection) -> None:
        await connection.grant(1)
        if connection.number == 0:
            connection.publish(channel, [] if channel == EXECUTIONS else 1)
            connection.hang_up()

    async with serve_script(script) as url, connect(channel, endpoint=url, delays=at_once) as stream:
        gap = (await take_until(stream, lambda item: isinstance(item, Gap)))[-1]
    words = 'not repaired: no HTTP API is known for this endpoint; pass http="https://HOST/v1" to connect'
    assert gap.note == (words if is_told else "")


async def test_who_wants_no_repairs_is_not_told_how_to_get_them():
    async def script(connection: Connection) -> None:
        await connection.grant(1)
        if connection.number == 0:
            connection.publish(EXECUTIONS, [])
            connection.hang_up()

    async with serve_script(script) as url, connect(EXECUTIONS, endpoint=url, delays=at_once, repair="off") as stream:
        gap = (await take_until(stream, lambda item: isinstance(item, Gap)))[-1]
    assert gap.note == ""


async def test_what_a_read_brings_is_given_in_turns_and_whole_before_the_ending_that_came_with_it():
    count = 5_000
    prices = [float(number) for number in range(count)]
    messages = (b'{"mid_price":%d,"bids":[],"asks":[]}' % number for number in range(count))
    frames = b"".join(frame(encode_message(BOARD, message)) for message in messages)

    async def script(connection: Connection) -> None:
        await connection.grant()
        if connection.number == 0:
            connection.send_bytes(frames + frame((1012).to_bytes(2), opcode=8))

    given: list[list[Any]] = []
    async with serve_script(script) as url, connect(BOARD, endpoint=url) as stream:
        async for batch in stream.batches():
            given.append([item for item in batch if isinstance(item, Message)])
            if any(status("closed")(item) for item in batch):
                break
    assert [message.data.mid_price for batch in given for message in batch] == prices
    *turns, _with_the_ending = filter(None, given)  # the frames of the last read do not wait for further turns
    assert max(map(len, turns)) < 500


async def test_close_frame_is_answered():
    answered = asyncio.Queue[bytes | None]()

    async def script(connection: Connection) -> None:
        connection.close(1012, "scheduled maintenance")
        await connection.closed.wait()
        answered.put_nowait(connection.close_payload)

    async with serve_script(script) as url, connect(endpoint=url) as stream:
        await take_until(stream, status("backing_off"))
        assert await answered.get() is not None


async def test_broken_frame_is_answered_with_its_close_code():
    answered = asyncio.Queue[bytes | None]()

    async def script(connection: Connection) -> None:
        await break_fragments(connection)
        await connection.closed.wait()
        answered.put_nowait(connection.close_payload)

    async with serve_script(script) as url, connect(endpoint=url) as stream:
        await take_until(stream, status("backing_off"))
        assert await answered.get() == (1002).to_bytes(2)


async def test_server_that_accepts_and_closes_at_once_meets_growing_delays():
    """The backoff starts anew only after a message came, not after a connection."""
    made: list[str] = []

    def delays() -> Iterator[float]:
        made.append("new")
        for number in itertools.count():
            made.append(f"delay {number}")
            yield 0.0

    async def script(connection: Connection) -> None:
        if connection.number in (3, 4):
            await connection.grant()
            connection.publish(TICKER, connection.number)
        if connection.number < 5:
            connection.close(1012)

    async with serve_script(script) as url, connect(TICKER, endpoint=url, delays=delays) as stream:
        for _ in range(5):
            await take_until(stream, status("backing_off"))
        await take_until(stream, status("open"))
    assert made == ["new", "delay 0", "delay 1", "delay 2", "new", "delay 0", "new", "delay 0"]


async def test_refused_handshake_is_respected():
    def refuse(number: int) -> WSUpgradeResponse | None:
        headers = {"Retry-After": "77"}
        return WSUpgradeResponse.create_error_response(503, b"busy", headers)

    async def script(connection: Connection) -> None: ...

    async with serve_script(script, refuse) as url, connect(TICKER, endpoint=url, delays=at_once) as stream:
        items = await take_until(stream, status("backing_off"))
    assert "HTTP status 503" in items[-2].detail
    assert items[-1].detail == "77.0 s"


async def test_redirect_is_not_followed():
    def refuse(number: int) -> WSUpgradeResponse | None:
        return WSUpgradeResponse.create_redirect_response(302, "ws://127.0.0.1:9/") if number == 0 else None

    async def script(connection: Connection) -> None:
        await connection.grant()

    async with serve_script(script, refuse) as url, connect(TICKER, endpoint=url, delays=at_once) as stream:
        items = await take_until(stream, status("subscribed", TICKER))
    assert any("HTTP status 302" in item.detail for item in items)
    assert not any(isinstance(item, Gap) for item in items), "nothing was promised before the first connection"


@contextlib.asynccontextmanager
async def serve_bytes(answer: bytes | None) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A TCP server that answers with these bytes and closes, or says nothing; the event: a client has asked.

    Leaving it waits for those clients to be gone that came: on a busy machine one may give up before it has asked.
    """
    asked = asyncio.Event()
    talks: list[asyncio.Task[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
        writer.close()
        await writer.wait_closed()

    def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(talk(reader, writer)))

    listening = await asyncio.start_server(come, "127.0.0.1", 0)
    async with listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked
        await asyncio.gather(*talks)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"\xff" * 20_000])
async def test_answer_that_is_no_handshake_is_an_ending_like_any_other(answer):
    async with serve_bytes(answer) as (url, _), connect(TICKER, endpoint=url) as stream:
        items = await take_until(stream, status("backing_off"))
    assert items[-2].detail.startswith(f"cannot connect to {url}/json-rpc: ")


async def test_handshake_that_never_comes_times_out():
    async with serve_bytes(None) as (url, _), connect(TICKER, endpoint=url, open_timeout=0.05) as stream:
        items = await take_until(stream, status("backing_off"))
    assert items[-2].detail.endswith("no connection within 0.05 s")


async def test_a_connection_that_is_cut_after_the_handshake_is_told_once(caplog):
    """The libraries beneath say nothing of their own, however many channels were about to be asked for."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", await reader.readuntil(b"\r\n\r\n"))
        assert key is not None
        digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(head + b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        writer.transport.abort()

    channels = [f"lightning_ticker_{number}" for number in range(50)]
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with connect(*channels, endpoint=url) as stream:
            await take_until(stream, status("backing_off"))
    assert caplog.records == []


async def test_leaving_during_the_handshake_cuts_the_connection():
    """Leaving `serve_bytes`, too, waits for the client to be gone."""
    async with serve_bytes(None) as (url, asked), connect(TICKER, endpoint=url, open_timeout=1000):
        await asked.wait()


async def test_refused_connection_is_told_and_retried(unused_tcp_port):
    async with connect(TICKER, endpoint=f"ws://127.0.0.1:{unused_tcp_port}", delays=at_once) as stream:
        await take_until(stream, status("backing_off"))
        items = await take_until(stream, status("backing_off"))
    assert "refused" in items[-2].detail


@pytest.mark.parametrize("words", [PROGRAM, COMMAND, PAGE])
@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_where_no_embedded_exchange_runs_it_is_said_what_to_run(unused_tcp_port, monkeypatch, words, dialect):
    origin = f"127.0.0.1:{unused_tcp_port}"
    embedded = Endpoint("embedded", f"ws://{origin}/json-rpc", f"http://{origin}", None)
    monkeypatch.setattr("fulgurite.client.endpoints.EMBEDDED", embedded)
    hints.set(words)
    async with connect(TICKER, endpoint="embedded", dialect=dialect, delays=at_once) as stream:
        closed = (await take_until(stream, status("closed")))[-1]
    assert closed.failure is ConnectFailure.REFUSED
    assert closed.detail.endswith(f"; {words.embedded}")
    assert "run `fulgurite exchange`" in words.embedded


async def test_delays_that_run_out_end_the_stream(unused_tcp_port):
    url = f"ws://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(ConnectError, match="refused") as raised:
        await take_all(connect(TICKER, endpoint=url, delays=lambda: iter([0.0, 0.0])))
    assert raised.value.failure is ConnectFailure.REFUSED
    assert str(raised.value).count("cannot connect") == 1


async def test_auth_that_is_never_answered_is_an_ending():
    async def script(connection: Connection) -> None:
        await connection.take()
        if connection.number > 0:
            connection.send('{"jsonrpc":"2.0","id":1,"result":true}')

    asked = []

    def credentials() -> tuple[str, str]:
        asked.append(1)
        return KEY, SECRET

    async with (
        serve_script(script) as url,
        connect(endpoint=url, credentials=credentials, delays=at_once, request_timeout=1.0) as stream,
    ):
        items = await take_until(stream, status("authenticated"))
    assert [item.detail for item in items if status("closed")(item)] == ["the server did not answer auth"]
    assert len(asked) == 2, "they are asked at each connection"


async def test_subscription_that_is_never_answered_is_an_ending_unless_messages_come():
    async def script(connection: Connection) -> None:
        await connection.take()
        if connection.number > 0:
            connection.publish(TICKER, 1)

    async with (
        serve_script(script) as url,
        connect(TICKER, endpoint=url, delays=at_once, request_timeout=1.0) as stream,
    ):
        items = await take_until(stream, status("unanswered", TICKER))
    assert [item.detail for item in items if status("closed")(item)] == [
        f"the server did not answer subscribe {TICKER}"
    ]


# --- frames that are not the protocol, and ones that are but odd


async def test_malformed_frame_costs_nothing_but_itself():
    async def script(connection: Connection) -> None:
        await connection.grant(2)
        connection.publish(TICKER, 1)
        connection.publish(BOARD, 2)
        connection.send(f'{{"method":"channelMessage","params":{{"channel":"{BOARD}","message":{{"mid')
        connection.send(b"\xff\xfe")
        connection.publish(TICKER, 3)

    async with serve_script(script) as url, connect(TICKER, BOARD, endpoint=url) as stream:
        await take_until(stream, lambda item: isinstance(item, Message) and item.raw == b"2")
        items = await take_until(stream, is_message)
        await stream.close()
        rest: list[Any] = [item async for item in stream]
    named, unnamed = (item for item in items if isinstance(item, Malformed))
    assert "channelMessage" in named.frame
    assert unnamed.frame == "\\xff\\xfe"
    assert "UTF-8" in unnamed.error
    assert [type(item) for item in items] == [Malformed, Malformed, Gap, Message]
    assert items[2].channel == TICKER
    assert (items[2].to_ns, items[2].first) == (unnamed.received_ns, items[3])
    # The other channel's gap waits for its first message, which says where both ended.
    (gap,) = [item for item in rest if isinstance(item, Gap)]
    assert (gap.channel, gap.first) == (BOARD, None)
    assert gap.last is not None
    assert gap.last.raw == b"2"
    assert "could not be read" in gap.reason


async def test_fragments_are_joined_even_around_a_ping():
    async def script(connection: Connection) -> None:
        await connection.grant()
        text = f'{{"method":"channelMessage","params":{{"channel":"{TICKER}","message":"価格"}}}}'
        raw = text.encode()
        cut = raw.index("価".encode()) + 1  # in the middle of a character
        connection.send(raw[:cut], fin=False)
        connection.transport.send_ping(b"are you there")
        connection.send_bytes(bytes([0x80, len(raw) - cut]) + raw[cut:])

    async with serve_script(script) as url, connect(TICKER, endpoint=url) as stream:
        items = await take_until(stream, is_message)
    assert items[-1].raw == '"価格"'.encode()


async def test_fragmented_text_that_is_not_utf8_is_malformed():
    async def script(connection: Connection) -> None:
        await connection.grant()
        connection.send(b"\xff", fin=False)
        connection.send_bytes(b"\x80\x00")
        connection.publish(TICKER, 1)

    async with serve_script(script) as url, connect(TICKER, endpoint=url) as stream:
        items = await take_until(stream, is_message)
    assert [type(item) for item in items[-3:]] == [Malformed, Gap, Message]


async def test_binary_frame_is_read_as_text():
    """The reference server answers binary with binary (protocol reference, section 1.2)."""

    async def script(connection: Connection) -> None:
        await connection.take()
        connection.send_bytes(b"\x82\x26" + b'{"jsonrpc":"2.0","id":1,"result":true}')

    async with serve_script(script) as url, connect(TICKER, endpoint=url) as stream:
        await take_until(stream, status("subscribed", TICKER))


async def test_channel_that_nobody_asked_for_is_given_all_the_same():
    async def script(connection: Connection) -> None:
        await connection.grant()
        connection.publish("lightning_ticker_ETH_JPY", 1)

    async with serve_script(script) as url, connect(TICKER, endpoint=url) as stream:
        items = await take_until(stream, is_message)
    assert items[-1].channel == "lightning_ticker_ETH_JPY"


async def test_message_ends_the_interruption_before_the_answer_does():
    async def script(connection: Connection) -> None:
        if connection.number == 0:
            await connection.grant()
            connection.hang_up()
        else:
            await connection.take()
            connection.publish(TICKER, 1)
            connection.send('{"jsonrpc":"2.0","id":1,"result":true}')

    async with serve_script(script) as url, connect(TICKER, endpoint=url, delays=at_once) as stream:
        await take_until(stream, is_gap)
        message, acknowledged = await anext(stream), await anext(stream)
    assert is_message(message)
    assert status("subscribed", TICKER)(acknowledged)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("1", "the server closed the Engine.IO session"),
        ("41", "the server ended the Socket.IO session"),
        ('44{"message":"no"}', 'the server reported a Socket.IO error: {"message":"no"}'),
    ],
)
async def test_endings_of_socketio_itself(packet, reason):
    async def script(connection: Connection) -> None:
        connection.send('0{"sid":"s","upgrades":[],"pingInterval":15000,"pingTimeout":3000}')
        connection.send("40")
        if connection.number == 0:
            connection.send(packet)

    async with serve_script(script) as url, connect(endpoint=url, dialect="socketio", delays=at_once) as stream:
        items = await take_until(stream, status("closed"))
        await take_until(stream, status("open"))
    assert items[-1].detail == reason


async def test_socketio_heartbeat_that_is_not_answered_is_an_ending():
    async def script(connection: Connection) -> None:
        connection.send('0{"sid":"s","upgrades":[],"pingInterval":50,"pingTimeout":50}')
        connection.send("40")

    async with serve_script(script) as url, connect(endpoint=url, dialect="socketio", delays=at_once) as stream:
        items = await take_until(stream, status("closed"))
    assert items[-1].detail == "no answer to a ping"


# --- a consumer that is slow, leaves, or is cancelled


async def test_slow_consumer_stops_the_socket_and_loses_nothing():
    count = 20_000
    sent = 0

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.grant()
        for sent in range(1, count + 1):
            await connection.writable.wait()
            connection.publish(TICKER, [sent, "x" * 2000])

    async with serve_script(script) as url, connect(TICKER, endpoint=url, queue_limit=10) as stream:
        async with asyncio.timeout(60):
            await anext(aiter(stream))  # a queue without an iteration stops nothing
            while len(stream._inboxes.main.items) < 10:  # noqa: ASYNC110 (looked at in each turn of the event loop)
                await asyncio.sleep(0)
        # Turns of the event loop, enough for all of it to come if nothing held it up.
        for _ in range(3000):
            await asyncio.sleep(0)
        assert 10 <= len(stream._inboxes.main.items) < sent < count
        number = 1
        async for item in stream:
            if isinstance(item, Message):
                assert item.raw.startswith(b"[%d," % number)
                if number == count:
                    break
                number += 1


async def test_closing_while_iterating_ends_the_iteration_and_open_interruptions():
    async def script(connection: Connection) -> None:
        await connection.grant()
        connection.hang_up()

    async with serve_script(script) as url, connect(TICKER, endpoint=url, delays=lambda: iter([1000.0])) as stream:
        items = []
        async for item in stream:
            items.append(item)
            if status("backing_off")(item):
                await stream.close()
    assert isinstance(items[-1], Gap)
    assert items[-1].reason == ENDINGS[hang_up]


async def test_unsubscribing_ends_an_open_interruption():
    async def script(connection: Connection) -> None:
        await connection.grant()
        connection.hang_up()

    async with serve_script(script) as url, connect(TICKER, endpoint=url, delays=lambda: iter([1000.0])) as stream:
        await take_until(stream, status("backing_off"))
        await stream.unsubscribe(TICKER)
        assert is_gap(await anext(stream))


async def test_leaving_closes_the_connection_properly():
    closed = asyncio.Queue[bytes | None]()

    async def script(connection: Connection) -> None:
        await connection.closed.wait()
        closed.put_nowait(connection.close_payload)

    async with serve_script(script) as url:
        async with connect(endpoint=url) as stream:
            await take_until(stream, status("open"))
        assert await closed.get() == (1000).to_bytes(2)


async def test_cancelling_the_consumer_leaves_nothing_behind(server):
    async def consume() -> None:
        async with connect(TICKER, endpoint=server.url) as stream:
            async for item in stream:
                if status("subscribed", TICKER)(item):
                    subscribed.set()

    subscribed = asyncio.Event()
    task = asyncio.create_task(consume())
    await subscribed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_stream_is_entered_once_and_before_iterating(server):
    stream = connect(endpoint=server.url)
    with pytest.raises(LocalProtocolError, match="async with"):
        aiter(stream)
    async with stream:
        with pytest.raises(LocalProtocolError, match="once"):
            await stream.__aenter__()


async def test_stream_that_was_never_entered_can_be_closed():
    await connect().close()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"endpoint": "somewhere"}, "endpoint"),
        ({"dialect": "grpc"}, "dialect"),
        ({"queue_limit": 0}, "queue_limit"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments, field):
    with pytest.raises(InputError, match=field):
        connect(TICKER, **arguments)


def test_name_that_is_no_channel_is_refused():
    with pytest.raises(ChannelError):
        connect("nope_channel")
