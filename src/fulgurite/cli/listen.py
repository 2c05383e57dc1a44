"""`fulgurite listen`: prints what comes on channels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fulgurite.cli.endpoints import CaFile, CredentialsName, EndpointText, HttpText, find_endpoint, trusting
from fulgurite.cli.running import run
from fulgurite.errors import InputError


class DialectOption(StrEnum):
    """The dialects as the command line spells them."""

    JSON_RPC = "json-rpc"
    SOCKETIO = "socketio"


def listen(
    channels: Annotated[list[str], typer.Argument(metavar="CHANNEL...", help="For example lightning_ticker_BTC_JPY.")],
    dialect: Annotated[DialectOption, typer.Option(help="How to speak to the endpoint.")] = DialectOption.JSON_RPC,
    endpoint: EndpointText = "embedded",
    http: HttpText = None,
    ca_file: CaFile = None,
    credentials: CredentialsName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each item.")] = False,
) -> None:
    """Print what comes on channels.

    It reconnects by itself, and says what was missed.
    """
    run(_listen(channels, dialect, endpoint, http, ca_file, credentials, as_json))


async def _listen(
    channels: list[str],
    dialect: str,
    endpoint: str,
    http: str | None,
    ca_file: Path | None,
    credentials: str | None,
    as_json: bool,
) -> None:
    from fulgurite.client.credentials import keychain
    from fulgurite.client.listen import listen
    from fulgurite.protocol.channels import parse_channel

    asked = [parse_channel(channel) for channel in channels]
    private = next((channel.name for channel in asked if channel.kind.is_private), None)
    if private is not None and credentials is None:
        raise InputError(
            "--credentials", "nothing", f"--credentials NAME for {private}, after `fulgurite credentials add NAME`"
        )
    key = None if credentials is None else keychain(credentials)
    context = None if ca_file is None else trusting(ca_file)
    async with find_endpoint(endpoint, http) as where:
        await listen(asked, where, dialect, as_json=as_json, credentials=key, ssl_context=context)
