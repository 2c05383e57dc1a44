"""One of a stream's connections: makes it, watches it, and makes it anew after every ending."""

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
from fulgurite.client.session import Session
from fulgurite.client.signing import Credentials, Signer, prepare_auth
from fulgurite.errors import ConnectError, FulguriteError, HandshakeRefusedError
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.channels import Kind
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import ChannelMessage, ClientEvent, Ended

BEHIND_SECONDS: Final = 2.0
"""What is read later than this after it was sent is old: no book may be LIVE on it."""

PROBE_SECONDS: Final = 1.0
"""While books are kept, how often the server is asked for an answer."""

ANSWER_SECONDS: Final = BEHIND_SECONDS - PROBE_SECONDS
"""A longer silence shows that messages may be old: they may have been so ever since the last answer."""


class Settings(NamedTuple):
    """What all connections of a stream have in common; see `connect`."""

    credentials: Credentials | Signer | None
    ssl_context: ssl.SSLContext | None
    frames: bool
    open_timeout: float
    request_timeout: float
    ping_after: float
    pong_timeout: float
    silence_limits: Mapping[Kind, float | None]
    delays: Callable[[], Iterator[float]]


class Receiver(Protocol):
    """Who is told what comes over a stream's connections."""

    def look(self) -> None:
        """Something was read, which is perhaps the first for a long time."""
        ...

    def ordinary(
        self, number: int, split: Split, texts: list[str], start: int, now: float, at_ns: int, heard: dict[str, float]
    ) -> int:
        """Frames came; see `session.Receiver.ordinary`. When a channel is heard is written to `heard`."""
        ...

    def message(self, number: int, message: Message, now: float) -> None:
        """A channel's message came. `woken` follows."""
        ...

    def woken(self) -> None:
        """What has come can be taken."""
        ...

    def acknowledged(self, number: int, channel: str, asked_ns: int, at_ns: int) -> None:
        """A channel's messages can come over this connection from now on; it was asked for at `asked_ns`."""
        ...

    def behind(self, number: int, reason: str) -> None:
        """What comes over this connection may be old from now on."""
        ...

    def caught_up(self, number: int) -> None:
        """What comes over this connection is new from now on."""
        ...

    def interrupted(self, number: int, reason: str, close_code: int | None, at_ns: int) -> None:
        """Nothing can come over this connection from now on; `at_ns` is what time it is."""
        ...

    def silent(self, number: int, channel: str, reason: str) -> None:
        """A channel was silent for too long on this connection."""
        ...

    def lost(self, number: int, text: str, reason: str, at_ns: int) -> None:
        """A frame came over this connection that cannot be read."""
        ...

    def put(self, *items: Status | Frame | Malformed) -> None:
        """Give the consumer these."""
        ...

    async def room(self) -> None:
        """Wait until the consumer has taken enough."""
        ...


