"""Injects faults of every kind into the embedded exchange, fast, and holds a client's items to the published messages.

A round is some hundred faults in a process of its own, with an exchange whose market lives as fast as the machine can
do it. The kinds of rounds:

* all: faults of all kinds at all connections, one after another and overlapping.
* traced: the same without those that leave no trace on the wire; here nothing at all is excluded from the judgement.
* one-sided: with two connections, faults at one of them at a time: there must not be one gap.
* network: the exchange is well, and the network before it is bad; nothing is excluded here either, and the books are
  looked at by the clock, too: none is LIVE and old.

This module is long because the rounds of all kinds share one run and one table.

From the root of the repository:

    .venv/bin/python -m tools.chaos 10000 [--seed N] [--dialect json-rpc|socketio] [--connections 1|2]
        [--repair before|alongside|off]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat
from random import Random
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fulgurite import BookState, Endpoint, Frame, Gap, Kind, Message, Status, StatusKind, Stream, connect
from fulgurite.client.httplimits import HttpBudget
from fulgurite.errors import AuthenticationError
from fulgurite.protocol.dialects import DIALECTS
from fulgurite.server.records import ConnectionReport
from tests.exchangeprocess import ExchangeProcess, at_after_maintenance, exchange_process
from tools.chaosfaults import Fault, draw, draw_at_one
from tools.chaosjudge import (
    Given,
    Look,
    Published,
    Shot,
    Verdict,
    digest,
    judge_age,
    judge_book,
    judge_executions,
    judge_gaps,
)
from tools.chaosnetwork import MAX_SECONDS, Network, draw_network_fault

Repair = Literal["before", "alongside", "off"]
RoundKind = Literal["all", "traced", "one-sided", "network"]

PRODUCTS: Final = ("FX_BTC_JPY", "XRP_JPY")
"""A busy one and a quiet one."""

KINDS: Final = ("board_snapshot", "board", "ticker", "executions")
CHANNELS: Final = [f"lightning_{kind}_{code}" for code in PRODUCTS for kind in KINDS]
JUDGED: Final = [channel for channel in CHANNELS if "ticker" not in channel]
SPEEDS: Final[dict[RoundKind, int]] = {"all": 10, "traced": 10, "one-sided": 40, "network": 10}
"""The market's. A recovery that needs a snapshot or an execution takes a real second divided by this; and two
processors can do six rounds at a time."""

FAULTS_A_ROUND: Final = 250
SLOWNESS: Final[dict[RoundKind, int]] = {"one-sided": 10, "network": 5}
"""Rounds whose faults take so many times longer have so many times less of them."""

PAUSE_SECONDS: Final = 0.03
"""Between two faults, on average."""

VOLLEY: Final = 10
"""After so many faults the client is given the time to recover."""

NETWORK_PAUSE_SECONDS: Final = 0.2
NETWORK_VOLLEY: Final = 3
"""The same of a bad network: a connection that it swallows is given up only after seconds, and nothing hits it then."""

NOTICE_SECONDS: Final = 0.5
"""A client whose connection was cut has noticed it after so long."""

RECOVERY_SECONDS: Final = 180.0
"""A client that has not recovered so long after the last fault never will."""

POLL_SECONDS: Final = 0.3
"""The published messages are fetched so often, for the exchange forgets them."""

AUDIT_SECONDS: Final = 1.0

LOOK_SECONDS: Final = 0.05
"""Between two looks at the books by the clock."""

SILENCE_LIMITS: Final = {Kind.BOARD_SNAPSHOT: 1.0, Kind.BOARD: 2.0, Kind.TICKER: 2.0, Kind.EXECUTIONS: 20.0}


class Round:
    """One exchange, one stream, and some faults.

    Args:
        kind: of the round; see the module.
        faults: how many.
        seed: of all chance.
        dialect: the first connection's.
        connections: how many.
        repair: of the stream's gaps.
    """

    def __init__(self, kind: RoundKind, faults: int, seed: int, dialect: str, connections: int, repair: Repair) -> None:
        self.name = f"{kind} {faults} --seed {seed} --dialect {dialect} --connections {connections} --repair {repair}"
        self.verdict = Verdict()
        self.injected: Counter[str] = Counter()
        self.kind = kind
        self._faults = faults
        self._seed = seed
        self._dialect = dialect
        self._connections = connections
        self._repair: Repair = repair
        self._rng = Random(seed)
        self._shots: list[Shot] = []
        self._published: dict[str, list[Published]] = {channel: [] for channel in JUDGED}
        self._given: dict[str, list[Given]] = defaultdict(list)  # of executions by channel, of books by product
        # One-sided rounds: the connection that is struck, gaps since then, and why the other one has ended, if it has.
        self._struck = -1
        self._gaps = 0
        self._other_ended = ""
        # Network rounds: the network, and looks at the books by the clock.
        self._network: Network | None = None
        self._looks: dict[str, list[Look]] = {code: [] for code in PRODUCTS}
        self._is_over = False
        self._numbers: list[int] = []

    async def run(self, exchange: ExchangeProcess) -> None:
        """Run it, and judge the items."""
        async with (
            self._reach(exchange) as endpoint,
            httpx.AsyncClient(base_url=f"{exchange.ready['control']}/", trust_env=False, timeout=60) as self._control,
            self._connect(endpoint) as stream,
        ):
            tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._take(stream))]
            try:
                await self._recovered(stream)
                if self.kind == "one-sided":
                    await self._strike_one_side(stream)
                elif self._network is not None:
                    tasks.append(asyncio.create_task(self._watch(stream)))
                    await self._strike_network(stream, self._network)
                else:
                    await self._strike(stream, exchange)
                await self._executions_flow()
                await self._audited(stream)
                # Later items are not judged; all earlier messages are known in the end.
                for task in tasks[1:]:
                    task.cancel()
                self._is_over = True
                await asyncio.wait_for(tasks[0], RECOVERY_SECONDS)
                reports = await self._reports()
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        self._judge(reports)
        if errors := exchange.errors():
            self.verdict.fail(f"the exchange logged: {errors}")

    # --- the client

    @asynccontextmanager
    async def _reach(self, exchange: ExchangeProcess) -> AsyncIterator[Endpoint]:
        """The way to the exchange, in network rounds through a bad network."""
        ready = exchange.ready
        urls = ready["realtime"], ready["socketio"]
        if self.kind != "network":
            yield Endpoint("chaos", *urls, ready["http"])
            return
        port = urlsplit(ready["realtime"]).port
        assert port is not None
        assert port == urlsplit(ready["socketio"]).port
        async with Network(port) as self._network:
            urls = (
                urls[0].replace(f":{port}", f":{self._network.port}"),
                urls[1].replace(f":{port}", f":{self._network.port}"),
            )
            yield Endpoint("chaos", *urls, ready["http"])

    @asynccontextmanager
    async def _connect(self, endpoint: Endpoint) -> AsyncIterator[Stream]:
        rng = Random(self._seed)
        # Where the network stalls, connections are to outlast that, so that the waiting bytes come.
        patience = 0.5 if self.kind != "network" else MAX_SECONDS
        stream = connect(
            *CHANNELS,
            endpoint=endpoint,
            dialect=self._dialect,
            connections=self._connections,
            repair=self._repair,
            audit=AUDIT_SECONDS,
            open_timeout=1.0,
            request_timeout=1.0,
            ping_after=0.5,
            pong_timeout=patience,
            silence_limits={kind: limit * 2 * patience for kind, limit in SILENCE_LIMITS.items()},
            delays=lambda: _short_delays(rng),
        )
        _lift_http_limits(stream)
        async with stream:
            yield stream

    async def _take(self, stream: Stream) -> None:
        books = {code: stream.books[code] for code in PRODUCTS}
        async for batch in stream.batches():
            touched = set()
            for item in batch:
                assert not isinstance(item, Frame)
                if isinstance(item, Status):
                    self.verdict.counts["connections made"] += item.kind is StatusKind.OPEN
                    self.verdict.counts["times a channel was silent"] += item.kind is StatusKind.SILENT
                    if item.kind in (StatusKind.CLOSED, StatusKind.SILENT) and item.connection != self._struck:
                        self._other_ended = item.detail
                elif not isinstance(item, Message | Gap):
                    self.verdict.counts["frames that could not be read"] += 1
                elif "executions" in item.channel:
                    self._given[item.channel].append(item)
                elif "ticker" in item.channel:
                    self._given["tickers"].append(item) if isinstance(item, Gap) else None
                else:
                    product = item.channel.partition("board_")[2].removeprefix("snapshot_")
                    self._given[product].append(item)
                    touched.add(product)
                if isinstance(item, Gap):
                    self._gaps += 1
                    if self.kind == "one-sided" and self._struck >= 0:
                        self.verdict.notes[f"one-sided, {item.channel}: {item.reason}"] += 1
            # Nothing has been awaited since the batch was handed over, so the books are as of its last message.
            for product in touched:
                book = books[product]
                is_live = book.state is BookState.LIVE
                self._given[product].append(Look(is_live, digest(book) if is_live else 0, time.time_ns()))

    async def _recovered(self, stream: Stream) -> None:
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                for product in PRODUCTS:
                    await stream.synced(product)
        except TimeoutError:
            self.verdict.fail(f"the client has not recovered {RECOVERY_SECONDS:.0f} s after the last fault")

    async def _executions_flow(self) -> None:
        """Wait until executions that were published after the last fault have come."""
        since_ns = time.time_ns()
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                for product in PRODUCTS:
                    given = self._given[f"lightning_executions_{product}"]
                    # No event tells of it, so it is polled.
                    while not any(isinstance(item, Message) and item.received_ns > since_ns for item in given[-9:]):  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
        except TimeoutError:
            self.verdict.fail(f"no executions came in {RECOVERY_SECONDS:.0f} s after the last fault")

    async def _audited(self, stream: Stream) -> None:
        """Wait until all executions that have come were compared with the list, and the missing ones have come."""
        feeds = [stream._feeds.by_name[f"lightning_executions_{product}"] for product in PRODUCTS]
        channels = [feed.executions for feed in feeds if feed.executions is not None]
        newest = [executions.numbering.newest for executions in channels]
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                # No event tells of it, so it is polled.
                while any((each._audit.reached or 0) < last for each, last in zip(channels, newest, strict=True)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                # No event tells of it, so it is polled.
                while stream._inboxes.main.items:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.verdict.fail(f"executions were not compared with the list in {RECOVERY_SECONDS:.0f} s")

    # --- the faults

    async def _strike(self, stream: Stream, exchange: ExchangeProcess) -> None:
        with_silent = self.kind == "all"
        for number in range(self._faults):
            fault = draw(self._rng, CHANNELS, PRODUCTS, self._numbers, with_silent=with_silent)
            await self._inject(fault)
            if fault["fault"] == "refuse-auth":
                await self._be_refused(exchange, stream.endpoint)
            await asyncio.sleep(self._rng.expovariate(1 / PAUSE_SECONDS))
            if number % VOLLEY == VOLLEY - 1:
                await self._all_over()
                await self._recovered(stream)
                self._numbers = [report.number for report in await self._reports() if report.closed_ns is None]

    async def _strike_network(self, stream: Stream, network: Network) -> None:
        for number in range(self._faults):
            fault = draw_network_fault(self._rng)
            self.injected[fault["fault"]] += 1
            await network.suffer(fault)
            await asyncio.sleep(self._rng.expovariate(1 / NETWORK_PAUSE_SECONDS))
            if number % NETWORK_VOLLEY == NETWORK_VOLLEY - 1:
                await self._recovered(stream)

    async def _watch(self, stream: Stream) -> None:
        """Look at the books by the clock; their answer was right at some time shortly before."""
        while True:
            for product, looks in self._looks.items():
                book, at_ns = stream.books[product], time.time_ns()
                if book.state is BookState.LIVE:
                    looks.append(Look(True, digest(book), at_ns))
            await asyncio.sleep(LOOK_SECONDS)

    async def _strike_one_side(self, stream: Stream) -> None:
        await self._both_know_their_place(stream)
        for _ in range(self._faults):
            async with asyncio.timeout(RECOVERY_SECONDS):
                # Both may end by themselves on a machine that is too busy.
                while not (connected := [report for report in await self._reports() if report.closed_ns is None]):
                    await self._both_know_their_place(stream)
            struck = self._rng.choice(connected)
            # The first connection speaks the stream's dialect, and the second the other one.
            self._struck = 0 if struck.dialect == self._dialect else 1
            self._gaps, self._other_ended = 0, ""
            fault = draw_at_one(self._rng, struck.number)
            await self._inject(fault)
            await self._all_over()
            await asyncio.sleep(NOTICE_SECONDS)
            await self._both_know_their_place(stream)
            self.verdict.counts["one-sided: faults"] += 1
            self.verdict.counts["one-sided: gaps"] += self._gaps
            if self._other_ended:
                # On a machine that is too busy to answer a ping in time, for example.
                self.verdict.counts["one-sided: faults during which the other connection ended by itself"] += 1
                self.verdict.notes[f"one-sided: the other connection ended: {self._other_ended}"] += 1
            elif self._gaps:
                self.verdict.fail(f"{self._gaps} gaps at {fault}, although the other connection was well")

    async def _both_know_their_place(self, stream: Stream) -> None:
        """Wait until the merge knows where both connections are in each channel: before, losing one is losing all."""
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                merges = [stream._feeds.by_name[channel]._merge for channel in CHANNELS]
                # No event tells of it, so it is polled.
                while not all(merge is not None and len(merge._aligned) == 2 for merge in merges):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.verdict.fail("the connections do not find their place")

    async def _inject(self, fault: Fault) -> None:
        from_ns = time.time_ns()
        answer = await self._control.post("faults", json=fault)
        answer.raise_for_status()
        # It begins when the exchange takes it, which is somewhere in between.
        self._shots.append(Shot(fault, from_ns, time.time_ns() + int(fault.get("seconds", 0.0) * 1e9)))
        self.injected[fault["fault"]] += 1

    async def _all_over(self) -> None:
        end_ns = max(shot.to_ns for shot in self._shots)
        await asyncio.sleep(max(0.0, (end_ns - time.time_ns()) / 1e9))

    async def _be_refused(self, exchange: ExchangeProcess, endpoint: Endpoint) -> None:
        """Come with a key; be refused, for good, or taken where another fault was faster."""
        key = exchange.credentials[0]
        stream = connect(
            "child_order_events",
            endpoint=endpoint,
            credentials=lambda: key,
            repair="off",
            request_timeout=1.0,
            delays=lambda: _short_delays(Random(self._seed)),
        )
        try:
            async with stream, asyncio.timeout(RECOVERY_SECONDS):
                async for item in stream:
                    if isinstance(item, Status) and item.kind is StatusKind.AUTHENTICATED:
                        self.verdict.counts["keys taken"] += 1
                        return
        except AuthenticationError:
            self.verdict.counts["keys refused, and the stream ended with it"] += 1

    # --- the truth

    async def _follow(self) -> None:
        """Fetch the published messages, until the round is over and all are there."""
        newest = 0
        while True:
            is_last = self._is_over
            fetched_to, newest = (
                newest,
                max((known[-1].number for known in self._published.values() if known), default=0),
            )
            for channel, known in self._published.items():
                after = known[-1].number if known else 0
                answer = await self._control.get("published", params={"channel": channel, "after": after})
                answer.raise_for_status()
                # All that was published until the last time was fetched then.
                is_forgotten = int(answer.headers["Fulgurite-First-Number"]) > fetched_to + 1
                assert not is_forgotten, "the exchange forgot what it published before it was fetched"
                known += [msgspec.json.decode(line, type=Published) for line in answer.content.splitlines()]
            if is_last:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _reports(self) -> list[ConnectionReport]:
        answer = await self._control.get("connections")
        return msgspec.json.decode(answer.content, type=list[ConnectionReport])

    def _judge(self, reports: list[ConnectionReport]) -> None:
        for given in self._given.values():
            judge_gaps(given, self.verdict)
        for product in PRODUCTS:
            channel = f"lightning_executions_{product}"
            judge_executions(
                channel,
                self._given[channel],
                self._published[channel],
                reports,
                self._shots,
                self.verdict,
                is_repairing=self._repair != "off",
                is_ordered=self._repair != "alongside",
            )
            boards = sorted(
                chain(*(self._published[f"lightning_{kind}_{product}"] for kind in ("board_snapshot", "board"))),
                key=lambda each: each.number,
            )
            judge_book(
                product,
                self._given[product],
                boards,
                reports,
                self._shots,
                self.verdict,
                is_merged=self._connections > 1,
            )
            judge_age(product, self._looks[product], boards, self.verdict, is_merged=self._connections > 1)


def _short_delays(rng: Random) -> Iterator[float]:
    return (rng.uniform(low, low * 2) for low in chain((0.005, 0.01, 0.02, 0.04), repeat(0.08)))


def _lift_http_limits(stream: Stream) -> None:
    """The limits of the HTTP API are not made for a thousand gaps in a minute."""
    if stream._repairs is not None:
        stream._repairs.api._address_budget = HttpBudget(share=10_000_000)


async def play(each: Round) -> None:
    """Run one round on an exchange of its own."""
    products = (f"--product={code}" for code in PRODUCTS)
    options = ("--seed=1", f"--speed={SPEEDS[each.kind]}", at_after_maintenance(), "--no-rate-limits")
    with exchange_process(*options, *products) as exchange:
        await each.run(exchange)


def rounds(faults: int, seed: int, dialect: str, connections: int, repair: Repair) -> Iterator[Round]:
    """The rounds of one combination."""
    kinds: tuple[RoundKind, ...] = ("all", "traced", "network")
    if connections > 1:
        kinds += ("one-sided",)
    number = 0
    while faults > 0:
        kind = kinds[number % len(kinds)]
        count = min(faults, FAULTS_A_ROUND // SLOWNESS.get(kind, 1))
        yield Round(kind, count, seed + number, dialect, connections, repair)
        faults -= count
        number += 1


def show(console: Console, injected: Counter[str], verdicts: dict[str, Verdict]) -> None:
    """Print it."""
    table = Table("", *verdicts, title="results")
    rows = sorted(set().union(*(verdict.counts for verdict in verdicts.values())))
    for row in rows:
        table.add_row(row, *(f"{verdict.counts[row]:,}" for verdict in verdicts.values()))
    table.add_row(
        "longest time LIVE and wrong after something that leaves no trace, s",
        *(f"{max(verdict.wrong_seconds, default=0.0):.2f}" for verdict in verdicts.values()),
    )
    table.add_row(
        "most snapshots that came meanwhile, as published",
        *(f"{max(verdict.wrong_snapshots, default=0):,}" for verdict in verdicts.values()),
    )
    table.add_row("failures", *(f"{len(verdict.failures):,}" for verdict in verdicts.values()))
    faults = Table("fault", "injected", title=f"{sum(injected.values()):,} faults")
    for name, count in sorted(injected.items()):
        faults.add_row(name, f"{count:,}")
    console.print(faults, table)
    for name, verdict in verdicts.items():
        for note, count in verdict.notes.most_common(20):
            console.print(f"{name}: {count:,} times: {note}", markup=False)
        for failure in verdict.failures[:20]:
            console.print(f"{name}: {failure}", markup=False, style="red")


def main() -> None:
    """Run it by hand."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("faults", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=sorted(DIALECTS))
    parser.add_argument("--connections", type=int, choices=(1, 2))
    parser.add_argument("--repair", choices=("before", "alongside", "off"), default="before")
    parser.add_argument("--verbose", action="store_true", help="print the counts of each round")
    given: Any = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    combinations = [
        (dialect, connections)
        for connections in ((given.connections,) if given.connections else (1, 2))
        for dialect in ((given.dialect,) if given.dialect else sorted(DIALECTS))
    ]
    injected: Counter[str] = Counter()
    verdicts: dict[str, Verdict] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("chaos", total=given.faults)
        for dialect, connections in combinations:
            total = verdicts.setdefault(f"{dialect} x {connections}", Verdict())
            share = -(-given.faults // len(combinations))
            for each in rounds(share, given.seed, dialect, connections, given.repair):
                asyncio.run(play(each))
                injected += each.injected
                total.add(each.verdict)
                console.print(f"{each.name}: {dict(each.verdict.counts)}", markup=False) if given.verbose else None
                if each.verdict.failures:
                    console.print(f"{each.name}: {len(each.verdict.failures)} failures", markup=False)
                    for failure in each.verdict.failures[:5]:
                        console.print(f"   {failure}", markup=False)
                progress.update(bar, advance=sum(each.injected.values()), description=each.name)
    show(console, injected, verdicts)
    if any(verdict.failures for verdict in verdicts.values()):
        sys.exit("it does not hold")


if __name__ == "__main__":
    main()
