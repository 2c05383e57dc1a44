"""`fulgurite listen` into real pipes: what goes to which, and what happens when nobody reads any more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from typing import TextIO

import pytest

from fulgurite.client.listen import listen
from fulgurite.errors import ChannelError, InputError
from tests.client.peer import BOARD, TICKER, Connection, serve_script

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
    # ASCII, as where no locale is set: what is written must not depend on it.
    with open(write_end, "w", encoding="ascii", errors="backslashreplace") as out:  # noqa: ASYNC230
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
        )
        try:
            yield out, reader
        finally:
            transport.close()
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def listening(url: str, *, as_json: bool) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamReader]]:
    """Run `listen` on two channels; gives what it writes to its two outputs."""
    async with pipe() as (out, out_reader), pipe() as (err, err_reader):
        task = asyncio.create_task(listen([TICKER, BOARD], url, "json-rpc", as_json=as_json, out=out, err=err))
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
    assert set(gap) == members | {"note", "unresolved"}
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
                await listen([BOARD], url, "json-rpc", as_json=as_json, out=out, err=err)
            out.write("what Python still writes when it ends goes nowhere")


async def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ChannelError):
        await listen(["nope_channel"], "live", "json-rpc")
    with pytest.raises(InputError, match="endpoint"):
        await listen([TICKER], "nowhere", "json-rpc")
