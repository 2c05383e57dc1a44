"""One sequence from several connections: nothing twice, nothing out of order, and no gap that is not reported.

This module is long because its examples and its properties share one simulated service.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from fulgurite.client.merge import BOARD_PROOF, ChannelMerge, GapStart, Verdict
from fulgurite.errors import InputError
from fulgurite.protocol.channels import Kind

NOTHING: Verdict[str] = Verdict()
A, B, C = 0, 1, 2


class Merge:
    """A merge of messages that are given as words, one nanosecond after another."""

    def __init__(self, kind: Kind = Kind.TICKER, window: int | None = None) -> None:
        self.merge: ChannelMerge[str] = ChannelMerge(kind, window)
        self.now = 0

    def join(self, connection: int) -> int | None:
        self.now += 1
        verdict = self.merge.joined(connection, self.now, self.now)
        assert verdict.items == []
        return _since(verdict)

    def bring(self, connection: int, words: str) -> tuple[str, int | None]:
        """The items for these messages, and the earliest beginning of a gap reported with them."""
        items: list[str] = []
        gaps = []
        for word in words.split():
            self.now += 1
            verdict = self.merge.receive(connection, word, Raw(f'"{word}"'.encode()), self.now)
            items.extend(verdict.items)
            if verdict.gap is not None:
                gaps.append(verdict.gap.since_ns)
        return " ".join(items), min(gaps, default=None)

    def leave(self, connection: int) -> tuple[str, int | None]:
        verdict = self.merge.left(connection, self.now)
        return " ".join(verdict.items), _since(verdict)

    def trade(self, connection: int, *ids: int) -> Traded:
        """The verdict on one message of executions with these ids."""
        self.now += 1
        rows = ",".join(f'{{"id":{number}}}' for number in ids)
        verdict = self.merge.receive(connection, " ".join(map(str, ids)), Raw(f"[{rows}]".encode()), self.now)
        return traded(verdict)


class Traded(NamedTuple):
    """A verdict, with the first id of each message instead of the message."""

    items: tuple[int, ...] = ()
    gap_since_ns: int | None = None
    late: tuple[int, ...] = ()


def traded(verdict: Verdict[str]) -> Traded:
    items, late = (tuple(int(item.split()[0]) for item in each) for each in (verdict.items, verdict.late))
    return Traded(items, _since(verdict), late)


def _since(verdict: Verdict[Any]) -> int | None:
    return None if verdict.gap is None else verdict.gap.since_ns


def trading(*connections: int, window: int | None = None) -> Merge:
    return merge_of(*connections, kind=Kind.EXECUTIONS, window=window)


def merge_of(*connections: int, kind: Kind = Kind.TICKER, window: int | None = None) -> Merge:
    made = Merge(kind, window)
    for connection in connections:
        assert made.join(connection) is None
    return made


# --- one connection


def test_single_connection_passes_everything_untouched():
    assert merge_of(A).bring(A, "p p q q p") == ("p p q q p", None)


def test_message_of_a_connection_that_has_not_joined_joins_it():
    assert Merge().bring(A, "p q") == ("p q", None)


def test_gap_after_an_interruption_begins_with_the_last_message():
    merge = merge_of(A)
    merge.bring(A, "p q")  # at 2 and 3
    assert merge.leave(A) == ("", None)
    assert merge.join(A) == 3
    assert merge.bring(A, "q") == ("q", None)


def test_gap_after_an_interruption_without_messages_begins_with_the_acknowledgement():
    merge = merge_of(A)
    merge.leave(A)
    assert merge.bring(A, "p") == ("p", 1)


def test_lost_frame_of_the_only_connection_is_a_gap_and_nothing_is_held_back():
    merge = merge_of(A, kind=Kind.BOARD)
    merge.bring(A, "p q")
    assert merge.merge.lost(A, 9) == Verdict([], GapStart(2, 3))
    assert merge.bring(A, "q r") == ("q r", None)


def test_loss_of_a_connection_that_has_not_joined_is_none():
    merge = merge_of(A)
    assert merge.merge.lost(B, 9) == NOTHING
    merge.leave(A)
    assert merge.join(A) == 1


# --- two connections


def test_connection_acknowledged_after_the_other_ended_goes_on_without_a_gap_if_it_was_asked_for_before():
    merge = merge_of(A)
    merge.bring(A, "p q r")
    asked_ns = merge.now - 1
    merge.leave(A)
    assert merge.merge.joined(B, asked_ns, merge.now + 1) == NOTHING
    assert merge.bring(B, "q r s") == ("s", None)


def test_each_message_is_given_out_as_soon_as_the_first_connection_has_it():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p")
    assert merge.bring(B, "q") == ("q", None)
    assert merge.bring(A, "q r") == ("r", None)
    assert merge.bring(B, "r s t") == ("s t", None)
    assert merge.bring(A, "s t") == ("", None)


def test_newcomer_that_is_ahead_gives_out_what_it_brought_beyond_the_end():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    assert merge.bring(B, "q r s") == ("", None)
    assert merge.bring(A, "q") == ("q r s", None)
    assert merge.bring(A, "r s t") == ("t", None)


def test_ending_of_the_connection_ahead_leaves_no_gap():
    merge = merge_of(A, B)
    merge.bring(A, "p q r s")
    merge.bring(B, "p q")
    assert merge.leave(A) == ("", None)
    assert merge.bring(B, "r s t") == ("t", None)


def test_newcomer_that_lags_goes_on_without_a_gap():
    merge = merge_of(A, B)
    merge.bring(A, "p q r")
    merge.leave(A)
    assert merge.bring(B, "q r s") == ("s", None)


def test_gap_is_reported_where_the_other_connection_brings_nothing_known():
    merge = merge_of(A, B)
    merge.bring(A, "p q")  # at 3 and 4
    merge.leave(A)
    assert merge.bring(B, "s t") == ("s t", 4)


def test_messages_that_waited_follow_the_gap_when_the_other_connection_ends():
    merge = merge_of(A, B)
    merge.bring(A, "p q")
    merge.bring(B, "s t")
    assert merge.leave(A) == ("s t", 4)
    assert merge.bring(B, "u") == ("u", None)


def test_connection_that_lost_messages_unnoticed_is_found_further_on():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p")
    merge.bring(A, "q r s")
    assert merge.bring(B, "s t") == ("t", None)


def test_connection_that_lost_what_the_other_has_yet_to_bring_is_found_then():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p")
    merge.bring(A, "q")
    assert merge.bring(B, "s") == ("", None)
    assert merge.bring(A, "r s t") == ("r s t", None)
    assert merge.bring(B, "t u") == ("u", None)


def test_connection_ahead_that_lost_a_message_unnoticed_makes_a_gap_that_is_reported_late():
    merge = merge_of(A, B)
    merge.bring(A, "p")  # at 3
    merge.bring(B, "p")
    assert merge.bring(B, "r s") == ("r s", None)
    assert merge.bring(A, "q") == ("", None)
    assert merge.bring(A, "r s t") == ("t", 3)


def test_disagreement_that_is_never_settled_is_a_gap():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p r")
    assert merge.bring(A, "q") == ("", None)
    assert merge.leave(A) == ("", 3)


def test_order_is_kept_when_the_connection_that_made_the_gap_ends():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p")
    merge.bring(B, "r s")
    merge.leave(B)
    assert merge.bring(A, "q r s t") == ("t", 3)


def test_connection_that_is_not_where_it_was_is_followed_after_as_many_messages_as_it_lagged():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p q r")
    merge.leave(B)
    assert merge.bring(A, "x y") == ("", None)
    assert merge.bring(A, "z") == ("x y z", 3)


def test_told_loss_takes_a_connection_out_until_it_agrees_again():
    merge = merge_of(A, B)
    merge.bring(A, "p")
    merge.bring(B, "p")
    assert merge.merge.lost(B, merge.now) == NOTHING
    assert merge.bring(B, "r") == ("", None)
    assert merge.bring(A, "q r s") == ("q r s", None)
    assert merge.bring(B, "s t") == ("t", None)


def test_numbers_spaces_and_members_may_be_written_differently():
    merge: ChannelMerge[int] = ChannelMerge(Kind.TICKER)
    texts = (b'{"tick_id":1,"ltp":1012000.0,"volume":1e-8}', b'{"ltp": 1012000, "tick_id":1,"volume":0.00000001000}')
    merge.joined(A, 1, 1)
    merge.joined(B, 2, 2)
    assert merge.receive(A, 1, Raw(texts[0]), 3) == Verdict([1])
    assert merge.receive(B, 1, Raw(texts[1]), 4) == NOTHING
    assert merge.receive(B, 2, Raw(b'{"tick_id":2,"ltp":1}'), 5) == Verdict([2])
    assert merge.receive(A, 2, Raw(b'{"tick_id":2,"ltp":1.0}'), 6) == NOTHING
    assert merge.receive(A, 3, Raw(b'{"tick_id":3,"ltp":1.5}'), 7) == Verdict([3])
    assert merge.left(A, 7) == NOTHING
    assert merge.receive(B, 3, Raw(b'{"tick_id":3,"ltp":1.50}'), 8) == NOTHING


def test_text_that_is_no_json_is_compared_as_it_is():
    merge: ChannelMerge[int] = ChannelMerge(Kind.TICKER)
    merge.receive(A, 1, Raw(b"\xff"), 1)
    merge.joined(B, 2, 2)
    assert merge.receive(B, 1, Raw(b"\xff"), 3) == NOTHING
    assert merge.receive(B, 2, Raw(b"[" * 5000), 4) == Verdict([2])


# --- boards


def test_place_in_a_board_is_believed_after_several_different_messages():
    merge = merge_of(A, B, kind=Kind.BOARD)
    merge.bring(A, "p q r")
    assert merge.bring(B, "p q") == ("", None)
    merge.leave(A)
    assert merge.bring(B, "r s") == ("s", None)


def test_gap_is_reported_where_too_little_of_a_board_agreed():
    merge = merge_of(A, B, kind=Kind.BOARD)
    merge.bring(A, "p q r")  # at 3, 4 and 5
    merge.leave(A)
    assert merge.bring(B, "q r") == ("", None)
    assert merge.bring(B, "s") == ("s", 5)


@pytest.mark.parametrize("cycle", ["p", "p q"])
def test_repeating_board_is_never_taken_for_a_place(cycle):
    """The other connection waits as long as one is healthy; afterwards a gap is reported, once."""
    merge = merge_of(A, B, kind=Kind.BOARD)
    for _ in range(10):
        assert merge.bring(A, cycle) == (cycle, None)
        assert merge.bring(B, cycle) == ("", None)
    last = merge.now - len(cycle.split())
    assert merge.leave(A) == ("", last)
    assert merge.bring(B, "r s") == ("r s", None)


def test_board_that_changes_after_repeating_itself_gives_the_place_away():
    merge = merge_of(A, B, kind=Kind.BOARD_SNAPSHOT)
    merge.bring(A, "p q p q p q r s")
    assert merge.bring(B, "p q p q r s t") == ("t", None)


def test_stretch_of_a_board_that_came_before_is_no_place():
    merge = merge_of(A, B, kind=Kind.BOARD)
    merge.bring(A, "p q r p q r")  # to 8
    assert merge.bring(B, "p q r") == ("", None)
    assert merge.leave(A) == ("", 8)


def test_place_where_more_agrees_is_found_before_places_where_only_the_last_message_does():
    merge = merge_of(A, B, kind=Kind.BOARD)
    merge.bring(A, "p q r a s a t a")
    merge.bring(B, "q r a")
    assert merge.leave(A) == ("", None)
    assert merge.bring(B, "s a t a u") == ("u", None)


def test_what_came_before_an_interruption_is_no_place():
    merge = merge_of(A, kind=Kind.BOARD)
    merge.bring(A, "p q r")
    merge.leave(A)
    merge.join(A)
    merge.bring(A, "s")
    last = merge.now
    merge.join(B)
    assert merge.bring(B, "p q r") == ("", None)
    assert merge.leave(A) == ("p q r", last)


# --- messages of a connection in an unknown place


def test_execution_that_the_aligned_connection_goes_past_is_given_out_before_the_next():
    merge = trading(A, B)
    merge.trade(A, 16)  # at 3
    assert merge.trade(B, 18) == Traded()
    assert merge.trade(A, 19, 20) == Traded((18, 19), 3)
    assert merge.trade(B, 19, 20) == Traded()
    assert merge.trade(B, 21) == Traded((21,))


def test_execution_that_comes_before_the_first_of_the_aligned_connection_makes_no_gap():
    """It may have been published before that one was subscribed."""
    merge = trading(A, B)
    merge.trade(B, 18)
    assert merge.trade(A, 19) == Traded((18, 19))


def test_execution_of_a_connection_that_has_left_is_given_out_in_its_place_too():
    merge = trading(A, B)
    merge.trade(A, 16)  # at 3
    merge.trade(B, 18)
    assert merge.merge.left(B, 9) == NOTHING
    assert merge.trade(A, 17) == Traded((17,))
    assert merge.trade(A, 19) == Traded((18, 19), 5)


def test_execution_that_the_aligned_connection_brings_later_is_given_out_once():
    merge = trading(A, B)
    merge.trade(A, 16)
    merge.trade(B, 18)
    merge.merge.left(B, 9)
    assert [merge.trade(A, number).items for number in (17, 18, 19)] == [(17,), (18,), (19,)]


def test_executions_that_nobody_else_can_bring_any_more_are_given_out_when_the_last_connection_leaves():
    merge = trading(A, B)
    merge.trade(A, 16)  # at 3
    merge.trade(B, 18)
    merge.merge.left(B, 9)
    assert traded(merge.merge.left(A, 9)) == Traded((18,), 3)


def test_executions_that_wait_are_given_out_at_the_end_in_order():
    merge = trading(A, B, C)
    merge.trade(A, 16)  # at 4
    merge.trade(B, 18)
    merge.trade(C, 17)
    merge.trade(C, 18)
    assert traded(merge.merge.finish()) == Traded((17, 18), 4)


def test_tickers_have_ids_too():
    merge: ChannelMerge[int] = ChannelMerge(Kind.TICKER)
    for connection, number in ((A, 16), (B, 18), (A, 19)):
        verdict = merge.receive(connection, number, Raw(f'{{"tick_id":{number}}}'.encode()), number)
    assert verdict == Verdict([18, 19], GapStart(1, 16))


def test_executions_without_ids_wait_as_ever():
    merge = trading(A, B)
    merge.trade(A, 16)
    merge.trade(B, 0)
    assert merge.trade(A, 19) == Traded((19,))
    assert traded(merge.merge.finish()) == Traded()


def test_as_many_executions_as_the_window_are_given_out():
    merge = trading(A, B, window=4)
    merge.trade(A, 1)  # at 3
    for number in (11, 12, 13):
        assert merge.trade(B, number) == Traded()
    assert merge.trade(B, 14) == Traded((11, 12, 13, 14), 3)
    assert merge.trade(B, 15) == Traded((15,))


def test_what_a_connection_brought_late_is_handed_over_when_it_leaves_before_its_place_is_known():
    merge = trading(A, B)  # A at 1
    merge.trade(A, 16)  # at 3
    merge.trade(A, 18)
    merge.trade(B, 17)
    assert traded(merge.merge.left(B, 9)) == Traded((), 3, (17,))


def test_what_a_connection_brings_late_that_joined_after_the_sequence_began_is_in_a_gap():
    merge = trading(A, B)  # A at 1, B asked at 2
    merge.trade(A, 18)
    merge.trade(B, 17)
    assert merge.trade(B, 18) == Traded((), 1, (17,))


def test_what_a_connection_brings_late_that_was_asked_for_before_the_sequence_began_may_have_been_given():
    merge = trading(A)
    assert merge.merge.joined(B, 0, 2) == NOTHING
    merge.trade(A, 18)
    merge.trade(B, 17)
    assert merge.trade(B, 18) == Traded((), None, (17,))


def test_what_the_sequence_lacks_is_handed_over_with_its_gap():
    merge = trading(A, B)
    merge.trade(A, 16)  # at 3
    merge.trade(B, 16)
    merge.trade(B, 18)
    merge.trade(A, 17)
    assert merge.trade(A, 18) == Traded((), 3, (17,))


def test_end_reports_a_disagreement_but_not_what_agrees_as_far_as_it_goes():
    merge = merge_of(A, B, kind=Kind.BOARD)
    merge.bring(A, "p q r")  # at 3, 4 and 5
    merge.bring(B, "p q r")
    merge.bring(A, "s t")
    merge.bring(B, "t")
    assert merge.merge.finish() == NOTHING
    merge.bring(B, "x")
    assert merge.merge.finish() == Verdict([], GapStart(3, 5))


# --- bounds


def test_window_in_which_no_board_could_be_placed_is_refused():
    with pytest.raises(InputError, match="window"):
        ChannelMerge(Kind.TICKER, 2)


def test_connection_that_lags_further_than_the_window_waits_until_it_has_caught_up():
    merge = merge_of(A, B, window=4)
    merge.bring(A, "p")
    merge.bring(B, "p")
    merge.bring(A, "q r s t u v")
    assert merge.bring(B, "q r") == ("", None)
    assert merge.bring(B, "s t u v w") == ("w", None)


def test_disagreement_that_is_forgotten_is_a_gap():
    merge = merge_of(A, B, kind=Kind.BOARD, window=4)
    merge.bring(A, "p q r")  # at 3, 4 and 5
    merge.bring(B, "p q r t")
    assert merge.bring(A, "s u v w") == ("", None)
    assert merge.bring(A, "x") == ("", 5)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("pq"), st.booleans()), max_size=200))
def test_no_more_than_the_window_is_kept(events):
    merge = Merge(Kind.BOARD, window=8)
    for connection, word, leaves in events:
        merge.bring(connection, word)
        if leaves:
            merge.leave(connection)
    kept = merge.merge
    assert len(kept._sequence._texts) <= 8
    assert all(len(waiting.texts) <= 8 and len(waiting.items) <= 8 for waiting in kept._waiting.values())


# --- simulations of a true sequence and its connections


@dataclass
class World:
    """The service, its connections with the messages on their way, and the output of the merge.

    A message is its number in the true sequence; `texts` has its text.
    """

    texts: list[str]
    merge: ChannelMerge[int]
    published: int = 0
    now: int = 0
    # On their way: None is the acknowledgement.
    ways: dict[int, deque[int | None]] = field(default_factory=dict)
    asked_at: dict[int, int] = field(default_factory=dict)
    published_at: dict[int, int] = field(default_factory=dict)
    given_at: dict[int, int] = field(default_factory=dict)
    # The messages given between gaps.
    segments: list[list[int]] = field(default_factory=lambda: [[]])
    # After how many that were given out, and reported at.
    gaps: list[tuple[int, int]] = field(default_factory=list)
    # Messages that came after newer ones; and messages that were newer than all given ones on arrival.
    late: set[int] = field(default_factory=set)
    newest: set[int] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)

    def act(self, action: str, connection: int) -> None:
        self.now += 1
        way = self.ways.get(connection)
        if action == "publish" and self.published < len(self.texts):
            for open_way in self.ways.values():
                open_way.append(self.published)
            self.published_at[self.published] = self.now
            self.published += 1
        elif action == "join" and way is None:
            self.ways[connection] = deque([None])
            self.asked_at[connection] = self.now
        elif way is None:
            pass
        elif action == "deliver" and way:
            self.deliver(connection, way.popleft())
        elif action == "leave":
            del self.ways[connection]
            self.take(self.merge.left(connection, self.now))
        elif action == "lose" and way and way[0] is not None:
            way.popleft()
            self.take(self.merge.lost(connection, self.now))
        elif way and way[0] is not None and (action == "miss" or (action == "drop" and len(way) > 3)):
            way.popleft()

    def deliver(self, connection: int, number: int | None) -> None:
        if number is None:
            self.take(self.merge.joined(connection, self.asked_at[connection], self.now))
            return
        self.delivered.add(number)
        if number > max(self.output, default=-1):
            self.newest.add(number)
        text = self.texts[number]
        if connection % 2:
            text = text.replace(".0", "")
        self.take(self.merge.receive(connection, number, Raw(text.encode()), self.now))

    def take(self, verdict: Verdict[int]) -> None:
        if verdict.gap is not None:
            self.gaps.append((verdict.gap.after, self.now))
            self.segments.append([])
        self.segments[-1].extend(verdict.items)
        self.late |= set(verdict.late)
        self.given_at = dict.fromkeys(verdict.items, self.now) | self.given_at

    def finish(self) -> None:
        """Everything that is on its way arrives."""
        for connection in list(self.ways):
            while self.ways[connection]:
                self.act("deliver", connection)
        self.take(self.merge.finish())

    @property
    def output(self) -> list[int]:
        return [number for segment in self.segments for number in segment]

    def check(self, *until: int) -> None:
        """Between gaps all is in order, and each message missing after the first lies in a reported gap."""
        assert all(before < after for segment in self.segments for before, after in pairwise(segment))
        given_out = set(self.output)
        for missing in set(range(min(given_out, default=0), max(given_out | set(until), default=0))) - given_out:
            before = max(number for number in given_out if number < missing)
            assert any(
                after <= self.output.index(before) + 1 and self.published_at[missing] <= reported
                for after, reported in self.gaps
            ), f"{missing} is missing after {before}; gaps {self.gaps}"


def numbered(count: int) -> list[str]:
    return [f'{{"tick_id":{number + 1},"ltp":{number}.0}}' for number in range(count)]


@st.composite
def boards(draw: st.DrawFn) -> list[str]:
    """Messages that often repeat, but never so many different ones in the same order."""
    texts: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for number, letter in enumerate(draw(st.lists(st.sampled_from("ppqqrrs*"), min_size=1, max_size=40))):
        # A text in digits is the only one of its kind.
        for text in (f'"{letter}"', f"{number}.0"):
            added = {stretch for stretch in stretches([*texts, text]) if stretch[-1] == text}
            if letter != "*" and text.startswith('"') and added & seen:
                continue
            if letter == "*" and text.startswith('"'):
                continue
            seen |= added
            texts.append(text)
            break
    return texts


def stretches(texts: list[str]) -> list[tuple[str, ...]]:
    """The shortest stretches up to the end that hold as many different messages as are believed."""
    for start in range(len(texts) - 1, -1, -1):
        if len(set(texts[start:])) == BOARD_PROOF:
            return [tuple(texts[start:])]
    return []


def actions(connections: int, *more: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    names = st.sampled_from(["publish", "publish", "deliver", "deliver", "deliver", "join", *more])
    return st.lists(st.tuples(names, st.integers(0, connections - 1)), max_size=150)


@given(boards() | st.just(numbered(40)), actions(3, "leave", "lose"), st.sampled_from([4, 256]))
def test_nothing_is_missing_while_one_connection_is_healthy_whatever_becomes_of_the_others(texts, events, window):
    kind = Kind.TICKER if texts == numbered(40) else Kind.BOARD
    world = World(texts, ChannelMerge(kind, window))
    world.act("join", A)
    world.act("deliver", A)
    for action, connection in events:
        if action not in ("leave", "lose") or connection != A:
            world.act(action, connection)
    world.finish()
    assert world.output == list(range(world.published))
    assert world.gaps == []


@given(actions(3, "leave", "lose"))
def test_whatever_ends_or_is_lost_lies_in_a_reported_gap(events):
    world = World(numbered(60), ChannelMerge(Kind.TICKER))
    for action, connection in events:
        world.act(action, connection)
    world.finish()
    world.check()
    assert world.newest <= set(world.output)


@given(actions(2, "leave", "lose", "miss", "miss"))
def test_nothing_that_came_is_dropped_where_there_are_ids(events):
    """This holds for all unnoticed losses, and all choices of aligned connections."""
    world = World(numbered(60), ChannelMerge(Kind.TICKER))
    for connection in (A, B):
        world.act("join", connection)
        world.act("deliver", connection)
    for action, connection in events:
        world.act(action, connection)
    world.finish()
    assert world.newest <= set(world.output)
    assert world.delivered <= set(world.output) | world.late
    assert all(before < after for segment in world.segments for before, after in pairwise(segment))


@given(boards() | st.just(numbered(40)), actions(2), actions(2))
def test_connection_that_ends_leaves_no_gap_once_the_other_one_is_aligned(texts, before, after):
    """Either connection may end, and either may be ahead."""
    kind = Kind.TICKER if texts == numbered(40) else Kind.BOARD
    world = World([f"-{number}.5" for number in range(BOARD_PROOF)] + texts, ChannelMerge(kind))
    for connection in (A, B):
        world.act("join", connection)
    for _ in range(BOARD_PROOF):
        world.act("publish", A)
    for connection in (A, B):
        for _ in range(1 + BOARD_PROOF):
            world.act("deliver", connection)
    for action, connection in before:
        world.act(action, connection)
    world.act("leave", A)
    for action, connection in after:
        if connection == B:
            world.act(action, connection)
    world.finish()
    assert world.output == list(range(world.published))
    assert world.gaps == []


@given(actions(3, "drop"))
def test_what_was_lost_unnoticed_lies_in_a_reported_gap_once_another_connection_brings_it(events):
    """Connection A loses nothing, yet another one that is ahead may."""
    world = World(numbered(60), ChannelMerge(Kind.TICKER))
    for connection in (A, B, C):
        world.act("join", connection)
        world.act("deliver", connection)
    for action, connection in events:
        if action != "drop" or connection != A:
            world.act(action, connection)
    for _ in range(3):
        world.act("publish", A)
    world.finish()
    world.check(world.published)
    assert world.output == sorted(set(world.output))


@given(st.sampled_from(["p", "pq", "ppq"]), actions(2, "leave", "lose"))
def test_repeating_board_loses_nothing_silently(cycle, events):
    world = World([f'"{cycle[number % len(cycle)]}"' for number in range(40)], ChannelMerge(Kind.BOARD))
    for action, connection in events:
        world.act(action, connection)
    world.finish()
    world.check()


def test_where_the_service_began_anew_the_same_messages_are_given_out_again():
    merge = trading(A, B)
    for connection in (A, B):
        merge.trade(connection, 5)
        merge.trade(connection, 6)
    assert merge.merge.begin_again(B, merge.now) == NOTHING
    assert merge.trade(B, 5).items == (5,)
    assert merge.trade(A, 5) == Traded()
    assert merge.trade(A, 6).items == (6,)
    assert merge.trade(B, 6) == Traded()
