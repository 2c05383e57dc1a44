"""Serves the page: takes the port, runs the application, ends cleanly."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import AsyncIterator
from typing import NamedTuple

from fulgurite.client import Endpoint
from fulgurite.exchange.run import Exchange
from fulgurite.playground.app import create_app
from fulgurite.playground.framelogs import FrameLogs
from fulgurite.playground.guard import Guard
from fulgurite.playground.owned import OwnedExchange
from fulgurite.server.bind import address_of, bind_for_browsers, is_at_localhost, port_of, url_host
from fulgurite.server.http import serve_app


class Page(NamedTuple):
    """The page, being served."""

    origin: str
    """Its address for a browser on this machine: ``http://9f86d081884c7d65.localhost:7350``, another at each start.

    A former owner of the port cannot have had this origin, and so has left no service worker and no script in it.
    Where the page is not on loopback, this is the plain one.
    """
    plain_origin: str
    """The same by its address, ``http://127.0.0.1:7350``: for programs and browsers that do not know such names."""
    port: int
    token: str
    """A browser has to show it to be let in; random."""

    @property
    def url(self) -> str:
        """The address that lets a browser in: for its user, and for nobody else."""
        return self.url_at(self.origin)

    @property
    def plain_url(self) -> str:
        """The same by the plain address, where service workers of other programs may be in force."""
        return self.url_at(self.plain_origin)

    def url_at(self, origin: str) -> str:
        """The same for another origin of the page."""
        return f"{origin}/?token={self.token}"

    def __repr__(self) -> str:
        return f"Page(origin={self.origin!r}, port={self.port}, token=...)"


@contextlib.asynccontextmanager
async def run(
    embedded: Endpoint | None, host: str = "127.0.0.1", port: int = 0, *, owned: Exchange | None = None
) -> AsyncIterator[Page]:
    """Serve the page until the context is left; pages that are open then are told and let go.

    Args:
        embedded: the embedded exchange; the page connects to it by itself. None to offer only endpoints that the user
            names.
        host: the name or address to listen on. Others than loopback can be reached from elsewhere, without encryption:
            anybody with the token is let in, and the network on the way sees all of it.
        port: 0 for any free one.
        owned: the embedded exchange itself, where the page may trade with its demo account and make it go wrong.
            Anybody who is let in can do so, too.

    Raises:
        ListenError: the port is taken (AddressInUseError), or the host is not of this machine.
    """
    listening = bind_for_browsers(host, port)
    address, port, name = address_of(listening[0]), port_of(listening[0]), socket.gethostname()
    # A name below localhost leads to this machine without being looked up. This one nobody can have known before.
    fresh = f"{secrets.token_hex(8)}.localhost" if is_at_localhost(address) else address
    async with contextlib.AsyncExitStack() as stack:
        exchange = None if owned is None else OwnedExchange(owned)
        if exchange is not None:
            stack.push_async_callback(exchange.aclose)
        logs = stack.enter_context(contextlib.closing(FrameLogs()))
        token = secrets.token_urlsafe(24)  # short enough for a line of a terminal with its address
        own_names = [name, f"{name.partition('.')[0]}.local"]
        guard = Guard([host, address, fresh], port, token, secrets.token_urlsafe(32), own_names)
        await stack.enter_async_context(serve_app(create_app(embedded, logs, guard, owned=exchange), listening))
        # By the address, since a name that was given may lead a browser to others, too.
        plain = f"http://{url_host(address)}:{port}"
        yield Page(f"http://{url_host(fresh)}:{port}", plain, port, guard.token)
