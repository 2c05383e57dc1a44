"""One connection: moves frames between a socket and a dialect's state machine, and detects a dead peer.

picows leaves these duties to its user: joining fragments, bounding messages, checking UTF-8, answering CLOSE.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final, NamedTuple, Protocol

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
)

from fulgurite.client.keepalive import KeepAlive, KeepAliveStep
from fulgurite.errors import FragmentError, RemoteProtocolError
from fulgurite.protocol.events import ClientEvent, ClientProtocol
from fulgurite.protocol.fragments import INVALID_TEXT, PROTOCOL_ERROR, Fragments

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""Limit on the size of a message. The largest known messages, snapshots, have about 60 kB."""

CLOSE_TIMEOUT_SECONDS: Final = 1.0
"""Limit on the time that a peer can delay the closing of a connection."""

TURN_FRAMES: Final = 64
"""Frames processed before the consumer has its turn. Their items, some 3 kB each, are then still in the processor's
cache. One read brings 570 frames; processed at once, each costs a third more."""

RESUME_GRACE_SECONDS: Final = 1.0
"""Timers wait this long after a pause, because frames in the socket's buffer come first."""

NO_CODE: Final = 1005
CUT: Final = 1006
"""Close codes for a close frame without a code, and for a missing close frame (RFC 6455, section 7.4.1)."""

_TEXT = WSMsgType.TEXT


class Receiver(Protocol):
    """The receiver of a connection's events. Its exceptions end the connection, and `Session.run` raises them."""

    def ordinary(self, texts: list[str], start: int, now: float, at_ns: int) -> int:
        """Process frames from `start` up to the first that is no ordinary message of a channel.

        Return the index of that frame, or `len(texts)`; see `ClientProtocol.split`.
        """
        ...

    def received(self, text: str, events: list[ClientEvent], at_ns: int) -> None:
        """Process the events of a frame."""
        ...

    def happened(self, events: list[ClientEvent], at_ns: int) -> None:
        """Process events of the clock, without a frame."""
        ...

    def malformed(self, text: str, error: str, at_ns: int) -> None:
        """Process a frame that breaks the protocol."""
        ...

    def sent(self, text: str, at_ns: int) -> None:
        """Process a frame that was sent."""
        ...

    def answered(self, seconds: float) -> None:
        """Process the server's answer to `Session.probe`, which follows everything that it sent before."""
        ...


class Ending(NamedTuple):
    """The end of a connection."""

    reason: str
    """The reason in plain words."""
    close_code: int | None = None
    close_reason: str | None = None
    """The server's close code and reason; see `items.Status`."""


class _Probe:
    """The latest ping for measuring the delay of the server's frames."""

    def __init__(self) -> None:
        # None while no answer is expected.
        self.asked_at: float | None = None
        self._number = 0

    def begin(self, now: float) -> bytes:
        """Begin a new probe; return its payload."""
        self._number += 1
        self.asked_at = now
        return f"{self._number}".encode()

    def answer(self, payload: bytes, now: float) -> float | None:
        """Process an answer; return its delay in seconds, or None if it belongs to another ping."""
        if self.asked_at is None or payload != f"{self._number}".encode():
            return None
        seconds, self.asked_at = now - self.asked_at, None
        return seconds


