"""Speaking to the backend as the page does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from fulgurite import playground

PATIENCE = 15.0


class Talker:
    """One page's line; every message that came is kept."""

    def __init__(self, connection: ClientConnection, page: playground.Page, token: str) -> None:
        self.connection = connection
        self.page = page
        self.token = token
        self.all: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def until(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message from now on that is wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = None
                for message in json.loads(await self.connection.recv()):
                    self.all.append(message)
                    if found is None and is_wanted(message):
                        found = message
                if found is not None:
                    return dict(found)

    async def until_type(self, name: str) -> dict[str, Any]:
        return await self.until(lambda message: message["type"] == name)

    async def upload(self, content: bytes) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(f"{self.page.url}logs", content=content, headers=self.headers)

    async def download(self, key: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"{self.page.url}logs/{key}", headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Origin": f"http://127.0.0.1:{self.page.port}", "fulgurite-token": self.token}


@asynccontextmanager
async def talking(page: playground.Page) -> AsyncIterator[Talker]:
    """Open a line as the page does."""
    async with httpx.AsyncClient() as client:
        found = re.search(r'name="fulgurite-token" content="([\w-]+)"', (await client.get(page.url)).text)
    assert found
    url = f"ws://127.0.0.1:{page.port}/ws?token={found[1]}"
    origin: Any = f"http://127.0.0.1:{page.port}"
    async with connect(url, origin=origin, proxy=None, max_size=None) as connection:
        yield Talker(connection, page, found[1])
