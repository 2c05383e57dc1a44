"""A frame log read as fast as can be: to typed messages, and to an order book."""

from __future__ import annotations

import json
import os
from functools import cache, partial
from pathlib import Path

import msgspec

from benchmarks.environments import ROOT, interpreter
from benchmarks.frames import CHANNELS, START_NS, Expected, expect, generate, laps
from benchmarks.processes import Failed, read_line, started
from benchmarks.table import LEVELS, MESSAGES
from benchmarks.tables import AllFigures, Column, Compared, Figures, Goal, Row, Table, range_of
from fulgurite.client.items import StatusKind
from fulgurite.protocol.framelog import Line, format_line
from fulgurite.protocol.jsonrpc import encode_message

RUNNERS = Path(__file__).parent / "runners"
COUNT = 100_000
"""Messages in the log."""


@cache
def frame_log(folder: Path, count: int) -> tuple[Path, Expected]:
    """The log, and its expected content; made when first asked for."""
    run = laps(generate(LEVELS, min(count, MESSAGES[LEVELS])), count)
    path = folder / f"log-{count}.jsonl"
    with path.open("wb") as file:
        # As `fulgurite listen --record` begins one: without it, the log would not say that diffs can come.
        file.write(format_line(Line(event=StatusKind.OPEN, at_ns=START_NS)))
        for channel in CHANNELS:
            file.write(format_line(Line(event=StatusKind.SUBSCRIBED, at_ns=START_NS, channel=channel)))
        for index, message in enumerate(run):
            frame = encode_message(message.channel, message.json).decode()
            file.write(format_line(Line(received_ns=START_NS + index * 1_000_000, frame=frame)))
    return path, expect(run)


def run(runner: str, environment: str, mode: str, folder: Path, divisor: int, python: str = "") -> Figures:
    """Let a program read the log.

    Args:
        runner: the program.
        environment: of its packages.
        mode: "messages" or "book".
        folder: where the log is kept.
        divisor: of the number of messages.
        python: the interpreter, instead of its own environment's.

    Raises:
        Failed: it ended, hung, or did not read the whole log.
    """
    path, expected = frame_log(folder, COUNT // divisor)
    told = msgspec.to_builtins(expected)
    paths = os.environ | {"NODE_PATH": str(ROOT / "tests" / "peers" / "node_modules")}
    command = [python or interpreter(environment), RUNNERS / runner, path, json.dumps(told), mode]
    with started(command, paths) as process:
        result = read_line(process)
    for name, seen in result["counts"].items():
        if seen != told[name]:
            raise Failed(f"saw {seen:,} {name} of {told[name]:,}")
    if mode == "book" and result["best"] != [expected.best_bid, expected.best_ask]:
        raise Failed(f"its best prices were {result['best']} at the end")
    values = {
        "rate": expected.messages / (result["end_ns"] - result["began_ns"]) * 1e6,
        "cpu": result["cpu_ns"] / expected.messages / 1000,
    }
    return Figures(values, result["versions"])


OURS, TARDIS, CRYPTOFEED = "Fulgurite's replay", "tardis-dev's replayNormalized", "cryptofeed's playback"
FLOOR, BOOK_FLOOR = "msgspec alone (the floor)", "msgspec and our order book (the floor)"
GOALS = {TARDIS: 3.0, CRYPTOFEED: 5.0}
"""How many times each one's rate is the goal."""


def _table(mode: str, title: str, names: tuple[str, ...]) -> Table:
    *_, floor = names
    programs = {
        OURS: ("run_log_ours.py", "fulgurite", "JSON lines"),
        TARDIS: ("run_log_tardis.js", "node", "gzipped lines"),
        FLOOR: ("run_log_floor.py", "fulgurite", "decode and forget"),
        BOOK_FLOOR: ("run_log_floor.py", "fulgurite", "decode and apply"),
        CRYPTOFEED: ("run_log_cryptofeed.py", "cryptofeed", "pcap; Decimal"),
    }
    rows = [
        Row(name, environment, partial(run, runner, environment, mode), does)
        for name, (runner, environment, does) in programs.items()
        if name in names
    ]
    goals = [
        Goal(f"the rate of {name} to {mode}, times", "rate", GOALS[name], other=name, cost="cpu")
        for name in names
        if name in GOALS
    ]
    return Table(
        "framelog",
        title,
        (Column("rate", "1,000 messages/s"), Column("cpu", "CPU µs/message", 2)),
        tuple(rows),
        (Compared("rate", "ours is times as fast"), Compared("cpu", "and by CPU", is_cost=True)),
        tuple(goals),
        words=partial(_reach, title, floor),
    )


def _reach(title: str, floor_name: str, figures: AllFigures) -> str:
    """Whether the goal beside tardis-dev is within reach of anything in Python."""
    ours, floor, theirs = (range_of(figures.get((title, name), []), "rate") for name in (OURS, floor_name, TARDIS))
    if not (ours and floor and theirs):
        return ""
    least, goal = floor.median / theirs.median, GOALS[TARDIS]
    reach = "not within reach of a program that decodes as much" if least < goal else "within reach"
    return f"""\
**The floor** decodes each line, the frame in it and the message in that, with msgspec, and has no session. It has
{least:.1f} times tardis-dev's rate, and ours is {ours.median / floor.median:.2f} of the floor's. So {goal:g} times
tardis-dev's rate is {reach}. A frame is kept as text within JSON, as it was received,
and so is read three times. tardis-dev keeps it as it is, behind a time, and reads it once; it also spreads the
decompressing, the decoding and its own work over threads."""


TABLES = (
    _table("messages", "A frame log, read to typed messages", (OURS, TARDIS, FLOOR)),
    _table("book", "A frame log, read to typed messages and an order book", (OURS, TARDIS, CRYPTOFEED, BOOK_FLOOR)),
)

HOW = """\
* Frame logs: the same 100,000 messages, in each one's own file: ours as lines of JSON, tardis-dev's in its form of a
  download (one gzipped minute, written by us: nothing is downloaded), cryptofeed's as a pcap file made by its own
  writer. The clock runs from the call until the last message is handled, preparations included: tardis-dev waits for
  its worker, a tenth of a second at a time, and cryptofeed reads the whole file into memory. cryptofeed always keeps
  its book, so it has no row without. tardis-dev works in several threads; its CPU is that of all.
"""
