"""Third-party clients read the recorded sessions from the exchange; tests/exchange/test_replay.py compares bytes."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from fulgurite.exchange.run import run_replay
from tests.captures import SESSIONS, convert, received_messages
from tests.peers.programs import next_event, program

pytestmark = pytest.mark.usefixtures("node")


@pytest.mark.parametrize("client", ["socketio_client.js", "socketio_client.py", "jsonrpc_client.js"])
@pytest.mark.parametrize("session", SESSIONS)
async def test_a_client_reads_every_recorded_message_in_order(
    captures: Path, tmp_path: Path, session: str, client: str
):
    """As values: a client does not show the text that a number had."""
    log = tmp_path / "log.jsonl"
    convert(captures / session, log)
    recorded = [(channel.name, json.loads(message)) for channel, message in received_messages(captures / session)]
    channels = sorted({channel for channel, _ in recorded})
    assert len(recorded) > 1000

    async with run_replay(log, speed=0, paused=True) as exchange, aiohttp.ClientSession() as http:
        url = exchange.realtime if client == "jsonrpc_client.js" else exchange.socketio
        async with program(client, url, *channels, given=b"\n") as output:
            assert await next_event(output) == {"event": "connect"}
            for channel in channels:
                event = await next_event(output)
                assert (event["event"], event["channel"]) == ("subscribe", channel)
                assert event.get("error") is None
            control = exchange.http.removesuffix("/v1") + "/control/replay"
            async with http.post(control, json={"paused": False}) as response:
                assert response.status == 200
            for number, (channel, message) in enumerate(recorded):
                event = await next_event(output)
                if event["event"] == "pong":
                    event = await next_event(output)
                assert event == {"event": "message", "channel": channel, "message": message}, f"message {number}"
