"""Standard output or error that cannot be written: closed, its reader has gone, or the disk is full."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rich.console import Console

_OF_WRITING = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class _Heedless(io.TextIOWrapper):
    """Drops text that cannot be written."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def settle_streams() -> None:
    """Make standard error such that it never ends a command, and put stand-ins for closed streams.

    The work, perhaps a recording, must go on although nobody can read its lines. Closed
    standard output fails when it is written, as a full disk does. Without a stand-in the next file or socket that is
    opened would have its number, and be written instead.
    """
    stand_ins = (sys.stdin, os.O_RDONLY), (sys.stdout, os.O_RDONLY), (sys.stderr, os.O_WRONLY)
    for number, (stream, flags) in enumerate(stand_ins):
        if stream is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # as long as the process
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # the same
    if sys.stderr is None:
        sys.stderr = _Heedless(open(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115  # the same
    else:
        sys.stderr = _Heedless(sys.stderr.buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)


class Group(TyperGroup):
    """A group of commands that says so in a line; Click would exit with 1 for a reader that has gone."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        with writing():  # --help and --version
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # it is Click's context, and Typer's
        with writing():
            return super().invoke(ctx)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Write all that was printed within, and end the program if that cannot be done.

    The status is 0 where the reader of a pipe has gone, as `head` does when it has seen enough, and else 1.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        # Other files and sockets have errors of ours.
        if error.errno not in _OF_WRITING:
            raise
        _discard()
        if not isinstance(error, BrokenPipeError):
            problem = f"fulgurite: cannot write to standard output: {error.strerror}\n"
            sys.stderr.write(problem)
            sys.exit(1)
        sys.exit(0)


def _discard() -> None:
    """Drop Python's buffers of standard output and standard error, where they cannot be written.

    Or else it would complain at exit (Python's documentation, "Note on SIGPIPE").
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def console(**options: Any) -> Console:
    """A console of Rich that leaves a broken pipe to `writing`; by itself it would exit with 1."""
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return PlainConsole(**options)
