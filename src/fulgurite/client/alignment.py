"""The place of one connection's messages in the sequence of the others, found by content. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Alignment(NamedTuple):
    """An agreement of a connection's messages with the sequence, up to the end of either of them."""

    start: int
    """Index of the first agreeing message among those of the connection; `stop` follows the last one."""
    stop: int
    sequence_start: int
    """Index of the first agreeing message in the sequence; `sequence_stop` follows the last one."""
    sequence_stop: int
    different: int
    """The number of different agreeing messages."""
    is_only: bool
    """Whether no other place has as many agreeing messages."""


def align(messages: Sequence[bytes], sequence: Sequence[bytes], may_begin_earlier: bool) -> Alignment | None:
    """Find the place with the most agreeing messages, all of them up to the end.

    Args:
        messages: the meanings of the connection's messages; at least one.
        sequence: the meanings of the sequence.
        may_begin_earlier: whether the connection's messages may begin before the sequence.

    Returns:
        The latest of several such places, with the fewest messages beyond the end of the sequence. None if no message
        agrees, for example because all of them lie beyond the end.
    """
    last = len(messages) - 1
    # Candidates, from the fewest messages beyond the end of the sequence to the most.
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
