"""The exchange's published messages against a client's items. Pure.

Executions are told apart by their content without the id, since faults may take the id away: two orders meet once at
a price.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from fulgurite import Board, BookState, Execution, Gap, GapCause, Message, OrderBook, Repaired
from fulgurite.errors import MessageError
from fulgurite.server.published import Delivered
from fulgurite.server.records import ConnectionReport
from tools.chaosfaults import Fault, is_silent

DEPTH = 100
"""Levels a side of a book that are compared: a snapshot has 300, and the market moves by less between two of them."""

SLACK_NS = 500_000_000
"""For so long after its end a fault may still hit a message: a busy machine ends it late."""

HELD_NS = 2_000_000_000
"""Messages are held back for about so long at most, by delays and narrow bandwidths together."""

REACH_NS = 5_000_000_000
"""Messages delivered within this time before a connection's end may not have arrived."""

OLD_NS = 3_000_000_000
"""A LIVE book is younger: two seconds are promised, and a client that stands still for one notices nothing."""

Key = tuple[str, str, float, float]


class Shot(NamedTuple):
    """A fault that was injected."""

    fault: Fault
    from_ns: int
    to_ns: int

    def may_hit(self, channel: str, from_ns: int, to_ns: int) -> bool:
        """Whether messages of a channel that were published between these times may have been hit."""
        if self.fault["fault"] == "freeze":
            # It hits whole connections, and these have subscribed all.
            return self.from_ns <= to_ns and self.to_ns + SLACK_NS >= from_ns
        product = self.fault.get("product")
        is_aimed = self.fault.get("channel") in (None, channel) and (product is None or channel.endswith(f"_{product}"))
        return is_aimed and self.from_ns <= to_ns and self.to_ns + SLACK_NS >= from_ns


class Published(msgspec.Struct, gc=False):
    """A message of the exchange's own record."""

    number: int
    published_ns: int
    channel: str
    message: msgspec.Raw


class Look(NamedTuple):
    """The answer of a book after all items given before."""

    is_live: bool
    digest: int
    at_ns: int


Given = Message | Gap | Look


