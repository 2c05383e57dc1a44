"""Fault injection: lets the plan's faults befall the connections of a realtime server."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from fulgurite.server import spoiling
from fulgurite.server.connection import Connection
from fulgurite.server.faultplan import ActiveFault, Copy, FaultPlan
from fulgurite.server.faults import Aimed, AnyFault, BrokenFrame, Close, Pings, Reset, SnapshotAnomaly
from fulgurite.server.hub import Hub
from fulgurite.server.published import PublishedLog


class Server(Protocol):
    """What faults befall."""

    hub: Hub[Connection]
    log: PublishedLog

    @property
    def connections(self) -> Collection[Connection]:
        """Who is connected."""
        ...

    def set_pings(self, pings: Pings | None) -> None:
        """Ping at another interval; None restores the first."""
        ...


class FaultInjector:
    """Runs a fault plan against a server: one timer, which is only there while faults are.

    Args:
        server: whose connections suffer.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pings: Pings | None = None
        self.plan = FaultPlan()

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

    def refresh(self, connection: Connection) -> None:
        """A connection was opened, or its channels have changed."""
        if self.plan.active() or not connection.sufferer.is_well:
            channels = self._server.hub.channels_of(connection)
            record = connection.record
            connection.suffer(self.plan.against(record.number, record.client, channels, self._loop.time()))

    def _act(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        for active in self.plan.struck(now):
            self._strike(active)
        for connection in self._server.connections:
            self.refresh(connection)
        pings = next((fault for _, fault in self.plan.on(Pings, now)), None)
        if pings != self._pings:
            self._pings = pings
            self._server.set_pings(pings)
        due = self.plan.next_timer(now)
        if due is not None:
            self._timer = self._loop.call_at(due, self._act)

    def _strike(self, active: ActiveFault) -> None:
        fault = active.fault
        assert isinstance(fault, Aimed), "moments are aimed"
        for connection in self._server.connections:
            channels = self._server.hub.channels_of(connection)
            record = connection.record
            if not fault.aims_at(record.number, record.client, channels) or not active.happens():
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
        channels = filter(fault.aims_at_channel, self._server.hub.channels_of(connection))
        newest = [last for last in (self._server.log.older(channel, 0.0) for channel in channels) if last is not None]
        # Nobody sees the other half, so where nothing was published yet, something else does.
        last = max(newest, key=lambda each: each.number, default=None)
        text = connection.dialect.encode_message(last.channel, last.message) if last else b"[]"
        connection.write_half(text)
        if fault.reset:
            connection.reset()
        else:
            connection.abort()

    def _send_anomalies(self, connection: Connection, active: ActiveFault, fault: SnapshotAnomaly) -> None:
        self._server.hub.flush()
        for channel in sorted(self._server.hub.channels_of(connection)):
            if not (channel.startswith("lightning_board_snapshot_") and fault.aims_at_channel(channel)):
                continue
            last = self._server.log.older(channel, 0.0)
            if last is not None:
                payload = connection.dialect.encode_message(channel, spoiling.anomalous(last.message, active.rng))
                connection.send_copy(Copy(last, payload, 1, self._loop.time(), altered=True))
