"""Where the messages of one connection stand in a sequence that others have brought, told by their content. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Alignment(NamedTuple):
    """The place at which a connection's messages agree with the sequence, up to the end of either of them.

    All four numbers are places, of the first message that agrees and of the first after those that do.
    """

    start: int
    """In the messages of the connection."""
    stop: int
    sequence_start: int
    """In the sequence."""
    sequence_stop: int
    different: int
    """The number of different messages that agree."""
    is_only: bool
    """Whether so many messages agree at this place alone."""


def align(messages: Sequence[bytes], sequence: Sequence[bytes], may_begin_earlier: bool) -> Alignment | None:
    """Find the place at which the most messages agree, without exception up to the end.

    Args:
        messages: the meanings of the connection's messages; at least one.
        sequence: those of the sequence.
        may_begin_earlier: whether the connection's messages may begin before the sequence.

    Returns:
        Of several such places the latest, which leaves the fewest messages beyond the end of the sequence. None where
        not one message agrees, as where all of them lie beyond it.
    """
    last = len(messages) - 1
    # The messages end within the sequence, or go beyond its end: from the fewest beyond it to the most.
    ends = [(last, j) for j in range(len(sequence) - 1, -1, -1) if sequence[j] == messages[last]]
    ends += [(i, len(sequence) - 1) for i in range(last - 1, -1, -1) if sequence and messages[i] == sequence[-1]]
    best: list[Alignment] = []
    for i, j in ends:
        length = 1
        while length <= i and length <= j and messages[i - length] == sequence[j - length]:
            length += 1
        agrees_from_the_beginning = may_begin_earlier and length > j
        start = 0 if agrees_from_the_beginning else i + 1 - length
        found = Alignment(start, i + 1, j + 1 - length, j + 1, 0, True)
        if not best or start < best[0].start:
            best = [found]
        elif start == best[0].start:
            best.append(found)
        if start == 0 and len(best) == 2:
            break
    if not best:
        return None
    found = best[0]
    agreeing = messages[found.stop - (found.sequence_stop - found.sequence_start) : found.stop]
    return found._replace(different=len(set(agreeing)), is_only=len(best) == 1)
