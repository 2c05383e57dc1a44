"""The house rules of ARCHITECTURE.md, held against the source itself: direction of imports, purity, names, length.

Imports inside functions and under TYPE_CHECKING count too: a rule about imports has no back door.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.parsing import parse

SOURCE = Path(__file__).parent.parent / "src" / "fulgurite"
SAMPLES = SOURCE / "samples" / "programs"  # files that are given to users

# Each part may import those of lower levels, and itself; never its neighbours on the same level.
LEVELS = {
    "version": 0,
    "errors": 0,
    "protocol": 1,
    "logfile": 2,  # the one shell that opens a file of recorded traffic, for the client and the exchange
    "_speedups": 2,  # in C
    "bookside": 3,
    "itayose": 3,
    "orderbook": 4,
    "client": 5,
    "server": 5,
    "relay": 6,
    "recording": 6,
    "exchange": 6,
    "terminal": 6,
    "doctor": 6,
    "samples": 6,
    "__init__": 7,  # the public names: the floors above use them as anybody does
    "playground": 8,
    "pytest_plugin": 8,
    "cli": 9,
    "__main__": 10,
}
NEVER = {("exchange", "client")}  # the exchange knows nothing of our client

# Clocks, chance, files, sockets and tasks; and the libraries that bring them.
# fmt: off
IMPURE_IMPORTS = {
    "asyncio", "concurrent", "contextvars", "ftplib", "getpass", "glob", "http", "io", "logging", "multiprocessing",
    "os", "pathlib", "queue", "random", "sched", "secrets", "select", "selectors", "shutil", "signal", "smtplib",
    "socket", "socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
    "aiofastnet", "anyio", "httpx", "keyring", "picows", "rich", "starlette", "typer", "uvicorn", "websockets",
}
# fmt: on
# A generator of random numbers is an argument, so its type may be named, and one with a seed may be made.
# Bytes in memory are no file.
PURE_NAMES = ("random.Random", "urllib.parse", "io.BytesIO")
IMPURE_CALLS = {"open", "print", "input", "breakpoint"}
CLOCK_CALLS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}

BANNED_NAMES = {"utils", "util", "core", "common", "base", "helpers", "helper", "misc"}


def modules() -> dict[str, str]:
    """The source of every module, by its path below the package."""
    paths = [path for path in sorted(SOURCE.rglob("*.py")) if SAMPLES not in path.parents]
    return {path.relative_to(SOURCE).as_posix(): path.read_text() for path in paths}


def is_pure(source: str) -> bool:
    """Whether a module says so itself, in its docstring."""
    return "Pure." in (ast.get_docstring(parse(source)) or "")


@functools.cache
def pure_modules() -> list[str]:
    """The dotted names of the modules that a pure one may import."""
    return ["fulgurite._speedups", *(dotted(path) for path, source in modules().items() if is_pure(source))]


def dotted(path: str) -> str:
    return ".".join(["fulgurite", *path.removesuffix(".py").removesuffix("/__init__").split("/")])


def part_of(path: str) -> str:
    return path.removesuffix(".py").split("/")[0]


def imported(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Every import as (line, dotted name); `from a import b` gives `a.b`, and relative ones are made absolute."""
    package = ["fulgurite", *path.split("/")[:-1]]
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def is_within(name: str, modules: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{module}.") for module in modules)


def direction_problems(path: str, source: str) -> Iterator[str]:
    part = part_of(path)
    if part not in LEVELS:
        yield f"{path}: the part {part!r} has no level yet; give it one in LEVELS and in ARCHITECTURE.md"
        return
    for line, name in imported(path, source):
        if name.split(".")[0] != "fulgurite":
            continue
        other = next((part for part in name.split(".")[1:2] if part in LEVELS), "__init__")  # else a public name
        if other != part and (LEVELS[other] >= LEVELS[part] or (part, other) in NEVER):
            yield f"{path}:{line}: {part} must not import {name}"


def purity_problems(path: str, source: str) -> Iterator[str]:
    if not is_pure(source):
        return
    for line, name in imported(path, source):
        if name.split(".")[0] in IMPURE_IMPORTS and not is_within(name, PURE_NAMES):
            yield f"{path}:{line}: a pure module must not import {name}"
        elif is_within(name, ["fulgurite"]) and not is_within(name, pure_modules()):
            yield f"{path}:{line}: {name} does not say that it is pure"
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{path}:{node.lineno}: a pure module must not await"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")
            if called[-1] == "Random" and not (node.args or node.keywords):
                yield f"{path}:{node.lineno}: a pure module must not make a Random without a seed"
            if (len(called) == 1 and called[0] in IMPURE_CALLS) or tuple(called[-2:]) in CLOCK_CALLS:
                yield f"{path}:{node.lineno}: a pure module must not call {'.'.join(called)}"


