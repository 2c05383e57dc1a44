"""Reading recorded traffic from files of every format."""

import codecs
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.errors import InputError
from fulgurite.protocol import jsonrpc, socketio
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.framelog import Line, format_line, recorded_messages
from fulgurite.protocol.logformats import Odd, Step
from fulgurite.protocol.logreader import MAX_LINE_BYTES, LogReader, read_log
from tests.captures import SESSIONS, received_lines

CHANNEL = "lightning_ticker_BTC_JPY"
AT_NS = 1_626_992_963_044_164_300


def frame(number: int, encode: Any = jsonrpc.encode_message) -> str:
    return encode(CHANNEL, b"%d" % number).decode()


FRAMES = [frame(1), frame(2, socketio.encode_message), frame(3)]
SUBSCRIBE = '{"method":"subscribe","params":{"channel":"x"}}'


def read(text: str | bytes, frame_rate: float | None = None) -> list[Step]:
    return list(read_log(io.BytesIO(text.encode() if isinstance(text, str) else text), frame_rate))


def refused(text: str | bytes, frame_rate: float | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        read(text, frame_rate)
    return caught.value


def log_of(*frames: str) -> bytes:
    return b"".join(format_line(Line(received_ns=AT_NS, frame=each)) for each in frames)


LINES = [Line(received_ns=AT_NS, frame=each) for each in FRAMES]


@pytest.mark.parametrize(
    "data",
    [
        log_of(*FRAMES),
        log_of(*FRAMES).removesuffix(b"\n"),
        log_of(*FRAMES).replace(b"\n", b"\r\n"),
        log_of(*FRAMES).replace(b"\n", b"\n\n \n"),
        codecs.BOM_UTF8 + log_of(*FRAMES),
        gzip.compress(codecs.BOM_UTF8 + log_of(*FRAMES)),
        zstandard.compress(log_of(*FRAMES)),
        gzip.compress(log_of(*FRAMES[:1])) + gzip.compress(log_of(*FRAMES[1:])),
    ],
    ids=["plain", "no end", "CRLF", "blank lines", "BOM", "gzip and BOM", "zstandard", "two members"],
)
def test_a_frame_log_is_read_however_it_was_stored(data):
    assert read(data) == LINES


def har(*connections: list[dict[str, Any]]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [{"request": {"url": "https://example.org/"}, "response": {}}]
    for messages in connections:
        entries.append({"_resourceType": "websocket", "_webSocketMessages": messages, "request": {"url": "wss://x"}})
    return {"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "pages": [], "entries": entries}}


def har_message(at: float, data: str, *, kind: str = "receive", opcode: int = 1) -> dict[str, Any]:
    return {"type": kind, "time": at, "opcode": opcode, "data": data}


@pytest.mark.parametrize("indent", [None, 2])
def test_the_connections_of_har_are_read(indent):
    """As Chrome saves it: several connections in one file, of which those count that brought channels."""
    one = [har_message(1640291138.212745, SUBSCRIBE, kind="send"), har_message(1640291139.5, FRAMES[0])]
    two = [har_message(1640291139.25, FRAMES[1]), har_message(1640291140, "AA==", opcode=2)]
    other = [har_message(1640291139, "hello")]
    *lines, odd = read(json.dumps(har(one, other, two), indent=indent))
    assert lines == [
        Line(sent_ns=1_640_291_138_212_745_000, frame=SUBSCRIBE, connection=0),
        Line(received_ns=1_640_291_139_250_000_000, frame=FRAMES[1], connection=1),
        Line(received_ns=1_640_291_139_500_000_000, frame=FRAMES[0], connection=0),
    ]
    assert isinstance(odd, Odd)
    assert "opcode 2" in odd.problem


def test_one_connection_of_har_keeps_its_order_and_has_no_number():
    messages = [har_message(at, each) for at, each in zip((10, 11, 9), FRAMES, strict=True)]
    assert read(json.dumps(har(messages))) == [
        Line(received_ns=at * 10**9, frame=each) for at, each in zip((10, 11, 9), FRAMES, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(har([har_message(1, "hello")])), "HAR without the messages of a channel"),
        (json.dumps(har(), indent=1), "HAR without the messages of a channel"),
        ('{"log":{"entries":', "HAR that cannot be read"),
        ("{\n  1\n}", "HAR that cannot be read"),
        ('{"log":{"entries":[{"_webSocketMessages":5}]}}', "HAR that cannot be read"),
    ],
)
def test_har_that_holds_nothing_of_ours_is_refused(text, said):
    assert said in str(refused(text).value)


def test_an_odd_message_of_har_costs_no_other():
    messages = [har_message(1, FRAMES[0]), {"type": "receive"}, har_message(2, FRAMES[2])]
    first, odd, last = read(json.dumps(har(messages)))
    assert (first, last) == (Line(received_ns=10**9, frame=FRAMES[0]), Line(received_ns=2 * 10**9, frame=FRAMES[2]))
    assert isinstance(odd, Odd)


def test_raw_lines_of_cryptofeed_are_read():
    text = (
        'configuration: {"ticker":["BTC-JPY"]}\n'
        "wss://x/json-rpc <-> 1626992962.329118\n"
        f"wss://x/json-rpc <- 1626992962.9780889: {SUBSCRIBE}\n"
        f"1626992963.0441643: {FRAMES[0]}\n"
        "wss://x/json-rpc <-> 1626992964\n"
        f"1626992965: {FRAMES[2]}\n"
        "nonsense\n"
    )
    opened, sent, first, closed, again, last, odd = read(text)
    assert opened == Line(event="open", at_ns=1_626_992_962_329_118_000, detail="wss://x/json-rpc")
    assert sent == Line(sent_ns=1_626_992_962_978_088_900, frame=SUBSCRIBE)
    assert first == Line(received_ns=AT_NS, frame=FRAMES[0])
    assert isinstance(closed, Line)
    assert (closed.event, closed.at_ns) == ("closed", 1_626_992_964_000_000_000)
    assert isinstance(again, Line)
    assert again.event == "open"
    assert last == Line(received_ns=1_626_992_965_000_000_000, frame=FRAMES[2])
    assert isinstance(odd, Odd)
    assert (odd.number, odd.text) == (7, b"nonsense")


@pytest.mark.parametrize("session", SESSIONS)
def test_a_recorded_session_is_read_as_it_is(captures: Path, session: str):
    with (captures / session).open("rb") as file:
        received = [line for line in read_log(file) if isinstance(line, Line) and line.received_ns is not None]
    assert received == list(received_lines(captures / session))


def test_raw_lines_of_tardis_are_read_and_a_blank_one_is_where_its_connection_was_lost():
    text = f"2021-07-22T22:29:23.0441643Z {FRAMES[0]}\n\n\n2021-07-22T22:29:24Z {FRAMES[2]}\n2021-99-22T22:29:24Z x\n"
    first, closed, last, odd = read(text)
    assert first == Line(received_ns=AT_NS, frame=FRAMES[0])
    assert isinstance(closed, Line)
    assert (closed.event, closed.at_ns) == ("closed", AT_NS)
    assert last == Line(received_ns=1_626_992_964_000_000_000, frame=FRAMES[2])
    assert isinstance(odd, Odd)


def test_bare_frames_come_at_a_rate():
    frames = [*FRAMES, "2", "431[null]", '0{"sid":"x"}', '[{"id":1,"result":true}]']
    text = "\n".join(frames)
    assert read(text, 4) == [
        Line(received_ns=number * 250_000_000, frame=each) for number, each in enumerate(frames, 1)
    ]
    distance = read(text)[0]
    assert isinstance(distance, Line)
    assert distance.received_ns == round(1e9 / 33)
    *_, odd = read(f"{text}\nnonsense\n")
    assert isinstance(odd, Odd)


@pytest.mark.parametrize("first", [*FRAMES, '{"id":1,"jsonrpc":"2.0","result":true}', SUBSCRIBE, "40", "3probe"])
def test_bare_frames_are_known_by_their_first(first):
    assert [line.frame for line in read(f"{first}\n") if isinstance(line, Line)] == [first]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_an_odd_rate_is_refused(rate):
    assert refused(FRAMES[0], rate).field == "frame_rate"


def test_a_rate_of_a_file_that_has_times_is_refused_and_not_ignored():
    error = refused(log_of(*FRAMES), 10)
    assert error.field == "frame_rate"
    assert "a frame log" in error.accepted


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (log_of(*FRAMES).decode().encode("utf-16"), "UTF-16"),
        (log_of(*FRAMES).decode().encode("utf-16-le"), "UTF-16"),
        (log_of(*FRAMES).decode().encode("utf-16-be"), "UTF-16"),
        (gzip.compress(log_of(*FRAMES).decode().encode("utf-16")), "UTF-16"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\xfd7zXZ\x00" + bytes(100), "xz"),
        (b"\x0a\x0d\x0d\x0a" + bytes(100), "pcapng"),
        (b"exchange,symbol,timestamp\nbitflyer,BTC_JPY,1\n", "text that begins with exchange,symbol,timestamp"),
        (b"<!doctype html>", "text that begins with <!doctype html>"),
        (b'{"unknown": 1}\n', 'text that begins with {"unknown": 1}'),
        (b"[1]", "text that begins with [1]"),
        (b"x" * 100_000, "text that begins with xxx"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 100, "damaged here"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_can(data, name):
    error = refused(data)
    assert error.field == "frame log"
    assert name in str(error.value)
    for accepted in ("frame log", "HAR", "cryptofeed", "tardis", "one frame a line", "gzip", "zstandard"):
        assert accepted in error.accepted


def test_a_first_line_that_is_torn_costs_nothing_but_itself():
    odd, *lines = read(b'":1,"frame":"x"}\n' + log_of(*FRAMES))
    assert isinstance(odd, Odd)
    assert (odd.number, odd.text) == (1, b'":1,"frame":"x"}')
    assert lines == LINES


def test_an_empty_file_holds_nothing():
    assert read(b"") == read(b"\n\n") == read(gzip.compress(b"")) == []


def test_a_log_that_was_cut_off_gives_every_line_and_says_so():
    data = log_of(*FRAMES) + b'{"received_ns":5,"fra'
    *lines, odd = read(data)
    assert (lines, isinstance(odd, Odd)) == (LINES, True)
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    *lines, odd, cut = read(compressor.compress(data) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    assert (lines, isinstance(odd, Odd)) == (LINES, True)
    assert isinstance(cut, Damage)
    assert cut.is_end


def test_a_line_without_an_end_comes_in_pieces():
    *_, one, two = read(log_of(FRAMES[0]) + b"x" * (MAX_LINE_BYTES + 200_000))
    assert isinstance(one, Odd)
    assert isinstance(two, Odd)
    assert len(one.text) + len(two.text) == MAX_LINE_BYTES + 200_000


@given(st.lists(st.binary(max_size=300).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"")), max_size=30),
       st.integers(1, 100), st.booleans())  # fmt: skip
def test_lines_are_split_wherever_the_pieces_end(lines, size, is_compressed):
    data = log_of(FRAMES[0]) + b"".join(line + b"\n" for line in lines)
    data = zstandard.compress(data) if is_compressed else data
    reader = LogReader()
    pieces = (reader.feed(data[start : start + size]) for start in range(0, len(data), size))
    steps = [step for piece in (*pieces, reader.finish()) for lines in piece for step in lines]
    assert steps[0] == LINES[0]
    assert [step.text for step in steps[1:] if isinstance(step, Odd)] == [line for line in lines if line.strip()]


@given(
    st.sampled_from([b"", b"{", b"configuration: ", b"2021-07-22T22:29:23Z ", b"42", b"\xef\xbb\xbf{}"]), st.binary()
)
def test_whatever_comes_is_read_or_refused(beginning, data):
    try:
        steps = read(beginning + data)
    except InputError:
        return
    for step in steps:
        if isinstance(step, Line):
            recorded_messages(step.frame or "")
