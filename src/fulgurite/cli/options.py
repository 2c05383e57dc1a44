"""The options that several commands take, and errors about arguments by the names of their options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fulgurite.errors import InputError


class DialectOption(StrEnum):
    """The dialects as the command line spells them."""

    JSON_RPC = "json-rpc"
    SOCKETIO = "socketio"


EndpointText = Annotated[
    str,
    typer.Option(
        "--endpoint",
        help="embedded (the exchange that runs at the usual ports, or one of its own), live, or a ws, wss, http or "
        "https URL.",
    ),
]
HttpText = Annotated[str | None, typer.Option("--http", help="The HTTP API, where it is elsewhere.", metavar="URL")]
CaFile = Annotated[
    Path | None, typer.Option(help="Certificate to trust, for an endpoint with a self-made one.", metavar="FILE")
]
CredentialsName = Annotated[
    str | None, typer.Option("--credentials", help="A key that `fulgurite credentials add` has kept.", metavar="NAME")
]
Host = Annotated[str, typer.Option(help="Address to listen on. Anything but loopback lets others in.")]
Seed = Annotated[int | None, typer.Option(help="Seed of the market; the same seed, the same market.")]
ReadyLine = Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")]


@contextmanager
def naming_options(*names: str, **called: str) -> Iterator[None]:
    """Have an error about an argument name its option.

    Args:
        names: arguments whose option has their name: ``--http`` for `http`.
        called: the names of others: ``time="--at"``.
    """
    try:
        yield
    except InputError as error:
        own = f"--{error.field.replace('_', '-')}" if error.field in names else None
        option = called.get(error.field, own)
        if option is None:
            raise
        raise InputError(option, error.value, error.accepted) from error
