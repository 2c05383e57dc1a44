"""The requests to the server on one connection, and the meaning of its answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fulgurite.client.items import Status, StatusKind
from fulgurite.errors import AuthenticationError, SubscriptionError, UnansweredError
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
from fulgurite.protocol.subscriptions import ALREADY_SUBSCRIBED


class Conversation:
    """Makes the wanted requests, and turns the answers into statuses.

    Args:
        protocol: the session's state machine.
        wanted: the names of the wanted channels; read again at each use.
        sign: returns the params of `auth`, signed now; None for no authentication.
        is_heard: returns whether this connection has brought messages of a channel.
        number: the connection's number, for the statuses.
    """

    def __init__(
        self,
        protocol: ClientProtocol,
        wanted: Iterable[str],
        sign: Callable[[], dict[str, object]] | None,
        is_heard: Callable[[str], bool],
        number: int = 0,
    ) -> None:
        self._protocol = protocol
        self._wanted = wanted
        self._sign = sign
        self._is_heard = is_heard
        self._number = number
        # Whether the session is open, and authenticated if needed.
        self.is_ready = False

    def handle(self, event: ClientEvent, now: float, now_ns: int) -> list[Status]:
        """Process an event other than a message or the end.

        Raises:
            AuthenticationError: the server refused `auth`.
            SubscriptionError: it refused a wanted channel.
            UnansweredError: it did not answer a request that all others depend on.
        """
        match event:
            case Opened():
                if self._sign is None:
                    self._subscribe_all(now)
                else:
                    # "Check the completion or error response before doing the next action" (section 2).
                    self._protocol.authenticate(self._sign(), now)
                    self._sign = None
                return [self._status(StatusKind.OPEN, now_ns)]
            case Acknowledged(Request(Method.AUTH)):
                self._subscribe_all(now)
                return [self._status(StatusKind.AUTHENTICATED, now_ns)]
            case Acknowledged(Request(Method.SUBSCRIBE, channel)):
                return [self._status(StatusKind.SUBSCRIBED, now_ns, channel)]
            case Acknowledged(Request(Method.UNSUBSCRIBE, channel)):
                return [self._status(StatusKind.UNSUBSCRIBED, now_ns, channel)]
            case Refused(Request(Method.AUTH), code, text):
                raise AuthenticationError(str(Method.AUTH), code, text)
            case Refused(Request(Method.SUBSCRIBE, channel), code, text) if channel in self._wanted:
                if code == ALREADY_SUBSCRIBED.code:
                    return [self._status(StatusKind.SUBSCRIBED, now_ns, channel, text)]
                raise SubscriptionError(str(Method.SUBSCRIBE), channel, code, text)
            case Refused(request, code, text):
                words = f"{request.method} refused: {text}" + ("" if code is None else f" ({code})")
                return [self._status(StatusKind.REFUSED, now_ns, request.channel, words)]
            case Unanswered(request):
                return [self._unanswered(request, now_ns)]
        return []

    def subscribe(self, channel: str, now: float) -> bool:
        """Request a channel if the session is ready; return whether it is."""
        if self.is_ready:
            self._protocol.subscribe(channel, now)
        return self.is_ready

    def unsubscribe(self, channel: str, now: float) -> None:
        """Unsubscribe a channel if the session is ready."""
        if self.is_ready:
            self._protocol.unsubscribe(channel, now)

    def _subscribe_all(self, now: float) -> None:
        self.is_ready = True
        for channel in self._wanted:
            self._protocol.subscribe(channel, now)

    def _unanswered(self, request: Request, now_ns: int) -> Status:
        # Neither a channel with messages nor an unwanted one needs an answer.
        is_harmless = self._is_heard(request.channel) or request.channel not in self._wanted
        if request.method is Method.AUTH or not is_harmless:
            raise UnansweredError(str(request))
        return self._status(StatusKind.UNANSWERED, now_ns, request.channel, f"no answer to {request.method}")

    def _status(self, kind: StatusKind, now_ns: int, channel: str | None = None, detail: str = "") -> Status:
        return Status(kind, now_ns, channel, detail, connection=self._number)
