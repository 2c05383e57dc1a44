"""Taking a port, with an error that a person can act on."""

from __future__ import annotations

import errno
import ipaddress
import socket

from fulgurite.errors import AddressInUseError, InputError, ListenError
from fulgurite.protocol.arguments import is_host


def check_host(host: object) -> str:
    """Give back an address or a name that can be looked up, of this machine or not.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(host, str) or not is_host(host):
        raise InputError("host", host, "an address or a name of this machine, such as 127.0.0.1")
    return host


def bind_socket(host: str, port: int, option: str = "--port") -> socket.socket:
    """Open a listening TCP socket.

    Args:
        host: an address or a name of this machine.
        port: 0 to 65535; 0 takes any free one.
        option: the command line option that chose the port, for the error's advice.

    Raises:
        InputError: the host is no name.
        AddressInUseError: the port is taken.
        ListenError: the host is not of this machine, or the port is not ours to take.
    """
    check_host(host)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(host, port, error.strerror or str(error)) from error
    try:
        if family == socket.AF_INET6:  # "::" is every address, but on some systems the IPv6 ones alone
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        # So that a port is free again as soon as the program that held it has ended.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(host, port, option) from error
        raise ListenError(host, port, error.strerror or str(error)) from error
    return listening


_TWINS = {"127.0.0.1": "::1", "::1": "127.0.0.1", "0.0.0.0": "::1"}
"""The other address of `localhost` and the names below it, for browsers on this machine."""

_TRIES = 10
"""The number of free ports tried to find one that is free on both addresses."""


def bind_for_browsers(host: str, port: int) -> list[socket.socket]:
    """Open listening sockets on a host, and wherever else a browser goes for a name of this machine.

    A browser tries one address of `localhost` after the other: a stranger with the port on the other address would
    get requests that are meant for us.

    Args:
        host: an address or a name of this machine.
        port: 0 to 65535; 0 takes one that is free on all of them.

    Raises:
        AddressInUseError: the port is taken on one of them.
        ListenError: the host is not of this machine, or the port is not ours to take.
    """
    for tries_left in reversed(range(_TRIES)):
        first = bind_socket(host, port)
        twin = _TWINS.get(address_of(first))
        if twin is None:
            break
        try:
            return [first, bind_socket(twin, port_of(first))]
        except AddressInUseError:
            first.close()
            if port or not tries_left:
                raise
        except ListenError:  # this machine has no such address, and so nobody has it
            break
    return [first]


def address_of(listening: socket.socket) -> str:
    """The address that a listening socket has."""
    address: str = listening.getsockname()[0]
    return address


def port_of(listening: socket.socket) -> int:
    """The port that a listening socket has."""
    port: int = listening.getsockname()[1]
    return port


def url_host(host: str) -> str:
    """The host as it stands in a URL: IPv6 addresses in brackets, and an address to reach "all addresses" by."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)


def is_at_localhost(address: str) -> bool:
    """Whether a browser on this machine finds a server on this address under `localhost` and the names below it."""
    return address == "::" or address in _TWINS


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def outward_address(host: str) -> str:
    """The address for other machines to reach a server on this host: for "all addresses", that of outgoing traffic."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    family, outside = (socket.AF_INET, "192.0.2.1") if address.version == 4 else (socket.AF_INET6, "2001:db8::1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((outside, 9))  # chooses the way there, and sends nothing
            found: str = asking.getsockname()[0]
    except OSError:  # no way leads out
        return socket.gethostname()
    return found
