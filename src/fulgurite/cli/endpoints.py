"""The service of a command, found from its options."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fulgurite.cli.options import naming_options
from fulgurite.errors import InputError

if TYPE_CHECKING:
    import ssl

    from fulgurite.client import Credentials, Endpoint
    from fulgurite.client.credentials import KeychainKey
    from fulgurite.exchange.run import Exchange


class Found(NamedTuple):
    """The service that a command is to talk to."""

    endpoint: Endpoint
    credentials: Credentials | KeychainKey | None
    """The signer there: the key that was named, or the demo account of an exchange of the command's own."""


@contextlib.asynccontextmanager
async def find_endpoint(
    text: str,
    http: str | None,
    credentials: Credentials | KeychainKey | None = None,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[Found]:
    """Give the endpoint that is meant.

    "embedded" is the exchange that runs on this machine at its usual ports, and says that it is one; where none does,
    it is one of the command's own. That one ends with the command, and the named key is its demo account's.

    Args:
        text: the option's value.
        http: the HTTP API, where it is elsewhere.
        credentials: the key that was named, if one was.
        context: the certificates to trust; None for the system's.

    Raises:
        InputError: it is invalid.
    """
    import msgspec

    from fulgurite.client import resolve_endpoint
    from fulgurite.client.credentials import bound
    from fulgurite.client.endpoints import EMBEDDED
    from fulgurite.client.signing import ask

    with naming_options("endpoint", "http"):
        named = resolve_endpoint(text, http)
    if not named.is_embedded:
        yield Found(named, credentials)
        return
    given = {} if http is None else {"http": named.http}
    running = await running_exchange(context)
    if running is not None:
        print(f"fulgurite: using the exchange that runs at {running.json_rpc}", file=sys.stderr)
        yield Found(msgspec.structs.replace(running, **given), credentials)
        return
    from fulgurite.exchange.run import run

    # A key that is kept for "embedded" is for this one, wherever it listens: nobody else does.
    key = None if credentials is None else await ask(bound(credentials, EMBEDDED))
    async with run(demo_key=key) as own:
        yield Found(msgspec.structs.replace(endpoint_of(own), **given), own.accounts[0])


async def running_exchange(context: ssl.SSLContext | None = None) -> Endpoint | None:
    """The exchange that runs on this machine at its usual ports; None where none does, or another program."""
    from urllib.parse import urlsplit

    import httpx
    import msgspec

    from fulgurite.client import Endpoint
    from fulgurite.client.endpoints import EMBEDDED

    assert EMBEDDED.http is not None
    address = f"{'http' if context is None else 'https'}://{urlsplit(EMBEDDED.http).netloc}/fulgurite"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0, verify=context or True) as client:
            match msgspec.json.decode((await client.get(address)).content):
                case {"fulgurite": "exchange", "realtime": str(realtime), "socketio": str(socketio), "http": str(api)}:
                    return Endpoint("embedded", json_rpc=realtime, socketio=socketio, http=api)
    except (httpx.HTTPError, msgspec.DecodeError, UnicodeError):
        pass
    return None


def endpoint_of(running: Exchange) -> Endpoint:
    """The endpoint of an embedded exchange."""
    from fulgurite.client import Endpoint

    return Endpoint("embedded", json_rpc=running.realtime, socketio=running.socketio, http=running.http)


def trusting(ca_file: Path | None) -> ssl.SSLContext | None:
    """Trust the certificate of a file, and no other; None where no file was named.

    Raises:
        InputError: the file cannot be read or holds none.
    """
    if ca_file is None:
        return None
    from fulgurite.client.tls import client_context

    try:
        return client_context(ca_file)
    except OSError as error:
        raise InputError("--ca-file", str(ca_file), f"the path of a PEM certificate ({error})") from error
