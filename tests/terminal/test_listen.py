"""`fulgurite listen` into real pipes and at a real terminal: its two outputs, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from fulgurite.client.connect import connect
from fulgurite.client.items import Gap, Message
from fulgurite.client.replay import replay
from fulgurite.errors import InputError, RecordingError
from fulgurite.exchange.run import run, run_replay
from fulgurite.protocol.channels import board, board_snapshot, executions, parse_channel, ticker
from fulgurite.terminal.listen import listen
from tests.client.peer import BOARD, TICKER, Connection, serve_script
from tests.terminals import Terminal, at_terminal

MESSAGE = '{"mid_price": 1.50, "bids":[],"asks":[{"price":2.0,"size":0.10}], "note":"価格"}'


async def publish_and_close(connection: Connection) -> None:
    await connection.grant(2)
    text = '{"method":"channelMessage","params":{"channel":"%s","message":%s}}'
    connection.send(text % (BOARD, MESSAGE))
    connection.send("not the protocol")
    if connection.number == 0:
        connection.close(1012, "scheduled maintenance")


@contextlib.asynccontextmanager
async def pipe() -> AsyncIterator[tuple[TextIO, asyncio.StreamReader]]:
    """A pipe: a text file as Python opens it for standard output, and its other end."""
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # ASCII, as where no locale is set: the output must not depend on it.
    with open(write_end, "w", encoding="ascii", errors="backslashreplace") as out:  # noqa: ASYNC230
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
        )
        try:
            yield out, reader
        finally:
            transport.close()
            await asyncio.sleep(0)


async def hear(names: list[str], url: str, dialect: str = "json-rpc", **options: Any) -> None:
    """Run `listen` as the command does."""
    made = {name: options.pop(name) for name in ("connections", "repair", "audit", "ssl_context") if name in options}
    stream = connect(*names, endpoint=url, dialect=dialect, frames="record" in options, **made)
    await listen(stream, [parse_channel(name) for name in names], **options)


@contextlib.asynccontextmanager
async def listening(
    url: str, *, as_json: bool, **options: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamReader]]:
    """Run `listen` on two channels; gives its two outputs."""
    async with pipe() as (out, out_reader), pipe() as (err, err_reader):
        task = asyncio.create_task(hear([TICKER, BOARD], url, as_json=as_json, out=out, err=err, **options))
        try:
            async with asyncio.timeout(20):
                yield out_reader, err_reader
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_json_lines_are_messages_and_gaps_and_nothing_else():
    async with serve_script(publish_and_close) as url, listening(url, as_json=True) as (out, _):
        first = await out.readline()
        # The other channel has no message, so its gap comes later.
        gap = json.loads(await out.readline())
        second = await out.readline()
    received_ns = json.loads(first)["received_ns"]
    expected = f'{{"channel":"{BOARD}","received_ns":{received_ns},"message":{MESSAGE}}}\n'
    assert first.decode() == expected
    assert json.loads(second)["message"] == json.loads(MESSAGE)
    # The frame that could not be read and the closing are one gap, for nothing came between them.
    members = {"event", "channel", "reason", "from_ns", "to_ns", "last_ns", "first_ns", "repaired", "recovered"}
    assert set(gap) == members | {"note", "unresolved", "cause", "dropped", "close_code"}
    assert (gap["event"], gap["channel"], gap["repaired"], gap["recovered"]) == ("gap", BOARD, "none", 0)
    assert gap["reason"].startswith("a frame that could not be read: not a JSON-RPC frame")
    assert gap["reason"].endswith("; then closed by the server: 1012 scheduled maintenance")
    assert (gap["last_ns"], gap["first_ns"]) == (received_ns, json.loads(second)["received_ns"])


async def test_with_json_the_rest_goes_to_the_other_output():
    async with serve_script(publish_and_close) as url, listening(url, as_json=True) as (_, err):
        text = (await err.readuntil(b"backing off")).decode()
    assert "connecting ws://127.0.0.1" in text
    assert "BTC_JPY ticker         subscribed" in text
    assert "not the protocol: " in text
    assert "closed by the server: 1012 scheduled maintenance" in text
    assert "GAP" not in text


async def test_people_see_everything_in_one_place():
    async with serve_script(publish_and_close) as url, listening(url, as_json=False) as (out, err):
        text = (await out.readuntil(b"scheduled maintenance; repaired: none")).decode()
        assert not err._buffer  # type: ignore[attr-defined]
    assert "BTC_JPY ticker         subscribed" in text
    assert "BTC_JPY board          mid 1.5  0 bids  1 ask from 2" in text
    assert "closed by the server: 1012 scheduled maintenance" in text
    assert "GAP of " in text
    assert "\x1b" not in text, "no colours where there is no terminal"


@pytest.mark.parametrize("as_json", [True, False])
async def test_reader_that_leaves_ends_it_quietly(as_json):
    async def script(connection: Connection) -> None:
        await connection.grant(1)
        while True:
            connection.publish(BOARD, {"mid_price": 1.0, "bids": [], "asks": []})
            await asyncio.sleep(0)

    read_end, write_end = os.pipe()
    os.close(read_end)
    async with serve_script(script) as url, pipe() as (err, _):
        with open(write_end, "w") as out:  # noqa: ASYNC230
            async with asyncio.timeout(20):
                await hear([BOARD], url, as_json=as_json, out=out, err=err)
            out.write("what Python still writes when it ends goes nowhere")


async def test_what_is_recorded_is_what_was_shown(tmp_path):
    path = tmp_path / "log.jsonl"
    async with serve_script(publish_and_close) as url, listening(url, as_json=True, record=path) as (out, _):
        lines = [json.loads(await out.readline()) for _ in range(3)]
    items = [item async for item in replay(path)]
    messages = [item for item in items if isinstance(item, Message)]
    assert [(item.channel, item.received_ns) for item in messages] == [
        (line["channel"], line["received_ns"]) for line in lines if "message" in line
    ]
    gaps = [(gap.channel, gap.reason, gap.to_ns) for gap in items if isinstance(gap, Gap)]
    # The other channel's gap is told when the stream is closed, and not shown any more.
    assert [(line["channel"], line["reason"], line["to_ns"]) for line in lines if "event" in line] == gaps[:1]
    assert {channel for channel, *_ in gaps} == {BOARD, TICKER}
    with pytest.raises(InputError, match="--force"):
        await hear([TICKER], "ws://127.0.0.1:1", record=path)


async def test_what_is_recorded_can_be_served_and_listened_to_again(tmp_path):
    channels = [make("BTC_JPY").name for make in (ticker, executions, board, board_snapshot)]

    async def record(url: str, path: Path, least: int, **options: Any) -> None:
        async with pipe() as (out, reader):
            task = asyncio.create_task(hear(channels, url, as_json=True, record=path, out=out, err=out, **options))
            counts = dict.fromkeys(channels, 0)
            async with asyncio.timeout(60):
                while min(counts.values()) < least:
                    line = await reader.readline()
                    if line.startswith(b'{"channel"'):
                        counts[json.loads(line)["channel"]] += 1
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def messages(path: Path) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        async for item in replay(path):
            if isinstance(item, Message):
                found.setdefault(item.channel, []).append(item.raw)
        return found

    first, second = tmp_path / "first.jsonl.zst", tmp_path / "second.jsonl"
    async with run(seed=1, speed=10) as exchange:
        await record(exchange.realtime, first, 5, dialect="json-rpc")
    # So slowly that a late client still hears something of each channel.
    async with run_replay(first, speed=0.2) as exchange:
        await record(exchange.socketio, second, 1, dialect="socketio")
    recorded, heard = await messages(first), await messages(second)
    for name, texts in heard.items():
        # It came in when some had gone out, and left before the end.
        start = recorded[name].index(texts[0])
        assert recorded[name][start : start + len(texts)] == texts


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full, which Linux has")
async def test_a_full_disk_is_told_at_once_and_again_at_the_end_and_listening_goes_on(tmp_path):
    path = tmp_path / "full"
    path.symlink_to("/dev/full")

    async def script(connection: Connection) -> None:
        await connection.grant(2)
        while not connection.closed.is_set():
            connection.publish(BOARD, {"mid_price": 1.0, "bids": [], "asks": []})
            await asyncio.sleep(0.01)

    async def hear() -> None:
        async with (
            serve_script(script) as url,
            listening(url, as_json=True, record=path, replaces=True) as (out, err),
        ):
            await err.readuntil(b"fulgurite: cannot write ")
            for _ in range(100):
                assert await out.readline()

    with pytest.raises(RecordingError, match="No space left"):
        await hear()


ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


@contextlib.asynccontextmanager
async def at_screen(url: str, folder: Path, *options: str) -> AsyncIterator[Terminal]:
    command = [sys.executable, "-m", "fulgurite", "listen", "BTC_JPY", "--endpoint", url, *options]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "PYTHONUTF8": "1"}
    async with asyncio.timeout(60), at_terminal(*command, environment=environment, folder=folder) as terminal:
        yield terminal


async def test_a_terminal_has_a_screen_which_is_gone_after_ctrl_c(tmp_path):
    async def script(connection: Connection) -> None:
        await connection.grant(4)
        connection.publish(BOARD, {"mid_price": 1.0, "bids": [], "asks": []})
        connection.publish(
            "lightning_board_snapshot_BTC_JPY", {"mid_price": 1.5, "bids": [{"price": 1, "size": 7}], "asks": []}
        )
        await connection.closed.wait()

    async with serve_script(script) as url, at_screen(url, tmp_path, "--record", "log.jsonl") as terminal:
        await terminal.shows("EVENTS")
        await terminal.shows("█")
        assert ENTER_SCREEN in terminal.shown
        assert LEAVE_SCREEN not in terminal.shown
        terminal.types("\x03")
        await terminal.shows("0 gaps, 0 recovered")
    assert terminal.process.returncode == 0
    afterwards = terminal.shown.rpartition(LEAVE_SCREEN)[2]
    assert "1 message in" in afterwards
    assert "in log.jsonl" in afterwards
    assert terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l"), "the cursor is back"
    assert "Traceback" not in terminal.shown


async def serve_books(connection: Connection) -> None:
    await connection.grant(8)
    for name, size in (("BTC_JPY", 7), ("ETH_JPY", 5)):
        snapshot = {"mid_price": 1.5, "bids": [{"price": 1, "size": size}], "asks": [{"price": 2, "size": size}]}
        connection.publish(f"lightning_board_snapshot_{name}", snapshot)
    await connection.closed.wait()


async def test_the_screen_has_keys_and_shows_them(tmp_path):
    async with serve_script(serve_books) as url, at_screen(url, tmp_path, "ETH_JPY") as terminal:
        before = terminal.mode()
        await terminal.shows("█")
        await terminal.shows(" space ")
        for key in (" q ", " Tab "):
            assert key in terminal.shown
        assert terminal.mode() != before, "keys come one by one, unseen"
        terminal.shown = ""
        terminal.presses("\t")
        await terminal.shows("ETH_JPY \x1b")
        terminal.presses(" ")
        await terminal.shows("HELD since")
        terminal.shown = ""
        terminal.presses(" ")
        await terminal.shows(" hold")
        terminal.presses("q")
        await terminal.shows("0 gaps, 0 recovered")
        await terminal.process.wait()
        assert terminal.mode() == before
    assert terminal.process.returncode == 0
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("ending", ["q", "\x03", "SIGTERM", "error"])
async def test_the_terminal_is_as_it_was_after_every_ending(tmp_path, ending):
    async def script(connection: Connection) -> None:
        if ending == "error":
            request = json.loads(await connection.take())
            error = {"code": -32602, "message": "invalid channel"}
            connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}))
        else:
            await connection.grant(4)
        await connection.closed.wait()

    async with serve_script(script) as url, at_screen(url, tmp_path) as terminal:
        before = terminal.mode()
        if ending != "error":
            await terminal.shows(" space ")
            if ending == "SIGTERM":
                terminal.process.send_signal(signal.SIGTERM)
            else:
                terminal.presses(ending)
        await terminal.process.wait()
        assert terminal.mode() == before
    assert terminal.shown.count(ENTER_SCREEN) == terminal.shown.count(LEAVE_SCREEN) == 1
    assert terminal.process.returncode == {"SIGTERM": 143, "error": 1}.get(ending, 0)


async def test_ctrl_z_leaves_the_screen_and_going_on_enters_it_again(tmp_path):
    async with serve_script(serve_books) as url, at_screen(url, tmp_path, "ETH_JPY") as terminal:
        before = terminal.mode()
        await terminal.shows("█")
        terminal.presses("\x1a")
        await terminal.shows(LEAVE_SCREEN)
        await asyncio.to_thread(os.waitid, os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        assert terminal.mode() == before
        terminal.shown = ""
        terminal.process.send_signal(signal.SIGCONT)
        await terminal.shows(ENTER_SCREEN)
        await terminal.shows("█")
        terminal.presses("q")
        await terminal.process.wait()
        assert terminal.mode() == before


async def test_plain_gives_lines_at_a_terminal_too(tmp_path):
    async def script(connection: Connection) -> None:
        await connection.grant(3)
        connection.publish(BOARD, {"mid_price": 1.0, "bids": [], "asks": []})
        await connection.closed.wait()

    async with serve_script(script) as url, at_screen(url, tmp_path, "--plain") as terminal:
        await terminal.shows("mid 1  ")
        assert ENTER_SCREEN not in terminal.shown
        terminal.types("\x03")
    assert terminal.process.returncode == 0
