"""Our client in every scenario in which peers were tried, in both dialects; docs/peers.md has theirs beside ours.

They compare the stream's items with the exchange's own record of published, delivered and accepted messages. They run
beside each other, since most of their time is waiting; -s shows the figures.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from fulgurite import Gap, Item, Kind, Message, OrderBook, Origin, Repaired, Status, Stream, connect
from fulgurite.errors import AuthenticationError, BookNotLiveError, SlowConsumerError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol.dialects import DIALECTS
from tests.exchange.test_control import ask
from tests.exchangeprocess import after_maintenance
from tests.peers.witness import (
    Book,
    Witness,
    changed,
    connections,
    following,
    published,
    until,
    wait_for_published,
)

PRODUCT = "FX_BTC_JPY"
CHANNELS = SNAPSHOT, BOARD, TICKER, EXECUTIONS = [
    f"lightning_{kind}_{PRODUCT}" for kind in ("board_snapshot", "board", "ticker", "executions")
]
PRIVATE = "child_order_events"
SPEED = 10.0
"""Of the exchange's clock, so that there is much to see, and no channel is silent for long."""
SHORT = dict.fromkeys((Kind.BOARD_SNAPSHOT, Kind.BOARD, Kind.TICKER, Kind.EXECUTIONS), 2.0)
"""Limits of silence, so that nobody has to wait for the default ones; by the exchange's clock they are 20 s."""
ROW_SECONDS = 120
"""No row takes a quarter of it on an idle machine."""
AT_ONCE = 6
"""Rows that run beside each other: more take so much of a processor that timely messages come late."""

is_message: Callable[[Item], bool] = lambda item: isinstance(item, Message)  # noqa: E731


# --- the client and its promises ----------------------------------------------------------------------------------


def start_ns() -> int:
    return int(after_maintenance().timestamp() * 1e9)


@asynccontextmanager
async def listening(
    dialect: str, *channels: str, faults: Any = (), speed: float = SPEED, **options: Any
) -> AsyncIterator[tuple[Exchange, Stream, Witness[Item]]]:
    """An exchange, our client on it, and the client's items; the four public channels unless told otherwise."""
    async with (
        run(seed=7, speed=speed, start_ns=start_ns(), faults=faults, products=[PRODUCT]) as exchange,
        connect(*(channels or CHANNELS), endpoint=exchange, dialect=dialect, **options) as stream,
        following(stream) as client,
    ):
        yield exchange, stream, client


async def spoil(exchange: Exchange, **fault: object) -> None:
    status, answer = await ask(exchange, "faults", "POST", json=fault)
    assert status == 201, answer


async def heal(exchange: Exchange) -> None:
    await ask(exchange, "faults", "DELETE")


def message_of(channel: str) -> Callable[[Item], bool]:
    return lambda item: isinstance(item, Message) and item.channel == channel


def status(kind: str, channel: str | None = None, text: str = "") -> Callable[[Item], bool]:
    return lambda item: (
        isinstance(item, Status) and item.kind == kind and channel in (None, item.channel) and text in item.detail
    )


async def flows(client: Witness[Item]) -> None:
    """Until every channel has brought a message."""
    missing = set(CHANNELS)
    while missing:
        item = await client.next(is_message)
        assert isinstance(item, Message)
        missing.discard(item.channel)


async def gaps(client: Witness[Item]) -> dict[str, Gap]:
    """Until there was a gap in every channel."""
    found: dict[str, Gap] = {}
    while len(found) < len(CHANNELS):
        item = await client.next(lambda item: isinstance(item, Gap))
        assert isinstance(item, Gap)
        earlier = found.get(item.channel)
        # Another one is of a later interruption: a channel that stays silent is interrupted again and again.
        assert earlier is None or item.from_ns >= earlier.to_ns, "one interruption is one gap"
        found[item.channel] = item
    return found


def closed(client: Witness[Item]) -> list[str]:
    """Why connections have ended."""
    return [item.detail for item in client.seen if isinstance(item, Status) and item.kind == "closed"]


