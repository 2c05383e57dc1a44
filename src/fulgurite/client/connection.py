"""One of a stream's connections: opens it, watches it, and reopens it after every ending."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from fulgurite.client.backoff import is_fatal
from fulgurite.client.conversation import Conversation
from fulgurite.client.feeds import Split
from fulgurite.client.items import Frame, Malformed, Message, Status, StatusKind
from fulgurite.client.liveness import Liveness, Silence, Step
from fulgurite.client.opening import open_session
from fulgurite.client.session import Ending, Session
from fulgurite.client.signing import Credentials, Signer, prepare_auth
from fulgurite.errors import ConnectError, FulguriteError, HandshakeRefusedError
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import ChannelMessage, ClientEvent, Ended

BEHIND_SECONDS: Final = 2.0
"""Limit on the age of messages at receipt. No book is LIVE on older ones."""

PROBE_SECONDS: Final = 1.0
"""Interval of the probes while books are kept."""

ANSWER_SECONDS: Final = BEHIND_SECONDS - PROBE_SECONDS
"""Limit on the time of an answer. After it, messages may have been old ever since the previous answer."""


class Settings(NamedTuple):
    """The common settings of a stream's connections; see `connect`."""

    credentials: Credentials | Signer | None
    ssl_context: ssl.SSLContext | None
    frames: bool
    open_timeout: float
    request_timeout: float
    ping_after: float
    pong_timeout: float
    silence_limits: Mapping[Kind, float | None]
    delays: Callable[[], Iterator[float]]
    refused_advice: str
    """See `open_session`."""


class Receiver(Protocol):
    """The receiver of the events of a stream's connections."""

    def look(self) -> None:
        """Check for a pause of this process before processing frames."""
        ...

    def ordinary(
        self, number: int, split: Split, texts: list[str], start: int, now: float, at_ns: int, heard: dict[str, float]
    ) -> int:
        """Process frames; see `session.Receiver.ordinary`. `heard` gets the time for each channel heard."""
        ...

    def message(self, number: int, message: Message, now: float) -> None:
        """Process a channel's message. A call of `woken` follows."""
        ...

    def woken(self) -> None:
        """Wake the consumer."""
        ...

    def acknowledged(self, number: int, channel: str, asked_ns: int, at_ns: int) -> None:
        """Process the acknowledgement of a subscription that was requested at `asked_ns`."""
        ...

    def behind(self, number: int, reason: str) -> None:
        """Expect old messages on this connection from now on."""
        ...

    def caught_up(self, number: int) -> None:
        """Expect new messages on this connection from now on."""
        ...

    def interrupted(self, number: int, reason: str, close_code: int | None, at_ns: int) -> None:
        """Process the end of this connection at `at_ns`, the present time."""
        ...

    def silent(self, number: int, channel: str, reason: str) -> None:
        """Process the excessive silence of a channel on this connection."""
        ...

    def lost(self, number: int, text: str, reason: str, at_ns: int) -> None:
        """Process an unreadable frame of this connection."""
        ...

    def put(self, *items: Status | Frame | Malformed) -> None:
        """Give the consumer these items."""
        ...

    async def room(self) -> None:
        """Wait until the consumer's queue has room."""
        ...


class _Attempt(NamedTuple):
    """One attempt to connect, and the connection that comes of it."""

    session: Session
    conversation: Conversation
    split: Split


