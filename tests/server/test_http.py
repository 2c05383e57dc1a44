"""The checks of every HTTP server of ours before an app is asked."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from fulgurite.server.bind import bind_socket, port_of
from fulgurite.server.http import serve_app


@pytest.mark.parametrize("size", [160_000, 4_000_000])
async def test_a_head_that_is_too_long_is_answered_as_such(size: int):
    """Cookies of other servers on this machine come, too. The whole of it is taken, or the answer would be lost."""
    listening = bind_socket("127.0.0.1", 0, "--port")
    async with serve_app(Starlette(), [listening]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listening))
        head = f"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a={'x' * size}\r\n\r\n"
        writer.write(head[:100_000].encode())  # one that comes all at once may be taken
        begin = await reader.readexactly(len("HTTP/1.1 431"))
        assert begin == b"HTTP/1.1 431"
        writer.write(head[100_000:].encode())
        await writer.drain()
        answer = await reader.readuntil(b"delete those of this host.")
        assert answer.startswith(b" Request Header Fields Too Large\r\n")
        writer.close()
        await writer.wait_closed()
        # Others are answered as before.
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port_of(listening)}/")).status_code == 404


async def test_what_is_no_request_is_answered_as_such():
    listening = bind_socket("127.0.0.1", 0, "--port")
    async with serve_app(Starlette(), [listening]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listening))
        writer.write(b"nothing of the kind\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
