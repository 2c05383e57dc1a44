"""Running a command's coroutine: signals and logging."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final

ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command until it ends, or until Ctrl-C, a request to terminate or the terminal's end ends it cleanly.

    Ctrl-C is the ordinary end of an endless command, so the status is 0; with the other two it is 128 and the signal's
    number, as shells have it, and a line says so.
    """
    import asyncio
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    # Mistakes of a client of our server are not our user's concern.
    logging.getLogger("picows").setLevel(logging.CRITICAL)
    ended_by = asyncio.run(_until_signalled(work))
    if ended_by not in (None, signal.SIGINT):
        print(f"fulgurite: ended by {ended_by.name}", file=sys.stderr, flush=True)
        sys.exit(128 + ended_by)


async def _until_signalled(work: Coroutine[Any, Any, None]) -> signal.Signals | None:
    """Do the work; the signal that ended it, if one did."""
    import asyncio

    from fulgurite.client.hints import COMMAND, hints

    hints.set(COMMAND)
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    received: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    for number in ENDING:
        # Windows has no signal handlers in the loop; there KeyboardInterrupt cancels the work. A command
        # that is to outlive its terminal, started with `nohup`, goes on.
        with contextlib.suppress(NotImplementedError):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, end, number)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return received[0] if received else None
