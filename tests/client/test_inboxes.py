"""The queues of a stream, and their pauses of the sockets."""

from __future__ import annotations

import asyncio

import pytest

from fulgurite.client.inbox import Overflow
from fulgurite.client.inboxes import ABANDONED_SECONDS, Inboxes
from fulgurite.client.items import Gap, Message

LIMIT = 4


class Queues(Inboxes):
    """Both queues have been iterated, and the main one is full."""

    def __init__(self) -> None:
        self.log: list[str] = []
        super().__init__(LIMIT, Overflow.PAUSE, self.log.append, lambda: self.log.append("resumed"))
        self.own_one = self.open("own")

    async def begin(self) -> None:
        for channel in ("main", "own"):
            self.put([message(0, channel)])
            await self.of(channel).get()
        self.put(message(number, "main") for number in range(1, LIMIT + 1))
        assert self.is_paused
        assert "4 items wait for the consumer" in self.log[-1]


def message(number: int, channel: str) -> Message:
    return Message(channel, number, "", str(number))


@pytest.fixture
async def queues() -> Queues:
    queues = Queues()
    await queues.begin()
    return queues


@pytest.mark.parametrize("for_a_book", [True, False])
async def test_one_that_is_iterated_no_more_stops_nobody_who_waits_for_something_else(queues, for_a_book):
    waiting = None if for_a_book else asyncio.create_task(queues.own_one.get())
    await asyncio.sleep(0)
    for at in (100.0, 105.0, 100.0 + ABANDONED_SECONDS - 0.1):
        queues.handle_timer(at, is_waiting=for_a_book)
        assert queues.is_paused
    queues.handle_timer(100.0 + ABANDONED_SECONDS, is_waiting=for_a_book)
    assert not queues.is_paused
    assert queues.log[-1] == "resumed"
    queues.put(message(number, "main") for number in range(LIMIT + 1, 100))
    assert not queues.is_paused, "not until it is iterated again"
    gap, *_, last = await queues.main.get_all()
    assert isinstance(gap, Gap)
    assert isinstance(last, Message)
    assert (gap.dropped > 90, last.received_ns) == (True, 99)
    if waiting is not None:
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_it_goes_on_stopping_the_sockets_where_nobody_waits_for_anything_else(queues):
    for at in (100.0, 1000.0, 10_000.0):
        queues.handle_timer(at, is_waiting=False)
    assert queues.is_paused
    assert [item.received_ns for item in await queues.main.get_all()] == [1, 2, 3, 4]
    assert queues.log[-1] == "resumed"


async def test_one_that_is_taken_from_slowly_is_waited_for(queues):
    for at in range(100, 200, 9):
        queues.put([message(at, "main")])
        await queues.main.get()
        queues.handle_timer(float(at), is_waiting=True)
        assert queues.is_paused
