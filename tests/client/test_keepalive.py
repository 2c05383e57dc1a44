"""A silent server is pinged once, and given up when it stays silent."""

from __future__ import annotations

from fulgurite.client.keepalive import KeepAlive, KeepAliveStep


def test_a_silent_server_is_pinged_and_then_given_up() -> None:
    keepalive = KeepAlive(10.0, 5.0, now=100.0)
    assert keepalive.next_timer() == 110.0
    assert keepalive.handle_timer(109.9) is None
    assert keepalive.handle_timer(110.0) is KeepAliveStep.PING
    assert keepalive.next_timer() == 115.0
    assert keepalive.handle_timer(114.9) is None
    assert keepalive.handle_timer(115.0) is KeepAliveStep.GIVE_UP


def test_any_frame_after_the_ping_begins_anew() -> None:
    keepalive = KeepAlive(10.0, 5.0, now=100.0)
    assert keepalive.handle_timer(110.0) is KeepAliveStep.PING
    keepalive.heard_at = 110.5
    assert keepalive.next_timer() == 120.5
    assert keepalive.handle_timer(115.0) is None
    assert keepalive.handle_timer(120.5) is KeepAliveStep.PING


def test_a_timer_that_comes_late_pings_first() -> None:
    keepalive = KeepAlive(10.0, 5.0, now=100.0)
    assert keepalive.handle_timer(1_000.0) is KeepAliveStep.PING
    assert keepalive.next_timer() == 1_005.0
