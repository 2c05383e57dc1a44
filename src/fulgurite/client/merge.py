"""One channel's messages from several connections as one sequence: each once, in order, as soon as the first has it.

Each connection gets the same messages of a channel in the same order (protocol reference, section 1.3), later or
earlier than another. Boards carry no number and no time (section 0), so what a connection brings is found in the merged
sequence by content: compared as JSON text, and where the texts differ (a dialect may write ``1`` for ``1.0``) by the
values that they mean.

A connection is *aligned* when its place in the sequence is known. What it brings at the end of the sequence is new and
given out at once; what it brings before the end must be the message that stands there, and is dropped. A connection
whose place is not known *waits*: it is compared with the sequence until what it brought agrees with it at one place
only, over `proof` different messages: one of a kind that carries ids, `BOARD_PROOF` of a board. Meanwhile the aligned
ones go on.

What is guaranteed, as long as no two stretches of the sequence within the window agree over that proof:

* A new message is never held back while a connection that is aligned brings it.
* While one connection is aligned and loses nothing, the joining and leaving of others, and what is told of them with
  `lost`, change nothing. When the last aligned one leaves, another whose place is known by then, or by what it brings
  next, goes on without a gap.
* Between two reported gaps everything comes once and in order, and nothing is missing that is not in one of them.
* A message that one connection brought and the sequence lacks, because another one that was ahead had lost it
  unnoticed, cannot be put in any more. It is reported as a gap once its connection is aligned again, or is given up.
* Executions and tickers carry ids that ascend (sections 3.3, 3.4), until the service begins to number anew. What only
  waiting connections have brought, newer than all that was given out, is *ahead*: as soon as an aligned one goes past
  it, or nobody is left who might, it is given out in its place, and a gap is reported before it, since more may be
  missing. None of it is ever dropped.

What content alone cannot tell:

* What every connection lost unnoticed.
* Where a connection is while a board repeats itself (an idle market's snapshots, a book that toggles between two
  states). It waits for as long as that lasts. If the last aligned one leaves meanwhile, a gap is reported.
* Whether a connection that takes over with a gap, because nothing that it brings is known, was ahead or behind: what
  it then brings may have been given out before the gap, or belong there. It takes two failures within its lag (the
  last aligned connection lost something, and then left), or a board that repeats itself.
* Whether what a connection brings before its place has ever been known belongs to the sequence, if it was asked for
  before the sequence began. If the aligned one loses that unnoticed, as where both have just joined and one of them is
  mute, nothing is reported of a board; what carries ids is in `Verdict.late`.
* Whether a stretch that repeats itself for the first time is the old or the new one.

Pure.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

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
two states never shows that many."""


class GapStart(NamedTuple):
    """Where a gap begins."""

    after: int
    """So many of all messages that have been given out come before it. Times do not tell: many messages come at one."""
    since_ns: int
    """When the last of them came; where there is none, when the sequence began."""


class Verdict(msgspec.Struct, Generic[Item], frozen=True, gc=False):
    """What follows from one call."""

    items: tuple[Item, ...] = ()
    """What is to be given out now, in order."""
    gap: GapStart | None = None
    """Where messages may be missing: between its beginning and `items`. Where it was found late, some messages after it
    have been given out by now. None where none may be."""
    late: tuple[Item, ...] = ()
    """What a connection brought that belongs before what has been given out: into the gap, or, where there is none,
    before the sequence began, so that it may have been given out then."""


_NOTHING: Final[Verdict[Any]] = Verdict()


