"""Recording: the lines of the file, and a file that cannot be written."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import zstandard

from fulgurite.client import recording
from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.client.recording import Recorder, log_lines
from fulgurite.client.replay import replay
from fulgurite.errors import InputError
from fulgurite.protocol import jsonrpc
from fulgurite.protocol.framelog import Line, parse_line
from fulgurite.protocol.logreader import read_log

TICKER = "lightning_ticker_BTC_JPY"
ITEMS: list[Item] = [
    Status(StatusKind.CONNECTING, 1, None, "ws://x", connection=1),
    Frame("sent", 2, '{"method":"auth","params":{"api_key":"KEY"},"id":1}', 1),
    Frame("received", 3, "nonsense", 1),
    Malformed(3, "nonsense", "why"),
    Frame("received", 4, "fine", 1),
    Message("c", 4, "fine", msgspec.Raw(b"1")),
    Gap("c", "closed", 5, 6, repaired=Repaired.FULL, recovered=2),
    Gap("c", "too slow", 7, 8, cause=GapCause.DROPPED, dropped=3),
    Gap("c", "closed", 5, 6, repaired=Repaired.FULL, recovered=2, close_code=1012),
    Status(StatusKind.CLOSED, 6, None, "closed", None, 1, 1012, "maintenance"),
    Status(StatusKind.DROPPED, 6, dropped=4),
    Message("c", 7, "", msgspec.Raw(b"[2]"), origin=Origin.BACKFILLED),
]
LINES = [
    Line(event="connecting", at_ns=1, detail="ws://x", connection=1),
    Line(sent_ns=2, frame='{"method":"auth","params":{},"id":1}', connection=1),
    Line(received_ns=3, frame="nonsense", connection=1, event="malformed", detail="why"),
    Line(received_ns=4, frame="fine", connection=1),
    Line(event="gap", channel="c", reason="closed", from_ns=5, to_ns=6, repaired="full", recovered=2),
    Line(
        event="gap", channel="c", reason="too slow", from_ns=7, to_ns=8, repaired="none", recovered=0,
        cause="dropped", dropped=3,
    ),
    Line(event="gap", channel="c", reason="closed", from_ns=5, to_ns=6, repaired="full", recovered=2, close_code=1012),
    Line(event="closed", at_ns=6, detail="closed", connection=1, close_code=1012, close_reason="maintenance"),
    Line(event="dropped", at_ns=6, connection=0, dropped=4),
    Line(event="backfilled", channel="c", at_ns=7, message="[2]"),
]  # fmt: skip


def read(path: Path) -> list[Line]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(data)
    return [parse_line(line) for line in data.splitlines()]


def test_each_frame_and_event_has_its_line():
    assert list(log_lines(ITEMS, True)) == LINES


def test_a_single_connection_has_no_number():
    assert all(line.connection is None for line in log_lines(ITEMS, False))


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.zst"])
def test_what_was_flushed_is_in_the_file_whatever_happens_then(tmp_path, name):
    recorder = Recorder(tmp_path / name, is_numbered=True)
    recorder.write(ITEMS)
    recorder.flush()
    assert read(tmp_path / name) == LINES, "before it was closed"
    recorder.write(ITEMS[:1])
    recorder.close()
    recorder.close()
    *lines, end = read(tmp_path / name)
    assert lines == [*LINES, LINES[0]]
    assert end.event == "end"
    assert recorder.error is None


def test_much_is_not_held_back(tmp_path):
    recorder = Recorder(tmp_path / "log.jsonl")
    frame = Frame("received", 1, "x" * 1000)
    for _ in range(20):
        recorder.write([frame] * 100)
    assert recorder.written_bytes > 1_000_000
    recorder.close()


def test_no_flipped_bit_of_a_recording_gives_an_altered_frame(tmp_path):
    """Of any of its parts, the last one included."""
    path = tmp_path / "log.jsonl.zst"
    recorder = Recorder(path)
    chance = random.Random(1)
    frames = {f"{chance.random()} {number}" for number in range(2_000)}
    text = [Frame("received", 1, frame) for frame in sorted(frames)]
    for _ in range(45):
        recorder.write(text)
        recorder.flush()
    recorder.close()
    whole = path.read_bytes()
    assert whole.count(b"\x28\xb5\x2f\xfd") > 1
    silent = altered = 0
    for _ in range(20):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        steps = list(read_log(io.BytesIO(data)))
        altered += any(isinstance(step, Line) and step.frame is not None and step.frame not in frames for step in steps)
        silent += all(isinstance(step, Line) for step in steps)
    assert (silent, altered) == (0, 0)


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("precious")
    with pytest.raises(InputError, match=r"--record.*--force to replace it"):
        Recorder(path)
    assert path.read_text() == "precious"
    Recorder(path, replaces=True).close()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["end"]


@pytest.mark.parametrize("name", ["missing/log.jsonl", ".", "log.jsonl.gz"])
def test_a_file_that_cannot_be_made_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="--record"):
        Recorder(tmp_path / name)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full, which Linux has")
@pytest.mark.parametrize("name", ["full", "full.zst"])
def test_a_full_disk_is_told_in_a_sentence_and_raises_nothing(tmp_path, name):
    path = tmp_path / name
    path.symlink_to("/dev/full")
    recorder = Recorder(path, replaces=True)
    recorder.write(ITEMS)
    assert recorder.error is None
    recorder.flush()
    assert str(recorder.error) == (
        f"cannot write {path}: No space left on device; trying again, with no frame lost so far"
    )
    recorder.write(ITEMS)
    recorder.flush()
    recorder.close()
    assert str(recorder.error) == (
        f"at most 6 frames are missing from {path}: No space left on device; the rest is intact"
    )


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process may become longer: a disk that is full, and has room again afterwards."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def messages_of(numbers: range) -> list[Item]:
    items: list[Item] = []
    for number in numbers:
        frame = jsonrpc.encode_message(TICKER, b"%d" % number).decode()
        message = Message(TICKER, number, frame, msgspec.Raw(b"%d" % number))
        items += [Frame("received", number, frame), message]
    return items


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.zst"])
def test_a_disk_that_was_full_for_a_while_costs_nothing(tmp_path, name):
    recorder = Recorder(tmp_path / name)
    with files_end_at(1_000):
        for number in range(0, 1_000, 100):
            recorder.write(messages_of(range(number, number + 100)))
            recorder.flush()
        assert recorder.error is not None
        assert (tmp_path / name).stat().st_size <= 1_000
    recorder.flush()
    assert (recorder.error, recorder.lost) == (None, 0)
    recorder.close()
    assert recorder.error is None
    *frames, end = read(tmp_path / name)
    assert [line.received_ns for line in frames] == list(range(1_000))
    assert end.event == "end"


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.zst"])
async def test_what_is_lost_on_a_full_disk_is_a_gap_in_the_recording_and_in_its_replay(tmp_path, monkeypatch, name):
    monkeypatch.setattr(recording, "HELD_BYTES", 20_000)
    recorder = Recorder(tmp_path / name)
    recorder.write(messages_of(range(1, 100)))
    recorder.flush()
    with files_end_at(recorder.written_bytes):
        recorder.flush()
        for number in range(100, 1_000, 100):
            recorder.write(messages_of(range(number, number + 100)))
            recorder.flush()
        recorder.write([Status(StatusKind.CLOSED, 999, None, "closed by the server")])
    lost = recorder.lost
    assert 0 < lost < 900
    assert recorder.error is not None
    assert recorder.error.lost > 0
    recorder.flush()
    assert recorder.error is None
    recorder.write(messages_of(range(1_000, 1_100)))
    recorder.close()
    assert str(recorder.error) == (
        f"at most {lost} frames are missing from {tmp_path / name}: File too large; the rest is intact"
    )

    lines = read(tmp_path / name)
    kept = [line.received_ns for line in lines if line.frame is not None]
    assert kept == [*range(1, 1_000 - lost), *range(1_000, 1_100)]
    told = [line for line in lines if line.event in ("gap", "closed")]
    assert told[0].event == "closed"
    assert (told[1].channel, told[1].cause, told[1].from_ns, told[1].to_ns, told[1].reason) == (
        TICKER, "unrecorded", 1_000 - lost, 999, "not recorded: File too large",
    )  # fmt: skip
    items = [item async for item in replay(tmp_path / name)]
    gaps = [item for item in items if isinstance(item, Gap) and item.cause is GapCause.UNRECORDED]
    assert [(gap.from_ns, gap.to_ns) for gap in gaps] == [(1_000 - lost, 999)]
