"""The addresses and warnings that the commands that serve print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fulgurite.exchange.run import Exchange


def warn_if_open(host: str, opened: str, consequence: str) -> None:
    """Warn in one sentence where a server can be reached from other machines.

    Args:
        host: the host that is listened on.
        opened: the server: "the page on port 7350".
        consequence: a clause.
    """
    from fulgurite.server.bind import is_loopback

    if not is_loopback(host):
        print(
            f"fulgurite: warning: --host {host} opens {opened} to every machine that can reach this one; {consequence}",
            file=sys.stderr,
        )


def addresses(running: Exchange) -> dict[str, str]:
    """The addresses, keys and seed of an exchange, by their names."""
    rows = {
        "JSON-RPC 2.0": running.realtime,
        "Socket.IO 2.0": running.socketio,
        "HTTP API": running.http,
    }
    if running.api_key:
        rows |= {"demo key": running.api_key, "demo secret": running.api_secret}
    for number, each in enumerate(running.more_accounts, start=2):
        rows |= {f"key {number}": each.api_key, f"secret {number}": each.api_secret}
    if running.replay is not None:
        rows["replay"] = running.replay
    if running.seed is not None:
        rows["seed"] = str(running.seed)
    if running.ca_file is not None:
        rows["certificate to trust"] = running.ca_file
    return rows


def print_table(rows: dict[str, str]) -> None:
    """Print names and values in two columns."""
    from rich.text import Text

    from fulgurite.cli.output import console

    shown, width = console(highlight=False), max(map(len, rows))
    for name, value in rows.items():
        # Not wrapped: an address in two lines can be neither clicked nor copied.
        shown.print(Text.assemble((name.rjust(width), "dim"), "  ", (value, "bold")), soft_wrap=True)
