"""The types as a user has them: the wheel, installed where nothing of the work tree is, under mypy and pyright."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import fulgurite

ROOT = Path(__file__).parent.parent.parent
USER = Path(__file__).with_name("user.py")

PROGRAMS = [
    (path.name, block)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for block in re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)
]

BEGINNING = """\
from fulgurite import Board, Gap, Item, Message, OrderBook, Stream, connect, keychain, replay, ticker

async def wrong(stream: Stream, item: Item, message: Message, gap: Gap) -> None:
"""

MISTAKES = {
    "an option that is not there": 'connect("lightning_ticker_BTC_JPY", reconnect=True)',
    "a value that an option does not take": 'connect(ticker("BTC_JPY"), repair="later")',
    "a channel that is a number": "connect(7)",
    "limits by name instead of by kind": 'connect(silence_limits={"ticker": 30.0})',
    "credentials instead of what gives them": 'connect(credentials=("key", "secret"))',
    "delays instead of what makes them": "connect(delays=[1.0])",
    "a stream that is not awaited": "for each in stream: pass",
    "an item taken for a message": "item.raw",
    "a message's data taken for a book": "message.data.mid_price",
    "data of another type": "rows: list[Board] = message.data",
    "a gap's first message that may be absent": "gap.first.raw",
    "a gap that is changed": 'gap.reason = ""',
    "a book taken for a message of it": 'board: Board = stream.books["BTC_JPY"]',
    "a book that was not waited for": 'book: OrderBook = stream.synced("BTC_JPY")',
    "a channel of which there is only one iterator at a time": 'stream.only("a", "b")',
    "a subscription that is no channel": "await stream.subscribe(None)",
    "a keychain without a name": "keychain()",
    "a speed in words": 'replay("day.jsonl", speed="fast")',
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel and its dependencies, but not the work tree."""
    folder = tmp_path_factory.mktemp("user")
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(packages)
    # This adds a folder of packages, not searched for further .pth files, such as the one that leads to the tree.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    interpreter = folder / "venv" / "bin" / "python"
    found = subprocess.run(
        [interpreter, "-c", "import fulgurite; print(fulgurite.__file__)"], cwd=folder, check=True, capture_output=True
    )
    assert Path(found.stdout.decode().strip()).is_relative_to(packages), "it is not the wheel that is checked"
    return interpreter


@pytest.fixture(scope="module")
def program(python: Path) -> Path:
    """The folder of a user's program, and of one with mistakes."""
    folder = python.parents[2] / "program"
    folder.mkdir()
    shutil.copy(USER, folder)
    for number, (_, block) in enumerate(PROGRAMS):
        (folder / f"program_{number}.py").write_text(block)
    (folder / "mistakes.py").write_text(BEGINNING + "".join(f"    {mistake}\n" for mistake in MISTAKES.values()))
    return folder


def mypy(python: Path, program: Path) -> dict[str, dict[int, str]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--python-executable={python}"]
    command += [
        "--cache-dir",
        str(program.parent / "cache"),
        "--output=json",
        *sorted(each.name for each in program.glob("*.py")),
    ]
    # MYPYPATH would lead back to the tree.
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    done = subprocess.run(command, cwd=program, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    wrong: dict[str, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        found = json.loads(line)
        if found["severity"] == "error":
            wrong.setdefault(Path(found["file"]).name, {})[found["line"]] = found["message"]
    return wrong


def pyright(python: Path, program: Path) -> dict[str, dict[int, str]]:
    (program / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    command = [
        "node",
        str(ROOT / "tests/peers/node_modules/pyright/index.js"),
        "--outputjson",
        f"--pythonpath={python}",
    ]
    done = subprocess.run(command, cwd=program, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    wrong: dict[str, dict[int, str]] = {}
    for found in json.loads(done.stdout)["generalDiagnostics"]:
        if found["severity"] == "error":
            wrong.setdefault(Path(found["file"]).name, {})[found["range"]["start"]["line"] + 1] = found["message"]
    return wrong


@pytest.fixture(scope="module", params=[mypy, pyright], ids=["mypy", "pyright"])
def wrong(request: pytest.FixtureRequest, node: Path, python: Path, program: Path) -> dict[str, dict[int, str]]:
    """The lines that a checker finds wrong in each file, with its messages."""
    check: Callable[[Path, Path], dict[str, dict[int, str]]] = request.param
    return check(python, program)


def test_a_program_with_every_public_name_has_no_errors(wrong):
    assert wrong.get("user.py", {}) == {}


@pytest.mark.parametrize("number", range(len(PROGRAMS)), ids=[name for name, _ in PROGRAMS])
def test_a_program_of_the_documentation_has_no_errors(wrong, number):
    assert wrong.get(f"program_{number}.py", {}) == {}


def test_there_are_no_further_public_names():
    used = set(re.findall(r"\w+", USER.read_text()))
    assert set(fulgurite.__all__) <= used


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=list(MISTAKES))
def test_a_mistake_is_found(wrong, number):
    assert BEGINNING.count("\n") + 1 + number in wrong["mistakes.py"]


def test_nothing_but_the_mistakes_is_found(wrong):
    first = BEGINNING.count("\n") + 1
    assert min(wrong["mistakes.py"]) >= first
