"""Every scenario that ships, against clients of others: the failures that users report show, so the faults are real.

Each has the plan that `fulgurite exchange --scenario NAME` has; most begin once the clients are served. They
check the client's own output against the exchange's record of published and delivered messages. docs/faults.md has the
results. Several run at a time, since most of their time is waiting.

This module is long because a scenario that ships without a client that suffers from it must fail here, in one table.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_asyncio

from fulgurite import Board, BookState, Gap, Item, Kind, Message, OrderBook, Repaired, Status, connect
from fulgurite.errors import AuthenticationError, BookNotLiveError
from fulgurite.exchange.run import Exchange, run
from fulgurite.exchange.scenarios import SCENARIOS
from fulgurite.protocol.messages import parse_time
from fulgurite.server.faults import parse_plan
from tests.exchange.test_control import ask
from tests.peers.witness import (
    Book,
    Witness,
    book_of,
    connections,
    errors_of_next_book,
    following,
    is_event,
    last_number,
    published,
    running,
    true_book,
    until,
    wait_for_published,
    wrong_levels,
)

PRODUCT = "FX_BTC_JPY"
CHANNELS = SNAPSHOT, BOARD, TICKER, EXECUTIONS = [
    f"lightning_{kind}_{PRODUCT}" for kind in ("board_snapshot", "board", "ticker", "executions")
]
PRIVATE = "child_order_events"
PYBOTTERS, TARDIS, JSONRPC2, SOCKETIO = (
    "pybotters_client.py",
    "tardis_client.js",
    "jsonrpc_client.js",
    "socketio_client.js",
)
STORM = 50
"""Connections that make a storm; ours makes four in the same time."""
AT_ONCE = 8
"""Scenarios that run beside each other."""

connected, said, shows_book, message = is_event("connect"), is_event("log"), is_event("book"), is_event("message")


# --- clients ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def clients(
    exchange: Exchange, *names: str, first: str | None = None, timeout: float = 10
) -> AsyncIterator[list[Witness[dict]]]:
    """Run programs, all until they are served.

    Args:
        exchange: for their connections.
        names: their files.
        first: they are served when they have got a message of this channel; None is any.
        timeout: seconds of silence after which tardis-dev gives a connection up; 10 is its own.
    """
    async with AsyncExitStack() as stack:
        witnesses = []
        for name in names:
            url = exchange.socketio if name == SOCKETIO else exchange.realtime
            told = [PRODUCT] if name == TARDIS else CHANNELS
            environment = os.environ | {"TIMEOUT_MS": str(int(timeout * 1000))}
            witnesses.append(await stack.enter_async_context(running(name, url, *told, environment=environment)))
        for witness in witnesses:
            await witness.next(is_event("message", first))
        yield witnesses


class Ours(NamedTuple):
    """Our client's items, and its user's order book then."""

    item: Item
    state: BookState
    book: Book | None
    """Its answer after a snapshot, and after the diff that follows; None at other times."""
    kept: BookState
    """The state of the book that the stream itself keeps."""


@asynccontextmanager
async def our_client(exchange: Exchange, **options: Any) -> AsyncIterator[Witness[Ours]]:
    """`fulgurite.connect` with an `OrderBook` kept by its user from messages and gaps, and one kept by the stream.

    In every scenario the latter refuses from the moment at which a connection ends.
    """

    async def items() -> AsyncIterator[Ours]:
        kept = OrderBook()
        is_after_snapshot = False
        async with connect(*CHANNELS, endpoint=exchange, dialect="json-rpc", **options) as stream:
            streams_own = stream.books[PRODUCT]
            async for item in stream:
                book = None
                if is_status("closed")(item):
                    with pytest.raises(BookNotLiveError):
                        streams_own.bids()
                if isinstance(item, Gap) and item.channel in (SNAPSHOT, BOARD):
                    kept.invalidate(item.reason)
                    with pytest.raises(BookNotLiveError):
                        kept.bids()
                elif isinstance(item, Message) and isinstance(item.data, Board):
                    is_snapshot = item.channel == SNAPSHOT
                    if is_snapshot:
                        kept.apply_snapshot(item.data)
                    else:
                        kept.apply_diff(item.data)
                    if kept.state == BookState.LIVE and (is_snapshot or is_after_snapshot):
                        sides = {"bids": kept.bids(), "asks": kept.asks()}
                        book = {side: {level.price: level.size for level in levels} for side, levels in sides.items()}
                    is_after_snapshot = is_snapshot
                yield Ours(item, kept.state, book, streams_own.state)

    async with following(items()) as witness:
        await witness.next(lambda said: isinstance(said.item, Message))
        yield witness


def is_status(kind: str, channel: str | None = None, text: str = "") -> Callable[[Item], bool]:
    """Matches our client's statuses of this kind, of this channel if one is given, whose detail has this text."""
    return lambda item: (
        isinstance(item, Status) and item.kind == kind and channel in (None, item.channel) and text in item.detail
    )


