"""The inbox: items keep their order, a full inbox stops the source, and the end comes once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.inbox import Inbox, Overflow
from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Status, StatusKind
from fulgurite.errors import ConnectError, LocalProtocolError


def frames(*texts: str) -> list[Frame]:
    return [Frame("received", 0, text) for text in texts]


class Source:
    """Counts how often it is stopped and let go on."""

    def __init__(self, limit: int) -> None:
        self.log: list[str] = []
        self.inbox = Inbox(limit, lambda: self.log.append("pause"), lambda: self.log.append("resume"))


async def iterated(limit: int) -> Source:
    """One from which something was taken."""
    source = Source(limit)
    source.inbox.put(*frames("first"))
    await source.inbox.get()
    return source


async def test_items_come_out_in_order():
    inbox = Source(10).inbox
    inbox.put(*frames("a", "b"))
    inbox.put(*frames("c"))
    assert [await inbox.get(), *await inbox.get_all()] == frames("a", "b", "c")


async def test_consumer_that_waits_is_woken():
    inbox = Source(10).inbox
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put(*frames("a"))
    assert await waiting == frames("a")[0]


async def test_source_is_stopped_once_when_full_and_goes_on_at_half():
    source = await iterated(4)
    source.inbox.put(*frames("a", "b", "c"))
    assert source.log == []
    source.inbox.put(*frames("d"))
    source.inbox.put(*frames("e"))
    assert source.log == ["pause"]
    await source.inbox.get()
    await source.inbox.get()
    assert source.log == ["pause"]
    await source.inbox.get()
    assert source.log == ["pause", "resume"]


@pytest.mark.parametrize("overflow", Overflow)
async def test_while_nobody_iterates_it_stops_nothing_and_is_bounded(overflow):
    log: list[str] = []
    inbox = Inbox(10, lambda: log.append("pause"), lambda: log.append("resume"), overflow)
    for number in range(1000):
        # As in a long outage: hardly anything but statuses.
        inbox.put(Status(StatusKind.BACKING_OFF, number), *([message(number)] if number % 100 == 0 else []))
        assert len(inbox.items) < 12
    await inbox.room()
    assert log == []
    items: list[Any] = await inbox.get_all()
    (gap,) = [item for item in items if isinstance(item, Gap)]
    assert (gap.cause, gap.dropped, gap.reason[:24]) == (GapCause.DROPPED, 10, "nobody iterated over it:")
    assert items[-1].at_ns == 999


async def test_room_is_waited_for():
    source = await iterated(2)
    source.inbox.put(*frames("a", "b"))
    waiting = asyncio.create_task(source.inbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await source.inbox.get_all()
    await waiting
    assert source.log == ["pause", "resume"]


async def test_end_comes_after_what_waits():
    inbox = Source(10).inbox
    inbox.put(*frames("a"))
    inbox.close(frames("last"))
    assert await inbox.get_all() == frames("a", "last")
    with pytest.raises(StopAsyncIteration):
        await inbox.get()


async def test_error_is_raised_once_and_after_what_waits():
    inbox = Source(10).inbox
    inbox.close(frames("last"), ConnectError("ws://h", "no"))
    await inbox.get()
    with pytest.raises(ConnectError):
        await inbox.get()
    with pytest.raises(StopAsyncIteration):
        await inbox.get()


async def test_cancelled_consumer_loses_nothing():
    inbox = Source(10).inbox
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    waiting.cancel()
    inbox.put(*frames("a"))
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert await inbox.get() == frames("a")[0]


async def test_consumer_that_is_cancelled_after_it_was_woken_loses_nothing():
    inbox = Source(10).inbox
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put(*frames("a"))
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert await inbox.get() == frames("a")[0]


async def test_second_consumer_is_refused():
    inbox = Source(10).inbox
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    with pytest.raises(LocalProtocolError, match="one consumer at a time"):
        await inbox.get()
    inbox.close()
    with pytest.raises(StopAsyncIteration):
        await inbox.get()
    with pytest.raises((StopAsyncIteration, RuntimeError)):
        await waiting


# --- the oldest are dropped


def message(number: int, channel: str = "c") -> Message:
    return Message(channel, number, "", str(number))


def dropping(limit: int) -> Inbox:
    return Inbox(limit, lambda: None, lambda: None, Overflow.DROP_OLDEST)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30)), max_size=30), st.integers(2, 20))
async def test_each_message_that_was_dropped_is_counted_once_over_any_number_of_overflows(actions, limit):
    inbox = dropping(limit)
    taken: list[Item] = []
    put = dict.fromkeys("ab", 0)
    for channel, count in actions:
        for _ in range(count):
            inbox.put(message(sum(put.values()), channel))
            put[channel] += 1
        if inbox.items and count % 3 == 0:
            taken.append(await inbox.get())
    inbox.close()
    taken += inbox.items
    for channel in "ab":
        of_it = [item for item in taken if isinstance(item, Message | Gap) and item.channel == channel]
        given_here = sum(isinstance(item, Message) for item in of_it)
        assert given_here + sum(item.dropped for item in of_it if isinstance(item, Gap)) == put[channel]


async def test_one_gap_for_a_channel_says_how_many_messages_were_dropped_and_from_when_to_when():
    inbox = dropping(10)
    for number in range(1, 453):
        inbox.put(message(number))
    gap, first, *_ = await inbox.get_all()
    assert isinstance(gap, Gap)
    assert isinstance(first, Message)
    assert (gap.cause, gap.dropped) == (GapCause.DROPPED, first.received_ns - 1)
    assert f"{gap.dropped} messages were dropped" in gap.reason
    assert (gap.from_ns, gap.to_ns, gap.first) == (1, gap.dropped, first)


async def test_gap_without_a_dropped_message_keeps_what_it_says():
    inbox = dropping(4)
    inbox.put(Gap("quiet", "closed by the server", 1, 2, unresolved=("JRF1",)))
    inbox.put(Gap("quiet", "reset", 3, 4, unresolved=("JRF2",), note="not repaired"))
    inbox.put(*(message(number) for number in range(8)))
    gaps = [item for item in await inbox.get_all() if isinstance(item, Gap) and item.channel == "quiet"]
    assert gaps == [Gap("quiet", "reset", 1, 4, unresolved=("JRF1", "JRF2"), note="not repaired")]


ODD: dict[str, Callable[[int], Item]] = {
    "frame": lambda number: Frame("received", number, "text"),
    "status": lambda number: Status(StatusKind.OPEN, number),
    "malformed": lambda number: Malformed(number, "text", "why"),
}


@given(st.lists(st.tuples(st.sampled_from(["m", *ODD]), st.integers(0, 30)), max_size=30), st.integers(2, 20))
async def test_each_frame_status_and_malformed_frame_that_was_dropped_is_counted_once(actions, limit):
    inbox = dropping(limit)
    taken: list[Item] = []
    put = 0
    for what, count in actions:
        for number in range(count):
            inbox.put(message(number) if what == "m" else ODD[what](number))
            put += what != "m"
            assert len(inbox.items) <= limit + 2
        if inbox.items and count % 3 == 0:
            taken.append(await inbox.get())
    inbox.close()
    taken += inbox.items
    said = [item for item in taken if isinstance(item, Status) and item.kind is StatusKind.DROPPED]
    given_here = sum(not isinstance(item, Message | Gap) for item in taken) - len(said)
    assert given_here + sum(status.dropped for status in said) == put


async def test_one_status_says_how_many_frames_and_statuses_were_dropped_until_when():
    inbox = dropping(10)
    for number in range(1, 453):
        inbox.put(Frame("received", number, "text"))
    said, first, *_ = await inbox.get_all()
    assert isinstance(first, Frame)
    assert said == Status(
        StatusKind.DROPPED, first.at_ns - 1, dropped=first.at_ns - 1,
        detail=f"nobody iterated over it: {first.at_ns - 1} items that are no messages were dropped",
    )  # fmt: skip
