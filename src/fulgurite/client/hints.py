"""Advice, in the words of its reader: a program's arguments, a command's options, or the page."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple


class Hints(NamedTuple):
    """Advice that names the user's own means."""

    trust: str
    """How to trust a certificate that the system does not."""
    http: str
    """How to say where the HTTP API is."""
    embedded: str
    """How to have an exchange where none runs at the usual ports of this machine."""


PROGRAM: Final = Hints(
    trust="pass an ssl_context that trusts it, if you made the certificate yourself",
    http='pass http="https://HOST/v1" to connect',
    embedded="no exchange runs there: run `fulgurite exchange`, or pass the result of run_exchange() as the endpoint",
)
COMMAND: Final = Hints(
    trust="name it with --ca-file FILE, if you made the certificate yourself",
    http="name it with --http URL",
    embedded="no exchange runs there: run `fulgurite exchange`",
)
PAGE: Final = Hints(
    trust="let this system trust it, if you made the certificate yourself",
    http="give its address beside the URL",
    embedded="no exchange runs there: run `fulgurite exchange`",
)

hints: Final = ContextVar("hints", default=PROGRAM)
"""Those of the program that runs; a command sets its own."""
