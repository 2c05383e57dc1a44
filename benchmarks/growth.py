"""What a subscriber and a channel cost as they grow in number, and what a hundred thousand subscribers would need."""

from __future__ import annotations

from functools import partial
from math import ceil
from pathlib import Path

from benchmarks import exchange
from benchmarks.environments import interpreter
from benchmarks.fanout import Delivery, deliver, payload
from benchmarks.processes import read_line, started
from benchmarks.tables import AllFigures, Column, Figures, Lines, Row, Table, range_of

RUNNER = Path(__file__).parent / "runners" / "run_writes.py"
OURS = "fulgurite"

SUBSCRIBERS = (1, 10, 100, 300, 1_000, 2_000, 5_000)
TLS_SUBSCRIBERS = 1_000
"""Over TLS no more are measured: their handshakes take most of the time."""
BURSTS, SINGLY = 400_000, 100_000
"""Messages delivered in a run, to all subscribers together."""
FEW = 100
"""To as many subscribers or fewer, so many parts of them: the cost of publishing is most of it then."""

CHANNELS = (1, 3, 10, 30, 100)
WITH_CHANNELS = 200
"""Subscribers while the channels grow."""

SOCKETS = (10, 30, 100, 300, 1_000, 2_000, 5_000)
WRITES = 200_000
WRITES_IN_A_ROW = 8

WHOLE = 100_000
"""Subscribers of the deployment that is reckoned."""
BUSY = 0.7
"""How busy its processes are to be."""
MAX_CONNECTIONS = 10_000
"""What one process takes at most, as the server has it."""


