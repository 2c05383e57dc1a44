"""Recording of a stream's frames and events in a frame log for `replay`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, Final

import msgspec

from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Origin, Status
from fulgurite.errors import InputError, RecordingError
from fulgurite.protocol.framelog import Line, format_line, without_credentials

BUFFER_BYTES: Final = 1024 * 1024
"""Size of the buffer while the file can be written."""

HELD_BYTES: Final = 16 * 1024 * 1024
"""Limit on the buffer while the file cannot be written; further frames are lost."""

KEPT_STATUSES: Final = 1_000
"""Limit on the statuses kept while frames are lost; the oldest are forgotten."""

PART_BYTES: Final = 4 * 1024 * 1024
"""Size of a compressed part before compression, which ends with a checksum. A reader can hold a part of this size until
it has read the checksum, and the part is long enough to compress well."""


class Recorder:
    """Writes the items of a stream, frames included (``frames=True``), to a frame log.

    `flush` hands the buffer to the system; called every half second, it limits the loss by a `kill -9` to half a
    second. Requests to authenticate are written without their params, because a key has no place in a file.

    While the file cannot be written, for example on a full disk, lines are held back, and each `flush` tries again.
    Beyond `HELD_BYTES` frames are lost until all lines held back are written; then the log has a gap for each channel.

    Args:
        path: the file, compressed if its name ends in .zst.
        is_numbered: whether the lines include the number of the connection, for a stream with several.
        replaces: whether to replace an existing file.

    Raises:
        InputError: the file exists already or cannot be made, the extra `zst` is missing, or the name ends in .gz.
    """

    def __init__(self, path: Path, *, is_numbered: bool = False, replaces: bool = False) -> None:
        if path.suffix == ".gz":
            raise InputError("--record", str(path), "a name that ends in .zst, which is compressed, or not in .gz")
        self.path = path
        self.error: RecordingError | None = None
        """The reason that the file cannot be written at present; after `close`, the reason that it is incomplete. None
        if there is no problem."""
        self.lost = 0
        """The number of lost frames; after `close`, an upper limit."""
        self.written_bytes = 0
        self._is_numbered = is_numbered
        self._compressor = _Compressor(path) if path.suffix == ".zst" else None
        # Lines held back, the number of frames in them, and bytes ready for the file.
        self._held = bytearray()
        self._held_frames = 0
        self._ready = bytearray()
        self._loss: _Loss | None = None
        # The latest reason for a failed write.
        self._problem = ""
        try:
            self._file = FileIO(path, "w" if replaces else "x")
        except FileExistsError:
            raise InputError("--record", str(path), "a file that does not exist, or --force to replace it") from None
        except OSError as error:
            raise InputError("--record", str(path), f"a file that can be written ({error.strerror})") from error

    def write(self, items: Sequence[Item]) -> None:
        """Write items in the order of the stream. This never raises, even after `close`."""
        if self._loss is None and (self._file.closed or len(self._held) >= HELD_BYTES):
            self._loss = _Loss()
        if self._loss is not None:
            self.lost += self._loss.add(items)
            return
        for line in log_lines(items, self._is_numbered):
            self._held += format_line(line)
            self._held_frames += line.frame is not None
        # After a failed write each `flush` tries again, but not each frame.
        if len(self._held) >= BUFFER_BYTES and self.error is None:
            self.flush()

    def flush(self) -> None:
        """Hand the lines held back to the system. This never raises; it sets `error`."""
        if self._file.closed or not self._write_ready():
            return
        if self._held:
            self._make_ready()
            if not self._write_ready():
                return
        if self._loss is not None:
            self._held += self._loss.lines(f"not recorded: {self._problem}", self._is_numbered)
            self._loss = None

    def close(self) -> None:
        """Write the line of a regular end and close the file."""
        if self._file.closed:
            return
        # The lines held back; then the gaps of a loss.
        self.flush()
        if self.error is None:
            self._held += format_line(Line(event="end", at_ns=time.time_ns()))
            self.flush()
        if self._compressor is not None and self.error is None:
            self._ready += self._compressor.finish()
            self._write_ready()
        try:
            self._file.close()
        except OSError as error:
            self._fail(error)
        if self.error is not None or self.lost:
            self.lost += self._held_frames
            self.error = RecordingError(str(self.path), self._problem, self.lost, is_over=True)

    # --- inside

    def _make_ready(self) -> None:
        data = bytes(self._held)
        self._held.clear()
        self._ready += data if self._compressor is None else self._compressor.compress(data)

    def _write_ready(self) -> bool:
        """Write the bytes that are ready, from the end of the last attempt; return False if this fails."""
        try:
            while self._ready:
                count = self._file.write(self._ready)
                self.written_bytes += count
                del self._ready[:count]
        except OSError as error:
            self._fail(error)
            return False
        self.error = None
        if not self._held:
            self._held_frames = 0
        return True

    def _fail(self, error: OSError) -> None:
        self._problem = error.strerror or str(error)
        self.error = RecordingError(str(self.path), self._problem, self.lost)


class _Loss:
    """A time in which frames are lost: its statuses, and the first and last time of each channel's messages."""

    def __init__(self) -> None:
        self._statuses: deque[Status] = deque(maxlen=KEPT_STATUSES)
        self._times: dict[str, tuple[int, int]] = {}

    def add(self, items: Iterable[Item]) -> int:
        """Add lost items; return the number of frames among them."""
        frames = 0
        for item in items:
            match item:
                case Frame():
                    frames += 1
                case Message():
                    self._extend(item.channel, item.received_ns, item.received_ns)
                case Gap():
                    self._extend(item.channel, item.from_ns, item.to_ns)
                case Status():
                    self._statuses.append(item)
        return frames

    def lines(self, reason: str, is_numbered: bool) -> bytes:
        """The lines for the log: the statuses, and a gap for each channel."""
        gaps = [
            Gap(channel, reason, from_ns, to_ns, cause=GapCause.UNRECORDED)
            for channel, (from_ns, to_ns) in self._times.items()
        ]
        return b"".join(map(format_line, log_lines([*self._statuses, *gaps], is_numbered)))

    def _extend(self, channel: str, from_ns: int, to_ns: int) -> None:
        first_ns, last_ns = self._times.get(channel, (from_ns, to_ns))
        self._times[channel] = min(first_ns, from_ns), max(last_ns, to_ns)