class ChannelMerge(Generic[Item]):
    """One channel's messages from several connections, in order, once each; see the module's docstring.

    Times are nanoseconds since 1970-01-01 UTC.

    Args:
        kind: the channel's kind. It says how many messages must agree before a connection's place is believed.
        window: how many messages are remembered, at least `BOARD_PROOF`; of each waiting connection as many again.
            By default `WINDOW`, or `SNAPSHOT_WINDOW`. A connection that lags further behind loses its place, and of a
            waiting one the oldest are forgotten; if it had been aligned before, a gap is reported then, because it
            may have brought what the sequence lacks.

    Raises:
        InputError: the window is too small.
    """

    def __init__(self, kind: Kind, window: int | None = None) -> None:
        if window is None:
            window = SNAPSHOT_WINDOW if kind is Kind.BOARD_SNAPSHOT else WINDOW
        if window < BOARD_PROOF:
            raise InputError("window", window, f"a number from {BOARD_PROOF}")
        self._proof = BOARD_PROOF if kind is Kind.BOARD else 1
        # Executions have ids: one that comes twice in a row was sent twice, and says nothing of its connection's place.
        self._comes_once = kind is Kind.EXECUTIONS
        self._has_ids = kind in (Kind.EXECUTIONS, Kind.TICKER)
        self._window = window
        # The end of the sequence, and the number of all messages in it.
        self._sequence: deque[Text] = deque(maxlen=window)
        self._end = 0
        # When the sequence began, or began again, with which number; and when the last of all connections left. None
        # before.
        self._began_ns: int | None = None
        self._began_at = 0
        # The highest id of all that was given out, since the service began to number anew if it did.
        self._newest = 0
        self._deserted_ns: int | None = None
        # The aligned connections, each with the number of the message that it brings next; and the waiting ones.
        self._aligned: dict[int, int] = {}
        self._waiting: dict[int, _Waiting[Item]] = {}
        # What is newer than the sequence, by its lowest and highest id; its connection may have left since.
        self._ahead: dict[Ids, tuple[Item, Text]] = {}

    def joined(self, connection: int, asked_ns: int, now_ns: int) -> Verdict[Item]:
        """A connection's subscription was acknowledged: its messages follow from here, whatever came before.

        Where there is no other connection it is aligned from the start, and a gap is reported if there was one before.

        Args:
            connection: any number that is not in use.
            asked_ns: when the subscription was asked for. A connection that asked before the last one left may still
                bring what that one brought; then it is its first message that tells whether there is a gap.
            now_ns: when it was acknowledged.
        """
        if connection in self._aligned or connection in self._waiting:
            return _NOTHING
        is_overlapping = self._deserted_ns is not None and asked_ns < self._deserted_ns
        if self._aligned or self._waiting or is_overlapping:
            # Asked for after the sequence had begun, it brings nothing that is older.
            is_within = self._began_ns is not None and asked_ns >= self._began_ns
            self._waiting[connection] = _Waiting(is_within=is_within)
            return _NOTHING
        gap = self._gap_at_end()
        self._sequence.clear()
        self._began_ns = now_ns
        self._began_at = self._end
        self._aligned[connection] = self._end
        return Verdict((), gap)

    def begin_again(self, connection: int, now_ns: int) -> Verdict[Item]:
        """The service began anew: what this connection brings next, and others after it, stands in no sequence yet."""
        items: list[Item] = []
        gap = self._catch_up(None, items)
        others = (self._aligned.keys() | self._waiting.keys()) - {connection}
        self._sequence.clear()
        self._newest, self._began_ns, self._began_at = 0, now_ns, self._end
        self._waiting = {other: _Waiting(is_within=True) for other in sorted(others)}
        self._aligned = {connection: self._end}
        return Verdict(tuple(items), gap)

    def receive(self, connection: int, item: Item, text: msgspec.Raw | str, now_ns: int) -> Verdict[Item]:
        """A connection brought a message.

        One that has not joined does so with it, and as nobody said when it asked, it may have overlapped with others.

        Args:
            connection: which one.
            item: what is given out for the message, now, later or never.
            text: the message's JSON text.
            now_ns: when it came.
        """
        gap = None
        if self._comes_once and self._repeats(connection, text):
            return _NOTHING
        position = self._aligned.get(connection)
        if position is None and connection not in self._waiting:
            gap = self.joined(connection, 0, now_ns).gap
            position = self._aligned.get(connection)
        if position is not None:
            behind = self._end - position
            if behind == 0:
                items: list[Item] = []
                entry = Text(text, now_ns)
                if self._falls_back(entry):
                    gap = _earlier(gap, self._catch_up(None, items))
                    self._newest = 0
                gap = _earlier(gap, self._catch_up(entry, items))
                self._append(item, entry, items)
                self._aligned[connection] = self._end
                return self._settle(items, gap, []) if self._waiting else Verdict(tuple(items), gap)
            if behind <= len(self._sequence):
                if self._sequence[-behind].equals(text):
                    self._aligned[connection] = position + 1
                    return _NOTHING
                waiting: _Waiting[Item] = _Waiting(position, self._gap_before(position))
            else:
                waiting = _Waiting()
            del self._aligned[connection]
            self._waiting[connection] = waiting
        return self._wait(connection, item, Text(text, now_ns))

    def lost(self, connection: int, now_ns: int) -> Verdict[Item]:
        """A connection may have lost messages, for example with a frame that cannot be read, and goes on."""
        if self._aligned.get(connection) == self._end and len(self._aligned) + len(self._waiting) == 1:
            return Verdict((), self._gap_at_end())
        is_known = connection in self._aligned or connection in self._waiting
        verdict = self.left(connection, now_ns)
        if is_known:
            self._waiting[connection] = _Waiting()
        return verdict

    def left(self, connection: int, now_ns: int) -> Verdict[Item]:
        """A connection ended, or the channel was unsubscribed on it."""
        self._aligned.pop(connection, None)
        waiting = self._waiting.pop(connection, None)
        # If it disagreed with the sequence, who was right will not be known.
        gap = None if waiting is None else waiting.gap
        items: list[Item] = []
        late: list[Item] = []
        if not self._aligned and not self._waiting:
            self._deserted_ns = now_ns
            gap = _earlier(gap, self._catch_up(None, items))
        if waiting is not None:
            gap = _earlier(gap, self._abandon(waiting, len(waiting.texts), late))
        return self._settle(items, gap, late)

    def finish(self) -> Verdict[Item]:
        """No more will come over any connection: give out what is ahead, and report what has not been settled."""
        items: list[Item] = []
        late: list[Item] = []
        gap = self._catch_up(None, items)
        for waiting in self._waiting.values():
            gap = _earlier(gap, self._abandon(waiting, len(waiting.texts), late))
            fit = self._fit(waiting) if waiting.texts else None
            if fit is None or (fit.waiting_from, fit.waiting_to) != (0, len(waiting.texts)):
                gap = _earlier(gap, waiting.gap)
        return Verdict(tuple(items), gap, tuple(late))

    def is_level(self, connection: int) -> bool:
        """Whether a connection has brought all that was given out: what comes over it now is not older."""
        return self._aligned.get(connection) == self._end

    def _repeats(self, connection: int, text: msgspec.Raw | str) -> bool:
        """Whether a connection brings once more what it brought last."""
        waiting = self._waiting.get(connection)
        if waiting is not None and waiting.texts:
            return waiting.texts[-1].equals(text)
        place = self._aligned.get(connection) if waiting is None else waiting.agreed_to
        behind = self._end if place is None else self._end - place
        return behind < len(self._sequence) and self._sequence[-behind - 1].equals(text)

    # --- waiting connections

    def _wait(self, connection: int, item: Item, text: Text) -> Verdict[Item]:
        waiting = self._waiting[connection]
        items: list[Item] = []
        late: list[Item] = []
        gap = None
        if self._has_ids:
            ids = text.ids()
            if ids is not None and ids.lowest > self._newest:
                self._ahead.setdefault(ids, (item, text))
            if len(self._ahead) == self._window:
                gap = self._catch_up(None, items)
        if len(waiting.texts) == self._window:
            gap = _earlier(gap, self._abandon(waiting, 1, late))
            waiting.items.popleft()
            waiting.texts.popleft()
            gap = _earlier(gap, waiting.gap)
            waiting.agreed_to = waiting.gap = None
        waiting.items.append(item)
        waiting.texts.append(text)
        return self._settle(items, gap, late)

    def _settle(self, items: list[Item], gap: GapStart | None, late: list[Item]) -> Verdict[Item]:
        """Align the waiting connections that can be; where none is aligned, let one go on if it must."""
        for connection, waiting in list(self._waiting.items()):
            if not waiting.texts:
                continue
            fit = self._fit(waiting)
            if fit is not None and fit.is_only and fit.different >= self._proof:
                gap = _earlier(gap, self._lacking(waiting, fit, late))
                place = self._number_of_first(waiting) + fit.given_to
                gap = _earlier(gap, self._align(connection, fit.waiting_to, place, items))
            elif not self._aligned and self._must_go_on(waiting, fit):
                gap = _earlier(gap, _earlier(waiting.gap, self._gap_at_end()))
                # What agrees with the sequence has most likely been given out.
                gap = _earlier(gap, self._align(connection, 0 if fit is None else fit.waiting_to, self._end, items))
        if not items and gap is None and not late:
            return _NOTHING
        return Verdict(tuple(items), gap, tuple(late))

    def _align(self, connection: int, known: int, place: int, items: list[Item]) -> GapStart | None:
        """Let a waiting connection go on at a place, after as many of its messages as are known there."""
        waiting = self._waiting.pop(connection)
        gap = None
        for item, text in islice(zip(waiting.items, waiting.texts, strict=True), known, None):
            # These go beyond the end, else all would be known.
            gap = _earlier(gap, self._catch_up(text, items))
            self._append(item, text, items)
            place = self._end
        self._aligned[connection] = place
        return gap

    def _catch_up(self, following: Text | None, items: list[Item]) -> GapStart | None:
        """Give out what is ahead and belongs before this message that follows, or all of it.

        Returns:
            The gap before them: who brought them may have joined after more of them were lost. None where there are
            none, or the sequence has only begun, perhaps after them.
        """
        if not self._ahead:
            return None
        before = None if following is None else following.ids()
        if following is not None and before is None:
            return None
        gap = None
        for ids in sorted(self._ahead):
            if before is None or ids.highest < before.lowest:
                item, text = self._ahead.pop(ids)
                if gap is None and self._sequence:
                    gap = self._gap_at_end()
                self._append(item, text, items)
            elif ids.highest <= before.highest:
                del self._ahead[ids]
        return gap

    def _append(self, item: Item, text: Text, items: list[Item]) -> None:
        items.append(item)
        self._sequence.append(text)
        self._end += 1
        ids = text.ids() if self._has_ids else None
        if ids is not None and ids.highest > self._newest:
            self._newest = ids.highest

    def _falls_back(self, text: Text) -> bool:
        """Whether the ids of a message that follows at the end lie behind what was given out."""
        ids = text.ids() if self._has_ids else None
        return ids is not None and ids.highest < self._newest

    def _must_go_on(self, waiting: _Waiting[Item], fit: _Fit | None) -> bool:
        """Whether a connection that cannot be aligned must be followed all the same, as nobody is aligned."""
        if fit is not None:
            # As long as it appears to repeat what was given out, nothing is held back by waiting for certainty.
            return not (fit.is_only and fit.waiting_to == len(waiting.texts))
        if waiting.agreed_to is not None:
            # It was behind, so it is still to bring what was given out.
            return len(waiting.texts) > self._end - waiting.agreed_to
        return True

    def _fit(self, waiting: _Waiting[Item]) -> _Fit | None:
        may_begin_earlier = waiting.agreed_to is None and not self._holds_all_of(waiting)
        first = self._number_of_first(waiting) - self._end + len(self._sequence)
        given = [text.known_meaning or text.meaning() for text in islice(self._sequence, first, None)]
        return _find_fit([text.known_meaning or text.meaning() for text in waiting.texts], given, may_begin_earlier)

    def _number_of_first(self, waiting: _Waiting[Item]) -> int:
        """The number of the first message in the sequence that a waiting connection may be about to bring."""
        return max(self._end - len(self._sequence), waiting.agreed_to or 0)

    def _lacking(self, waiting: _Waiting[Item], fit: _Fit, late: list[Item]) -> GapStart | None:
        """The gap that begins before the first message that the connection brought and the sequence lacks, if any.

        What the connection brought before the agreement must stand in the sequence before it, in the same order: then
        it is the connection that has lost something. All that does not is added to `late`.
        """
        gap = None
        first = number = self._number_of_first(waiting)
        stop = number + fit.given_from
        for item, text in islice(zip(waiting.items, waiting.texts, strict=True), fit.waiting_from):
            passed = number
            while passed < stop and self._sequence[passed - self._end].meaning() != text.meaning():
                passed += 1
            if passed < stop:
                number = passed + 1
                continue
            late.append(item)
            before = self._gap_before(number)
            gap = _earlier(gap, before if number > first else _earlier(waiting.gap, before))
        if self._has_ids and fit.waiting_from == 0:
            # What it brought before the beginning of the sequence, or of what is remembered of it.
            late += islice(waiting.items, fit.waiting_to - (fit.given_to - fit.given_from))
        return gap

    def _abandon(self, waiting: _Waiting[Item], count: int, late: list[Item]) -> GapStart | None:
        """Add to `late` what has ids and the sequence lacks, of as many messages of a connection that never agreed.

        Returns:
            The gap before them; None where there are none, or they may be older than what is remembered.
        """
        if not self._has_ids:
            return None
        gap = None
        given = {text.meaning() for text in self._sequence}
        for item, text in islice(zip(waiting.items, waiting.texts, strict=True), count):
            ids = text.ids()
            if ids is None or ids in self._ahead or text.meaning() in given:
                continue
            late.append(item)
            older = [n for n, each in enumerate(self._sequence, 1) if (of := each.ids()) and of.highest < ids.lowest]
            if older or self._holds_all_of(waiting):
                first = self._end - len(self._sequence)
                gap = _earlier(gap, self._gap_before(first + max(older, default=0)))
        return gap

    def _holds_all_of(self, waiting: _Waiting[Item]) -> bool:
        """Whether all that a connection may have brought is either remembered, or lacking."""
        return waiting.is_within and self._began_at == self._end - len(self._sequence)

    # --- gaps

    def _gap_at_end(self) -> GapStart | None:
        return self._gap_before(self._end)

    def _gap_before(self, number: int) -> GapStart | None:
        """One that begins before the message with this number. Of the time, the earliest that is remembered."""
        if not self._sequence or number <= self._began_at:
            return None if self._began_ns is None else GapStart(number, self._began_ns)
        return GapStart(number, self._sequence[max(number - 1 - self._end, -len(self._sequence))].at_ns)


