"""A LIVE book is right, even for a reader that does not read, reads slowly, reads late, or stands still."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from urllib.parse import urlsplit

import pytest

from fulgurite.client import Gap, Item, Message, Status, Stream, connect
from fulgurite.client.items import GapCause, StatusKind
from fulgurite.errors import BookNotLiveError
from fulgurite.exchange.run import run
from fulgurite.orderbook import BookState
from fulgurite.protocol.channels import board, board_snapshot, executions, ticker
from fulgurite.server.faults import Delay, Freeze
from tests.client.stillmarket import PRODUCT, StillMarket, still_market
from tests.client.test_stream import status, until
from tools.chaosnetwork import Network


async def synced(market: StillMarket, stream: Stream) -> None:
    """Let time pass until the stream's book is LIVE."""
    async with asyncio.timeout(60):
        while stream.books[PRODUCT].state is not BookState.LIVE:
            await market.pass_time(0.1)
            await asyncio.sleep(0.01)


async def read(stream: Stream) -> None:
    async for _ in stream:
        pass


# --- a reader that does not read


@pytest.mark.parametrize("dialect", ["json-rpc", "socketio"])
async def test_a_book_needs_nobody_who_reads(dialect):
    async with (
        still_market() as market,
        connect(ticker(PRODUCT), endpoint=market.endpoint, dialect=dialect, queue_limit=10) as stream,
    ):
        await synced(market, stream)
        for _ in range(10):
            await market.pass_time(6)
            await market.until_right(stream)
        # The untaken items were bounded, with a status that says so.
        items = await until(stream, lambda item: isinstance(item, Message))
        assert len(items) <= 10
        (gap,) = [item for item in items if isinstance(item, Gap)]
        assert (gap.channel, gap.cause) == (ticker(PRODUCT).name, GapCause.DROPPED)
        assert gap.reason.startswith("nobody iterated over it: ")
        assert gap.dropped > 20


async def test_an_iterator_of_one_channel_goes_on_though_nobody_reads_the_rest():
    async with (
        still_market() as market,
        connect(board(PRODUCT), endpoint=market.endpoint, queue_limit=10) as stream,
    ):
        only = stream.only(executions(PRODUCT))
        await until(only, status("subscribed", executions(PRODUCT).name))
        market.execution_ids.clear()
        given: list[int] = []
        async with asyncio.timeout(60):
            while len(given) < 60:
                await market.pass_time(2)
                while len(given) < len(market.execution_ids):
                    item = await anext(only)
                    if isinstance(item, Message):
                        given += [row.id for row in item.data]
        assert given == market.execution_ids


async def test_an_iterator_is_not_stopped_for_ever_by_who_has_stopped_reading(monkeypatch):
    monkeypatch.setattr("fulgurite.client.inboxes.ABANDONED_SECONDS", 0.5)
    async with (
        still_market() as market,
        connect(board(PRODUCT), endpoint=market.endpoint, queue_limit=10) as stream,
    ):
        only = stream.only(executions(PRODUCT))
        await until(stream, status("subscribed", board(PRODUCT).name))
        await until(only, status("subscribed", executions(PRODUCT).name))
        market.execution_ids.clear()
        await market.pass_time(30)
        given: list[int] = []
        async with asyncio.timeout(60):
            while len(given) < len(market.execution_ids):
                item = await anext(only)
                if isinstance(item, Message):
                    given += [row.id for row in item.data]
        assert given == market.execution_ids


# --- a reader that reads slowly