async def assert_executions_are_whole(exchange: Exchange, client: Witness[Item]) -> int:
    """From the first one that was given to the last, every execution was given, once and in order; how many late."""
    given, backfilled = given_executions(client)
    truth = await published_executions(exchange)
    assert given == truth[truth.index(given[0]) : truth.index(given[-1]) + 1]
    return backfilled


async def are_executions_whole(exchange: Exchange, client: Witness[Item]) -> bool:
    """Whether every execution from the first to the last was given; none may have been given twice."""
    given, _ = given_executions(client)
    truth = await published_executions(exchange)
    assert len(set(given)) == len(given)
    return sorted(given) == truth[truth.index(min(given)) : truth.index(max(given)) + 1]


def given_executions(client: Witness[Item]) -> tuple[list[int], int]:
    """The ids of all that were given, and how many of them late."""
    given: list[int] = []
    backfilled = 0
    for item in client.seen:
        if isinstance(item, Message) and item.channel == EXECUTIONS:
            rows: Any = item.data
            given += [row.id for row in rows]
            backfilled += len(rows) if item.origin is Origin.BACKFILLED else 0
    return given, backfilled


async def published_executions(exchange: Exchange) -> list[int]:
    """The ids of all that were published."""
    return [row["id"] for entry in await published(exchange, EXECUTIONS) for row in entry["message"]]


def assert_refuses(book: OrderBook, why: str) -> None:
    assert book.state == "STALE"
    assert why in book.reason
    for question in (lambda: book.best_bid, lambda: book.best_ask, book.bids, book.asks):
        with pytest.raises(BookNotLiveError):
            question()


async def assert_was_published(book: OrderBook, exchange: Exchange) -> None:
    """The book equals, level by level, the one made of the published messages up to one of them."""
    sides = {"bids": book.bids(), "asks": book.asks()}
    held = {side: {level.price: level.size for level in levels} for side, levels in sides.items()}
    entries = [*await published(exchange, SNAPSHOT), *await published(exchange, BOARD)]
    truth: Book = {"bids": {}, "asks": {}}
    for entry in sorted(entries, key=lambda entry: entry["number"]):
        if entry["channel"] == SNAPSHOT:
            truth = {"bids": {}, "asks": {}}
        changed(truth, entry["message"])
        if held == truth:
            return
    raise AssertionError("at no moment was this the book")


def show(text: str) -> None:
    """A figure for the documentation; -s shows it."""
    print(text)


# --- the scenarios ------------------------------------------------------------------------------------------------


async def normal(dialect: str) -> None:
    """All published messages come, and the book equals the published one."""
    async with listening(dialect) as (exchange, stream, client):
        await flows(client)
        book = await stream.synced(PRODUCT)
        await assert_was_published(book, exchange)
        await assert_executions_are_whole(exchange, client)
        assert len(await connections(exchange)) == 1
        assert not [item for item in client.seen if isinstance(item, Gap)]


async def closed_after_40_ticks(dialect: str) -> None:
    """1012 in the middle: it reconnects, subscribes again, reports the missed messages, and fetches the executions."""
    async with listening(dialect) as (exchange, stream, client):
        book = await stream.synced(PRODUCT)
        for _ in range(40):
            await client.next(message_of(TICKER))
        await spoil(exchange, fault="close", code=1012, reason="scheduled maintenance")
        found = await gaps(client)
        for gap in found.values():
            assert "1012" in gap.reason
            assert gap.last is not None
            assert gap.from_ns <= gap.to_ns
        assert (found[EXECUTIONS].repaired, found[EXECUTIONS].note) == (Repaired.FULL, "")
        await flows(client)
        assert await stream.synced(PRODUCT) is book
        await assert_was_published(book, exchange)
        late = await assert_executions_are_whole(exchange, client)
        reports = await connections(exchange)
        assert [report["channels"].keys() for report in reports] == [set(CHANNELS)] * 2
    assert late == found[EXECUTIONS].recovered  # none, if nobody happened to trade meanwhile
    show(f"closed after 40 ticks, {dialect}: {late} executions were fetched")


