"""The records of the connections, for `/control/connections`. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from fulgurite.server.published import Delivered, DeliveryRecord, Published

MAX_FORMER_CHANNELS: Final = 1_000
"""Channels of a connection that it has no longer; the oldest are forgotten."""

MAX_CLOSED: Final = 1_000
"""Records of connections that are gone; the oldest are forgotten."""


class ConnectionReport(msgspec.Struct):
    """One connection, open or gone."""

    number: int
    """Counts connections from 1."""
    dialect: str
    client: str
    """Its own name for itself in its handshake; empty without one."""
    opened_ns: int
    """Nanoseconds since 1970 UTC."""
    closed_ns: int | None = None
    """None while it is open."""
    code: int | None = None
    """Of the close frame that the server sent, or answered; None where there was none, as after a reset."""
    reason: str = ""
    """Of that close frame."""
    account: str = ""
    """Empty without `auth`."""
    faults: list[int] = []
    """The numbers of the faults that are on for it."""
    channels: dict[str, Delivered] = {}
    """Its present and former channels, and the messages sent of each."""


class ConnectionRecord:
    """The record of one connection.

    Args:
        number: names it.
        dialect: its dialect.
        client: its own name for itself, or "".
        opened_ns: when its handshake was done, nanoseconds since 1970 UTC.
    """

    def __init__(self, number: int, dialect: str, client: str, opened_ns: int) -> None:
        self.facts = ConnectionReport(number, dialect, client, opened_ns)
        """All of its report but the channels."""
        self._is_filtered = False
        self._channels: dict[str, DeliveryRecord] = {}
        self._subscribed: set[str] = set()
        self._former: dict[str, None] = {}  # in the order of their ends

    def subscribe(self, channel: str, last_number: int) -> None:
        """A channel is sent after the message of this number."""
        record = self._channels.setdefault(channel, DeliveryRecord())
        self._subscribed.add(channel)
        self._former.pop(channel, None)
        record.subscribe(last_number)
        if not self._is_filtered:
            record.begin(last_number)

    def unsubscribe(self, channel: str, last_number: int) -> None:
        """A channel is no longer sent."""
        if channel in self._subscribed:
            self._subscribed.remove(channel)
            self._channels[channel].unsubscribe(last_number)
            self._former[channel] = None
            if len(self._former) > MAX_FORMER_CHANNELS:
                oldest = next(iter(self._former))
                del self._former[oldest], self._channels[oldest]

    def set_filtered(self, is_filtered: bool, last_number: int) -> None:
        """Faults decide about each message from now on, or no longer."""
        self._is_filtered = is_filtered
        for channel in self._subscribed:
            record = self._channels[channel]
            if is_filtered:
                record.end(last_number)
            else:
                record.begin(last_number)

    def sent(self, published: Published, altered: bool) -> None:
        """A filtered connection was sent a message."""
        record = self._channels.get(published.channel)
        if record is not None and altered:
            record.altered(published)
        elif record is not None:
            record.sent(published)

    def close(self, last_number: int) -> None:
        """Nothing more is sent."""
        for channel in tuple(self._subscribed):
            self.unsubscribe(channel, last_number)

    def report(self, last_number: int) -> ConnectionReport:
        """The report up to the message of this number."""
        channels = {channel: record.report(last_number) for channel, record in self._channels.items()}
        return msgspec.structs.replace(self.facts, channels=channels)


class ConnectionRecords:
    """The records of the open connections, and of the last closed ones."""

    def __init__(self) -> None:
        self._open: dict[int, ConnectionRecord] = {}
        self._closed: deque[ConnectionRecord] = deque(maxlen=MAX_CLOSED)
        self.opened = 0
        """The number of all connections so far."""

    def open(self, dialect: str, client: str, now_ns: int) -> ConnectionRecord:
        """Note a new connection."""
        self.opened += 1
        record = self._open[self.opened] = ConnectionRecord(self.opened, dialect, client, now_ns)
        return record

    def close(self, record: ConnectionRecord, last_number: int, now_ns: int) -> None:
        """Note the end of a connection."""
        record.close(last_number)
        record.facts.closed_ns = now_ns
        if self._open.pop(record.facts.number, None) is not None:
            self._closed.append(record)

    def report(self, last_number: int) -> list[ConnectionReport]:
        """All of them, by their numbers."""
        records = (*self._closed, *self._open.values())
        return sorted((record.report(last_number) for record in records), key=lambda report: report.number)
