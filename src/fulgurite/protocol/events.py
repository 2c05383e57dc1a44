"""The events of the state machines of both dialects, and the interface that all four share. Pure.

A state machine is fed and drained and never awaits: `receive` takes one WebSocket message, `frames_to_send` gives the
frames that must go out, `next_timer` and `handle_timer` move time. `now` is in seconds on any clock that never goes
back.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

import msgspec


class Method(StrEnum):
    """The requests of a client; the same words in both dialects."""

    AUTH = "auth"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


class Request(NamedTuple):
    """One thing that was asked: the method, and the channel's name ("" for `auth`)."""

    method: Method
    channel: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.channel}".rstrip()


class Opened(NamedTuple):
    """The session is ready for requests."""


class Acknowledged(NamedTuple):
    """The server granted a request."""

    request: Request


class Refused(NamedTuple):
    """The server refused a request."""

    request: Request
    code: int | None
    text: str


class Unanswered(NamedTuple):
    """The server did not answer a request in time; the request is forgotten."""

    request: Request


class ChannelMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of a subscribed channel; `message` is its JSON text as it came.

    A Struct, unlike the other events, since JSON-RPC's frames are decoded straight to it: nearly all are messages.
    """

    channel: str
    message: msgspec.Raw


class Ended(NamedTuple):
    """The session is over, by the peer's word or for want of a heartbeat; the connection is to be closed."""

    reason: str


ClientEvent: TypeAlias = Opened | Acknowledged | Refused | Unanswered | ChannelMessage | Ended


class Authenticated(NamedTuple):
    """The client proved that it holds a key."""

    api_key: str


class Subscribed(NamedTuple):
    """The client is to be sent a channel from now on."""

    channel: str


class Unsubscribed(NamedTuple):
    """The client is to be sent a channel no longer."""

    channel: str


ServerEvent: TypeAlias = Authenticated | Subscribed | Unsubscribed | Ended


class ClientProtocol(Protocol):
    """The client's side of one session in either dialect."""

    def receive(self, data: str | bytes, now: float) -> list[ClientEvent]:
        """Take one WebSocket message.

        Raises:
            RemoteProtocolError: it is not the dialect; nothing in the session has changed.
        """
        ...

    def split(self, text: str) -> tuple[str, str] | None:
        """A channel's name and its message's JSON text, where the frame is written as the service writes such frames.

        The frame is only as well-formed as the text turns out to be, and the name as it is one that is known; where
        either is not, `receive` decides about the whole frame.
        """
        ...

    def frames_to_send(self) -> list[str]:
        """The frames that must go out, one WebSocket text message each, oldest first; each is given once."""
        ...

    def next_timer(self) -> float | None:
        """The time at which `handle_timer` must be called next, or None."""
        ...

    def handle_timer(self, now: float) -> list[ClientEvent]:
        """Send heartbeats, and give up on answers that do not come."""
        ...

    def authenticate(self, params: dict[str, object], now: float) -> None:
        """Ask for `auth` with signed params (see `auth.signed_params`)."""
        ...

    def subscribe(self, channel: str, now: float) -> None:
        """Ask for a channel."""
        ...

    def unsubscribe(self, channel: str, now: float) -> None:
        """Ask for a channel no longer."""
        ...


class ServerProtocol(Protocol):
    """The server's side of one session in either dialect.

    A request is decided and answered here; the events tell its consequences.
    """

    def receive(self, data: str | bytes, now: float) -> list[ServerEvent]:
        """Take one WebSocket message. Any message is answered as the real service does; nothing is raised."""
        ...

    def frames_to_send(self) -> list[str | bytes]:
        """The frames that must go out, str as text and bytes as binary, oldest first; each is given once."""
        ...

    def next_timer(self) -> float | None:
        """The time at which `handle_timer` must be called next, or None."""
        ...

    def handle_timer(self, now: float) -> list[ServerEvent]:
        """Send heartbeats, and end a session that its client has left."""
        ...
