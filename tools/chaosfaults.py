"""Draws faults by chance: every kind that the exchange has, with any parameters and aims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fulgurite.server.faults import FAULTS, Aimed, MessageFault, parse_fault

Fault = dict[str, Any]


def _short(rng: Random) -> float:
    """Seconds that a fault lasts."""
    return round(rng.uniform(0.03, 0.5), 3)


MEMBERS: dict[str, Callable[[Random], Fault]] = {
    "close": lambda rng: {"code": rng.choice((1000, 1001, 1011, 1012, 4000)), "reason": rng.choice(("", "chaos"))},
    "reset": lambda rng: {},
    "broken-frame": lambda rng: {"reset": rng.random() < 0.5},
    "snapshot-anomaly": lambda rng: {},
    "freeze": lambda rng: {"seconds": round(rng.uniform(0.05, 1.0), 3)},
    "delay": lambda rng: {"by": rng.uniform(0.01, 0.2), "jitter": rng.choice((0.0, 0.2)), "seconds": _short(rng)},
    "trickle": lambda rng: {"bytes_per_second": rng.choice((1_000, 30_000, 300_000)), "seconds": _short(rng)},
    "no-ack": lambda rng: {
        **rng.choice(({}, {"method": "auth"}, {"method": "subscribe"}, {"method": "unsubscribe"})),
        "seconds": _short(rng),
    },
    "refuse-auth": lambda rng: {"seconds": _short(rng)},
    "clock-skew": lambda rng: {"by": rng.choice((-86_400, -60, 1, 3600)), "seconds": _short(rng)},
    "mute": lambda rng: {"seconds": rng.choice((_short(rng), 2.0))},
    "lost-messages": lambda rng: {"chance": rng.uniform(0.05, 0.9), "seconds": _short(rng)},
    "lost-diffs": lambda rng: {"chance": rng.uniform(0.05, 0.9), "seconds": _short(rng)},
    "lost-deletions": lambda rng: {"seconds": _short(rng)},
    "stale-snapshot": lambda rng: {"age": rng.uniform(0.1, 5.0), "seconds": _short(rng)},
    "duplicate-executions": lambda rng: {"seconds": _short(rng)},
    "zero-ids": lambda rng: {"seconds": _short(rng)},
    "invalid-json": lambda rng: {"chance": rng.choice((0.1, 1.0)), "seconds": _short(rng)},
    "wrong-types": lambda rng: {"chance": rng.choice((0.1, 1.0)), "seconds": _short(rng)},
    "truncated": lambda rng: {"chance": rng.choice((0.1, 1.0)), "seconds": _short(rng)},
    "oversized": lambda rng: {"size": rng.choice((20_000, 200_000, 2_000_000)), "times": 2, "seconds": _short(rng)},
    "fragmented": lambda rng: {"frames": rng.choice((2, 3, 50)), "seconds": _short(rng)},
    "refuse": lambda rng: {"status": rng.choice((403, 429, 500, 503)), "seconds": _short(rng)},
    "slow-handshake": lambda rng: {"by": rng.uniform(0.01, 0.3), "seconds": _short(rng)},
    "close-at-once": lambda rng: {"code": rng.choice((1000, 1012)), "seconds": _short(rng)},
    "dummy": lambda rng: {"seconds": _short(rng) / 2},
    "pings": lambda rng: {
        "interval": rng.uniform(0.05, 0.3),
        "timeout": rng.uniform(0.02, 0.2),
        "seconds": _short(rng),
    },
}
"""The parameters of each kind besides its aim."""

SILENT = frozenset(
    ("mute", "lost-messages", "lost-diffs", "lost-deletions", "stale-snapshot", "snapshot-anomaly", "freeze")
)
"""Kinds that leave no trace on the wire: messages do not come, or are wrong, while connection and channel go on.
A freeze is one of them where it ends before the client has given the connection up."""

LONG_FREEZE_SECONDS = 2.0
"""A connection that is frozen for so long is given up by the client."""


def draw(
    rng: Random, channels: Sequence[str], products: Sequence[str], connections: Sequence[int], *, with_silent: bool
) -> Fault:
    """A fault of any kind with any aim.

    Args:
        rng: the source of chance.
        channels: names of channels to aim at.
        products: codes of products to aim at.
        connections: numbers of connections to aim at; may be empty.
        with_silent: whether it may be one that leaves no trace.
    """
    kinds = sorted(MEMBERS if with_silent else (MEMBERS.keys() - SILENT) | {"freeze"})
    kind = rng.choice(kinds)
    fault = {"fault": kind, **MEMBERS[kind](rng), "seed": rng.randrange(1_000_000)}
    if kind == "freeze" and not with_silent:
        # One connection only and for long: a next one might be frozen for a moment only, which leaves no trace.
        fault |= {"seconds": LONG_FREEZE_SECONDS, "connection": rng.choice([*connections, 1_000_000])}
    elif issubclass(FAULTS[kind], Aimed):
        aims: list[Fault] = [{}, {"connection": rng.choice([*connections, 1_000_000])}]
        if with_silent or kind != "delay":
            made = parse_fault(fault)
            hit = [name for name in channels if not isinstance(made, MessageFault) or made.hits_channel(name)]
            aims += [*({"channel": rng.choice(hit)} for _ in hit[:1]), {"product": rng.choice(products)}]
        fault |= rng.choice(aims)
    return fault


def is_silent(fault: Fault) -> bool:
    """Whether it leaves no trace on the wire.

    So does a delay of some channels only: others overtake them, an old snapshot comes after newer diffs, and nothing in
    either tells. The service guarantees the order of a connection's messages.
    """
    return fault["fault"] in SILENT or (fault["fault"] == "delay" and ("channel" in fault or "product" in fault))


CONTRADICTING = frozenset(("clock-skew", "zero-ids", "wrong-types"))
"""Kinds after which two connections may say different things that can both be read: nobody knows which is right, and a
gap says so."""


def draw_at_one(rng: Random, connection: int) -> Fault:
    """A fault of any kind that can befall one connection alone, leaves a trace and contradicts nothing, at this one."""
    kinds = (set(MEMBERS) - SILENT - CONTRADICTING - {"refuse-auth"}) | {"freeze"}
    kind = rng.choice(sorted(kind for kind in kinds if issubclass(FAULTS[kind], Aimed)))
    fault = {"fault": kind, **MEMBERS[kind](rng), "seed": rng.randrange(1_000_000), "connection": connection}
    return fault | ({"seconds": LONG_FREEZE_SECONDS} if kind == "freeze" else {})