def _subscribers(subscribers: int, folder: Path, divisor: int) -> Figures:
    part = divisor * (4 if subscribers < FEW else 1)
    values: dict[str, float] = {}
    versions: dict[str, str] = {}
    for name, deliveries, burst, is_tls in (
        ("bursts", BURSTS, 8, False),
        ("singly", SINGLY, 1, False),
        ("tls", SINGLY, 1, True),
    ):
        if is_tls and subscribers > TLS_SUBSCRIBERS:
            continue
        wanted = Delivery(subscribers, deliveries // part, is_tls, burst)
        result = deliver("json-rpc", OURS, wanted, folder)
        delivered = result["delivered"]
        values[name] = result["cpu_ns"] / delivered / 1000
        if name == "singly":
            values["system"] = result["system_s"] / delivered * 1e6
        if subscribers >= FEW and name != "bursts":
            values["memory tls" if is_tls else "memory"] = result["memory_kb"]
            values["kernel"] = result["kernel_kb"]
        versions |= result["versions"]
    return Figures(values, versions)


def _channels(channels: int, folder: Path, divisor: int) -> Figures:
    values: dict[str, float] = {}
    for name, of in (("same", channels), ("own", max(CHANNELS))):
        result = deliver("json-rpc", OURS, Delivery(WITH_CHANNELS, SINGLY // divisor, channels=channels, of=of), folder)
        values[name] = result["cpu_ns"] / result["delivered"] / 1000
        values["memory"] = result["memory_kb"]
        values["subscribing"] = result["connect_cpu_ns"] / WITH_CHANNELS / 1e6
    return Figures(values, result["versions"])


def _writes(sockets: int, folder: Path, divisor: int) -> Figures:
    turns = max(WRITES // divisor // sockets // WRITES_IN_A_ROW, 1)
    with started([interpreter(OURS), RUNNER, sockets, len(payload()), WRITES_IN_A_ROW, turns]) as process:
        return Figures(*read_line(process).values())


def _knee(figures: AllFigures) -> str:
    """Why the cost of a message is what it is, from few subscribers to many."""
    few, some, most = (_subscriber_figures(figures, number) for number in (1, FEW, SUBSCRIBERS[-1]))
    at_some, at_most = (_write_figures(figures, number) for number in (FEW, SOCKETS[-1]))
    if not (few and some and most and at_some and at_most):
        return ""
    fixed = (few["bursts"] - some["bursts"]) / (1 - 1 / FEW)
    each = max(some["bursts"] - fixed / FEW, 0.01)
    more, more_system = most["singly"] - some["singly"], most["system"] - some["system"]
    text = f"""\
**Two knees.** Publishing a message costs {fixed:.1f} µs once (it is numbered, kept, made text and framed, and the event
loop turns), however many get it, and {each:.2f} µs for each who does, in bursts. So it falls steeply until there are
about {max(round(fixed / each), 1):,} subscribers, where both parts are the same, and little beyond."""
    if more > 0:
        text += f"""
From {FEW:,} to {SUBSCRIBERS[-1]:,} subscribers a message that is published alone, so that each is a write of its own,
goes from {some["singly"]:.1f} to {most["singly"]:.1f} µs. Of these {more:.1f} µs the system takes
{min(more_system / more, 1) * 100:.0f} %: our own code does the same for each."""
    return (
        text
        + f"""
The rise is what it costs to come back to a socket that has meanwhile left the processor's cache. The table of writes
shows it with nothing of ours in it: to {FEW:,} sockets in turn a write takes {at_some["in turn"]:.1f} µs and to
{SOCKETS[-1]:,} in turn {at_most["in turn"]:.1f} µs, but to as many sockets, {WRITES_IN_A_ROW} writes to each in a row,
{at_most["in a row"]:.1f} µs. That is why the hub writes once for all that was published in a tick."""
    )


def _subscriber_figures(figures: AllFigures, subscribers: int) -> dict[str, float]:
    return _medians(figures, TABLES[0], f"{subscribers:,}")


def _write_figures(figures: AllFigures, sockets: int) -> dict[str, float]:
    return _medians(figures, TABLES[2], f"{sockets:,}")


def _medians(figures: AllFigures, table: Table, row: str) -> dict[str, float]:
    samples = figures.get((table.title, row), [])
    names = {name for sample in samples for name in sample.values}
    return {name: found.median for name in names if (found := range_of(samples, name))}


def _channel_words(figures: AllFigures) -> str:
    one, many = (_medians(figures, TABLES[1], str(number)) for number in (1, CHANNELS[-1]))
    if not (one and many):
        return ""
    more = CHANNELS[-1] - 1
    return f"""\
**A channel more** costs a connection {(many["memory"] - one["memory"]) / more:.2f} kB and, once,
{(many["subscribing"] - one["subscribing"]) / more * 1000:.0f} µs to subscribe it. Where all have the same channels, a
message costs {one["same"]:.2f} µs with one and {many["same"]:.2f} µs with {CHANNELS[-1]}: subscribers with the same
channels share the joined bytes. Where {CHANNELS[-1]} channels are published and each subscriber has others than the
next, it costs {one["own"]:.2f} µs with one channel each, when a message comes to {WITH_CHANNELS // CHANNELS[-1]}
subscribers and so has to bear half of what it costs to publish it, and {many["own"]:.2f} µs with all."""


def _deployment(figures: AllFigures) -> str:
    """What so many subscribers would need."""
    most, tls = (_subscriber_figures(figures, number) for number in (SUBSCRIBERS[-1], TLS_SUBSCRIBERS))
    market = _medians(figures, exchange.PRODUCTS, "Fulgurite")
    if not (most and tls and market):
        return ""
    rate = market["busiest"]
    deliveries = WHOLE * rate
    each_gbit = (len(payload()) + 60) * 8 / 1e9
    parts = []
    for name, cpu, memory in (
        ("Without TLS (something before it takes it off)", most["singly"], most["memory"]),
        ("With TLS in the process", tls["tls"], tls["memory tls"]),
    ):
        cores = deliveries * cpu / 1e6
        a_process = min(BUSY * 1e6 / (rate * cpu), MAX_CONNECTIONS)
        parts.append(
            f"* {name}: {cpu:.1f} µs a message make {cores:.1f} cores of work; at {BUSY:.0%} of a core each that is "
            f"{ceil(WHOLE / a_process):,} processes of {a_process:,.0f} subscribers, and {WHOLE * memory / 1e6:.1f} GB "
            f"in them."
        )
    return f"""\
**{WHOLE:,} subscribers**, each with the order book and the ticker of BTC_JPY and FX_BTC_JPY: these four bring
{rate:.1f} messages a second at the rates of the real service, so that {deliveries / 1e6:.2f} million messages a second
are delivered, about {deliveries * each_gbit:.1f} Gbit/s with all headers. Messages come one at a time then, so the
figures of those that are published alone count:

{chr(10).join(parts)}
* The kernel holds {most["kernel"]:.1f} kB more a socket, {WHOLE * most["kernel"] / 1e6:.1f} GB, as long as all read in
  time; one who does not may hold 8 MiB in the process before it is dropped. Each process needs its subscribers and some
  more as its limit of open files, and takes {MAX_CONNECTIONS:,} connections at most.

Fulgurite runs as one process and does not share subscribers out; it needs a relay before several for this, which is not
built. That the cost stays so with the cores of a larger machine all at work was not measured."""


TABLES = (
    Table(
        "growth",
        "Growth: one channel to 1 to 5,000 subscribers",
        (
            Column("bursts", "CPU µs/message in bursts of 8", 2),
            Column("singly", "published alone", 2),
            Column("tls", "alone, over TLS", 2),
            Column("system", "of alone, in the kernel", 2),
            Column("memory", "kB a connection"),
            Column("memory tls", "over TLS, kB"),
            Column("kernel", "kernel's kB a socket"),
        ),
        tuple(Row(f"{number:,}", OURS, partial(_subscribers, number)) for number in SUBSCRIBERS),
        does="",
        lines=(
            Lines("Server CPU, µs a message delivered", "subscribers", ("bursts", "singly", "tls")),
            Lines("Memory, kB a connection", "subscribers", ("memory", "memory tls")),
        ),
        words=_knee,
    ),
    Table(
        "growth",
        "Growth: 1 to 100 channels, 200 subscribers",
        (
            Column("same", "CPU µs/message, all have the same channels", 2),
            Column("own", "each has others, of 100", 2),
            Column("memory", "kB a connection"),
            Column("subscribing", "CPU ms to connect and subscribe", 2),
        ),
        tuple(Row(str(number), OURS, partial(_channels, number)) for number in CHANNELS),
        does="",
        lines=(
            Lines("Server CPU, µs a message delivered, by channels of a subscriber", "channels", ("same", "own")),
            Lines("Memory, kB a connection, by its channels", "channels", ("memory",)),
        ),
        words=_channel_words,
    ),
    Table(
        "growth",
        "Writes to sockets, with nothing of Fulgurite",
        (
            Column("in turn", "each socket once, then again, CPU µs/write", 2),
            Column("in a row", "8 to each in a row", 2),
        ),
        tuple(Row(f"{number:,}", OURS, partial(_writes, number)) for number in SOCKETS),
        does="",
        lines=(Lines("Writes to TCP sockets, CPU µs a write", "sockets", ("in turn", "in a row")),),
        words=_deployment,
    ),
)

HOW = """\
* Growth: as in the fan-out, with our server alone; published in bursts of 8, and one at a time. The kernel's memory is
  how much its unreclaimable slab grew while they connected, for two sockets each, since the subscribers are on the same
  machine. 5,000 subscribers need as many open files, twice as many in the table of writes; the soft limit is raised to
  the hard one, and a row says when that is too low.
"""
