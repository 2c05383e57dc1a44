"""WebSocket frames and messages as the server handles them (RFC 6455, sections 5.2 to 5.6). Pure."""

from __future__ import annotations

from typing import Final

from fulgurite.protocol.fragments import INVALID_TEXT, PROTOCOL_ERROR

TEXT: Final = 0x1
BINARY: Final = 0x2
PING: Final = 0x9
PONG: Final = 0xA

NO_CODE: Final = 0
"""A close frame without a code, as Engine.IO sends it."""

_LENGTH_IN_16_BITS: Final = 126
_LENGTH_IN_64_BITS: Final = 127


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole unmasked message: the same bytes for every subscriber."""
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


def may_be_sent(code: int) -> bool:
    """Whether a close code may stand on the wire (RFC 6455, section 7.4); 1005, 1006 and 1015 tell that none did."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def close_code(payload: bytes) -> int:
    """The code that answers a client's close frame: its own, or that of its error (RFC 6455, sections 5.5.1, 7.4).

    Args:
        payload: the close frame's: nothing, or a code and a reason.
    """
    if not payload:
        return NO_CODE
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or not may_be_sent(code):
        return PROTOCOL_ERROR
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return INVALID_TEXT
    return code


def fragments(payload: bytes, pieces: int) -> list[bytes]:
    """One unmasked text message in several frames, or in fewer where it has fewer bytes (RFC 6455, section 5.4)."""
    length = max(-(-len(payload) // pieces), 1)
    parts = [payload[start : start + length] for start in range(0, len(payload), length)] or [b""]
    frames = [frame(part, TEXT if index == 0 else 0x0) for index, part in enumerate(parts)]
    # All but the last lose the bit that says so.
    return [bytes((each[0] & 0x7F,)) + each[1:] for each in frames[:-1]] + frames[-1:]
