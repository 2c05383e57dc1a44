"""Signatures from the page: it alone has the secret. A shell: it waits for the page's answers.

The page checks each text and its endpoint (static/js/credentials.js): nothing but `auth` and reading of orders,
and for no other endpoint than the one that its key was typed for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from fulgurite.client import Signer
from fulgurite.errors import ConnectError
from fulgurite.playground import messages

SIGN_SECONDS: Final = 10.0
"""The longest time for a signature of the page: long enough for one that is drawing, short against any window in which
a timestamp is good."""


class PageSigner:
    """Has texts signed by one page.

    Args:
        ask: sends the page a message.
        seconds: how long the page may take.
    """

    def __init__(self, ask: Callable[[messages.Sign], None], seconds: float = SIGN_SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[str]] = {}

    def signer(self, api_key: str, endpoint: str, http: str) -> Signer:
        """A signer for `connect`, for this key at one endpoint; the page is told the endpoint with each text."""
        return Signer(api_key, partial(self._sign, endpoint, http))

    def answer(self, number: int, signature: str) -> None:
        """Take an answer of the page; one that nobody waits for any more is dropped.

        Args:
            number: that of the `Sign` message.
            signature: in hex; "" where the page does not sign.
        """
        future = self._waiting.get(number)
        if future is not None and not future.done():
            if signature:
                future.set_result(signature)
            else:
                future.set_exception(ConnectError("the endpoint", "the page has no key for it, and signed nothing"))

    async def _sign(self, endpoint: str, http: str, text: str) -> str:
        self._asked += 1
        number = self._asked
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._ask(messages.Sign(number, text, endpoint, http))
            async with asyncio.timeout(self._seconds):
                return await self._waiting[number]
        except TimeoutError:
            raise ConnectError("the endpoint", f"the page did not sign within {self._seconds:g} s") from None
        finally:
            del self._waiting[number]
