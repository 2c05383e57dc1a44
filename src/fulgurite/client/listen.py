"""`fulgurite listen`: prints what comes on channels, for people or for programs."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO

from fulgurite.client.connect import connect
from fulgurite.client.conversation import Credentials
from fulgurite.client.endpoints import Endpoint
from fulgurite.client.items import Gap, Item, Malformed, Message, Status
from fulgurite.client.lines import human_lines, json_line
from fulgurite.protocol.channels import Channel
from fulgurite.protocol.dialects import Dialect


async def listen(
    channels: Sequence[Channel | str],
    endpoint: Endpoint | str,
    dialect: Dialect | str,
    *,
    as_json: bool = False,
    credentials: Credentials | None = None,
    ssl_context: ssl.SSLContext | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> None:
    """Print items until cancelled, or until nobody reads them any more.

    Whatever has come together is written together and at once, so that a pipe sees each line as it comes. While the
    reader of a pipe does not keep up nothing is lost: the socket is read no further.

    Args:
        channels: what to subscribe.
        endpoint: where; see `connect`.
        dialect: "json-rpc" or "socketio"; see `connect`.
        as_json: print each message and each gap as one line of JSON (see `lines.json_line`), and everything else on
            `err`; otherwise everything goes to `out`, in words and colours.
        credentials: for private channels; see `connect`.
        ssl_context: see `connect`.
        out: standard output by default.
        err: standard error by default.

    Raises:
        InputError: a channel, the endpoint or the dialect cannot be meant.
        AuthenticationError: the key is refused; and whatever `credentials` raises.
    """
    out = sys.stdout if out is None else out
    err = sys.stderr if err is None else err
    write_people = _people_writer(err if as_json else out)
    stream = connect(*channels, endpoint=endpoint, dialect=dialect, credentials=credentials, ssl_context=ssl_context)
    try:
        async with stream:
            async for batch in stream.batches():
                if as_json:
                    _write_json(out, batch)
                    batch = [item for item in batch if isinstance(item, Status | Malformed)]
                if batch:
                    write_people(batch)
    except BrokenPipeError:
        # The reader has gone, as `head` does when it has seen enough. What Python still holds for it goes nowhere,
        # or else it would complain at exit (Python's documentation, "Note on SIGPIPE").
        for stream_of_text in (out, err):
            _discard_if_broken(stream_of_text)


def _write_json(out: TextIO, batch: list[Item]) -> None:
    text = b"".join(line for item in batch if (line := json_line(item)) is not None)
    if not text:
        return
    # Below the text layer, which would encode after the locale and translate line ends.
    out.buffer.write(text)
    out.buffer.flush()


def _people_writer(out: TextIO) -> Callable[[list[Item]], None]:
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


def _clock(item: Item) -> str:
    """When the item came, in this machine's time zone."""
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
