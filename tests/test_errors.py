"""The tree of errors: all of it is public, and the documentation names the cause of each."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import fulgurite
from fulgurite import errors
from tests.parsing import parse

DOCUMENT = Path(__file__).parent.parent / "docs" / "errors.md"

# Errors that never leave the package: a connection makes it a `Malformed`, or closes with its code.
INTERNAL = {"FragmentError"}

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == errors.__name__
}


def table() -> dict[str, list[str]]:
    """The rows of the documented table by the error's name."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|$", DOCUMENT.read_text().replace("| | |", "|  |  |"), re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows}


def attributes(name: str) -> set[str]:
    """The fields that an error's own `__init__` keeps."""
    tree = parse(inspect.getsource(CLASSES[name]))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }


def test_every_error_that_can_reach_a_user_is_a_public_name():
    assert set(CLASSES) - set(fulgurite.__all__) == INTERNAL


def test_what_is_internal_is_caught_wherever_it_may_come_from():
    """`Fragments` raises it, and only readers of sockets call that."""
    package = Path(errors.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        if "Fragments(" in text and "class Fragments" not in text:
            assert "except FragmentError" in text, path


def test_every_public_error_is_in_the_table():
    assert set(table()) == set(CLASSES) - INTERNAL


@pytest.mark.parametrize("name", sorted(set(CLASSES) - INTERNAL))
def test_the_table_says_what_an_error_is_and_what_it_carries(name: str):
    parents, carried, _ = table()[name]
    bases = {base.__name__ for base in CLASSES[name].__bases__} - {"FulguriteError", "Exception"}
    assert set(re.findall(r"`(\w+)`", parents)) == bases
    assert set(re.findall(r"`(\w+)`", carried)) == attributes(name)


@pytest.mark.parametrize("name", sorted(set(CLASSES) - INTERNAL))
def test_what_raises_an_error_is_there(name: str):
    for word in re.findall(r"`([A-Za-z_.]+)`", table()[name][2]):
        first, _, member = word.partition(".")
        owner = getattr(fulgurite, first)
        assert not member or member in dir(owner)


def test_the_tree_in_the_docstring_is_the_tree():
    assert errors.__doc__ is not None
    drawn = [
        (len(indent), name) for indent, name in re.findall(r"^    ([│├└─ ]*)(\w+Error)\b", errors.__doc__, re.MULTILINE)
    ]
    assert {name for _, name in drawn} == set(CLASSES)
    above: dict[int, str] = {}
    for indent, name in drawn:
        above[indent] = name
        if indent:
            assert above[indent - 4] in {base.__name__ for base in CLASSES[name].__mro__[1:2]}, name
