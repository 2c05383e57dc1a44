"""Frame logs on their way between a page and the backend: recordings to be saved, files to be replayed."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path
from typing import IO, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from fulgurite.client.items import Frame, Item
from fulgurite.client.recording import Recorder
from fulgurite.errors import InputError
from fulgurite.playground import messages
from fulgurite.playground.guard import Guard

MAX_BYTES: Final = 64 * 1024 * 1024
"""The longest file that can be replayed."""

RECORDING_BYTES: Final = 60 * 1024 * 1024
"""A recording ends at this length: it can be replayed, with the lines still to be written."""

KEPT_LIMIT: Final = 8
"""Files that wait to be fetched or replayed; of more, the oldest are forgotten."""

_PIECE_BYTES: Final = 256 * 1024


class FrameLogs:
    """Temporary files without a name, each for one use by its random key."""

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}

    def put(self, file: IO[bytes]) -> str:
        """Keep a file until its use, and return its key."""
        while len(self._files) >= KEPT_LIMIT:
            self._files.pop(next(iter(self._files))).close()
        key = secrets.token_urlsafe(16)
        self._files[key] = file
        return key

    def pop(self, key: str) -> IO[bytes]:
        """Remove a file and return it.

        Raises:
            InputError: there is none under this key.
        """
        file = self._files.pop(key, None)
        if file is None:
            raise InputError("frame log", key, "the key of one that was just sent here")
        file.seek(0)
        return file

    def close(self) -> None:
        """Forget all of them."""
        for file in self._files.values():
            file.close()
        self._files.clear()


class LogRoutes:
    """The two ways of a frame log over HTTP, for this page alone: the token stands in a header of its own.

    Args:
        guard: the judge of each request.
        logs: where the files are.
    """

    def __init__(self, guard: Guard, logs: FrameLogs) -> None:
        self._guard = guard
        self._logs = logs

    async def upload(self, request: Request) -> Response:
        """Take a file, and answer with its key."""
        # A browser names the origin with each POST; other sites cannot set the header that has the token.
        origin = request.headers.get("origin", "")
        if not self._is_allowed(request, origin):
            return PlainTextResponse("This page is not ours.\n", status_code=403)
        file = tempfile.TemporaryFile()  # noqa: SIM115  # it outlives the request
        if await _save(request.stream(), file):
            return JSONResponse({"key": self._logs.put(file)})
        file.close()
        return PlainTextResponse(f"A frame log may have {MAX_BYTES:,} bytes.\n", status_code=413)

    async def download(self, request: Request) -> Response:
        """Give a recording away."""
        # With a GET to its own origin a browser names none.
        origin = request.headers.get("origin") or f"http://{request.headers.get('host', '')}"
        if not self._is_allowed(request, origin):
            return PlainTextResponse("This page is not ours.\n", status_code=403)
        try:
            file = self._logs.pop(request.path_params["key"])
        except InputError:
            return PlainTextResponse("There is no such frame log.\n", status_code=404)
        return StreamingResponse(_pieces(file), media_type="application/jsonl")

    def _is_allowed(self, request: Request, origin: str) -> bool:
        token = request.headers.get("fulgurite-token", "")
        return self._guard.allows_line(request.headers.get("host", ""), origin, token)


async def _save(pieces: AsyncIterable[bytes], file: IO[bytes]) -> bool:
    """Write all pieces; False where they are too long."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            return False
        file.write(piece)
    return True


async def _pieces(file: IO[bytes]) -> AsyncIterable[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


class Recording:
    """A stream's items, written to a frame log as `fulgurite listen --record` does, until it has `RECORDING_BYTES`.

    Args:
        at_ms: when it begins.
    """

    def __init__(self, at_ms: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fulgurite-")
        self._path = Path(self._folder.name) / "recording.jsonl"
        self._recorder = Recorder(self._path)
        self._began_ms = at_ms
        self.failure = ""
        self._frames = 0

    @property
    def problem(self) -> str:
        """Why it must end, if it must."""
        return "full" if self._recorder.written_bytes >= RECORDING_BYTES else ""

    def write(self, items: list[Item]) -> None:
        """Write items of a stream."""
        if not self.problem:
            self._recorder.write(items)
            self._frames += sum(isinstance(item, Frame) for item in items)

    def state(self) -> messages.Recording:
        """The state for the page; all items so far are in the file then."""
        self._recorder.flush()
        problem = str(self._recorder.error or "")
        return messages.Recording(True, self._began_ms, self._frames, self._recorder.written_bytes, problem=problem)

    def end(self) -> IO[bytes]:
        """End it, and return the file; `failure` says then which part is missing."""
        self._recorder.close()
        self.failure = str(self._recorder.error or "")
        file = self._path.open("rb")
        self._folder.cleanup()
        return file