class Connection:
    """Keeps one connection up.

    Args:
        number: which of the stream's connections it is, from 0.
        url: where to, a ws:// or wss:// URL.
        dialect: what is spoken there.
        wanted: the names of the channels that are wanted; it is read again at each use.
        receiver: who is told.
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
        # When each channel was heard last; what it means is found out at the next tick.
        self._heard = self._liveness.heard
        # The connection and what is said on it, while there is one, and whether a channel's message came over it.
        self._split: Split = lambda text: None
        self._session: Session | None = None
        self._conversation: Conversation | None = None
        self._is_useful = False
        # When each channel was last asked for.
        self._asked_ns: dict[str, int] = {}
        # Why it is not to be read at present; and whether what comes may be old.
        self._paused: str | None = None
        self.is_behind = False

    async def run(self) -> None:
        """Keep it up until cancelled.

        Raises:
            AuthenticationError: the key was refused.
            SubscriptionError: a channel was refused.
            ConnectError: the delays ran out.
            Exception: what the receiver or `credentials` raised.
        """
        delays = iter(self._settings.delays())
        while True:
            # A consumer that takes nothing gets no further connections whose items would have to be kept.
            await self._receiver.room()
            self._put_status(StatusKind.CONNECTING, self.url)
            self._is_useful = False
            retry_after = 0.0
            close_code = close_reason = failure = http_status = None
            unmade: ConnectError | None = None
            try:
                reason, close_code, close_reason = await self._connect_once()
            except FulguriteError as error:
                if is_fatal(error):
                    raise
                reason = str(error)
                unmade = error if isinstance(error, ConnectError) else None
                failure = None if unmade is None else unmade.failure
                http_status = error.status if isinstance(error, HandshakeRefusedError) else None
                retry_after = getattr(error, "retry_after", None) or 0.0
            finally:
                self._session = self._conversation = None
                self._liveness.disconnect()
                self.is_behind = False
            at_ns = time.time_ns()
            ended = (reason, None, self.number, close_code, close_reason, failure, http_status)
            # Before the gaps that it makes certain, since from its line in a recording a replay knows them, too.
            self._receiver.put(Status(StatusKind.CLOSED, at_ns, None, *ended))
            self._receiver.interrupted(self.number, reason, close_code, at_ns)
            if self._is_useful:
                delays = iter(self._settings.delays())
            delay = next(delays, None)
            if delay is None:
                raise unmade or ConnectError(self.url, reason)
            delay = max(check_number("delays", delay, "what yields seconds from 0"), retry_after)
            self._put_status(StatusKind.BACKING_OFF, f"{delay:.1f} s", delay)
            await asyncio.sleep(delay)

    def subscribe(self, channel: str) -> None:
        """Ask for a channel that is wanted from now on."""
        if self._conversation is not None and self._conversation.subscribe(channel, _now()):
            self._liveness.ask(channel, _now())
            self._asked_ns[channel] = time.time_ns()
        self._flush()

    def unsubscribe(self, channel: str) -> None:
        """Ask for a channel no longer."""
        self._liveness.forget(channel)
        self._asked_ns.pop(channel, None)
        if self._conversation is not None:
            self._conversation.unsubscribe(channel, _now())
        self._flush()

    def pause(self, reason: str) -> None:
        """Read no further, for this reason."""
        self._paused = reason
        if self._session is not None:
            self._session.pause()
            self._fall_behind(reason)

    def resume(self) -> None:
        """Read again."""
        self._paused = None
        if self._session is not None:
            self._session.resume()
            self._session.probe()

    def doubt(self, reason: str) -> None:
        """What comes from now on may be old, for this reason, until the server answers what it is asked now."""
        if self._session is not None and not self.is_behind:
            self._fall_behind(reason)
            self._session.probe()

    def abort(self) -> None:
        """Cut the connection at once."""
        if self._session is not None:
            self._session.abort()

    def tick(self, now: float) -> None:
        """Do something about channels that have been silent for too long."""
        if self._session is None or self._conversation is None:
            return
        for silence in self._liveness.due(now):
            self._act(silence, now)

    def excuse(self, seconds: float) -> None:
        """Nothing could be heard for so long, for another reason than that nothing was said."""
        self._liveness.shift(seconds)

    def probe(self) -> bool:
        """Find out how late it comes what the server sends, if anything can come, which is returned."""
        if self._session is None or not self._session.is_connected:
            return False
        self.look()
        waited = self._session.probed_for()
        if waited is None or waited > ANSWER_SECONDS:
            self._session.probe()
        return True

    def look(self) -> None:
        """Take note if what was asked has been unanswered for too long."""
        if self._session is not None and (self._session.probed_for() or 0.0) > ANSWER_SECONDS:
            self._fall_behind(f"no answer to a ping for {ANSWER_SECONDS:.0f} s: what the server sends may be old")

    # --- called by the session

    def ordinary(self, texts: list[str], start: int, now: float, at_ns: int) -> int:
        """Take ordinary messages of channels; see `session.Receiver`."""
        self._receiver.look()
        if self._settings.frames:
            return start
        end = self._receiver.ordinary(self.number, self._split, texts, start, now, at_ns, self._heard)
        self._is_useful = self._is_useful or end > start
        return end

    def received(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        """Take a frame; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("received", at_ns, text, self.number))
        self._take(text, events, at_ns)

    def happened(self, events: list[ClientEvent], at_ns: int) -> None:
        """Take events without a frame; see `session.Receiver`."""
        self._take("", events, at_ns)

    def malformed(self, text: str, error: str, at_ns: int) -> None:
        """Take a frame that is not the protocol; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("received", at_ns, text, self.number))
        self._receiver.put(Malformed(at_ns, text, error))
        self._receiver.lost(self.number, text, f"a frame that could not be read: {error}", at_ns)

    def sent(self, text: str, at_ns: int) -> None:
        """Take note of what was sent; see `session.Receiver`."""
        if self._settings.frames:
            self._receiver.put(Frame("sent", at_ns, text, self.number))

    def answered(self, seconds: float) -> None:
        """Take the answer to a probe; see `session.Receiver`."""
        assert self._session is not None  # it is who calls
        if seconds > ANSWER_SECONDS:
            # More of the same waits behind it.
            self._fall_behind(f"what the server sends comes {seconds:.0f} s late")
            self._session.probe()
            return
        self._receiver.caught_up(self.number)
        if self.is_behind:
            self.is_behind = False
            self._put_status(StatusKind.CAUGHT_UP, "all has been taken that was waiting")

    # --- inside

    def _fall_behind(self, reason: str) -> None:
        if self._session is not None and self._session.is_connected and not self.is_behind:
            self.is_behind = True
            self._receiver.behind(self.number, reason)
            self._put_status(StatusKind.BEHIND, reason)

    async def _connect_once(self) -> tuple[str, int | None, str | None]:
        """Why the connection ended, and the code and the words that the server closed it with."""
        settings = self._settings
        protocol = self.dialect.client(settings.request_timeout)
        self._split = protocol.split
        sign = None if settings.credentials is None else await prepare_auth(settings.credentials)
        self._conversation = Conversation(protocol, self._wanted, sign, self._liveness.has_heard, self.number)
        del sign  # it may hold the secret, and the conversation forgets it when it has signed
        session = self._session = Session(protocol, self, settings.ping_after, settings.pong_timeout)
        await open_session(self.url, session, timeout=settings.open_timeout, ssl_context=settings.ssl_context)
        if self._paused is not None:
            self.pause(self._paused)
        reason = await session.run()
        return reason, session.close_code, session.close_reason

    def _take(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        now = _now()
        for event in events:
            if type(event) is ChannelMessage:
                self._is_useful = True
                self._heard[event.channel] = now
                self._receiver.message(self.number, Message(event.channel, at_ns, text, event.message), now)
            else:
                self._take_other(event, now, at_ns)
        self._receiver.woken()

    def _take_other(self, event: ClientEvent, now: float, at_ns: int) -> None:
        assert self._session is not None  # it is who calls
        assert self._conversation is not None  # it was made with the session
        if isinstance(event, Ended):
            self._session.end(event.reason)
            return
        was_ready = self._conversation.is_ready
        for status in self._conversation.handle(event, now, at_ns):
            if status.kind is not StatusKind.SUBSCRIBED or status.channel is None:
                self._receiver.put(status)
                continue
            # At an answer that comes after the channel was given up, nobody remembers when it was asked for.
            asked_ns = self._asked_ns.get(status.channel, at_ns)
            self._receiver.put(msgspec.structs.replace(status, seconds=max(0, at_ns - asked_ns) / 1e9))
            if status.channel in self._wanted:
                self._receiver.acknowledged(self.number, status.channel, asked_ns, at_ns)
        if self._conversation.is_ready and not was_ready:
            for channel in self._wanted:
                self._liveness.ask(channel, now)
                self._asked_ns[channel] = at_ns
        self._flush()

    def _act(self, silence: Silence, now: float) -> None:
        channel, seconds, step = silence
        kind = StatusKind.SILENT
        if step is Step.RESUBSCRIBE:
            detail = f"nothing for {seconds:.0f} s; subscribing it again"
        elif step is Step.RECONNECT:
            detail = f"nothing for {seconds:.0f} s, although it was subscribed again; making a new connection"
        else:
            kind = StatusKind.DEAD
            detail = (
                f"acknowledged, but nothing came for {seconds:.0f} s, on a new connection neither: the product may not "
                "exist, be very quiet or closed, or the server is a stand-in; it stays subscribed"
            )
        at_ns = time.time_ns()
        self._receiver.put(Status(kind, at_ns, channel, detail, seconds, self.number))
        assert self._session is not None  # `tick` has looked
        assert self._conversation is not None
        self._receiver.silent(self.number, channel, f"{channel} was silent for {seconds:.0f} s")
        if step is Step.RECONNECT:
            self._session.end(f"{channel} was silent for {seconds:.0f} s, although it was subscribed again")
        elif step is Step.RESUBSCRIBE:
            self._conversation.unsubscribe(channel, now)
            self._conversation.subscribe(channel, now)
            self._asked_ns[channel] = at_ns
            self._flush()

    def _flush(self) -> None:
        if self._session is not None:
            self._session.flush()

    def _put_status(self, kind: StatusKind, detail: str, seconds: float | None = None) -> None:
        self._receiver.put(Status(kind, time.time_ns(), None, detail, seconds, self.number))


def _now() -> float:
    return asyncio.get_running_loop().time()
