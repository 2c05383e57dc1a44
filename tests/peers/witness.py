"""The output of clients while something goes wrong, and the truth: by the exchange's own record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeAlias, TypeVar

from fulgurite.exchange.run import Exchange
from tests.exchange.test_control import ask
from tests.peers.programs import program

T = TypeVar("T")

Book: TypeAlias = dict[str, dict[float, float]]
"""For "bids" and "asks": the size at each price."""

PATIENCE_SECONDS = 120
"""Nothing here takes a third as long on an idle machine."""


class Witness(Generic[T]):
    """Keeps everything that a client says, from the moment of its coming.

    Args:
        source: the client's events.
    """

    def __init__(self, source: AsyncIterator[T]) -> None:
        self.seen: list[T] = []
        self._passed = 0
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow(source))

    async def next(self, matches: Callable[[T], object]) -> T:
        """The next that matches, after the last one that was returned here."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    while self._passed < len(self.seen):
                        self._passed += 1
                        if matches(self.seen[self._passed - 1]):
                            return self.seen[self._passed - 1]
                    if self._task.done():
                        self._task.result()
                        raise AssertionError("the client has ended")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not among what it said, at last {self.seen[-10:]!r}"[:5000]) from None

    async def nth(self, number: int, matches: Callable[[T], object]) -> T:
        """The one of this number, from 1, of all that match; `next` goes on after it."""
        self._passed = 0
        for _ in range(number):
            found = await self.next(matches)
        return found

    def skip(self) -> None:
        """Pass over all that it has said."""
        self._passed = len(self.seen)

    async def stop(self) -> None:
        """Listen no more."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _follow(self, source: AsyncIterator[T]) -> None:
        try:
            async for said in source:
                self.seen.append(said)
                self._news.set()
        finally:
            self._news.set()


@asynccontextmanager
async def following(source: AsyncIterator[T]) -> AsyncIterator[Witness[T]]:
    """Listen to a source beside the context."""
    witness = Witness(source)
    try:
        yield witness
    finally:
        await witness.stop()


@asynccontextmanager
async def running(
    name: str, *arguments: str, given: bytes = b"\n", environment: dict[str, str] | None = None
) -> AsyncIterator[Witness[dict]]:
    """Run a client's program, as `program` does, and listen to it."""

    async def events(output: asyncio.StreamReader) -> AsyncIterator[dict]:
        while line := await output.readline():
            yield json.loads(line)

    async with (
        program(name, *arguments, given=given, environment=environment) as output,
        following(events(output)) as witness,
    ):
        yield witness


def is_event(name: str, channel: str | None = None) -> Callable[[dict], bool]:
    """Matches a program's events of this name, and of this channel if one is given."""
    return lambda event: event["event"] == name and channel in (None, event.get("channel"))


async def until(holds: Callable[[], Awaitable[T]]) -> T:
    """Ask the exchange again and again until the answer is not empty."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (answer := await holds()):  # noqa: ASYNC110 - it has no way of telling by itself
            await asyncio.sleep(0.1)
    return answer


async def connections(exchange: Exchange) -> list[dict]:
    """The fate of each connection."""
    status, reports = await ask(exchange, "connections")
    assert status == 200
    return reports


async def published(exchange: Exchange, channel: str, after: int = 0) -> list[dict]:
    """The messages published on a channel, oldest first."""
    status, lines = await ask(exchange, f"published?channel={channel}&after={after}")
    assert status == 200
    return [json.loads(line) for line in lines]


async def last_number(exchange: Exchange, channel: str) -> int:
    """The number of the channel's last message so far; 0 before the first."""
    messages = await published(exchange, channel)
    return messages[-1]["number"] if messages else 0


async def wait_for_published(exchange: Exchange, channel: str, count: int) -> None:
    """Until so many more messages of a channel were published."""
    begin = await last_number(exchange, channel)

    async def enough() -> bool:
        return len(await published(exchange, channel, begin)) >= count

    await until(enough)


def changed(book: Book, message: dict[str, Any]) -> None:
    """Apply a diff, or a snapshot to an empty book."""
    for side, levels in book.items():
        for level in message[side]:
            if level["size"]:
                levels[level["price"]] = level["size"]
            else:
                levels.pop(level["price"], None)


async def true_book(exchange: Exchange, product: str, message: dict | None = None) -> Book | None:
    """The book of a product by the published messages: just after this diff or snapshot, or now.

    None where no such message was published: a fault has altered it.
    """
    snapshots = await published(exchange, f"lightning_board_snapshot_{product}")
    diffs = await published(exchange, f"lightning_board_{product}")
    all_of_it = sorted([*snapshots, *diffs], key=lambda entry: entry["number"])
    if message is not None:
        found = [index for index, entry in enumerate(all_of_it) if entry["message"] == message]
        if not found:
            return None
        all_of_it = all_of_it[: found[-1] + 1]
    is_snapshot = [entry["channel"].startswith("lightning_board_snapshot") for entry in all_of_it]
    begin = len(all_of_it) - 1 - is_snapshot[::-1].index(True)
    book: Book = {"bids": {}, "asks": {}}
    for entry in all_of_it[begin:]:
        changed(book, entry["message"])
    return book


def wrong_levels(book: Book, truth: Book, depth: int = 100) -> int:
    """How many prices have another size than they should: of the best 100 a side by either of the two."""
    wrong = 0
    for side, is_bid in (("bids", True), ("asks", False)):
        held, true = book[side], truth[side]
        best = sorted(true, reverse=is_bid)[:depth]
        last = best[-1]
        prices = {*best, *(price for price in held if (price >= last if is_bid else price <= last))}
        wrong += sum(held.get(price) != true.get(price) for price in prices)
    return wrong


async def errors_of_next_book(client: Witness[dict], exchange: Exchange, product: str) -> int:
    """How many levels are wrong in pybotters' book after its next message of the book that no fault has altered."""
    while True:
        told = await client.next(lambda event: event.get("channel", "").startswith("lightning_board_"))
        held = await client.next(is_event("book"))
        truth = await true_book(exchange, product, told["message"])
        if truth is not None:
            return wrong_levels(book_of(held), truth)


def book_of(event: dict) -> Book:
    """The content of an event `book` of pybotters_client.py."""
    return {side: {float(price): size for price, size in event[side].items()} for side in ("bids", "asks")}
