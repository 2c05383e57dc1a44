"""Advice in terms of the user's interface: a program's arguments, a command's options, or the page."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple


class Hints(NamedTuple):
    """Advice in terms of one interface."""

    trust: str
    """Advice for a certificate that the system does not trust."""
    http: str
    """Advice for an unknown address of the HTTP API."""
    embedded: str
    """Advice if no exchange runs at the usual ports of this machine."""


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
"""The advice for the present interface; a command and the page set their own."""