class Verdict:
    """The findings: failures, and figures."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.wrong_seconds: list[float] = []
        """For how long books were LIVE and wrong after something that leaves no trace."""
        self.wrong_snapshots: list[int] = []
        """How many snapshots came meanwhile that were as published."""

    def add(self, other: Verdict) -> None:
        """Add up."""
        self.counts += other.counts
        self.notes += other.notes
        self.failures += other.failures
        self.wrong_seconds += other.wrong_seconds
        self.wrong_snapshots += other.wrong_snapshots

    def fail(self, text: str) -> None:
        """Note a failure."""
        self.failures.append(text)


class Deliveries:
    """The messages of one channel that the exchange sent, by its own report."""

    def __init__(self, channel: str, reports: Iterable[ConnectionReport]) -> None:
        self._rows: list[tuple[ConnectionReport, Delivered]] = [
            (report, report.channels[channel]) for report in reports if channel in report.channels
        ]

    def describe(self, number: int) -> str:
        """The fate of a message, to explain a failure."""
        return "; ".join(
            f"connection {report.number} ({report.dialect}), {report.opened_ns} to {report.closed_ns}: "
            f"{'altered' if number in row.altered else 'sent' if _is_within(number, row.delivered) else 'withheld'}"
            for report, row in self._rows
            if _is_within(number, row.subscribed)
        )

    def is_spoilt(self, number: int) -> bool:
        """Whether a connection was to get a message and was not sent it, or not as it was."""
        return any(
            _is_within(number, row.subscribed) and not _is_within(number, row.delivered) for _, row in self._rows
        ) or any(number in row.altered for _, row in self._rows)


def judge_gaps(given: Iterable[Given], verdict: Verdict) -> None:
    """Every gap has a reason that can be, and ends after it begins."""
    for item in given:
        if isinstance(item, Gap):
            verdict.counts["gaps"] += 1
            verdict.counts["gaps that an audit found"] += item.cause is GapCause.WITHHELD
            if not item.reason or item.from_ns > item.to_ns:
                verdict.fail(f"a gap that says nothing: {item}")
            if item.cause is GapCause.RENUMBERED:
                verdict.fail(f"a gap that says that the exchange numbers anew, which it does not: {item}")


def judge_executions(
    channel: str,
    given: Sequence[Given],
    published: Sequence[Published],
    reports: Iterable[ConnectionReport],
    shots: Sequence[Shot],
    verdict: Verdict,
    *,
    is_repairing: bool,
    is_ordered: bool,
) -> None:
    """None twice, none out of order, none lost without a gap that names it.

    Args:
        channel: a channel of executions.
        given: the client's items of it.
        published: the exchange's messages of it.
        reports: the exchange's deliveries, by connection.
        shots: the faults.
        verdict: where it is noted.
        is_repairing: whether gaps were to be repaired.
        is_ordered: whether recovered executions were to come in their place.
    """
    truth = {_key(row): (row.id, each) for each in published for row in _rows(each.message)}
    seen: Counter[Key] = Counter()
    newest, newest_origin = 0, ""
    gaps: list[Gap] = []
    deliveries = Deliveries(channel, reports)
    trail: list[str] = []  # the latest items, to explain a failure
    for item in given:
        if isinstance(item, Gap):
            gaps.append(item)
            trail.append(f"gap {_short(item)}")
        if not isinstance(item, Message):
            continue
        try:
            rows = item.data
        except MessageError:
            verdict.counts["executions: messages that could not be read"] += 1
            continue
        assert isinstance(rows, list)
        trail.append(f"{item.origin} at {item.received_ns}: {[row.id for row in rows if isinstance(row, Execution)]}")
        for row in rows:
            assert isinstance(row, Execution)
            key = _key(row)
            if key not in truth:
                verdict.fail(f"{channel}: {row} was never published")
                continue
            seen[key] += 1
            verdict.counts[f"executions given, {item.origin}"] += 1
            if seen[key] > 1:
                verdict.fail(f"{channel}: {row.id} ({truth[key][0]}) was given twice, {item.origin}")
            if row.id and is_ordered:
                is_recovered = item.origin == "backfilled" or not is_repairing
                if row.id < newest and item.origin == "backfilled" and _is_found(gaps, truth[key][1].published_ns):
                    verdict.counts["executions withheld without a trace on the wire, found by an audit"] += 1
                elif row.id < newest and is_recovered and any(_names(gap, row.id, 0) for gap in _interruptions(gaps)):
                    # Another connection showed late that it was missing, and the gap that says so stands before it.
                    verdict.counts["executions given after later ones, after the gap that names them"] += 1
                elif row.id < newest:
                    verdict.fail(
                        f"{channel}: {row.id}, {item.origin}, was given after {newest}, {newest_origin}; the last gap: "
                        f"{_short(gaps[-1]) if gaps else None}; {deliveries.describe(truth[key][1].number)}; "
                        f"{_on(shots, channel, truth[key][1])}; came lately: {trail[-30:]}"
                    )
                if row.id > newest:
                    newest, newest_origin = row.id, item.origin
    ids = [truth[key][0] for key in seen]
    for key, (number, message) in truth.items():
        if key in seen or not ids or not min(ids) < number < max(ids):
            continue
        naming = [gap for gap in gaps if _names(gap, number, message.published_ns)]
        if naming and not is_repairing:
            verdict.counts["executions missing, named by a gap, not to be repaired"] += 1
        elif any(gap.repaired is not Repaired.FULL for gap in naming):
            verdict.counts["executions missing, named by a gap that says it could not be repaired"] += 1
            verdict.notes.update(gap.note for gap in naming)
        elif naming:
            verdict.fail(
                f"{channel}: {number} is missing, and the gap says that all was repaired: {_short(naming[0])}; "
                f"{deliveries.describe(message.number)}; {_on(shots, channel, message)}"
            )
        else:
            near = min(gaps, key=lambda gap: abs(gap.to_ns - message.published_ns), default=None)
            verdict.fail(
                f"{channel}: {number}, published {message.published_ns}, is missing, and no gap names it; the nearest: "
                f"{near and _short(near)}; {deliveries.describe(message.number)}; {_on(shots, channel, message)}"
            )


def judge_book(
    product: str,
    given: Sequence[Given],
    published: Sequence[Published],
    reports: Sequence[ConnectionReport],
    shots: Sequence[Shot],
    verdict: Verdict,
    *,
    is_merged: bool,
) -> None:
    """Whenever the book was LIVE it was the exchange's, unless by something that leaves no trace since a snapshot.

    Args:
        product: whose book.
        given: messages and gaps of its two channels, and looks at the book, in order.
        published: the exchange's messages of both.
        reports: the exchange's deliveries, by connection.
        shots: the faults.
        verdict: where it is noted.
        is_merged: whether there were several connections. Then a snapshot is given, but not taken by the book, where
            it cannot be known whether its connection lags.
    """
    digests = []
    book = OrderBook()
    places: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for index, each in enumerate(published):
        board = msgspec.json.decode(each.message, type=Board)
        (book.apply_snapshot if "_snapshot_" in each.channel else book.apply_diff)(board)
        digests.append(digest(book) if book.state is BookState.LIVE else None)
        places[each.channel, bytes(each.message)].append(index)
    deliveries = {channel: Deliveries(channel, reports) for channel in {each.channel for each in published}}
    gaps = [item for item in given if isinstance(item, Gap)]

    def is_lost(each: Published) -> bool:
        is_in_gap = any(gap.channel == each.channel and gap.from_ns <= each.published_ns <= gap.to_ns for gap in gaps)
        return is_in_gap or deliveries[each.channel].is_spoilt(each.number)

    at, snapshot_at, snapshot_ns = -1, -1, 0
    before = at, snapshot_at, snapshot_ns  # the first message since the last look
    candidates: list[int] = []
    without_snapshots: list[int] = []  # where the book is if it has not taken one or more of the latest snapshots
    wrong_since: int | None = None
    snapshots = 0
    trail: list[str] = []  # the latest items, to explain a failure
    for item in given:
        if isinstance(item, Gap):
            trail.append(f"gap in {item.channel}: {item.reason}")
        if isinstance(item, Message):
            found = places.get((item.channel, item.raw), [])
            candidates = [
                index for index in found[bisect_right(found, at) :] if published[index].published_ns <= item.received_ns
            ]
            kind = "snapshot" if "_snapshot_" in item.channel else "diff"
            trail = trail[-100:]
            trail.append(
                f"{kind} {published[candidates[0]].number if candidates else [published[i].number for i in found]}"
            )
            if candidates:
                if kind == "snapshot":
                    without_snapshots.append(at)
                    snapshot_at, snapshot_ns = candidates[0], item.received_ns
                    snapshots += wrong_since is not None
                else:
                    without_snapshots.clear()
                at = candidates[0]
        elif isinstance(item, Look):
            trail.append("LIVE" if item.is_live else "not LIVE")
            is_right = not item.is_live
            latest = at  # of the known messages that have come; an altered one is unknown, and may lie before
            if item.is_live and candidates:
                verdict.counts["books looked at while LIVE"] += 1
                right = [index for index in candidates if digests[index] == item.digest]
                if not right and is_merged and snapshot_at != before[1]:
                    _, snapshot_at, snapshot_ns = before
                    right = [index for index in without_snapshots if index >= 0 and digests[index] == item.digest]
                    at = without_snapshots[0] if without_snapshots else at
                if not right and is_merged:
                    right = [index for index in candidates if item.digest in _without_latest(published, index)]
                if not right and not is_merged and snapshot_at >= 0:
                    # A snapshot that came spoilt, or while its channel was silent and subscribed again, was lost, and
                    # a gap says so; the book goes on by the diffs.
                    missed = [i for i in range(snapshot_at + 1, candidates[-1]) if "_snapshot_" in published[i].channel]
                    if all(is_lost(published[i]) for i in missed):
                        right = [i for i in candidates if _without(published, snapshot_at, i, missed) == item.digest]
                is_right = bool(right)
                if right:
                    at = right[0]
            elif item.is_live:
                continue  # after a message that was altered nobody knows where it stands
            before = at, snapshot_at, snapshot_ns
            without_snapshots.clear()
            if is_right:
                if wrong_since is not None:
                    verdict.wrong_seconds.append((item.at_ns - wrong_since) / 1e9)
                    verdict.wrong_snapshots.append(snapshots)
                wrong_since = None
                continue
            verdict.counts["books LIVE and wrong"] += 1
            if wrong_since is None:
                wrong_since, snapshots = item.at_ns, 0
            spoilt = [
                each
                for each in published[snapshot_at + 1 : latest + 1]
                if deliveries[each.channel].is_spoilt(each.number) and _is_hit(shots, each.channel, each)
            ]
            anomalies = [
                shot
                for shot in shots
                if shot.fault["fault"] in ("snapshot-anomaly", "stale-snapshot", "delay")
                and is_silent(shot.fault)
                and any(
                    shot.may_hit(channel, snapshot_ns, item.at_ns) for channel in deliveries if "_snapshot_" in channel
                )
            ]
            if not spoilt and not anomalies:
                verdict.fail(
                    f"{product}: the book is LIVE and wrong at {item.at_ns}, message {published[at].number} of "
                    f"{published[at].channel}, last snapshot {published[snapshot_at].number}; "
                    f"{_on(shots, published[at].channel, published[at])}; came: {trail}; due: "
                    f"{[each.number for each in published[snapshot_at : at + 1]]}"
                )


def judge_age(
    product: str, looks: Sequence[Look], published: Sequence[Published], verdict: Verdict, *, is_merged: bool
) -> None:
    """Whenever the book was LIVE it equalled the exchange's of shortly before.

    Args:
        product: whose book.
        looks: LIVE answers of the book, by the clock.
        published: the exchange's messages of both channels.
        verdict: where it is noted.
        is_merged: see `judge_book`.
    """
    digests = []
    book = OrderBook()
    for each in published:
        board = msgspec.json.decode(each.message, type=Board)
        (book.apply_snapshot if "_snapshot_" in each.channel else book.apply_diff)(board)
        digests.append(digest(book) if book.state is BookState.LIVE else None)
    times = [each.published_ns for each in published]
    for look in looks:
        verdict.counts["books looked at by the clock while LIVE"] += 1
        # The latest before that time counts, too, and so do those that came during the look.
        window = range(max(0, bisect_right(times, look.at_ns - OLD_NS) - 1), bisect_right(times, look.at_ns + SLACK_NS))
        if any(digests[index] == look.digest for index in window):
            continue
        if is_merged and any(look.digest in _without_latest(published, index) for index in window):
            continue
        older = [index for index in range(window.start) if digests[index] == look.digest]
        verdict.fail(
            f"{product}: the book is LIVE at {look.at_ns} and "
            + (f"{(look.at_ns - times[older[-1] + 1]) / 1e9:.1f} s old" if older else "was never right")
        )


def _without_latest(published: Sequence[Published], at: int) -> Iterator[int | None]:
    """The book after this message if it has not taken the latest snapshot, or the latest two."""
    snapshots = [index for index in range(at, -1, -1) if "_snapshot_" in published[index].channel][:4]
    for skipped in (1, 2):
        if len(snapshots) > skipped:
            yield _without(published, snapshots[-1], at, snapshots[:skipped])


def _without(published: Sequence[Published], start: int, at: int, skipped: Sequence[int]) -> int | None:
    """The book that began with one message after another, if it has not taken these; None if it is not LIVE.

    The exchange leaves out a deletion now and then, as the service does, so that this may matter until the next one.
    """
    book = OrderBook()
    for index in range(start, at + 1):
        board = msgspec.json.decode(published[index].message, type=Board)
        if "_snapshot_" not in published[index].channel:
            book.apply_diff(board)
        elif index not in skipped:
            book.apply_snapshot(board)
    return digest(book) if book.state is BookState.LIVE else None


def digest(book: OrderBook) -> int:
    """The best levels of a LIVE book as a number."""
    return hash((tuple(book.bids(DEPTH)), tuple(book.asks(DEPTH))))


def _key(row: Execution) -> Key:
    return row.buy_child_order_acceptance_id, row.sell_child_order_acceptance_id, row.price, row.size


def _rows(message: msgspec.Raw) -> list[Execution]:
    return msgspec.json.decode(message, type=list[Execution])


def _names(gap: Gap, number: int, published_ns: int) -> bool:
    """Whether an execution is within a gap: by the ids around it, or where those are not known, by its time."""
    last, first = _ids(gap.last), _ids(gap.first)
    if gap.from_ns <= published_ns <= gap.to_ns:
        return True
    is_after = max(last) < number if last else gap.from_ns - SLACK_NS <= published_ns
    is_before = number < min(first) if first else published_ns <= gap.to_ns
    return is_after and is_before


def _is_found(gaps: Sequence[Gap], published_ns: int) -> bool:
    """Whether the last gap is of an audit, and of the time at which an execution was published."""
    return bool(gaps) and gaps[-1].cause is GapCause.WITHHELD and gaps[-1].from_ns <= published_ns <= gaps[-1].to_ns


def _interruptions(gaps: Iterable[Gap]) -> Iterable[Gap]:
    return (gap for gap in gaps if gap.cause is not GapCause.WITHHELD)


def _ids(message: Message | None) -> list[int]:
    try:
        rows = [] if message is None else message.data
    except MessageError:
        rows = []
    return [row.id for row in rows if isinstance(row, Execution) and row.id] if isinstance(rows, list) else []


def _is_hit(shots: Iterable[Shot], channel: str, message: Published) -> bool:
    at_ns = message.published_ns
    return any(
        is_silent(shot.fault)
        # A freeze also takes messages that another fault has held back.
        and shot.may_hit(channel, at_ns, at_ns + (HELD_NS if shot.fault["fault"] == "freeze" else 0))
        for shot in shots
    )


def _on(shots: Iterable[Shot], channel: str, message: Published) -> str:
    """The faults that were on when a message was published, to explain a failure."""
    at_ns = message.published_ns
    return f"on at {at_ns}: {[shot.fault for shot in shots if shot.may_hit(channel, at_ns, at_ns)]}"


def _is_within(number: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= number <= last for first, last in ranges)


def _short(gap: Gap) -> str:
    ids = max(_ids(gap.last), default=None), min(_ids(gap.first), default=None)
    return f"{gap.from_ns} to {gap.to_ns}, ids {ids}, {gap.repaired} {gap.recovered} {gap.note!r}, {gap.reason}"
