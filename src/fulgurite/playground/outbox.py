"""The messages that wait to be sent to one page, bounded. Pure.

Three kinds of things wait. *Rows* (frames, gaps, statuses) are all wanted in order; when the page is slow the oldest
are dropped and their number is told in their place. *States* (connection, channels, book, ticker) replace the waiting
one of their own type, so a slow page sees fewer of them and is right after each. *Letters* each answer or ask one
thing; their senders bound them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from fulgurite.playground import messages

ROW_LIMIT = 2_000
CHARACTER_LIMIT = 4_000_000
EXECUTION_LIMIT = 200


class Outbox:
    """Collects messages and gives them in batches.

    Args:
        row_limit: how many rows wait at most.
        character_limit: the characters of frames that wait at most; one frame counts half of that at most.
        execution_limit: how many executions wait at most; the oldest are dropped.
    """

    def __init__(
        self,
        *,
        row_limit: int = ROW_LIMIT,
        character_limit: int = CHARACTER_LIMIT,
        execution_limit: int = EXECUTION_LIMIT,
    ) -> None:
        self._row_limit = row_limit
        self._character_limit = character_limit
        self._rows: deque[messages.Row] = deque()
        self._characters = 0
        self._dropped = 0
        self._states: dict[type[messages.State], messages.State] = {}
        self._letters: list[messages.Letter] = []
        self._executions: deque[messages.Execution | messages.Gap] = deque(maxlen=execution_limit)
        self._product_code = ""
        self._restart = False

    def add_row(self, row: messages.Row) -> None:
        """Have a row sent, at the cost of the oldest if there are too many."""
        self._rows.append(row)
        self._characters += self._weight(row)
        while len(self._rows) > self._row_limit or self._characters > self._character_limit:
            self._characters -= self._weight(self._rows.popleft())
            self._dropped += 1

    def set_state(self, state: messages.State) -> None:
        """Have a state sent in place of the one of its type that may still wait."""
        self._states[type(state)] = state

    def send(self, letter: messages.Letter) -> None:
        """Have a letter sent."""
        self._letters.append(letter)

    def add_executions(self, rows: Iterable[messages.Execution | messages.Gap]) -> None:
        """Have executions of the product in view sent, and the gaps between them."""
        self._executions.extend(rows)

    def restart_executions(self, product_code: str, rows: Iterable[messages.Execution | messages.Gap]) -> None:
        """Have these sent in place of all executions that were, perhaps of another product."""
        self._product_code = product_code
        self._restart = True
        self._executions.clear()
        self._executions.extend(rows)

    def _weight(self, row: messages.Row) -> int:
        # So that one that is longer than all that may wait is sent, too.
        return min(_characters(row), self._character_limit // 2)

    @property
    def is_half_full(self) -> bool:
        """Whether so many rows wait that a replay should pause."""
        return 2 * len(self._rows) >= self._row_limit or 2 * self._characters >= self._character_limit

    def begin(self, source: messages.Source) -> None:
        """From here on all messages are of another source: waiting ones of the source before are dropped."""
        self._executions.clear()
        self._rows.clear()
        self._characters = self._dropped = 0
        own = {kind: state for kind, state in self._states.items() if isinstance(state, messages.OwnState)}
        self._states = {messages.Source: source, **own}

    def drain(self) -> list[messages.ToPage]:
        """Everything that waits, states first; nothing waits afterwards."""
        batch: list[messages.ToPage] = [*self._states.values(), *self._letters]
        if self._executions or self._restart:
            batch.append(messages.Executions(self._product_code, list(self._executions), self._restart))
        if self._dropped:
            batch.append(messages.Dropped(self._dropped))
        batch.extend(self._rows)
        self._states.clear()
        self._letters.clear()
        self._executions.clear()
        self._rows.clear()
        self._characters = self._dropped = 0
        self._restart = False
        return batch


def _characters(row: messages.Row) -> int:
    match row:
        case messages.Frame() | messages.Malformed():
            return len(row.text)
        case messages.OrderEvents():
            return len(bytes(row.events))
    return 0
