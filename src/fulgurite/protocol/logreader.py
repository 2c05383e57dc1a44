"""Reading recorded traffic: the pieces of a file in, the lines of a frame log out, from a file of any format. Pure.

Everything that reads a frame log does it with this, so that each file means the same everywhere.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from typing import IO, Final

from fulgurite.errors import InputError
from fulgurite.protocol.arguments import check_number
from fulgurite.protocol.decompress import Damage, Decompressor, decompressor
from fulgurite.protocol.logformats import ACCEPTED, FRAME_RATE, Format, Step, found_format

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""The longest line that is read; a longer one comes in pieces, and none of them is a line."""

CHUNK_BYTES: Final = 64 * 1024
"""Bytes read from a file at a time."""

GUESSED_LINES: Final = 20
"""The first lines; one must have a known format, as the very first may be torn, or be of something else."""

_MAGIC_BYTES: Final = 16

# Files that somebody may give by mistake, by their beginnings.
_OTHERS: Final = (
    (codecs.BOM_UTF16_LE, "UTF-16 text"), (codecs.BOM_UTF16_BE, "UTF-16 text"),
    (b"PK\x03\x04", "a ZIP archive"), (b"\xfd7zXZ\x00", "a file compressed with xz"),
    (b"BZh", "a file compressed with bzip2"), (b"\x04\x22\x4d\x18", "a file compressed with lz4"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"), (b"\xd4\xc3\xb2\xa1", "a packet capture (pcap)"),
    (b"\x4d\x3c\xb2\xa1", "a packet capture (pcap)"), (b"PAR1", "a Parquet file"), (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"), (b"%PDF", "a PDF document"), (b"\x89PNG", "a picture"),
)  # fmt: skip


class LogReader:
    """Is fed with the pieces of one file in order, and gives the steps in it.

    Args:
        frame_rate: frames a second, above 0, of a file that has no times; None is `FRAME_RATE`, and the only choice for
            a file that has times.

    Raises:
        InputError: the rate is not above 0.
    """

    def __init__(self, frame_rate: float | None = None) -> None:
        if frame_rate is not None:
            check_number(
                "frame_rate", frame_rate, "a number above 0: frames a second of a file without times", above=0.0
            )
        self._frame_rate = frame_rate
        self._format: Format | None = None
        self._decompressor: Decompressor | None = None
        # The file's first bytes, until they tell whether it is compressed; and the text's, to guess its kind.
        self._beginning = b""
        self._head = b""
        # The line that has not ended yet, and the number of lines before it.
        self._rest = bytearray()
        self._lines = 0
        # The lines before the format was known.
        self._unread: list[tuple[int, bytes] | Damage] = []
        self._unread_bytes = 0

    def feed(self, data: bytes) -> Iterator[list[Step]]:
        """The steps of the next piece, in lists; to be taken as a whole before the next is fed.

        Raises:
            InputError: the file is none that can be read; it names the file's likely kind, and the accepted ones.
        """
        if self._decompressor is None:
            self._beginning += data
            if len(self._beginning) < _MAGIC_BYTES:
                return
            data = self._beginning
            self._decompressor = decompressor(data)
        yield from self._split(self._decompressor.feed(data))

    def finish(self) -> Iterator[list[Step]]:
        """The steps of the end of the file, in lists.

        Raises:
            InputError: as with `feed`.
        """
        if self._decompressor is None:
            self._decompressor = decompressor(self._beginning)
            yield from self._split(self._decompressor.feed(self._beginning))
        yield from self._split(self._decompressor.finish())
        yield self._end_line()
        if self._format is not None:
            yield list(self._format.finish())
        elif self._unread:
            raise self._unknown()

    # --- inside

    def _split(self, pieces: Iterator[bytes | Damage]) -> Iterator[list[Step]]:
        for piece in pieces:
            if isinstance(piece, Damage):
                yield self._end_line()
                if self._format is None:
                    self._unread.append(piece)
                else:
                    yield [piece]
                continue
            if len(self._head) < _MAGIC_BYTES:
                self._head += piece[:_MAGIC_BYTES]
            lines = BytesIO(piece).readlines() or [b""]  # a sixth of the time of `split`
            self._rest += lines[0]
            if self._rest.endswith(b"\n"):
                lines[0], self._rest = bytes(self._rest), bytearray()
                if not lines[-1].endswith(b"\n"):
                    self._rest += lines.pop()
                yield self._read_lines(lines)
            if len(self._rest) >= MAX_LINE_BYTES:
                yield self._end_line()

    def _end_line(self) -> list[Step]:
        """Take the possible beginning of a line, since nothing more of it comes."""
        rest, self._rest = bytes(self._rest), bytearray()
        return self._read_lines([rest]) if rest else []

    def _read_lines(self, lines: list[bytes]) -> list[Step]:
        steps: list[Step] = []
        for text in lines:
            self._lines += 1
            if self._lines == 1:
                text = text.removeprefix(codecs.BOM_UTF8)
            text = text.removesuffix(b"\n").removesuffix(b"\r")
            is_blank = not text or text.isspace()
            if self._format is not None:
                steps += self._format.read_blank_line() if is_blank else self._format.read_line(self._lines, text)
            elif not is_blank:
                steps += self._guess(text)
        return steps

    def _guess(self, text: bytes) -> Iterator[Step]:
        self._unread.append((self._lines, text))
        self._unread_bytes += len(text)
        found = found_format(text, self._frame_rate or FRAME_RATE)
        if found is None:
            if len(self._unread) >= GUESSED_LINES or self._unread_bytes >= MAX_LINE_BYTES:
                raise self._unknown()
            return
        if self._frame_rate is not None and found.has_times:
            accepted = f"it for a file without times only; this one is {found.name}"
            raise InputError("frame_rate", self._frame_rate, accepted)
        self._format = found
        unread, self._unread = self._unread, []
        for each in unread:
            if isinstance(each, Damage):
                yield each
            else:
                yield from found.read_line(*each)

    def _unknown(self) -> InputError:
        seen = next((name for magic, name in _OTHERS if self._head.startswith(magic)), None)
        if seen is None and b"\0" in self._head[:2]:
            seen = "UTF-16 text"
        if seen is None:
            first = self._unread[0]
            seen = first.problem if isinstance(first, Damage) else f"text that begins with {_beginning_of(first[1])}"
        return InputError("frame log", seen, ACCEPTED)


def _beginning_of(text: bytes) -> str:
    shown = text[:60].decode(errors="backslashreplace")
    return shown if len(text) <= 60 else f"{shown}..."


def read_log(file: IO[bytes], frame_rate: float | None = None) -> Iterator[Step]:
    """The steps of a file that was opened for reading, from its present position on.

    Args:
        file: where it is read, a piece at a time.
        frame_rate: see `LogReader`.

    Raises:
        InputError: see `LogReader`.
        OSError: the file cannot be read.
    """
    reader = LogReader(frame_rate)
    while data := file.read(CHUNK_BYTES):
        yield from chain.from_iterable(reader.feed(data))
    yield from chain.from_iterable(reader.finish())