class _Unprocessed:
    """The frames that were read and not yet processed, and the time of reading. Reading stops while there are any."""

    __slots__ = ("read_ns", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.read_ns = 0

    def remove(self, limit: int | None = None) -> list[str]:
        """Remove and return the oldest frames, all of them without a limit."""
        texts, self.texts = self.texts[:limit], [] if limit is None else self.texts[limit:]
        return texts


class Session(WSListener):
    """One connection, from the handshake to the end; `opening.open_session` connects it.

    Args:
        protocol: the client's side of the dialect.
        receiver: the receiver of the events.
        ping_after: seconds without any frame before a ping to the server.
        pong_timeout: seconds without any frame between that ping and the end of the connection.
    """

    def __init__(self, protocol: ClientProtocol, receiver: Receiver, ping_after: float, pong_timeout: float) -> None:
        super().__init__()
        self.protocol = protocol
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._fragments = Fragments(MAX_MESSAGE_BYTES)
        self._keepalive = KeepAlive(ping_after, pong_timeout, self._loop.time())
        # One timer for the dialect and the keepalive. It may fire early, and is then armed again.
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._probe = _Probe()
        # The frames to be processed, and the next turn of processing.
        self._unprocessed = _Unprocessed()
        self._turn: asyncio.Handle | None = None
        # The end of the connection, if known; or the exception that ended it.
        self._ended: asyncio.Future[Ending | Exception | None] = self._loop.create_future()

    # --- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open the session."""
        self._transport = transport
        self._keepalive.heard_at = self._loop.time()
        self._timer_is_due()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Process one frame."""
        if self._ended.done():
            return
        damage: UnicodeDecodeError | None = None
        if frame.msg_type is _TEXT and frame.fin and not self._fragments.is_open and not frame.rsv1:
            try:
                text = frame.get_payload_as_utf8_text()
            except UnicodeDecodeError as error:
                damage = error
            else:
                # Nearly all frames come here. The frames of one read share its time.
                unprocessed = self._unprocessed
                if not unprocessed.texts:
                    self._keepalive.heard_at = self._loop.time()
                    unprocessed.read_ns = time.time_ns()
                unprocessed.texts.append(text)
                if frame.last_in_buffer:
                    self._process_turn()
                return
        self._process_texts(self._unprocessed.remove())  # they came before this frame
        if self._ended.done():
            return
        now, at_ns = self._loop.time(), time.time_ns()
        self._keepalive.heard_at = now
        try:
            if damage is None:
                self._process_unusual(frame, now, at_ns)
            else:
                text = frame.get_payload_as_bytes().decode(errors="backslashreplace")
                self._receiver.malformed(text, f"not UTF-8: {damage.reason} at byte {damage.start}", at_ns)
        except Exception as error:  # `run` must raise it; picows would only log it
            self._fail(error)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Process the remaining frames and end."""
        self._process_texts(self._unprocessed.remove())
        self._end_now()

    def pause_writing(self) -> None:
        """Do nothing: we send a few hundred bytes, and liveness finds a server that reads none of them."""

    def resume_writing(self) -> None:
        """Do nothing."""

    # --- called by the stream

    @property
    def is_connected(self) -> bool:
        """Whether the handshake is complete."""
        return self._transport is not None

    def probe(self) -> None:
        """Ask the server for an answer, which follows everything that it sent before; see `Receiver.answered`.

        A new probe replaces an unanswered one, whose answer may be lost even on a sound connection. A probe is
        needed because neither system can see the bytes that wait in the other's buffers or in between.
        """
        if self._transport is not None and not self._is_paused and not self._ended.done():
            self._transport.send_ping(self._probe.begin(time.monotonic()))

    def probed_for(self) -> float | None:
        """Seconds since the unanswered probe; None if there is none."""
        return None if self._probe.asked_at is None else time.monotonic() - self._probe.asked_at

    def flush(self) -> None:
        """Send the dialect's frames and arm the timer."""
        if self._transport is None or self._ended.done():
            return
        for text in self.protocol.frames_to_send():
            if self._transport.underlying_transport.is_closing():
                return  # the connection was just cut; aiofastnet logs a line for each further write
            self._transport.send(WSMsgType.TEXT, text.encode())
            self._receiver.sent(text, time.time_ns())
        self._arm_timer()

    def end(self, reason: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """End the connection from this side, for this reason."""
        if not self._ended.done():
            self._send_close(code)
            self._end_now(Ending(reason))

    def pause(self) -> None:
        """Stop reading. The operating system's buffers fill up; then the server has to wait.

        A pause leaves the server's pings unanswered, so more than about 15 seconds cost the connection.
        """
        if self._transport is not None and not self._ended.done():
            self._is_paused = True
            self._probe.asked_at = None
            self._transport.underlying_transport.pause_reading()
            # Silence means nothing during a pause; `resume` arms the timer again.
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self._is_paused and not self._ended.done():
            self._is_paused = False
            if self._turn is None:
                self._turn = self._loop.call_soon(self._process_turn)
            self._keepalive.heard_at = self._loop.time()
            self._set_timer(self._keepalive.heard_at + RESUME_GRACE_SECONDS)

    def abort(self) -> None:
        """Cut the connection at once."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def run(self) -> Ending:
        """Wait for the end of the connection, from either side.

        The connection is closed when this returns or is cancelled.

        Raises:
            Exception: an exception of the receiver.
        """
        try:
            ending = await self._ended
        finally:
            broken = await self.close()
        if isinstance(ending, Exception):
            raise ending
        if ending is None and broken is not None:
            return Ending(broken)
        return ending or Ending(f"the connection was cut without a close frame ({CUT})", CUT)

    async def close(self) -> str | None:
        """Close the connection for good; return the protocol error that picows found, if any."""
        self._end_now()
        if self._transport is None:
            return None
        self._send_close(WSCloseCode.OK)
        self._transport.disconnect()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                    await self._transport.wait_disconnected()
            # The peer reads nothing.
            self._transport.disconnect(graceful=False)
            await self._transport.wait_disconnected()
        except WSProtocolError as error:
            return f"the server broke the WebSocket protocol: {error}"
        finally:
            self._transport.disconnect(graceful=False)
        return None

    # --- inside

    def _process_turn(self) -> None:
        """Process some of the frames that were read, and read on when none is left."""
        self._turn = None
        if self._is_paused or self._ended.done():
            return
        assert self._transport is not None  # something was read from it
        transport = self._transport.underlying_transport
        if len(self._unprocessed.texts) > TURN_FRAMES:
            transport.pause_reading()
            self._process_texts(self._unprocessed.remove(TURN_FRAMES))
            if self._turn is None:
                self._turn = self._loop.call_soon(self._process_turn)  # last, so that a woken consumer comes first
            return
        self._process_texts(self._unprocessed.remove())
        if not (self._is_paused or self._ended.done() or transport.is_reading()):
            transport.resume_reading()

    def _process_texts(self, texts: list[str]) -> None:
        # The present time, not that of reading: a pause in between is no silence.
        now, at_ns = self._loop.time(), self._unprocessed.read_ns
        place = 0
        try:
            # Nearly all frames are messages of channels and take the short path.
            while (place := self._receiver.ordinary(texts, place, now, at_ns)) < len(texts):
                self._process_message(texts[place], texts[place], now, at_ns)
                if self._ended.done():
                    return
                place += 1
        except Exception as error:  # as in `on_ws_frame`
            self._fail(error)

    def _process_message(self, data: str | bytes, text: str, now: float, at_ns: int) -> None:
        try:
            events = self.protocol.receive(data, now)
        except RemoteProtocolError as error:
            self._receiver.malformed(text, error.problem, at_ns)
            return
        self._receiver.received(text, events, at_ns)
        if not events:
            # Handshakes and heartbeats move the dialect's timer.
            self._arm_timer()

    def _process_unusual(self, frame: WSFrame, now: float, at_ns: int) -> None:
        """Process a frame that is not a whole text message."""
        assert self._transport is not None  # it brings the frames
        if frame.msg_type is WSMsgType.PING:
            self._transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            self._closed_by_server(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.PONG:
            seconds = self._probe.answer(frame.get_payload_as_bytes(), time.monotonic())
            if seconds is not None:
                self._receiver.answered(seconds)
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._break_off(PROTOCOL_ERROR, "an extension that was not negotiated")
        else:
            try:
                data = self._fragments.add(frame.msg_type.value, frame.fin, frame.get_payload_as_bytes())
            except FragmentError as error:
                if error.close_code != INVALID_TEXT:
                    self._break_off(error.close_code, error.problem)
                    return
                self._receiver.malformed("", error.problem, at_ns)
                return
            if data is not None:
                text = data if isinstance(data, str) else data.decode(errors="backslashreplace")
                self._process_message(data, text, now, at_ns)

    def _closed_by_server(self, payload: bytes) -> None:
        # picows has checked the code, and the reason for UTF-8.
        code = int.from_bytes(payload[:2]) if payload else NO_CODE
        reason = payload[2:].decode(errors="backslashreplace")
        self._send_close(WSCloseCode.OK)
        self._end_now(Ending(f"closed by the server: {code} {reason}".rstrip(), code, reason))

    def _break_off(self, code: int, problem: str) -> None:
        self.end(f"the server broke the WebSocket protocol: {problem}", WSCloseCode(code))

    def _fail(self, error: Exception) -> None:
        self._end_now(error)

    def _end_now(self, ending: Ending | Exception | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended.done():
            self._ended.set_result(ending)

    def _send_close(self, code: WSCloseCode) -> None:
        if self._transport is not None and not self._transport.is_close_frame_sent:
            self._transport.send_close(code)

    def _arm_timer(self) -> None:
        if self._ended.done() or self._is_paused:
            return
        due, pings = self.protocol.next_timer(), self._keepalive.next_timer()
        self._set_timer(pings if due is None else min(due, pings))

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._timer_is_due)

    def _timer_is_due(self) -> None:
        self._timer = None
        if self._ended.done():
            return
        assert self._transport is not None  # `on_ws_connected` arms the timer first
        now = self._loop.time()
        step = self._keepalive.handle_timer(now)
        if step is KeepAliveStep.GIVE_UP:
            self.end(f"nothing came for {now - self._keepalive.heard_at:.0f} s, not even an answer to a ping")
            return
        if step is KeepAliveStep.PING:
            self._transport.send_ping()
        due = self.protocol.next_timer()
        try:
            if due is not None and due <= now:
                self._receiver.happened(self.protocol.handle_timer(now), time.time_ns())
            self.flush()
        except Exception as error:  # as in `on_ws_frame`
            self._fail(error)
