"""Executions that a live connection does not bring: found in the HTTP API's list, and given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from fulgurite import Gap, GapCause, Item, Message, Origin, Repaired, connect, executions
from fulgurite.client import audits
from fulgurite.errors import InputError
from fulgurite.exchange.run import Exchange, run
from tests.client.test_peer_scenarios import heal, spoil, start_ns
from tests.client.test_restarts import key, published_keys, rows_of

PRODUCT = "FX_BTC_JPY"
EXECUTIONS = executions(PRODUCT).name


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with run(seed=7, speed=50, start_ns=start_ns(), products=[PRODUCT]) as running:
        yield running


async def until(stream: AsyncIterator[Item], is_it: Any) -> list[Item]:
    items = []
    async for item in stream:
        items.append(item)
        if is_it(item):
            break
    return items


def is_live(item: Item) -> bool:
    return isinstance(item, Message) and item.origin is Origin.LIVE


def is_withheld(item: Item) -> bool:
    return isinstance(item, Gap) and item.cause is GapCause.WITHHELD


@pytest.mark.parametrize(
    ("dialect", "connections", "repair"),
    [
        ("json-rpc", 1, "before"),
        ("socketio", 1, "alongside"),
        ("json-rpc", 1, "off"),
        ("json-rpc", 2, "before"),
        ("socketio", 2, "alongside"),
    ],
)
async def test_executions_that_were_withheld_are_given_once_after_a_gap(exchange, dialect, connections, repair):
    options = {"dialect": dialect, "repair": repair, "connections": connections}
    async with connect(EXECUTIONS, endpoint=exchange, audit=0.2, **options) as stream:
        items = await until(stream, is_live)
        await spoil(exchange, fault="lost-messages", chance=0.5, channel=EXECUTIONS)
        items += await until(stream, is_withheld)
        await heal(exchange)
        for _ in range(2):
            items += await until(stream, is_live)
        published = await published_keys(exchange)
        expected = published[published.index(given_keys(items)[0]) : published.index(given_keys(items)[-1]) + 1]
        async with asyncio.timeout(60):
            while not set(expected) <= set(given_keys(items)):
                items += await until(stream, is_live)
    given = given_keys(items)
    assert len(set(given)) == len(given)
    gaps = [item for item in items if isinstance(item, Gap)]
    withheld = [gap for gap in gaps if gap.cause is GapCause.WITHHELD]
    assert all((gap.reason, gap.repaired) == ("withheld", Repaired.FULL) for gap in withheld)
    found = [item for item in items if isinstance(item, Message) and item.origin is Origin.BACKFILLED]
    # With two connections, the merge itself finds the loss of one.
    assert withheld == gaps or connections > 1
    assert sum(gap.recovered for gap in gaps) == len(given_keys(found)) > 0


def given_keys(items: Sequence[Item]) -> list[tuple[int, str, str]]:
    return [key(row) for item in items for row in rows_of(item)]


async def test_a_channel_that_brings_nothing_at_all_is_audited_too(exchange):
    await spoil(exchange, fault="mute", channel=EXECUTIONS)
    async with connect(EXECUTIONS, endpoint=exchange, audit=0.2) as stream:
        items = await until(stream, lambda item: isinstance(item, Message))
    gap, message = items[-2:]
    assert is_withheld(gap)
    assert isinstance(message, Message)
    assert message.origin is Origin.BACKFILLED


@pytest.mark.parametrize(("repair", "connections"), [("before", 1), ("alongside", 1), ("before", 2)])
async def test_of_a_channel_that_stays_muted_after_its_gap_no_execution_is_lost_unsaid(exchange, repair, connections):
    async with connect(EXECUTIONS, endpoint=exchange, audit=0.2, repair=repair, connections=connections) as stream:
        items = await until(stream, is_live)
        await spoil(exchange, fault="mute", channel=EXECUTIONS)
        await spoil(exchange, fault="close")
        items += await until(stream, lambda item: isinstance(item, Gap))
        items += await until(stream, is_withheld)
        published = await published_keys(exchange)
        expected = published[published.index(given_keys(items)[0]) :]
        async with asyncio.timeout(60):
            while not set(expected) <= set(given_keys(items)):
                items += await until(stream, lambda item: isinstance(item, Message))
    given = given_keys(items)
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("audit", ["off", None])
async def test_an_audit_is_off_where_it_is_told_so(exchange, audit):
    stream = connect(EXECUTIONS, endpoint=exchange, audit=audit)
    assert stream._audits is None
    assert connect(EXECUTIONS, endpoint=exchange, repair="off")._audits is None
    assert connect(EXECUTIONS, endpoint=exchange.realtime)._audits is None
    assert connect(EXECUTIONS, endpoint=exchange)._audits is not None


@pytest.mark.parametrize("audit", [0, -1, float("nan"), float("inf"), "often", True])
def test_a_period_that_cannot_be_meant_is_refused(audit):
    with pytest.raises(InputError, match="audit"):
        connect(EXECUTIONS, endpoint="ws://127.0.0.1:1", audit=audit)


async def test_audits_leave_requests_to_repairs(exchange, monkeypatch):
    monkeypatch.setattr(audits, "LEFT_FREE", 10**9)
    await spoil(exchange, fault="lost-messages", chance=0.5, channel=EXECUTIONS)
    async with connect(EXECUTIONS, endpoint=exchange, audit=0.2) as stream:
        items: list[Item] = []
        while sum(map(is_live, items)) < 20:
            items += await until(stream, is_live)
    assert not any(map(is_withheld, items))
