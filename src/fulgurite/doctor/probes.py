"""The doctor's contacts with a service: name, TCP and TLS of an address, and a dialogue over a WebSocket. A shell."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from fulgurite.doctor.findings import Finding, Mark, certificate_finding, timed_finding
from fulgurite.errors import RemoteProtocolError
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import ClientEvent, Ended, Opened

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024

# websockets would log each frame, and with it the key in `auth`. No configuration reaches a logger without a parent.
_NO_LOGGER: Final = logging.Logger("fulgurite.doctor", logging.CRITICAL + 1)


class Failure(Exception):
    """A check failed, and those that build on it are pointless. Never leaves `doctor`."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.measured)


async def reach(
    subject: str, url: str, context: ssl.SSLContext, timeout: float, begins: Callable[[str], None]
) -> AsyncIterator[Finding]:
    """Name, TCP, TLS and certificate of an address.

    Raises:
        Failure: it cannot be reached.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme in ("wss", "https")
    host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)

    begins(f"{subject}: the name {host}")
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        advice = "look whether this machine is online and its name server answers, and whether the name is right"
        raise Failure(Finding(subject, "name", Mark.FAILED, f"{host}: {words_of(error, timeout)}", advice)) from error
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    if host in addresses:
        yield Finding(subject, "name", Mark.OK, f"{host} is an address already")
    else:
        shown = ", ".join(addresses[:3]) + (f" and {len(addresses) - 3} more" if len(addresses) > 3 else "")
        yield timed_finding(subject, "name", since(began), f"{host} is {shown},")

    begins(f"{subject}: TCP to port {port}")
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        advice = "look whether a firewall forbids it, whether the port is right, and whether the service is up"
        measured = f"{host} port {port}: {words_of(error, timeout)}"
        raise Failure(Finding(subject, "TCP", Mark.FAILED, measured, advice)) from error
    try:
        peer = writer.get_extra_info("peername")[0]
        yield timed_finding(subject, "TCP", since(began), f"{peer} port {port} answers")
        if is_tls:
            async for finding in _secure(subject, host, writer, context, timeout, begins):
                yield finding
    finally:
        writer.transport.abort()


async def _secure(
    subject: str,
    host: str,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
    timeout: float,
    begins: Callable[[str], None],
) -> AsyncIterator[Finding]:
    begins(f"{subject}: TLS")
    began = time.perf_counter()
    try:
        await writer.start_tls(context, server_hostname=host, ssl_handshake_timeout=timeout)
    except ssl.SSLCertVerificationError as error:
        # OpenSSL's numbers for "not yet valid" and "has expired".
        if error.verify_code in (9, 10):
            advice = "look at this machine's clock; if it is right, the service has to renew its certificate"
        else:
            advice = "name a certificate that you made yourself with --ca-file; otherwise somebody stands in between"
        finding = Finding(subject, "certificate", Mark.FAILED, f"not trusted: {error.verify_message}", advice)
        raise Failure(finding) from error
    except (OSError, TimeoutError) as error:
        advice = "look whether the address is one with TLS, and whether a proxy or a firewall cuts it off"
        raise Failure(Finding(subject, "TLS", Mark.FAILED, words_of(error, timeout), advice)) from error
    took = since(began)
    secured = writer.get_extra_info("ssl_object")
    yield timed_finding(subject, "TLS", took, f"{secured.version()} with {secured.cipher()[0]}")
    certificate = secured.getpeercert()
    issuer = dict(pair for pairs in certificate["issuer"] for pair in pairs)
    yield certificate_finding(subject, issuer, ssl.cert_time_to_seconds(certificate["notAfter"]), time.time())


class Dialogue:
    """One WebSocket connection in a dialect, as a context manager. Each failure raises `Failure`."""

    def __init__(self, subject: str, dialect: Dialect, url: str, context: ssl.SSLContext, timeout: float) -> None:
        self.protocol = dialect.client(timeout)
        self._subject = subject
        self._url = url
        self._context = context
        self._timeout = timeout
        self._events: list[ClientEvent] = []

    async def __aenter__(self) -> Self:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus

        class ConnectHere(connect):
            """Goes where it was sent: to another host with our signature? no."""

            def process_redirect(self, exc: Exception) -> Exception:
                return exc

        try:
            self._connection: ClientConnection = await ConnectHere(
                self._url,
                ssl=self._context if self._url.startswith("wss:") else None,
                proxy=None,
                open_timeout=self._timeout,
                ping_interval=None,
                close_timeout=1.0,
                max_size=MAX_MESSAGE_BYTES,
                compression=None,
                logger=_NO_LOGGER,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise self._failure("handshake", f"refused with HTTP status {status}", _refusal_advice(status)) from error
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            raise self._failure("handshake", words_of(error, self._timeout), UNKNOWN_ADVICE) from error
        try:
            await self.wait("handshake", Opened)
        except BaseException:
            self._connection.transport.abort()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def wait(self, check: str, *kinds: type[ClientEvent]) -> ClientEvent:
        """Wait for an event of one of these kinds; others are passed over."""
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    while self._events:
                        event = self._events.pop(0)
                        if isinstance(event, kinds):
                            return event
                        if isinstance(event, Ended):
                            raise self._failure(check, event.reason, "try again; if it stays, tell the service")
                    await self._take_more()
        except TimeoutError as error:
            measured = f"nothing within {self._timeout:g} s, on a connection that is open"
            raise self._failure(check, measured, _SILENT_ADVICE) from error
        except ConnectionClosed as error:
            close = error.rcvd
            how = "cut without a close frame" if close is None else f"closed by the server: {close.code} {close.reason}"
            raise self._failure(check, f"the connection was {how}".rstrip(), _SILENT_ADVICE) from error
        except RemoteProtocolError as error:
            measured = f"the answer is not the protocol: {error.problem}"
            raise self._failure(check, measured, UNKNOWN_ADVICE) from error

    async def _take_more(self) -> None:
        """Send frames that are due, and take one frame or let the dialect's timer come."""
        for frame in self.protocol.frames_to_send():
            await self._connection.send(frame)
        try:
            async with asyncio.timeout_at(self.protocol.next_timer()):
                text = await self._connection.recv()
        except TimeoutError:
            self._events += self.protocol.handle_timer(self.now())
        else:
            self._events += self.protocol.receive(text, self.now())

    async def ping(self) -> Finding:
        """Ping the server, on the level of WebSocket."""
        from websockets.exceptions import ConnectionClosed

        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                await (await self._connection.ping())
        except (TimeoutError, ConnectionClosed) as error:
            measured = words_of(error, self._timeout)
            return Finding(self._subject, "ping", Mark.FAILED, measured, "look for a proxy that passes no pings")
        return timed_finding(self._subject, "ping", since(began), "answered")

    def _failure(self, check: str, measured: str, advice: str) -> Failure:
        return Failure(Finding(self._subject, check, Mark.FAILED, measured, advice))


UNKNOWN_ADVICE: Final = "look whether the address is that of the realtime API; if it is, report it to us"
_SILENT_ADVICE: Final = (
    "outside the daily maintenance (04:00 to 04:12 in Japan) connect again: a connection can be dead from its beginning"
)


def _refusal_advice(status: int) -> str:
    if status == 429:
        return "connect less often, and wait some minutes"
    if status >= 500:
        return "wait for the service to come back; its maintenance is daily, from 04:00 to 04:12 in Japan"
    return "look whether the address is that of the realtime API"


def since(began: float) -> float:
    """The seconds since a moment of `time.perf_counter`."""
    return time.perf_counter() - began


def words_of(error: BaseException, timeout: float) -> str:
    """The error in a person's words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
