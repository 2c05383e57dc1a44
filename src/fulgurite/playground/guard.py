"""Who may speak to the backend: this page, opened from this backend, and nobody else. Pure.

The backend sits on a loopback port, where every web site that the user visits can send requests. What stops them:

* the `Host` header must be one of ours, so a site cannot rename itself to our address (DNS rebinding);
* the WebSocket's `Origin` must be the very host that it was sent to, so another site's page is refused;
* the WebSocket needs a random token that stands in the page, which other origins cannot read.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Guard:
    """Decides about requests by their headers.

    Args:
        hosts: the host names and addresses, without port, under which the backend may be visited; an unspecified
            address (0.0.0.0, ::) stands for every IP address, since only names can be rebound.
        port: the port it listens on.
        token: what the page must show; random if not given.
    """

    def __init__(self, hosts: Iterable[str], port: int, token: str | None = None) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self._port = port
        bracketed = {f"[{host}]" if ":" in host else host.lower() for host in hosts}
        self._any_address = bool(bracketed & {"0.0.0.0", "[::]"})
        self._names = bracketed.union(_LOOPBACK_NAMES)

    def allows_host(self, host: str) -> bool:
        """Whether a `Host` header is one of ours."""
        name, separator, port = host.lower().rpartition(":")
        if not separator or port.endswith("]"):  # no port is given; a bare [::1] has colons of its own
            name, port = host.lower(), "80"
        if port != str(self._port):
            return False
        return name in self._names or (self._any_address and _is_address(name.strip("[]")))

    def allows_socket(self, host: str, origin: str, token: str) -> bool:
        """Whether a WebSocket may be opened, by its `Host` and `Origin` headers and its token."""
        same_origin = origin.lower() == f"http://{host}".lower()
        return self.allows_host(host) and same_origin and secrets.compare_digest(token.encode(), self.token.encode())


def security_headers(host: str) -> dict[str, str]:
    """The headers of every answer to an allowed `host`: the page loads and reaches nothing but its own backend."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' ws://{host}",  # not every browser counts ws: as 'self'
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        # A person may change the page with an editor and a reload; and the token is new at each start.
        "Cache-Control": "no-cache",
    }


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
