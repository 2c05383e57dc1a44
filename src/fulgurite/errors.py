"""The tree of Fulgurite's exceptions. Pure.

::

    FulguriteError
    ├── InputError                  an invalid value from the caller; names the accepted ones
    │   └── ChannelError            not the name of a realtime channel
    ├── RemoteProtocolError         the peer broke the protocol
    │   ├── MessageError            a message of a known channel that does not fit its type
    │   └── FragmentError           a WebSocket data frame out of place, too long, or not UTF-8
    ├── LocalProtocolError          the caller broke the protocol
    ├── ConnectError                no connection could be made, or not as requested
    │   └── HandshakeRefusedError   the server answered the WebSocket handshake with an HTTP status
    ├── UnansweredError             the server did not answer a request in time
    ├── RequestRefusedError         the server refused a request, with a code and a text
    │   ├── AuthenticationError     it refused `auth`
    │   ├── SubscriptionError       it refused to subscribe or unsubscribe a channel
    │   └── HttpRequestError        the HTTP API answered with another status than 200
    ├── KeychainError               the system's keychain cannot be used, or lacks a key
    │   └── KeyEndpointError        a key in the keychain does not sign for this endpoint
    ├── ListenError                 a server cannot listen on an address
    │   └── AddressInUseError       the port is taken
    ├── RecordingError              a recording cannot be written
    ├── SlowConsumerError           a stream's consumer did not keep up
    └── BookNotLiveError            the order book was asked while it may be wrong

Each has its data as attributes, builds its own text from them, and names the next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class FulguriteError(Exception):
    """The root of the tree: catch this to catch every exception of Fulgurite."""


class InputError(FulguriteError, ValueError):
    """An invalid value from the caller.

    Args:
        field: the name of the argument, option or JSON member.
        value: the invalid value.
        accepted: the accepted values, in words or as a list.
    """

    def __init__(self, field: str, value: object, accepted: str | Iterable[str]) -> None:
        self.field = field
        self.value = value
        self.accepted = accepted if isinstance(accepted, str) else "one of " + ", ".join(accepted)
        super().__init__(f"{field}: {_shorten(repr(value))} is not accepted; give {self.accepted}")


class ChannelError(InputError):
    """A name of no realtime channel."""


class RemoteProtocolError(FulguriteError):
    """The peer broke the protocol.

    Args:
        problem: the problem in words.
        received: the data received; the text of the error shows only the beginning.
    """

    def __init__(self, problem: str, received: str | bytes = "") -> None:
        self.problem = problem
        self.received = received
        shown = f": {_shorten(repr(received))}" if received else ""
        super().__init__(f"{problem}{shown}")


class MessageError(RemoteProtocolError):
    """A message of a known channel that does not fit the channel's type."""

    def __init__(self, channel: str, problem: str, received: str | bytes = "") -> None:
        self.channel = channel
        super().__init__(f"{channel}: {problem}", received)


class FragmentError(RemoteProtocolError):
    """A WebSocket data frame out of place, a message too long, or a text that is not UTF-8.

    Args:
        close_code: the code for closing the connection (RFC 6455, section 7.4.1).
        problem: the problem in words.
    """

    def __init__(self, close_code: int, problem: str) -> None:
        self.close_code = close_code
        super().__init__(problem)


class LocalProtocolError(FulguriteError):
    """The caller broke the protocol: the present state forbids the call."""


class ConnectFailure(StrEnum):
    """The kind of a failure to connect."""

    UNKNOWN_HOST = "unknown_host"
    """The name has no address: it is wrong, or there is no network."""
    UNREACHABLE = "unreachable"
    """There is no network, or no route to the address."""
    REFUSED = "refused"
    """No program listens there."""
    TIMEOUT = "timeout"
    TLS = "tls"
    """The certificate is not trusted, or TLS could not be agreed on."""
    HTTP_STATUS = "http_status"
    """The server answered the handshake with another HTTP status than 101."""
    OTHER = "other"


class ConnectError(FulguriteError):
    """No connection could be made, or not as requested.

    Args:
        url: the address.
        problem: the problem in words.
        advice: the next step for the user.
        failure: the kind of the problem.
    """

    def __init__(
        self, url: str, problem: str, advice: str = "", failure: ConnectFailure = ConnectFailure.OTHER
    ) -> None:
        self.url = url
        self.problem = problem
        self.advice = advice
        self.failure = failure
        super().__init__(f"cannot connect to {url}: {problem}" + (f"; {advice}" if advice else ""))