class _Compressor:
    """Compresses a log in parts, each of them a zstd frame.

    Raises:
        InputError: the extra `zst` is missing.
    """

    def __init__(self, path: Path) -> None:
        try:
            import zstandard  # an extra, needed only here
        except ImportError as error:
            raise InputError("--record", str(path), "a .zst file after `pip install 'fulgurite[zst]'`") from error
        self._make: Any = zstandard.ZstdCompressor(write_checksum=True).compressobj
        self._flush_block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self._part = self._make()
        self._part_bytes = 0

    def compress(self, data: bytes) -> bytes:
        """Compress lines, to the end of a block, so that they are readable without the rest."""
        self._part_bytes += len(data)
        compressed: bytes = self._part.compress(data)
        if self._part_bytes < PART_BYTES:
            return compressed + self._part.flush(self._flush_block)
        compressed += self.finish()
        self._part, self._part_bytes = self._make(), 0
        return compressed

    def finish(self) -> bytes:
        """End the part."""
        end: bytes = self._part.flush()
        return end


def log_lines(items: Iterable[Item], is_numbered: bool) -> Iterator[Line]:
    """The lines of a frame log for a stream's items. A malformed item goes into the line of its frame.

    Args:
        items: the items of one batch; a malformed item directly follows its frame.
        is_numbered: whether the lines include the numbers of connections.
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
                    close_code=item.close_code, close_reason=item.close_reason, dropped=item.dropped or None,
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
