"""Frames that a person writes and sends: over a bare connection of their own, so that no other is disturbed by them.

It says nothing by itself: no subscription, no heartbeat of Engine.IO. The server's reaction to that can be seen, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from fulgurite.client import Endpoint
from fulgurite.client.opening import open_session
from fulgurite.client.session import Session
from fulgurite.errors import ConnectError, InputError
from fulgurite.playground import messages
from fulgurite.playground.outbox import Outbox
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import ClientEvent

OPEN_SECONDS: Final = 10.0
PING_SECONDS: Final = 20.0
"""The longest time to connect, and the longest silence of the server before and after a WebSocket ping."""

PAUSE_SECONDS: Final = 0.02
LIVE_PAUSE_SECONDS: Final = 1.0
"""Between two frames; the real service restricts addresses that make errors for long (section 1.5)."""


class ByHand:
    """The connection by hand of one page; there is one at a time, and it is opened by the first frame.

    Args:
        outbox: its frames go here, marked, and its state.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._url = ""
        self._session: Session | None = None
        self._frames = _WrittenFrames(self._opened)
        self._task: asyncio.Task[None] | None = None
        self._may_send_at = 0.0

    async def send(self, text: str, endpoint: Endpoint, dialect: Dialect, *, is_confirmed: bool) -> None:
        """Send a frame as it is; connect first, where there is no such connection.

        Raises:
            InputError: it goes to the real service and that was not confirmed, or the last one was just now.
        """
        if endpoint.is_bitflyer and not is_confirmed:
            raise InputError("confirmed", is_confirmed, "true: this goes to the real service")
        now = asyncio.get_running_loop().time()
        if now < self._may_send_at:
            raise InputError(
                "text", text, f"it later: one frame in {LIVE_PAUSE_SECONDS:g} s may go to the real service"
            )
        self._may_send_at = now + (LIVE_PAUSE_SECONDS if endpoint.is_bitflyer else PAUSE_SECONDS)
        url = endpoint.websocket_url(dialect)
        if url != self._url or self._task is None or self._task.done():
            await self.close()
            self._url = url
            self._frames = _WrittenFrames(self._opened)
            self._session = Session(self._frames, _Receiver(self._outbox), PING_SECONDS, PING_SECONDS)
            self._task = asyncio.create_task(self._run(url, self._session))
        self._frames.waiting.append(text)
        if self._session is not None:
            self._session.flush()  # which waits until it is open

    async def close(self) -> None:
        """End the connection, if there is one."""
        task, self._task = self._task, None
        if task is None:
            return
        is_over = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not is_over:
            self._tell("closed", "closed by you")

    async def _run(self, url: str, session: Session) -> None:
        self._tell("connecting", url)
        try:
            await open_session(url, session, timeout=OPEN_SECONDS)
        except ConnectError as error:
            self._tell("closed", str(error))
            return
        self._tell("closed", (await session.run()).reason)

    def _opened(self) -> None:
        self._tell("open", self._url)

    def _tell(self, state: str, detail: str) -> None:
        self._outbox.set_state(messages.HandState(state, self._url, detail))
        if state != "connecting":
            self._outbox.add_row(messages.Status(f"hand_{state}", time.time() * 1e3, detail=detail))


class _WrittenFrames:
    """A client's side of a session that says only the written frames; see `events.ClientProtocol`."""

    def __init__(self, opened: Callable[[], None]) -> None:
        self.waiting: list[str] = []
        # Called when the session first asks for frames, which is when it is open, and before anything is read.
        self._opened: Callable[[], None] | None = opened

    def receive(self, data: str | bytes, now: float) -> list[ClientEvent]:
        return []

    def split(self, text: str) -> tuple[str, str] | None:
        return None

    def frames_to_send(self) -> list[str]:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened()
        frames, self.waiting = self.waiting, []
        return frames

    def next_timer(self) -> float | None:
        return None

    def handle_timer(self, now: float) -> list[ClientEvent]:
        return []

    def authenticate(self, params: dict[str, object], now: float) -> None:
        raise NotImplementedError

    def subscribe(self, channel: str, now: float) -> None:
        raise NotImplementedError

    def unsubscribe(self, channel: str, now: float) -> None:
        raise NotImplementedError


class _Receiver:
    """Has the frames of the connection by hand shown; see `session.Receiver`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def ordinary(self, texts: list[str], start: int, now: float, at_ns: int) -> int:
        return start

    def received(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        self._add("received", text, at_ns)

    def happened(self, events: list[ClientEvent], at_ns: int) -> None:
        pass

    def malformed(self, text: str, error: str, at_ns: int) -> None:
        self._add("received", text, at_ns)

    def sent(self, text: str, at_ns: int) -> None:
        self._add("sent", text, at_ns)

    def answered(self, seconds: float) -> None:
        pass

    def _add(self, direction: str, text: str, at_ns: int) -> None:
        row = messages.Frame(direction, at_ns / 1e6, text, len(text.encode(errors="replace")), by_hand=True)
        self._outbox.add_row(row)
