"""The gap tracker: exactly one gap per channel and interruption, and none that a consumer could not place in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.gaps import GapTracker
from fulgurite.client.items import Gap, Repaired

A, B = "lightning_ticker_BTC_JPY", "lightning_board_BTC_JPY"
REASON = "closed by the server: 1012 scheduled maintenance"


def tracker(*channels: str) -> GapTracker:
    made = GapTracker()
    for channel in channels:
        made.add(channel)
    return made


def test_gap_runs_from_the_last_message_to_the_new_acknowledgement():
    gaps = tracker(A)
    assert gaps.alive(A, 10) is None
    assert gaps.alive(A, 25) is None
    gaps.interrupt(REASON)
    assert gaps.alive(A, 40) == Gap(A, REASON, 25, 40, Repaired.NONE)
    assert gaps.alive(A, 50) is None


def test_gap_begins_at_the_acknowledgement_where_no_message_came():
    gaps = tracker(A)
    gaps.alive(A, 10)
    gaps.interrupt(REASON)
    assert gaps.alive(A, 40) == Gap(A, REASON, 10, 40)


def test_channel_that_was_never_alive_has_no_gap():
    gaps = tracker(A)
    gaps.interrupt(REASON)
    assert gaps.alive(A, 40) is None
    assert gaps.finish(50) == []


def test_failed_attempts_in_between_do_not_change_the_reason():
    gaps = tracker(A)
    gaps.alive(A, 10)
    gaps.interrupt(REASON)
    gaps.interrupt("cannot connect: connection refused")
    assert gaps.alive(A, 40) == Gap(A, REASON, 10, 40)


def test_interruption_without_anything_in_between_starts_where_the_last_gap_ended():
    gaps = tracker(A)
    gaps.alive(A, 10)
    gaps.interrupt("one")
    gaps.alive(A, 20)
    gaps.interrupt("two")
    assert gaps.alive(A, 30) == Gap(A, "two", 20, 30)


def test_channels_are_resumed_one_by_one():
    gaps = tracker(A, B)
    gaps.alive(A, 10)
    gaps.alive(B, 11)
    gaps.interrupt(REASON)
    assert gaps.alive(B, 30) == Gap(B, REASON, 11, 30)
    assert gaps.alive(A, 31) == Gap(A, REASON, 10, 31)


def test_open_interruptions_end_with_the_stream():
    gaps = tracker(A, B)
    gaps.alive(A, 10)
    gaps.interrupt(REASON)
    assert gaps.finish(60) == [Gap(A, REASON, 10, 60)]
    assert gaps.finish(70) == []


def test_open_interruption_ends_with_unsubscribing():
    gaps = tracker(A)
    gaps.alive(A, 10)
    gaps.interrupt(REASON)
    assert gaps.remove(A, 60) == Gap(A, REASON, 10, 60)
    assert gaps.remove(A, 61) is None
    assert gaps.alive(A, 62) is None, "a message on its way is not the channel's return"


def test_channel_that_nobody_asked_for_is_not_tracked():
    gaps = tracker()
    assert gaps.alive(A, 10) is None
    gaps.interrupt(REASON)
    assert gaps.finish(20) == []


def test_clock_that_is_set_back_gives_no_negative_gap():
    gaps = tracker(A)
    gaps.alive(A, 100)
    gaps.interrupt(REASON)
    assert gaps.alive(A, 40) == Gap(A, REASON, 100, 100)


def test_unreadable_frame_is_about_the_channel_it_still_names():
    gaps = tracker(A, B)
    gaps.alive(A, 10)
    gaps.alive(B, 11)
    frame = '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_BTC_JPY","message":{"mi'
    assert gaps.lose(frame, "broken", 20) == [Gap(B, "broken", 11, 20)]
    assert gaps.is_live(B)


def test_unreadable_frame_that_names_nothing_may_have_been_any_channel():
    gaps = tracker(A, B, "lightning_ticker_ETH_JPY")
    gaps.alive(A, 10)
    gaps.alive(B, 11)
    assert gaps.lose("\\xff", "broken", 20) == [Gap(A, "broken", 10, 20), Gap(B, "broken", 11, 20)]


def test_unreadable_batch_may_hold_more_than_it_names():
    gaps = tracker(A, B)
    gaps.alive(A, 10)
    gaps.alive(B, 11)
    assert {gap.channel for gap in gaps.lose(f' [{{"params":{{"channel":"{A}"', "broken", 20)} == {A, B}


def test_unreadable_frame_before_the_return_adds_nothing_to_the_open_interruption():
    gaps = tracker(A)
    gaps.alive(A, 10)
    gaps.interrupt(REASON)
    assert gaps.lose("?", "broken", 20) == []
    assert gaps.alive(A, 30) == Gap(A, REASON, 10, 30)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("add", "remove", "alive", "interrupt", "lose")),
        st.sampled_from((A, B)),
        st.integers(-5, 20),
    ),
    max_size=60,
)


@given(STEPS)
def test_every_interruption_gives_one_gap_and_gaps_never_overlap(steps):
    """Against a plain model: which channels are known, heard of, and cut off."""
    gaps = GapTracker()
    clock = 0
    cut: dict[str, bool | None] = {}  # None: known, and never heard of
    given_gaps: list[Gap] = []
    expected = 0
    for action, channel, step in steps:
        clock += step
        if action == "add":
            gaps.add(channel)
            cut.setdefault(channel, None)
        elif action == "interrupt":
            gaps.interrupt(REASON)
            cut = {name: None if state is None else True for name, state in cut.items()}
        elif action == "lose":
            found = gaps.lose("?", "broken", clock)
            assert {gap.channel for gap in found} == {name for name, state in cut.items() if state is False}
            expected += len(found)
            given_gaps += found
        else:
            expected += cut.get(channel) is True
            gap = gaps.remove(channel, clock) if action == "remove" else gaps.alive(channel, clock)
            given_gaps += [] if gap is None else [gap]
            if action == "remove":
                cut.pop(channel, None)
            elif channel in cut:
                cut[channel] = False
    expected += sum(state is True for state in cut.values())
    given_gaps += gaps.finish(clock)
    assert len(given_gaps) == expected
    assert all(gap.from_ns <= gap.to_ns for gap in given_gaps)


@given(STEPS)
def test_gaps_of_a_channel_follow_each_other_while_the_clock_runs_forward(steps):
    gaps = tracker(A, B)
    clock = 0
    ends = {A: 0, B: 0}
    for action, channel, step in steps:
        clock += abs(step)
        found = []
        if action == "interrupt":
            gaps.interrupt(REASON)
        elif action == "lose":
            found = gaps.lose("?", "broken", clock)
        else:
            found = [gap for gap in [gaps.alive(channel, clock)] if gap is not None]
        for gap in found:
            assert ends[gap.channel] <= gap.from_ns <= gap.to_ns == clock
            ends[gap.channel] = gap.to_ns
