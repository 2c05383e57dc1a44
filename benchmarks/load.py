"""How much a real market costs the exchange with many subscribers, and whether any of them misses a message.

Runs `fulgurite exchange` in a process of its own, connects subscribers of the four busiest channels, reads what comes,
and compares with the exchange's own record. From the root of the repository:

    .venv/bin/python -m benchmarks.load [SUBSCRIBERS] [SECONDS] [--tls]
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from rich.console import Console
from rich.table import Table

CHANNELS = [f"lightning_{kind}_{code}" for code in ("FX_BTC_JPY", "BTC_JPY") for kind in ("board", "ticker")]
CONNECTED_AT_ONCE = 50


class Subscriber(WSListener):
    """Counts the messages of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.bytes = 0
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


def memory_kb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # in ticks of 10 ms, on every Linux


async def measure(pid: int, ready: dict[str, str], subscribers: int, seconds: float) -> Table:
    context = ssl.create_default_context(cafile=ready["ca_file"]) if "ca_file" in ready else None
    idle_kb, idle_cpu = memory_kb(pid), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    idle_share = (cpu_seconds(pid) - idle_cpu) / seconds

    listeners: list[Subscriber] = []
    transports: list[WSTransport] = []
    gate = asyncio.Semaphore(CONNECTED_AT_ONCE)

    async def connect() -> None:
        async with gate:
            transport, listener = await ws_connect(Subscriber, ready["realtime"], ssl_context=context)
            assert isinstance(listener, Subscriber)
            await listener.granted
            transports.append(transport)
            listeners.append(listener)

    await asyncio.gather(*(connect() for _ in range(subscribers)))
    connected_kb = memory_kb(pid)
    counts, cpu = [listener.count for listener in listeners], cpu_seconds(pid)
    await asyncio.sleep(seconds)
    share = (cpu_seconds(pid) - cpu) / seconds
    delivered = sum(listener.count for listener in listeners) - sum(counts)
    size = sum(listener.bytes for listener in listeners) / max(1, sum(listener.count for listener in listeners))

    # Nothing more is sent from here on; what is on its way arrives; and then both sides are counted.
    _control(ready, context, "faults", {"fault": "mute"})
    await asyncio.sleep(1)
    published = [json.loads(line) for line in _control(ready, context, "published").splitlines()]
    rows = json.loads(_control(ready, context, "connections"))
    due = sorted(_delivered(row, published) for row in rows)
    lost = sum(due) - sum(listener.count for listener in listeners)
    alike = due == sorted(listener.count for listener in listeners)
    for transport in transports:
        transport.disconnect()
    table = Table(title=f"{subscribers} subscribers of {', '.join(CHANNELS)}{' over TLS' if context else ''}")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for what, measured in (
        ("of one core, with nobody connected", f"{idle_share:.1%}"),
        ("of one core, with all connected", f"{share:.1%}"),
        ("messages delivered a second", f"{delivered / seconds:,.0f}"),
        ("bytes of a message", f"{size:,.0f}"),
        ("delivered by the exchange's word and not received", f"{lost:,} of {sum(due):,}"),
        ("each subscriber received what it was due", "yes" if alike else "NO"),
        ("memory without subscribers", f"{idle_kb / 1024:,.0f} MiB"),
        ("memory for each subscriber", f"{(connected_kb - idle_kb) / subscribers:,.1f} kB"),
    ):
        table.add_row(what, measured)
    return table


def _control(ready: dict[str, str], context: ssl.SSLContext | None, path: str, body: object = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{ready['control']}/{path}", data, context=context) as response:
        text: str = response.read().decode()
    return text


def _delivered(row: dict[str, Any], published: list[dict[str, Any]]) -> int:
    """How many messages a connection was sent, by the exchange's own record."""
    return sum(
        first <= message["number"] <= last
        for message in published
        if message["channel"] in row["channels"]
        for first, last in row["channels"][message["channel"]]["delivered"]
    )


def main() -> None:
    numbers = [argument for argument in sys.argv[1:] if argument != "--tls"]
    subscribers = int(numbers[0]) if numbers else 1000
    seconds = float(numbers[1]) if len(numbers) > 1 else 20.0
    command = [sys.executable, "-m", "fulgurite", "exchange", "--port", "0", "--json", "--seed", "1"]
    command += ["--tls"] if "--tls" in sys.argv else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        assert exchange.stdout is not None
        try:
            ready = json.loads(exchange.stdout.readline())
            Console().print(asyncio.run(measure(exchange.pid, ready, subscribers, seconds)))
        finally:
            exchange.terminate()


if __name__ == "__main__":
    main()
