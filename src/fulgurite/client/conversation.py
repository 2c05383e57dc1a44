"""What is asked of the server and what has come of it, from one connection to the next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fulgurite.client.gaps import GapTracker
from fulgurite.client.items import Gap, Status, StatusKind
from fulgurite.errors import AuthenticationError, UnansweredError
from fulgurite.protocol.events import (
    Acknowledged,
    ClientEvent,
    ClientProtocol,
    Method,
    Opened,
    Refused,
    Request,
    Unanswered,
)

Credentials = Callable[[], tuple[str, str]]
"""Gives the key and its secret. Asked at each connection, so that neither has to be kept."""


class Conversation:
    """Asks for what is wanted on each new connection, and turns the answers into items.

    Args:
        channels: the names of the channels that are wanted.
        sign: gives the params of `auth`, signed now; None where nobody is to be authenticated.
    """

    def __init__(self, channels: Iterable[str], sign: Callable[[], dict[str, object]] | None) -> None:
        self.gaps = GapTracker()
        self._sign = sign
        # The session that requests go to, once it is ready for them.
        self._protocol: ClientProtocol | None = None
        for channel in channels:
            self.gaps.add(channel)

    def handle(self, protocol: ClientProtocol, event: ClientEvent, now: float, now_ns: int) -> list[Status | Gap]:
        """Do what an event demands, other than a message and the end.

        Raises:
            AuthenticationError: the server refused `auth`.
            UnansweredError: the server did not answer something without which there is no point in going on.
        """
        match event:
            case Opened():
                opened = Status(StatusKind.OPEN, now_ns)
                if self._sign is None:
                    self._subscribe_all(protocol, now)
                else:
                    # "Check the completion or error response before doing the next action" (section 2).
                    protocol.authenticate(self._sign(), now)
                return [opened]
            case Acknowledged(Request(Method.AUTH)):
                self._subscribe_all(protocol, now)
                return [Status(StatusKind.AUTHENTICATED, now_ns)]
            case Acknowledged(Request(Method.SUBSCRIBE, channel)):
                gap = self.gaps.alive(channel, now_ns)
                subscribed = Status(StatusKind.SUBSCRIBED, now_ns, channel)
                return [subscribed] if gap is None else [subscribed, gap]
            case Acknowledged(Request(Method.UNSUBSCRIBE, channel)):
                return [Status(StatusKind.UNSUBSCRIBED, now_ns, channel)]
            case Refused(Request(Method.AUTH), code, text):
                raise AuthenticationError(str(Method.AUTH), code, text)
            case Refused(request, code, text):
                words = f"{request.method} refused: {text}" + ("" if code is None else f" ({code})")
                return [Status(StatusKind.REFUSED, now_ns, request.channel, words)]
            case Unanswered(request):
                return self._unanswered(request, now_ns)
        return []

    def subscribe(self, channels: Iterable[str], now: float) -> None:
        """Want these channels from now on; those that are wanted already are left alone."""
        for channel in channels:
            if channel not in self.gaps.channels():
                self.gaps.add(channel)
                if self._protocol is not None:
                    self._protocol.subscribe(channel, now)

    def unsubscribe(self, channels: Iterable[str], now: float, now_ns: int) -> list[Gap]:
        """Want these channels no longer; an interruption that is still open ends here."""
        gaps = []
        for channel in channels:
            if channel in self.gaps.channels():
                gap = self.gaps.remove(channel, now_ns)
                if gap is not None:
                    gaps.append(gap)
                if self._protocol is not None:
                    self._protocol.unsubscribe(channel, now)
        return gaps

    def interrupt(self, reason: str) -> None:
        """The connection is gone."""
        self._protocol = None
        self.gaps.interrupt(reason)

    def _subscribe_all(self, protocol: ClientProtocol, now: float) -> None:
        self._protocol = protocol
        for channel in self.gaps.channels():
            protocol.subscribe(channel, now)

    def _unanswered(self, request: Request, now_ns: int) -> list[Status | Gap]:
        # A channel whose messages come needs no answer, and one that was given up needs none either.
        is_harmless = self.gaps.is_live(request.channel) or request.channel not in self.gaps.channels()
        if request.method is Method.AUTH or not is_harmless:
            raise UnansweredError(str(request))
        return [Status(StatusKind.UNANSWERED, now_ns, request.channel, f"no answer to {request.method}")]
