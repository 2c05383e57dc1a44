"""The truth: the published messages, and those delivered to each connection. All of it is bounded. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

import msgspec

MAX_MESSAGES: Final = 100_000
MAX_BYTES: Final = 16 * 1024 * 1024
"""The bounds of the kept messages; beyond either the oldest are forgotten."""

MAX_RANGES: Final = 1_000
"""Ranges of numbers, and altered messages, that are kept of a connection's channel; the oldest are forgotten."""

_MESSAGE_OVERHEAD: Final = 200
"""Bytes that a kept message takes besides its text, about."""


class Published(msgspec.Struct, frozen=True, gc=False):
    """One message, as it was published."""

    number: int
    """Counts all messages of all channels from 1."""
    published_ns: int
    """When, nanoseconds since 1970 UTC, on the machine's clock."""
    channel: str
    message: bytes
    """Its JSON text."""
    account: str
    """Its account, on a private channel; otherwise empty."""
    previous: int
    """The number of the message before it on the same channel and account, 0 for the first."""

    def line(self) -> bytes:
        """One line of JSON; the message stands in it unchanged, to the byte."""
        account = b'"account":%b,' % msgspec.json.encode(self.account) if self.account else b""
        channel = msgspec.json.encode(self.channel)
        head = b'{"number":%d,"published_ns":%d,%b"channel":%b' % (self.number, self.published_ns, account, channel)
        return b'%b,"message":%b}\n' % (head, self.message)


class PublishedLog:
    """The newest messages published.

    Args:
        now_ns: tells the time, nanoseconds since 1970 UTC.
        max_messages: how many are kept at most.
        max_bytes: how many bytes they take at most, about.
    """

    def __init__(self, now_ns: Callable[[], int], max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._now_ns = now_ns
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[Published] = deque()
        self._bytes = 0
        self._last: dict[tuple[str, str], int] = {}
        self.last_number = 0
        """The number of the newest message, 0 before the first."""

    @property
    def first_number(self) -> int:
        """The number of the oldest message that is kept, or of the next while none is."""
        return self.last_number - len(self._messages) + 1

    def add(self, channel: str, message: bytes, account: str = "") -> Published:
        """Number a message and keep it."""
        self.last_number += 1
        key = (channel, account)
        published = Published(self.last_number, self._now_ns(), channel, message, account, self._last.get(key, 0))
        self._last[key] = self.last_number
        self._messages.append(published)
        self._bytes += len(message) + _MESSAGE_OVERHEAD
        while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
            self._bytes -= len(self._messages.popleft().message) + _MESSAGE_OVERHEAD
        return published

    def after(self, number: int, channel: str | None = None) -> list[Published]:
        """The messages with greater numbers, oldest first; of one channel, or of all."""
        # Numbers are consecutive, so the place of each is known.
        messages = islice(self._messages, max(number + 1 - self.first_number, 0), None)
        return [each for each in messages if channel in (None, each.channel)]

    def older(self, channel: str, age: float) -> Published | None:
        """The newest message of a channel that is `age` seconds old, or else the oldest; None where none is kept."""
        limit_ns = self._now_ns() - int(age * 1e9)
        found = None
        for published in reversed(self._messages):
            if published.channel == channel:
                found = published
                if published.published_ns <= limit_ns:
                    break
        return found


class Delivered(msgspec.Struct, frozen=True):
    """The messages that one channel of a connection got."""

    subscribed: list[tuple[int, int]]
    """First and last numbers of each of its subscriptions."""
    delivered: list[tuple[int, int]]
    """First and last numbers: every message of the channel from the one to the other was sent, once and unaltered."""
    altered: list[int]
    """The numbers of messages that faults altered, or sent more than once."""


class DeliveryRecord:
    """The messages of one channel that one connection was sent.

    Two ways to tell it: `begin` and `end` around a time of complete delivery, as the hub does it by itself; or
    `sent` for each message, where faults decide about it.
    """

    def __init__(self) -> None:
        # Lists, since an empty deque takes ten times as much, and every connection has these for each channel.
        self._subscribed: list[tuple[int, int]] = []
        self._subscribed_from: int | None = None
        self._ranges: list[tuple[int, int]] = []
        self._altered: list[int] = []
        self._open_from: int | None = None

    def subscribe(self, last_number: int) -> None:
        """Messages after this number are to be sent."""
        self._subscribed_from = last_number + 1

    def unsubscribe(self, last_number: int) -> None:
        """Messages after this number are not to be sent."""
        self.end(last_number)
        if self._subscribed_from is not None and self._subscribed_from <= last_number:
            self._subscribed.append((self._subscribed_from, last_number))
            del self._subscribed[:-MAX_RANGES]
        self._subscribed_from = None

    def begin(self, last_number: int) -> None:
        """Everything published after this number is sent."""
        if self._open_from is None:
            self._open_from = last_number + 1

    def end(self, last_number: int) -> None:
        """Everything published after this number is no longer sent by itself."""
        if self._open_from is not None and self._open_from <= last_number:
            self._add(self._open_from, last_number, self._open_from - 1)
        self._open_from = None

    def sent(self, published: Published) -> None:
        """One message was sent as it was published."""
        if not self._ranges or published.number > self._ranges[-1][1]:
            self._add(published.number, published.number, published.previous)

    def altered(self, published: Published) -> None:
        """One message was sent otherwise than it was published."""
        if not self._altered or self._altered[-1] != published.number:
            self._altered.append(published.number)
            del self._altered[:-MAX_RANGES]

    def report(self, last_number: int) -> Delivered:
        """The messages sent up to this number."""
        ranges = list(self._ranges)
        if self._open_from is not None and self._open_from <= last_number:
            ranges = _joined(ranges, self._open_from, last_number, self._open_from - 1)
        subscribed = list(self._subscribed)
        if self._subscribed_from is not None and self._subscribed_from <= last_number:
            subscribed.append((self._subscribed_from, last_number))
        return Delivered(subscribed, ranges, list(self._altered))

    def _add(self, first: int, last: int, previous: int) -> None:
        self._ranges[-1:] = _joined(self._ranges[-1:], first, last, previous)
        del self._ranges[:-MAX_RANGES]


def _joined(ranges: list[tuple[int, int]], first: int, last: int, previous: int) -> list[tuple[int, int]]:
    """The ranges with one more at their end; it lengthens the last if that reaches to the number before it."""
    if ranges and ranges[-1][1] >= previous and ranges[-1][0] <= first:
        return [*ranges[:-1], (ranges[-1][0], max(last, ranges[-1][1]))]
    return [*ranges, (first, last)]
