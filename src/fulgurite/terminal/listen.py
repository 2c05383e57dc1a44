"""`fulgurite listen`: shows a stream on a screen or as lines, and records it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO

from fulgurite.client.items import Frame, Gap, Item, Malformed, Message, Status
from fulgurite.client.recording import Recorder
from fulgurite.client.stream import Stream
from fulgurite.protocol.channels import Channel, Kind
from fulgurite.protocol.words import Words
from fulgurite.terminal.itemlines import human_lines, json_line
from fulgurite.terminal.keyboard import SUSPEND, Keyboard, suspend
from fulgurite.terminal.screen import Up, keys_line, screen, summary
from fulgurite.terminal.screenstate import RecordingView, ScreenState

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

TICK_SECONDS: Final = 0.2
"""The interval at which the screen is drawn, if an item has come."""

IDLE_TICKS: Final = 5
"""After so many ticks it is drawn in any case, since ages grow; and the recording is flushed."""

_ASCII: Final = str.maketrans("●◐○▲▼─█▉▊▋▌▍▎▏…", "*o.^v-########.")

Show = Callable[[list[Item]], None]


async def listen(
    stream: Stream,
    channels: Sequence[Channel],
    *,
    as_json: bool = False,
    plain: bool = False,
    up: Up = Up.GREEN,
    record: Path | None = None,
    replaces: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> None:
    """Show items until cancelled, or until nobody reads them any more.

    At a terminal they are shown on a screen of its own until the end. Everywhere else they are lines:
    all that has come is written together and at once, so that a pipe sees each line as it comes. While the
    reader of a pipe does not keep up nothing is lost: the socket is read no further.

    Args:
        stream: as `connect` made it; to be recorded it needs `frames=True`.
        channels: those that it was asked for.
        as_json: print each message and each gap as one line of JSON (see `itemlines.json_line`), and everything else on
            `err`; otherwise everything goes to `out`, in words and colours.
        plain: print lines at a terminal, too.
        up: the screen's colour of buyers, and of prices that rise.
        record: also write all frames, and each event, to this file; see `recording.Recorder`.
        replaces: whether it may be there already.
        out: standard output by default.
        err: standard error by default.

    Raises:
        InputError: the file is there already or cannot be made.
        RecordingError: at the end, if the file could not be written.
        FulguriteError: as iterating the stream raises it; see `Stream`.
    """
    out = sys.stdout if out is None else out
    err = sys.stderr if err is None else err
    recorder = None if record is None else Recorder(record, is_numbered=len(stream.dialects) > 1, replaces=replaces)
    try:
        if as_json or plain or not _is_screen(out):
            show = _line_writer(out, err, as_json)
            await _listen(stream, show, recorder, _complainer(recorder, err))
        else:
            with _Screen(stream, channels, recorder, up, out) as shown:
                await _listen(stream, shown.add, recorder, shown.tick)
    except _Quit:
        pass
    except BrokenPipeError:
        # The reader has gone, as `head` does when it has seen enough. Python's buffers go nowhere,
        # or else it would complain at exit (Python's documentation, "Note on SIGPIPE").
        for stream_of_text in (out, err):
            _discard_if_broken(stream_of_text)
    finally:
        if recorder is not None:
            recorder.close()
            if recorder.error is not None:
                raise recorder.error


async def _listen(stream: Stream, show: Show, recorder: Recorder | None, tick: Callable[[], None]) -> None:
    """Show items, and tick beside it, until either raises something."""
    consuming = asyncio.create_task(_consume(stream, show, recorder))
    ticking = asyncio.create_task(_tick_for_ever(recorder, tick))
    try:
        await asyncio.wait((consuming, ticking), return_when=asyncio.FIRST_COMPLETED)
    finally:
        consuming.cancel()
        ticking.cancel()
        await asyncio.wait((consuming, ticking))
        failures = [task.exception() for task in (consuming, ticking) if not task.cancelled()]
    for failure in failures:
        if failure is not None:
            raise failure


async def _consume(stream: Stream, show: Show, recorder: Recorder | None) -> None:
    try:
        async with stream:
            async for batch in stream.batches():
                if recorder is not None:
                    recorder.write(batch)
                    batch = [item for item in batch if not isinstance(item, Frame)]
                show(batch)
    finally:
        # The last items came when it was closed, such as the open gaps.
        async for batch in stream.batches():
            if recorder is not None:
                recorder.write(batch)


async def _tick_for_ever(recorder: Recorder | None, tick: Callable[[], None]) -> None:
    while True:
        for _ in range(IDLE_TICKS):
            await asyncio.sleep(TICK_SECONDS)
            tick()
        if recorder is not None:
            recorder.flush()


# --- as lines


def _line_writer(out: TextIO, err: TextIO, as_json: bool) -> Show:
    write_people = _people_writer(err if as_json else out)

    def show(batch: list[Item]) -> None:
        if as_json:
            _write_json(out, batch)
            batch = [item for item in batch if isinstance(item, Status | Malformed)]
        if batch:
            write_people(batch)

    return show


def _write_json(out: TextIO, batch: list[Item]) -> None:
    text = b"".join(line for item in batch if (line := json_line(item)) is not None)
    if not text:
        return
    # Below the text layer: that would encode after the locale and translate line ends.
    out.buffer.write(text)
    out.buffer.flush()


def _people_writer(out: TextIO) -> Show:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def write(batch: list[Item]) -> None:
        lines = Text("\n").join(
            Text.assemble((f"{_clock(item)} ", "dim"), *words) for item in batch for words in human_lines(item)
        )
        if not lines:
            return
        # Rich makes the text and we write it: where nobody reads any more Rich would exit the process.
        with console.capture() as captured:
            console.print(lines)
        # Better a question mark than no line, where the terminal cannot show a character.
        out.write(captured.get().encode(out.encoding, "replace").decode(out.encoding))
        out.flush()

    return write


def _complainer(recorder: Recorder | None, err: TextIO) -> Callable[[], None]:
    """Says, as soon as it is so, that the file cannot be written, that frames are lost, and that it can be again."""
    told = (False, False)

    def complain() -> None:
        nonlocal told
        if recorder is None:
            return
        error = recorder.error
        now = (error is not None, error is not None and error.lost > 0)
        if now != told:
            told = now
            lost = f"{recorder.lost:,} frames are lost" if recorder.lost else "nothing is lost"
            err.write(f"fulgurite: {error or f'{recorder.path} can be written again; {lost}'}\n")
            err.flush()

    return complain


def _clock(item: Item) -> str:
    """The time of the item's arrival, in this machine's time zone."""
    match item:
        case Message() | Malformed():
            at_ns = item.received_ns
        case Gap():
            at_ns = item.to_ns
        case _:
            at_ns = item.at_ns
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000)
    return f"{moment:%H:%M:%S}.{at_ns // 1_000_000 % 1000:03}"


def _discard_if_broken(stream: TextIO) -> None:
    try:
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# --- on a screen


def _is_screen(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


class _Quit(Exception):
    """The user has had enough."""


class _Screen:
    """Draws the state on the terminal's alternate screen; leaving puts the terminal back and prints a summary."""

    def __init__(
        self, stream: Stream, channels: Sequence[Channel], recorder: Recorder | None, up: Up, out: TextIO
    ) -> None:
        from rich.console import Console

        self._state = ScreenState(
            channels, stream.endpoint.name, [dialect.name for dialect in stream.dialects], time.time_ns()
        )
        products = [channel.product_code for channel in channels if channel.kind is Kind.BOARD]
        self._books = {product_code: stream.books[product_code] for product_code in products}
        self._recorder = recorder
        self._up = up
        self._console = Console(file=out, highlight=False, markup=False, emoji=False)
        self._live = self._make_live()
        self._keyboard = Keyboard(self._press)
        self._is_quitting = False
        # The book that is shown first, and the time at which the screen was held, if it is.
        self._first_book = 0
        self._held_since = ""
        self._has_changed = True
        self._ticks = 0

    def __enter__(self) -> Self:
        self._keyboard.open()
        self._live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # the terminal may have gone
            self._live.stop()
        self._keyboard.close()
        with contextlib.suppress(OSError):
            for words in summary(self._state, time.time_ns()):
                self._console.print(self._text(words))
            if self._recorder is not None and self._recorder.error is None:
                self._console.print(f"recorded {self._recorder.written_bytes / 1e6:.1f} MB in {self._recorder.path}")

    def add(self, batch: list[Item]) -> None:
        """Add items, to be drawn at the next tick."""
        self._state.add(batch)
        for product_code, book in self._books.items():
            self._state.look_at_book(product_code, book, time.time_ns())
        self._has_changed = True

    def tick(self) -> None:
        """Draw, if there is a reason.

        Raises:
            _Quit: `q` was pressed.
        """
        if self._is_quitting:
            raise _Quit
        self._ticks += 1
        if self._held_since:
            return
        if self._has_changed or self._ticks % IDLE_TICKS == 0:
            self._has_changed = False
            self._draw()

    def _make_live(self) -> Live:
        from rich.live import Live

        return Live(console=self._console, screen=True, auto_refresh=False)

    def _press(self, key: str) -> None:
        if key == "q":
            self._is_quitting = True
        elif key == "\t" and self._books:
            self._first_book = (self._first_book + 1) % len(self._books)
            self._draw()
        elif key == " ":
            self._held_since = "" if self._held_since else f"{datetime.now():%H:%M:%S}"
            self._draw()
        elif key == SUSPEND:
            self._live.stop()
            self._keyboard.close()
            suspend()
            self._keyboard.open()
            self._live = self._make_live()  # one that was stopped shows nothing any more
            self._live.start()
            self._draw()

    def _draw(self) -> None:
        from rich.text import Text

        if self._recorder is not None:
            words = f"REC {self._recorder.written_bytes / 1e6:.1f} MB"
            self._state.recording = RecordingView(words, str(self._recorder.error or ""))
        width, height = self._console.size
        names = list(self._books)
        books = {name: self._books[name] for name in names[self._first_book :] + names[: self._first_book]}
        footer = [keys_line(len(books), self._held_since)] if self._keyboard.are_told else []
        lines = [*screen(self._state, books, width, height - len(footer), time.time_ns(), self._up), *footer]
        text = Text("\n", no_wrap=True, overflow="crop", end="").join(map(self._text, lines))
        self._live.update(text, refresh=True)

    def _text(self, words: Words) -> Text:
        from rich.text import Text

        if not self._console.encoding.startswith("utf"):
            words = [(text.translate(_ASCII), style) for text, style in words]
        return Text.assemble(*words, no_wrap=True, overflow="crop")
