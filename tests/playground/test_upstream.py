"""What one connection keeps for a page: the books are the stream's, by the client's rules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fulgurite import playground
from fulgurite.client import Endpoint
from fulgurite.exchange.run import run as run_exchange
from tests.playground.talking import Talker, talking

FX = "FX_BTC_JPY"


@pytest.fixture
async def talker() -> AsyncIterator[Talker]:
    async with run_exchange(seed=1) as running:
        embedded = Endpoint("embedded", running.realtime, running.socketio, running.http)
        async with playground.run(embedded) as page, talking(page) as talker:
            yield talker


def _state(message: dict[str, Any], channel: str) -> str | None:
    return next((row["state"] for row in message["channels"] if row["channel"] == channel), None)


async def test_a_book_needs_both_channels_and_subscribes_none_itself(talker):
    """By the client's rules: snapshots without diffs are right for a moment only."""
    snapshots, diffs = f"lightning_board_snapshot_{FX}", f"lightning_board_{FX}"
    await talker.say(type="charts", parts=["book"], interval_s=1)
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=[snapshots])
    await talker.until(lambda m: m["type"] == "channels" and _state(m, snapshots) == "receiving")
    await talker.until(lambda m: m["type"] == "book")
    await talker.say(type="subscribe", channels=[diffs])
    await talker.until(lambda m: m["type"] == "book" and m["state"] == "LIVE")
    states = [m["state"] for m in talker.all if m["type"] == "book"]
    assert set(states[: states.index("LIVE")]) == {"WAITING_SNAPSHOT"}
    await talker.say(type="unsubscribe", channels=[diffs])
    await talker.until(lambda m: m["type"] == "book" and m["state"] == "WAITING_SNAPSHOT")
    while (methods := _sent(talker, diffs)) != ["subscribe", "unsubscribe"]:
        assert methods == ["subscribe"]
        await talker.until(lambda _: True)


def _sent(talker: Talker, channel: str) -> list[str]:
    """What was asked about a channel, in order."""
    frames = [m["text"] for m in talker.all if m["type"] == "frame" and m["direction"] == "sent"]
    return [json.loads(text)["method"] for text in frames if f'"{channel}"' in text]
