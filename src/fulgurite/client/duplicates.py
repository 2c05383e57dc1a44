"""Executions that were given before, and messages without them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fulgurite.client.items import Message
from fulgurite.errors import MessageError
from fulgurite.protocol.messages import Execution

SEEN_LIMIT: Final = 20_000
"""Executions of a channel that are remembered at most, so that none is given twice; at least the last half of them."""

_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class GivenExecutions:
    """Remembers the executions of one channel, by id and by content; the oldest are forgotten.

    Both must be the same for two to be one, since a service may begin to number anew. Without an id, as some come
    (section 3.4), the content alone tells: the HTTP API may have the id of what came without one.
    """

    def __init__(self) -> None:
        # The older ones are forgotten together: whoever takes a dict's oldest entries out one by one passes all that
        # were taken out before, each time. The id is kept by the content, and by the content and itself.
        self._seen: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._highest = self._highest_of_older = 0
        self.forgotten_up_to = 0
        """No execution with a higher id was given and is forgotten."""

    def has(self, row: Execution) -> bool:
        """Whether it was given, and is remembered."""
        content = _content(row)
        return self._knows(row.id, content, hash((row.id, content)))

    def fresh(self, rows: Sequence[Execution]) -> list[int]:
        """Where those stand that were not given before; from now on they were."""
        seen = self._seen
        fresh = []
        for index, row in enumerate(rows):
            content = _content(row)
            both = hash((row.id, content))
            if self._knows(row.id, content, both):
                continue
            seen[content] = row.id
            if row.id:
                seen[both] = row.id
                self._highest = max(self._highest, row.id)
            fresh.append(index)
        if len(seen) > SEEN_LIMIT:  # two entries each
            self.forgotten_up_to = max(self.forgotten_up_to, self._highest_of_older)
            self._seen, self._older = {}, seen
            self._highest, self._highest_of_older = 0, self._highest
        return fresh

    def _knows(self, number: int, content: int, both: int) -> bool:
        seen, older = self._seen, self._older
        if number and (both in seen or both in older):
            return True
        known = seen.get(content, older.get(content))
        return known is not None and not (number and known)


def executions_of(message: Message) -> list[Execution]:
    """The executions of a message of an executions channel; none where it cannot be read, and is given as it came."""
    try:
        return message.data  # type: ignore[return-value]  # it is a message of an executions channel
    except MessageError:
        return []


def reduced(message: Message, rows: Sequence[Any], kept: list[int]) -> Message | None:
    """The message with only those of its rows that stand at these places; None where there are none.

    Args:
        message: whose data is a list.
        rows: its data.
        kept: places in it, ascending.
    """
    if len(kept) == len(rows):
        return message
    if not kept:
        return None
    texts = _ROWS.decode(message.raw)
    text = msgspec.Raw(b"[" + b",".join(texts[index] for index in kept) + b"]")
    return msgspec.structs.replace(message, _json=text, _data=[rows[index] for index in kept])


def _content(row: Execution) -> int:
    """What tells an execution from all others besides its id; two orders meet once at a price.

    A hash, since many are kept.
    """
    orders = row.buy_child_order_acceptance_id, row.sell_child_order_acceptance_id
    # HTTP has the time with fewer digits, so it is for those only that have nothing better.
    return hash((*orders, row.price, row.size, "" if all(orders) else row.exec_date))
