"""Access to the backend: only for pages opened at the address that was printed. Pure.

The backend sits on a port that every user of this machine, and every web site that they visit, can send requests to.
The defences:

* the `Host` header must be one of ours, so a site cannot rename itself to our address (DNS rebinding);
* every request needs a cookie, which only a browser that shows the token is given: the token stands in the printed
  address alone;
* the user's own affairs, the WebSocket above all, need the token as well. The page keeps it in its origin's storage:
  cookies go to all ports of a host, to the servers of other users too, and storage does not;
* the WebSocket's `Origin` must be the very host that it was sent to, so another site's page is refused.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Guard:
    """Decides about requests by their headers.

    Args:
        hosts: the host names and addresses, without port, under which the backend may be visited; an unspecified
            address (0.0.0.0, ::) stands for every IP address, since only names can be rebound, and for the names that
            this machine has.
        port: the port it listens on.
        token: the page must show it; random.
        cookie: another random text, so that it does not reveal the token.
        own_names: the names of this machine.
    """

    def __init__(self, hosts: Iterable[str], port: int, token: str, cookie: str, own_names: Iterable[str] = ()) -> None:
        self.token = token
        self.cookie = cookie
        # Cookies go to all ports of a host, and each playground has its own.
        self.cookie_name = f"fulgurite-{port}"
        self._port = port
        bracketed = {f"[{host}]" if ":" in host else host.lower() for host in hosts}
        self._any_address = bool(bracketed & {"0.0.0.0", "[::]"})
        self._names = bracketed.union(_LOOPBACK_NAMES)
        if self._any_address:
            self._names.update(name.lower() for name in own_names)

    def allows_host(self, host: str) -> bool:
        """Whether a `Host` header is one of ours."""
        name, separator, port = host.lower().rpartition(":")
        if not separator or port.endswith("]"):  # no port is given; a bare [::1] has colons of its own
            name, port = host.lower(), "80"
        if port != str(self._port):
            return False
        return name in self._names or (self._any_address and _is_address(name.strip("[]")))

    def is_token(self, token: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def is_let_in(self, cookies: Iterable[str], token: str | None) -> bool:
        """Whether a request comes from a browser that has shown the token.

        Args:
            cookies: its `Cookie` headers.
            token: the token in the page's header; None where there is none, and otherwise it must be right.
        """
        # A page on another port can set a cookie of the same name, sent beside ours; it must not hide ours.
        given = [pair.strip().partition("=") for header in cookies for pair in header.split(";")]
        values = [value for name, _, value in given if name == self.cookie_name]
        has_cookie = any(hmac.compare_digest(value.encode(), self.cookie.encode()) for value in values)
        return has_cookie and (token is None or self.is_token(token))

    def allows_line(self, host: str, origin: str, token: str) -> bool:
        """Whether a page may act for the user, by its `Host` and `Origin` headers and its token."""
        return self.allows_host(host) and origin.lower() == f"http://{host}".lower() and self.is_token(token)


def security_headers(host: str, *, is_file: bool = False) -> dict[str, str]:
    """The headers of every answer: the page loads and reaches nothing but its own backend.

    Args:
        host: one that is allowed.
        is_file: whether it is a file of the page's, the same for everybody.
    """
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
        "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        # A person may change the page with an editor and a reload; all else is for this moment.
        "Cache-Control": "no-cache" if is_file else "no-store",
    }


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
