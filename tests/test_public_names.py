"""The public names: declared once, and all of them there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fulgurite
from tests.parsing import parse


@pytest.mark.parametrize("name", fulgurite.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(fulgurite, name) is not None
    assert name in dir(fulgurite)


def test_the_names_for_type_checkers_are_those_for_programs():
    tree = parse(Path(fulgurite.__file__).read_text())
    imported = {
        alias.asname or alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported | {"__version__"} == set(fulgurite.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        fulgurite.nonsense  # noqa: B018  (reading it is the test)


def test_importing_the_package_loads_none_of_its_shells():
    """Or the command line would be slow to answer."""
    program = "import sys, fulgurite; print(*(name for name in sys.modules if name.startswith('fulgurite.')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["fulgurite.version"]
