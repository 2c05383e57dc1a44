"""How much a real market costs the exchange with many subscribers, and whether any of them misses a message.

Runs `fulgurite exchange` in a process of its own, connects subscribers of the four busiest channels, reads what comes,
and compares with the exchange's own record. From the root of the repository:

    .venv/bin/python -m benchmarks.load [SUBSCRIBERS] [SECONDS] [--tls]

With `--faults` it shows instead what faults of every twentieth connection cost the others: rounds of so many seconds
with and without them take turns.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from rich.console import Console
from rich.table import Table

from tests.exchangeprocess import ExchangeProcess, exchange_process

CHANNELS = [f"lightning_{kind}_{code}" for code in ("FX_BTC_JPY", "BTC_JPY") for kind in ("board", "ticker")]
CONNECTED_AT_ONCE = 50
ROUNDS = 8
WATCHERS = 10
"""Those that connect first, suffer nothing, and note when each ticker comes."""

FAULTS: list[dict[str, object]] = [
    {"fault": "delay", "by": 0.5, "jitter": 0.5},
    {"fault": "trickle", "bytes_per_second": 20_000},
    {"fault": "lost-messages"},
    {"fault": "fragmented"},
    {"fault": "wrong-types"},
]


class Subscriber(WSListener):
    """Counts the messages of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.bytes = 0
        self.arrivals: list[tuple[bytes, int]] | None = None
        """Of a watcher: each ticker's frame, and when it came."""
        self.granted = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        calls = [{"method": "subscribe", "params": {"channel": name}, "id": name} for name in CHANNELS]
        transport.send(WSMsgType.TEXT, json.dumps(calls).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        if not self.granted.done():
            self.granted.set_result(None)
            return
        self.count += 1
        self.bytes += frame.payload_size
        if self.arrivals is not None:
            text = frame.get_payload_as_bytes()
            if b"lightning_ticker_" in text[:100]:
                self.arrivals.append((text, time.time_ns()))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # in ticks of 10 ms, on every Linux


async def connect(exchange: ExchangeProcess, subscribers: int) -> tuple[list[Subscriber], list[WSTransport]]:
    """Connect and subscribe so many; the watchers are the first."""
    listeners: list[Subscriber] = []
    transports: list[WSTransport] = []
    gate = asyncio.Semaphore(CONNECTED_AT_ONCE)

    async def connect_one() -> None:
        async with gate:
            transport, listener = await ws_connect(Subscriber, exchange.ready["realtime"], ssl_context=exchange.context)
            assert isinstance(listener, Subscriber)
            await listener.granted
            transports.append(transport)
            listeners.append(listener)

    for _ in range(min(WATCHERS, subscribers)):
        await connect_one()
    await asyncio.gather(*(connect_one() for _ in range(subscribers - len(listeners))))
    return listeners, transports


async def measure(exchange: ExchangeProcess, subscribers: int, seconds: float) -> Table:
    """What so many subscribers cost, and whether each got what it was due."""
    pid = exchange.pid
    idle_mib, idle_cpu = exchange.memory_mib(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    idle_share = (cpu_seconds(pid) - idle_cpu) / seconds
    listeners, transports = await connect(exchange, subscribers)
    connected_mib = exchange.memory_mib()
    counts, cpu = [listener.count for listener in listeners], cpu_seconds(pid)
    await asyncio.sleep(seconds)
    share = (cpu_seconds(pid) - cpu) / seconds
    delivered = sum(listener.count for listener in listeners) - sum(counts)
    size = sum(listener.bytes for listener in listeners) / max(1, sum(listener.count for listener in listeners))

    # Nothing more is sent from here on; what is on its way arrives; and then both sides are counted.
    exchange.control("faults", {"fault": "mute"})
    await asyncio.sleep(1)
    published = [json.loads(line) for line in exchange.control("published").splitlines()]
    rows = json.loads(exchange.control("connections"))
    due = sorted(_delivered(row, published) for row in rows)
    lost = sum(due) - sum(listener.count for listener in listeners)
    alike = due == sorted(listener.count for listener in listeners)
    for transport in transports:
        transport.disconnect()
    table = Table(title=f"{subscribers} subscribers of {', '.join(CHANNELS)}{' over TLS' if exchange.context else ''}")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for what, measured in (
        ("of one core, with nobody connected", f"{idle_share:.1%}"),
        ("of one core, with all connected", f"{share:.1%}"),
        ("messages delivered a second", f"{delivered / seconds:,.0f}"),
        ("bytes of a message", f"{size:,.0f}"),
        ("delivered by the exchange's word and not received", f"{lost:,} of {sum(due):,}"),
        ("each subscriber received what it was due", "yes" if alike else "NO"),
        ("memory without subscribers", f"{idle_mib:,.0f} MiB"),
        ("memory for each subscriber", f"{(connected_mib - idle_mib) * 1024 / subscribers:,.1f} kB"),
    ):
        table.add_row(what, measured)
    return table


async def compare(exchange: ExchangeProcess, subscribers: int, seconds: float) -> Table:
    """What faults of every twentieth connection cost the others."""
    listeners, transports = await connect(exchange, subscribers)
    watchers = listeners[:WATCHERS]
    # Each round: processor time a message and subscriber in microseconds, and the median lag in milliseconds.
    rounds: list[tuple[float, float]] = []
    await asyncio.sleep(seconds)
    for number in range(2 * ROUNDS):
        has_faults = number % 2 == 1
        sufferers = range(WATCHERS + 1, subscribers + 1, 20) if has_faults else ()
        for index, connection in enumerate(sufferers):
            exchange.control("faults", {**FAULTS[index % len(FAULTS)], "connection": connection})
        await asyncio.sleep(1)  # what giving them has held up is over
        for watcher in watchers:
            watcher.arrivals = []
        last = _last_number(exchange)
        cpu, count = cpu_seconds(exchange.pid), sum(watcher.count for watcher in watchers)
        await asyncio.sleep(seconds)
        cpu, count = cpu_seconds(exchange.pid) - cpu, sum(watcher.count for watcher in watchers) - count
        assert count, "no watcher got anything: with so many subscribers this machine answers pings too late"
        published = [json.loads(line) for line in exchange.control(f"published?after={last - 100}").splitlines()]
        # Tickers are told apart by their ids, so the text of each frame stands for one message.
        sent_ns = {_key(each["message"]): each["published_ns"] for each in published if "ticker" in each["channel"]}
        lags = [
            arrived_ns - sent_ns[key]
            for watcher in watchers
            for text, arrived_ns in watcher.arrivals or ()
            if (key := _key(json.loads(text)["params"]["message"])) in sent_ns
        ]
        rounds.append((cpu * 1e6 * len(watchers) / count / subscribers, statistics.median(lags) / 1e6))
        exchange.control("faults", method="DELETE")
    for transport in transports:
        transport.disconnect()
    table = Table(title=f"{subscribers} subscribers, {ROUNDS} rounds of {seconds:g} s, faults of every twentieth")
    for heading in ("", "without faults", "with faults", "ratio, median", "ratio, lowest and highest"):
        table.add_column(heading, justify="right")
    for what, values in zip(
        ("CPU a message and subscriber, µs", "median lag of the unaffected, ms"), zip(*rounds, strict=True), strict=True
    ):
        without, with_faults = values[0::2], values[1::2]
        ratios = [after / before for before, after in zip(without, with_faults, strict=True)]
        medians = (f"{statistics.median(each):.2f}" for each in (without, with_faults, ratios))
        table.add_row(what, *medians, f"{min(ratios):.2f} {max(ratios):.2f}")
    return table


def _key(message: dict[str, Any]) -> tuple[str, int]:
    return message["product_code"], message["tick_id"]


def _last_number(exchange: ExchangeProcess) -> int:
    """How many messages have been published."""
    rows = json.loads(exchange.control("connections"))
    last: int = max(last for row in rows for each in row["channels"].values() for _, last in each["subscribed"])
    return last


def _delivered(row: dict[str, Any], published: list[dict[str, Any]]) -> int:
    """How many messages a connection was sent, by the exchange's own record."""
    return sum(
        first <= message["number"] <= last
        for message in published
        if message["channel"] in row["channels"]
        for first, last in row["channels"][message["channel"]]["delivered"]
    )


def main() -> None:
    """Read the command line, run an exchange, and print what came of it."""
    numbers = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    subscribers = int(numbers[0]) if numbers else 1000
    seconds = float(numbers[1]) if len(numbers) > 1 else 20.0
    work = compare if "--faults" in sys.argv else measure
    with exchange_process("--seed", "1", *(["--tls"] if "--tls" in sys.argv else [])) as exchange:
        Console().print(asyncio.run(work(exchange, subscribers, seconds)))


if __name__ == "__main__":
    main()
