"""From the bytes of a file to the ones that were compressed in it: zstandard, gzip, or neither. Pure.

Both formats are made of frames (gzip calls them members), each with a checksum at its end. The text of a frame is
kept back until its checksum was seen to be right, so that damage gives no altered text; but a frame may be longer than
fits into memory, and the last one of a recording that a crash ended has no end. Those are given all the same, with a
`Damage` that says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from fulgurite.errors import InputError

VERIFIED_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a frame that are kept back until its checksum was verified; a longer one is given as it is decompressed."""

FED_BYTES: Final = 4 * 1024
"""Bytes that are decompressed at a time. Hostile ones become 32,000 times as many with zstandard."""

ZSTANDARD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGICS: Final = tuple(bytes([low, 0x2A, 0x4D, 0x18]) for low in range(0x50, 0x60))
"""The beginnings of zstandard's frames without text; some compressors write one at the beginning of a file."""
GZIP_MAGIC: Final = b"\x1f\x8b\x08"

_HEADER_BYTES: Final = 18
"""The longest header of a zstandard frame."""


class Damage(NamedTuple):
    """Something is missing here, or the text before may be wrong."""

    problem: str
    is_end: bool = False
    """Whether the file ends here too early, as a recording does that a crash ended."""


class Decompressor(Protocol):
    """Is fed with the pieces of a file, and gives their decompressed text."""

    def feed(self, data: bytes) -> Iterator[bytes | Damage]:
        """Take the next piece."""
        ...

    def finish(self) -> Iterator[bytes | Damage]:
        """Take the end of the file."""
        ...


def decompressor(beginning: bytes) -> Decompressor:
    """The one for a file that begins with these bytes; four are enough.

    Raises:
        InputError: it is compressed with zstandard, and the extra `zst` is missing.
    """
    if beginning.startswith(GZIP_MAGIC):
        gzip = _Compression("gzip", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), zlib.error, lambda _: True)
        return _Frames(gzip)
    if not beginning.startswith((ZSTANDARD_MAGIC, *SKIPPABLE_MAGICS)):
        return _Plain()
    try:
        import zstandard  # an extra, and only needed here
    except ImportError as error:
        raise InputError(
            "frame log", "a file compressed with zstandard", "it after `pip install 'fulgurite[zst]'`"
        ) from error

    def has_checksum(header: bytes) -> bool:
        return bool(zstandard.get_frame_parameters(header).has_checksum)

    make = zstandard.ZstdDecompressor().decompressobj
    return _Frames(_Compression("zstandard", make, zstandard.ZstdError, has_checksum, ZSTANDARD_MAGIC))


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes | Damage]:
        yield data

    def finish(self) -> Iterator[bytes | Damage]:
        yield from ()


class _Compression(NamedTuple):
    """A format made of frames."""

    name: str
    make: Callable[[], Any]
    """Makes an object that decompresses a frame, as `zlib.decompressobj` does."""
    error: type[Exception]
    """The error that the object raises."""
    has_checksum: Callable[[bytes], bool]
    """Whether the frame with this header ends with a checksum."""
    magic: bytes = b""
    """The beginning of a frame, to find the next one behind damage; empty where there is no such search."""


class _Frames:
    """Decompresses one frame after the other."""

    def __init__(self, format_: _Compression) -> None:
        self._format = format_
        # The present frame; None between two.
        self._frame: Any = None
        self._is_verified = False
        # The part of it that waits for its checksum, and the number of bytes given without.
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._given_bytes = 0
        # Bytes fed and not taken: the beginning of a header.
        self._rest = b""
        # Whether the beginning of a frame is looked for behind damage, and whether that damage was told.
        self._is_lost = False
        self._is_told = False

    def feed(self, data: bytes) -> Iterator[bytes | Damage]:
        for start in range(0, len(data), FED_BYTES):
            yield from self._decompress(data[start : start + FED_BYTES])

    def finish(self) -> Iterator[bytes | Damage]:
        # A header that is shorter than the longest is known as such now.
        yield from self._decompress(b"", is_end=True)
        if self._frame is not None:
            yield from self._give()
            problem = f"its last part, compressed with {self._format.name}, was cut off, and has no checksum"
            yield Damage(problem, is_end=True)

    # --- inside

    def _decompress(self, data: bytes, *, is_end: bool = False) -> Iterator[bytes | Damage]:
        self._rest += data
        while self._rest:
            if self._is_lost and not self._find_frame():
                return
            if self._frame is None:
                if not self._rest.strip(b"\0"):
                    # Zeros may fill up the end of a file. A zstandard frame behind them replaced others: damage.
                    self._rest = self._rest[:1] if self._format.magic else b""
                    return
                self._rest = self._rest if self._format.magic else self._rest.lstrip(b"\0")
                if len(self._rest) < _HEADER_BYTES and not is_end:
                    return
            taken, self._rest = self._rest, b""
            try:
                if self._frame is None:
                    self._is_verified = self._format.has_checksum(taken[:_HEADER_BYTES])
                    self._frame = self._format.make()
                piece = self._frame.decompress(taken)
            except self._format.error as error:
                yield from self._damaged(taken, error)
                continue
            self._kept.append(piece)
            self._kept_bytes += len(piece)
            if self._frame.eof:
                self._rest = self._frame.unused_data
                self._frame = None
                self._is_told = False
                yield from self._give()
                self._given_bytes = 0
            elif not self._is_verified or self._given_bytes or self._kept_bytes > VERIFIED_BYTES:
                yield from self._give()

    def _give(self) -> Iterator[bytes]:
        piece = b"".join(self._kept)
        self._kept, self._kept_bytes = [], 0
        self._given_bytes += len(piece)
        if piece:
            yield piece

    def _damaged(self, taken: bytes, error: Exception) -> Iterator[Damage]:
        problem = f"damaged here, in a part compressed with {self._format.name}: {error}"
        if self._given_bytes:
            problem += f"; any of the {self._given_bytes:,} bytes before may be altered, too"
        # A seeming frame inside a damaged one is none, and part of the same damage.
        if not self._is_told:
            self._is_told = True
            yield Damage(problem)
        self._frame = None
        self._kept, self._kept_bytes, self._given_bytes = [], 0, 0
        self._is_lost = True
        # The next frame begins somewhere behind the beginning of this one, if it does.
        self._rest = taken[1:] if self._format.magic else b""

    def _find_frame(self) -> bool:
        magic = self._format.magic
        start = self._rest.find(magic) if magic else -1
        if start < 0:
            # The beginning of the magic bytes may stand at the end.
            self._rest = self._rest[max(0, len(self._rest) - len(magic) + 1) :] if magic else b""
            return False
        self._rest = self._rest[start:]
        self._is_lost = False
        return True