async def our_status(ours: Witness[Ours], kind: str, channel: str | None = None, text: str = "") -> Status:
    """The next of our client's statuses that matches; see `is_status`."""
    said = await ours.next(lambda said: is_status(kind, channel, text)(said.item))
    assert isinstance(said.item, Status)
    return said.item


async def our_gaps(ours: Witness[Ours]) -> int:
    """Until our client has told of a gap in each channel; its book refuses to answer then.

    Returns:
        How many executions were missed; they were all fetched.
    """
    missing = set(CHANNELS)
    fetched = 0
    while missing:
        said = await ours.next(lambda said: isinstance(said.item, Gap))
        assert isinstance(said.item, Gap)
        missing.discard(said.item.channel)
        assert said.state == BookState.STALE or said.item.channel not in (SNAPSHOT, BOARD)
        if said.item.channel == EXECUTIONS:
            assert (said.item.repaired, said.item.note) == (Repaired.FULL, "")
            fetched += said.item.recovered
    return fetched


async def our_books(ours: Witness[Ours]) -> None:
    """Until both of our books answer."""
    await ours.next(lambda said: said.book and said.kept == BookState.LIVE)


async def our_errors(ours: Witness[Ours], exchange: Exchange, channel: str) -> int:
    """How many levels are wrong in our book after the next message of this channel that it answers after."""
    said = await ours.next(lambda said: isinstance(said.item, Message) and said.item.channel == channel and said.book)
    assert isinstance(said.item, Message)
    assert said.book is not None
    truth = await true_book(exchange, PRODUCT, json.loads(said.item.raw))
    assert truth is not None
    return wrong_levels(said.book, truth)


def delivered(report: dict, channel: str) -> list:
    """The ranges of a channel's messages that a connection was sent."""
    ranges: list = report["channels"][channel]["delivered"]
    return ranges


def show(text: str) -> None:
    """A figure for the documentation; -s shows it."""
    print(text)


# --- the scenarios ------------------------------------------------------------------------------------------------


async def stale_book(exchange: Exchange) -> None:
    """pybotters takes one snapshot a connection, the old one, and its book is wrong until the next disconnection."""
    async with clients(exchange, PYBOTTERS, first=SNAPSHOT) as (pybotters,), our_client(exchange) as ours:
        await begin_plan(exchange, "stale-book")
        await pybotters.nth(2 * len(CHANNELS), is_event("reply"))  # the last of its second connection
        told = await pybotters.next(is_event("message", SNAPSHOT))
        assert await true_book(exchange, PRODUCT, told["message"]) is not None, "it was published, long ago"
        first = await errors_of_next_book(pybotters, exchange, PRODUCT)
        await our_gaps(ours)
        await ours.next(lambda said: isinstance(said.item, Message) and said.item.channel == SNAPSHOT)
        ours_at_first = await our_errors(ours, exchange, BOARD)
        assert await our_errors(ours, exchange, SNAPSHOT) == 0  # five seconds later
        pybotters.skip()
        later = await errors_of_next_book(pybotters, exchange, PRODUCT)
    show(
        f"stale-book: pybotters has {first} levels wrong, {later} after the next snapshot; ours {ours_at_first}, then 0"
    )
    assert first > 0
    assert later > 0


