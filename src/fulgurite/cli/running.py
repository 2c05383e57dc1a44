"""Running a command's coroutine: signals and logging."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command until it ends, or until Ctrl-C or a request to terminate ends it cleanly."""
    import asyncio
    import logging
    import sys

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    # What a client sends to our server is not our user's concern.
    logging.getLogger("picows").setLevel(logging.CRITICAL)
    asyncio.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[Any, Any, None]) -> None:
    import asyncio
    import contextlib
    import signal

    from fulgurite.client.hints import COMMAND, hints

    hints.set(COMMAND)
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no signal handlers in the loop; there KeyboardInterrupt cancels the work.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
