"""The frames that wait for a connection with delays or a narrow bandwidth. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import Final, Generic, NamedTuple, TypeVar

TICK_SECONDS: Final = 0.05
"""A narrow bandwidth lets bytes through this often, at least one."""

NoteT = TypeVar("NoteT")


class _Waiting(NamedTuple, Generic[NoteT]):
    due: float
    order: int
    data: bytes
    note: NoteT | None


class Outbox(Generic[NoteT]):
    """Holds bytes until they are due. Times are seconds on any clock that never goes back.

    Frames due at the same time leave in the order of their arrival.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting[NoteT]] = []
        self._leaving: deque[_Waiting[NoteT]] = deque()
        self._order = count()
        # How much of the first that leaves is gone already, and when more may go.
        self._gone = 0
        self._next_tick = 0.0
        self.size = 0
        """Bytes that wait."""

    def put(self, data: bytes, due: float, note: NoteT | None = None) -> None:
        """Hold bytes back.

        Args:
            data: the bytes, at least one.
            due: when they may go.
            note: is given back when the last of them goes.
        """
        heapq.heappush(self._waiting, _Waiting(due, next(self._order), data, note))
        self.size += len(data)

    def release(self, now: float, bytes_per_second: float | None = None) -> tuple[bytes, list[NoteT]]:
        """The bytes that may go now, and the notes of those that are then gone to their end."""
        while self._waiting and self._waiting[0].due <= now:
            self._leaving.append(heapq.heappop(self._waiting))
        if bytes_per_second is None:
            budget = self.size
        elif now < self._next_tick:
            budget = 0
        else:
            budget = max(1, round(bytes_per_second * TICK_SECONDS))
            # At less than a byte a tick the ticks are longer.
            self._next_tick = now + budget / bytes_per_second
        released: list[bytes] = []
        notes: list[NoteT] = []
        while self._leaving and budget:
            first = self._leaving[0]
            part = first.data[self._gone : self._gone + budget]
            released.append(part)
            budget -= len(part)
            self._gone += len(part)
            self.size -= len(part)
            if self._gone == len(first.data):
                self._gone = 0
                self._leaving.popleft()
                if first.note is not None:
                    notes.append(first.note)
        return b"".join(released), notes

    def clear(self) -> None:
        """Forget all that waits, but for the rest of a half-sent frame."""
        self._waiting.clear()
        rest = self._leaving.popleft() if self._gone else None
        self._leaving.clear()
        self.size = 0
        if rest is not None:
            self._leaving.append(rest)
            self.size = len(rest.data) - self._gone

    def next_timer(self, bytes_per_second: float | None = None) -> float | None:
        """The time at which `release` gives more, or None while nothing waits."""
        if self._leaving:
            return 0.0 if bytes_per_second is None else self._next_tick
        if not self._waiting:
            return None
        due = self._waiting[0].due
        return due if bytes_per_second is None else max(due, self._next_tick)
