"""`fulgurite listen`: shows channels, and records them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fulgurite.cli.endpoints import find_endpoint, trusting
from fulgurite.cli.options import CaFile, CredentialsName, DialectOption, EndpointText, HttpText, naming_options
from fulgurite.cli.running import run
from fulgurite.errors import ChannelError, InputError

if TYPE_CHECKING:
    from fulgurite.protocol.channels import Channel


class RepairOption(StrEnum):
    """The place of missed items; see `connect`."""

    BEFORE = "before"
    ALONGSIDE = "alongside"
    OFF = "off"


class UpOption(StrEnum):
    """The colour of buyers and of rising prices."""

    GREEN = "green"
    RED = "red"


ChannelWords = Annotated[
    list[str],
    typer.Argument(
        metavar="CHANNEL...",
        help="BTC_JPY for its ticker, executions and board; or one of them, as in ticker:BTC_JPY; or a full name.",
    ),
]
Dialect = Annotated[DialectOption, typer.Option(help="How to speak to the endpoint.")]
Connections = Annotated[
    int, typer.Option(help="How many bring the same at the same time, without duplicates: 1 to 4.", metavar="N")
]
Repair = Annotated[RepairOption, typer.Option(help="When missed executions and order events are given.")]
Audit = Annotated[
    str,
    typer.Option(
        help="Seconds from one comparison of executions with the HTTP API's list to the next, or off.",
        metavar="SECONDS",
        show_default="60, off with --repair off",
    ),
]
Record = Annotated[
    Path | None, typer.Option(help="Write all frames to a frame log, too; .zst compresses it.", metavar="FILE")
]
Force = Annotated[bool, typer.Option("--force", help="Let --record replace a file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON for each item.")]
Plain = Annotated[bool, typer.Option("--plain", help="Print lines at a terminal, too.")]
UpColour = Annotated[UpOption, typer.Option(help="The colour of buyers and of rising prices; red is Japan's.")]


def listen(
    channels: ChannelWords,
    dialect: Dialect = DialectOption.JSON_RPC,
    endpoint: EndpointText = "embedded",
    http: HttpText = None,
    ca_file: CaFile = None,
    credentials: CredentialsName = None,
    connections: Connections = 1,
    repair: Repair = RepairOption.BEFORE,
    audit: Audit = "auto",
    record: Record = None,
    force: Force = False,
    as_json: AsJson = False,
    plain: Plain = False,
    up: UpColour = UpOption.GREEN,
) -> None:
    """Show channels: on a screen at a terminal, and as lines elsewhere.

    It reconnects by itself, tells each gap, and fetches missed executions and order events.
    """
    from fulgurite.client import connect
    from fulgurite.client.credentials import keychain
    from fulgurite.terminal import listen as terminal
    from fulgurite.terminal.screen import Up

    asked, every = find_channels(channels), _audit(audit)
    if force and record is None:
        raise InputError("--force", "without --record", "--record FILE with it")

    async def work() -> None:
        key = None if credentials is None else keychain(credentials)
        context = trusting(ca_file)
        async with find_endpoint(endpoint, http, key, context) as (where, signer):
            if signer is None:
                _refuse_private(asked)
            stream = connect(
                *asked, endpoint=where, dialect=dialect, connections=connections, repair=repair.value, audit=every,
                frames=record is not None, credentials=signer, ssl_context=context,
            )  # fmt: skip
            await terminal.listen(stream, asked, as_json=as_json, plain=plain, up=Up(up), record=record, replaces=force)

    with naming_options("connections", name="--credentials"):
        run(work())


def _refuse_private(channels: Iterable[Channel]) -> None:
    for channel in channels:
        if channel.kind.is_private:
            accepted = f"--credentials NAME for {channel.name}, after `fulgurite credentials add NAME`"
            raise InputError("--credentials", "nothing", accepted)


def find_channels(words: Iterable[str]) -> list[Channel]:
    """The channels that are meant, each once, in the order given.

    Args:
        words: full names; a product, for its ticker, executions and board; or one of these of it: ``ticker:PRODUCT``,
            ``executions:PRODUCT``, ``board:PRODUCT``, ``snapshot:PRODUCT``.

    Raises:
        InputError: a word is none of these.
    """
    from fulgurite.protocol import channels

    kinds = {
        "ticker": channels.ticker,
        "executions": channels.executions,
        "board": channels.board,
        "snapshot": channels.board_snapshot,
    }
    found: dict[Channel, None] = {}
    for word in words:
        try:
            found[channels.parse_channel(word)] = None
            continue
        except ChannelError as error:
            kind, colon, product = word.rpartition(":")
            # Product codes are in capitals; the service meets anything else with silence.
            if not re.fullmatch("[A-Z][A-Z0-9_]{4,31}", product) or (colon and kind not in kinds):
                short = ["BTC_JPY", *(f"{kind}:BTC_JPY" for kind in kinds)]
                raise ChannelError("CHANNEL", word, f"{', '.join(short)}, or {error.accepted}") from None
        for make in [kinds[kind]] if colon else [channels.ticker, channels.executions, channels.board]:
            found[make(product)] = None
    return list(found)


def _audit(text: str) -> float | Literal["auto", "off"]:
    if text in ("auto", "off"):
        return "auto" if text == "auto" else "off"
    from fulgurite.protocol.arguments import check_seconds

    try:
        return check_seconds("--audit", float(text), ", or off")
    except ValueError:
        raise InputError("--audit", text, "seconds from 0.001 to 1e9, or off") from None
