"""The rules of ARCHITECTURE.md for the page's modules: direction of imports, no circles, views that only read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from posixpath import join, normpath

import pytest

from fulgurite import playground

MODULES = Path(playground.__file__).parent / "static" / "js"
IMPORT = re.compile(r'^(?:import|export)\b([^;"]*?)"(\.[^"]+)";', re.MULTILINE)
LAYERS = (
    ("main", "entry", "receive", "url"),
    ("views/*",),
    (
        *("actions", "ask", "byhand", "connecting", "credentials", "faultruns", "framerows", "keyboard"),
        *("marketdata", "orders", "recording", "replay", "samples"),
    ),
    ("backend",),
    ("*",),
    ("words/*",),
)
"""From the top: a module imports those of its own layer and of lower ones. Vendored libraries are below all."""


def modules() -> dict[str, str]:
    """The source of every module, by its path without the ending."""
    return {path.relative_to(MODULES).as_posix()[:-3]: path.read_text("utf-8") for path in MODULES.rglob("*.js")}


def imported(path: str, source: str) -> Iterator[tuple[str, str]]:
    """The imported names, as they are written, and the module's path."""
    for names, target in IMPORT.findall(source):
        module = normpath(join(path, "..", target)).removesuffix(".js")
        if not module.startswith(".."):
            yield names, module


def layer(path: str) -> int:
    exact = [n for n, patterns in enumerate(LAYERS) if any(fnmatchcase(path, each) for each in patterns if each != "*")]
    return exact[0] if exact else LAYERS.index(("*",))


def direction_problems(path: str, source: str) -> Iterator[str]:
    for _, module in imported(path, source):
        if layer(module) < layer(path):
            yield f"{path} must not import {module}"


def view_problems(path: str, source: str) -> Iterator[str]:
    """Views call actions: none assigns to a signal of another module."""
    if not path.startswith("views/"):
        return
    for names, module in imported(path, source):
        if module == "backend":
            yield f"{path} talks to the backend"
        for name in re.findall(r"\w+(?=\s*(?:,|\}|from\b))", names):
            member = r"\.\w+" if "* as" in names else ""
            if re.search(rf"\b{name}{member}\.value\s*(?:[-+*/?|&]{{0,2}}=)(?!=|>)", source):
                yield f"{path} writes {name} of {module}"


@pytest.mark.parametrize("rule", [direction_problems, view_problems])
def test_the_page_keeps_the_rule(rule):
    found = [problem for path, source in modules().items() for problem in rule(path, source)]
    assert not found, "\n".join(found)


def test_no_modules_import_each_other_in_a_circle():
    graph = {path: {module for _, module in imported(path, source)} for path, source in modules().items()}
    assert graph["receive"] >= {"orders", "replay"}, "or the imports were not found"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("path", "source", "kept"),
    [
        ("views/x", 'import { connect } from "../connecting.js";', True),
        ("main", 'import { App } from "./views/app.js";', True),
        ("state", 'import { channelsOf } from "./channels.js";', True),
        ("keyboard", 'import { showView } from "./views/viewtabs.js";', False),
        ("views/x", 'import { receive } from "../receive.js";', False),
        ("state", 'import * as backend from "./backend.js";', False),
        ("backend", 'import {\n  receive,\n} from "./receive.js";', False),
        ("words/all", 'import { t } from "../i18n.js";', False),
    ],
)
def test_imports_upwards_are_found(path, source, kept):
    assert (not list(direction_problems(path, source))) == kept


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ('import { view } from "../state.js";\nif (view.value === "market") view.value;', True),
        ('import { view } from "../state.js";\nview.value = "market";', False),
        ('import * as state from "../state.js";\nstate.view.value ??= "market";', False),
        ('import { a, frameVersion } from "../state.js";\nframeVersion.value += 1;', False),
        ('import { send } from "../backend.js";', False),
    ],
)
def test_a_view_that_writes_is_found(source, kept):
    assert (not list(view_problems("views/x", source))) == kept
