"""The hub: the only way anything published reaches a subscriber. Pure.

A message is encoded once per dialect and framed once. Messages between two flushes are joined, so that a
subscriber costs one write for all of it; subscribers with the same channels share the joined bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Generic, NamedTuple, TypeVar

from fulgurite.protocol.dialects import DIALECTS, DialectName
from fulgurite.server.frames import frame
from fulgurite.server.published import Published, PublishedLog

SubscriberT = TypeVar("SubscriberT", bound=Hashable)


class _Group(NamedTuple):
    """The properties of a subscriber that decide its bytes."""

    dialect: DialectName
    channels: frozenset[str]
    account: str = ""
    is_filtered: bool = False

    def is_due(self, message: Published) -> bool:
        return message.channel in self.channels and message.account in ("", self.account)


class Hub(Generic[SubscriberT]):
    """Sends published messages to their subscribers.

    Args:
        deliver: takes subscribers and the bytes that go to each of them, whole WebSocket frames.
        has_published: called when something waits for a flush after nothing did.
        log: keeps the published messages; None keeps nothing.
        filter: takes a filtered subscriber and the messages that it is due, instead of `deliver`.
    """

    def __init__(
        self,
        deliver: Callable[[Collection[SubscriberT], bytes], None],
        has_published: Callable[[], None] = lambda: None,
        log: PublishedLog | None = None,
        filter: Callable[[SubscriberT, list[Published]], None] = lambda subscriber, messages: None,
    ) -> None:
        self._deliver = deliver
        self._has_published = has_published
        self._log = PublishedLog(lambda: 0, max_messages=0) if log is None else log
        self._filter = filter
        # In their order, about that of their memory: going through them at random costs more.
        self._groups: dict[_Group, tuple[_Group, dict[SubscriberT, None]]] = {}
        self._group_of: dict[SubscriberT, _Group] = {}
        # The number of each channel's subscribers in each dialect: a message without any is not encoded.
        self._listeners: dict[str, dict[DialectName, int]] = {}
        # The messages since the last flush, each with its frame in every dialect that is listening.
        self._published: list[tuple[Published, dict[DialectName, bytes]]] = []

    def add(self, subscriber: SubscriberT, dialect: DialectName) -> None:
        """Make a subscriber known; it has no channels yet."""
        self._move(subscriber, _Group(dialect, frozenset()))

    def remove(self, subscriber: SubscriberT) -> None:
        """Forget a subscriber; one that is not known is ignored."""
        if subscriber in self._group_of:
            self._move(subscriber, None)

    def subscribe(self, subscriber: SubscriberT, channel: str) -> None:
        """Send a channel to a subscriber from now on."""
        group = self._group_of[subscriber]
        self._move(subscriber, group._replace(channels=group.channels | {channel}))

    def unsubscribe(self, subscriber: SubscriberT, channel: str) -> None:
        """Send a channel to a subscriber no longer."""
        group = self._group_of[subscriber]
        self._move(subscriber, group._replace(channels=group.channels - {channel}))

    def authenticate(self, subscriber: SubscriberT, account: str) -> None:
        """Send a subscriber this account's messages, too, on the channels that it has.

        Args:
            subscriber: a known one.
            account: the name of the account, in `publish` as here.
        """
        self._move(subscriber, self._group_of[subscriber]._replace(account=account))

    def set_filtered(self, subscriber: SubscriberT, is_filtered: bool) -> None:
        """Hand a subscriber's messages out one by one from now on, or in whole frames again.

        Args:
            subscriber: a known one.
            is_filtered: whether a fault has to be asked about each message.
        """
        self._move(subscriber, self._group_of[subscriber]._replace(is_filtered=is_filtered))

    def channels_of(self, subscriber: SubscriberT) -> Collection[str]:
        """The channels of a subscriber; none where it is not known."""
        group = self._group_of.get(subscriber)
        return group.channels if group else frozenset()

    def has_subscribers(self) -> bool:
        """Whether anybody subscribed anything."""
        return bool(self._listeners)

    def publish(self, channel: str, message: bytes, account: str = "") -> None:
        """Send a message to all subscribers of its channel, with the next flush.

        Args:
            channel: the channel's name.
            message: the JSON text of the message; it goes out unchanged.
            account: send it to the subscribers of this account alone, as the private channels want it.
        """
        published = self._log.add(channel, message, account)
        listeners = self._listeners.get(channel)
        if not listeners:
            return
        frames = {name: frame(DIALECTS[name].encode_message(channel, message)) for name in listeners}
        self._published.append((published, frames))
        if len(self._published) == 1:
            self._has_published()

    def flush(self) -> None:
        """Deliver the messages since the last flush."""
        if not self._published:
            return
        published, self._published = self._published, []
        channels = {message.channel for message, _ in published}
        # A copy, since delivering may find out that a subscriber is gone.
        for group, subscribers in list(self._groups.values()):
            if group.channels.isdisjoint(channels):
                continue  # said at once, since there can be as many groups as subscribers
            if group.is_filtered:
                due = [message for message, _ in published if group.is_due(message)]
                for subscriber in tuple(subscribers):
                    self._filter(subscriber, due)
                continue
            joined = b"".join([frames[group.dialect] for message, frames in published if group.is_due(message)])
            if joined:
                self._deliver(tuple(subscribers), joined)

    def _move(self, subscriber: SubscriberT, group: _Group | None) -> None:
        # Messages published before the change go to the subscribers before it.
        self.flush()
        old = self._group_of.pop(subscriber, None)
        if old is not None:
            members = self._groups[old][1]
            members.pop(subscriber, None)
            if not members:
                del self._groups[old]
        if group is not None:
            # The group that is there already, so that its members share one set of channels.
            group, members = self._groups.setdefault(group, (group, {}))
            self._group_of[subscriber] = group
            members[subscriber] = None
        # Of many channels a subscriber mostly gains or loses one.
        had, has = (each.channels if each is not None else frozenset() for each in (old, group))
        if old is not None:
            self._count(old.dialect, had - has, -1)
        if group is not None:
            self._count(group.dialect, has - had, 1)

    def _count(self, dialect: DialectName, channels: Collection[str], change: int) -> None:
        for channel in channels:
            counts = self._listeners.setdefault(channel, {})
            counts[dialect] = counts.get(dialect, 0) + change
            if not counts[dialect]:
                del counts[dialect]
            if not counts:
                del self._listeners[channel]
