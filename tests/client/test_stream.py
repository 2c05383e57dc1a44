"""The stream on an embedded exchange: books, iterators, redundancy, silence, repairs and slow consumers."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest

from fulgurite.client import Gap, Item, Message, Origin, Repaired, Status, Stream, connect
from fulgurite.errors import AuthenticationError, BookNotLiveError, InputError, LocalProtocolError, SlowConsumerError
from fulgurite.exchange.run import Exchange, run
from fulgurite.protocol.channels import Kind, board, board_snapshot, child_order_events, executions, ticker
from fulgurite.protocol.messages import ChildOrderEvent
from tests.client.peer import BOARD, TICKER, Connection, serve_script
from tests.client.test_fetching import Trader
from tests.exchange.test_control import ask
from tests.peers import witness

PRODUCT = "FX_BTC_JPY"
EXECUTIONS = executions(PRODUCT).name


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7, speed=20, products=[PRODUCT]) as running:
        yield running


def at_once() -> Iterator[float]:
    """No delays between attempts, so that tests need not wait."""
    return itertools.repeat(0.0)


def soon() -> Iterator[float]:
    """Delays for a server that refuses for a while."""
    return itertools.repeat(0.1)


@asynccontextmanager
async def nobody_listening(exchange: Exchange) -> AsyncIterator[None]:
    """All connections are cut, and come back at the end of the context."""
    for fault in ("refuse", "reset"):
        await ask(exchange, "faults", "POST", json={"fault": fault})
    yield
    await ask(exchange, "faults", "DELETE")


async def ended(exchange: Exchange, order: str) -> bool:
    """Whether an order was filled or cancelled, by the published events."""
    entries = await witness.published(exchange, "child_order_events")
    events = [event for entry in entries for event in entry["message"] if event["child_order_acceptance_id"] == order]
    return any(event["event_type"] == "CANCEL" or event.get("outstanding_size") == 0 for event in events)


async def until(stream: AsyncIterator[Item], is_last: Callable[[Any], bool]) -> list[Any]:
    """Take items up to and including the first that is meant."""
    items: list[Item] = []
    async with asyncio.timeout(60):
        async for item in stream:
            items.append(item)
            if is_last(item):
                return items
    raise AssertionError(f"the stream ended before that: {items[-20:]}")


def status(kind: str, channel: str | None = None) -> Callable[[Any], bool]:
    return lambda item: isinstance(item, Status) and (item.kind, item.channel) == (kind, channel)


def is_gap(item: object) -> bool:
    return isinstance(item, Gap)


def ids(items: list[Any]) -> list[int]:
    rows = [row for item in items if isinstance(item, Message) and item.channel == EXECUTIONS for row in item.data]
    return [row.id for row in rows]


# --- books


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_book_is_kept_from_the_moment_it_is_asked_for(exchange, dialect):
    async with connect(endpoint=exchange, dialect=dialect) as stream, asyncio.timeout(30):
        book = stream.books[PRODUCT]
        with pytest.raises(BookNotLiveError, match="no snapshot has come yet"):
            _ = book.best_bid
        assert await stream.synced(PRODUCT) is book
        assert book.best_bid is not None
        assert book.best_ask is not None
        assert book.best_bid.price < book.best_ask.price
        assert (list(stream.books), len(stream.books), PRODUCT in stream.books) == ([PRODUCT], 1, True)


async def test_what_a_book_needs_is_not_given_unless_it_was_asked_for(exchange):
    async with connect(ticker(PRODUCT), endpoint=exchange) as stream:
        async with asyncio.timeout(30):
            await stream.synced(PRODUCT)
        items = await until(stream, lambda item: isinstance(item, Message))
        assert {item.channel for item in items if isinstance(item, Message)} == {ticker(PRODUCT).name}
        await stream.subscribe(board(PRODUCT))
        await until(stream, lambda item: isinstance(item, Message) and item.channel == board(PRODUCT).name)
        await stream.unsubscribe(board(PRODUCT))
        async with asyncio.timeout(30):
            assert (await stream.synced(PRODUCT)).state == "LIVE", "its book goes on"


async def test_a_book_that_is_kept_no_longer_leaves_what_was_subscribed_by_name(exchange):
    async with connect(board(PRODUCT), endpoint=exchange) as stream:
        async with asyncio.timeout(30):
            book = await stream.synced(PRODUCT)
        stream.forget_book(PRODUCT)
        stream.forget_book(PRODUCT)  # there is none
        await until(stream, status("unsubscribed", board_snapshot(PRODUCT).name))
        await until(stream, lambda item: isinstance(item, Message) and item.channel == board(PRODUCT).name)
        assert list(stream.books) == []
        async with asyncio.timeout(30):
            assert await stream.synced(PRODUCT) is not book, "it begins anew"


async def test_a_book_is_stale_while_messages_may_be_missing(exchange):
    async with connect(board_snapshot(PRODUCT), board(PRODUCT), endpoint=exchange, delays=at_once) as stream:
        async with asyncio.timeout(30):
            book = await stream.synced(PRODUCT)
        await ask(exchange, "faults", "POST", json={"fault": "mute", "channel": board_snapshot(PRODUCT).name})
        await ask(exchange, "faults", "POST", json={"fault": "reset"})
        await until(stream, status("closed"))
        assert (book.state, book.reason) == ("STALE", "the connection was cut without a close frame (1006)")
        await until(stream, lambda item: isinstance(item, Message) and item.channel == board(PRODUCT).name)
        with pytest.raises(BookNotLiveError):
            book.bids()
        await ask(exchange, "faults", "DELETE")
        async with asyncio.timeout(30):
            assert (await stream.synced(PRODUCT)).state == "LIVE"


async def test_who_waits_for_a_book_is_told_when_the_stream_ends(exchange):
    stream = connect(endpoint=exchange)
    with pytest.raises(LocalProtocolError, match="enter the stream first"):
        await stream.synced(PRODUCT)
    async with stream:
        waiting = asyncio.create_task(stream.synced("NO_SUCH_PRODUCT"))
        await until(stream, status("subscribed", "lightning_board_NO_SUCH_PRODUCT"))
    with pytest.raises(LocalProtocolError, match="ended before the book was LIVE"):
        await waiting


# --- iterators


async def test_a_channel_can_be_iterated_by_itself(exchange):
    async with connect(executions(PRODUCT), endpoint=exchange) as stream:
        tickers = stream.only(ticker(PRODUCT))
        with pytest.raises(InputError, match="no iterator of its own yet"):
            stream.only(ticker(PRODUCT))
        items = await until(tickers, lambda item: isinstance(item, Message))
        assert {getattr(item, "channel", None) for item in items} == {ticker(PRODUCT).name}
        items = await until(stream, lambda item: isinstance(item, Message))
        assert items[-1].channel == EXECUTIONS
        tickers.close()
        with pytest.raises(StopAsyncIteration):
            await anext(tickers)
        await until(stream, lambda item: isinstance(item, Message) and item.channel == ticker(PRODUCT).name)


async def test_iterators_end_with_the_stream(exchange):
    async with connect(endpoint=exchange) as stream:
        tickers = stream.only(ticker(PRODUCT))
        await until(tickers, lambda item: isinstance(item, Message))
    async with asyncio.timeout(10):
        assert all([isinstance(item, Message | Gap | Status) async for item in tickers])


async def test_where_nothing_can_come_nothing_can_be_waited_for(exchange):
    stream = connect(endpoint=exchange)
    with pytest.raises(LocalProtocolError, match="enter the stream first"):
        stream.only(ticker(PRODUCT))
    async with stream:
        await stream.subscribe(ticker(PRODUCT))
    for use in (stream.subscribe(ticker(PRODUCT)), stream.unsubscribe(ticker(PRODUCT)), stream.synced(PRODUCT)):
        with pytest.raises(LocalProtocolError, match="has ended"):
            await use
    with pytest.raises(LocalProtocolError, match="has ended"):
        stream.only(ticker(PRODUCT))


async def test_who_waits_for_a_book_is_told_what_ended_the_stream(exchange):
    refused = connect(child_order_events(), endpoint=exchange, credentials=lambda: ("nobody", "x" * 32))
    with pytest.raises(AuthenticationError):
        async with refused as stream:
            await stream.synced(PRODUCT)
    with pytest.raises(AuthenticationError):
        await refused.synced(PRODUCT)


# --- redundancy


async def test_with_two_connections_one_may_end_and_nothing_is_missing(exchange):
    async with connect(executions(PRODUCT), board(PRODUCT), endpoint=exchange, connections=2, repair="off") as stream:
        items: list[Any] = []
        for _ in (1, 2):
            # Long enough for both to bring the channels, and for one to be the only one.
            for _ in range(100):
                items += await until(stream, lambda item: isinstance(item, Message) and item.channel == EXECUTIONS)
            reports = (await ask(exchange, "connections"))[1]
            connections = [report["number"] for report in reports if report["closed_ns"] is None]
            assert len(connections) == 2
            await ask(exchange, "faults", "POST", json={"fault": "reset", "connection": connections[0]})
            items += await until(stream, status("closed"))
            items += await until(stream, status("subscribed", board(PRODUCT).name))
    assert [item for item in items if is_gap(item)] == []
    given = ids(items)
    assert given == sorted(set(given))
    published = [row["id"] for row in await published_executions(exchange) if given[0] <= row["id"] <= given[-1]]
    assert given == published


async def published_executions(exchange: Exchange) -> list[dict[str, Any]]:
    _, lines = await ask(exchange, f"published?channel={EXECUTIONS}")
    return [row for line in lines for row in json.loads(line)["message"]]


# --- silence


async def test_a_dead_channel_is_subscribed_again_and_then_connected_again():
    asked: list[tuple[int, str]] = []
    limits = {Kind.TICKER: 0.5, Kind.BOARD: None}

    async def script(connection: Connection) -> None:
        while True:
            request = json.loads(await connection.take())
            asked.append((connection.number, f"{request['method']} {request['params']['channel']}"))
            connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": True}))
            connection.publish(BOARD, len(asked))
            if connection.number == 1 and request["params"]["channel"] == TICKER:
                connection.publish(TICKER, "at last")

    async with (
        serve_script(script) as url,
        connect(TICKER, BOARD, endpoint=url, delays=at_once, silence_limits=limits) as stream,
    ):
        items = await until(stream, lambda item: isinstance(item, Message) and item.channel == TICKER)
    silences = [item for item in items if isinstance(item, Status) and item.kind == "silent"]
    assert [silence.channel for silence in silences] == [TICKER, TICKER]
    assert "subscribing it again" in silences[0].detail
    assert "making a new connection" in silences[1].detail
    assert asked == [
        (0, f"subscribe {TICKER}"),
        (0, f"subscribe {BOARD}"),
        (0, f"unsubscribe {TICKER}"),
        (0, f"subscribe {TICKER}"),
        (1, f"subscribe {TICKER}"),
        (1, f"subscribe {BOARD}"),
    ]
    (gap,) = [item for item in items if is_gap(item) and item.channel == TICKER]
    assert gap.reason.startswith(f"{TICKER} was silent for ")


async def test_a_channel_that_is_acknowledged_and_never_comes_is_said_to_be_dead(exchange):
    nothing = "lightning_ticker_NO_SUCH_PRODUCT"
    limits = {Kind.TICKER: 0.5, Kind.BOARD: None}
    async with connect(nothing, board(PRODUCT), endpoint=exchange, delays=at_once, silence_limits=limits) as stream:
        items = await until(stream, status("dead", nothing))
        dead = items[-1]
        assert "the product does not exist" in dead.detail
        assert dead.seconds >= 0.5
        closed = [item for item in items if status("closed")(item)]
        assert len(closed) == 1
        # Nor does it cost the other channels any more connections.
        items = await until(stream, status("silent", nothing))
        assert not any(status("closed")(item) for item in items)


async def test_silence_is_noticed_at_any_time_of_day_where_it_is_not_the_real_service(exchange, monkeypatch):
    schedule = import_module("fulgurite.client.backoff")  # its package has a function of this name
    monkeypatch.setattr(schedule, "_MAINTENANCE_FROM", 0)
    monkeypatch.setattr(schedule, "_MAINTENANCE_TO", 86_400)
    await ask(exchange, "faults", "POST", json={"fault": "close-at-once", "times": 1})
    nothing = "lightning_ticker_NO_SUCH_PRODUCT"
    async with connect(nothing, endpoint=exchange, silence_limits={Kind.TICKER: 0.5}) as stream:
        items = await until(stream, status("silent", nothing))
    waits = [item.seconds for item in items if status("backing_off")(item)]
    assert len(waits) == 1
    assert waits[0] <= 2, "not the long one of a service that is known to be closed"


async def test_a_stand_in_that_acknowledges_and_never_sends_is_left(exchange):
    """The failure that cost a recorder fourteen hours."""
    await ask(exchange, "faults", "POST", json={"fault": "dummy", "times": 1})
    limits = {Kind.BOARD: 1.0}
    async with connect(board(PRODUCT), endpoint=exchange, delays=at_once, silence_limits=limits) as stream:
        items = await until(stream, lambda item: isinstance(item, Message))
    assert len([item for item in items if status("open")(item)]) == 2
    assert len([item for item in items if status("silent", board(PRODUCT).name)(item)]) == 2


# --- repairs


@pytest.mark.parametrize("fault", [{"fault": "reset"}, {"fault": "close", "code": 1012}])
@pytest.mark.parametrize("repair", ["before", "alongside"])
async def test_executions_that_were_missed_are_given(exchange, fault, repair):
    items: list[Any] = []
    delays = lambda: iter([0.5] * 100)  # noqa: E731  # time enough for executions to be missed
    async with connect(executions(PRODUCT), endpoint=exchange, repair=repair, delays=delays) as stream:
        items += await until(stream, lambda item: isinstance(item, Message))
        for _ in range(3):
            await ask(exchange, "faults", "POST", json=fault)
            items += await until(stream, lambda item: is_gap(item) and item.repaired is not Repaired.PENDING)
            assert items[-1].repaired == "full", items[-1].note
            items += await until(stream, lambda item: isinstance(item, Message) and item.origin is Origin.LIVE)
    gaps = [item for item in items if is_gap(item) and item.repaired is not Repaired.PENDING]
    backfilled = [item for item in items if isinstance(item, Message) and item.origin is Origin.BACKFILLED]
    assert sum(gap.recovered for gap in gaps) == len(ids(backfilled)) > 0
    given = ids(items)
    assert len(set(given)) == len(given)
    if repair == "before":
        assert given == sorted(given)
    published = [row["id"] for row in await published_executions(exchange) if given[0] <= row["id"] <= max(given)]
    assert sorted(given) == published


async def test_a_repair_that_fails_says_so(exchange, unused_tcp_port, monkeypatch):
    monkeypatch.setattr("fulgurite.client.repairs.REPAIR_SECONDS", 1.5)
    nowhere = f"http://127.0.0.1:{unused_tcp_port}/v1"
    async with connect(executions(PRODUCT), endpoint=exchange.realtime, http=nowhere, delays=soon) as stream:
        await until(stream, lambda item: isinstance(item, Message))
        async with nobody_listening(exchange):
            await witness.wait_for_published(exchange, EXECUTIONS, 2)
        gap = (await until(stream, is_gap))[-1]
        assert gap.repaired == "none"
        assert "cannot connect to" in gap.note
        assert isinstance(await anext(stream), Message), "nothing is held back for ever"


async def test_without_http_nothing_is_repaired_and_nothing_waits(exchange):
    async with connect(executions(PRODUCT), endpoint=exchange.realtime, delays=at_once) as stream:
        await until(stream, lambda item: isinstance(item, Message))
        await ask(exchange, "faults", "POST", json={"fault": "reset"})
        gap, message = (await until(stream, is_gap))[-1], await anext(stream)
        assert (gap.repaired, gap.first) == ("none", message)
        assert "no HTTP API is known" in gap.note


async def test_order_events_that_were_missed_are_reconciled(exchange):
    """Orders are sent, filled and cancelled while nobody listens."""
    keys = (exchange.api_key, exchange.api_secret)
    trader = Trader(exchange)
    async with connect(child_order_events(), endpoint=exchange, credentials=lambda: keys, delays=soon) as stream:
        await until(stream, status("subscribed", "child_order_events"))
        await learned(stream)
        waiting = await trader.send(0.01, 1_000_000)
        await until(stream, lambda item: isinstance(item, Message) and event_types(item) == ["ORDER"])
        async with nobody_listening(exchange):
            filled = await trader.send(0.02)
            await witness.until(lambda: ended(exchange, filled))
            await trader.cancel(waiting)
            await witness.until(lambda: ended(exchange, waiting))
        items = await until(stream, lambda item: isinstance(item, Message))
    gap = next(item for item in items if is_gap(item))
    message = items[-1]
    assert message.origin is Origin.RECONCILED
    assert event_types(message)[0] == "ORDER"
    assert set(event_types(message)[1:]) == {"EXECUTION"}
    assert {event.child_order_acceptance_id for event in message.data} == {filled}
    assert gap.unresolved == (waiting,), "an order that ends without a fill is listed nowhere"
    assert (gap.repaired, gap.recovered) == ("partial", len(message.data))


async def test_orders_that_were_not_looked_at_before_are_said_to_be_unknown(exchange, monkeypatch):
    looked = asyncio.Event()

    async def wait(*_: object) -> None:
        await looked.wait()

    monkeypatch.setattr("fulgurite.client.repairs.start_ledger", wait)
    keys = (exchange.api_key, exchange.api_secret)
    async with connect(child_order_events(), endpoint=exchange, credentials=lambda: keys, delays=at_once) as stream:
        await until(stream, status("subscribed", "child_order_events"))
        await ask(exchange, "faults", "POST", json={"fault": "reset"})
        gap = (await until(stream, is_gap))[-1]
    assert gap.repaired == "none"
    assert "the account's orders were not known before" in gap.note


async def learned(stream: Stream) -> None:
    orders = stream._feeds.by_name["child_order_events"].orders
    assert orders is not None
    async with asyncio.timeout(30):
        while orders.started_ns is None:  # noqa: ASYNC110  # nobody is told, for nobody needs it
            await asyncio.sleep(0.01)


def event_types(message: Message) -> list[str]:
    return [event.event_type for event in message.data if isinstance(event, ChildOrderEvent)]  # type: ignore[union-attr]


# --- slow consumers


async def flood(connection: Connection) -> None:
    await connection.grant()
    for number in range(1, 1001):
        await connection.writable.wait()
        connection.publish(TICKER, number)


async def fill(stream: Stream) -> None:
    """Begin to iterate, let more come, and do not take it."""
    async with asyncio.timeout(30):
        await anext(aiter(stream))
        while len(stream._inboxes.main.items) < 5:  # noqa: ASYNC110  # an idle consumer gets no event
            await asyncio.sleep(0.01)


async def test_a_slow_consumer_may_lose_the_oldest_with_a_gap_in_their_place():
    async with (
        serve_script(flood) as url,
        connect(TICKER, endpoint=url, queue_limit=10, overflow="drop-oldest") as stream,
    ):
        await fill(stream)
        items = await until(stream, lambda item: isinstance(item, Message) and item.raw == b"1000")
    gaps = [item for item in items if is_gap(item)]
    assert gaps
    assert all("the consumer was too slow" in gap.reason for gap in gaps)
    # Messages are in order, and missing ones lie in gaps.
    expected = 1
    for item in items:
        if is_gap(item):
            assert item.first is not None
            expected = int(item.first.raw)
        elif isinstance(item, Message):
            assert int(item.raw) == expected
            expected += 1


async def test_a_slow_consumer_may_be_ended():
    async with serve_script(flood) as url, connect(TICKER, endpoint=url, queue_limit=10, overflow="end") as stream:
        await fill(stream)
        with pytest.raises(SlowConsumerError, match="10 items were waiting"):
            await until(stream, lambda item: False)


# --- arguments


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"connections": 0}, "connections"),
        ({"connections": 5}, "connections"),
        ({"repair": "later"}, "repair"),
        ({"overflow": "drop"}, "overflow"),
        ({"silence_limits": {Kind.TICKER: 0.0}}, "silence_limits"),
        ({"queue_limit": 1}, "queue_limit"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments, field):
    with pytest.raises(InputError, match=field):
        connect(TICKER, endpoint="ws://127.0.0.1:1", **arguments)
