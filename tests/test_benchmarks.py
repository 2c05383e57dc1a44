"""`scripts/bench` in small: our rows and the floor, without the peers. The figures are not looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import fanout, framelog, report, results, slow, start
from benchmarks.frames import CHANNELS, DIFF, EXECUTIONS, SNAPSHOT, expect, generate, laps, load, save
from benchmarks.measure import Frames, run_client
from benchmarks.processes import Failed
from benchmarks.table import FLOOR, LEVELS, OURS, SECTIONS, SOCKETIO
from benchmarks.tables import Figures, grid

SMALL = 500


@pytest.fixture
def frames(tmp_path: Path) -> Frames:
    return Frames(tmp_path, {LEVELS: SMALL})


def test_the_frames_are_the_same_each_time_and_survive_a_file(tmp_path: Path):
    messages = generate(LEVELS, SMALL)
    save(messages, tmp_path / "messages.txt")
    assert load(tmp_path / "messages.txt") == messages == generate(LEVELS, SMALL)
    assert {message.channel for message in messages} == set(CHANNELS)
    assert sum(message.channel == DIFF for message in messages) / len(messages) == pytest.approx(0.8, abs=0.05)


def test_a_lap_begins_with_the_snapshot_and_has_executions_of_its_own():
    messages = generate(LEVELS, SMALL)
    run = laps(messages, 2 * SMALL)
    assert [index for index, message in enumerate(run) if message.channel == SNAPSHOT] == [0, len(messages)]
    assert run[-1].channel == DIFF
    executions = [message.json for message in run if message.channel == EXECUTIONS]
    assert len(set(executions)) == len(executions)
    assert (expect(run).snapshots, expect(run).best_bid) == (2, expect(messages).best_bid)


def test_clients_see_all_that_was_sent_and_the_report_is_written(tmp_path: Path, frames: Frames):
    found = results.Results()
    for number, clients in ((0, (OURS, SOCKETIO, FLOOR)), (1, (OURS, FLOOR)), (3, (OURS, FLOOR))):
        section = SECTIONS[number]
        for client in clients:
            sample = run_client(client, section, frames, 2 * SMALL, tmp_path, python=sys.executable)
            values = sample.latencies_us or {"rate": sample.rate, "cpu": sample.cpu_us}
            found.figures[section.title, client.name] = [Figures(values, sample.versions)]
            if client in (OURS, SOCKETIO):
                assert sample.book_is_right
    report.write(tmp_path, found, is_quick=True)
    assert "the floor's p99 latency" in (tmp_path / "benchmarks.md").read_text()


def test_a_client_that_does_not_run_is_reported_with_its_own_words(tmp_path: Path, frames: Frames):
    with pytest.raises(Failed, match="ModuleNotFoundError"):
        run_client(FLOOR, SECTIONS[1], frames, 100, tmp_path, python=str(python_without_packages(tmp_path)))


def python_without_packages(folder: Path) -> Path:
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("server", "is_tls"), [("json-rpc", False), ("socketio", True), ("floor", False)])
def test_subscribers_get_what_a_server_publishes(tmp_path: Path, server: str, is_tls: bool):
    wanted = fanout.Delivery(3, 300, is_tls)
    result = fanout.deliver(server, "fulgurite", wanted, tmp_path, python=sys.executable)
    assert result["delivered"] == 300
    assert set(fanout.figures_of(result).values) == {"rate", "cpu", "memory"}


def test_a_slow_reader_stays_connected_and_slow(tmp_path: Path):
    figures = slow.run(5, 0.4, tmp_path, 20, python=sys.executable)
    assert figures.values["p99 with"] >= figures.values["p50 with"] > 0


def test_the_playground_is_timed_to_its_first_message(tmp_path: Path):
    figures = start.play([sys.executable, "-m", "fulgurite"], tmp_path, 1)
    assert figures.values["ms"] > figures.values["ready"] > 0
    with pytest.raises(Failed, match="ModuleNotFoundError"):
        start.time_of([sys.executable, "-c", "import no_such_module"])


@pytest.mark.parametrize("mode", ["messages", "book"])
def test_a_frame_log_is_read_whole(tmp_path: Path, mode: str):
    framelog.run("run_log_ours.py", "fulgurite", mode, tmp_path, framelog.COUNT // SMALL, python=sys.executable)


def test_tables_compare_ours_with_the_others_and_say_what_is_missing():
    table = fanout.TABLES[0]
    ours, floor, missing = (table.rows[index].name for index in (0, 2, 3))
    figures = {
        (table.title, ours): [Figures({"rate": 90.0, "cpu": 2.0, "memory": 10.0}, {})],
        (table.title, floor): [Figures({"rate": 100.0, "cpu": 1.0, "memory": 10.0}, {})],
    }
    rows = grid(table, figures, {(table.title, missing): "it ended"}).rows
    assert [row[0] for row in rows] == [ours, floor, missing]
    assert [cell[:4] for cell in rows[1][-2:]] == ["0.90", "0.50"]
    assert rows[2][2] == "not measured: it ended"
    found = results.Results(figures=figures)
    assert [(row[1], row[-1]) for row in report.goals(found).rows] == [("at least 0.8", "yes")]