async def half_open(exchange: Exchange) -> None:
    """jsonrpc2-ws waits for ever on a connection that is dead; others send pings, or have a limit of silence."""

    async def only_one_is_left() -> bool:
        return sum(each["closed_ns"] is None for each in (await connections(exchange))[:4]) == 1

    names = JSONRPC2, PYBOTTERS, TARDIS
    async with clients(exchange, *names, timeout=2) as (jsonrpc2, pybotters, tardis), our_client(exchange) as ours:
        await begin_plan(exchange, "half-open")
        await until(only_one_is_left)
        (left,) = [each for each in (await connections(exchange))[:4] if each["closed_ns"] is None]
        missed = len(await published(exchange, BOARD, delivered(left, BOARD)[-1][1]))
        assert jsonrpc2.seen[-1]["event"] in ("message", "subscribe")
        assert not [event for event in jsonrpc2.seen if event["event"] in ("disconnect", "error")]
        assert not [event for event in pybotters.seen if event["event"] == "log"]
        await tardis.next(is_event("disconnect"))
        await our_status(ours, "closed", text="nothing came for")
        await ask(exchange, "faults", "DELETE")
        fetched = await our_gaps(ours)
        await our_books(ours)
    show(f"half-open: jsonrpc2-ws has missed {missed} diffs, and waits; ours fetched {fetched} executions")
    assert missed > 50


async def daily_maintenance(exchange: Exchange) -> None:
    """All are told 1012, and only some tell their user; tardis-dev takes a closed market for a broken connection."""
    names = JSONRPC2, SOCKETIO, TARDIS
    async with clients(exchange, *names, timeout=1) as (jsonrpc2, socketio, tardis):
        async with our_client(exchange) as ours:
            told = await jsonrpc2.next(is_event("disconnect"))
            assert told == {"event": "disconnect", "code": 1012, "reason": "scheduled maintenance"}
            assert await socketio.next(is_event("disconnect")) == {"event": "disconnect", "reason": "transport close"}
            # From 04:02 to 04:10 nothing is published.
            fetched = await our_gaps(ours)
            await our_books(ours)
        gone = [event for event in tardis.seen if event["event"] == "disconnect"]
    ends = [(each["code"], each["reason"]) for each in await connections(exchange)]
    assert ends.count((1012, "scheduled maintenance")) >= 3
    show(
        f"daily-maintenance: tardis-dev gave {len(gone) - 1} connections up, at a limit of 20 s of the exchange's time;"
        f" ours fetched {fetched} executions"
    )
    assert len(gone) > 3


async def outage(exchange: Exchange) -> None:
    """pybotters goes on to show the book from before; only its log tells of the outage."""
    async with (
        clients(exchange, PYBOTTERS, TARDIS, first=SNAPSHOT) as (pybotters, tardis),
        our_client(exchange) as ours,
    ):
        await begin_plan(exchange, "outage")
        assert "503" in (await pybotters.next(said))["text"]
        held = book_of(await pybotters.next(shows_book))
        assert (await tardis.next(is_event("error")))["text"] == "Error: Unexpected server response: 503"
        assert (await tardis.next(is_event("disconnect"))) == {"event": "disconnect"}
        await wait_for_published(exchange, BOARD, 50)
        truth = await true_book(exchange, PRODUCT)
        assert truth is not None
        wrong = wrong_levels(held, truth)
        await ask(exchange, "faults", "DELETE")
        fetched = await our_gaps(ours)
        await our_books(ours)
    show(
        f"outage: pybotters answers with {sum(map(len, held.values()))} levels, {wrong} of the best wrong by then; "
        f"ours fetched {fetched} executions"
    )
    assert wrong > 0


