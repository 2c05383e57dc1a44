"""Joining WebSocket fragments into messages (RFC 6455, sections 5.4 and 8.1), for both the client and the server.
Pure."""

from __future__ import annotations

from typing import Final

from fulgurite.errors import FragmentError

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2

# Close codes of RFC 6455, section 7.4.1.
PROTOCOL_ERROR: Final = 1002
INVALID_TEXT: Final = 1007
MESSAGE_TOO_BIG: Final = 1009


class Fragments:
    """Joins the data frames of one connection into messages.

    Args:
        max_bytes: the longest message that is taken.
    """

    def __init__(self, max_bytes: int) -> None:
        self.is_open = False
        """Whether a message has begun and has not ended."""
        self._max_bytes = max_bytes
        self._opcode: int | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, opcode: int, is_last: bool, payload: bytes) -> str | bytes | None:
        """Take one data frame; return the message that it completes (text as str), or None while parts are missing.

        Raises:
            FragmentError: the frame has no place here, the message is too long, or a text is not UTF-8.
        """
        if (opcode == CONTINUATION) == (self._opcode is None):
            raise FragmentError(PROTOCOL_ERROR, "a fragment out of place")
        self._size += len(payload)
        if self._size > self._max_bytes:
            raise FragmentError(MESSAGE_TOO_BIG, f"a message of more than {self._max_bytes} bytes")
        first_opcode = opcode if self._opcode is None else self._opcode
        if not is_last:
            self._opcode = first_opcode
            self._parts.append(payload)
            self.is_open = True
            return None
        message = b"".join((*self._parts, payload)) if self._parts else payload
        self._opcode, self._parts, self._size, self.is_open = None, [], 0, False
        if first_opcode == BINARY:
            return message
        try:
            return message.decode()
        except UnicodeDecodeError as error:
            raise FragmentError(INVALID_TEXT, "a text message that is not UTF-8") from error
