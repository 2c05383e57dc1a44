"""Removal of executions that were given before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fulgurite.client.items import Message
from fulgurite.errors import MessageError
from fulgurite.protocol.messages import Execution

SEEN_LIMIT: Final = 20_000
"""Limit on the executions of a channel remembered as given. At least the latest half of this number is remembered."""

_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class GivenExecutions:
    """Remembers the executions of one channel, by id and by content; forgets the oldest.

    Two executions are the same if both are equal, since a service may begin a new numbering. Some executions come
    without an id (section 3.4), which the HTTP API may add later; then equal content is enough.
    """

    def __init__(self) -> None:
        # The older half is forgotten at once: removing the oldest entries of a dict one by one passes all entries
        # removed before, each time. Each id is stored under the content, and under content and id.
        self._seen: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._highest = self._highest_of_older = 0
        self.forgotten_up_to = 0
        """The highest id that may have been forgotten."""

    def has(self, row: Execution) -> bool:
        """Whether an execution was given and is remembered."""
        content = _content(row)
        return self._knows(row.id, content, hash((row.id, content)))

    def fresh(self, rows: Sequence[Execution]) -> list[int]:
        """Remember executions as given; return the indexes of the new ones."""
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
    """The executions of a message of an executions channel; none if it is unreadable."""
    try:
        return message.data  # type: ignore[return-value]  # it is a message of an executions channel
    except MessageError:
        return []


def reduced(message: Message, rows: Sequence[Any], kept: list[int]) -> Message | None:
    """The message reduced to some of its rows; None if none is left.

    Args:
        message: a message with a list as its data.
        rows: its data.
        kept: the indexes of the rows to keep, ascending.
    """
    if len(kept) == len(rows):
        return message
    if not kept:
        return None
    texts = _ROWS.decode(message.raw)
    text = msgspec.Raw(b"[" + b",".join(texts[index] for index in kept) + b"]")
    return msgspec.structs.replace(message, _json=text, _data=[rows[index] for index in kept])


def _content(row: Execution) -> int:
    """Hash of an execution's content without its id. It is unique since two orders meet once at a price."""
    buy, sell = row.buy_child_order_acceptance_id, row.sell_child_order_acceptance_id
    # HTTP gives the time with fewer digits, so the time counts only in the absence of order ids.
    return hash((buy, sell, row.price, row.size, "" if buy and sell else row.exec_date))
