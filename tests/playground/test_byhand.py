"""Frames that are written by hand go over a connection of their own, as they are."""

from __future__ import annotations

import socket

import pytest

from fulgurite.client import LIVE
from fulgurite.errors import InputError
from fulgurite.playground import byhand
from fulgurite.playground.byhand import ByHand
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol.dialects import JSON_RPC
from tests.playground.talking import Talker

TICKER = "lightning_ticker_FX_BTC_JPY"


async def send_by_hand(talker: Talker, text: str, dialect: str = "json-rpc") -> None:
    await talker.say(type="byhand", text=text, endpoint="embedded", dialect=dialect)


async def answer(talker: Talker, part: str) -> str:
    found = await talker.until(
        lambda m: m["type"] == "frame" and m["by_hand"] and m["direction"] == "received" and part in m["text"]
    )
    return str(found["text"])


@pytest.mark.parametrize(
    ("dialect", "text", "part"),
    [
        ("json-rpc", '{"jsonrpc":', "-32700"),
        ("json-rpc", "[]", "Empty Array"),
        ("json-rpc", '{"jsonrpc":"2.0","method":"nope","id":1}', "-32601"),
        ("json-rpc", f'{{"jsonrpc":"2.0","method":"subscribe","params":{{"channel":"{TICKER}"}},"id":1}}', "true"),
        ("socketio", "2", "3"),
        ("socketio", f'421["subscribe","{TICKER}"]', "431[null]"),
    ],
)
async def test_the_servers_answer_is_shown_as_it_came(talker, dialect, text, part):
    await send_by_hand(talker, text, dialect)
    await answer(talker, part)
    rows = [m for m in talker.all if m.get("kind", "").startswith("hand") or (m["type"] == "frame" and m["by_hand"])]
    assert rows[0]["kind"] == "hand_open"
    sent = next(m for m in rows if m.get("direction") == "sent")
    assert sent["text"] == text, "and nothing else is sent with it"


async def test_nothing_is_done_to_the_connection_beside_it(talker, exchange):
    await talker.say(type="connect", endpoint="embedded", dialect="json-rpc", channels=[TICKER])
    await talker.until(lambda m: m["type"] == "frame" and m["direction"] == "received" and TICKER in m["text"])
    await send_by_hand(talker, f'{{"jsonrpc":"2.0","method":"unsubscribe","params":{{"channel":"{TICKER}"}},"id":1}}')
    await answer(talker, '"id":1')
    talker.all.clear()
    await talker.until(lambda m: m["type"] == "frame" and not m["by_hand"] and TICKER in m["text"])
    assert not [m for m in talker.all if m["type"] in ("gap", "connection")]


async def test_frames_that_follow_each_other_go_over_the_same_connection(talker, monkeypatch):
    monkeypatch.setattr(byhand, "PAUSE_SECONDS", 0.0)
    await send_by_hand(talker, '{"jsonrpc":"2.0","method":"nope","id":1}')
    await answer(talker, '"id":1')
    await send_by_hand(talker, '{"jsonrpc":"2.0","method":"nope","id":2}')
    await answer(talker, '"id":2')
    assert len([m for m in talker.all if m.get("kind") == "hand_open"]) == 1
    await talker.say(type="endbyhand")
    closed = await talker.until(lambda m: m.get("kind") == "hand_closed")
    assert closed["detail"] == "closed by you"
    await send_by_hand(talker, '{"jsonrpc":"2.0","method":"nope","id":3}')
    await answer(talker, '"id":3')


async def test_a_server_that_ends_it_is_quoted(talker):
    await send_by_hand(talker, "3", "socketio")  # a pong, as Engine.IO 4 would have it
    closed = await talker.until(lambda m: m.get("kind") == "hand_closed")
    assert closed["detail"]


async def test_a_server_that_is_not_there_is_said(talker):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    await talker.say(type="byhand", text="x", endpoint=f"ws://127.0.0.1:{free}/json-rpc", dialect="json-rpc")
    state = await talker.until(lambda m: m["type"] == "handstate" and m["state"] == "closed")
    assert "refused" in state["detail"]


async def test_frames_come_one_after_the_other(talker, monkeypatch):
    monkeypatch.setattr(byhand, "PAUSE_SECONDS", 60.0)
    for number in range(2):
        await send_by_hand(talker, f'{{"jsonrpc":"2.0","method":"nope","id":{number}}}')
    assert "later" in (await talker.until_type("problem"))["text"]


async def test_the_real_service_is_only_sent_to_by_who_means_it():
    """Nothing is connected here: it is refused before."""
    outbox = Outbox()
    by_hand = ByHand(outbox)
    with pytest.raises(InputError, match="real service"):
        await by_hand.send("x", LIVE, JSON_RPC, is_confirmed=False)
    assert outbox.drain() == []