@pytest.mark.parametrize("connections", [1, 2])
async def test_a_book_is_stale_while_messages_wait_and_live_only_after_the_last_of_them(connections):
    async with (
        still_market() as market,
        connect(board(PRODUCT), endpoint=market.endpoint, queue_limit=10, connections=connections) as stream,
    ):
        book = stream.books[PRODUCT]
        items: list[Item] = [await anext(stream)]  # it is iterated, and so its consumer is waited for
        async with asyncio.timeout(60):
            while not stream._inboxes.is_paused:
                await market.pass_time(0.2)
                await asyncio.sleep(0.01)
        assert book.state is BookState.STALE
        assert "wait for the consumer" in book.reason
        await market.pass_time(60)  # a dozen snapshots wait in the buffers now, all of them old
        assert book.state is BookState.STALE
        async with asyncio.timeout(60):
            while not all(status("caught_up")(item) for item in items[-1:]):
                items.append(await anext(stream))
                assert book.state is not BookState.LIVE or market.is_right(book)
        behind = [item for item in items if status("behind")(item)]
        caught_up = [item for item in items if status("caught_up")(item)]
        assert len(behind) == connections
        assert 1 <= len(caught_up) <= connections
        reading = asyncio.create_task(read(stream))
        await synced(market, stream)  # now that it is read again
        await market.until_right(stream)
        reading.cancel()
        await asyncio.wait([reading])


# --- a process that stands still


async def test_a_book_is_not_live_in_the_statement_after_the_program_did_something_else():
    async with run(seed=7, speed=20, products=[PRODUCT]) as exchange, connect(endpoint=exchange) as stream:
        async with asyncio.timeout(60):
            book = await stream.synced(PRODUCT)
        time.sleep(2.5)  # noqa: ASYNC251  # it blocks the event loop
        with pytest.raises(BookNotLiveError, match="nothing was read for"):
            _ = book.best_bid
        assert book.state is BookState.STALE
        assert "nothing was read for" in str(book)
        items = await until(stream, status("caught_up"))
        assert [item.kind for item in items if isinstance(item, Status)][-2:] == ["behind", "caught_up"]
        async with asyncio.timeout(60):
            assert (await stream.synced(PRODUCT)).state is BookState.LIVE


async def test_a_book_is_not_live_after_the_machine_slept(monkeypatch):
    """While it sleeps, the clock that the event loop goes by may stand; the one on the wall does not."""
    async with run(seed=7, speed=5, products=[PRODUCT]) as exchange, connect(endpoint=exchange) as stream:
        async with asyncio.timeout(60):
            book = await stream.synced(PRODUCT)
        wall = time.time
        monkeypatch.setattr("time.time", lambda: wall() + 3600)
        assert book.state is BookState.STALE
        await until(stream, status("caught_up"))
        async with asyncio.timeout(60):
            assert (await stream.synced(PRODUCT)).state is BookState.LIVE
        monkeypatch.setattr("time.time", wall)  # set back
        assert book.state is BookState.STALE


async def test_it_is_said_once_that_a_clock_was_set(monkeypatch):
    """And not at every read until the event loop has come round."""
    async with still_market() as market, connect(ticker(PRODUCT), endpoint=market.endpoint) as stream:
        await synced(market, stream)
        wall = time.time
        monkeypatch.setattr("time.time", lambda: wall() + 3600)
        assert stream.books[PRODUCT].state is BookState.STALE
        items = await until(stream, status("caught_up"))
        for _ in range(5):
            await market.pass_time(1)
            items += await until(stream, lambda item: isinstance(item, Message))
        await synced(market, stream)
        await stream.close()
        items += [item async for item in stream]
        kinds = [item.kind for item in items if isinstance(item, Status)]
        assert (kinds.count(StatusKind.BEHIND), kinds.count(StatusKind.CAUGHT_UP)) == (1, 1)


STOPPED = """
import asyncio, json, sys, time
from fulgurite import connect

async def main():
    async with connect(endpoint=sys.argv[1]) as stream:
        book = await stream.synced(sys.argv[2])
        before = time.monotonic()
        print(json.dumps("LIVE"), flush=True)  # from here on it may be stopped in any statement
        while (now := time.monotonic()) - before < 2.5:
            before = now
            await asyncio.sleep(0.01)
        print(json.dumps([book.state, book.reason]), flush=True)
        await stream.synced(sys.argv[2])
        print(json.dumps("LIVE"), flush=True)

asyncio.run(main())
"""


