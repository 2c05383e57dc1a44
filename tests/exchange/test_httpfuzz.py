"""A small fixed number of odd HTTP requests; see `tools/httpfuzz.py`, which has sent a hundred thousand."""

from tools import httpfuzz


def test_odd_requests_are_answered_below_500_and_the_exchange_trades_on():
    counts = httpfuzz.run(requests=2_000, seed=1).counts
    # All of it happens, or the test would show nothing.
    assert {"200", "201", "400", "401", "404", "405", "413"} <= counts.keys()
