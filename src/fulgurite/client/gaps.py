"""When each channel was last known to be alive, and the gaps that follow from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fulgurite.client.items import Gap


class _Channel:
    """What is known of one channel."""

    __slots__ = ("alive_ns", "interruption")

    def __init__(self) -> None:
        # When it was last heard of; None before its first acknowledgement or message.
        self.alive_ns: int | None = None
        # Why nothing can come at present; None while something can.
        self.interruption: str | None = None


class GapTracker:
    """Turns interruptions into gaps, one per channel and interruption.

    An interruption begins when the connection ends and ends when the channel is resumed: its subscription is
    acknowledged again, or its next message comes, whichever is first. A channel that was never alive has no gaps,
    for nothing was promised. Times are nanoseconds by a clock that may be set back, which no gap shows.
    """

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    def add(self, channel: str) -> None:
        """Keep track of a channel from now on."""
        self._channels.setdefault(channel, _Channel())

    def remove(self, channel: str, now_ns: int) -> Gap | None:
        """Keep track of a channel no longer; an interruption that is still open ends here."""
        state = self._channels.pop(channel, None)
        return None if state is None else _resume(channel, state, now_ns)

    def is_live(self, channel: str) -> bool:
        """Whether the channel has been heard of since it was added and since its last interruption."""
        state = self._channels.get(channel)
        return state is not None and state.alive_ns is not None and state.interruption is None

    def alive(self, channel: str, now_ns: int) -> Gap | None:
        """Take note of an acknowledgement or a message; return the gap that ends with it."""
        state = self._channels.get(channel)
        if state is None:
            return None
        if state.interruption is not None:
            return _resume(channel, state, now_ns)
        state.alive_ns = now_ns
        return None

    def interrupt(self, reason: str) -> None:
        """Nothing can come from now on. What was interrupted before stays so, for its first reason."""
        for state in self._channels.values():
            if state.alive_ns is not None and state.interruption is None:
                state.interruption = reason

    def lose(self, frame: str, reason: str, now_ns: int) -> list[Gap]:
        """An unreadable frame came: return a gap for each channel whose message it may have been.

        Where the frame still names channels it is about those, otherwise it may be about any.
        """
        live = [channel for channel in self._channels if self.is_live(channel)]
        # A batch may hold more than the names that are still readable.
        is_batch = frame.lstrip().startswith("[")
        named = [] if is_batch else [channel for channel in live if f'"{channel}"' in frame]
        gaps = []
        for channel in named or live:
            state = self._channels[channel]
            state.interruption = reason
            gap = _resume(channel, state, now_ns)
            assert gap is not None  # it was interrupted in the line before
            gaps.append(gap)
        return gaps

    def finish(self, now_ns: int) -> list[Gap]:
        """No more will come: return the gaps of the interruptions that are still open."""
        gaps = (_resume(channel, state, now_ns) for channel, state in self._channels.items())
        return [gap for gap in gaps if gap is not None]

    def channels(self) -> Iterable[str]:
        """The channels that are kept track of, in the order of adding."""
        return self._channels


def _resume(channel: str, state: _Channel, now_ns: int) -> Gap | None:
    if state.interruption is None or state.alive_ns is None:
        return None
    gap = Gap(channel, state.interruption, state.alive_ns, max(now_ns, state.alive_ns))
    state.alive_ns = gap.to_ns
    state.interruption = None
    return gap