async def rough_network(exchange: Exchange) -> None:
    """After a reset pybotters applies diffs to the book from before: it waits for no snapshot."""
    async with clients(exchange, PYBOTTERS, first=SNAPSHOT) as (pybotters,), our_client(exchange) as ours:
        assert await errors_of_next_book(pybotters, exchange, PRODUCT) == 0
        # On top, so that it does not depend on when the next snapshot happens to come.
        number = (await ask(exchange, "faults", "POST", json={"fault": "mute", "channel": SNAPSHOT}))[1]["number"]
        await pybotters.nth(2 * len(CHANNELS), is_event("reply"))  # the last of its second connection
        for _ in range(10):
            wrong = await errors_of_next_book(pybotters, exchange, PRODUCT)
        held = book_of(await pybotters.next(shows_book))
        assert not [each for each in (await connections(exchange))[2:] if delivered(each, SNAPSHOT)]
        fetched = await our_gaps(ours)
        ours.skip()
        await ask(exchange, f"faults/{number}", "DELETE")
        assert await our_errors(ours, exchange, SNAPSHOT) == 0
    show(
        f"rough-network: pybotters has {wrong} of 200 levels wrong, ten diffs after the reset; "
        f"ours fetched {fetched} executions"
    )
    assert min(map(len, held.values())) > 100


async def anomaly(exchange: Exchange) -> None:
    """pybotters believes the wrong mid price and drops asks; a user of the first row as the best is wrong, too."""
    # On top: pybotters takes the first snapshot and leaves the channel, so this is to be its first.
    await ask(exchange, "faults", "POST", json={"fault": "mute", "channel": SNAPSHOT})
    async with clients(exchange, PYBOTTERS, JSONRPC2, first=BOARD) as (pybotters, jsonrpc2):
        await begin_plan(exchange, "anomaly")
        told = (await jsonrpc2.next(is_event("message", SNAPSHOT)))["message"]
        prices = [level["price"] for level in told["bids"]]
        assert prices[0] < max(prices)
        assert [level for side in ("bids", "asks") for level in told[side] if not level["size"]]
        await pybotters.next(is_event("message", SNAPSHOT))
        held = book_of(await pybotters.next(shows_book))
        dropped = [level["price"] for level in told["asks"] if level["size"] and level["price"] not in held["asks"]]
        for _ in range(10):
            wrong = await errors_of_next_book(pybotters, exchange, PRODUCT)
    book = OrderBook()
    book.apply_snapshot(msgspec.convert(told, Board))
    assert book.best_ask is not None
    assert book.best_ask.price == min(level["price"] for level in told["asks"] if level["size"])
    show(f"anomaly: pybotters dropped the best {len(dropped)} asks, and has {wrong} of 200 levels wrong 10 diffs later")
    assert dropped


async def dummy_server(exchange: Exchange) -> None:
    """pybotters, jsonrpc2-ws and socket.io-client are acknowledged everything, and wait for ever."""
    waiting = PYBOTTERS, JSONRPC2, SOCKETIO
    limits = {Kind.BOARD: 3.0, Kind.TICKER: 3.0}  # the others are silent for longer of themselves
    async with (
        clients(exchange, *waiting, TARDIS, timeout=2) as (*mute, tardis),
        our_client(exchange, silence_limits=limits) as ours,
    ):
        await begin_plan(exchange, "dummy-server")
        for witness in mute:
            await witness.nth(2 * len(CHANNELS), is_event("reply" if witness is mute[0] else "subscribe"))
        begin = [len(witness.seen) for witness in mute]
        await wait_for_published(exchange, BOARD, 50)
        since = [event for witness, count in zip(mute, begin, strict=True) for event in witness.seen[count:]]
        assert [event for event in since if event["event"] != "pong"] == []  # even heartbeats are answered
        reports = [each for each in (await connections(exchange))[5:] if each["closed_ns"] is None]
        assert len(reports) >= 3
        assert not [each for report in reports for channel in report["channels"] for each in delivered(report, channel)]
        # tardis-dev notices, and is a dummy's guest again.
        await tardis.next(is_event("disconnect"))
        await tardis.next(is_event("disconnect"))
        # Ours notices, and names the stand-in of which it may be a guest.
        await our_status(ours, "closed", text="1012 scheduled maintenance")
        await our_status(ours, "silent", text="making a new connection")
        await our_status(ours, "dead", text="the server is a stand-in")
        await ask(exchange, "faults", "DELETE")
        await our_gaps(ours)
        await our_books(ours)


