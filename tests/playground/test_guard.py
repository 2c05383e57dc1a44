"""Only our own page, opened from our own backend under one of its own names, gets in."""

from __future__ import annotations

import pytest

from fulgurite.playground.guard import Guard, security_headers


def guard_of(hosts: list[str], port: int, own_names: tuple[str, ...] = (), token: str = "the-token") -> Guard:
    return Guard(hosts, port, token, "the-cookie", own_names)


@pytest.mark.parametrize("host", ["127.0.0.1:7350", "localhost:7350", "LOCALHOST:7350", "[::1]:7350"])
def test_loopback_names_with_our_port_are_ours(host):
    assert guard_of([], 7350).allows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:7351",
        "127.0.0.1:",
        "[::1]",
        "evil.example:7350",
        "localhost.evil.example:7350",
        "127.0.0.1:7350@evil.example",
        "127.0.0.1.evil.example:7350",
        "10.0.0.5:7350",
    ],
)
def test_other_names_and_ports_are_not(host):
    assert not guard_of(["127.0.0.1"], 7350).allows_host(host)


def test_a_name_without_port_means_port_80():
    guard = guard_of(["play.example"], 80)
    assert guard.allows_host("play.example")
    assert guard.allows_host("[::1]")
    assert not guard.allows_host("other.example")


def test_a_host_given_is_ours():
    guard = guard_of(["play.example", "fd00::1"], 7350)
    assert guard.allows_host("Play.Example:7350")
    assert guard.allows_host("[fd00::1]:7350")
    assert not guard.allows_host("other.example:7350")


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_listening_everywhere_admits_addresses_but_no_names(everywhere):
    """The owner of a name can make it point at us; an address cannot."""
    guard = guard_of([everywhere], 7350)
    assert guard.allows_host("192.168.1.20:7350")
    assert guard.allows_host("[fd00::1]:7350")
    assert not guard.allows_host("rebound.example:7350")


def test_a_line_needs_our_own_origin_and_the_token():
    guard = guard_of([], 7350, token="right")
    assert guard.allows_line("localhost:7350", "http://localhost:7350", "right")
    assert not guard.allows_line("localhost:7350", "http://localhost:7350", "wrong")
    assert not guard.allows_line("localhost:7350", "http://localhost:7350", "")
    assert not guard.allows_line("localhost:7350", "http://evil.example", "right")
    assert not guard.allows_line("localhost:7350", "http://127.0.0.1:7350", "right")
    assert not guard.allows_line("localhost:7350", "https://localhost:7350", "right")
    assert not guard.allows_line("localhost:7350", "null", "right")
    assert not guard.allows_line("localhost:7350", "", "right")
    assert not guard.allows_line("evil.example:7350", "http://evil.example:7350", "right")


def test_only_the_cookie_of_this_port_lets_in():
    guard = guard_of([], 7350)
    assert guard.is_let_in([f"a=b; fulgurite-7350={guard.cookie}"], None)
    assert guard.is_let_in(["a", f"fulgurite-7350={guard.cookie}"], guard.token)
    assert not guard.is_let_in([f"fulgurite-7350={guard.cookie}"], "a-guess")
    for cookies in ([], [""], ["fulgurite-7350=é☃"], [f"fulgurite-7350={guard.token}"], [guard.cookie]):
        assert not guard.is_let_in(cookies, guard.token)


def test_an_odd_token_is_refused_without_an_error():
    assert not guard_of([], 7350).allows_line("localhost:7350", "http://localhost:7350", "é☃")


def test_listening_everywhere_admits_this_machines_own_names():
    guard = guard_of(["0.0.0.0"], 7350, ("Box", "box.local"))
    assert guard.allows_host("box:7350")
    assert guard.allows_host("BOX.local:7350")
    assert not guard_of(["127.0.0.1"], 7350, ("box",)).allows_host("box:7350")


def test_the_policy_lets_the_page_reach_nothing_but_its_backend():
    policy = security_headers("localhost:7350")["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "connect-src 'self' ws://localhost:7350" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
