"""Comparison of two connections' messages by their JSON texts. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec


class Ids(NamedTuple):
    """The lowest and the highest id in a message."""

    lowest: int
    highest: int


class Text(msgspec.Struct, gc=False):
    """A message's JSON text and time of receipt, with its meaning and ids, computed when first needed."""

    text: msgspec.Raw | str
    at_ns: int
    known_meaning: bytes = b""
    known_ids: Ids | msgspec.UnsetType | None = msgspec.UNSET

    def equals(self, text: msgspec.Raw | str) -> bool:
        return self.text == text or self.meaning() == _meaning(text)

    def meaning(self) -> bytes:
        if not self.known_meaning:
            self.known_meaning = _meaning(self.text)
        return self.known_meaning

    def ids(self) -> Ids | None:
        """The ids of executions or of a ticker; None if there are none, or if one is not positive (section 3.4)."""
        if self.known_ids is msgspec.UNSET:
            self.known_ids = _ids_of(self.text)
        return self.known_ids


class _Execution(msgspec.Struct):
    id: int


class _Ticker(msgspec.Struct):
    tick_id: int


_IDS: Final = msgspec.json.Decoder(list[_Execution] | _Ticker)


def _ids_of(text: msgspec.Raw | str) -> Ids | None:
    try:
        data = _IDS.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    ids = [data.tick_id] if isinstance(data, _Ticker) else [row.id for row in data]
    return Ids(min(ids), max(ids)) if ids and min(ids) > 0 else None


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


_DECODER: Final = msgspec.json.Decoder(float_hook=_number)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def _meaning(text: msgspec.Raw | str) -> bytes:
    """Digest of the JSON value, independent of the spelling of numbers, the spaces and the order of members."""
    try:
        canonical = _ENCODER.encode(_DECODER.decode(text))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        canonical = text.encode(errors="surrogatepass") if isinstance(text, str) else bytes(text)
    return blake2b(canonical, digest_size=16).digest()
