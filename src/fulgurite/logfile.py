"""A file of recorded traffic, opened once and read in pieces, so that it may be a pipe."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fulgurite.errors import InputError
from fulgurite.protocol.decompress import Damage
from fulgurite.protocol.logformats import Step
from fulgurite.protocol.logreader import CHUNK_BYTES, LogReader

# Windows lacks the first two and needs the third.
_OPEN_FLAGS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class LogFile:
    """Reads a file from beginning to end, and again if it `is_rewindable`.

    Iterate over `steps`, then call `more`, and repeat both until `more` returns False.

    Args:
        path: a file, or a pipe such as `/dev/stdin`.
        frame_rate: see `LogReader`.

    Raises:
        InputError: the file does not exist or cannot be read. For a pipe, `more` and `steps` raise the latter.
    """

    def __init__(self, path: str | os.PathLike[str], frame_rate: float | None = None) -> None:
        if not isinstance(path, str | os.PathLike):
            raise InputError("path", path, "the path of a frame log")
        self.path = Path(path)
        self._given = os.fspath(path)
        self._frame_rate = frame_rate
        self._reader = LogReader(frame_rate)
        try:
            # This does not wait: a pipe may have no writer yet.
            self._file = open(os.open(path, os.O_RDONLY | _OPEN_FLAGS), "rb", buffering=0)  # noqa: SIM115  # see `close`
        except OSError as error:
            raise self._no_path(error) from error
        # An iteration may be left early without closing it.
        self._closing = weakref.finalize(self, self._file.close)
        mode = os.fstat(self._file.fileno()).st_mode
        # A named pipe without a writer looks like an ended one.
        self._is_to_be_awaited = stat.S_ISFIFO(mode)
        self.is_rewindable = stat.S_ISREG(mode)
        """Whether the file can be read again; a pipe cannot."""
        self.steps: Iterator[Step] = iter(())
        """The steps of the latest piece."""
        self._has_ended = False
        if self.is_rewindable:
            try:
                self._look_ahead()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Stop reading and close the file."""
        self._closing()
        self.steps = iter(())
        self._has_ended = True

    def rewind(self) -> None:
        """Begin again; only if it `is_rewindable`."""
        self._file.seek(0)
        self._reader = LogReader(self._frame_rate)
        self.steps = iter(())
        self._has_ended = False

    async def more(self) -> bool:
        """Wait for the next piece and read it; return False at the end of the file.

        A read error ends the file, with a step that describes it.
        """
        while not self._has_ended:
            if self._is_to_be_awaited:
                await _readable(self._file.fileno())
            try:
                data = self._file.read(CHUNK_BYTES)
            except OSError as error:
                self._fail(error)
                return True
            self._is_to_be_awaited = data is None
            if data is not None:
                self._feed(data)
                return True
        return False

    # --- inside

    def _look_ahead(self) -> None:
        """Read up to the first step, so that an invalid file is refused at once."""
        while not self._has_ended:
            try:
                self._feed(self._file.read(CHUNK_BYTES))
            except OSError as error:
                raise self._no_path(error) from error
            first = next(self.steps, None)
            if first is not None:
                self.steps = itertools.chain((first,), self.steps)
                return

    def _no_path(self, error: OSError) -> InputError:
        return InputError("path", self._given, f"the path of a frame log ({error.strerror})")

    def _feed(self, data: bytes) -> None:
        self._has_ended = not data
        self.steps = self._flat(self._reader.feed(data) if data else self._reader.finish())

    def _flat(self, pieces: Iterator[list[Step]]) -> Iterator[Step]:
        return itertools.chain.from_iterable(self._named(pieces))

    def _named(self, pieces: Iterator[list[Step]]) -> Iterator[list[Step]]:
        """The same, with errors that name the file."""
        try:
            yield from pieces
        except InputError as error:
            self._has_ended = True
            if error.field != "frame log":
                raise
            raise InputError("path", f"{self.path}, which is {error.value}", error.accepted) from error

    def _fail(self, error: OSError) -> None:
        self._has_ended = True
        damage = Damage(f"it cannot be read any further: {error.strerror}", is_end=True)
        self.steps = itertools.chain((damage,), self._flat(self._reader.finish()))


async def _readable(descriptor: int) -> None:
    """Wait for data to read."""
    loop = asyncio.get_running_loop()
    is_readable = asyncio.Event()
    loop.add_reader(descriptor, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(descriptor)
