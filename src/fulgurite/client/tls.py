"""TLS contexts of clients."""

from __future__ import annotations

import os
import ssl


def client_context(ca_file: str | os.PathLike[str] | None = None) -> ssl.SSLContext:
    """Make a context for TLS 1.2 or later, as the service demands (section 1.1).

    Args:
        ca_file: a file of the only PEM certificates to trust; None for those that the system trusts.

    Raises:
        OSError: the file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