async def dead_channel(exchange: Exchange) -> None:
    """Nobody notices: pybotters, jsonrpc2-ws and tardis-dev stay on a connection whose executions have stopped."""
    names = PYBOTTERS, JSONRPC2, TARDIS
    limits = {Kind.EXECUTIONS: 8.0}
    async with clients(exchange, *names, timeout=4) as witnesses, our_client(exchange, silence_limits=limits) as ours:
        await begin_plan(exchange, "dead-channel")

        async def plan_has_begun() -> bool:
            return any(each["faults"] for each in await connections(exchange))

        await until(plan_has_begun)
        begin = await last_number(exchange, BOARD)

        async def five_executions_were_missed() -> bool:
            return len(await published(exchange, EXECUTIONS, begin)) >= 5

        await until(five_executions_were_missed)
        await wait_for_published(exchange, BOARD, 75)  # some 9 s, more than twice the limit of silence
        missed = await published(exchange, EXECUTIONS, begin)
        boards = await published(exchange, BOARD, begin)
        reports = await connections(exchange)
        for witness, report in zip(witnesses, reports[: len(names)], strict=True):
            assert report["closed_ns"] is None
            assert not [end for _, end in delivered(report, EXECUTIONS) if end >= missed[0]["number"]]
            assert delivered(report, BOARD)[-1][1] > missed[4]["number"]
            assert not [event for event in witness.seen if event["event"] in ("disconnect", "error", "log")]
        for text in ("subscribing it again", "making a new connection"):
            await our_status(ours, "silent", EXECUTIONS, text)
        await our_status(ours, "dead", EXECUTIONS)
        await ask(exchange, "faults", "DELETE")
        ours.skip()
        await ours.next(lambda said: isinstance(said.item, Message) and said.item.channel == EXECUTIONS)
        given: list[int] = []
        for said in ours.seen:
            if isinstance(said.item, Message) and said.item.channel == EXECUTIONS:
                rows: Any = said.item.data
                given += [row.id for row in rows]
        truth = [row["id"] for entry in await published(exchange, EXECUTIONS) for row in entry["message"]]
        assert given == truth[truth.index(given[0]) : truth.index(given[-1]) + 1]
        fetched = sum(said.item.recovered for said in ours.seen if isinstance(said.item, Gap))
    show(
        f"dead-channel: all have got {len(boards)} diffs since, and none of {len(missed)} messages of executions; "
        f"ours fetched {fetched}"
    )
    assert fetched > 0


async def drifting_book(exchange: Exchange) -> None:
    """Levels that are gone stay in pybotters' book; it has left the channel that would tell."""
    async with clients(exchange, PYBOTTERS) as (pybotters,), our_client(exchange) as ours:
        await wait_for_published(exchange, BOARD, 50)
        pybotters.skip()
        first = await errors_of_next_book(pybotters, exchange, PRODUCT)
        await wait_for_published(exchange, BOARD, 50)
        pybotters.skip()
        later = await errors_of_next_book(pybotters, exchange, PRODUCT)
        ours.skip()
        assert await our_errors(ours, exchange, SNAPSHOT) == 0
    show(f"drifting-book: pybotters has {first} levels wrong after 50 diffs, {later} after 100")
    assert first > 0
    assert later > 0


