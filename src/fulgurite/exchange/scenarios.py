"""The named scenarios: fault plans for real troubles of users of the service. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from fulgurite.errors import InputError
from fulgurite.exchange.products import PRODUCTS


class Scenario(NamedTuple):
    """A plan with a name."""

    sentence: str
    """The course of events."""
    plan: str
    """In TOML, as a file of `--faults` has it."""
    starts_at: str = ""
    """The time of the exchange's clock at the start, UTC; empty for the present."""


SCENARIOS: Final = {
    "anomaly": Scenario(
        "Every half minute an unsorted snapshot with an empty level and a wrong mid price comes out of turn.",
        '[[fault]]\nfault = "snapshot-anomaly"\nafter = 15\nevery = 30\n',
    ),
    "auth-mute": Scenario(
        "Authentication is never answered.",
        '[[fault]]\nfault = "no-ack"\nmethod = "auth"\n',
    ),
    "auth-refused": Scenario(
        "Authentication is refused, however right the key.",
        '[[fault]]\nfault = "refuse-auth"\n',
    ),
    "daily-maintenance": Scenario(
        "The exchange's clock starts at 03:59:30 in Japan, half a minute before the daily maintenance; see --speed.",
        "",
        starts_at="18:59:30",
    ),
    "dead-channel": Scenario(
        "After 10 seconds the executions of all products stop, while everything else flows on the same connection.",
        "".join(
            f'[[fault]]\nfault = "mute"\nafter = 10\nchannel = "lightning_executions_{product.code}"\n'
            for product in PRODUCTS
        ),
    ),
    "drifting-book": Scenario(
        "Levels that are gone stay in the book: a third of the diffs arrive without their deletions.",
        '[[fault]]\nfault = "lost-deletions"\nchance = 0.33\n',
    ),
    "dummy-server": Scenario(
        "After 10 seconds all are disconnected; clients back within a minute are acknowledged and sent nothing, ever.",
        '[[fault]]\nfault = "close"\nafter = 10\nreason = "scheduled maintenance"\n\n'
        '[[fault]]\nfault = "dummy"\nafter = 9.9\nseconds = 60\n',
    ),
    "flapping": Scenario(
        "Every connection is accepted and politely closed at once, for ten seconds of every twenty.",
        '[[fault]]\nfault = "close"\nafter = 10\nevery = 20\n\n'
        '[[fault]]\nfault = "close-at-once"\nafter = 10\nseconds = 10\nevery = 20\n',
    ),
    "half-open": Scenario(
        "After 10 seconds nothing comes any more, not even a pong, and no connection is closed.",
        '[[fault]]\nfault = "freeze"\nafter = 10\n',
    ),
    "outage": Scenario(
        "After 10 seconds all connections are cut, and for half a minute handshakes are refused with HTTP status 503.",
        '[[fault]]\nfault = "reset"\nafter = 10\n\n[[fault]]\nfault = "refuse"\nafter = 9.9\nseconds = 30\n',
    ),
    "rough-network": Scenario(
        "Everything comes late and unevenly, and now and then a connection is cut.",
        '[[fault]]\nfault = "delay"\nby = 0.2\njitter = 0.3\n\n'
        '[[fault]]\nfault = "reset"\nafter = 20\nevery = 20\nchance = 0.3\n',
    ),
    "stale-book": Scenario(
        "Every half minute all are disconnected, and the first snapshot after that is half a minute old.",
        '[[fault]]\nfault = "close"\nafter = 30\nevery = 30\n\n[[fault]]\nfault = "stale-snapshot"\nage = 30\n',
    ),
}
"""By name."""


def find_scenario(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        InputError: there is none.
    """
    if name not in SCENARIOS:
        raise InputError("scenario", name, SCENARIOS)
    return SCENARIOS[name]
