"""One channel's messages from several connections as one sequence: each once, in order, as early as possible.

Reasons for the design: each connection brings the same messages in the same order, earlier or later than another
(protocol reference, section 1.3). The merge follows the fastest connection, because a stalled one would make a LIVE
book old. Boards have neither number nor time (section 0), so the place of a connection can only be found by content. It
is proven once several different messages agree at one place only. Until then a message of this connection must not be
given, or it might come twice, and must not be dropped, or it might be lost. Executions and tickers have ascending ids
(sections 3.3, 3.4) and still need a place: an id shows that a message is newer, but not that its connection has lost
nothing before it. Following one connection and keeping the others for its end would be a third shorter, but would
inherit the stalls of that connection.

A connection is *aligned* when its place in the sequence is known. Its messages at the end of the sequence are new and
given; its messages before the end are duplicates and dropped. A connection is *waiting* while its place is unknown. A
message of a waiting connection with ids newer than the sequence is *ahead*: it is given in its place once an aligned
connection passes it, or once no connection is left that could.

Promises, as long as no two stretches of the sequence within the window agree over the number of messages for a proof:

* While one connection is aligned and loses nothing, no message is held back, and no gap is reported.
* Between two reported gaps every message comes once and in order, and no message of any connection is missing.
* A message that one connection lost unnoticed and another brings late is reported as a gap. If it has ids, it is given
  in `Verdict.late`.

Content alone cannot show a loss common to all connections, the place of a connection while a board repeats itself, as
in an idle market, or the order of two connections if the second takes over with a gap.

Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from fulgurite.client.alignment import Alignment, align
from fulgurite.client.comparison import Ids, Text
from fulgurite.errors import InputError
from fulgurite.protocol.channels import Kind

Item = TypeVar("Item")

WINDOW: Final = 256
"""Number of remembered messages of a channel: over half a minute of a busy board (section 3.2)."""

SNAPSHOT_WINDOW: Final = 32
"""Number of remembered snapshots. They are long and come every 5 seconds (section 3.1)."""

BOARD_PROOF: Final = 3
"""Number of different agreeing messages of a board that prove a connection's place. A book that toggles between two
states never shows as many. One message with ids, or one snapshot, is proof enough."""


class GapStart(NamedTuple):
    """The beginning of a gap."""

    after: int
    """The number of given messages before the gap. Times are ambiguous: many messages share one."""
    since_ns: int
    """The time of the last of them; if there is none, the beginning of the sequence."""


class Verdict(msgspec.Struct, Generic[Item], gc=False):
    """The result of one event."""

    items: list[Item] = msgspec.field(default_factory=list)
    """The messages to give now, in order."""
    gap: GapStart | None = None
    """A gap between its beginning and `items`, if messages may be missing. If it was found late, some messages after it
    have already been given."""
    late: list[Item] = msgspec.field(default_factory=list)
    """Late messages: they belong into the gap, or, without a gap, before the beginning of the sequence, where they may
    have been given."""

    def report(self, gap: GapStart | None) -> None:
        """Report a gap. The earliest of several stays."""
        if gap is not None and (self.gap is None or gap < self.gap):
            self.gap = gap


class ChannelMerge(Generic[Item]):
    """The sequence of one channel; see the module's docstring.

    Times are nanoseconds since 1970-01-01 UTC.

    Args:
        kind: the channel's kind, which determines the number of messages for a proof.
        window: the number of remembered messages of the sequence, and of each waiting connection, at least
            `BOARD_PROOF`; by default `WINDOW`, or `SNAPSHOT_WINDOW`. A connection that lags further behind loses its
            place. A waiting connection forgets its oldest messages; if it was aligned before, a gap is reported,
            because the sequence may lack them.

    Raises:
        InputError: the window is too small.
    """

    def __init__(self, kind: Kind, window: int | None = None) -> None:
        if window is None:
            window = SNAPSHOT_WINDOW if kind is Kind.BOARD_SNAPSHOT else WINDOW
        if window < BOARD_PROOF:
            raise InputError("window", window, f"a number from {BOARD_PROOF}")
        self._kind = kind
        self._has_ids = kind in (Kind.EXECUTIONS, Kind.TICKER)
        self._window = window
        self._sequence = _Sequence(window)
        # The aligned connections, each with the number of its next message; and the waiting ones.
        self._aligned: dict[int, int] = {}
        self._waiting: dict[int, _Waiting[Item]] = {}
        # The messages that are ahead; their connections may have left.
        self._ahead: dict[Ids, tuple[Item, Text]] = {}
        # The highest given id of the present numbering.
        self._newest = 0
        # The time at which the last connection left; None before.
        self._deserted_ns: int | None = None

    # --- events

    def joined(self, connection: int, asked_ns: int, now_ns: int) -> Verdict[Item]:
        """Process the acknowledgement of a connection's subscription.

        A connection that is alone is aligned from the start, and a gap is reported if there was another before.

        Args:
            connection: any unused number.
            asked_ns: the time of the request. A connection that asked before the last one left may repeat messages of
                that one. Then its first message shows whether there is a gap.
            now_ns: the time of the acknowledgement.
        """
        verdict: Verdict[Item] = Verdict()
        if connection in self._aligned or connection in self._waiting:
            return verdict
        is_overlapping = self._deserted_ns is not None and asked_ns < self._deserted_ns
        if self._aligned or self._waiting or is_overlapping:
            # A request after the beginning of the sequence brings nothing older.
            began_ns = self._sequence.began_ns
            self._waiting[connection] = _Waiting(is_within=began_ns is not None and asked_ns >= began_ns)
        else:
            verdict.report(self._sequence.gap_at_end())
            self._sequence.begin(now_ns)
            self._aligned[connection] = self._sequence.end
        return verdict

    def begin_again(self, connection: int, now_ns: int) -> Verdict[Item]:
        """Process a restart of the service: all messages of this connection, and later ones of others, are new."""
        verdict: Verdict[Item] = Verdict()
        self._give_ahead(None, verdict)
        others = (self._aligned.keys() | self._waiting.keys()) - {connection}
        self._sequence.begin(now_ns)
        self._newest = 0
        self._waiting = {other: _Waiting(is_within=True) for other in sorted(others)}
        self._aligned = {connection: self._sequence.end}
        return verdict

    def receive(self, connection: int, item: Item, text: msgspec.Raw | str, now_ns: int) -> Verdict[Item]:
        """Process a message of a connection.

        A connection that has not joined joins with its first message. It may have overlapped with others, because the
        time of its request is unknown.

        Args:
            connection: the connection.
            item: the item to give for the message.
            text: the message's JSON text.
            now_ns: the time of receipt.
        """
        if self._kind is Kind.EXECUTIONS and self._repeats(connection, text):
            return Verdict()  # a repetition shows nothing about the connection's place
        is_known = connection in self._aligned or connection in self._waiting
        verdict = Verdict() if is_known else self.joined(connection, 0, now_ns)
        place = self._aligned.get(connection)
        if place == self._sequence.end:
            self._continue(connection, item, Text(text, now_ns), verdict)
        elif place is not None and self._sequence.remembers(place) and self._sequence.at(place).equals(text):
            self._aligned[connection] = place + 1
        else:
            if place is not None:
                self._doubt(connection, place)
            self._wait(connection, item, Text(text, now_ns), verdict)
        return verdict

    def lost(self, connection: int, now_ns: int) -> Verdict[Item]:
        """Process a possible loss of messages, for example an unreadable frame, on a connection that goes on."""
        is_alone = len(self._aligned) + len(self._waiting) == 1
        if is_alone and self._aligned.get(connection) == self._sequence.end:
            return Verdict(gap=self._sequence.gap_at_end())
        is_known = connection in self._aligned or connection in self._waiting
        verdict = self.left(connection, now_ns)
        if is_known:
            self._waiting[connection] = _Waiting()
        return verdict

    def left(self, connection: int, now_ns: int) -> Verdict[Item]:
        """Process the end of a connection, or of the subscription on it."""
        verdict: Verdict[Item] = Verdict()
        self._aligned.pop(connection, None)
        waiting = self._waiting.pop(connection, None)
        if not self._aligned and not self._waiting:
            self._deserted_ns = now_ns
            self._give_ahead(None, verdict)
        if waiting is not None:
            # A disagreement with the sequence can no longer be resolved.
            verdict.report(waiting.gap)
            self._report_lacking(waiting, len(waiting.texts), verdict)
        self._settle(verdict)
        return verdict

    def finish(self) -> Verdict[Item]:
        """Process the end of all connections: give the messages ahead and report all unsettled gaps."""
        verdict: Verdict[Item] = Verdict()
        self._give_ahead(None, verdict)
        for waiting in self._waiting.values():
            self._report_lacking(waiting, len(waiting.texts), verdict)
            found = self._find(waiting) if waiting.texts else None
            if found is None or (found.start, found.stop) != (0, len(waiting.texts)):
                verdict.report(waiting.gap)
        return verdict

    def is_level(self, connection: int) -> bool:
        """Whether a connection has brought all messages given, so that its next message is new."""
        return self._aligned.get(connection) == self._sequence.end

    # --- aligned connections

    def _continue(self, connection: int, item: Item, text: Text, verdict: Verdict[Item]) -> None:
        """Append the next message of an aligned connection to the sequence."""
        ids = text.ids() if self._has_ids else None
        if ids is not None and ids.highest < self._newest:
            # The ids fall back: a new numbering.
            self._give_ahead(None, verdict)
            self._newest = 0
        self._give_ahead(text, verdict)
        self._give(item, text, verdict)
        self._aligned[connection] = self._sequence.end
        self._settle(verdict)

    def _give(self, item: Item, text: Text, verdict: Verdict[Item]) -> None:
        verdict.items.append(item)
        self._sequence.append(text)
        ids = text.ids() if self._has_ids else None
        if ids is not None and ids.highest > self._newest:
            self._newest = ids.highest

    def _give_ahead(self, following: Text | None, verdict: Verdict[Item]) -> None:
        """Give the messages ahead that belong before `following`, or all of them.

        A gap before them is reported, because their connection may have joined after the loss of more messages; but
        not at the beginning of the sequence, which may be later than these messages.
        """
        limit = None if following is None else following.ids()
        if following is not None and limit is None:
            return
        for ids in sorted(self._ahead):
            if limit is None or ids.highest < limit.lowest:
                item, text = self._ahead.pop(ids)
                if not self._sequence.is_empty:
                    verdict.report(self._sequence.gap_at_end())
                self._give(item, text, verdict)
            elif ids.highest <= limit.highest:
                del self._ahead[ids]

    def _doubt(self, connection: int, place: int) -> None:
        """Let an aligned connection wait: its message differs from the sequence, or its place is forgotten."""
        del self._aligned[connection]
        is_remembered = self._sequence.remembers(place)
        self._waiting[connection] = _Waiting(place, self._sequence.gap_before(place)) if is_remembered else _Waiting()

    def _repeats(self, connection: int, text: msgspec.Raw | str) -> bool:
        """Whether a connection repeats its last message."""
        waiting = self._waiting.get(connection)
        if waiting is not None and waiting.texts:
            return waiting.texts[-1].equals(text)
        place = self._aligned.get(connection) if waiting is None else waiting.place
        if place is None or not self._sequence.remembers(place - 1):
            return False
        return self._sequence.at(place - 1).equals(text)

    # --- waiting connections

    def _wait(self, connection: int, item: Item, text: Text, verdict: Verdict[Item]) -> None:
        """Keep a message of a waiting connection."""
        waiting = self._waiting[connection]
        ids = text.ids() if self._has_ids else None
        if ids is not None and ids.lowest > self._newest:
            self._ahead.setdefault(ids, (item, text))
        if len(self._ahead) == self._window:
            self._give_ahead(None, verdict)
        if len(waiting.texts) == self._window:
            self._report_lacking(waiting, 1, verdict)
            verdict.report(waiting.gap)
            waiting.forget_first()
        waiting.items.append(item)
        waiting.texts.append(text)
        self._settle(verdict)

    def _settle(self, verdict: Verdict[Item]) -> None:
        """Align the waiting connections with a proof; if none is aligned, let one go on without proof if it must."""
        for connection, waiting in list(self._waiting.items()):
            if not waiting.texts:
                continue
            found = self._find(waiting)
            proof = BOARD_PROOF if self._kind is Kind.BOARD else 1
            if found is not None and found.is_only and found.different >= proof:
                self._report_disagreement(waiting, found, verdict)
                self._align(connection, found.stop, self._first_possible(waiting) + found.sequence_stop, verdict)
            elif not self._aligned and self._must_go_on(waiting, found):
                verdict.report(waiting.gap)
                verdict.report(self._sequence.gap_at_end())
                # The agreeing messages have most likely been given.
                self._align(connection, 0 if found is None else found.stop, self._sequence.end, verdict)

    def _align(self, connection: int, known: int, place: int, verdict: Verdict[Item]) -> None:
        """Align a waiting connection at a place, and give its messages after the first `known`."""
        waiting = self._waiting.pop(connection)
        for item, text in waiting.messages(known, None):
            # These lie beyond the end of the sequence.
            self._give_ahead(text, verdict)
            self._give(item, text, verdict)
            place = self._sequence.end
        self._aligned[connection] = place

    def _must_go_on(self, waiting: _Waiting[Item], found: Alignment | None) -> bool:
        """Whether a connection without a proof must be followed because none is aligned."""
        if found is not None:
            # While it appears to repeat the sequence, the wait for a proof holds nothing back.
            return not (found.is_only and found.stop == len(waiting.texts))
        if waiting.place is not None:
            # It was behind, so its next messages are duplicates.
            return len(waiting.texts) > self._sequence.end - waiting.place
        return True

    def _find(self, waiting: _Waiting[Item]) -> Alignment | None:
        """The place of a connection in the sequence, counted from the first possible one."""
        sequence = self._sequence.meanings(self._first_possible(waiting))
        may_begin_earlier = waiting.place is None and not self._holds_all_of(waiting)
        return align([text.meaning() for text in waiting.texts], sequence, may_begin_earlier)

    def _first_possible(self, waiting: _Waiting[Item]) -> int:
        """The number of the first message in the sequence that a waiting connection may bring next."""
        return max(self._sequence.first, waiting.place or 0)

    def _holds_all_of(self, waiting: _Waiting[Item]) -> bool:
        """Whether the sequence lacks every message of a connection that it does not remember."""
        return waiting.is_within and self._sequence.is_whole

    # --- messages that the sequence lacks

    def _report_disagreement(self, waiting: _Waiting[Item], found: Alignment, verdict: Verdict[Item]) -> None:
        """Report the gap before the first message of a connection that the sequence lacks, if any.

        Messages of the connection before the agreement that stand in the sequence, in the same order, are duplicates.
        All others are late.
        """
        first = number = self._first_possible(waiting)
        stop = number + found.sequence_start
        for item, text in waiting.messages(0, found.start):
            passed = number
            while passed < stop and self._sequence.at(passed).meaning() != text.meaning():
                passed += 1
            if passed < stop:
                number = passed + 1
                continue
            verdict.late.append(item)
            verdict.report(self._sequence.gap_before(number))
            if number == first:
                verdict.report(waiting.gap)
        if self._has_ids and found.start == 0:
            # The messages before the beginning of the sequence, or of its remembered part.
            verdict.late += islice(waiting.items, found.stop - (found.sequence_stop - found.sequence_start))

    def _report_lacking(self, waiting: _Waiting[Item], count: int, verdict: Verdict[Item]) -> None:
        """Report the first messages of a connection without a place, if they have ids and the sequence lacks them.

        No gap is reported for messages that may be older than the remembered part of the sequence.
        """
        if not self._has_ids:
            return
        given = set(self._sequence.meanings(self._sequence.first))
        for item, text in waiting.messages(0, count):
            ids = text.ids()
            if ids is None or ids in self._ahead or text.meaning() in given:
                continue
            verdict.late.append(item)
            after = self._sequence.number_after(ids.lowest)
            if after is not None or self._holds_all_of(waiting):
                verdict.report(self._sequence.gap_before(self._sequence.first if after is None else after))


class _Sequence:
    """The latest of all given messages, which are numbered from 0."""

    def __init__(self, window: int) -> None:
        self._texts: deque[Text] = deque(maxlen=window)
        # The number of the next message.
        self.end = 0
        # The time and the number of its latest beginning; None before the first.
        self.began_ns: int | None = None
        self._began_at = 0

    @property
    def first(self) -> int:
        """The number of the first remembered message."""
        return self.end - len(self._texts)

    @property
    def is_empty(self) -> bool:
        return not self._texts

    @property
    def is_whole(self) -> bool:
        """Whether all messages since its beginning are remembered."""
        return self._began_at == self.first

    def begin(self, now_ns: int) -> None:
        self._texts.clear()
        self.began_ns, self._began_at = now_ns, self.end

    def append(self, text: Text) -> None:
        self._texts.append(text)
        self.end += 1

    def remembers(self, number: int) -> bool:
        return self.first <= number < self.end

    def at(self, number: int) -> Text:
        """A remembered message."""
        return self._texts[number - self.end]

    def meanings(self, start: int) -> list[bytes]:
        """The meanings of the messages from number `start` on."""
        return [text.known_meaning or text.meaning() for text in islice(self._texts, start - self.first, None)]

    def number_after(self, lowest_id: int) -> int | None:
        """The number after the last message with only lower ids; None if none is remembered."""
        older = [n for n, text in enumerate(self._texts, 1) if (ids := text.ids()) and ids.highest < lowest_id]
        return self.first + older[-1] if older else None

    def gap_at_end(self) -> GapStart | None:
        return self.gap_before(self.end)

    def gap_before(self, number: int) -> GapStart | None:
        """A gap before the message with this number, at the earliest remembered time."""
        if not self._texts or number <= self._began_at:
            return None if self.began_ns is None else GapStart(number, self.began_ns)
        return GapStart(number, self.at(max(number - 1, self.first)).at_ns)


class _Waiting(Generic[Item]):
    """A connection in an unknown place."""

    def __init__(self, place: int | None = None, gap: GapStart | None = None, *, is_within: bool = False) -> None:
        # If it was aligned before: the number of the message that it disagreed with, and the possible gap.
        self.place = place
        self.gap = gap
        # Whether its request followed the beginning of the sequence.
        self.is_within = is_within
        # Its messages while waiting.
        self.items: deque[Item] = deque()
        self.texts: deque[Text] = deque()

    def messages(self, start: int, stop: int | None) -> Iterator[tuple[Item, Text]]:
        return islice(zip(self.items, self.texts, strict=True), start, stop)

    def forget_first(self) -> None:
        self.items.popleft()
        self.texts.popleft()
        self.place = self.gap = None
