"""The commands and samples of the documentation, run as a reader would."""

import asyncio
import inspect
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

import fulgurite
from fulgurite.exchange.trader import FaultMembers, Trader
from fulgurite.pytest_plugin import RunningExchange
from tests.exchange.test_replay import numbered, write_log

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Run by `.ci/run` itself; scripts/play is `fulgurite play` after an installation, and is run by test_cli.
SCRIPTS = {"scripts/play", "scripts/test"}


def blocks(language: str) -> list[tuple[str, str]]:
    """Every block of a language with the name of its file."""
    return [
        (path.name, block)
        for path in DOCS
        for block in re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)
    ]


async def runs_until_it_is_interrupted(*command: str, lines: int, cwd: Path) -> None:
    """Run a program that goes on for ever: it prints, and Ctrl-C ends it without a traceback."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=PIPE, stdin=DEVNULL, cwd=cwd, env=environment | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    printed = [await process.stdout.readline() for _ in range(lines)]
    if not all(printed):
        pytest.fail((await process.communicate())[1].decode())
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode in (0, -signal.SIGINT, 130, 1)
    if command[1] == "-m":  # our own command; a sample treats Ctrl-C in Python's way
        assert (process.returncode, errors.decode()) == (0, "")


@pytest.mark.parametrize(("name", "block"), blocks("python"))
async def test_a_sample_runs(tmp_path: Path, name: str, block: str):
    (tmp_path / "sample.py").write_text(block)
    write_log(tmp_path / "recording.jsonl", numbered(5))
    await runs_until_it_is_interrupted(sys.executable, "sample.py", lines=3, cwd=tmp_path)


@pytest.mark.parametrize(("name", "block"), blocks("sh"))
async def test_a_command_runs(tmp_path: Path, name: str, block: str):
    write_log(tmp_path / "recording.jsonl", numbered(3))
    for line in block.splitlines():
        if line in SCRIPTS:
            assert os.access(ROOT / line, os.X_OK)
            continue
        program, *arguments = shlex.split(line)
        assert program == "fulgurite"
        if arguments[:1] == ["exchange"]:
            arguments += ["--port", "0"]  # other tests run beside this one
        await runs_until_it_is_interrupted(sys.executable, "-m", "fulgurite", *arguments, lines=1, cwd=tmp_path)


@pytest.mark.parametrize(
    "path", [*DOCS, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name
)
def test_every_link_to_a_file_leads_somewhere(path: Path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


PROSE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CALLS = re.compile(r"`(?:await )?([a-z_]+(?:\.[a-z_]+|\[[^]]*\])*)\(([^`]*)`")

# Objects by their names in the prose, which calls their methods.
HELD = {
    "stream": fulgurite.Stream,
    "exchange": fulgurite.Exchange,
    "book": fulgurite.OrderBook,
    "item": fulgurite.Message,
}
OTHERS = {"print", "repr", "Decimal", "range"}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_what_the_prose_calls_is_there(path: Path):
    """A name that a reader would type exists: a public function with such arguments, or a method of a `HELD` object."""
    for called, arguments in CALLS.findall(PROSE.sub("", path.read_text())):
        first, *members = re.split(r"[.\[]", called)
        if first in HELD and members:
            owner: object = HELD[first]
            for member in members:
                if member.isidentifier():
                    assert hasattr(owner, member), f"{path.name}: {called}"
            continue
        owners = [fulgurite, *HELD.values(), RunningExchange, Trader]
        found = next((getattr(each, first) for each in owners if hasattr(each, first)), None)
        assert found is not None or first in OTHERS, f"{path.name}: `{called}({arguments}` is no name of Fulgurite"
        if found is not None and not members:
            names = set(inspect.signature(found).parameters) | set(FaultMembers.__annotations__)
            for name in re.findall(r"(\w+)=", arguments):
                assert name in names, f"{path.name}: {called} has no {name}"
