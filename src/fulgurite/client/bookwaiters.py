"""The waiters for books to become LIVE. A shell."""

from __future__ import annotations

import asyncio

from fulgurite.client.feed import Feed
from fulgurite.errors import LocalProtocolError
from fulgurite.orderbook import BookState, OrderBook


class BookWaiters:
    """Wakes the waiters of each book; false while there are none."""

    def __init__(self) -> None:
        self._futures: dict[str, list[asyncio.Future[None]]] = {}

    def __bool__(self) -> bool:
        return any(self._futures.values())

    async def wait(self, product_code: str, book: OrderBook) -> None:
        """Wait until a product's book is LIVE.

        Raises:
            Exception: the error of `fail`.
        """
        while book.state is not BookState.LIVE:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting = self._futures.setdefault(product_code, [])
            waiting.append(future)
            try:
                await future
            finally:
                if future in waiting:
                    waiting.remove(future)

    def wake(self, feed: Feed) -> None:
        """Wake the waiters if a message of this channel has made its book LIVE."""
        if feed.keeper is None or feed.keeper.book.state is not BookState.LIVE:
            return
        for future in self._futures.pop(feed.channel.product_code, ()):
            if not future.done():
                future.set_result(None)

    def fail(self, error: Exception | None) -> None:
        """End all waiting at the end of the stream, with the error that ended it."""
        for futures in self._futures.values():
            for future in futures:
                if not future.done():
                    future.set_exception(error or LocalProtocolError("the stream ended before the book was LIVE"))
