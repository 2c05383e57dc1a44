"""Speaking to the backend as the page does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from fulgurite import playground

PATIENCE = 60.0


class Talker:
    """One page's line; every message that came is kept."""

    def __init__(self, connection: ClientConnection, page: playground.Page, cookie: str) -> None:
        self.connection = connection
        self.page = page
        self.cookie = cookie
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
            return await client.post(f"{self.page.plain_origin}/logs", content=content, headers=self.headers)

    async def download(self, key: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"{self.page.plain_origin}/logs/{key}", headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Origin": self.page.plain_origin, "fulgurite-token": self.page.token, "Cookie": self.cookie}


async def cookie_of(page: playground.Page) -> str:
    """The cookie that a browser is given by the printed address."""
    async with httpx.AsyncClient() as client:
        given = (await client.get(page.plain_url)).headers["set-cookie"]
    return str(given.partition(";")[0])


@asynccontextmanager
async def talking(page: playground.Page) -> AsyncIterator[Talker]:
    """Open a line as the page does."""
    cookie = await cookie_of(page)
    url = f"ws://127.0.0.1:{page.port}/ws?token={page.token}"
    origin: Any = page.plain_origin
    async with connect(
        url, origin=origin, additional_headers={"Cookie": cookie}, proxy=None, max_size=None
    ) as connection:
        yield Talker(connection, page, cookie)