def name_problems(path: str, source: str) -> Iterator[str]:
    if BANNED_NAMES & set(path.removesuffix(".py").split("/")):
        yield f"{path}: name it after what it holds"


def length_problems(path: str, source: str) -> Iterator[str]:
    lines = len(source.splitlines())
    if lines > 800:
        yield f"{path}: {lines} lines; split it"
    elif lines > 500 and not re.search(r"long\s+because", ast.get_docstring(parse(source)) or ""):
        yield f"{path}: {lines} lines; split it, or say in its docstring 'This module is long because ...'"


def circle(sources: dict[str, str]) -> list[str]:
    """The modules of one circle of imports, the first of them again at its end; empty where there is none."""
    names = {path: dotted(path) for path in sources}
    graph: dict[str, set[str]] = {}
    for path, source in sources.items():
        graph[names[path]] = set()
        for _, name in imported(path, source):
            # An imported name is a module, or stands in one.
            while name and name not in names.values():
                name = name.rpartition(".")[0]
            if name and name != names[path]:
                graph[names[path]].add(name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


RULES = (direction_problems, purity_problems, name_problems, length_problems)


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule):
    found = [problem for path, source in modules().items() for problem in rule(path, source)]
    assert not found, "\n".join(found)


def test_all_of_the_protocol_claims_to_be_pure():
    assert all(is_pure(source) for path, source in modules().items() if path.startswith("protocol/"))


def test_no_modules_import_each_other_in_a_circle():
    """Not even for their types. (The package's own names are another matter: its parts may use the version only.)"""
    assert not circle(modules())


@pytest.mark.parametrize(
    "sources",
    [
        {"a.py": "from fulgurite import b", "b.py": "from fulgurite.a import name"},
        {
            "a.py": "import fulgurite.b",
            "b.py": "if TYPE_CHECKING:\n    from fulgurite.c import C",
            "c.py": "from . import a",
        },
        {"a/__init__.py": "from fulgurite.a.b import name", "a/b.py": "def f():\n    from fulgurite.a import other"},
    ],
)
def test_circles_of_imports_are_found(sources):
    found = circle(sources)
    assert found[0] == found[-1]
    assert set(found) == {dotted(path) for path in sources}


def test_imports_without_a_circle_are_let_through():
    assert (
        circle({"a.py": "from fulgurite import b\nimport c", "b.py": "from fulgurite.c import C", "c.py": "import a"})
        == []
    )


