"""WebSocket frames and messages as the server handles them (RFC 6455, sections 5.2 to 5.6)."""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
PING: Final = 0x9
PONG: Final = 0xA

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


def pong(payload: bytes) -> bytes:
    """The answer to a ping with this payload."""
    return frame(payload, PONG)


def fragments(payload: bytes, pieces: int) -> list[bytes]:
    """One unmasked text message in several frames, or in fewer where it has fewer bytes (RFC 6455, section 5.4)."""
    length = max(-(-len(payload) // pieces), 1)
    parts = [payload[start : start + length] for start in range(0, len(payload), length)] or [b""]
    frames = [frame(part, TEXT if index == 0 else 0x0) for index, part in enumerate(parts)]
    # All but the last lose the bit that says so.
    return [bytes((each[0] & 0x7F,)) + each[1:] for each in frames[:-1]] + frames[-1:]