class _Waiting(Generic[Item]):
    """A connection whose place is not known."""

    __slots__ = ("agreed_to", "gap", "is_within", "items", "texts")

    def __init__(self, agreed_to: int | None = None, gap: GapStart | None = None, *, is_within: bool = False) -> None:
        # Where it was aligned before: the number of the message that it disagreed with, and the gap that it may show.
        self.agreed_to = agreed_to
        self.gap = gap
        # Whether it was asked for after the sequence had begun.
        self.is_within = is_within
        # What it brought since.
        self.items: deque[Item] = deque()
        self.texts: deque[Text] = deque()


class _Fit(NamedTuple):
    """Where the messages that wait agree with those given out: from there on to where either of them ends."""

    waiting_from: int
    waiting_to: int
    given_from: int
    given_to: int
    different: int
    """How many different messages agree."""
    is_only: bool
    """Whether this is the only place where so much of what waits agrees."""


def _find_fit(waiting: list[bytes], given: list[bytes], may_begin_earlier: bool) -> _Fit | None:
    """Find the place where the most of what waits agrees with what was given out, without exception up to the end.

    One message must agree at least, so a place beyond what was given out is never found. Of several such places the
    latest comes back, the one that leaves the fewest messages beyond the end.

    Args:
        waiting: the meanings of the messages that wait; at least one.
        given: those of the messages given out.
        may_begin_earlier: whether what waits may begin before all of `given`.
    """
    last = len(waiting) - 1
    # What waits ends within what was given out, or goes beyond its end: from least to most.
    ends = [(last, j) for j in range(len(given) - 1, -1, -1) if given[j] == waiting[last]]
    ends += [(i, len(given) - 1) for i in range(last - 1, -1, -1) if given and waiting[i] == given[-1]]
    best: list[_Fit] = []
    for i, j in ends:
        length = 1
        while length <= i and length <= j and waiting[i - length] == given[j - length]:
            length += 1
        is_whole = may_begin_earlier and length > j
        fit = _Fit(0 if is_whole else i + 1 - length, i + 1, j + 1 - length, j + 1, 0, True)
        if not best or fit.waiting_from < best[0].waiting_from:
            best = [fit]
        elif fit.waiting_from == best[0].waiting_from:
            best.append(fit)
        if fit.waiting_from == 0 and len(best) == 2:
            break
    if not best:
        return None
    found = best[0]
    agreeing = waiting[found.waiting_to - (found.given_to - found.given_from) : found.waiting_to]
    return found._replace(different=len(set(agreeing)), is_only=len(best) == 1)


def _earlier(one: GapStart | None, other: GapStart | None) -> GapStart | None:
    return one if other is None else other if one is None else min(one, other)
