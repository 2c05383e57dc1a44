"""One channel's messages from several connections as one sequence: each once, in order, as soon as the first has it.

Why it is not simpler: each connection brings the same messages in the same order, earlier or later than another
(protocol reference, section 1.3), and the first to bring one must be followed, or a connection that stalls would make a
LIVE book old. Boards have neither number nor time (section 0), so the place of a connection can only be found by
content, and is believed once several different messages agree at one place only. What a connection brings while its
place is not known must not be given, or it might come twice; and must not be dropped, or it might be lost. Executions
and tickers have ids that ascend (sections 3.3, 3.4), and still need a place: an id shows that a message is newer, but
not that a connection has lost nothing before it. Following one connection and keeping the others for its end would be a
third shorter and was decided against for its stalls.

A connection is *aligned* when its place in the sequence is known: what it brings at the end of the sequence is new and
given, and what it brings before the end is dropped, as it stands there already. A connection *waits* while its place is
not known. Messages with ids newer than the sequence that only waiting connections have brought are *ahead*: they are
given in their place once an aligned connection goes past them, or nobody is left who might.

Promises, as long as no two stretches of the sequence within the window agree over as many messages as are believed:

* While one connection is aligned and loses nothing, no message is held back, and no gap is reported.
* Between two reported gaps everything comes once and in order, and nothing that a connection brought is missing.
* A message that one connection lost unnoticed and another brings late is reported as a gap. Where it has ids it is
  given in `Verdict.late`.

Content alone cannot tell what every connection lost unnoticed; where a connection is while a board repeats itself, as
in an idle market; nor whether a connection that takes over with a gap was ahead or behind.

Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from fulgurite.client.alignment import Alignment, align
from fulgurite.client.texts import Ids, Text
from fulgurite.errors import InputError
from fulgurite.protocol.channels import Kind

Item = TypeVar("Item")

WINDOW: Final = 256
"""Messages of a channel that are remembered: over half a minute of a busy board (section 3.2)."""

SNAPSHOT_WINDOW: Final = 32
"""The same for snapshots, which are long and come every 5 seconds (section 3.1)."""

BOARD_PROOF: Final = 3
"""Different messages of a board that must agree before a connection's place is believed: a book that toggles between
two states never shows that many. Of messages with ids, and of snapshots, one is enough."""


class GapStart(NamedTuple):
    """Where a gap begins."""

    after: int
    """So many of all messages that have been given come before it. Times do not tell: many messages come at one."""
    since_ns: int
    """When the last of them came; where there is none, when the sequence began."""


class Verdict(msgspec.Struct, Generic[Item], gc=False):
    """What follows from one call."""

    items: list[Item] = msgspec.field(default_factory=list)
    """The messages that are to be given now, in order."""
    gap: GapStart | None = None
    """Where messages may be missing: between its beginning and `items`. Where it was found late, some messages after it
    have been given by now. None where none may be."""
    late: list[Item] = msgspec.field(default_factory=list)
    """Messages that belong before what has been given: into the gap, or, where there is none, before the sequence
    began, so that they may have been given then."""

    def report(self, gap: GapStart | None) -> None:
        """Report a gap. Of several the earliest beginning stays."""
        if gap is not None and (self.gap is None or gap < self.gap):
            self.gap = gap


class ChannelMerge(Generic[Item]):
    """The sequence of one channel; see the module's docstring.

    Times are nanoseconds since 1970-01-01 UTC.

    Args:
        kind: the channel's kind, which says how many messages must agree before a connection's place is believed.
        window: the number of messages that are remembered, at least `BOARD_PROOF`; of each waiting connection as many
            again. By default `WINDOW`, or `SNAPSHOT_WINDOW`. A connection that lags further behind loses its place. Of
            a waiting one the oldest are forgotten; if it had been aligned before, a gap is reported then, since it may
            have brought messages that the sequence lacks.

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
        # The aligned connections, each with the number of the message that it brings next; and the waiting ones.
        self._aligned: dict[int, int] = {}
        self._waiting: dict[int, _Waiting[Item]] = {}
        # The messages that are ahead; the connections that brought them may have left since.
        self._ahead: dict[Ids, tuple[Item, Text]] = {}
        # The highest id that was given in the present numbering.
        self._newest = 0
        # When the last of all connections left; None before.
        self._deserted_ns: int | None = None

    # --- events

    def joined(self, connection: int, asked_ns: int, now_ns: int) -> Verdict[Item]:
        """A connection's subscription was acknowledged: its messages follow from here, whatever came before.

        Where there is no other connection it is aligned from the start, and a gap is reported if there was one before.

        Args:
            connection: any number that is not in use.
            asked_ns: when the subscription was asked for. A connection that asked before the last one left may still
                bring what that one brought; then it is its first message that tells whether there is a gap.
            now_ns: when it was acknowledged.
        """
        verdict: Verdict[Item] = Verdict()
        if connection in self._aligned or connection in self._waiting:
            return verdict
        is_overlapping = self._deserted_ns is not None and asked_ns < self._deserted_ns
        if self._aligned or self._waiting or is_overlapping:
            # Asked for after the sequence had begun, it brings nothing older.
            began_ns = self._sequence.began_ns
            self._waiting[connection] = _Waiting(is_within=began_ns is not None and asked_ns >= began_ns)
        else:
            verdict.report(self._sequence.gap_at_end())
            self._sequence.begin(now_ns)
            self._aligned[connection] = self._sequence.end
        return verdict

    def begin_again(self, connection: int, now_ns: int) -> Verdict[Item]:
        """The service began anew: all that this connection brings next, and others after it, is new."""
        verdict: Verdict[Item] = Verdict()
        self._give_ahead(None, verdict)
        others = (self._aligned.keys() | self._waiting.keys()) - {connection}
        self._sequence.begin(now_ns)
        self._newest = 0
        self._waiting = {other: _Waiting(is_within=True) for other in sorted(others)}
        self._aligned = {connection: self._sequence.end}
        return verdict

    def receive(self, connection: int, item: Item, text: msgspec.Raw | str, now_ns: int) -> Verdict[Item]:
        """A connection brought a message.

        One that has not joined does so with it, and as nobody said when it asked, it may have overlapped with others.

        Args:
            connection: which one.
            item: what is given for the message, now, later or never.
            text: the message's JSON text.
            now_ns: when it came.
        """
        if self._kind is Kind.EXECUTIONS and self._repeats(connection, text):
            return Verdict()  # sent twice, it says nothing of the connection's place
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
        """A connection may have lost messages, for example with a frame that cannot be read, and goes on."""
        is_alone = len(self._aligned) + len(self._waiting) == 1
        if is_alone and self._aligned.get(connection) == self._sequence.end:
            return Verdict(gap=self._sequence.gap_at_end())
        is_known = connection in self._aligned or connection in self._waiting
        verdict = self.left(connection, now_ns)
        if is_known:
            self._waiting[connection] = _Waiting()
        return verdict

    def left(self, connection: int, now_ns: int) -> Verdict[Item]:
        """A connection ended, or the channel was unsubscribed on it."""
        verdict: Verdict[Item] = Verdict()
        self._aligned.pop(connection, None)
        waiting = self._waiting.pop(connection, None)
        if not self._aligned and not self._waiting:
            self._deserted_ns = now_ns
            self._give_ahead(None, verdict)
        if waiting is not None:
            # If it disagreed with the sequence, nobody will know which of the two was right.
            verdict.report(waiting.gap)
            self._report_lacking(waiting, len(waiting.texts), verdict)
        self._settle(verdict)
        return verdict

    def finish(self) -> Verdict[Item]:
        """No more will come over any connection: give all that is ahead, and report all that is not settled."""
        verdict: Verdict[Item] = Verdict()
        self._give_ahead(None, verdict)
        for waiting in self._waiting.values():
            self._report_lacking(waiting, len(waiting.texts), verdict)
            found = self._find(waiting) if waiting.texts else None
            if found is None or (found.start, found.stop) != (0, len(waiting.texts)):
                verdict.report(waiting.gap)
        return verdict

    def is_level(self, connection: int) -> bool:
        """Whether a connection has brought all that was given: what comes over it now is not older."""
        return self._aligned.get(connection) == self._sequence.end

    # --- aligned connections

    def _continue(self, connection: int, item: Item, text: Text, verdict: Verdict[Item]) -> None:
        """An aligned connection brings the next message of the sequence."""
        ids = text.ids() if self._has_ids else None
        if ids is not None and ids.highest < self._newest:
            # The ids fall back: the service numbers anew.
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
        """Give the messages ahead that belong before this one, or all of them.

        A gap before them is reported, since their connection may have joined after more of them were lost; but not
        where the sequence has only begun, perhaps after them.
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
        """An aligned connection brings another message than stands in its place, or one that is forgotten."""
        del self._aligned[connection]
        is_remembered = self._sequence.remembers(place)
        self._waiting[connection] = _Waiting(place, self._sequence.gap_before(place)) if is_remembered else _Waiting()

    def _repeats(self, connection: int, text: msgspec.Raw | str) -> bool:
        """Whether a connection brings once more the message that it brought last."""
        waiting = self._waiting.get(connection)
        if waiting is not None and waiting.texts:
            return waiting.texts[-1].equals(text)
        place = self._aligned.get(connection) if waiting is None else waiting.place
        if place is None or not self._sequence.remembers(place - 1):
            return False
        return self._sequence.at(place - 1).equals(text)

    # --- waiting connections

    def _wait(self, connection: int, item: Item, text: Text, verdict: Verdict[Item]) -> None:
        """A waiting connection brings a message."""
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
        """Align the waiting connections that can be; where none is aligned, let one go on if it must."""
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
                # The messages that agree with the sequence have most likely been given.
                self._align(connection, 0 if found is None else found.stop, self._sequence.end, verdict)

    def _align(self, connection: int, known: int, place: int, verdict: Verdict[Item]) -> None:
        """Let a waiting connection go on at a place, after as many of its messages as are known there."""
        waiting = self._waiting.pop(connection)
        for item, text in waiting.messages(known, None):
            # These go beyond the end, or else all would be known.
            self._give_ahead(text, verdict)
            self._give(item, text, verdict)
            place = self._sequence.end
        self._aligned[connection] = place

    def _must_go_on(self, waiting: _Waiting[Item], found: Alignment | None) -> bool:
        """Whether a connection that cannot be aligned must be followed all the same, as nobody is aligned."""
        if found is not None:
            # While it appears to repeat the sequence, waiting for certainty holds nothing back.
            return not (found.is_only and found.stop == len(waiting.texts))
        if waiting.place is not None:
            # It was behind, so it is still to bring what was given.
            return len(waiting.texts) > self._sequence.end - waiting.place
        return True

    def _find(self, waiting: _Waiting[Item]) -> Alignment | None:
        """The place of a connection in the sequence, counted from the first that is possible."""
        sequence = self._sequence.meanings(self._first_possible(waiting))
        may_begin_earlier = waiting.place is None and not self._holds_all_of(waiting)
        return align([text.meaning() for text in waiting.texts], sequence, may_begin_earlier)

    def _first_possible(self, waiting: _Waiting[Item]) -> int:
        """The number of the first message in the sequence that a waiting connection may be about to bring."""
        return max(self._sequence.first, waiting.place or 0)

    def _holds_all_of(self, waiting: _Waiting[Item]) -> bool:
        """Whether each message that a connection may have brought is either remembered, or lacking."""
        return waiting.is_within and self._sequence.is_whole

    # --- messages that the sequence lacks

    def _report_disagreement(self, waiting: _Waiting[Item], found: Alignment, verdict: Verdict[Item]) -> None:
        """Report the gap before the first message that a connection brought and the sequence lacks, if any.

        The messages that it brought before the agreement must stand in the sequence before it, in the same order: then
        it is the connection that has lost something. All others are late.
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
            # The messages before the beginning of the sequence, or of the part that is remembered.
            verdict.late += islice(waiting.items, found.stop - (found.sequence_stop - found.sequence_start))

    def _report_lacking(self, waiting: _Waiting[Item], count: int, verdict: Verdict[Item]) -> None:
        """Report the first messages of a connection that never agreed, where they have ids and the sequence lacks them.

        No gap is reported where they may be older than the part of the sequence that is remembered.
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
    """The end of all messages that were given, which are numbered from 0."""

    def __init__(self, window: int) -> None:
        self._texts: deque[Text] = deque(maxlen=window)
        # The number of all messages: the next one gets it.
        self.end = 0
        # When it began, or began again, with which number. None before.
        self.began_ns: int | None = None
        self._began_at = 0

    @property
    def first(self) -> int:
        """The number of the first message that is remembered."""
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
        """A message that is remembered."""
        return self._texts[number - self.end]

    def meanings(self, start: int) -> list[bytes]:
        """The meanings of the messages from a number on."""
        return [text.known_meaning or text.meaning() for text in islice(self._texts, start - self.first, None)]

    def number_after(self, lowest_id: int) -> int | None:
        """The number after the last message that has lower ids alone; None where none is remembered."""
        older = [n for n, text in enumerate(self._texts, 1) if (ids := text.ids()) and ids.highest < lowest_id]
        return self.first + older[-1] if older else None

    def gap_at_end(self) -> GapStart | None:
        return self.gap_before(self.end)

    def gap_before(self, number: int) -> GapStart | None:
        """A gap before the message with this number; its time is the earliest that is remembered."""
        if not self._texts or number <= self._began_at:
            return None if self.began_ns is None else GapStart(number, self.began_ns)
        return GapStart(number, self.at(max(number - 1, self.first)).at_ns)


class _Waiting(Generic[Item]):
    """A connection whose place is not known."""

    def __init__(self, place: int | None = None, gap: GapStart | None = None, *, is_within: bool = False) -> None:
        # Where it was aligned before: the number of the message that it disagreed with, and the gap that may show.
        self.place = place
        self.gap = gap
        # Whether it was asked for after the sequence had begun.
        self.is_within = is_within
        # Its messages since.
        self.items: deque[Item] = deque()
        self.texts: deque[Text] = deque()

    def messages(self, start: int, stop: int | None) -> Iterator[tuple[Item, Text]]:
        return islice(zip(self.items, self.texts, strict=True), start, stop)

    def forget_first(self) -> None:
        self.items.popleft()
        self.texts.popleft()
        self.place = self.gap = None
