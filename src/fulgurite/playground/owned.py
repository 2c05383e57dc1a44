"""The owner's rights on the embedded exchange: to trade with its demo account, and to inject faults.

A shell: it passes the page's requests on, to the HTTP port of this one exchange and to nothing else. The page reaches
it by its guarded WebSocket alone; the control API itself refuses every web page.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import httpx
import msgspec

from fulgurite.exchange.run import Exchange
from fulgurite.playground import messages
from fulgurite.protocol.choices import MAINTENANCE_CLOSE

TIMEOUT_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 1_000_000
"""The longest answer that the page is given; 500 orders have about 200 kB."""

CLOSES_AFTER_SECONDS: Final = 3.0
"""After the markets have closed, how long until the connections are: two minutes, on the real service (1.4)."""

CLOSED_SECONDS: Final = 10.0
"""The time for which a short maintenance closes the markets: ten minutes, on the real service."""

PREOPEN_SECONDS: Final = 8.0
"""The time to prepare its itayose: two minutes, on the real service."""


class OwnedExchange:
    """The embedded exchange, until `aclose`.

    Args:
        exchange: as it runs.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.demo = messages.DemoKey(exchange.api_key, exchange.api_secret)
        self._origin = exchange.http.removesuffix("/v1")
        self._client = httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS, headers={"Accept-Encoding": "identity"}
        )

    async def aclose(self) -> None:
        """Close the line to it."""
        await self._client.aclose()

    async def private(self, asked: messages.Private) -> messages.Answer:
        """Pass on a private HTTP request that the page has signed."""
        headers = {
            "ACCESS-KEY": asked.api_key,
            "ACCESS-TIMESTAMP": asked.timestamp,
            "ACCESS-SIGN": asked.signature,
            "Content-Type": "application/json",
        }
        return await self._ask(asked.number, asked.method, asked.target, asked.body, headers)

    async def control(self, asked: messages.Control) -> messages.Answer:
        """Pass on a request to the control API."""
        return await self._ask(asked.number, asked.method, f"/control/{asked.path}", asked.body)

    async def maintain(self, number: int) -> messages.Answer:
        """Take all markets through a short maintenance, and answer when the itayose is being prepared.

        When it is cancelled the markets open all the same.
        """
        listed = await self._ask(number, "GET", "/control/market", "")
        if listed.status != 200:
            return listed
        products = [market["product"] for market in msgspec.json.decode(listed.body, type=list[dict[str, str | None]])]
        try:
            await self._set_markets({"state": "CLOSED"}, products)
            close = {"fault": "close", **MAINTENANCE_CLOSE._asdict(), "after": CLOSES_AFTER_SECONDS}
            await self._ask(number, "POST", "/control/faults", msgspec.json.encode(close).decode())
            await asyncio.sleep(CLOSED_SECONDS)
        finally:
            answer = await self._set_markets({"state": "PREOPEN", "seconds": PREOPEN_SECONDS}, products)
        return msgspec.structs.replace(answer, number=number)

    async def _set_markets(self, change: dict[str, object], products: list[str | None]) -> messages.Answer:
        answer = messages.Answer(0, 200, "")
        for product in products:
            body = msgspec.json.encode({"product": product, **change}).decode()
            answer = await self._ask(0, "POST", "/control/market", body)
        return answer

    async def _ask(
        self, number: int, method: str, target: str, body: str, headers: dict[str, str] | None = None
    ) -> messages.Answer:
        try:
            async with self._client.stream(
                method, f"{self._origin}{target}", content=body.encode(), headers=headers
            ) as response:
                read = bytearray()
                async for chunk in response.aiter_raw():
                    read += chunk
                    if len(read) > MAX_ANSWER_BYTES:
                        return messages.Answer(number, 0, f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        except httpx.HTTPError as error:
            return messages.Answer(number, 0, f"the exchange did not answer: {error or type(error).__name__}")
        return messages.Answer(number, response.status_code, read.decode(errors="replace"), time.time() * 1e3)
