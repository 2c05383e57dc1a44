"""Keys of a terminal, one by one as they are pressed, and the terminal as it was before at every ending."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

SUSPEND = "\x1a"
"""Ctrl-Z comes as a key: a screen must be left first, and then `suspend` called."""


class Keyboard:
    """Has the keys of standard input told, where it is a terminal in whose foreground we are.

    Args:
        press: is told each key as it is pressed.
    """

    def __init__(self, press: Callable[[str], None]) -> None:
        self._press = press
        self._stack = ExitStack()
        self.are_told = False
        """Whether there are any."""

    def open(self) -> None:
        """Take the keys from now on; `close` must follow."""
        with contextlib.suppress(ImportError, OSError, ValueError):
            descriptor = sys.stdin.fileno()
            if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
                self._stack.enter_context(_key_by_key(descriptor))
                self._stack.enter_context(self._reading(descriptor))
                self.are_told = True

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._stack.close()

    @contextmanager
    def _reading(self, descriptor: int) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def read() -> None:
            try:
                keys = os.read(descriptor, 64)
            except OSError:
                keys = b""
            if not keys:  # the terminal has gone
                loop.remove_reader(descriptor)
            for key in keys.decode(errors="ignore"):
                self._press(key)

        loop.add_reader(descriptor, read)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)


@contextmanager
def _key_by_key(descriptor: int) -> Iterator[None]:
    """Take keys as they are pressed and without showing them. Ctrl-C stays what it is; Ctrl-Z becomes a key."""
    import termios  # Windows has none
    import tty

    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        now = termios.tcgetattr(descriptor)
        now[6][termios.VSUSP] = os.fpathconf(descriptor, "PC_VDISABLE").to_bytes(1)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, now)
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def suspend() -> None:
    """Stop until the shell has us go on, as Ctrl-Z does."""
    os.kill(os.getpid(), signal.SIGSTOP)
