"""One connection of the realtime server: moves bytes between a socket, a dialect's state machine and the hub."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from fulgurite.errors import FragmentError
from fulgurite.protocol.choices import MAX_MESSAGE_BYTES
from fulgurite.protocol.dialects import Dialect
from fulgurite.protocol.events import Authenticated, Ended, ServerEvent, Subscribed, Unsubscribed
from fulgurite.protocol.fragments import PROTOCOL_ERROR, Fragments
from fulgurite.server.frames import BINARY, TEXT, frame
from fulgurite.server.pings import PongCheck

if TYPE_CHECKING:
    from fulgurite.server.serve import RealtimeServer

WRITE_BUFFER_LIMIT: Final = 8 * 1024 * 1024
"""Bytes that may wait for one subscriber. Beyond this it is a slow consumer and is dropped."""

CLOSE_TIMEOUT_SECONDS: Final = 5.0
"""How long a client may take to answer our close frame, and to read what was sent before it."""

NO_CODE: Final = 0
"""A close frame without a code, as Engine.IO sends it."""


class Drop(Enum):
    """Why the server ended a connection without a word from the client; each is counted."""

    SLOW_CONSUMER = "slow consumer"
    LATE_PONG = "late or missing pong"


class Connection(WSListener):
    """One client's connection.

    Args:
        server: whose connection it is.
        dialect: what it speaks, by the path it asked for.
        check_auth: returns the key that `auth` params prove, or None.
    """

    def __init__(self, server: RealtimeServer, dialect: Dialect, check_auth: Callable[[object], str | None]) -> None:
        super().__init__()
        self.dialect = dialect
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._protocol = dialect.server(check_auth, secrets.token_urlsafe(15), self._loop.time())
        self._fragments = Fragments(MAX_MESSAGE_BYTES)
        self._transport: WSTransport | None = None
        self._is_closing = False
        self._pongs = PongCheck()
        # One timer for the state machine, and after our close frame one for the client's answer.
        self._timer: asyncio.TimerHandle | None = None

    # --- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the session."""
        self._transport = transport
        self._server.opened(self)
        self._send_answers()
        self._arm_timer()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame; pings are answered by picows."""
        if frame.msg_type == WSMsgType.PONG:
            self._pongs.pong(self._loop.time())
        elif frame.msg_type == WSMsgType.CLOSE:
            self._closed_by_client(frame.get_close_code().value if frame.payload_size else NO_CODE)
        elif self._is_closing:
            return  # what comes after our close frame has no meaning (RFC 6455, section 1.4)
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(PROTOCOL_ERROR, "no extension was negotiated")
        else:
            try:
                message = self._fragments.add(frame.msg_type.value, frame.fin, frame.get_payload_as_bytes())
            except FragmentError as error:
                self.close(error.close_code, error.problem)
                return
            if message is not None:
                self._received(message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the connection."""
        self._is_closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._server.closed(self)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: more than 64 KiB wait."""
        self._server.paused(self)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._server.resumed(self)

    # --- called by the server

    @property
    def is_closing(self) -> bool:
        """Whether nothing more will be sent."""
        return self._is_closing

    def write(self, frames: bytes) -> None:
        """Send whole WebSocket frames; a client with too much waiting already is dropped as a slow consumer."""
        if self._is_closing or self._transport is None:
            return
        self._transport.underlying_transport.write(frames)
        waiting = self._transport.underlying_transport.get_write_buffer_size()
        if waiting > WRITE_BUFFER_LIMIT:
            self._server.count_drop(Drop.SLOW_CONSUMER)
            self.close(WSCloseCode.POLICY_VIOLATION.value, f"slow consumer: {waiting} bytes unread")

    def ping(self, last_ping_at: float) -> None:
        """Send a ping, or end the connection if the last one was not answered in time (see `PongCheck`).

        Args:
            last_ping_at: when the server pinged last, seconds of the loop's clock.
        """
        if self._is_closing or self._transport is None:
            return
        if self._pongs.ping(last_ping_at):
            self._transport.send_ping()
        else:
            self._server.count_drop(Drop.LATE_PONG)
            self.abort()

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and abort if the client does not answer it in time."""
        if self._is_closing or self._transport is None:
            return
        # What was published before this still goes out; removing it from the hub would flush too late.
        self._server.hub.flush()
        self._is_closing = True
        self._server.hub.remove(self)
        # 123 bytes is what a close frame can hold besides its code.
        payload = b"" if code == NO_CODE else code.to_bytes(2) + reason.encode()[:123]
        self._transport.send(WSMsgType.CLOSE, payload)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_SECONDS, self.abort)

    def abort(self) -> None:
        """Cut the connection without a close frame; the client sees code 1006."""
        self._is_closing = True
        self._server.hub.remove(self)
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # --- inside

    def _received(self, message: str | bytes) -> None:
        # What was published before goes out before the answer.
        self._server.hub.flush()
        self._obey(self._protocol.receive(message, self._loop.time()))

    def _timer_is_due(self) -> None:
        self._timer = None
        self._obey(self._protocol.handle_timer(self._loop.time()))

    def _obey(self, events: list[ServerEvent]) -> None:
        # The answer to a subscription stands before the channel's first message.
        self._send_answers()
        for event in events:
            if self._is_closing:
                return
            if isinstance(event, Authenticated):
                self._server.hub.authenticate(self, event.api_key)
            elif isinstance(event, Subscribed):
                self._server.subscribe(self, event.channel)
            elif isinstance(event, Unsubscribed):
                self._server.hub.unsubscribe(self, event.channel)
            elif isinstance(event, Ended):
                self.close(NO_CODE)
        self._arm_timer()

    def _send_answers(self) -> None:
        for answer in self._protocol.frames_to_send():
            is_text = isinstance(answer, str)
            self.write(frame(answer.encode() if isinstance(answer, str) else answer, TEXT if is_text else BINARY))

    def _arm_timer(self) -> None:
        if self._timer is None and not self._is_closing:
            due = self._protocol.next_timer()
            # It is re-armed when it fires: a heartbeat that moves it costs nothing.
            if due is not None:
                self._timer = self._loop.call_at(due, self._timer_is_due)

    def _closed_by_client(self, code: int) -> None:
        if not self._is_closing:
            self.close(code)
        if self._transport is not None:
            self._transport.disconnect()
