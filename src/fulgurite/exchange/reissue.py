"""The ids of a frame log that is served more than once: they ascend from one pass to the next. Pure.

A client that keeps executions apart by their ids would take the second pass for the first. So from then on the ids of
executions and tickers are raised in the text, and nothing else in it but the serial numbers in acceptance ids: they
tell two rows without an id apart. The first pass stays as it was recorded, to the byte.
"""

from __future__ import annotations

import re
from typing import Final

from fulgurite.protocol.channels import Kind

SERIAL_STEP: Final = 314_159
"""The six-digit serial numbers of acceptance ids go on by so many a pass: as good as never to another's."""

LARGEST_ID: Final = 2**53 - 1
"""Larger ids are left alone: JavaScript's numbers end here."""

_NUMBER: Final = rb'"\s*:\s*)(\d{1,16})(?![\d.eE])'
_IDS: Final = {
    Kind.EXECUTIONS: re.compile(rb'("id' + _NUMBER),
    Kind.CHILD_ORDER_EVENTS: re.compile(rb'("exec_id' + _NUMBER),
    Kind.TICKER: re.compile(rb'("tick_id' + _NUMBER),
}
_ACCEPTANCE_ID: Final = re.compile(rb"(J[A-Z]{2}\d{8}-\d{6}-)(\d{6})(?!\d)")


class Reissue:
    """Raises the ids of messages that are sent again."""

    def __init__(self) -> None:
        self._passes = 0
        # The executions of the order channels are listed with the others.
        executions = _Range()
        self._ranges = {Kind.EXECUTIONS: executions, Kind.CHILD_ORDER_EVENTS: executions, Kind.TICKER: _Range()}

    def begin_again(self) -> None:
        """A further pass begins: the same messages are about to be sent again."""
        self._passes += 1
        for ids in {id(each): each for each in self._ranges.values()}.values():
            ids.begin_again()

    def message(self, channel: str, message: bytes) -> bytes:
        """The message as it is to be sent in this pass."""
        kind = next((kind for kind in _IDS if channel.startswith(kind)), None)
        if kind is not None:
            ids = self._ranges[kind]
            raised = _IDS[kind].sub(lambda found: found[1] + ids.raised(found[2]), message)
            message = raised if self._passes else message
        if self._passes and (kind in _IDS or channel.startswith(Kind.PARENT_ORDER_EVENTS)):
            message = _ACCEPTANCE_ID.sub(self._acceptance_id, message)
        return message

    def _acceptance_id(self, found: re.Match[bytes]) -> bytes:
        serial = (int(found[2]) + self._passes * SERIAL_STEP) % 1_000_000
        return found[1] + b"%06d" % serial


class _Range:
    """The ids of one numbering: from where to where they were seen, and by how much they are raised."""

    def __init__(self) -> None:
        self._lowest = LARGEST_ID
        self._highest = 0
        self._by = 0

    def begin_again(self) -> None:
        if self._highest:
            self._by += self._highest - self._lowest + 1

    def raised(self, text: bytes) -> bytes:
        number = int(text)
        # 0 is no id (section 3.4).
        if not 0 < number <= LARGEST_ID - self._by:
            return text
        self._lowest = min(self._lowest, number)
        self._highest = max(self._highest, number)
        return b"%d" % (number + self._by)
