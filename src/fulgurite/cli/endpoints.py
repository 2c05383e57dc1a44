"""Which service a command is to talk to, as its options say it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fulgurite.errors import InputError

if TYPE_CHECKING:
    import ssl

    from fulgurite.client import Endpoint
    from fulgurite.exchange.run import Exchange

EndpointText = Annotated[
    str, typer.Option("--endpoint", help="embedded (an exchange of its own), live, or a ws, wss, http or https URL.")
]
HttpText = Annotated[str | None, typer.Option("--http", help="The HTTP API, where it is elsewhere.", metavar="URL")]
CaFile = Annotated[
    Path | None, typer.Option(help="Certificate to trust, for an endpoint with a self-made one.", metavar="FILE")
]
CredentialsName = Annotated[
    str | None, typer.Option("--credentials", help="A key that `fulgurite credentials add` has kept.", metavar="NAME")
]


@contextlib.asynccontextmanager
async def find_endpoint(text: str, http: str | None) -> AsyncIterator[Endpoint]:
    """Give the endpoint that is meant; "embedded" starts an exchange and ends it.

    Raises:
        InputError: it cannot be meant.
    """
    if text != "embedded":
        from fulgurite.client import resolve_endpoint

        yield resolve_endpoint(text, http)
        return
    from fulgurite.exchange.run import run

    async with run() as running:
        yield endpoint_of(running)


def endpoint_of(running: Exchange) -> Endpoint:
    """Where an embedded exchange is."""
    from fulgurite.client import Endpoint

    return Endpoint("embedded", json_rpc=running.realtime, socketio=running.socketio, http=running.http)


def trusting(ca_file: Path) -> ssl.SSLContext:
    """Trust the certificate of a file, and no other.

    Raises:
        InputError: the file cannot be read or holds none.
    """
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError("--ca-file", str(ca_file), f"the path of a PEM certificate ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