async def closed_at_once(dialect: str, code: int) -> None:
    """Accepted and closed at once, three times: the default delays keep it from hammering."""
    async with listening(dialect, faults=[{"fault": "close-at-once", "code": code}]) as (exchange, _, client):

        async def three() -> bool:
            return len(await connections(exchange)) >= 3

        await until(three)
        await heal(exchange)
        await flows(client)
        times = [report["opened_ns"] for report in await connections(exchange)]
        assert [report["code"] for report in (await connections(exchange))[:3]] == [code] * 3
        assert all(str(code) in reason for reason in closed(client))
    seconds = (times[-1] - times[0]) / 1e9
    # By the exchange's own record, and for any random numbers: no delay is under a second.
    assert len(times) - 1 <= seconds
    show(f"closed at once with {code}, {dialect}: {len(times)} opens in {seconds:.1f} s")


async def closed_at_once_1012(dialect: str) -> None:
    """See `closed_at_once`."""
    await closed_at_once(dialect, 1012)


async def closed_at_once_1000(dialect: str) -> None:
    """See `closed_at_once`."""
    await closed_at_once(dialect, 1000)


async def refused_at_first(dialect: str) -> None:
    """The very first handshake is refused: that is an ending as any other."""
    faults = [{"fault": "refuse", "times": 1}]
    async with listening(dialect, faults=faults) as (_, _, client):
        await client.next(status("closed", text="503"))
        await flows(client)


async def all_stops(dialect: str) -> None:
    """No data while pings are answered: told of each channel, subscribed again, connected again, told once more."""
    options: Any = {"silence_limits": SHORT, "ping_after": 0.5, "audit": 0.5}
    async with listening(dialect, **options) as (exchange, stream, client):
        await flows(client)
        book = await stream.synced(PRODUCT)
        await spoil(exchange, fault="mute")
        client.skip()
        await client.next(status("silent", BOARD, "subscribing it again"))
        assert_refuses(book, "was silent for")
        await client.next(status("silent", text="making a new connection"))
        await client.next(status("dead"))
        assert_refuses(book, "was silent for")
        assert all("was silent for" in reason for reason in closed(client)), "no pong was missing"
        await heal(exchange)
        await gaps(client)
        assert await stream.synced(PRODUCT) is book
        # An audit finds executions withheld after the last gap was told and before the fault was over.
        while not await are_executions_whole(exchange, client):
            await client.next(message_of(EXECUTIONS))


async def executions_stop(dialect: str) -> None:
    """One channel dies: that one is subscribed again, then all on a new connection, then its user is told."""
    # Twice as fast: executions come in bursts, with silences between.
    limits = {Kind.EXECUTIONS: SHORT[Kind.EXECUTIONS]}
    async with listening(dialect, silence_limits=limits, speed=2 * SPEED) as (exchange, stream, client):
        await flows(client)
        await spoil(exchange, fault="mute", channel=EXECUTIONS)
        client.skip()
        await client.next(status("silent", EXECUTIONS, "subscribing it again"))
        await client.next(status("subscribed", EXECUTIONS))
        # The record tells of a subscription when something was published in it.
        await wait_for_published(exchange, BOARD, 2)
        report = (await connections(exchange))[0]  # a slow machine may have made the next one by now
        assert len(report["channels"][EXECUTIONS]["subscribed"]) == 2
        assert [len(report["channels"][other]["subscribed"]) for other in (SNAPSHOT, BOARD, TICKER)] == [1] * 3
        await client.next(status("silent", EXECUTIONS, "making a new connection"))
        assert (await stream.synced(PRODUCT)).state == "LIVE"
        await client.next(status("dead", EXECUTIONS))
        await wait_for_published(exchange, EXECUTIONS, 5)
        # It was the only one that was silent, and it costs the others no further connection.
        silent = {item.channel for item in client.seen if isinstance(item, Status) and item.kind in ("silent", "dead")}
        assert silent == {EXECUTIONS}
        assert len(await connections(exchange)) == 2
        await heal(exchange)
        client.skip()
        await client.next(lambda item: message_of(EXECUTIONS)(item) and getattr(item, "origin", None) is Origin.LIVE)
        found = [item for item in client.seen if isinstance(item, Gap) and item.channel == EXECUTIONS]
        assert {gap.repaired for gap in found} == {Repaired.FULL}
        late = await assert_executions_are_whole(exchange, client)
    assert late == sum(gap.recovered for gap in found) > 0
    show(f"executions stop, {dialect}: {late} were fetched")


