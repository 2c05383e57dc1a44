"""The pytest plugin: fixtures that run an embedded exchange for a test, faults included.

::

    def test_my_bot_survives_a_reset(fulgurite_exchange):
        exchange = fulgurite_exchange(faults=[{"fault": "reset", "after": 1}])
        run_my_bot(exchange.realtime)
        assert len(exchange.connections()) == 2

The exchange runs in its own thread, so that a test may be synchronous, or asynchronous with any plugin. Only pytest is
imported before a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fulgurite.exchange.run import Exchange


class RunningExchange:
    """An exchange that runs until the test ends.

    Args:
        exchange: its addresses and its demo credentials.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.realtime = exchange.realtime
        """The JSON-RPC address."""
        self.socketio = exchange.socketio
        """The Socket.IO address."""
        self.http = exchange.http
        """The HTTP API, including `/v1`."""
        self.api_key = exchange.api_key
        self.api_secret = exchange.api_secret
        self.ca_file = exchange.ca_file
        """The file of the certificate to trust; None without TLS."""
        self.accounts = exchange.accounts
        """The accounts that can trade, with their keys and their orders, as in `run_exchange`."""
        self.seed = exchange.seed
        """The seed of the market; None in a replay."""
        self.replay = exchange.replay
        """The replayed recording, if any."""
        self.control = exchange.control
        """The control API."""

    def give_fault(self, fault: str, **members: object) -> int:
        """Inject a fault; return its number.

        Args:
            fault: its name, as in ``docs/faults.md``.
            members: its parameters, its moments and its aim.

        Raises:
            ValueError: an argument is invalid; the text names the accepted values.
        """
        number: int = self._ask("POST", "faults", {"fault": fault, **members})["number"]
        return number

    def end_fault(self, number: int | None = None) -> None:
        """End one fault, or all."""
        self._ask("DELETE", "faults" if number is None else f"faults/{number}")

    def published(self, channel: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The published messages, oldest first: `number`, `published_ns`, `channel`, `message`."""
        from urllib.parse import quote

        aim = "" if channel is None else f"&channel={quote(channel)}"
        messages: list[dict[str, Any]] = self._ask("GET", f"published?after={after}{aim}")
        return messages

    def connections(self) -> list[dict[str, Any]]:
        """The deliveries to each connection, in the order of the connections."""
        reports: list[dict[str, Any]] = self._ask("GET", "connections")
        return reports

    def missed(self, connection: int, channel: str) -> list[int]:
        """The numbers of the subscribed messages that a connection did not receive unaltered."""
        found = next(each for each in self.connections() if each["number"] == connection)
        report = found["channels"][channel]

        def is_within(number: int, ranges: list[tuple[int, int]]) -> bool:
            return any(first <= number <= last for first, last in ranges)

        # A private channel brings everyone's messages here, and a client its own.
        owners = (None, found["account"])
        numbers = [message["number"] for message in self.published(channel) if message.get("account") in owners]
        due = [number for number in numbers if is_within(number, report["subscribed"])]
        return [number for number in due if not is_within(number, report["delivered"])]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        import json
        from urllib.error import HTTPError
        from urllib.request import ProxyHandler, Request, build_opener

        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.control}/{path}", data, method=method)
        try:
            # Without the environment's proxy, because the exchange runs on this machine.
            with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
                answer = response.read()
                is_lines = response.headers.get_content_type() == "application/jsonl"
        except HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["error"]) from None
        return [json.loads(line) for line in answer.splitlines()] if is_lines else json.loads(answer)


@contextmanager
def _running(serving: AbstractAsyncContextManager[Exchange]) -> Iterator[RunningExchange]:
    import asyncio
    from concurrent.futures import Future
    from threading import Thread

    started: Future[tuple[RunningExchange, Callable[[], object]]] = Future()

    async def main() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with serving as exchange:
            started.set_result((RunningExchange(exchange), lambda: loop.call_soon_threadsafe(stopping.set)))
            await stopping.wait()

    def live() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = Thread(target=live, name="fulgurite exchange", daemon=True)
    thread.start()
    exchange, stop = started.result()
    try:
        yield exchange
    finally:
        stop()
        thread.join()


@pytest.fixture
def fulgurite_exchange() -> Iterator[Callable[..., RunningExchange]]:
    """Run exchanges on free ports until the test ends; the arguments are those of ``fulgurite.run_exchange``."""
    from fulgurite.exchange.run import run

    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(_running(run(**arguments)))


@pytest.fixture
def fulgurite_replay() -> Iterator[Callable[..., RunningExchange]]:
    """Serve recordings on free ports until the test ends; the arguments are those of ``fulgurite.run_replay``."""
    from fulgurite.exchange.run import run_replay

    with ExitStack() as stack:
        yield lambda *arguments, **named: stack.enter_context(_running(run_replay(*arguments, **named)))
