"""Recording the traffic, and replaying a frame log in place of a connection."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from fulgurite import Gap, Message, replay
from fulgurite.playground import framelogs, indexedlog
from tests.playground.recorded import BEGAN_NS, FX, frame_of, log_of
from tests.playground.talking import Talker

CHANNELS = [f"lightning_{kind}_{FX}" for kind in ("board_snapshot", "board", "ticker", "executions")]


def all_receive(message: dict[str, Any]) -> bool:
    return message["type"] == "channels" and all(row["state"] == "receiving" for row in message["channels"])


async def open_replay(talker: Talker, content: bytes, name: str = "day.jsonl") -> dict[str, Any]:
    await talker.say(type="openreplay", key=(await talker.upload(content)).json()["key"], name=name)
    return await talker.until(lambda m: m["type"] == "replay" and m["run"])


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_recording_replays_with_the_gaps_that_there_were(talker, exchange, tmp_path: Path, dialect):
    await talker.say(type="connect", endpoint="embedded", dialect=dialect, channels=CHANNELS)
    await talker.until(all_receive)
    await talker.say(type="record", on=True)
    await talker.until(lambda m: m["type"] == "recording" and m["frames"] > 10)
    async with httpx.AsyncClient() as client:
        await client.post(f"{exchange.control}/faults", json={"fault": "close", "code": 1012, "reason": "maintenance"})
    await talker.until(lambda _: {m["channel"] for m in talker.all if m["type"] == "gap"} == set(CHANNELS))
    await talker.until(all_receive)
    await talker.say(type="record", on=False)
    recorded = await talker.until(lambda m: m["type"] == "recording" and not m["active"])
    assert recorded["problem"] == ""

    answer = await talker.download(recorded["key"])
    assert answer.status_code == 200
    assert (await talker.download(recorded["key"])).status_code == 404, "it is given away once"
    path = tmp_path / "recording.jsonl"
    path.write_bytes(answer.content)
    items = [item async for item in replay(path)]
    assert {item.channel for item in items if isinstance(item, Gap)} == set(CHANNELS)
    messages = sum(isinstance(item, Message) for item in items)

    talker.all.clear()
    opened = await open_replay(talker, answer.content)
    assert opened["dialect"] == dialect
    assert set(opened["channels"]) == set(CHANNELS)
    assert opened["malformed"] == 0
    await talker.say(type="pace", speed=None, paused=False)
    await talker.until(lambda m: m["type"] == "replaystate" and m["ended"])
    live = [m for m in talker.all if m["type"] == "gap"]
    assert {gap["channel"] for gap in live} == set(CHANNELS)
    assert all("1012 maintenance" in gap["reason"] for gap in live)
    frames = [m for m in talker.all if m["type"] == "frame" and m["direction"] == "received"]
    assert len(frames) >= messages, "as fast as possible leaves no frame out"
    assert not [m for m in talker.all if m["type"] == "dropped"]


async def test_the_time_of_a_replay_is_that_of_the_log_and_it_can_stand_still(talker):
    opened = await open_replay(talker, log_of(100))
    assert opened["from_ms"] == BEGAN_NS / 1e6
    assert opened["to_ms"] == pytest.approx(BEGAN_NS / 1e6 + 99_900)
    states = await talker.until(lambda m: m["type"] == "channels" and m["frames"] > 2)
    assert abs(states["now_ms"] - BEGAN_NS / 1e6) < 60_000
    await talker.say(type="pace", speed=1, paused=True)
    stands = await talker.until(lambda m: m["type"] == "replaystate" and m["paused"])
    again = await talker.until_type("replaystate")
    assert again["at_ms"] == stands["at_ms"]
    assert again["at_ms"] < opened["to_ms"]
    await talker.say(type="pace", speed=100, paused=False)
    await talker.until(lambda m: m["type"] == "gap" and "1012 maintenance" in m["reason"])
    ended = await talker.until(lambda m: m["type"] == "replaystate" and m["ended"])
    assert ended["at_ms"] == pytest.approx(opened["to_ms"])


async def test_going_forth_and_back_shows_what_was_just_before(talker):
    await talker.say(type="view", product_code=FX)
    opened = await open_replay(talker, log_of(1_000))
    await talker.say(type="pace", speed=1, paused=True)
    await talker.until(lambda m: m["type"] == "replaystate" and m["paused"])
    talker.all.clear()
    await talker.say(type="seek", at_ms=opened["from_ms"] + 900_000)
    ticker = await talker.until(lambda m: m["type"] == "ticker" and m["ltp"] == 8999)
    assert ticker["product_code"] == FX
    frames = [m for m in talker.all if m["type"] == "frame"]
    assert frames[-1]["text"] == frame_of(8999)
    assert len(frames) == 1_000, "of what was passed over only the last frames are sent"
    assert [m["reason"] for m in talker.all if m["type"] == "gap"] == ["closed by the server: 1012 maintenance"]

    talker.all.clear()
    await talker.say(type="seek", at_ms=opened["from_ms"] + 100_000)
    anew = await talker.until(lambda m: m["type"] == "replay")
    assert anew["run"] != opened["run"], "all is shown anew"
    await talker.until(lambda _: any(m["type"] == "ticker" and m["ltp"] == 999 for m in talker.all))
    assert not [m for m in talker.all if m["type"] == "gap"], "it has not happened yet"
    position = await talker.until_type("replaystate")
    assert position["paused"]
    assert position["at_ms"] == pytest.approx(opened["from_ms"] + 100_000, abs=200)


async def test_lines_that_cannot_be_read_are_counted_and_named(talker):
    opened = await open_replay(talker, b"no line\n" + log_of(5) + b'{"received_ns": "late"}\n')
    assert opened["malformed"] == 2
    assert opened["problems"][0] == "line 1: no line"
    await talker.say(type="pace", speed=None, paused=False)
    malformed = await talker.until(lambda m: m["type"] == "malformed")
    assert "of day.jsonl" in malformed["problem"]
    await talker.until(lambda m: m["type"] == "replaystate" and m["ended"])


async def test_a_compressed_log_is_replayed(talker):
    opened = await open_replay(talker, zstandard.compress(log_of(5)), "day.jsonl.zst")
    assert opened["lines"] == 57


async def test_a_recorders_clock_that_was_set_changes_neither_order_nor_pace(talker):
    """Set back by an hour no time passes, and ahead by a day neither, which is said."""
    seconds = [0, 1, -3_600, -3_599, 82_801, 82_802]
    lines = [
        {"received_ns": BEGAN_NS + second * 1_000_000_000, "frame": frame_of(number)}
        for number, second in enumerate(seconds)
    ]
    opened = await open_replay(talker, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert opened["to_ms"] - opened["from_ms"] == pytest.approx(3_000)
    assert opened["to_clock_ms"] == pytest.approx(BEGAN_NS / 1e6 + 82_802_000)
    await talker.say(type="pace", speed=10, paused=False)
    ended = await talker.until(lambda m: m["type"] == "replaystate" and m["ended"])
    assert ended["at_ms"] == pytest.approx(opened["to_ms"])
    assert ended["clock_ms"] == pytest.approx(opened["to_clock_ms"])
    assert [m["text"] for m in talker.all if m["type"] == "frame"] == [frame_of(number) for number in range(6)]
    passed_over = [m for m in talker.all if m["type"] == "status" and m["kind"] == "passed_over"]
    assert [m["seconds"] for m in passed_over] == [86_400]
    # A point behind the jump is found by how much has passed before it.
    await talker.say(type="pace", speed=10, paused=True)
    await talker.say(type="seek", at_ms=opened["from_ms"] + 2_500)
    stands = await talker.until(lambda m: m["type"] == "replaystate" and not m["ended"] and m["seeking"] is None)
    assert stands["clock_ms"] == pytest.approx(BEGAN_NS / 1e6 + 82_801_000)


async def test_what_other_tools_recorded_is_replayed(talker):
    lines = [f"2023-11-14T22:13:2{number}.0000001Z {frame_of(number)}\n" for number in range(3)]
    opened = await open_replay(talker, gzip.compress("".join(lines).encode()), "tardis.csv.gz")
    assert (opened["lines"], opened["malformed"], opened["from_ms"]) == (3, 0, pytest.approx(BEGAN_NS / 1e6))
    await talker.say(type="pace", speed=None, paused=False)
    await talker.until(lambda m: m["type"] == "replaystate" and m["ended"])
    assert [m["text"] for m in talker.all if m["type"] == "frame"] == [frame_of(number) for number in range(3)]


async def test_a_log_that_was_cut_off_is_replayed_and_that_is_said(talker):
    compressor = zstandard.ZstdCompressor().compressobj()
    data = compressor.compress(log_of(5)) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    opened = await open_replay(talker, data, "day.jsonl.zst")
    assert (opened["lines"], opened["malformed"]) == (58, 1)
    assert "ends early" in opened["problems"][0]
    await talker.say(type="pace", speed=None, paused=False)
    assert "cut off" in (await talker.until(lambda m: m["type"] == "malformed"))["problem"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"no frame log", b"\x28\xb5\x2f\xfd broken", b"\x00\xff" * 1000])
async def test_what_is_no_frame_log_is_refused_and_the_connection_goes_on(talker, content):
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=CHANNELS)
    await talker.until(lambda m: m.get("state") == "open")
    await talker.say(type="openreplay", key=(await talker.upload(content)).json()["key"], name="x")
    assert "frame log: 'x" in (await talker.until_type("problem"))["text"]
    await talker.until(lambda m: m["type"] == "frame" and "lightning_board" in m["text"])


async def test_connecting_ends_the_replay(talker):
    await open_replay(talker, log_of(100))
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=CHANNELS)
    seen = set()  # they may come together

    def have_both_come(m):
        if m["type"] == "replay" and m["run"] == 0:
            seen.add("the end of the replay")
        elif m["type"] == "connection" and m["state"] == "open" and m["endpoint"] == "embedded":
            seen.add("the connection")
        return len(seen) == 2

    await talker.until(have_both_come)


async def test_only_the_page_itself_may_send_and_fetch_files(talker, monkeypatch):
    url = f"{talker.page.plain_origin}/logs"
    async with httpx.AsyncClient() as client:
        for wrong in ({"Origin": "http://evil.example"}, {"fulgurite-token": "guess"}, {"Host": "evil.example"}):
            assert (await client.post(url, content=b"x", headers=talker.headers | wrong)).status_code in (403, 421)
        assert (await client.post(url, content=b"x")).status_code == 403
        assert (await client.get(f"{url}/key")).status_code == 403
        assert (await client.get(f"{url}/key", headers=talker.headers)).status_code == 404
    monkeypatch.setattr(framelogs, "MAX_BYTES", 1000)
    assert (await talker.upload(b"x" * 1001)).status_code == 413
    assert (await talker.upload(b"x" * 1000)).status_code == 200


async def test_files_that_nobody_fetches_are_bounded(talker):
    keys = [(await talker.upload(log_of(1))).json()["key"] for _ in range(framelogs.KEPT_LIMIT + 1)]
    await talker.say(type="openreplay", key=keys[0], name="x")
    assert "frame log" in (await talker.until_type("problem"))["text"]
    await talker.say(type="openreplay", key=keys[1], name="x")
    await talker.until(lambda m: m["type"] == "replay" and m["run"])


async def test_a_log_of_too_many_lines_is_refused(talker, monkeypatch):
    monkeypatch.setattr(indexedlog, "LINE_LIMIT", 50)
    await talker.say(type="openreplay", key=(await talker.upload(log_of(10))).json()["key"], name="x")
    assert "at most 50 lines" in (await talker.until_type("problem"))["text"]


async def test_a_recording_ends_at_its_bound_and_says_so(talker, monkeypatch):
    monkeypatch.setattr(framelogs, "RECORDING_BYTES", 20_000)
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=CHANNELS)
    await talker.until(lambda m: m.get("state") == "open")
    await talker.say(type="record", on=True)
    ended = await talker.until(lambda m: m["type"] == "recording" and not m["active"])
    assert ended["problem"] == "full"
    content = (await talker.download(ended["key"])).content
    assert json.loads(content.splitlines()[-1])["event"] == "end"


async def test_a_recording_ends_where_another_endpoint_begins(talker, exchange):
    """A frame log of two exchanges would be one of neither."""
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=CHANNELS, source=1)
    await talker.say(type="record", on=True)
    await talker.until(lambda m: m["type"] == "recording" and m["frames"] > 10)
    await talker.say(type="connect", endpoint="embedded", dialect="socketio", channels=CHANNELS, source=1)
    await talker.until(lambda m: m["type"] == "connection" and m["dialect"] == "socketio" and m["state"] == "open")
    await talker.say(type="disconnect", source=2)
    ended = await talker.until(lambda m: m["type"] == "recording" and not m["active"])
    assert (await talker.download(ended["key"])).status_code == 200


async def test_all_that_follows_another_choice_of_the_page_is_of_that_one(talker, exchange):
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=CHANNELS, source=1)
    await talker.until(lambda m: m["type"] == "ticker")
    await talker.say(type="disconnect", source=2)
    talker.all.clear()
    await talker.until(lambda m: m["type"] == "source" and m["number"] == 2)
    await talker.say(type="connect", endpoint=exchange.realtime, dialect="json-rpc", channels=[], source=2)
    await talker.until(lambda m: m["type"] == "connection" and m["state"] == "open")
    await talker.until_type("channels")
    begun = next(place for place, m in enumerate(talker.all) if m["type"] == "source")
    told = [m for m in talker.all[begun + 1 :] if m["type"] in ("ticker", "gap", "executions", "book", "candles")]
    assert [m for m in told if m["type"] != "executions" or m["rows"]] == []
