"""Taking ports."""

import contextlib
import socket

import pytest

from fulgurite.errors import AddressInUseError, ListenError
from fulgurite.server.bind import (
    address_of,
    bind_for_browsers,
    bind_socket,
    is_at_localhost,
    is_loopback,
    port_of,
    url_host,
)


def test_port_0_takes_any_free_one():
    with bind_socket("127.0.0.1", 0) as listening:
        assert 0 < port_of(listening) < 65536
        with socket.create_connection(("127.0.0.1", port_of(listening))):
            pass


def test_a_taken_port_is_told_with_the_option_that_chooses_another():
    with bind_socket("127.0.0.1", 0) as taken:
        with pytest.raises(AddressInUseError, match="--http-port") as caught:
            bind_socket("127.0.0.1", port_of(taken), "--http-port")
        assert (caught.value.host, caught.value.port) == ("127.0.0.1", port_of(taken))


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host", "300.1.1.1"])
def test_a_host_that_is_not_ours_is_told(host: str):
    with pytest.raises(ListenError, match="cannot listen on"):
        bind_socket(host, 0)


@pytest.mark.parametrize(
    ("host", "in_url"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
    ],
)
def test_hosts_in_urls(host: str, in_url: str):
    assert url_host(host) == in_url


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("example.org", False),
    ],
)
def test_loopback(host: str, expected: bool):
    assert is_loopback(host) == expected


@pytest.fixture
def ipv6() -> None:
    try:
        bind_socket("::1", 0).close()
    except ListenError:
        pytest.skip("this machine has no IPv6 on loopback")


BY_NAME = ["localhost", "127.0.0.1", "::1", "0.0.0.0", "::"]


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", BY_NAME)
def test_nobody_else_can_be_where_a_browser_goes_for_a_name_of_this_machine(host: str):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(each) for each in bind_for_browsers(host, 0)]
        assert is_at_localhost(address_of(held[0]))
        (port,) = {port_of(each) for each in held}
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port)):
                pass
            with pytest.raises(AddressInUseError):
                bind_socket(address, port)


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", BY_NAME)
@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_port_that_somebody_has_on_one_of_the_addresses_is_taken(host: str, taken: str):
    with bind_socket(taken, 0) as other, pytest.raises(AddressInUseError, match="--port"):
        bind_for_browsers(host, port_of(other))


def test_an_address_that_no_name_leads_to_is_held_alone():
    (held,) = bind_for_browsers("127.0.0.2", 0)
    with held:
        assert address_of(held) == "127.0.0.2"
        assert not is_at_localhost("127.0.0.2")