async def never_any_message(dialect: str) -> None:
    """A stand-in that acknowledges everything: detected from the moment of subscribing, without a first message."""
    options: Any = {"silence_limits": dict.fromkeys(SHORT, 1.0)}
    async with listening(dialect, faults=[{"fault": "dummy"}], **options) as (exchange, stream, client):
        silent = {(await client.next(status("silent", channel))).channel for channel in CHANNELS}  # type: ignore[union-attr]
        assert silent == set(CHANNELS)
        await client.next(status("silent", text="making a new connection"))
        dead: Any = await client.next(status("dead"))
        assert "the server is a stand-in" in dead.detail
        assert not [item for item in client.seen if isinstance(item, Message)]
        assert stream.books[PRODUCT].state == "WAITING_SNAPSHOT"
        await heal(exchange)  # a guest of the stand-in stays one, until it leaves
        await flows(client)


async def diffs_before_the_snapshot(dialect: str) -> None:
    """After a reconnect the kept book takes no diff, and refuses, until a snapshot has come."""
    async with listening(dialect) as (exchange, stream, client):
        book = await stream.synced(PRODUCT)
        await spoil(exchange, fault="mute", channel=SNAPSHOT)
        client.skip()
        await spoil(exchange, fault="reset")
        await client.next(status("closed"))
        await client.next(status("subscribed", BOARD))
        for _ in range(20):
            await client.next(message_of(BOARD))
            assert_refuses(book, "1006")
        await heal(exchange)
        assert await stream.synced(PRODUCT) is book
        await assert_was_published(book, exchange)


async def book_during_an_outage(dialect: str) -> None:
    """While there is no connection the book refuses, and says why."""
    async with listening(dialect, BOARD) as (exchange, stream, client):
        book = await stream.synced(PRODUCT)
        await spoil(exchange, fault="refuse")
        await spoil(exchange, fault="close", reason="scheduled maintenance")
        await client.next(status("closed", text="1012"))
        assert_refuses(book, "1012")
        await client.next(status("closed", text="503"))
        assert_refuses(book, "1012")
        await heal(exchange)
        assert await stream.synced(PRODUCT) is book
        await assert_was_published(book, exchange)


async def wrong_key(dialect: str) -> None:
    """It is raised where the program iterates, and tried once."""
    async with run(seed=7, products=[PRODUCT]) as exchange:
        wrong = lambda: (exchange.api_key, "wrong")  # noqa: E731
        with pytest.raises(AuthenticationError):
            async with connect(PRIVATE, TICKER, endpoint=exchange, dialect=dialect, credentials=wrong) as stream:
                [_ async for _ in stream]
        assert len(await connections(exchange)) == 1


async def auth_never_answered(dialect: str) -> None:
    """It gives up, says so, and tries again, each time until it is answered."""
    faults = [{"fault": "no-ack", "method": "auth"}]
    async with run(seed=7, speed=SPEED, start_ns=start_ns(), faults=faults, products=[PRODUCT]) as exchange:
        keys = lambda: (exchange.api_key, exchange.api_secret)  # noqa: E731
        options: Any = {"endpoint": exchange, "dialect": dialect, "credentials": keys, "request_timeout": 1.0}
        async with connect(PRIVATE, *CHANNELS, **options) as stream, following(stream) as client:
            for _ in range(2):
                await client.next(status("closed", text="auth"))
            assert not [item for item in client.seen if status("subscribed")(item)]
            await heal(exchange)
            await client.next(status("authenticated"))
            await client.next(status("subscribed", PRIVATE))
            await flows(client)


async def one_connection_of_two(dialect: str) -> None:
    """One ends, then the other: nothing is missing, and there is no gap."""
    async with listening(dialect, EXECUTIONS, BOARD, connections=2) as (exchange, stream, client):
        book = await stream.synced(PRODUCT)
        for _ in (1, 2):
            for _ in range(100):
                await client.next(message_of(BOARD))
            both = [report["number"] for report in await connections(exchange) if report["closed_ns"] is None]
            assert len(both) == 2
            await spoil(exchange, fault="reset", connection=both[0])
            await client.next(status("closed"))
            assert book.state == "LIVE"
            await client.next(status("subscribed", BOARD))
        for _ in range(20):
            await client.next(message_of(BOARD))
        assert not [item for item in client.seen if isinstance(item, Gap)]
        assert await assert_executions_are_whole(exchange, client) == 0
        await assert_was_published(book, exchange)