async def auth_mute(exchange: Exchange) -> None:
    """pybotters asks for no channel, not even a public one; jsonrpc2-ws gives up after 20 s.

    It waits until the server's first ping, 15 s later, which it takes for an answer and fails to parse: it reconnects,
    and waits again.
    """
    keys = json.dumps({"key": exchange.api_key, "secret": exchange.api_secret}).encode() + b"\n"
    told = exchange.realtime, PRIVATE, TICKER
    async with running(PYBOTTERS, *told, given=keys) as pybotters, running(JSONRPC2, *told, given=keys) as jsonrpc2:
        await pybotters.next(connected)
        assert (await jsonrpc2.next(is_event("auth")))["error"] == "Error: JSON-RPC: method call timeout"
        await jsonrpc2.next(is_event("message", TICKER))
        assert "JSONDecodeError" in (await pybotters.next(said))["text"]
        assert not [event for event in pybotters.seen if event["event"] in ("reply", "message")]
        assert [each["channels"].keys() for each in await connections(exchange) if each["channels"]] == [
            {PRIVATE, TICKER}
        ]
        ours = connect(PRIVATE, TICKER, endpoint=exchange, credentials=keys_of(exchange), request_timeout=2)
        async with ours, following(ours) as witness:
            for _ in range(2):
                await witness.next(is_status("open"))
                await witness.next(is_status("closed", text="auth"))
            assert not [item for item in witness.seen if is_status("subscribed")(item)]
            await ask(exchange, "faults", "DELETE")
            await witness.next(is_status("authenticated"))
            await witness.next(lambda item: isinstance(item, Message))


def keys_of(exchange: Exchange) -> Callable[[], tuple[str, str]]:
    """The callable that our client asks for the key and the secret."""
    return lambda: (exchange.api_key, exchange.api_secret)


async def auth_refused(exchange: Exchange) -> None:
    """pybotters writes a line to its log and goes on without: only the refused channel tells its program."""
    keys = json.dumps({"key": exchange.api_key, "secret": exchange.api_secret}).encode() + b"\n"
    told = exchange.realtime, PRIVATE, TICKER
    async with running(PYBOTTERS, *told, given=keys) as pybotters, running(JSONRPC2, *told, given=keys) as jsonrpc2:
        assert "authentication failed" in (await pybotters.next(said))["text"]
        assert (await pybotters.next(is_event("reply")))["error"]["message"] == "authentication required"
        await pybotters.next(is_event("message", TICKER))
        assert (await jsonrpc2.next(is_event("auth")))["error"]["message"] == "authentication failed"
    async with connect(PRIVATE, endpoint=exchange.realtime, credentials=keys_of(exchange)) as stream:
        with pytest.raises(AuthenticationError):
            [_ async for _ in stream]


async def flapping_pybotters(exchange: Exchange) -> None:
    """pybotters waits after errors only, and this is none: a storm of connections."""
    await storm(exchange, PYBOTTERS)


async def flapping_tardis(exchange: Exchange) -> None:
    """tardis-dev likewise."""
    await storm(exchange, TARDIS)


async def storm(exchange: Exchange, name: str) -> None:
    """Until a client has made so many connections that nobody could call it polite."""
    async with clients(exchange, name):
        await begin_plan(exchange, "flapping")
        reports = await until(lambda: at_least(exchange, STORM))
    times = [each["opened_ns"] for each in reports[1:]]
    show(f"flapping: {name} opens {(len(times) - 1) / (times[-1] - times[0]) * 1e9:.0f} connections a second")


async def at_least(exchange: Exchange, count: int) -> list[dict]:
    """The connections, once there were so many."""
    reports = await connections(exchange)
    return reports if len(reports) >= count else []


async def flapping_ours(exchange: Exchange) -> None:
    """Ours waits longer each time, and comes through when the server does."""
    async with our_client(exchange) as ours:
        await begin_plan(exchange, "flapping")
        times = [each["opened_ns"] for each in await until(lambda: at_least(exchange, 3))]
        await ask(exchange, "faults", "DELETE")  # it could be out of luck for some periods
        await our_gaps(ours)
        await our_books(ours)
        assert len(await connections(exchange)) == 4
    show(f"flapping: ours waits {(times[2] - times[1]) / 1e9:.1f} s between its second connection and its third")


