"""The fixture for the tests of others, through the entry point of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest
import websockets
from websockets.sync.client import connect

from tests.exchange.test_control import BOARD


def test_a_fault_plan_is_an_argument(fulgurite_exchange):
    exchange = fulgurite_exchange(seed=3, faults=[{"fault": "close-at-once", "code": 4001, "times": 1}])
    with connect(exchange.realtime) as connection, pytest.raises(websockets.ConnectionClosed, match="4001"):
        connection.recv()
    with connect(exchange.realtime) as connection:
        connection.send("[]")
        assert "Empty Array" in str(connection.recv())
    assert exchange.connections()[0]["code"] == 4001


def test_it_tells_what_a_client_missed(fulgurite_exchange):
    exchange = fulgurite_exchange(seed=3)
    with connect(exchange.realtime) as connection:
        connection.send(f'{{"method":"subscribe","params":{{"channel":"{BOARD}"}},"id":1}}')
        for _ in range(3):
            connection.recv()
        assert exchange.missed(1, BOARD) == []
        fault = exchange.give_fault("mute", channel=BOARD)
        last = exchange.published()[-1]["number"]
        while not exchange.published(BOARD, after=last):
            pass  # each round is a request, so this does not spin
        missed = exchange.missed(1, BOARD)
        assert missed
        assert {message["channel"] for message in exchange.published(BOARD)} == {BOARD}
        exchange.end_fault(fault)
        exchange.end_fault()
    with pytest.raises(ValueError, match="give one of"):
        exchange.give_fault("nonsense")


def test_what_the_exchange_refuses_is_raised_in_the_test(fulgurite_exchange):
    with pytest.raises(ValueError, match="seed"):
        fulgurite_exchange(seed=-1)


def test_pytest_is_not_slowed_by_it():
    program = (
        "import sys; import pytest; before = set(sys.modules); import fulgurite.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"fulgurite", "fulgurite.version", "fulgurite.pytest_plugin"}
