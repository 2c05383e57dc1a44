"""One connection's data for a page: the books are the stream's, by the client's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fulgurite.client import Status, StatusKind
from fulgurite.errors import ConnectFailure
from fulgurite.playground.upstream import _why
from fulgurite.protocol.messages import parse_time
from tests.playground.talking import Talker

FX = "FX_BTC_JPY"


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
    """The requests about a channel, in order."""
    frames = [m["text"] for m in talker.all if m["type"] == "frame" and m["direction"] == "sent"]
    return [json.loads(text)["method"] for text in frames if f'"{channel}"' in text]


MAINTENANCE_NS = parse_time("2026-09-23T19:05:00Z")
NOON_NS = parse_time("2026-09-23T03:00:00Z")


@pytest.mark.parametrize(
    ("at_ns", "is_bitflyer", "came", "before", "why"),
    [
        (MAINTENANCE_NS, True, {"close_code": 1006}, "", "maintenance"),
        (MAINTENANCE_NS, True, {"failure": ConnectFailure.HTTP_STATUS, "http_status": 503}, "", "maintenance"),
        (MAINTENANCE_NS, True, {"failure": ConnectFailure.UNKNOWN_HOST}, "", "unknown_host"),
        (MAINTENANCE_NS, False, {"failure": ConnectFailure.HTTP_STATUS, "http_status": 503}, "", "http_status"),
        (NOON_NS, True, {"failure": ConnectFailure.HTTP_STATUS, "http_status": 503}, "", "http_status"),
        (NOON_NS, True, {"close_code": 1012, "close_reason": ""}, "", "closed"),
        (NOON_NS, False, {"close_code": 1012, "close_reason": "scheduled maintenance"}, "", "maintenance"),
        (NOON_NS, False, {"close_code": 1012, "close_reason": "replay begins again"}, "", "closed"),
        (NOON_NS, False, {"failure": ConnectFailure.HTTP_STATUS, "http_status": 503}, "maintenance", "maintenance"),
        (NOON_NS, False, {"failure": ConnectFailure.REFUSED}, "maintenance", "refused"),
    ],
)
def test_a_maintenance_is_called_one_where_it_is_one(at_ns, is_bitflyer, came, before, why):
    status = Status(StatusKind.CLOSED, at_ns, **came)
    assert _why(status, before, is_bitflyer=is_bitflyer)[0] == why
