"""The comparison of the simulated market with recordings."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from fulgurite.protocol.framelog import recorded_messages
from tests.captures import SESSIONS, convert
from tests.compare_market import measure, recorded, simulated, table


def test_a_recording_and_a_frame_log_of_it_measure_the_same(captures: Path, tmp_path: Path):
    session = captures / SESSIONS[1]
    convert(session, tmp_path / "session.jsonl")
    ours = measure(islice(simulated(), 3000))
    real = measure(recorded(session))
    text = table(real, ours)
    assert table(measure(recorded(tmp_path / "session.jsonl")), ours) == text
    assert text.splitlines()[0].startswith("|  | BTC_JPY |")
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_the_measures_are_what_they_say():
    frame = (
        '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_snapshot_BTC_JPY","message":'
        '{"mid_price":1000.0,"bids":[{"price":999.0,"size":1.0}],"asks":[{"price":1001.0,"size":1.0}]}}}'
    )
    ((channel, message),) = recorded_messages(frame)
    cells = measure([(0, channel, message), (2_000_000_000, channel, message)])["BTC_JPY"].cells
    assert (cells["spread bp"], cells["levels, both sides"], cells["diffs/s"]) == ("20.0", "2", "0.00")
    assert cells["diff gap ms, median"] == "-"