@asynccontextmanager
async def slow(dialect: str, **options: Any) -> AsyncIterator[tuple[Exchange, Stream]]:
    """A stream whose consumer has taken next to nothing while far more came than may wait.

    The exchange does not ping meanwhile: a client that reads nothing answers nothing, and would be cut off
    where the machine is so busy that all this takes longer than two pings are apart.
    """
    pings = {"fault": "pings", "interval": 3600, "timeout": 3600}
    async with (
        run(seed=7, speed=SPEED, start_ns=start_ns(), faults=[pings], products=[PRODUCT]) as exchange,
        connect(*CHANNELS, endpoint=exchange, dialect=dialect, queue_limit=20, **options) as stream,
    ):
        await anext(aiter(stream))
        await until(lambda: connections(exchange))
        await wait_for_published(exchange, BOARD, 100)
        yield exchange, stream


async def slow_consumer_waits(dialect: str) -> None:
    """By default nothing is lost: the sockets are read no further until there is room."""
    async with slow(dialect) as (exchange, stream), following(stream) as client:
        for _ in range(200):
            await client.next(message_of(BOARD))
        assert not [item for item in client.seen if isinstance(item, Gap)]
        assert len(await connections(exchange)) == 1
        came = [json.loads(item.raw) for item in client.seen if isinstance(item, Message) and item.channel == BOARD]
        truth = [entry["message"] for entry in await published(exchange, BOARD)]
        begin = truth.index(came[0])
        assert came == truth[begin : begin + len(came)]


async def slow_consumer_loses_the_oldest(dialect: str) -> None:
    """On request the oldest are dropped, with a gap in their place."""
    async with slow(dialect, overflow="drop-oldest") as (exchange, stream), following(stream) as client:
        gap: Any = await client.next(lambda item: isinstance(item, Gap) and item.channel == BOARD)
        assert "the consumer was too slow" in gap.reason
        await flows(client)
        assert len(await connections(exchange)) == 1


async def slow_consumer_is_ended(dialect: str) -> None:
    """On request the stream ends with an error."""
    with pytest.raises(SlowConsumerError):
        async with slow(dialect, overflow="end") as (_, stream):
            [_ async for _ in stream]


Row = Callable[[str], Coroutine[None, None, None]]

ROWS: tuple[Row, ...] = (
    closed_at_once_1012,
    closed_at_once_1000,
    never_any_message,
    all_stops,
    executions_stop,
    one_connection_of_two,
    normal,
    closed_after_40_ticks,
    diffs_before_the_snapshot,
    book_during_an_outage,
    refused_at_first,
    auth_never_answered,
    wrong_key,
    slow_consumer_waits,
    slow_consumer_loses_the_oldest,
    slow_consumer_is_ended,
)
"""The longest first."""

PAIRS = list(itertools.product(ROWS, DIALECTS))


async def play(row: Row, dialect: str, turns: asyncio.Semaphore) -> None:
    async with turns, asyncio.timeout(ROW_SECONDS):
        await row(dialect)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plays(request: pytest.FixtureRequest) -> AsyncIterator[dict[tuple[Row, str], asyncio.Task[None]]]:
    """The rows that were selected, under way beside each other."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    mine: list[Any] = [item.callspec.params for item in tests if item.originalname == test_a_row.__name__]
    turns = asyncio.Semaphore(AT_ONCE)
    selected = [(params["row"], params["dialect"]) for params in mine]
    tasks = {(row, dialect): asyncio.create_task(play(row, dialect, turns)) for row, dialect in selected}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("row", "dialect"), [pytest.param(*pair, id=f"{pair[0].__name__}-{pair[1]}") for pair in PAIRS]
)
async def test_a_row(plays: dict[tuple[Row, str], asyncio.Task[None]], row: Row, dialect: str):
    await plays[row, dialect]
