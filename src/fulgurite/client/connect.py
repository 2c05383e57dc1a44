"""`connect`: a stream of items that reconnects by itself and says what it missed meanwhile."""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Final, Self

from fulgurite.client.backoff import backoff, is_fatal
from fulgurite.client.conversation import Conversation, Credentials
from fulgurite.client.endpoints import Endpoint, resolve_endpoint
from fulgurite.client.inbox import Inbox
from fulgurite.client.items import Frame, Item, Malformed, Message, Status, StatusKind
from fulgurite.client.opening import open_session
from fulgurite.client.session import Session
from fulgurite.errors import ConnectError, FulguriteError, InputError, LocalProtocolError
from fulgurite.protocol.auth import signed_params
from fulgurite.protocol.channels import Channel, parse_channel
from fulgurite.protocol.dialects import Dialect, find_dialect
from fulgurite.protocol.events import ChannelMessage, ClientEvent, Ended

QUEUE_LIMIT: Final = 10_000
"""Items that may wait for the consumer before the socket is read no further."""


def connect(
    *channels: Channel | str,
    # where, and how
    endpoint: Endpoint | str = "live",
    dialect: Dialect | str = "json-rpc",
    ssl_context: ssl.SSLContext | None = None,
    # who
    credentials: Credentials | None = None,
    # what is yielded
    frames: bool = False,
    queue_limit: int = QUEUE_LIMIT,
    # times
    open_timeout: float = 10.0,
    request_timeout: float = 10.0,
    ping_after: float = 10.0,
    pong_timeout: float = 5.0,
    delays: Callable[[], Iterator[float]] | None = None,
) -> Stream:
    """Listen to channels::

        async with connect(ticker("BTC_JPY"), executions("BTC_JPY")) as stream:
            async for item in stream:
                ...

    Args:
        channels: what to subscribe, by name or as made by `ticker`, `executions`, `board` and their like.
        endpoint: "live", a URL, or an `Endpoint`.
        dialect: "json-rpc" or "socketio".
        ssl_context: for a certificate that the system does not trust; by default the system's trust and TLS 1.2 or
            better.
        credentials: a callable that gives the key and the secret. It is asked at each connection, and neither is
            kept. Needed for private channels.
        frames: yield each frame as a `Frame`, too.
        queue_limit: items that may wait for the consumer; then the socket is read no further until half of them are
            taken. Nothing is dropped, but a server may end a connection that is not read for some 15 seconds.
        open_timeout: seconds for making a connection.
        request_timeout: seconds for an answer to `auth` or `subscribe`, and for Socket.IO's opening.
        ping_after: seconds without any frame after which the server is pinged.
        pong_timeout: seconds without any frame after that until the connection is given up.
        delays: makes the delays, in seconds, between the attempts after a connection was useful; `backoff` by
            default. When they run out, the reason of the last ending is raised as `ConnectError`.

    Raises:
        InputError: an argument cannot be meant; it says what is accepted.
    """
    if queue_limit < 1:
        raise InputError("queue_limit", queue_limit, "a number from 1")
    return Stream(
        [_name(channel) for channel in channels],
        endpoint=resolve_endpoint(endpoint) if isinstance(endpoint, str) else endpoint,
        dialect=find_dialect(dialect) if isinstance(dialect, str) else dialect,
        ssl_context=ssl_context,
        credentials=credentials,
        frames=frames,
        queue_limit=queue_limit,
        open_timeout=open_timeout,
        request_timeout=request_timeout,
        ping_after=ping_after,
        pong_timeout=pong_timeout,
        delays=delays or (lambda: backoff(random.Random())),
    )


