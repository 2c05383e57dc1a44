"""The states of the channels that a page asked for, and the traffic of its connection. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fulgurite.playground.messages import Channels, ChannelState


class ChannelStates:
    """The channels by name; an unknown one has no state.

    Args:
        names: the channels asked for from the start.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.by_name = {name: ChannelState(name, "waiting") for name in names}
        self._frames = 0
        self._bytes = 0

    def set(self, name: str, state: str, detail: str = "") -> None:
        """Set the state of a channel, see `messages.ChannelState`, with the server's words if there are any."""
        known = self.by_name.get(name) or ChannelState(name, state)
        self.by_name[name] = msgspec.structs.replace(known, state=state, detail=detail)

    def set_all(self, state: str) -> None:
        """Set the state of all channels."""
        for name in self.by_name:
            self.set(name, state)

    def add_frame(self, size: int) -> None:
        """Count a received frame of so many bytes."""
        self._frames += 1
        self._bytes += size

    def add_message(self, name: str, at_ms: float) -> None:
        """Count a message of a known channel."""
        count = self.by_name[name].messages + 1
        self.by_name[name] = ChannelState(name, "receiving", count, at_ms)

    def told(self, now_ms: float) -> Channels:
        """The state for the page."""
        return Channels(now_ms, self._frames, self._bytes, list(self.by_name.values()))
