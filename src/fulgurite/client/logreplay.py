"""Conversion of a frame log's lines to the items of its stream. Pure.

The feeds are those of the live stream and process the same events: a log of `recording` has a line for each status. A
log of frames alone gives their messages, and only the gaps that have a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from fulgurite.client.bookkeeping import BookKeeper, Bookkeeping
from fulgurite.client.feed import Feed
from fulgurite.client.feeds import Feeds
from fulgurite.client.items import Gap, GapCause, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.errors import ChannelError, RemoteProtocolError
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.events import ChannelMessage, ClientEvent
from fulgurite.protocol.framelog import Line
from fulgurite.protocol.jsonrpc import JsonRpcClient
from fulgurite.protocol.socketio import SocketIoClient

CHANNELS_LIMIT: Final = 1_000
"""Limit on the channels with gaps and books; messages of further ones are passed on unchanged."""

_KINDS: Final = frozenset(StatusKind)
_NEVER_KNOWN: Final = (GapCause.DROPPED, GapCause.WITHHELD, GapCause.UNRECORDED)
_ORIGINS: Final = frozenset(Origin) - {Origin.LIVE}

# No feed waits for the clock here: a gap that waited in the live stream has a line at the end of the wait.
_NOW: Final = 0.0


class LogReplay:
    """Processes the lines of one frame log, in order."""

    def __init__(self) -> None:
        self.at_ns = 0
        """The latest time of a line, nanoseconds since 1970."""
        # Unreadable parts before the first time of the log; then the reason and the time of the gap behind them.
        self._early: list[tuple[str, str]] = []
        self._lost: tuple[str, int] | None = None
        self.items: list[Item] = []
        """The items of the present line so far."""
        # The number of connections is known before the first feed is made.
        self._feeds = Feeds()
        self._open: set[int] = set()  # connections
        # The end of each channel's latest gap.
        self._told_to_ns: dict[str, int] = {}
        # These only read; they send nothing.
        self._readers = JsonRpcClient(), SocketIoClient()
        # The time of each channel's latest message, unused here.
        self._heard: dict[str, float] = {}

    @property
    def bookkeeping(self) -> Bookkeeping:
        """The kept books."""
        return self._feeds.bookkeeping

    def keep_book(self, product_code: str) -> BookKeeper:
        """Keep the book of a product from now on."""
        return self._feeds.keep_book(product_code)

    def receive(self, *lines: Line) -> list[Item]:
        """Process lines and return their items. Many at a time are less work for each."""
        if self._early:
            self._tell_early(lines[0])
        # "" is no ordinary frame of either dialect.
        frames = [(line.frame or "") if line.event is None and line.received_ns else "" for line in lines]
        times_ns = [line.received_ns or 0 for line in lines]
        place = 0
        while (place := self._ordinary(lines, frames, times_ns, place)) < len(lines):
            line = lines[place]
            at_ns = next((ns for ns in (line.received_ns, line.sent_ns, line.at_ns) if ns is not None), self.at_ns)
            self.at_ns = max(self.at_ns, at_ns)
            self.items += self._extraordinary(line, at_ns)
            place += 1
        return self._taken()

    def unreadable(self, text: str, error: str) -> list[Item]:
        """Process an unreadable line.

        Args:
            text: its readable part.
            error: the problem and its place.
        """
        if not self.at_ns:
            self._early.append((text, error))
            return []
        self.items.append(Malformed(self.at_ns, text, error))
        for number in {0, *self._open}:
            self.items += self._feeds.lost(number, text, _reason(error), _NOW, self.at_ns)
        return self._taken()

    def finish(self) -> list[Item]:
        """Process the end of the log and return the remaining items."""
        early = [Malformed(self.at_ns, text, error) for text, error in self._early]
        return [*early, *self._feeds.finish("the log has ended", _NOW, self.at_ns)]

    # --- inside

    def _tell_early(self, line: Line) -> None:
        """Give the unreadable parts before the first line the time of that line."""
        at_ns = line.received_ns or line.sent_ns or line.at_ns or 0
        self.items += [Malformed(at_ns, text, error) for text, error in self._early]
        self._lost = _reason(self._early[0][1]), at_ns
        self._early = []

    def _ordinary(self, lines: Sequence[Line], frames: list[str], times_ns: list[int], start: int) -> int:
        """Process frames up to the first that is no ordinary message of a channel; return its index."""
        while start < len(lines):
            # Lines of a merged log may be of different connections.
            part = slice(start, start + 1 if self._is_merged else None)
            number, texts, at_ns = self._number(lines[start]), frames[part], times_ns[part]
            count = self._feeds.ordinary(number, self._split, texts, 0, _NOW, at_ns, self._heard, {}, self)
            self.at_ns = max(self.at_ns, *at_ns[:count], 0)
            start += count
            if count < len(texts):
                break
        return start

    def _split(self, frame: str) -> tuple[str, str] | None:
        json_rpc, socketio = self._readers
        return json_rpc.split(frame) or socketio.split(frame)

    def _extraordinary(self, line: Line, at_ns: int) -> list[Item]:
        if line.frame is not None:
            return [] if line.received_ns is None else self._received(line, line.frame, line.received_ns)
        if line.event in _KINDS:
            return self._happened(Status(
                StatusKind(line.event), at_ns, line.channel, line.detail or "", line.seconds,
                line.connection or 0, line.close_code, line.close_reason, dropped=line.dropped or 0,
            ))  # fmt: skip
        if line.event in _ORIGINS and line.channel is not None and line.message is not None:
            raw = msgspec.Raw(line.message.encode(errors="replace"))
            message = Message(line.channel, at_ns, "", raw, origin=Origin(line.event))
            feed = self._feed(line.channel)
            if feed is not None:
                feed.recovered(message)
            return [message]
        return self._gap(line) if line.event == "gap" else []

    def _received(self, line: Line, frame: str, at_ns: int) -> list[Item]:
        number = self._number(line)
        if line.event == "malformed":
            return self._malformed(number, frame, line.detail or "", at_ns)
        try:
            events = self._read(frame)
        except RemoteProtocolError as error:
            return self._malformed(number, frame, error.problem, at_ns)
        items: list[Item] = []
        for event in events:
            if type(event) is ChannelMessage:
                is_new = event.channel not in self._feeds.by_name
                if self._feed(event.channel) is not None and is_new and self._lost is not None:
                    # Its subscription is in the unreadable beginning, or its first messages are.
                    reason, from_ns = self._lost
                    items.append(Gap(event.channel, reason, from_ns, at_ns, cause=GapCause.UNREADABLE))
                items += self._feeds.message(number, Message(event.channel, at_ns, frame, event.message), _NOW)
        return items

    def _read(self, frame: str) -> list[ClientEvent]:
        """The events of a frame. Frames of JSON-RPC begin with a bracket or a brace, those of Socket.IO never do."""
        json_rpc, socketio = self._readers
        reader = json_rpc if frame.lstrip()[:1] in ("{", "[", "") else socketio
        return reader.receive(frame, _NOW)

    def _malformed(self, number: int, frame: str, error: str, at_ns: int) -> list[Item]:
        items: list[Item] = [Malformed(at_ns, frame, error)]
        return [*items, *self._feeds.lost(number, frame, f"a frame that could not be read: {error}", _NOW, at_ns)]

    def _happened(self, status: Status) -> list[Item]:
        items: list[Item] = [status]
        at_ns, channel = status.at_ns, status.channel
        number = status.connection if self._is_merged else 0
        feed = None if channel is None else self._feed(channel)
        match status.kind:
            case StatusKind.CONNECTING if status.connection and not self._feeds.by_name:
                self._feeds.connections = 2
            case StatusKind.OPEN:
                self._open.add(number)
            case StatusKind.SUBSCRIBED if feed is not None:
                asked_ns = at_ns - round((status.seconds or 0.0) * 1e9)
                items += self._feeds.acknowledged(number, feed.name, asked_ns, _NOW, at_ns)
            case StatusKind.SILENT | StatusKind.DEAD if feed is not None:
                reason = f"{channel} was silent for {status.seconds or 0:.0f} s"
                items += self._feeds.silent(number, feed.name, reason, _NOW, at_ns)
            case StatusKind.BEHIND:
                self.bookkeeping.behind(number, status.detail)
            case StatusKind.CAUGHT_UP:
                self.bookkeeping.caught_up(number)
            case StatusKind.DROPPED:
                # Some of the frames may have been for a book only, and such frames have no gap.
                for keeper in self.bookkeeping.keepers.values():
                    keeper.book.invalidate(status.detail)
            case StatusKind.CLOSED:
                self._open.discard(number)
                items += self._feeds.interrupted(number, status.detail, _NOW, at_ns, status.close_code)
        return items

    def _gap(self, line: Line) -> list[Item]:
        """Process the line of a gap. Most gaps already follow from earlier lines."""
        channel = line.channel or ""
        to_ns = self.at_ns if line.to_ns is None else line.to_ns
        feed = self._feed(channel)
        items: list[Item] = [] if feed is None else [*feed.tell()]
        told_to_ns = max((item.to_ns for item in items if isinstance(item, Gap)), default=self._told_to_ns.get(channel))
        is_repaired = line.repaired in (Repaired.FULL, Repaired.PARTIAL)
        # Gaps of these causes follow from no other line.
        is_known = told_to_ns is not None and to_ns <= told_to_ns and line.cause not in _NEVER_KNOWN
        if is_known and not is_repaired:
            return items
        gap = Gap(
            channel, line.reason or "", to_ns if line.from_ns is None else line.from_ns, to_ns,
            recovered=line.recovered or 0, note=line.note or "", unresolved=line.unresolved or (),
            repaired=Repaired(line.repaired) if line.repaired in frozenset(Repaired) else Repaired.NONE,
            cause=GapCause(line.cause) if line.cause in frozenset(GapCause) else GapCause.INTERRUPTED,
            dropped=line.dropped or 0,
            close_code=line.close_code,
        )  # fmt: skip
        if not is_known and feed is not None and feed.keeper is not None:
            feed.keeper.interrupted(feed.channel.kind, gap.reason)
            feed.keeper.resumed(feed.channel.kind)
        return [*items, gap]

    def _taken(self) -> list[Item]:
        items, self.items = self.items, []
        for item in items:
            if type(item) is Gap and item.channel in self._feeds.by_name:
                self._told_to_ns[item.channel] = item.to_ns
        return items

    @property
    def _is_merged(self) -> bool:
        return self._feeds.connections > 1

    def _number(self, line: Line) -> int:
        return (line.connection or 0) if self._is_merged else 0

    def _feed(self, channel: str) -> Feed | None:
        feed = self._feeds.by_name.get(channel)
        if feed is None and len(self._feeds.by_name) < CHANNELS_LIMIT:
            try:
                return self._feeds.add(parse_channel(channel))
            except ChannelError:
                return None
        return feed


def _reason(error: str) -> str:
    return f"a part of the log that could not be read: {error}"
