"""All channels of a stream: events of its connections become items, kept books and repairs to be made. Pure.

The live stream and the replay drive this one object and hold none of its rules. `now` and the times are as in `feed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from fulgurite.client.bookkeeping import BookKeeper, Bookkeeping
from fulgurite.client.channelgaps import RepairMode
from fulgurite.client.feed import Feed
from fulgurite.client.gaplife import GapLife
from fulgurite.client.items import Gap, Message
from fulgurite.protocol.channels import Channel, Kind, check_product_code

Items = list[Message | Gap]
Split: TypeAlias = Callable[[str], tuple[str, str] | None]
"""See `ClientProtocol.split`."""


class ItemList(Protocol):
    """A list, a deque, or another sequence with an `append` method."""

    def append(self, item: Message | Gap, /) -> None:
        """Append an item."""


class Outlet(Protocol):
    """A receiver of items: a queue or a list."""

    @property
    def items(self) -> ItemList:
        """The items received so far."""


class Feeds:
    """The feeds and the books of a stream.

    Each event method returns the items for the consumer. Messages of channels that only a book needs are left out.

    Args:
        connections: the number of connections that bring the same channels; the feeds of more than one merge them.
            It may change until the first channel is added.
        repair: see `Feed`.
        unrepaired: see `Feed`.
        look: see `OrderBook`.
    """

    def __init__(
        self,
        connections: int = 1,
        repair: RepairMode = RepairMode.OFF,
        unrepaired: str = "",
        look: Callable[[], None] | None = None,
    ) -> None:
        self.connections = connections
        self.by_name: dict[str, Feed] = {}
        """The feeds by channel name."""
        self.bookkeeping = Bookkeeping(look)
        self.to_repair: list[tuple[Feed, GapLife]] = []
        """Repairs to start. The shell removes them and calls `Feed.repaired` once for each."""
        self._repair = repair
        self._unrepaired = unrepaired

    # --- intents

    def add(self, channel: Channel) -> Feed:
        """Make the feed of a new channel, with its messages as items."""
        feed = self.by_name[channel.name] = Feed(channel, self.connections, self._repair, self._unrepaired)
        self._connect_keeper(feed)
        return feed

    def drop(self, channel: str) -> None:
        """Forget a channel."""
        del self.by_name[channel]

    def keep_book(self, product_code: str) -> BookKeeper:
        """Keep the book of a product from the present and future feeds of its boards.

        Raises:
            InputError: `product_code` is no product code.
        """
        if product_code not in self.bookkeeping.keepers:
            check_product_code(product_code)
            self.bookkeeping.keep(product_code)
            for feed in self._boards(product_code):
                self._connect_keeper(feed)
        return self.bookkeeping.keep(product_code)

    def forget_book(self, product_code: str) -> list[str]:
        """Stop keeping the book of a product, and drop and return the channels that only the book needed."""
        dropped: list[str] = []
        if self.bookkeeping.keepers.pop(product_code, None) is None:
            return dropped
        for feed in list(self._boards(product_code)):
            feed.keeper = None
            if not feed.is_given:
                self.drop(feed.name)
                dropped.append(feed.name)
        return dropped

    # --- events

    def ordinary(
        self, connection: int, split: Split, frames: Sequence[str], start: int, now: float, times_ns: Sequence[int],
        heard: dict[str, float], own: Mapping[str, Outlet], main: Outlet,
    ) -> int:  # fmt: skip
        """Process frames up to the first that is no ordinary message of a channel.

        Nearly all frames are ordinary messages, so this path makes few calls for each.

        Args:
            connection: the connection that received the frames.
            split: the `ClientProtocol.split` of the connection's dialect.
            frames: the frames.
            start: the index of the first frame to process.
            now: the present time.
            times_ns: the time of receipt of each frame.
            heard: updated with the present time for each channel heard.
            own: outlets for the items of certain channels, by channel.
            main: the outlet for all other items.

        Returns:
            The index of the first frame left for the dialect's state machine, or `len(frames)`.
        """
        feeds = self.by_name
        for place in range(start, len(frames)):
            frame = frames[place]
            found = split(frame)
            if found is None:
                return place
            channel, text = found
            feed = feeds.get(channel)
            if feed is None:
                return place
            try:
                data = feed.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return place
            heard[channel] = now
            at_ns = times_ns[place]
            message = Message(channel, at_ns, frame, text, data)
            if feed.is_plain and (feed.executions is None or feed.executions.follow(connection, data, at_ns)):
                given = feed.pass_on(message, data)
                if given is not None and feed.is_given:
                    (own.get(channel, main) if own else main).items.append(given)
            else:
                for item in self.message(connection, message, now):
                    own.get(item.channel, main).items.append(item)
        return len(frames)

    def message(self, connection: int, message: Message, now: float) -> Items:
        """Process a message. A channel without a feed passes it on unchanged."""
        feed = self.by_name.get(message.channel)
        if feed is None:
            return [message]
        items: Items = []
        is_in_place = True
        if feed.channel.kind is Kind.BOARD_SNAPSHOT:
            diffs = self.by_name.get(feed.channel._replace(kind=Kind.BOARD).name)
            if diffs is not None:
                # A consumer with its own book needs the gap before the snapshot that repairs the book.
                items += self._shown(diffs, diffs.tell())
                is_in_place = diffs.is_level(connection)
        items += self._shown(feed, feed.message(connection, message, now, is_in_place))
        return items

    def acknowledged(self, connection: int, channel: str, asked_ns: int, now: float, at_ns: int) -> Items:
        """Process the acknowledgement of a subscription that was requested at `asked_ns`."""
        feed = self.by_name[channel]
        return self._shown(feed, feed.acknowledged(connection, asked_ns, now, at_ns))

    def interrupted(
        self, connection: int, reason: str, now: float, now_ns: int, close_code: int | None = None
    ) -> Items:
        """Process the end of a connection."""
        items: Items = []
        for feed in self.by_name.values():
            items += self._shown(feed, feed.interrupted(connection, reason, now, now_ns, close_code))
        self.bookkeeping.left(connection)
        return items

    def silent(self, connection: int, channel: str, reason: str, now: float, now_ns: int) -> Items:
        """Process the excessive silence of a channel on a connection."""
        feed = self.by_name[channel]
        return self._shown(feed, feed.silent(connection, reason, now, now_ns))

    def lost(self, connection: int, text: str, reason: str, now: float, now_ns: int) -> Items:
        """Process an unreadable frame.

        The frame concerns the channels that it names. A frame that names none may concern any channel.
        """
        flowing = [feed for feed in self.by_name.values() if feed.is_flowing_over(connection)]
        # The readable names of a batch may not be all of its names.
        is_batch = text.lstrip().startswith("[")
        named = [] if is_batch else [feed for feed in flowing if _names(text, feed.name)]
        items: Items = []
        for feed in named or flowing:
            items += self._shown(feed, feed.lost(connection, reason, now, now_ns))
        return items

    def handle_timer(self, now: float) -> Items:
        """Process the passing of time."""
        items: Items = []
        for feed in self.by_name.values():
            items += self._shown(feed, feed.handle_timer(now))
        return items

    def end(self, channel: str, now: float, now_ns: int) -> Items:
        """End a channel and return all its waiting items."""
        feed = self.by_name[channel]
        return self._shown(feed, feed.finish(now, now_ns))

    def finish(self, reason: str, now: float, now_ns: int) -> Items:
        """End all channels for this reason and return all waiting items."""
        items: Items = []
        for feed in self.by_name.values():
            items += self._shown(feed, feed.finish(now, now_ns))
            if feed.keeper is not None:
                feed.keeper.interrupted(Kind.BOARD, reason)
        return items

    # --- inside

    def _shown(self, feed: Feed, items: Sequence[Message | Gap]) -> Items:
        if feed.gaps.to_repair:
            self.to_repair += [(feed, gap) for gap in feed.gaps.to_repair]
            feed.gaps.to_repair.clear()
        return [item for item in items if feed.is_given or not isinstance(item, Message)]

    def _boards(self, product_code: str) -> Iterator[Feed]:
        for kind in (Kind.BOARD_SNAPSHOT, Kind.BOARD):
            feed = self.by_name.get(Channel(kind, product_code).name)
            if feed is not None:
                yield feed

    def _connect_keeper(self, feed: Feed) -> None:
        kind, product_code = feed.channel
        keeper = self.bookkeeping.keepers.get(product_code)
        if kind in (Kind.BOARD, Kind.BOARD_SNAPSHOT) and keeper is not None:
            feed.keeper = keeper
            if feed.is_live:
                keeper.resumed(kind)


def _names(text: str, channel: str) -> bool:
    """Whether a frame names a channel. A line of a frame log holds the frame with escaped quotes."""
    return f'"{channel}"' in text or f'"{channel}\\"' in text
