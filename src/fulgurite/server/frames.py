"""WebSocket frames and messages as the server handles them (RFC 6455, sections 5.2 to 5.6)."""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2

_LENGTH_IN_16_BITS: Final = 126
_LENGTH_IN_64_BITS: Final = 127


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole unmasked message: what a server sends is the same bytes for every subscriber."""
    length = len(payload)
    first = 0x80 | opcode
    if length < _LENGTH_IN_16_BITS:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return bytes((first, _LENGTH_IN_16_BITS)) + length.to_bytes(2) + payload
    return bytes((first, _LENGTH_IN_64_BITS)) + length.to_bytes(8) + payload
