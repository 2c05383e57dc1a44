"""Recording: what stands in the file, and what happens when it cannot be written."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import msgspec
import pytest
import zstandard

from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.client.recording import Recorder, log_lines
from fulgurite.errors import InputError
from fulgurite.protocol.framelog import Line, parse_line
from fulgurite.protocol.logreader import read_log

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
    Line(event="backfilled", channel="c", at_ns=7, message="[2]"),
]  # fmt: skip


def read(path: Path) -> list[Line]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
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


@pytest.mark.parametrize("name", ["missing/log.jsonl", "."])
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
        f"nothing more is recorded: cannot write {path}: No space left on device; what it holds so far is good"
    )
    recorder.write(ITEMS)
    recorder.flush()
    recorder.close()
    assert "No space left" in str(recorder.error)
