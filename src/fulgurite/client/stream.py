"""The stream: items of all channels, from all connections, with kept books and repaired gaps.

This module is long because connections, queues, feeds, books, repairs and audits meet in a stream.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Final, Literal, Self, overload

from fulgurite.client.audits import Audits
from fulgurite.client.backoff import in_maintenance
from fulgurite.client.bookkeeping import BookKeeper, Bookkeeping, Books
from fulgurite.client.bookwaiters import BookWaiters
from fulgurite.client.channelgaps import RepairMode
from fulgurite.client.connection import BEHIND_SECONDS, PROBE_SECONDS, Connection, Settings
from fulgurite.client.endpoints import Endpoint
from fulgurite.client.feed import Feed
from fulgurite.client.feeds import Feeds, Split
from fulgurite.client.inbox import ChannelItems, Overflow
from fulgurite.client.inboxes import Inboxes
from fulgurite.client.items import Gap, Item, Message
from fulgurite.client.repairs import Repairs
from fulgurite.errors import InputError, LocalProtocolError
from fulgurite.orderbook import OrderBook
from fulgurite.protocol.channels import Channel, Kind, check_channel, check_product_code
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.messages import Board, ChildOrderEvent, Execution, ParentOrderEvent, Ticker

TICK_SECONDS: Final = 0.25
"""Interval of the checks for silent channels and waiting gaps."""

LATE_SECONDS: Final = 0.1
"""Limit on the delay of a tick. A longer one shows that the process was busy and read nothing."""


class Stream:
    """An async context manager and an async iterator of items, for one consumer; `connect` makes it.

    It connects on entry and ends on exit. In between it reconnects after every kind of ending, and yields a `Gap` for
    each channel with possibly missing messages.

    Iteration raises `AuthenticationError` if the key is refused, `SubscriptionError` if a channel is refused,
    `SlowConsumerError` if the consumer is too slow and `overflow` is "end", and the exceptions of `credentials`.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        endpoint: Endpoint,
        dialects: Iterable[Dialect],
        settings: Settings,
        repairs: Repairs | None,
        repair: RepairMode,
        queue_limit: int,
        overflow: Overflow,
        unrepaired: str = "",
        audits: Audits | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.books = Books(self)
        """The order book of each product, kept from the first access to it; see `Books`."""
        self._repairs = repairs
        self._audits = audits
        self._is_authenticated = settings.credentials is not None
        self.dialects = list(dialects)
        """The dialect of each connection."""
        self._feeds = Feeds(len(self.dialects), repair, unrepaired, self.look)
        self._connections = [
            Connection(number, endpoint.websocket_url(dialect), dialect, self._feeds.by_name, self, settings)
            for number, dialect in enumerate(self.dialects)
        ]
        self._inboxes = Inboxes(queue_limit, overflow, self._pause, self._resume)
        # The last tick by two clocks: one stands still while the machine sleeps, the other may be set.
        self._ticked_at: tuple[float, float] | None = None
        self._book_waiters = BookWaiters()
        # The work from entry to exit; its result is the error that ended the stream, if any.
        self._task: asyncio.Task[Exception | None] | None = None
        self._add(channels)

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise LocalProtocolError("a stream can be entered once; make a new one with connect()")
        self._task = asyncio.create_task(self._work(), name=f"fulgurite: {self._connections[0].url}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
        unseen = self._inboxes.main.take_error()
        # An error that no iteration has raised must not get lost, unless there is a more recent one.
        if unseen is not None and error is None:
            raise unseen

    def __aiter__(self) -> Self:
        if self._task is None:
            raise LocalProtocolError("enter the stream first: async with connect(...) as stream")
        return self

    def __anext__(self) -> Awaitable[Item]:
        return self._inboxes.main.get()

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Iterate over the items in lists of at least one, with less work for each item."""
        aiter(self)
        while True:
            try:
                batch = await self._inboxes.main.get_all()
            except StopAsyncIteration:
                return
            yield batch

    @property
    def bookkeeping(self) -> Bookkeeping:
        """The kept books; see `Books`."""
        return self._feeds.bookkeeping

    @overload
    def only(self, channel: Channel[Literal[Kind.TICKER]]) -> ChannelItems[Ticker]: ...
    @overload
    def only(self, channel: Channel[Literal[Kind.BOARD, Kind.BOARD_SNAPSHOT]]) -> ChannelItems[Board]: ...
    @overload
    def only(self, channel: Channel[Literal[Kind.EXECUTIONS]]) -> ChannelItems[list[Execution]]: ...
    @overload
    def only(self, channel: Channel[Literal[Kind.CHILD_ORDER_EVENTS]]) -> ChannelItems[list[ChildOrderEvent]]: ...
    @overload
    def only(self, channel: Channel[Literal[Kind.PARENT_ORDER_EVENTS]]) -> ChannelItems[list[ParentOrderEvent]]: ...
    @overload
    def only(self, channel: Channel | str) -> ChannelItems: ...

    def only(self, channel: Channel | str) -> ChannelItems[Any]:
        """Iterate over one channel: its messages, gaps and statuses, which the stream then no longer yields.

        The channel is subscribed if it is not yet. Each iterator has its own queue, with the stream's limit.

        Raises:
            InputError: `channel` is no channel, or has an iterator already.
            LocalProtocolError: the stream has ended, or was not entered.
        """
        wanted = check_channel(channel)
        self._require_running()
        if wanted.name in self._inboxes.own:
            raise InputError("channel", wanted.name, "a channel that has no iterator of its own yet")
        self._add([wanted])
        return ChannelItems(self._inboxes.open(wanted.name), lambda: self._inboxes.join(wanted.name))

    async def subscribe(self, *channels: Channel | str) -> None:
        """Subscribe more channels, on the present and on all later connections.

        This does not wait for the server's answer. The answer comes as a `Status` in the iteration, so waiting here
        would be a deadlock.

        Raises:
            ChannelError: one of them is no channel; then none is subscribed.
            InputError: one of them is private, and there are no credentials.
            LocalProtocolError: the stream has ended, or was not entered.
        """
        wanted = [check_channel(channel) for channel in channels]
        self._require_running()
        self._add(wanted)

    async def unsubscribe(self, *channels: Channel | str) -> None:
        """Unsubscribe channels; see `subscribe`. Messages already on their way still come."""
        wanted = [check_channel(channel) for channel in channels]
        self._require_running()
        for channel in wanted:
            feed = self._feeds.by_name.get(channel.name)
            if feed is None or not feed.is_given:
                continue
            self._give(self._feeds.end(channel.name, _now(), time.time_ns()))
            if feed.keeper is not None:
                feed.is_given = False  # its book still needs it
                continue
            self._feeds.drop(channel.name)
            self._unsubscribe(channel.name)
        self.woken()

    async def synced(self, product_code: str) -> OrderBook:
        """Wait until the book of a product is LIVE, and return it.

        Raises:
            LocalProtocolError: the stream has ended, or was not entered.
            Exception: the error that ended the stream, as raised by the iteration.
        """
        book = self.books[product_code]
        self._require_running()
        await self._book_waiters.wait(product_code, book)
        return book

    async def close(self) -> None:
        """End the connections. The iteration still yields the waiting items."""
        if self._task is None:
            return
        self._task.cancel()
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            # A cancelled `close` does without the closing handshake.
            for connection in self._connections:
                connection.abort()
            await asyncio.wait([self._task])
            raise

    def keep_book(self, product_code: str) -> BookKeeper:
        """Keep the book of a product from now on; see `Books`."""
        if product_code not in self.bookkeeping.keepers:
            check_product_code(product_code)
            for kind in (Kind.BOARD_SNAPSHOT, Kind.BOARD):
                channel = Channel(kind, product_code)
                if channel.name not in self._feeds.by_name:
                    self._add([channel])
                    self._feeds.by_name[channel.name].is_given = False
            keeper = self._feeds.keep_book(product_code)
            # Without books there were no probes, so the age of messages on their way is unknown.
            for connection in self._connections:
                if connection.probe():
                    keeper.doubt(connection.number)
        return self._feeds.keep_book(product_code)

    def look(self) -> None:
        """Check by the clocks whether received messages may be old, because they waited in buffers."""
        if self._ticked_at is None:
            return
        ticked_at, ticked_wall = self._ticked_at
        # Seconds that the event loop is overdue, by the clock that shows more.
        late = max(time.monotonic() - ticked_at, abs(time.time() - ticked_wall)) - TICK_SECONDS
        if late > BEHIND_SECONDS:
            self._ticked_at = time.monotonic(), time.time()  # report this pause once
            for connection in self._connections:
                connection.doubt(f"nothing was read for {late:.0f} s: the program was busy, or stood still")
        for connection in self._connections:
            connection.look()

    def forget_book(self, product_code: str) -> None:
        """Stop keeping the book of a product, and unsubscribe the channels that only the book needed."""
        for channel in self._feeds.forget_book(product_code):
            self._unsubscribe(channel)
        self.woken()

    def recovered(self, message: Message) -> Message | None:
        """Remember executions that the consumer fetched by itself, to avoid giving them again.

        Args:
            message: the executions, with their channel.

        Returns:
            The message without the executions given before, or None if none is left.
        """
        feed = self._feeds.by_name.get(message.channel)
        return message if feed is None else feed.recovered(message)

    # --- called by the connections

    def ordinary(
        self, number: int, split: Split, texts: list[str], start: int, now: float, at_ns: int, heard: dict[str, float]
    ) -> int:
        """Process ordinary messages; see `connection.Receiver`."""
        own, main = self._inboxes.own, self._inboxes.main
        times_ns = [at_ns] * len(texts)
        place = self._feeds.ordinary(number, split, texts, start, now, times_ns, heard, own, main)
        self._begin_repairs()
        if self._book_waiters:
            for feed in self._feeds.by_name.values():  # a diff may have ended an auction
                self._book_waiters.wake(feed)
        self.woken()
        return place

    def message(self, number: int, message: Message, now: float) -> None:
        """Process a message; see `connection.Receiver`."""
        self._give(self._feeds.message(number, message, now))
        if self._book_waiters:
            feed = self._feeds.by_name.get(message.channel)
            if feed is not None:
                self._book_waiters.wake(feed)

    def woken(self) -> None:
        """Wake the consumers; see `connection.Receiver`."""
        self._inboxes.added()

    def acknowledged(self, number: int, channel: str, asked_ns: int, at_ns: int) -> None:
        """Process an acknowledgement; see `connection.Receiver`."""
        feed = self._feeds.by_name[channel]
        if feed.channel.kind is not Kind.EXECUTIONS:
            # The account's orders are looked up once their events arrive.
            self._learn(feed)
        self._give(self._feeds.acknowledged(number, channel, asked_ns, _now(), at_ns))

    def behind(self, number: int, reason: str) -> None:
        """Expect old messages on this connection; see `connection.Receiver`."""
        self.bookkeeping.behind(number, reason)

    def caught_up(self, number: int) -> None:
        """Expect new messages on this connection; see `connection.Receiver`."""
        self.bookkeeping.caught_up(number)

    def interrupted(self, number: int, reason: str, close_code: int | None, at_ns: int) -> None:
        """Process the end of a connection; see `connection.Receiver`."""
        self._give(self._feeds.interrupted(number, reason, _now(), at_ns, close_code))
        self.woken()

    def silent(self, number: int, channel: str, reason: str) -> None:
        """Process the excessive silence of a channel; see `connection.Receiver`."""
        self._give(self._feeds.silent(number, channel, reason, _now(), time.time_ns()))
        self.woken()

    def lost(self, number: int, text: str, reason: str, at_ns: int) -> None:
        """Process an unreadable frame; see `connection.Receiver`."""
        self._give(self._feeds.lost(number, text, reason, _now(), at_ns))
        self.woken()

    def put(self, *items: Item) -> None:
        """Give the consumer these items; see `connection.Receiver`."""
        self._inboxes.put(items)

    async def room(self) -> None:
        """Wait until there is room in all queues; see `connection.Receiver`."""
        await self._inboxes.room()

    # --- inside

    async def _work(self) -> Exception | None:
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._repairs is not None:
                    await self._repairs.open(tasks)
                    for feed in self._feeds.by_name.values():
                        if feed.channel.kind is Kind.EXECUTIONS:
                            self._learn(feed)
                for connection in self._connections:
                    tasks.create_task(connection.run())
                tasks.create_task(self._tick_for_ever())
                if self._audits is not None:
                    audit = self._audits.run(self._feeds.by_name, lambda: not self._inboxes.is_paused, self._give_late)
                    tasks.create_task(audit)
        except* Exception as group:  # raised where the consumer sees it
            failure = _first(group)
        finally:
            try:
                if self._repairs is not None:
                    await self._repairs.close()
            finally:
                self._finish(failure)
        return failure

    def _require_running(self) -> None:
        if self._task is None:
            raise LocalProtocolError("enter the stream first: async with connect(...) as stream")
        if self._task.done():
            failure = None if self._task.cancelled() else self._task.result()
            raise failure or LocalProtocolError("the stream has ended; make a new one with connect()")

    def _finish(self, failure: Exception | None) -> None:
        # No overflow policy applies to these items, because the queues are about to be closed.
        self._append(self._feeds.finish("the stream was closed", _now(), time.time_ns()))
        self._inboxes.close(failure)
        self._book_waiters.fail(failure)

    async def _tick_for_ever(self) -> None:
        at = _now()
        for tick in count():
            self._ticked_at = time.monotonic(), time.time()
            await asyncio.sleep(TICK_SECONDS)
            self.look()
            is_due = tick % (PROBE_SECONDS // TICK_SECONDS) == 0
            now = _now()
            late = now - at - TICK_SECONDS
            at = now
            is_closed = self.endpoint.is_bitflyer and in_maintenance(time.time())
            # Time without reading is no silence of a channel.
            deaf = late + TICK_SECONDS if self._inboxes.is_paused or is_closed else late
            for connection in self._connections:
                if deaf > LATE_SECONDS:
                    connection.excuse(deaf)
                if late > LATE_SECONDS or (is_due and (self.bookkeeping.keepers or connection.is_behind)):
                    connection.probe()
                connection.tick(now)
            self._inboxes.handle_timer(now, is_waiting=bool(self._book_waiters))
            self._give(self._feeds.handle_timer(now))
            self.woken()

    def _add(self, channels: Iterable[Channel]) -> None:
        channels = list(channels)
        for channel in channels:
            if channel.kind.is_private and not self._is_authenticated:
                raise InputError("channel", channel.name, "a public channel; private ones need `credentials`")
        for channel in channels:
            feed = self._feeds.by_name.get(channel.name)
            if feed is not None:
                feed.is_given = True
                continue
            feed = self._feeds.add(channel)
            if channel.kind is Kind.EXECUTIONS:
                self._learn(feed)
            for connection in self._connections:
                connection.subscribe(channel.name)

    def _unsubscribe(self, channel: str) -> None:
        for connection in self._connections:
            connection.unsubscribe(channel)

    def _learn(self, feed: Feed) -> None:
        if self._repairs is not None and feed.needs_repair:
            self._repairs.learn(feed)

    def _give_late(self, feed: Feed, items: Iterable[Message | Gap]) -> None:
        if self._feeds.by_name.get(feed.name) is feed:
            self._append(items)
            self.woken()

    def _give(self, items: Iterable[Message | Gap]) -> None:
        self._append(items)
        self._begin_repairs()

    def _begin_repairs(self) -> None:
        while self._feeds.to_repair:
            feed, gap = self._feeds.to_repair.pop(0)
            assert self._repairs is not None  # without them feeds request no repair
            self._repairs.begin(feed, gap, partial(self._give_late, feed))

    def _append(self, items: Iterable[Message | Gap]) -> None:
        for item in items:
            self._inboxes.of(item.channel).items.append(item)

    def _pause(self, reason: str) -> None:
        for connection in self._connections:
            connection.pause(reason)

    def _resume(self) -> None:
        for connection in self._connections:
            connection.resume()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _first(error: Exception) -> Exception:
    """The first error of a group of groups, which caused the others."""
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error
