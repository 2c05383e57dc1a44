"""The shell that reads files of recorded traffic: opened once, a pipe as good as a file."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fulgurite.errors import InputError
from fulgurite.logfile import LogFile
from fulgurite.protocol.framelog import Line, format_line
from fulgurite.protocol.logformats import Step

LINES = [Line(received_ns=number + 1, frame='{"method":"x"}' + " " * 200) for number in range(3_000)]
CONTENT = b"".join(map(format_line, LINES))

needs_pipes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in its file system")


async def steps_of(log: LogFile) -> list[Step]:
    steps = list(log.steps)
    while await log.more():
        steps += log.steps
    return steps


async def test_a_file_is_read_again_from_its_beginning(tmp_path: Path):
    (tmp_path / "log").write_bytes(CONTENT)
    log = LogFile(tmp_path / "log")
    assert await steps_of(log) == LINES
    assert not await log.more()
    log.rewind()
    assert await steps_of(log) == LINES
    log.rewind()
    assert next(log.steps, None) is None
    log.close()
    assert not await log.more()


@needs_pipes
async def test_a_pipe_that_has_no_writer_yet_loses_nothing_and_holds_nobody_up(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    log = LogFile(tmp_path / "pipe")
    assert not log.is_rewindable
    reading = asyncio.create_task(steps_of(log))
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())", tmp_path / "pipe",
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await writer.communicate(CONTENT)
    assert await reading == LINES
    log.close()


@needs_pipes
async def test_what_a_pipe_brings_comes_while_more_is_awaited():
    read_end, write_end = os.pipe()
    log = LogFile(f"/dev/fd/{read_end}")
    os.write(write_end, format_line(LINES[0]))
    assert await log.more()
    assert list(log.steps) == LINES[:1]
    waiting = asyncio.create_task(log.more())
    await asyncio.sleep(0)
    assert not waiting.done()
    os.write(write_end, format_line(LINES[1]))
    assert await waiting
    assert list(log.steps) == LINES[1:2]
    os.close(write_end)
    assert await steps_of(log) == []
    log.close()
    os.close(read_end)


@pytest.mark.parametrize("name", ["missing", ".", "wrong"])
def test_what_is_no_recording_is_refused_at_once(tmp_path: Path, name: str):
    (tmp_path / "wrong").write_bytes(b"wrong\n")
    with pytest.raises(InputError, match=f"path: .*{tmp_path}") as caught:
        LogFile(tmp_path / name)
    assert "frame log" in caught.value.accepted


@needs_pipes
async def test_what_is_wrong_with_a_pipe_is_said_when_it_is_read():
    read_end, write_end = os.pipe()
    log = LogFile(f"/dev/fd/{read_end}")
    os.write(write_end, b"wrong\n")
    os.close(write_end)
    with pytest.raises(InputError, match="text that begins with wrong"):
        await steps_of(log)
    assert not await log.more()
    log.close()
    os.close(read_end)