class Stream:
    """What `connect` returns: an async context manager and an async iterator of items, for one consumer.

    It connects when it is entered and ends when it is left. In between it reconnects after every kind of ending, and
    for each subscribed channel yields a `Gap` before the first message after it.

    Iterating raises `AuthenticationError` when the key is refused, and whatever `credentials` raises.
    """

    def __init__(
        self,
        channels: list[str],
        *,
        endpoint: Endpoint,
        dialect: Dialect,
        ssl_context: ssl.SSLContext | None,
        credentials: Credentials | None,
        frames: bool,
        queue_limit: int,
        open_timeout: float,
        request_timeout: float,
        ping_after: float,
        pong_timeout: float,
        delays: Callable[[], Iterator[float]],
    ) -> None:
        self.endpoint = endpoint
        self.dialect = dialect
        self._url = endpoint.websocket_url(dialect)
        self._ssl_context = ssl_context
        self._frames = frames
        self._open_timeout = open_timeout
        self._request_timeout = request_timeout
        self._ping_after = ping_after
        self._pong_timeout = pong_timeout
        self._delays = delays
        self._conversation = Conversation(channels, None if credentials is None else lambda: _sign(credentials))
        self._inbox = Inbox(queue_limit, self._pause, self._resume)
        # The connection, while there is one, and whether a channel's message came over it.
        self._session: Session | None = None
        self._is_useful = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise LocalProtocolError("a stream can be entered once; make a new one with connect()")
        if self._ssl_context is None and self._url.startswith("wss:"):
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.minimum_version = ssl.TLSVersion.TLSv1_2  # what the service asks for (section 1.1)
        self._task = asyncio.create_task(self._work(), name=f"fulgurite: {self._url}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
        unseen = self._inbox.take_error()
        # An error that nobody met while iterating must not get lost, unless there is a more recent one.
        if unseen is not None and error is None:
            raise unseen

    def __aiter__(self) -> Self:
        if self._task is None:
            raise LocalProtocolError("enter the stream first: async with connect(...) as stream")
        return self

    def __anext__(self) -> Awaitable[Item]:
        return self._inbox.get()

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Iterate over all that has come, in lists of at least one item: the same items, with less to do for each."""
        aiter(self)
        while True:
            try:
                batch = await self._inbox.get_all()
            except StopAsyncIteration:
                return
            yield batch

    async def subscribe(self, *channels: Channel | str) -> None:
        """Subscribe these channels as well, now or as soon as there is a connection, and on each one from then on.

        It does not wait for the server's answer, which comes as a `Status`: waiting here for what only iterating
        brings would be a deadlock.

        Raises:
            ChannelError: one is no channel; none of them is subscribed then.
        """
        self._conversation.subscribe([_name(channel) for channel in channels], _now())
        if self._session is not None:
            self._session.flush()

    async def unsubscribe(self, *channels: Channel | str) -> None:
        """Unsubscribe these channels; see `subscribe`. Messages that are on their way still come."""
        names = [_name(channel) for channel in channels]
        self._inbox.put(*self._conversation.unsubscribe(names, _now(), time.time_ns()))
        if self._session is not None:
            self._session.flush()

    async def close(self) -> None:
        """End the connection. What has come by then can still be iterated over."""
        if self._task is None:
            return
        self._task.cancel()
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            # Somebody is in a hurry: do without the closing handshake.
            if self._session is not None:
                self._session.abort()
            await asyncio.wait([self._task])
            raise

    # --- the connections, one after another

    async def _work(self) -> None:
        failure: Exception | None = None
        try:
            await self._connect_for_ever()
        except Exception as error:  # raised where the consumer sees it
            failure = error
        finally:
            self._inbox.close(self._conversation.gaps.finish(time.time_ns()), failure)

    async def _connect_for_ever(self) -> None:
        delays = self._delays()
        while True:
            # A consumer that takes nothing gets no further connections whose items would have to be kept.
            await self._inbox.room()
            self._put_status(StatusKind.CONNECTING, self._url)
            self._is_useful = False
            retry_after = 0.0
            try:
                reason = await self._connect_once()
            except FulguriteError as error:
                if is_fatal(error):
                    raise
                reason = str(error)
                retry_after = getattr(error, "retry_after", None) or 0.0
            finally:
                self._session = None
            self._conversation.interrupt(reason)
            self._put_status(StatusKind.CLOSED, reason)
            if self._is_useful:
                delays = self._delays()
            delay = next(delays, None)
            if delay is None:
                raise ConnectError(self._url, reason)
            delay = max(delay, retry_after)
            self._put_status(StatusKind.BACKING_OFF, f"{delay:.1f} s")
            await asyncio.sleep(delay)

    async def _connect_once(self) -> str:
        protocol = self.dialect.client(self._request_timeout)
        session = self._session = Session(protocol, self, self._ping_after, self._pong_timeout)
        await open_session(self._url, session, timeout=self._open_timeout, ssl_context=self._ssl_context)
        return await session.run()

    def _put_status(self, kind: StatusKind, detail: str) -> None:
        self._inbox.put(Status(kind, time.time_ns(), None, detail))

    def _pause(self) -> None:
        if self._session is not None:
            self._session.pause()

    def _resume(self) -> None:
        if self._session is not None:
            self._session.resume()

    # --- called by the session

    def received(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        """Take a frame; see `session.Receiver`."""
        if self._frames:
            self._inbox.items.append(Frame("received", at_ns, text))
        self._take(text, events, at_ns)

    def happened(self, events: list[ClientEvent], at_ns: int) -> None:
        """Take events without a frame; see `session.Receiver`."""
        self._take("", events, at_ns)

    def malformed(self, text: str, error: str, at_ns: int) -> None:
        """Take a frame that is not the protocol; see `session.Receiver`."""
        if self._frames:
            self._inbox.items.append(Frame("received", at_ns, text))
        gaps = self._conversation.gaps.lose(text, f"a frame that could not be read: {error}", at_ns)
        self._inbox.put(Malformed(at_ns, text, error), *gaps)

    def sent(self, text: str, at_ns: int) -> None:
        """Take note of what was sent; see `session.Receiver`."""
        if self._frames:
            self._inbox.put(Frame("sent", at_ns, text))

    def _take(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        items = self._inbox.items
        session = self._session
        assert session is not None  # it is who calls
        for event in events:
            if type(event) is ChannelMessage:
                channel, message = event
                gap = self._conversation.gaps.alive(channel, at_ns)
                if gap is not None:
                    items.append(gap)
                items.append(Message(channel, at_ns, text, message))
                self._is_useful = True
            elif isinstance(event, Ended):
                session.end(event.reason)
            else:
                items.extend(self._conversation.handle(session.protocol, event, _now(), at_ns))
                session.flush()
        self._inbox.added()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _name(channel: Channel | str) -> str:
    return parse_channel(channel).name if isinstance(channel, str) else channel.name


def _sign(credentials: Credentials) -> dict[str, object]:
    # Milliseconds, as in the documentation's sample (section 2). The secret lives no longer than this call.
    return signed_params(*credentials(), timestamp=time.time_ns() // 1_000_000, nonce=secrets.token_hex(16))
