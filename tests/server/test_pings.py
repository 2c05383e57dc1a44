"""The clients that the server's pings cut off."""

from fulgurite.server.pings import PongCheck


def test_a_client_that_answers_in_time_lives():
    check = PongCheck()
    assert check.ping(last_ping_at=0.0)  # the first ping; nothing was asked before
    check.pong(now=115.2)
    assert check.ping(last_ping_at=115.0)
    check.pong(now=133.0)
    assert check.ping(last_ping_at=130.0)


def test_a_client_that_does_not_answer_is_cut_off_at_the_next_ping():
    check = PongCheck()
    assert check.ping(last_ping_at=0.0)
    assert not check.ping(last_ping_at=115.0)


def test_a_late_pong_is_none():
    check = PongCheck()
    check.ping(last_ping_at=100.0)
    check.pong(now=118.1)
    assert not check.ping(last_ping_at=115.0)


def test_a_pong_that_nobody_asked_for_is_one_that_came_too_late():
    """This cuts off .NET clients that keep alive with pongs of their own (section 1.3)."""
    check = PongCheck()
    check.ping(last_ping_at=100.0)
    check.pong(now=115.1)
    check.pong(now=125.0)
    assert not check.ping(last_ping_at=115.0)
