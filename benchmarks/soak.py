"""Whether the exchange's memory stays bounded while everything that it has goes on at once.

Runs `fulgurite exchange` in a process of its own with subscribers of both dialects, some of whom come and go, accounts
that trade, and faults that come and go; prints its memory over time, and how much it grows in an hour. From the root of
the repository:

    .venv/bin/python -m benchmarks.soak [MINUTES] [SPEED]
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import sys
import time
from collections import Counter
from random import Random

import httpx
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fulgurite.errors import RemoteProtocolError
from fulgurite.protocol.auth import request_signature, signed_params
from fulgurite.protocol.dialects import DIALECTS, Dialect
from tests.exchangeprocess import ExchangeProcess, exchange_process

SUBSCRIBERS = 20
"""Of each dialect; every fourth stays for a few seconds only, and then another comes."""

STAY_SECONDS = 5.0
ACCOUNTS = 2
PAUSE_SECONDS = 0.01
"""Between two requests of an account."""

FAULT_SECONDS = 3.0
"""A fault lasts that long, and the next begins then."""

SAMPLES = 20
KINDS = ("board_snapshot", "board", "ticker", "executions")
CHANNELS = [f"lightning_{kind}_{code}" for code in ("FX_BTC_JPY", "BTC_JPY") for kind in KINDS]
PRIVATE_CHANNELS = ["child_order_events", "parent_order_events"]
FAULTS: list[dict[str, object]] = [
    *({"fault": name, "chance": 0.3} for name in ("freeze", "mute", "invalid-json", "truncated", "wrong-types")),
    *({"fault": name} for name in ("lost-diffs", "zero-ids", "duplicate-executions", "stale-snapshot", "fragmented")),
    {"fault": "delay", "by": 1, "jitter": 1},
    {"fault": "trickle", "bytes_per_second": 20_000, "chance": 0.3},
    {"fault": "no-ack", "times": 3},
    {"fault": "clock-skew", "by": 30},
    {"fault": "slow-handshake", "by": 0.5},
    {"fault": "refuse", "chance": 0.5},
    *({"fault": name, "chance": 0.2} for name in ("close", "reset")),
]


class Subscriber(WSListener):
    """Subscribes, counts what comes, and keeps its session alive."""

    def __init__(self, dialect: Dialect, counts: Counter[str], credentials: tuple[str, str]) -> None:
        super().__init__()
        self._dialect = dialect
        self._session = dialect.client(10.0)
        self._counts = counts
        self._credentials = credentials
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._counts["connections"] += 1
        self._transport = transport
        if self._dialect.websocket_pings:
            self._ask()
        self._tick()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        text = frame.get_payload_as_bytes()
        self._counts["messages received"] += 1
        if text[:1] in b"01234" and text[:3] != b"42[":  # what opens the session, and heartbeats
            is_open = text == b"40"
            with contextlib.suppress(RemoteProtocolError):  # a fault cut it short
                self._session.receive(text.decode(errors="replace"), self._loop.time())
            if is_open:
                self._ask()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self) -> None:
        now = self._loop.time()
        nonce = f"{time.time_ns():032d}{id(self)}"
        self._session.authenticate(signed_params(*self._credentials, int(time.time()), nonce), now)
        self._send()
        for channel in [*CHANNELS, *PRIVATE_CHANNELS]:
            self._session.subscribe(channel, now)
        self._send()

    def _tick(self) -> None:
        self._session.handle_timer(self._loop.time())
        self._send()
        self._timer = self._loop.call_later(1.0, self._tick)

    def _send(self) -> None:
        for frame in self._session.frames_to_send():
            self._transport.send(WSMsgType.TEXT, frame.encode())


async def subscribe(exchange: ExchangeProcess, number: int, dialect: Dialect, counts: Counter[str]) -> None:
    """Be connected for ever, or again and again."""
    address = exchange.ready["realtime" if dialect.websocket_pings else "socketio"]
    credentials = exchange.credentials[number % ACCOUNTS]
    while True:
        try:
            transport, _ = await ws_connect(
                lambda: Subscriber(dialect, counts, credentials), dialect.websocket_url(address)
            )
        except Exception:  # a fault refuses it, and the type is picows' own
            counts["handshakes refused"] += 1
            await asyncio.sleep(STAY_SECONDS / 5)
            continue
        try:
            async with asyncio.timeout(STAY_SECONDS if number % 4 == 0 else None):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)


async def trade(exchange: ExchangeProcess, number: int, counts: Counter[str]) -> None:
    """Order, cancel and look, for ever."""
    rng, (key, secret) = Random(number), exchange.credentials[number]
    async with httpx.AsyncClient(base_url=exchange.ready["http"].removesuffix("/v1")) as client:

        async def ask(method: str, path: str, body: object = None, *, is_public: bool = False) -> object:
            content = b"" if body is None else json.dumps(body).encode()
            stamp, target = str(time.time()), f"/v1/{'' if is_public else 'me/'}{path}"
            sign = request_signature(secret, stamp, method, target, content)
            headers = {"ACCESS-KEY": key, "ACCESS-TIMESTAMP": stamp, "ACCESS-SIGN": sign}
            try:
                answer = await client.request(method, target, content=content, headers=headers)
            except httpx.TransportError as error:  # uvicorn closes a connection that was idle for 5 seconds
                assert exchange.is_running, exchange.errors()
                counts[f"requests without an answer: {type(error).__name__}"] += 1
                return None
            assert answer.status_code < 500, answer.text
            counts[f"requests answered {answer.status_code}"] += 1
            await asyncio.sleep(PAUSE_SECONDS)
            return answer.json() if answer.content else None

        for turn in itertools.count():
            code = rng.choice(("BTC_JPY", "FX_BTC_JPY"))
            board = await ask("GET", f"getboard?product_code={code}", is_public=True)
            if not isinstance(board, dict):
                continue
            price = round(board["mid_price"] * rng.uniform(0.97, 1.03))
            order = {"product_code": code, "side": rng.choice(("BUY", "SELL")), "size": 0.01, "price": price}
            await ask("POST", "sendchildorder", {**order, "child_order_type": rng.choice(("LIMIT", "MARKET"))})
            stop = {**order, "condition_type": "STOP", "trigger_price": price}
            await ask("POST", "sendparentorder", {"order_method": "SIMPLE", "parameters": [stop]})
            await ask("GET", f"getexecutions?product_code={code}")
            if turn % 20 == 0:
                await ask("POST", "cancelallchildorders", {"product_code": code})
                orders = await ask("GET", f"getparentorders?product_code={code}&parent_order_state=ACTIVE")
                for each in orders if isinstance(orders, list) else ():
                    name = "parent_order_acceptance_id"
                    await ask("POST", "cancelparentorder", {"product_code": code, name: each[name]})


async def suffer(exchange: ExchangeProcess, counts: Counter[str]) -> None:
    """Give one fault after the other, for ever; and ask for the truth, as a test would."""
    for seed, fault in enumerate(itertools.cycle(FAULTS)):
        lasts = {} if fault["fault"] in ("close", "reset") else {"seconds": FAULT_SECONDS}
        await asyncio.to_thread(exchange.control, "faults", {**fault, **lasts, "seed": seed})
        counts["faults"] += 1
        await asyncio.sleep(FAULT_SECONDS)
        if seed % 10 == 9:
            await asyncio.to_thread(exchange.control, "connections")
            await asyncio.to_thread(exchange.control, "published?channel=lightning_ticker_BTC_JPY")


async def soak(exchange: ExchangeProcess, seconds: float) -> tuple[list[tuple[float, float, int]], Counter[str]]:
    """Returns (seconds since the start, MiB, messages published) of each sample, and counts of what went on."""
    counts: Counter[str] = Counter()
    samples: list[tuple[float, float, int]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    async with asyncio.TaskGroup() as group:
        tasks = [
            *(
                group.create_task(subscribe(exchange, number, dialect, counts))
                for dialect in DIALECTS.values()
                for number in range(SUBSCRIBERS)
            ),
            *(group.create_task(trade(exchange, number, counts)) for number in range(ACCOUNTS)),
            group.create_task(suffer(exchange, counts)),
        ]
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("soaking", total=SAMPLES)
            started = time.monotonic()
            for number in range(SAMPLES + 1):
                await asyncio.sleep(max(0.0, started + number * seconds / SAMPLES - time.monotonic()))
                published = await asyncio.to_thread(_last_number, exchange)
                samples.append((time.monotonic() - started, exchange.memory_mib(), published))
                progress.console.print(*samples[-1])
                progress.update(bar, completed=number, description=f"{samples[-1][1]:.0f} MiB")
        for task in tasks:
            task.cancel()
    return samples, counts


def _last_number(exchange: ExchangeProcess) -> int:
    """How many messages have been published."""
    rows = json.loads(exchange.control("connections"))
    return max((last for row in rows for each in row["channels"].values() for _, last in each["subscribed"]), default=0)


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    speed = sys.argv[2] if len(sys.argv) > 2 else "50"
    with exchange_process("--seed", "1", "--speed", speed, "--accounts", str(ACCOUNTS), "--no-rate-limits") as exchange:
        samples, counts = asyncio.run(soak(exchange, minutes * 60))
        errors = exchange.errors()
    table = Table(
        title=f"{2 * SUBSCRIBERS} subscribers, {ACCOUNTS} accounts and faults for {minutes:g} minutes at speed {speed}"
    )
    for heading in ("minutes", "MiB", "messages published"):
        table.add_column(heading, justify="right")
    for seconds, mib, published in samples:
        table.add_row(f"{seconds / 60:.1f}", f"{mib:.1f}", f"{published:,}")
    console = Console()
    console.print(table)
    later = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([seconds for seconds, _, _ in later], [mib for _, mib, _ in later]).slope
    console.print(f"in the second half it grew by {slope * 3600:.1f} MiB an hour")
    for what, count in sorted(counts.items()):
        console.print(f"{count:12,} {what}")
    console.print(errors or "nothing was logged")


if __name__ == "__main__":
    main()