class Connection:
    """Keeps one connection up.

    Args:
        number: the connection's number in its stream, from 0.
        url: the address, a ws:// or wss:// URL.
        dialect: the dialect at this address.
        wanted: the names of the wanted channels; read again at each use.
        receiver: the receiver of the events.
        settings: see `Settings`.
    """

    def __init__(
        self,
        number: int,
        url: str,
        dialect: Dialect,
        wanted: Collection[str],
        receiver: Receiver,
        settings: Settings,
    ) -> None:
        self.number = number
        self.url = url
        self.dialect = dialect
        self._wanted = wanted
        self._receiver = receiver
        self._settings = settings
        self._liveness = Liveness(settings.silence_limits)
        # The present attempt; whether it has brought a channel's message; and whether its messages may be old.
        self._attempt: _Attempt | None = None
        self._is_useful = False
        self.is_behind = False
        # The time of each channel's latest request.
        self._asked_ns: dict[str, int] = {}
        # The reason of a pause in reading.
        self._paused: str | None = None

    async def run(self) -> None:
        """Keep it up until cancelled.

        Raises:
            AuthenticationError: the key was refused.
            SubscriptionError: a channel was refused.
            ConnectError: the delays ran out.
            Exception: an exception of the receiver or of `credentials`.
        """
        delays = iter(self._settings.delays())
        while True:
            # Each attempt makes items, so none is made while the consumer's queue is full.
            await self._receiver.room()
            self._put_status(StatusKind.CONNECTING, self.url)
            self._is_useful = False
            error: FulguriteError | None = None
            try:
                ending = await self._connect_once()
            except FulguriteError as raised:
                if is_fatal(raised):
                    raise
                error, ending = raised, Ending(str(raised))
            finally:
                self._attempt = None
                self._liveness.disconnect()
                self.is_behind = False
            self._tell_ending(ending, error)
            if self._is_useful:
                delays = iter(self._settings.delays())
            delay = next(delays, None)
            if delay is None:
                raise error if isinstance(error, ConnectError) else ConnectError(self.url, ending.reason)
            check_number("delays", delay, "an iterator of seconds, each 0 or more")
            delay = max(delay, getattr(error, "retry_after", None) or 0.0)
            self._put_status(StatusKind.BACKING_OFF, f"{delay:.1f} s", delay)
            await asyncio.sleep(delay)

    def subscribe(self, channel: str) -> None:
        """Request a channel that is now wanted."""
        if self._attempt is None:
            return
        if self._attempt.conversation.subscribe(channel, _now()):
            self._liveness.ask(channel, _now())
            self._asked_ns[channel] = time.time_ns()
        self._attempt.session.flush()

    def unsubscribe(self, channel: str) -> None:
        """Cancel the request of a channel."""
        self._liveness.forget(channel)
        self._asked_ns.pop(channel, None)
        if self._attempt is not None:
            self._attempt.conversation.unsubscribe(channel, _now())
            self._attempt.session.flush()

    def pause(self, reason: str) -> None:
        """Stop reading, for this reason."""
        self._paused = reason
        if self._attempt is not None:
            self._attempt.session.pause()
            self._fall_behind(reason)

    def resume(self) -> None:
        """Read again."""
        self._paused = None
        if self._attempt is not None:
            self._attempt.session.resume()
            self._attempt.session.probe()

    def doubt(self, reason: str) -> None:
        """Treat messages as old, for this reason, until the server answers a new probe."""
        if self._attempt is not None and not self.is_behind:
            self._fall_behind(reason)
            self._attempt.session.probe()

    def abort(self) -> None:
        """Cut the connection at once."""
        if self._attempt is not None:
            self._attempt.session.abort()

    def tick(self, now: float) -> None:
        """Act on channels that have been silent for too long."""
        if self._attempt is not None:
            for silence in self._liveness.due(now):
                self._act(silence, self._attempt, now)

    def excuse(self, seconds: float) -> None:
        """Extend all silence limits by a time in which nothing could be read."""
        self._liveness.shift(seconds)

    def probe(self) -> bool:
        """Measure the delay of the server's messages; return whether the connection is open."""
        if self._attempt is None or not self._attempt.session.is_connected:
            return False
        self.look()
        waited = self._attempt.session.probed_for()
        if waited is None or waited > ANSWER_SECONDS:
            self._attempt.session.probe()
        return True

    def look(self) -> None:
        """Expect old messages if the latest probe has been unanswered for too long."""
        if self._attempt is not None and (self._attempt.session.probed_for() or 0.0) > ANSWER_SECONDS:
            self._fall_behind(f"no answer to a ping for {ANSWER_SECONDS:.0f} s: messages may be old")

    # --- called by the session

    def ordinary(self, texts: list[str], start: int, now: float, at_ns: int) -> int:
        """Process ordinary messages of channels; see `session.Receiver`."""
        self._receiver.look()
        if self._settings.frames:
            return start
        assert self._attempt is not None  # its session called this
        heard = self._liveness.heard
        end = self._receiver.ordinary(self.number, self._attempt.split, texts, start, now, at_ns, heard)
        self._is_useful = self._is_useful or end > start
        return end

    def received(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        """Process a frame; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("received", at_ns, text, self.number))
        self._dispatch(text, events, at_ns)

    def happened(self, events: list[ClientEvent], at_ns: int) -> None:
        """Process events without a frame; see `session.Receiver`."""
        self._dispatch("", events, at_ns)

    def malformed(self, text: str, error: str, at_ns: int) -> None:
        """Process a frame that breaks the protocol; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("received", at_ns, text, self.number))
        self._receiver.put(Malformed(at_ns, text, error))
        self._receiver.lost(self.number, text, f"a frame that could not be read: {error}", at_ns)

    def sent(self, text: str, at_ns: int) -> None:
        """Process a frame that was sent; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("sent", at_ns, text, self.number))

    def answered(self, seconds: float) -> None:
        """Process the answer to a probe; see `session.Receiver`."""
        assert self._attempt is not None  # its session called this
        if seconds > ANSWER_SECONDS:
            # The frames behind it are just as late.
            self._fall_behind(f"messages arrive {seconds:.0f} s late")
            self._attempt.session.probe()
            return
        self._receiver.caught_up(self.number)
        if self.is_behind:
            self.is_behind = False
            self._put_status(StatusKind.CAUGHT_UP, "all waiting messages have been processed")

    # --- inside

    def _fall_behind(self, reason: str) -> None:
        if self._attempt is not None and self._attempt.session.is_connected and not self.is_behind:
            self.is_behind = True
            self._receiver.behind(self.number, reason)
            self._put_status(StatusKind.BEHIND, reason)

    def _tell_ending(self, ending: Ending, error: FulguriteError | None) -> None:
        failure = error.failure if isinstance(error, ConnectError) else None
        http_status = error.status if isinstance(error, HandshakeRefusedError) else None
        at_ns = time.time_ns()
        # Before its gaps, because a replay of a recording derives them from this line.
        self._receiver.put(Status(
            StatusKind.CLOSED, at_ns, None, ending.reason, None, self.number,
            ending.close_code, ending.close_reason, failure, http_status,
        ))  # fmt: skip
        self._receiver.interrupted(self.number, ending.reason, ending.close_code, at_ns)

    async def _connect_once(self) -> Ending:
        """Make a connection, and return its end."""
        settings = self._settings
        protocol = self.dialect.client(settings.request_timeout)
        sign = None if settings.credentials is None else await prepare_auth(settings.credentials)
        conversation = Conversation(protocol, self._wanted, sign, self._liveness.has_heard, self.number)
        del sign  # it may hold the secret; the conversation forgets it after signing
        session = Session(protocol, self, settings.ping_after, settings.pong_timeout)
        self._attempt = _Attempt(session, conversation, protocol.split)
        timeout, context, advice = settings.open_timeout, settings.ssl_context, settings.refused_advice
        await open_session(self.url, session, timeout=timeout, ssl_context=context, refused_advice=advice)
        if self._paused is not None:
            self.pause(self._paused)
        return await session.run()

    def _dispatch(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        now = _now()
        for event in events:
            if type(event) is ChannelMessage:
                self._is_useful = True
                self._liveness.heard[event.channel] = now
                self._receiver.message(self.number, Message(event.channel, at_ns, text, event.message), now)
            else:
                self._dispatch_other(event, now, at_ns)
        self._receiver.woken()

    def _dispatch_other(self, event: ClientEvent, now: float, at_ns: int) -> None:
        assert self._attempt is not None  # its session called this
        session, conversation, _ = self._attempt
        if isinstance(event, Ended):
            session.end(event.reason)
            return
        was_ready = conversation.is_ready
        for status in conversation.handle(event, now, at_ns):
            if status.kind is not StatusKind.SUBSCRIBED or status.channel is None:
                self._receiver.put(status)
                continue
            # The time of the request is forgotten if the channel was given up before the answer.
            asked_ns = self._asked_ns.get(status.channel, at_ns)
            self._receiver.put(msgspec.structs.replace(status, seconds=max(0, at_ns - asked_ns) / 1e9))
            if status.channel in self._wanted:
                self._receiver.acknowledged(self.number, status.channel, asked_ns, at_ns)
        if conversation.is_ready and not was_ready:
            for channel in self._wanted:
                self._liveness.ask(channel, now)
                self._asked_ns[channel] = at_ns
        session.flush()

    def _act(self, silence: Silence, attempt: _Attempt, now: float) -> None:
        channel, seconds, step = silence
        kind = StatusKind.SILENT
        if step is Step.RESUBSCRIBE:
            detail = f"nothing for {seconds:.0f} s; subscribing it again"
        elif step is Step.RECONNECT:
            detail = f"nothing for {seconds:.0f} s, although it was subscribed again; making a new connection"
        else:
            kind = StatusKind.DEAD
            detail = (
                f"acknowledged, but silent for {seconds:.0f} s, even on a new connection: the product does not exist, "
                "is very quiet or is closed, or the server is a stand-in; it stays subscribed"
            )
        at_ns = time.time_ns()
        self._receiver.put(Status(kind, at_ns, channel, detail, seconds, self.number))
        self._receiver.silent(self.number, channel, f"{channel} was silent for {seconds:.0f} s")
        if step is Step.RECONNECT:
            attempt.session.end(f"{channel} was silent for {seconds:.0f} s, although it was subscribed again")
        elif step is Step.RESUBSCRIBE:
            attempt.conversation.unsubscribe(channel, now)
            attempt.conversation.subscribe(channel, now)
            self._asked_ns[channel] = at_ns
            attempt.session.flush()

    def _put_status(self, kind: StatusKind, detail: str, seconds: float | None = None) -> None:
        self._receiver.put(Status(kind, time.time_ns(), None, detail, seconds, self.number))


def _now() -> float:
    return asyncio.get_running_loop().time()