Scene = Callable[[Exchange], Coroutine[None, None, None]]

SCENES: dict[str, list[Scene]] = {
    "daily-maintenance": [daily_maintenance],
    "stale-book": [stale_book],
    "half-open": [half_open],
    "rough-network": [rough_network],
    "outage": [outage],
    "auth-mute": [auth_mute],
    "anomaly": [anomaly],
    "dummy-server": [dummy_server],
    "dead-channel": [dead_channel],
    "flapping": [flapping_ours, flapping_pybotters, flapping_tardis],
    "drifting-book": [drifting_book],
    "auth-refused": [auth_refused],
}
"""The demonstrations of each scenario, the longest first: each on an exchange of its own."""

SPEEDS = {"daily-maintenance": 20.0}
"""It takes a quarter of an hour otherwise."""
EARLIER_SECONDS = {"daily-maintenance": 400}
"""By how much the exchange's clock starts earlier, so that programs are up when something happens, however busy the
machine."""
FROM_THE_START = ("auth-mute", "auth-refused", "drifting-book", "rough-network")
"""Plans that are on from the first moment; all others begin once the clients are served."""


async def begin_plan(exchange: Exchange, name: str) -> None:
    """Give the exchange a scenario's plan, whose times count from now.

    Its last fault comes first: a fault that awaits reconnected clients has to be there before they are disconnected,
    even if it takes long to give one fault after the other.
    """
    for fault in reversed(parse_plan(SCENARIOS[name].plan)):
        status, answer = await ask(exchange, "faults", "POST", data=msgspec.json.encode(fault))
        assert status == 201, answer


def test_every_scenario_is_shown_against_a_client_of_others():
    assert SCENES.keys() == SCENARIOS.keys()


async def play(name: str, scene: Scene, turns: asyncio.Semaphore, start: asyncio.Lock) -> None:
    """Run one scenario in its turn.

    Programs take a while to start, so they start one scenario after the other; a plan with times waits for them.
    """
    scenario = SCENARIOS[name]
    today = f"{time.strftime('%Y-%m-%d', time.gmtime())}T{scenario.starts_at}Z"
    start_ns = parse_time(today) - EARLIER_SECONDS[name] * 10**9 if scenario.starts_at else None
    faults = parse_plan(scenario.plan) if name in FROM_THE_START else []
    running_exchange = run(seed=1, faults=faults, start_ns=start_ns, speed=SPEEDS.get(name, 1.0))
    async with turns, AsyncExitStack() as stack:
        async with start:
            exchange = await stack.enter_async_context(running_exchange)
            begin = time.monotonic()
            playing = asyncio.create_task(scene(exchange))
            stack.callback(playing.cancel)

            async def has_started() -> bool:
                return playing.done() or bool(await connections(exchange))

            await until(has_started)
        await playing
        show(f"{name} ({scene.__name__}): {time.monotonic() - begin:.0f} s")


def pairs() -> list[tuple[str, Scene]]:
    return [(name, scene) for name, scenes in SCENES.items() for scene in scenes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plays(request: pytest.FixtureRequest) -> AsyncIterator[dict[Scene, asyncio.Task[None]]]:
    """The scenes that were selected, under way beside each other."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    selected = {item.callspec.params["scene"] for item in tests if item.originalname == test_a_scenario_shows.__name__}
    turns = asyncio.Semaphore(AT_ONCE)
    start = asyncio.Lock()
    tasks = {
        scene: asyncio.create_task(play(name, scene, turns, start)) for name, scene in pairs() if scene in selected
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.usefixtures("node")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scene", [pytest.param(scene, id=scene.__name__) for _, scene in pairs()])
async def test_a_scenario_shows(plays: dict[Scene, asyncio.Task[None]], scene: Scene):
    await plays[scene]
