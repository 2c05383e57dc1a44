"""docs/reference.md has every public name, every command and every variable of the environment."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import fulgurite
from fulgurite.doctor.findings import _PROXY_VARIABLES
from tests.parsing import parse
from tools.docs_commands import on_page_markdown

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def test_each_public_name_is_there_once():
    names = re.findall(r"^::: fulgurite\.(?:client\.connect\.)?(\w+)$", REFERENCE, re.MULTILINE)
    assert sorted([*names, "__version__"]) == sorted(fulgurite.__all__)


def test_each_command_and_option_is_there():
    written = on_page_markdown(REFERENCE)
    folder = ROOT / "src" / "fulgurite" / "cli"
    options = set(re.findall(r'"(--[a-z-]+)', "".join(path.read_text("utf-8") for path in folder.glob("*.py"))))
    assert {"--replay", "--record"} <= options
    assert {option for option in options if option not in written} == set()
    for command in ("", " play", " exchange", " listen", " doctor", " sample", " credentials", " credentials add"):
        assert f"### `fulgurite{command}`" in written


def variables() -> set[str]:
    """The variables of the environment that the package reads: arguments of `os.environ` and its methods."""
    found = set(_PROXY_VARIABLES)
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call | ast.Subscript) and "os.environ" in ast.unparse(node):
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z_]+", text)}
    return found


def test_each_variable_of_the_environment_is_there():
    assert {"TERM", "DISPLAY"} <= variables()
    table = REFERENCE[REFERENCE.index("## Environment variables") :]
    assert variables() <= set(re.findall(r"`([A-Z_]+)`", table))
