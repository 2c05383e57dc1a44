"""Duration and result of repairs, against an HTTP API with scripted failures."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulgurite.client.channelgaps import PENDING_NOTE, REPAIRS_LIMIT, RepairMode
from fulgurite.client.http import HttpApi
from fulgurite.client.httplimits import PERIOD_SECONDS, SHARE
from fulgurite.client.items import Repaired
from fulgurite.client.repairs import DELAYS, KEPT_SECONDS, REPAIR_SECONDS, Repairs, repair_delays
from tests.client.test_feed import EXECUTIONS, Driver, row
from tests.client.test_http import answer


class Listing:
    """An HTTP API that lists executions, after it has failed a number of times."""

    def __init__(self) -> None:
        self.url = ""
        self.ids: list[int] = []
        self.failures: Iterator[str] = iter(())
        self.requests = 0
        self.asked_twice = asyncio.Event()

    def answer(self, target: str) -> bytes:
        self.requests += 1
        if self.requests == 2:
            self.asked_twice.set()
        failure = next(self.failures, None)
        if failure is not None:
            return answer(failure)
        query = {
            name: int(values[0]) for name, values in parse_qs(urlsplit(target).query).items() if name != "product_code"
        }
        found = [n for n in sorted(self.ids, reverse=True) if query.get("after", -1) < n < query.get("before", 2**60)]
        return answer("200 OK", json.dumps([row(number) for number in found[: query["count"]]]).encode())


@pytest.fixture
async def listing() -> AsyncIterator[Listing]:
    listing = Listing()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            writer.write(listing.answer(request.split()[1]))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        listing.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield listing


def with_a_gap(repair: RepairMode) -> Driver:
    """Between the executions 1 and 5."""
    driver = Driver(EXECUTIONS, repair)
    driver.acknowledge()
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    driver.execute(5)
    return driver


async def repair(driver: Driver, listing: Listing) -> None:
    (life,) = driver.feed.gaps.to_repair
    driver.feed.gaps.to_repair.clear()
    async with HttpApi(listing.url) as api:
        await Repairs(api, lambda is_waited_for: repeat(0.0)).repair(driver.feed, life, driver.given.extend)


async def test_no_repair_begins_while_the_stream_ends(listing):
    """A frame may still come between the cancellation of a stream's tasks and their end."""
    driver = with_a_gap(RepairMode.BEFORE)
    (life,) = driver.feed.gaps.to_repair
    repairs = Repairs(HttpApi(listing.url))

    async def last_frame() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            repairs.begin(driver.feed, life, driver.given.extend)
            repairs.learn(driver.feed)

    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            await repairs.open(tasks)
            tasks.create_task(last_frame())
            await asyncio.sleep(0)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await work()
    await repairs.close()
    assert life.is_repairing
    assert listing.requests == 0


@pytest.mark.parametrize("mode", [RepairMode.BEFORE, RepairMode.ALONGSIDE])
async def test_an_api_that_fails_for_long_is_asked_until_it_answers(listing, mode):
    listing.ids = [1, 2, 3, 4, 5]
    listing.failures = repeat("502 Bad Gateway", 10 * len(DELAYS))
    driver = with_a_gap(mode)
    await repair(driver, listing)
    gap = driver.gaps[-1]
    assert (gap.repaired, gap.recovered, gap.note) == (Repaired.FULL, 3, "")
    assert driver.ids == ([1, 2, 3, 4, 5] if mode is RepairMode.BEFORE else [1, 5, 2, 3, 4])
    assert listing.requests == 10 * len(DELAYS) + 1


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found"])
async def test_a_refusal_that_stays_one_is_not_asked_for_again(listing, status):
    listing.failures = repeat(status)
    driver = with_a_gap(RepairMode.BEFORE)
    await repair(driver, listing)
    assert listing.requests == 1
    assert f"HTTP status {status[:3]}" in driver.gaps[-1].note
    assert driver.ids == [1, 5]


async def test_what_the_list_does_not_show_after_the_first_attempts_it_will_not_show(listing):
    listing.ids = [1, 2, 3]
    driver = with_a_gap(RepairMode.ALONGSIDE)
    await repair(driver, listing)
    assert listing.requests == len(DELAYS)
    assert (driver.gaps[-1].repaired, driver.ids) == (Repaired.PARTIAL, [1, 5, 2, 3])


async def test_messages_wait_no_longer_than_is_said(listing, monkeypatch):
    monkeypatch.setattr("fulgurite.client.repairs.REPAIR_SECONDS", 0.3)
    listing.failures = repeat("502 Bad Gateway")
    driver = with_a_gap(RepairMode.BEFORE)
    await repair(driver, listing)
    assert (driver.gaps[-1].repaired, driver.ids) == (Repaired.NONE, [1, 5])
    assert "HTTP status 502" in driver.gaps[-1].note


async def test_a_repair_that_nobody_wants_any_more_ends(listing):
    listing.failures = repeat("502 Bad Gateway")
    driver = with_a_gap(RepairMode.ALONGSIDE)
    task = asyncio.create_task(repair(driver, listing))
    await listing.asked_twice.wait()
    driver.take(driver.feed.finish(driver.now, driver.now_ns))
    await task
    pending, closed = driver.gaps
    assert (pending.repaired, pending.note) == (Repaired.PENDING, PENDING_NOTE)
    assert (closed.repaired, closed.note) == (Repaired.NONE, "not repaired: the stream was closed")


async def test_a_gap_that_was_told_before_its_end_came_is_repaired_up_to_it(listing):
    """Otherwise the repair would fetch everything given since, in any amount."""
    driver = Driver(EXECUTIONS, RepairMode.ALONGSIDE)
    driver.acknowledge()
    driver.execute(1)
    driver.interrupt()
    driver.acknowledge()
    driver.pass_seconds(60)
    (life,) = driver.feed.gaps.to_repair
    assert life.before is None
    driver.execute(5)
    driver.execute(6)
    assert (life.after, life.before) == (1, 5)


def test_an_outage_of_up_to_fifty_seconds_is_outlasted_while_messages_wait():
    times = list(itertools.takewhile(lambda at: at < REPAIR_SECONDS, itertools.accumulate(repair_delays(True))))
    assert times[-1] > 50
    assert all(later - earlier <= 8 for earlier, later in itertools.pairwise(times))


@given(st.integers(1, 200))
def test_repairs_alongside_spend_little_of_the_requests_that_are_allowed(attempts):
    times = list(itertools.islice(itertools.accumulate(repair_delays(False)), attempts))
    in_a_period = max(sum(at <= other < at + PERIOD_SECONDS for other in times) for at in times)
    assert in_a_period <= SHARE / 20
    assert KEPT_SECONDS == 31 * 86_400


def test_the_oldest_of_too_many_repairs_is_given_up():
    driver = Driver(EXECUTIONS, RepairMode.ALONGSIDE)
    driver.acknowledge()
    for number in range(1, REPAIRS_LIMIT + 3):
        driver.execute(10 * number)
        driver.pass_seconds(1)
        driver.interrupt(f"the {number}th time")
        driver.acknowledge()
    driver.execute(10 * (REPAIRS_LIMIT + 3))
    given_up = [gap for gap in driver.gaps if gap.repaired is Repaired.NONE]
    assert [gap.reason for gap in given_up] == ["the 1th time", "the 2th time"]
    assert all("are waiting for repair" in gap.note for gap in given_up)
    assert sum(gap.is_repairing for gap in driver.feed.gaps.to_repair) == REPAIRS_LIMIT
    assert driver.ids[-1] == 10 * (REPAIRS_LIMIT + 3)
