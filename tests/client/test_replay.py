"""Replaying frame logs: a recorded stream gives the same items again."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import fulgurite
from fulgurite import Gap, GapCause, Malformed, Message, Status, StatusKind, board, board_snapshot, executions, ticker
from fulgurite.client.items import Frame, Item, Origin, Repaired
from fulgurite.client.logreplay import LogReplay
from fulgurite.client.recording import Recorder, log_lines
from fulgurite.client.replay import replay
from fulgurite.errors import InputError
from fulgurite.exchange.run import run
from fulgurite.orderbook import BookState, OrderBook
from fulgurite.protocol import jsonrpc, socketio
from fulgurite.protocol.channels import Channel
from fulgurite.protocol.framelog import Line, format_line, parse_line

PRODUCT = "FX_BTC_JPY"
CHANNELS = [channel(PRODUCT) for channel in (board_snapshot, board, ticker, executions)]
TICKER = ticker(PRODUCT).name


def comparable(item: Item | None) -> Any:
    """The item with all that it holds: messages compare by identity only."""
    if isinstance(item, Message):
        return item.channel, item.received_ns, item.frame, item.raw, item.origin
    if isinstance(item, Gap):
        return tuple(
            comparable(value) if isinstance(value, Message) else value for value in msgspec.structs.astuple(item)
        )
    return item


def book_of(book: OrderBook) -> Any:
    return (book.state, book.bids(), book.asks()) if book.state is BookState.LIVE else (book.state,)


SPOILING: list[dict[str, Any]] = [
    {"fault": "invalid-json", "chance": 0.03, "seed": 1},
    {"fault": "duplicate-executions", "chance": 0.5, "seed": 2},
    {"fault": "zero-ids", "chance": 0.1, "seed": 3},
    {"fault": "fragmented", "chance": 0.1, "seed": 4},
    {"fault": "truncated", "chance": 0.03, "seed": 5},
]


async def record(
    path: Path, until: Callable[[list[Item], OrderBook], bool], *endings: dict[str, Any], **options: Any
) -> tuple[list[Item], dict[int, Any]]:
    """Record a stream with faults until enough has come; gives its items, and its book after so many of them."""
    connections = options.get("connections", 1)
    options.setdefault("delays", lambda: repeat(0.3))
    items: list[Item] = []
    books = {}
    async with run(seed=1, faults=[*endings, *SPOILING], products=[PRODUCT]) as exchange:
        recorder = Recorder(path, is_numbered=connections > 1)
        async with (
            asyncio.timeout(60),
            fulgurite.connect(*CHANNELS, endpoint=exchange, frames=True, **options) as stream,
        ):
            book = stream.books[PRODUCT]
            async for batch in stream.batches():
                recorder.write(batch)
                recorder.flush()
                items += [item for item in batch if not isinstance(item, Frame)]
                books[len(items)] = book_of(book)
                if until(items, book):
                    break
        rest = [item async for batch in stream.batches() for item in batch]
        recorder.write(rest)
        items += [item for item in rest if not isinstance(item, Frame)]
        recorder.close()
    assert recorder.error is None
    return items, books


def is_eventful(items: list[Item], book: OrderBook) -> bool:
    """Closed twice, spoilt once, and good again."""
    closed = [item for item in items if isinstance(item, Status) and item.kind is StatusKind.CLOSED]
    is_spoilt = any(isinstance(item, Malformed) for item in items)
    return len(closed) >= 2 and is_spoilt and book.state is BookState.LIVE


def is_repaired(items: list[Item], book: OrderBook) -> bool:
    return any(isinstance(item, Message) and item.origin is Origin.BACKFILLED for item in items)


ENDINGS: list[dict[str, Any]] = [
    {"fault": "close", "after": 1.0, "every": 10.0},
    {"fault": "reset", "after": 2.0, "every": 10.0},
]


async def replayed(path: Path) -> list[Item]:
    async with asyncio.timeout(60):
        return [item async for item in replay(path)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("log.jsonl", {}),
        ("log.jsonl.zst", {"dialect": "socketio"}),
        ("log.jsonl", {"connections": 2}),
    ],
)
async def test_a_recorded_stream_comes_again_as_it_was(tmp_path, name, options):
    items, books = await record(tmp_path / name, is_eventful, *ENDINGS, repair="off", **options)
    assert any(isinstance(item, Gap) for item in items)
    again = await replayed(tmp_path / name)
    assert [comparable(item) for item in again] == [comparable(item) for item in items]

    log_replay = LogReplay()
    book = log_replay.keep_book(PRODUCT).book
    count = 0
    seen: dict[int, Any] = {}
    data = (tmp_path / name).read_bytes()
    if name.endswith(".zst"):
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    for line in data.splitlines():
        count += len(log_replay.receive(parse_line(line)))
        seen[count] = book_of(book)
    assert {state for state, *_ in books.values()} >= {BookState.LIVE}
    # After the last item the book may be asked once more when the stream has ended.
    for number, state in list(books.items())[:-1]:
        assert seen[number] == state


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.zst"])
async def test_a_log_that_a_crash_cut_anywhere_gives_the_messages_up_to_there(tmp_path, name):
    items, _ = await record(tmp_path / name, is_eventful, *ENDINGS, repair="off")
    messages = [comparable(item) for item in items if isinstance(item, Message)]
    whole = (tmp_path / name).read_bytes()
    counts = []
    for share in (0.1, 0.5, 0.999):
        (tmp_path / f"cut-{name}").write_bytes(whole[: int(len(whole) * share)])
        cut = [comparable(item) for item in await replayed(tmp_path / f"cut-{name}") if isinstance(item, Message)]
        assert cut == messages[: len(cut)]
        counts.append(len(cut))
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < len(messages)
    assert counts[2] > len(messages) / 2


async def test_what_was_recovered_comes_again_with_its_gap(tmp_path):
    path = tmp_path / "log.jsonl"
    items, _ = await record(path, is_repaired, {"fault": "close", "every": 4.0}, delays=lambda: repeat(2.0))
    again = await replayed(path)

    def messages(items: list[Item], origin: Origin) -> list[tuple[str, bytes]]:
        return [(item.channel, item.raw) for item in items if isinstance(item, Message) and item.origin is origin]

    assert messages(again, Origin.BACKFILLED) == messages(items, Origin.BACKFILLED)

    def repaired(items: list[Item]) -> list[tuple[str, int, Repaired, int]]:
        return [
            (gap.channel, gap.to_ns, gap.repaired, gap.recovered)
            for gap in items
            if isinstance(gap, Gap) and gap.recovered
        ]

    assert repaired(again) == repaired(items)
    # Before that each of them stands where nothing had been recovered yet.
    first = {
        gap.to_ns: gap.repaired
        for gap in reversed(again)
        if isinstance(gap, Gap) and gap.channel == repaired(items)[0][0]
    }
    assert first[repaired(items)[0][1]] is Repaired.NONE


def frame(number: int, encode: Any = jsonrpc.encode_message) -> Line:
    return Line(received_ns=1_000 + number, frame=encode(TICKER, b"%d" % number).decode())


def write(path: Path, *lines: Line | bytes) -> Path:
    path.write_bytes(b"".join(line if isinstance(line, bytes) else format_line(line) for line in lines))
    return path


async def test_a_log_of_nothing_but_frames_gives_their_messages_in_either_dialect(tmp_path):
    path = write(tmp_path / "log.jsonl", frame(1), frame(2, socketio.encode_message), Line(sent_ns=1, frame="x"))
    items = await replayed(path)
    assert [(item.raw, item.received_ns) for item in items if isinstance(item, Message)] == [(b"1", 1001), (b"2", 1002)]
    assert len(items) == 2


async def test_numbers_of_connections_alone_drop_nothing(tmp_path):
    """A log without connections does not show repetitions by a second connection."""
    lines = [msgspec.structs.replace(frame(number), connection=number) for number in range(5)]
    assert len(await replayed(write(tmp_path / "log.jsonl", *lines))) == 5


async def test_what_is_no_line_is_named_and_nothing_else_is_lost(tmp_path):
    path = write(tmp_path / "log.jsonl", frame(1), b"nonsense\n", b"\n", frame(2))
    one, malformed, gap, two = await replayed(path)
    assert isinstance(malformed, Malformed)
    assert malformed.frame == "nonsense"
    assert malformed.error.startswith(f"line 2 of {path}: not a line of a frame log")
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.from_ns, comparable(gap.last), comparable(gap.first)) == (
        TICKER, 1001, comparable(one), comparable(two)
    )  # fmt: skip


async def test_a_damaged_beginning_is_told_at_the_first_time_with_a_gap_in_each_channel(tmp_path):
    first, last = (b"".join(format_line(frame(number)) for number in numbers) for numbers in ((0, 1), (2, 3)))
    damaged = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(first))
    damaged[-3] ^= 1
    path = tmp_path / "log.jsonl.zst"
    path.write_bytes(bytes(damaged) + zstandard.ZstdCompressor(write_checksum=True).compress(last))
    malformed, gap, one, two = await replayed(path)
    assert isinstance(malformed, Malformed)
    assert isinstance(gap, Gap)
    assert isinstance(one, Message)
    assert isinstance(two, Message)
    assert (one.raw, two.raw) == (b"2", b"3")
    assert "damaged here" in malformed.error
    assert "damaged here" in gap.reason
    assert (gap.channel, gap.cause) == (one.channel, GapCause.UNREADABLE)
    assert malformed.received_ns == gap.from_ns == gap.to_ns == one.received_ns


async def test_a_log_that_was_cut_gives_what_it_holds(tmp_path):
    data = b"".join(format_line(frame(number)) for number in range(3))
    path = tmp_path / "log.jsonl.zst"
    path.write_bytes(zstandard.compress(data) + b"\x28\xb5\x2f\xfd nonsense")
    items = await replayed(path)
    assert [item.raw for item in items if isinstance(item, Message)] == [b"0", b"1", b"2"]
    *_, malformed, gap = items
    assert isinstance(malformed, Malformed)
    assert "damaged here, in a part compressed with zstandard" in malformed.error
    assert isinstance(gap, Gap)


async def test_a_gap_of_the_log_makes_the_book_stale(tmp_path):
    levels = b'{"mid_price":2.0,"bids":[{"price":1.0,"size":1.0}],"asks":[{"price":3.0,"size":1.0}]}'
    snapshot = jsonrpc.encode_message(board_snapshot(PRODUCT).name, levels).decode()
    diff = jsonrpc.encode_message(board(PRODUCT).name, b'{"mid_price":2.0,"bids":[],"asks":[]}').decode()
    path = write(
        tmp_path / "log.jsonl",
        Line(received_ns=1, frame=diff),
        Line(received_ns=2, frame=snapshot),
        Line(event="gap", channel=board(PRODUCT).name, reason="a tunnel", from_ns=3, to_ns=4),
        Line(received_ns=5, frame=diff),
        Line(received_ns=6, frame=snapshot),
    )
    async with replay(path) as stream:
        book = stream.books[PRODUCT]
        states = []
        async for item in stream:
            states.append((type(item).__name__, book.state))
            if isinstance(item, Gap):
                assert (item.reason, item.from_ns, item.to_ns) == ("a tunnel", 3, 4)
    assert book.reason == "the log has ended"
    assert [state for _, state in states] == ["WAITING_SNAPSHOT", "LIVE", "STALE", "STALE", "LIVE"]
    assert [name for name, _ in states] == ["Message", "Message", "Gap", "Message", "Message"]


async def test_its_pace_is_the_recorded_one_times_the_speed(tmp_path):
    lines = [Line(received_ns=1_000_000_000 * number, frame=frame(0).frame) for number in range(1, 4)]
    path = write(tmp_path / "log.jsonl", *lines)
    loop = asyncio.get_running_loop()
    began = loop.time()
    batches = [batch async for batch in replay(path, speed=20).batches()]
    assert loop.time() - began >= 2 / 20
    assert sum(len(batch) for batch in batches) == 3


SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def at(seconds: float, number: int = 0) -> Line:
    return msgspec.structs.replace(frame(number), received_ns=int(seconds * SECOND_NS))


async def test_a_clock_that_was_set_back_costs_neither_frames_nor_pace(tmp_path):
    """Frames come in the order of the file, and keep their pace after the clock was set back."""
    path = write(tmp_path / "log.jsonl", *(at(second) for second in (3610, 3611, 11, 12)))
    loop = asyncio.get_running_loop()
    moments = []
    async for item in replay(path, speed=10):
        assert isinstance(item, Message)
        moments.append((loop.time(), item.received_ns // SECOND_NS))
    assert [second for _, second in moments] == [3610, 3611, 11, 12]
    assert moments[-1][0] - moments[0][0] >= 0.2


async def test_a_jump_of_a_day_is_passed_over_and_said_unless_told_otherwise(tmp_path):
    path = write(tmp_path / "log.jsonl", at(1), at(2), at(2 + 86_400), at(2.01 + 86_400))
    async with asyncio.timeout(60):
        items = [item async for item in replay(path, speed=1)]
    passed_over = items[2]
    assert isinstance(passed_over, Status)
    assert (passed_over.kind, passed_over.seconds) == (StatusKind.PASSED_OVER, 86_400)
    assert sum(isinstance(item, Message) for item in items) == 4
    assert all(isinstance(item, Message) for item in await replayed(path)), "nobody waits there"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            assert [item async for item in replay(path, speed=10_000, longest_pause=float("inf"))] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("day.jsonl.gz", gzip.compress(b"".join(format_line(frame(number)) for number in range(3)))),
        ("day.jsonl", b"\xef\xbb\xbf" + b"".join(format_line(frame(number)) for number in range(3))),
        ("raw.txt", b"".join(b"1.5: %b\n" % jsonrpc.encode_message(TICKER, b"%d" % number) for number in range(3))),
        ("frames", b"".join(b"%b\n" % jsonrpc.encode_message(TICKER, b"%d" % number) for number in range(3))),
    ],
)
async def test_what_other_tools_recorded_is_replayed(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert [item.raw for item in await replayed(tmp_path / name) if isinstance(item, Message)] == [b"0", b"1", b"2"]


async def test_a_new_connection_in_a_foreign_log_is_a_gap(tmp_path):
    text = f"wss://x <-> 1\n2: {frame(1).frame}\nwss://x <-> 3\n4: {frame(2).frame}\n"
    (tmp_path / "raw.txt").write_text(text)
    items = await replayed(tmp_path / "raw.txt")
    assert [type(item).__name__ for item in items] == ["Status", "Message", "Status", "Status", "Gap", "Message"]


async def test_the_end_of_a_recording_that_was_killed_comes_and_is_said_to_be_cut(tmp_path):
    recorder = Recorder(tmp_path / "log.jsonl.zst")
    for number in range(200):
        recorder.write([Frame("received", 1_000 + number, frame(number).frame or "")])
        recorder.flush()
    *messages, cut = await replayed(tmp_path / "log.jsonl.zst")
    assert [item.raw for item in messages if isinstance(item, Message)] == [b"%d" % number for number in range(200)]
    assert isinstance(cut, Malformed)
    assert "ends early" in cut.error
    recorder.close()
    assert not any(isinstance(item, Malformed) for item in await replayed(tmp_path / "log.jsonl.zst"))


async def test_a_pipe_is_replayed_from_its_beginning(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    items = asyncio.create_task(replayed(tmp_path / "pipe"))
    data = b"".join(format_line(frame(number)) for number in range(3_000))
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path / "pipe", stdin=asyncio.subprocess.PIPE
    )
    await writer.communicate(data)
    assert len(await items) == 3_000


async def test_others_have_their_turn_while_it_replays(tmp_path):
    path = write(tmp_path / "log.jsonl", *map(frame, range(20_000)))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(take_turns())
    count = len(await replayed(path))
    task.cancel()
    assert count == 20_000
    assert turns > 5


@pytest.mark.parametrize("argument", [{"longest_pause": 0}, {"frame_rate": -1}, {"frame_rate": 10}])
def test_arguments_that_cannot_be_meant_are_refused(tmp_path, argument):
    """A rate among them where the file has times."""
    path = write(tmp_path / "log.jsonl", frame(1))
    with pytest.raises(InputError, match=next(iter(argument))):
        replay(path, **argument)


@pytest.mark.parametrize(
    ("name", "speed"), [("missing", None), (".", None), ("x.zst", None), ("x", 0), ("x", -1.0), ("x", float("nan"))]
)
def test_what_cannot_be_replayed_is_refused(tmp_path, name, speed):
    (tmp_path / "x").touch()
    (tmp_path / "x.zst").write_bytes(b"not compressed at all")
    with pytest.raises(InputError, match=r"path|speed"):
        replay(tmp_path / name, speed=speed)


channels = st.sampled_from([*[channel.name for channel in CHANNELS], "child_order_events", "made up"])
texts = st.text(max_size=20)
times = st.integers(0, 2**62)
numbers = st.integers(0, 2)
messages = st.sampled_from([b"1", b"[]", b'[{"id":1}]', b'{"mid_price":1.0,"bids":[],"asks":[]}'])
wire = st.one_of(
    texts,
    st.builds(lambda c, m: jsonrpc.encode_message(c, m).decode(), channels, messages),
    st.builds(lambda c, m: socketio.encode_message(c, m).decode(), channels, messages),
)
any_item = st.one_of(
    st.builds(Frame, st.sampled_from(["sent", "received"]), times, wire, numbers),
    st.builds(Malformed, times, texts, texts),
    st.builds(
        Status, st.sampled_from(StatusKind), times, st.none() | channels, texts, st.none() | st.floats(0, 1e6), numbers
    ),
    st.builds(
        Gap, channels, texts, times, times, repaired=st.sampled_from(Repaired), recovered=st.integers(0, 9), note=texts,
        unresolved=st.lists(texts, max_size=2).map(tuple), cause=st.sampled_from(GapCause), dropped=numbers,
    ),
    st.builds(
        lambda c, at, m, o: Message(c, at, "", msgspec.Raw(m), origin=o), channels, times, messages,
        st.sampled_from(Origin),
    ),
)  # fmt: skip


def test_a_book_is_stale_where_the_stream_was_behind_until_it_had_caught_up():
    log_replay = LogReplay()
    book = log_replay.keep_book(PRODUCT).book
    states = []

    def take(item: Item) -> None:
        for line in log_lines([item], False):
            log_replay.receive(parse_line(format_line(line)))
        states.append(str(book.state))

    def come(channel: Channel, text: str) -> None:
        take(Frame("received", 5, jsonrpc.encode_message(channel.name, text.encode()).decode()))

    snapshot = '{"mid_price":100.0,"bids":[{"price":99.0,"size":1.0}],"asks":[{"price":101.0,"size":1.0}]}'
    for channel in (board(PRODUCT), board_snapshot(PRODUCT)):
        take(Status(StatusKind.SUBSCRIBED, 3, channel.name))
    come(board_snapshot(PRODUCT), snapshot)
    take(Status(StatusKind.BEHIND, 6, None, "nobody read"))
    assert book.reason == "nobody read"
    come(board_snapshot(PRODUCT), snapshot)
    take(Status(StatusKind.CAUGHT_UP, 7))
    come(board_snapshot(PRODUCT), snapshot)
    assert states == ["WAITING_SNAPSHOT"] * 2 + ["LIVE"] + ["STALE"] * 3 + ["LIVE"]


def test_a_book_is_stale_where_frames_were_dropped_that_no_gap_tells_of():
    log_replay = LogReplay()
    book = log_replay.keep_book(PRODUCT).book
    snapshot = '{"mid_price":100.0,"bids":[{"price":99.0,"size":1.0}],"asks":[{"price":101.0,"size":1.0}]}'
    frame = jsonrpc.encode_message(board_snapshot(PRODUCT).name, snapshot.encode()).decode()
    dropped = Status(StatusKind.DROPPED, 6, detail="the consumer was too slow", dropped=2)
    subscribed = (Status(StatusKind.SUBSCRIBED, 3, c.name) for c in (board(PRODUCT), board_snapshot(PRODUCT)))
    came = Frame("received", 5, frame)
    states = []
    for line in log_lines([*subscribed, came, dropped, came], False):
        items = log_replay.receive(parse_line(format_line(line)))
        states.append(str(book.state))
        assert (dropped in items) == (line.event == "dropped")
    assert states == ["WAITING_SNAPSHOT"] * 2 + ["LIVE", "STALE", "LIVE"]


@settings(max_examples=300)
@given(st.lists(any_item, max_size=40), st.booleans())
def test_whatever_was_recorded_can_be_replayed(items, is_numbered):
    log_replay = LogReplay()
    book = log_replay.keep_book(PRODUCT).book
    given_items: list[Item] = []
    for line in log_lines(items, is_numbered):
        given_items += log_replay.receive(parse_line(format_line(line)))
    given_items += log_replay.finish()
    assert book.state is not BookState.LIVE
    recorded = [item for item in items if isinstance(item, Status)]
    assert [item for item in given_items if isinstance(item, Status)] == [
        item if is_numbered else msgspec.structs.replace(item, connection=0) for item in recorded
    ]
    # Every gap is there, if only as part of a longer one.
    for gap in items:
        if isinstance(gap, Gap):
            assert any(
                isinstance(other, Gap) and other.channel == gap.channel and other.to_ns >= gap.to_ns
                for other in given_items
            )
            if gap.cause is GapCause.DROPPED:
                assert any(isinstance(other, Gap) and other.dropped == gap.dropped for other in given_items)
