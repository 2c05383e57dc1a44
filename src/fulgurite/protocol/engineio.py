"""Engine.IO 3 over the websocket transport: packets and the opening handshake (protocol reference, section 1.6).
Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from fulgurite.errors import RemoteProtocolError

# A packet is one WebSocket text message: a digit for its type, then its content.
OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"

_TYPES = frozenset((OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP))


class Handshake(msgspec.Struct, frozen=True, rename="camel"):
    """The server's first packet; times are milliseconds."""

    sid: str
    upgrades: list[str] = []  # msgspec copies it for each instance
    ping_interval: float = 15_000
    ping_timeout: float = 3_000
    max_payload: int = 1_000_000


_HANDSHAKE = msgspec.json.Decoder(Handshake)


def split_packet(text: str) -> tuple[str, str]:
    """Take a packet apart into its type and its content.

    Raises:
        RemoteProtocolError: it is no packet.
    """
    if text[:1] not in _TYPES or not text:
        raise RemoteProtocolError("not an Engine.IO packet", text)
    return text[0], text[1:]


def binary_packet_type(data: str | bytes) -> str:
    """The type of a packet with binary content, sent as bytes, or as text: "b" and base64.

    The reference implementation takes no offence at a type that it does not know: it is NOOP here.
    """
    type_ = data[1:2] if isinstance(data, str) else "".join(map(str, data[:1]))
    return type_ if type_ in _TYPES else NOOP


def encode_handshake(handshake: Handshake) -> str:
    """The packet that opens a session."""
    return OPEN + msgspec.json.encode(handshake).decode()


def decode_handshake(content: str) -> Handshake:
    """Read the content of the packet that opens a session.

    Raises:
        RemoteProtocolError: it is no handshake, or its times are not positive.
    """
    try:
        handshake = _HANDSHAKE.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"not an Engine.IO handshake ({error})", content) from error
    if not (handshake.ping_interval > 0 and handshake.ping_timeout > 0):
        raise RemoteProtocolError("an Engine.IO handshake with times that are not positive", content)
    return handshake