def test_the_package_is_there_to_be_checked():
    """An empty folder would keep every rule."""
    assert {"__init__.py", "errors.py", "protocol/channels.py"} <= modules().keys()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("protocol/jsonrpc.py", "from fulgurite.errors import RemoteProtocolError"),
        ("exchange/run.py", "from fulgurite.server import serve"),
        ("exchange/matching.py", "from .book import Book\nfrom ..protocol import messages"),
        ("client/session.py", "from fulgurite.version import __version__"),
        ("playground/app.py", "import fulgurite.client.connect"),
        ("playground/app.py", "from fulgurite import connect"),
        ("__init__.py", "from fulgurite.client.connect import connect"),
        ("cli/play.py", "def main():\n    from fulgurite.playground.app import app"),
    ],
)
def test_imports_downwards_are_let_through(path, source):
    assert not list(direction_problems(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("errors.py", "from fulgurite.protocol import channels"),
        ("protocol/jsonrpc.py", "from ..orderbook import OrderBook"),
        ("orderbook.py", "from . import client"),
        ("client/session.py", "from fulgurite.server.hub import Hub"),
        ("server/serve.py", "import fulgurite.client"),
        ("exchange/run.py", "def f():\n    from fulgurite.client import connect"),
        ("exchange/run.py", "from fulgurite.recording import segments"),
        ("client/connect.py", "if TYPE_CHECKING:\n    from fulgurite.cli import main"),
        ("client/connect.py", "from fulgurite import connect"),
        ("server/serve.py", "import fulgurite"),
        ("odds_and_ends.py", ""),
    ],
)
def test_imports_upwards_and_sideways_are_found(path, source):
    assert list(direction_problems(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("protocol/auth.py", "import hmac, hashlib, json"),
        ("protocol/messages.py", "from datetime import datetime\ndatetime.fromisoformat('2026-01-01')"),
        ("exchange/flow.py", "from random import Random\ndef flow(rng: Random): rng.random()\nRandom(7)"),
        ("exchange/run.py", "import asyncio, time\nasync def main(): await asyncio.sleep(time.time())"),
        ("client/session.py", "import asyncio"),
        ("server/hub.py", "def publish(now): book.open(now)"),
        ("protocol/socketio.py", "from urllib.parse import urlsplit"),
    ],
)
def test_pure_code_and_shells_are_let_through(path, source):
    """A module without the claim may do as it likes."""
    claim = "" if path in ("exchange/run.py", "client/session.py") else '"""Pure."""\n'
    assert not list(purity_problems(path, claim + source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("protocol/jsonrpc.py", "import time"),
        ("protocol/deep/er.py", "import os.path"),
        ("orderbook.py", "def f():\n    from asyncio import sleep"),
        ("errors.py", "from pathlib import Path"),
        ("server/hub.py", "import picows"),
        ("server/faults.py", "from random import random"),
        ("server/faults.py", "import random"),
        ("client/feed.py", "async def fill(): pass"),
        ("exchange/flow.py", "from random import Random\nRandom()"),
        ("exchange/flow.py", "from random import Random\nRandom.random(random.Random())"),
        ("exchange/clock.py", "import datetime\ndatetime.datetime.now()"),
        ("exchange/clock.py", "from datetime import date\ndate.today()"),
        ("exchange/accounts.py", "open('x')"),
        ("exchange/publisher.py", "from fulgurite.exchange.run import run"),
        ("exchange/publisher.py", "from .http import app"),
        ("protocol/socketio.py", "from urllib.request import urlopen"),
        ("protocol/socketio.py", "import urllib"),
    ],
)
def test_impure_code_is_found(path, source):
    assert list(purity_problems(path, f'"""Pure."""\n{source}'))


@pytest.mark.parametrize("path", ["utils.py", "client/helpers.py", "core/matching.py", "server/base.py"])
def test_names_that_say_nothing_are_found(path):
    assert list(name_problems(path, ""))


def test_names_that_only_contain_such_a_word_are_let_through():
    assert not list(name_problems("exchange/database.py", ""))


@pytest.mark.parametrize(
    ("lines", "docstring", "kept"),
    [(500, "", True), (501, "", False), (501, "This module is long because ...", True), (801, "long because", False)],
)
def test_long_modules_need_a_reason_and_very_long_ones_are_found(lines, docstring, kept):
    source = f'"""{docstring}"""\n' + "x = 1\n" * (lines - 1)
    assert (not list(length_problems("protocol/x.py", source))) == kept


def test_nobody_reads_the_prose_of_an_ending():
    """A connection's close code is in fields; the words for people are written, and never read."""
    writers = {"client/session.py", "doctor/probes.py", "client/items.py"}
    for path in [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.js")]:
        if path.relative_to(SOURCE).as_posix() not in writers:
            assert "closed by the server" not in path.read_text(), path


def test_nobody_asks_which_dialect_it_is():
    """The differences between the dialects are in the fields of `Dialect`."""
    for path, source in modules().items():
        if path != "protocol/dialects.py":
            asked = re.search(r"\b(is|==|in) (not )?(JSON_RPC|SOCKETIO|DialectName)\b(?!\.path)", source)
            assert asked is None, f"{path}: {asked}"
