"""The faults that are on, and their victims: time is an argument, and each fault draws from its own seed. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from random import Random
from typing import Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from fulgurite.errors import InputError
from fulgurite.protocol.choices import Refusal
from fulgurite.protocol.events import Method
from fulgurite.server import spoiling
from fulgurite.server.faults import (
    Aimed,
    AnyFault,
    ClockSkew,
    Delay,
    Fault,
    Freeze,
    HandshakeFault,
    MessageFault,
    Moment,
    NoAck,
    RefuseAuth,
    StaleSnapshot,
    Trickle,
)
from fulgurite.server.outbox import Outbox
from fulgurite.server.published import Published

MAX_FAULTS: Final = 1_000
"""Faults that can be active at once; more are refused."""

FaultT = TypeVar("FaultT", bound=Fault)
HandshakeT = TypeVar("HandshakeT", bound=HandshakeFault)


class ActiveFault:
    """One fault of the plan, from the moment it was given.

    Args:
        number: names it, from 1.
        fault: its kind, parameters, moments and aim.
        given_at: when it was given, seconds on the plan's clock.
    """

    def __init__(self, number: int, fault: AnyFault, given_at: float) -> None:
        self.number = number
        self.fault = fault
        self.rng = Random(f"{fault.seed} {fault.__struct_config__.tag}")
        self.hits = 0
        """Of moments and handshakes: how often it has hit. Of the others each connection counts its own."""
        self._begins_at = given_at + fault.after
        self._passed = 0  # moments that are over, hit or not

    def is_on(self, now: float) -> bool:
        """Whether a fault that lasts is on."""
        lasts = getattr(self.fault, "seconds", None)
        since = now - self._begins_at
        if since < 0:
            return False
        if self.fault.every is not None:
            since %= self.fault.every
        return lasts is None or since < lasts

    def strikes(self, now: float) -> bool:
        """Whether a moment has come since this was asked last; several that were missed count as one."""
        due = self._next_moment()
        if due is None or due > now:
            return False
        every = self.fault.every
        self._passed = 1 if every is None else math.floor((now - self._begins_at) / every + 1e-9) + 1
        self.hits += 1
        return True

    def next_change(self, now: float) -> float | None:
        """The time at which it strikes next, begins or ends; None where that never happens."""
        if isinstance(self.fault, Moment):
            return self._next_moment()
        if now < self._begins_at:
            return self._begins_at
        lasts: float | None = getattr(self.fault, "seconds", None)
        if lasts is None:
            return None
        every = self.fault.every
        if every is None:
            return self._begins_at + lasts if now < self._begins_at + lasts else None
        begun = now - (now - self._begins_at) % every
        return begun + lasts if now < begun + lasts else begun + every

    def is_over(self, now: float) -> bool:
        """Whether nothing more can come of it."""
        if isinstance(self.fault, Moment):
            return self._next_moment() is None
        if not isinstance(self.fault, Aimed) and self.fault.times is not None and self.hits >= self.fault.times:
            return True
        lasts = getattr(self.fault, "seconds", None)
        return lasts is not None and self.fault.every is None and now >= self._begins_at + lasts

    def happens(self) -> bool:
        """Draw whether one hit happens."""
        return self.fault.chance >= 1 or self.rng.random() < self.fault.chance

    def _next_moment(self) -> float | None:
        every = self.fault.every
        times = (1 if every is None else math.inf) if self.fault.times is None else self.fault.times
        # Without `every` there is one moment, however often it might hit.
        if self.hits >= times or (every is None and self._passed):
            return None
        return self._begins_at + self._passed * (every or 0.0)


class FaultPlan:
    """The faults that were given and are not over. Times are seconds on any clock that never goes back."""

    def __init__(self) -> None:
        self._active: dict[int, ActiveFault] = {}
        self._last_number = 0

    def add(self, fault: AnyFault, now: float) -> ActiveFault:
        """Take a fault up.

        Raises:
            InputError: there are too many.
        """
        if len(self._active) >= MAX_FAULTS:
            raise InputError("fault", f"one more than {MAX_FAULTS}", "one after others were ended")
        self._last_number += 1
        active = self._active[self._last_number] = ActiveFault(self._last_number, fault, now)
        return active

    def end(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many were."""
        numbers = list(self._active) if number is None else [number]
        return sum(self._active.pop(each, None) is not None for each in numbers)

    def active(self) -> list[ActiveFault]:
        """The faults that are on or still to come, oldest first."""
        return list(self._active.values())

    def struck(self, now: float) -> list[ActiveFault]:
        """The moments that have come, each given once; those that are over are forgotten."""
        struck = [each for each in self._active.values() if isinstance(each.fault, Moment) and each.strikes(now)]
        self._active = {number: each for number, each in self._active.items() if not each.is_over(now)}
        return struck

    def next_timer(self, now: float) -> float | None:
        """The time at which a fault begins, ends or strikes next."""
        changes = (each.next_change(now) for each in self._active.values())
        return min((due for due in changes if due is not None), default=None)

    def on(self, kind: type[FaultT], now: float) -> list[tuple[ActiveFault, FaultT]]:
        """The lasting faults of a kind that are on, oldest first."""
        return [
            (each, each.fault)
            for each in self._active.values()
            if isinstance(each.fault, kind) and not isinstance(each.fault, Moment) and each.is_on(now)
        ]

    def hit(self, kind: type[HandshakeT], client: str, now: float) -> HandshakeT | None:
        """The fault that hits a newly arrived client of this name, or None; it is counted."""
        for active, fault in self.on(kind, now):
            if fault.aims_at_client(client) and not active.is_over(now) and active.happens():
                active.hits += 1
                return fault
        return None

    def against(self, number: int, client: str, channels: Collection[str], now: float) -> list[ActiveFault]:
        """The lasting faults that are on for a connection of this number, client and channels, oldest first."""
        return [each for each, fault in self.on(Aimed, now) if fault.aims_at(number, client, channels)]