class HandshakeRefusedError(ConnectError):
    """The server answered the WebSocket handshake with an HTTP status other than 101.

    Args:
        url: the address.
        status: the HTTP status.
        retry_after: the server's `Retry-After` in seconds, or None if it sent none.
    """

    def __init__(self, url: str, status: int, retry_after: float | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        problem = f"the server answered the WebSocket handshake with HTTP status {status}"
        super().__init__(url, problem, failure=ConnectFailure.HTTP_STATUS)


class UnansweredError(FulguriteError):
    """The server did not answer a request in time.

    Args:
        request: the request, for example ``subscribe lightning_ticker_BTC_JPY``.
    """

    def __init__(self, request: str) -> None:
        self.request = request
        super().__init__(f"the server did not answer {request}")


class RequestRefusedError(FulguriteError):
    """The server refused a request.

    Args:
        request: the request, for example ``subscribe lightning_ticker_BTC_JPY``.
        code: the server's error code, or None if it sent none.
        text: the server's words.
    """

    def __init__(self, request: str, code: int | None, text: str) -> None:
        self.request = request
        self.code = code
        self.text = text
        shown = text if code is None else f"{text} ({code})"
        super().__init__(f"the server refused {request}: {shown}")


class AuthenticationError(RequestRefusedError):
    """The server refused `auth`: the key, the signature or the time is wrong, or the key lacks a permission."""


class SubscriptionError(RequestRefusedError):
    """The server refused to subscribe or unsubscribe a channel."""

    def __init__(self, method: str, channel: str, code: int | None, text: str) -> None:
        self.channel = channel
        super().__init__(f"{method} {channel}", code, text)


class HttpRequestError(RequestRefusedError):
    """The HTTP API answered with another status than 200.

    Args:
        url: the URL of the request.
        status: the HTTP status.
        code: the service's error code, as in ``{"status":-100,"error_message":"Invalid product"}``; None if the answer
            has none.
        text: the service's words, or the name of the HTTP status.
    """

    def __init__(self, url: str, status: int, code: int | None, text: str) -> None:
        self.url = url
        self.status = status
        super().__init__(f"GET {url} with HTTP status {status}", code, _shorten(text))


class KeychainError(FulguriteError):
    """The system's keychain cannot be used, or has no such key.

    Args:
        problem: the problem, as a sentence.
        advice: the next step for the user.
    """

    def __init__(self, problem: str, advice: str) -> None:
        self.problem = problem
        self.advice = advice
        super().__init__(f"{problem}; {advice}")


class KeyEndpointError(KeychainError):
    """A key in the keychain belongs to another endpoint, so it signed nothing.

    Args:
        name: the name of the key.
        kept_for: the endpoint of the key, as the user named it.
        address: the origin of the request to be signed: ``wss://example.com``.
    """

    def __init__(self, name: str, kept_for: str, address: str) -> None:
        self.name = name
        self.kept_for = kept_for
        self.address = address
        super().__init__(
            f"the key {name!r} is kept for {kept_for} and signs nothing for {address}",
            "use it there, or keep a key of this endpoint: fulgurite credentials add NAME --endpoint URL [--http URL]",
        )


class ListenError(FulguriteError):
    """A server cannot listen on an address.

    Args:
        host: the address.
        port: the port, 0 to 65535.
        problem: the reason and the next step.
    """

    def __init__(self, host: str, port: int, problem: str) -> None:
        self.host = host
        self.port = port
        self.problem = problem
        super().__init__(f"cannot listen on {host} port {port}: {problem}")


class AddressInUseError(ListenError):
    """The port is taken.

    Args:
        host: the address.
        port: the port, 1 to 65535.
        option: the command line option that chooses another.
    """

    def __init__(self, host: str, port: int, option: str = "--port") -> None:
        self.option = option
        super().__init__(
            host, port, f"it is taken by another program; choose another with {option}, or {option} 0 for any free one"
        )


class RecordingError(FulguriteError):
    """A recording cannot be written.

    Args:
        path: the file.
        problem: the reason in the system's words.
        lost: the number of lost frames.
        is_over: whether the recording has ended.
    """

    def __init__(self, path: str, problem: str, lost: int = 0, *, is_over: bool = False) -> None:
        self.path = path
        self.problem = problem
        self.lost = lost
        self.is_over = is_over
        if is_over:
            text = f"at most {lost:,} frames are missing from {path}: {problem}; the rest is intact"
        elif lost:
            text = f"cannot write {path}: {problem}; trying again, with {lost:,} frames lost so far"
        else:
            text = f"cannot write {path}: {problem}; trying again, with no frame lost so far"
        super().__init__(text)


class SlowConsumerError(FulguriteError):
    """A stream's consumer did not keep up, so the stream ended (`overflow="end"`).

    Args:
        limit: the number of waiting items.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} items were waiting for the consumer; take them faster, or raise queue_limit")


class BookNotLiveError(FulguriteError):
    """The order book was asked while it may be wrong.

    Args:
        state: WAITING_SNAPSHOT, STALE or AUCTION.
        reason: the reason in words.
    """

    def __init__(self, state: str, reason: str) -> None:
        self.state = state
        self.reason = reason
        when = "when that is over; bids() and asks() do now" if state == "AUCTION" else "after the next snapshot"
        super().__init__(f"the order book is {state} ({reason}); it answers again {when}")


def _shorten(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
