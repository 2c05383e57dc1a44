"""Fault injection: lets the plan's faults befall the connections of a realtime server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fulgurite.server import spoiling
from fulgurite.server.connection import Connection, Connections
from fulgurite.server.faultplan import ActiveFault, Copy
from fulgurite.server.faults import Aimed, AnyFault, BrokenFrame, Close, Pings, Reset, SnapshotAnomaly


class FaultInjector:
    """Runs the fault plan against the connections: one timer, present only while faults are.

    Args:
        connections: the victims.
        set_pings: pings at another interval; None restores the first.
    """

    def __init__(self, connections: Connections, set_pings: Callable[[Pings | None], None]) -> None:
        self._connections = connections
        self._set_pings = set_pings
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pings: Pings | None = None
        self.plan = connections.plan

    def give(self, fault: AnyFault) -> ActiveFault:
        """Take a fault up; without `after` it comes at once.

        Raises:
            InputError: there are too many.
        """
        active = self.plan.add(fault, self._loop.time())
        self._act()
        return active

    def end(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many were."""
        ended = self.plan.end(number)
        self._act()
        return ended

    def stop(self) -> None:
        """End all, so that connections can be closed properly."""
        self.end()
        if self._timer is not None:
            self._timer.cancel()

    def _act(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        for active in self.plan.struck(now):
            self._strike(active)
        for connection in tuple(self._connections.open):
            connection.refresh_faults()
        pings = next((fault for _, fault in self.plan.on(Pings, now)), None)
        if pings != self._pings:
            self._pings = pings
            self._set_pings(pings)
        due = self.plan.next_timer(now)
        if due is not None:
            self._timer = self._loop.call_at(due, self._act)

    def _strike(self, active: ActiveFault) -> None:
        fault = active.fault
        assert isinstance(fault, Aimed), "moments are aimed"
        for connection in tuple(self._connections.open):
            channels = self._connections.hub.channels_of(connection)
            facts = connection.record.facts
            if not fault.aims_at(facts.number, facts.client, channels) or not active.happens():
                continue
            if isinstance(fault, Close):
                connection.close(fault.code, fault.reason)
            elif isinstance(fault, Reset):
                connection.reset()
            elif isinstance(fault, BrokenFrame):
                self._break_frame(connection, fault)
            elif isinstance(fault, SnapshotAnomaly):
                self._send_anomalies(connection, active, fault)

    def _break_frame(self, connection: Connection, fault: BrokenFrame) -> None:
        channels = filter(fault.aims_at_channel, self._connections.hub.channels_of(connection))
        newest = [last for each in channels if (last := self._connections.log.older(each, 0.0)) is not None]
        # Nobody sees the other half, so where nothing was published yet, something else does.
        last = max(newest, key=lambda each: each.number, default=None)
        text = connection.handshake.dialect.encode_message(last.channel, last.message) if last else b"[]"
        connection.write_half(text)
        if fault.reset:
            connection.reset()
        else:
            connection.abort()

    def _send_anomalies(self, connection: Connection, active: ActiveFault, fault: SnapshotAnomaly) -> None:
        self._connections.hub.flush()
        for channel in sorted(self._connections.hub.channels_of(connection)):
            if not (channel.startswith("lightning_board_snapshot_") and fault.aims_at_channel(channel)):
                continue
            last = self._connections.log.older(channel, 0.0)
            if last is not None:
                payload = connection.handshake.dialect.encode_message(
                    channel, spoiling.anomalous(last.message, active.rng)
                )
                connection.send_copy(Copy(last, payload, 1, self._loop.time(), altered=True))