class Copy(NamedTuple):
    """A message as it is to be sent to one connection."""

    published: Published
    payload: bytes
    """The text of the frame."""
    pieces: int
    """In how many frames it is sent."""
    due: float
    """When."""
    altered: bool


class Sufferer:
    """The faults of one connection; it lives as long as the connection.

    Args:
        older: finds an older message of a channel, at least so many seconds old.
        is_dummy: the connection is never sent a message.
    """

    def __init__(self, older: Callable[[str, float], Published | None], is_dummy: bool = False) -> None:
        self._older = older
        self._is_dummy = is_dummy
        self.is_well = not is_dummy
        """Whether it suffers nothing."""
        self._faults: list[ActiveFault] = []
        # Of each fault, as long as it is in the plan: how often it has hit this connection, by channel where each has
        # its own count; and whether chance chose the connection for it. None before the first, since most connections
        # never suffer anything, and these take 2 kB.
        self._hits: WeakKeyDictionary[ActiveFault, Counter[str]] | None = None
        self._chosen: WeakKeyDictionary[ActiveFault, bool] | None = None
        # Nothing overtakes a delayed message on the same channel, or on the whole connection ("").
        self._latest: dict[str, float] = {}
        # Frames that faults hold back; None until the first.
        self._outbox: Outbox[Copy] | None = None

    def set_faults(self, faults: Iterable[ActiveFault]) -> None:
        """These are on for the connection now."""
        self._faults = [each for each in faults if self._befalls(each)]
        self.is_well = not (self._faults or self._is_dummy)
        if self._outbox is not None and self.is_frozen:
            self._outbox.clear()

    @property
    def held_bytes(self) -> int:
        """Bytes that are held back."""
        return 0 if self._outbox is None else self._outbox.size

    def hold(self, frames: bytes, due: float, copy: Copy | None = None) -> None:
        """Hold back whole frames, those of a copy of a message or others, until they are due; none while frozen."""
        if not self.is_frozen:
            if self._outbox is None:
                self._outbox = Outbox()
            self._outbox.put(frames, due, copy)

    def release(self, now: float) -> tuple[bytes, list[Copy], float | None]:
        """The held bytes that may go now, at `math.inf` all of them.

        Returns:
            The bytes, the copies that are gone with them to their end, and when more may go; None where nothing is
            held, or the connection is frozen.
        """
        if self._outbox is None or self.is_frozen:
            return b"", [], None
        rate = None if now == math.inf else self._bytes_per_second()
        return *self._outbox.release(now, rate), self._outbox.next_timer(rate)

    def numbers(self) -> list[int]:
        """The numbers of the faults that are on."""
        return [each.number for each in self._faults]

    @property
    def is_frozen(self) -> bool:
        """Whether nothing is sent and nothing read."""
        return any(isinstance(each.fault, Freeze) for each in self._faults)

    @property
    def filters(self) -> bool:
        """Whether messages cannot go the hub's fast way."""
        return self._is_dummy or any(
            isinstance(each.fault, MessageFault | Freeze | Delay | Trickle | ClockSkew) for each in self._faults
        )

    def _bytes_per_second(self) -> float | None:
        """The bandwidth, or None where it is not limited."""
        rates = [each.fault.bytes_per_second for each in self._faults if isinstance(each.fault, Trickle)]
        return min(rates, default=None)

    def hides_answer(self, request: str) -> bool:
        """Whether the answer to a client's message is not to be sent; a batch counts as each method in it."""
        return any(
            isinstance(each.fault, NoAck)
            and any(f'"{method}"' in request for method in Method if each.fault.method in (None, method))
            and self._hits_now(each)
            for each in self._faults
        )

    def auth_refusal(self) -> Refusal | None:
        """The refusal for `auth`; None where no fault has one."""
        for each in self._faults:
            if isinstance(each.fault, RefuseAuth) and self._hits_now(each):
                return Refusal(each.fault.code, each.fault.message)
        return None

    def clock_skew(self) -> int:
        """By how many seconds the server's clock is wrong for the connection."""
        return sum(each.fault.by for each in self._faults if isinstance(each.fault, ClockSkew))

    def due(self, now: float, channel: str = "") -> float:
        """The time at which to send a message that is due now.

        Args:
            now: the time.
            channel: the message's; "" for other frames.
        """
        delays = [(each, each.fault) for each in self._faults if isinstance(each.fault, Delay)]
        due = now
        lane = ""
        for active, delay in delays:
            if delay.names_channels:
                if not (channel and delay.aims_at_channel(channel)):
                    continue
                lane = channel
            if self._hits_now(active):
                due += delay.by + active.rng.uniform(0.0, delay.jitter)
        # Also when the delay is over that held back the message before.
        due = max(due, self._latest.get("", 0.0), self._latest.get(channel, 0.0))
        if delays:
            self._latest[lane] = due
        return due

    def copies(self, published: Published, encode: Callable[[str, bytes], bytes], now: float) -> list[Copy]:
        """The copies that are sent instead of a message.

        Args:
            published: the message.
            encode: makes the text of a frame, from the channel's name and the message.
            now: the time.
        """
        if self._is_dummy or self.is_frozen:
            return []
        channel = published.channel
        messages = [published.message]
        hitting: list[tuple[MessageFault, Random]] = []
        for each in self._faults:
            fault = each.fault
            if isinstance(fault, ClockSkew) and fault.aims_at_channel(channel):
                messages = [spoiling.with_other_times(message, fault.by) for message in messages]
            if not isinstance(fault, MessageFault) or not fault.hits_channel(channel):
                continue
            if not self._hits_now(each, channel if isinstance(fault, StaleSnapshot) else ""):
                continue
            hitting.append((fault, each.rng))
            if isinstance(fault, StaleSnapshot):
                old = self._older(channel, fault.age)
                messages = [published.message if old is None else old.message]
            else:
                messages = [spoilt for message in messages for spoilt in fault.spoil(message, each.rng)]
        copies = []
        for message in messages:
            payload = encode(channel, message)
            for message_fault, rng in hitting:
                payload = message_fault.spoil_payload(payload, rng)
            altered = len(messages) > 1 or payload != encode(channel, published.message)
            pieces = max((message_fault.pieces() for message_fault, _ in hitting), default=1)
            copies.append(Copy(published, payload, pieces, self.due(now, channel), altered))
        return copies

    def _befalls(self, active: ActiveFault) -> bool:
        """Whether the connection is one of those that chance chose for a fault of whole connections."""
        if not isinstance(active.fault, Freeze | Trickle | ClockSkew):
            return True
        if self._chosen is None:
            self._chosen = WeakKeyDictionary()
        if active not in self._chosen:
            self._chosen[active] = active.happens()
        return self._chosen[active]

    def _hits_now(self, active: ActiveFault, channel: str = "") -> bool:
        times = active.fault.times
        if times is None:
            return active.happens()
        if self._hits is None:
            self._hits = WeakKeyDictionary()
        hits = self._hits.setdefault(active, Counter())
        if hits[channel] >= times or not active.happens():
            return False
        hits[channel] += 1
        return True
