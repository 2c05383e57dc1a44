"""The inbox: what is put in comes out in order, the source stops while it is full, and the end is told once."""

from __future__ import annotations

import asyncio

import pytest

from fulgurite.client.inbox import Inbox
from fulgurite.client.items import Frame
from fulgurite.errors import ConnectError, LocalProtocolError


def frames(*texts: str) -> list[Frame]:
    return [Frame("received", 0, text) for text in texts]


class Source:
    """Counts how often it is stopped and let go on."""

    def __init__(self, limit: int) -> None:
        self.log: list[str] = []
        self.inbox = Inbox(limit, lambda: self.log.append("pause"), lambda: self.log.append("resume"))


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
    source = Source(4)
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


async def test_room_is_waited_for():
    source = Source(1)
    source.inbox.put(*frames("a"))
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
