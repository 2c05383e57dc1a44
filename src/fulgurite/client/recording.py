"""Recording a stream: its frames, and what happened to it, as a frame log that `replay` gives back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Final

import msgspec

from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Origin, Status
from fulgurite.errors import InputError, RecordingError
from fulgurite.protocol.framelog import Line, format_line, without_credentials

BUFFER_BYTES: Final = 1024 * 1024
"""Bytes that are held back until they are written, at the most."""

PART_BYTES: Final = 4 * 1024 * 1024
"""After so many bytes of text a compressed part ends, with a checksum: few enough that a reader can keep a part back
until it has seen that, and so many that a part repeats much, which is what makes it short."""


class Recorder:
    """Writes what a stream yields, frames included (``frames=True``), to a frame log.

    `flush` hands what it holds back to the system; whoever calls it every half second loses no more than that to a
    `kill -9`. The requests to authenticate are written without their params: a key has no place in a file.

    Args:
        path: the file; it is compressed where its name ends in .zst.
        is_numbered: whether the stream has several connections, whose numbers are to stand in the lines.
        replaces: whether a file that is there already is replaced.

    Raises:
        InputError: there is such a file already, it cannot be made, or the extra `zst` is missing.
    """

    def __init__(self, path: Path, *, is_numbered: bool = False, replaces: bool = False) -> None:
        self.path = path
        self.error: RecordingError | None = None
        """Why nothing is written any more; None while all is well."""
        self.written_bytes = 0
        self._is_numbered = is_numbered
        self._compressor = _make_compressor(path) if path.suffix == ".zst" else None
        self._part_bytes = 0
        self._held = bytearray()
        try:
            self._file = FileIO(path, "w" if replaces else "x")
        except FileExistsError:
            raise InputError("--record", str(path), "a file that is not there yet, or --force to replace it") from None
        except OSError as error:
            raise InputError("--record", str(path), f"a file that can be written ({error.strerror})") from error

    def write(self, items: Iterable[Item]) -> None:
        """Write what came, in the order in which the stream yields it. After an error it does nothing."""
        if self.error is None:
            for line in log_lines(items, self._is_numbered):
                self._held += format_line(line)
            if len(self._held) >= BUFFER_BYTES:
                self.flush()

    def flush(self) -> None:
        """Hand what is held back to the system. It never raises: `error` says what went wrong."""
        if not self._held or self.error is not None:
            return
        data = bytes(self._held)
        self._held.clear()
        if self._compressor is not None:
            self._part_bytes += len(data)
            data = self._compressor.compress(data)
            if self._part_bytes < PART_BYTES:
                # Ending a block makes all of it readable, whatever happens to the rest.
                data += self._compressor.flush(_end_of("BLOCK"))
            else:
                data += self._compressor.flush(_end_of("FINISH"))
                self._compressor = _make_compressor(self.path)
                self._part_bytes = 0
        self._write(data)

    def close(self) -> None:
        """Say that the recording ended here, and not by a crash, and close the file."""
        if self._file.closed:
            return
        if self.error is None:
            self._held += format_line(Line(event="end", at_ns=time.time_ns()))
            self.flush()
        if self.error is None and self._compressor is not None:
            self._write(self._compressor.flush(_end_of("FINISH")))
        try:
            self._file.close()
        except OSError as error:
            self._fail(error)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                count = self._file.write(data)
                self.written_bytes += count
                data = data[count:]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.error = self.error or RecordingError(str(self.path), error.strerror or str(error))


def log_lines(items: Iterable[Item], is_numbered: bool) -> Iterator[Line]:
    """The lines of a frame log for what a stream yielded; a malformed item stands in the line of its frame.

    Args:
        items: all that came together: the frame of a malformed item is among them, right before it.
        is_numbered: whether the numbers of connections stand in the lines.
    """
    held: Line | None = None
    for item in items:
        if isinstance(item, Malformed) and held is not None:
            yield msgspec.structs.replace(held, event="malformed", detail=item.error)
            held = None
            continue
        if held is not None:
            yield held
            held = None
        match item:
            case Frame("received"):
                held = Line(
                    received_ns=item.at_ns, frame=item.text, connection=item.connection if is_numbered else None
                )
            case Frame():
                number = item.connection if is_numbered else None
                yield Line(sent_ns=item.at_ns, frame=without_credentials(item.text), connection=number)
            case Status():
                yield Line(
                    event=item.kind, at_ns=item.at_ns, channel=item.channel, detail=item.detail or None,
                    seconds=item.seconds, connection=item.connection if is_numbered else None,
                    close_code=item.close_code, close_reason=item.close_reason,
                )  # fmt: skip
            case Gap():
                yield Line(
                    event="gap", channel=item.channel, reason=item.reason, from_ns=item.from_ns, to_ns=item.to_ns,
                    repaired=item.repaired, recovered=item.recovered, note=item.note or None,
                    unresolved=item.unresolved or None, dropped=item.dropped or None,
                    cause=None if item.cause is GapCause.INTERRUPTED else item.cause,
                    close_code=item.close_code,
                )  # fmt: skip
            case Message() if item.origin is not Origin.LIVE:
                text = item.raw.decode(errors="replace")
                yield Line(event=item.origin, at_ns=item.received_ns, channel=item.channel, message=text)
    if held is not None:
        yield held


def _make_compressor(path: Path) -> Any:
    try:
        import zstandard  # an extra, and only needed here
    except ImportError as error:
        raise InputError("--record", str(path), "a .zst file after `pip install 'fulgurite[zst]'`") from error
    return zstandard.ZstdCompressor(write_checksum=True).compressobj()


def _end_of(what: str) -> int:
    import zstandard

    return {"BLOCK": zstandard.COMPRESSOBJ_FLUSH_BLOCK, "FINISH": zstandard.COMPRESSOBJ_FLUSH_FINISH}[what]