async def test_a_book_is_not_live_after_its_process_was_stopped():
    async with run(seed=7, speed=20, products=[PRODUCT]) as exchange:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STOPPED, exchange.realtime, PRODUCT, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(120):
                assert json.loads(await process.stdout.readline()) == "LIVE"
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(3)
                os.kill(process.pid, signal.SIGCONT)
                state, reason = json.loads(await process.stdout.readline())
                assert (state, "nothing was read for" in reason) == ("STALE", True)
                assert json.loads(await process.stdout.readline()) == "LIVE"
        finally:
            process.kill()
            await process.wait()


async def test_a_consumer_that_takes_too_long_for_each_item_has_no_live_book_that_is_old():
    """It never fills the queue and never blocks for long, but its messages get older and older in the buffers."""
    async with still_market() as market, connect(ticker(PRODUCT), endpoint=market.endpoint) as stream:
        await synced(market, stream)
        book = stream.books[PRODUCT]
        connection = stream._connections[0]
        assert connection._attempt is not None
        connection._attempt.session.probe()
        kinds = []
        connection.answered(3.0)  # as for an answer three seconds after the probe
        assert book.state is BookState.STALE
        for item in await until(stream, status("caught_up")):
            if isinstance(item, Status):
                kinds.append(item.kind)
        assert kinds[-2:] == ["behind", "caught_up"]
        await market.pass_time(6)
        await market.until_right(stream)


# --- whose network is late


async def test_a_book_is_not_live_while_the_exchange_sends_late():
    async with still_market() as market, connect(board(PRODUCT), endpoint=market.endpoint) as stream:
        await synced(market, stream)
        book = stream.books[PRODUCT]
        market.server.faults.give(Delay(by=600))
        await market.pass_time(6)  # and nothing of it comes
        items = await until(stream, status("behind"))
        assert "ping" in items[-1].detail
        assert book.state is BookState.STALE
        market.server.faults.end()  # now all of it comes, the snapshot before the answer
        await until(stream, status("caught_up"))
        assert book.state is BookState.STALE
        await market.pass_time(6)
        await market.until_right(stream)


@pytest.mark.parametrize("channel", [board(PRODUCT), ticker(PRODUCT)])
async def test_a_book_is_live_again_although_an_answer_was_lost(channel):
    """A half-open server takes pings and never answers them; those after it are answered."""
    async with still_market() as market, connect(channel, endpoint=market.endpoint) as stream:
        if channel == board(PRODUCT):
            await synced(market, stream)
        else:  # no book is kept, and so nothing is asked by and by
            await until(stream, status("subscribed", channel.name))
        market.server.faults.give(Freeze(seconds=0.5))
        stream._connections[0].doubt("a clock was set")
        await until(stream, status("behind"))
        await until(stream, status("caught_up"))
        await market.pass_time(6)
        await synced(market, stream)
        await market.until_right(stream)


async def test_a_book_is_not_live_while_the_network_is_stalled():
    async with (
        still_market() as market,
        Network(urlsplit(market.server.url).port or 0) as network,
        connect(board(PRODUCT), endpoint=f"ws://127.0.0.1:{network.port}/json-rpc") as stream,
    ):
        await synced(market, stream)
        network.flows["to-client"].clear()
        await market.pass_time(6)
        await until(stream, status("behind"))
        assert stream.books[PRODUCT].state is BookState.STALE
        network.flows["to-client"].set()
        await until(stream, status("caught_up"))
        assert stream.books[PRODUCT].state is BookState.STALE
        await market.pass_time(6)
        await market.until_right(stream)


async def test_a_book_that_is_first_asked_for_while_the_network_is_late_is_not_made_of_what_is_on_its_way():
    channels = board(PRODUCT), board_snapshot(PRODUCT)
    async with still_market() as market, connect(*channels, endpoint=market.endpoint) as stream:
        for channel in channels:
            await until(stream, status("subscribed", channel.name))
        market.server.faults.give(Delay(by=600))
        await market.pass_time(6)
        book = stream.books[PRODUCT]
        market.server.faults.end()
        await until(stream, lambda item: isinstance(item, Message) and item.channel == channels[1].name)
        assert book.state is not BookState.LIVE
        await synced(market, stream)
        await market.until_right(stream)
