"""A self-made certificate, for a server on this machine."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from fulgurite.errors import InputError


class SelfMade(NamedTuple):
    """A certificate for a TLS server, and the one for its clients to trust."""

    context: ssl.SSLContext
    """For the server; the private key is in it and nowhere else."""
    ca_pem: bytes
    """For clients: the certificate to trust."""


def self_made(host: str) -> SelfMade:
    """Make a certificate authority and a certificate for this host and for loopback, valid for this run.

    Raises:
        InputError: the library that makes certificates is not installed.
    """
    try:
        import trustme  # an extra, and it takes a while to import
    except ImportError as error:
        raise InputError("tls", True, "--tls after `pip install 'fulgurite[tls]'`") from error
    authority = trustme.CA(organization_name="Fulgurite, self-made")
    certificate = authority.issue_cert("localhost", "127.0.0.1", "::1", *({host} - {"localhost", "0.0.0.0", "::"}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate.configure_cert(context)
    return SelfMade(context, authority.cert_pem.bytes())
