"""`scripts/bench` in small: our rows and the floor, without the peers. What it measures is not looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import exchange, fanout, framelog, growth, report, results, slow, start
from benchmarks.clients import TABLES as CLIENT_TABLES
from benchmarks.frames import CHANNELS, DIFF, EXECUTIONS, SNAPSHOT, expect, generate, laps, load, save
from benchmarks.measure import Frames, run_client
from benchmarks.processes import Failed
from benchmarks.rows import FLOOR, LEVELS, OURS, RAW, SECTIONS, SOCKETIO
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
    for number, clients in ((0, (OURS, SOCKETIO, FLOOR)), (1, (OURS, FLOOR, RAW)), (3, (OURS, FLOOR))):
        section = SECTIONS[number]
        for client in clients:
            sample = run_client(client, section, frames, 2 * SMALL, tmp_path, python=sys.executable)
            values = sample.latencies_us or {"rate": sample.rate, "cpu": sample.cpu_us}
            found.figures[section.title, client.name] = [Figures(values, sample.versions)]
            if client in (OURS, SOCKETIO):
                assert sample.book_is_right
    docs = tmp_path / "docs"
    report.write(docs, found, is_quick=True)
    written = (docs / "benchmarks.md").read_text()
    assert "the floor's p99 latency" in written
    pictures = sorted(path.name for path in (docs / "benchmarks").iterdir())
    assert len(pictures) == 3
    assert all(f"(benchmarks/{name})" in written for name in pictures)


def test_where_a_clients_time_goes_adds_up(tmp_path: Path, frames: Frames):
    sample = run_client(OURS, SECTIONS[1], frames, 40 * SMALL, tmp_path, python=sys.executable, is_profiled=True)
    assert sum(sample.shares.values()) == pytest.approx(100)


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


def test_each_subscriber_gets_its_own_channels(tmp_path: Path):
    wanted = fanout.Delivery(4, 400, channels=5, of=20)
    result = fanout.deliver("json-rpc", "fulgurite", wanted, tmp_path, python=sys.executable)
    assert result["delivered"] == 400


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


def test_the_exchange_says_where_its_time_goes():
    result = exchange.run("market", 10_000, "profile", python=sys.executable)
    assert result["fills"] > 0
    assert result["messages"] > 0
    assert sum(result["shares"].values()) == pytest.approx(100)


def test_what_was_measured_is_kept_by_section(tmp_path: Path):
    table, other = CLIENT_TABLES[0], CLIENT_TABLES[1]
    found = results.Results()
    for each in (table, other):
        found.figures[each.title, each.rows[0].name] = [Figures({"rate": 1.5, "cpu": 2.0}, {"Python": "3"}, "a note")]
        found.failures[each.title, each.rows[1].name] = "it ended"
        found.measured[each.section] = results.Measured("2026-11-27", 3, "a machine")
        results.save(found, each.section, {each.title}, tmp_path)
    assert results.load(tmp_path) == found
    results.forget(found, {table.title})
    results.save(found, table.section, {table.title}, tmp_path)
    assert set(results.load(tmp_path).figures) == {(other.title, other.rows[0].name)}


def test_growth_is_drawn_and_put_into_words_from_what_was_measured(tmp_path: Path):
    found = results.Results()
    for table in growth.TABLES:
        for row in table.rows:
            values = {column.key: 100 / float(row.name.replace(",", "")) for column in table.columns}
            found.figures[table.title, row.name] = [Figures(values, {})]
    found.figures[exchange.PRODUCTS.title, "Fulgurite"] = [Figures({"messages": 40.0, "busiest": 20.0}, {})]
    report.write(tmp_path, found, is_quick=True)
    written = (tmp_path / "benchmarks.md").read_text()
    assert all(f"![{chart.title}]" in written for table in growth.TABLES for chart in table.lines)
    # 100,000 subscribers, 20 messages a second, 0.02 µs each.
    assert "0.0 µs a message make 0.0 cores of work" in written
    assert "2.00 million messages a second" in written


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
