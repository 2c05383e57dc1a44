"""The exchange's own clock, and the market living at its pace."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final

from fulgurite.exchange.numbers import wire_time
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.exchange.timeline import CloseConnections
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.choices import MAINTENANCE_REFUSES_CONNECTS
from fulgurite.protocol.pacedclock import PacedClock
from fulgurite.server.serve import RealtimeServer

log = logging.getLogger(__name__)

MAX_SPEED: Final = 1000.0
"""Seconds of the exchange that can pass in one second; a machine that cannot keep up goes as fast as it can."""

SHORTEST_STEP_SECONDS: Final = 0.01
"""The market moves this often at most; messages between two moves go out together."""

LONGEST_STEP_SECONDS: Final = 0.02
"""However quiet the market is, orders that were accepted meanwhile wait no longer than this."""

LONGEST_LAG_SECONDS: Final = 5.0
"""A shorter time that was missed is simulated at once. A longer one, with the process suspended or the machine asleep,
is passed over: the market stood still meanwhile, and the clock went on."""

LONGEST_FAST_LAG_SECONDS: Final = 0.1
"""At speeds above 1 a machine that cannot keep up is behind sooner: there the clock is set back, and so runs slower."""

SHORTEST_SLEEP_SECONDS: Final = 0.1
"""If the wall clock gains so much on the clock that never goes back, the machine has slept, or its clock was set
ahead."""

LONGEST_WORK_SECONDS: Final = 0.02
"""The market is simulated for about this long at a time; then connections have their turn, however far behind it is."""

OPEN_AT_FIRST_NS: Final = 3600 * 1_000_000_000
"""An exchange that starts at the present has no maintenance in its first hour: its market is open,
at any time of day. One with a given start has it exactly on time."""


class ExchangeClock:
    """The exchange's own clock: it starts where it is told and runs as fast as it is told.

    It never goes back by itself, and goes on while the process is suspended or the machine sleeps: an exchange that
    began at the present is never behind the clock on the wall.

    Args:
        start_ns: the time that it shows at first, nanoseconds since 1970-01-01 UTC.
        speed: its seconds that pass in one second, above 0 and up to `MAX_SPEED`.

    Raises:
        InputError: the speed is out of this range.
    """

    def __init__(self, start_ns: int, speed: float = 1.0) -> None:
        self.speed = check_number("speed", speed, f"a number above 0 and up to {MAX_SPEED:g}", above=0, most=MAX_SPEED)
        self._wall, self._awake, self._slept = time.time(), time.monotonic(), 0.0
        self._clock = PacedClock(start_ns, self._awake, speed)

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        return self._clock.at(self._machine())

    def set_back(self, now_ns: int) -> None:
        """Show `now_ns`, an earlier time than it does, and go on from there."""
        self._clock.set(now_ns, self._machine())

    def seconds_until(self, due_ns: int) -> float:
        """Seconds until it shows a time, below 0 where that has passed."""
        return self._clock.seconds_until(due_ns, self._machine())

    def _machine(self) -> float:
        """Seconds of the machine's clock that never goes back, and of the machine's sleep."""
        # In this order, or a pause between the two readings counts as sleep.
        wall, awake = time.time(), time.monotonic()
        slept = (wall - self._wall) - (awake - self._awake)
        if slept > SHORTEST_SLEEP_SECONDS:
            self._slept += slept
            self._wall, self._awake = wall, awake
        return awake + self._slept


async def drive(
    simulation: Simulation,
    server: RealtimeServer,
    clock: ExchangeClock,
    *,
    refuse_in_maintenance: bool = MAINTENANCE_REFUSES_CONNECTS,
) -> None:
    """Let the market live at the pace of the clock, until cancelled.

    Args:
        simulation: the market.
        server: where it is published.
        clock: the exchange's clock.
        refuse_in_maintenance: refuse handshakes from the close of the connections on until PREOPEN.
    """
    has_begun = False
    while True:
        lag = -clock.seconds_until(simulation.next_event_ns)
        if lag > LONGEST_LAG_SECONDS:
            passed_ns = clock.now_ns()
            if has_begun:  # else a slow machine took so long to make the market, unseen until now
                log.warning("The exchange stood still for %.0f s; its market goes on at %s", lag, wire_time(passed_ns))
            _carry_out(simulation.stand_still(passed_ns), server)
        elif lag > LONGEST_FAST_LAG_SECONDS and clock.speed > 1:
            clock.set_back(simulation.next_event_ns)
        has_begun = True
        now_ns, stop_at = clock.now_ns(), time.monotonic() + LONGEST_WORK_SECONDS
        while (next_ns := simulation.next_event_ns) <= now_ns and time.monotonic() < stop_at:
            # A second of the market is a few milliseconds of work.
            _carry_out(simulation.advance(min(now_ns, next_ns + 1_000_000_000)), server)
        server.is_refusing = refuse_in_maintenance and simulation.is_stopped
        is_behind = simulation.next_event_ns <= now_ns
        pause = min(max(clock.seconds_until(simulation.next_event_ns), SHORTEST_STEP_SECONDS), LONGEST_STEP_SECONDS)
        await asyncio.sleep(0 if is_behind else pause)


def _carry_out(events: Iterable[TimedMessage | CloseConnections], server: RealtimeServer) -> None:
    for event in events:
        if isinstance(event, CloseConnections):
            server.close_all(event.code, event.reason)
        else:
            server.hub.publish(event.channel, event.message, event.account)
