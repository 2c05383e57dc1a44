"""Taking ports."""

import socket

import pytest

from fulgurite.errors import AddressInUseError, ListenError
from fulgurite.server.bind import bind_socket, is_loopback, port_of, url_host


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
