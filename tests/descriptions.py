"""Shared by the tests of both descriptions: references, and strict validation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def resolve(document: Any, reference: str) -> Any:
    """The target of a reference within the document."""
    assert reference.startswith("#/")
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def strict(value: Any, *, all_members: bool = False) -> Any:
    """A copy of a document whose objects have no members that it does not describe.

    Args:
        value: the document, or a part of it.
        all_members: whether each that it describes must be there, too.
    """
    if isinstance(value, list):
        return [strict(each, all_members=all_members) for each in value]
    if not isinstance(value, dict):
        return value
    copied = {name: strict(each, all_members=all_members) for name, each in value.items()}
    if copied.get("type") == "object" and "properties" in copied:
        copied["additionalProperties"] = False
        if all_members:
            copied["required"] = list(copied["properties"])
    return copied


def problems(validator: Any, document: Any, schema: Any, value: object) -> list[str]:
    """The errors of a value by a schema of the document.

    Args:
        validator: a class of jsonschema's.
        document: the whole description, for its references.
        schema: the schema.
        value: the answer, or the message sent.
    """
    components = {"components": {"schemas": document["components"]["schemas"]}}
    errors = validator({**components, "allOf": [schema]}).iter_errors(value)
    return [f"{error.json_path}: {error.message[:500]}" for error in errors]


def printed(program: str, hash_seed: str) -> bytes:
    """The output of a Python program whose sets have an order of their own."""
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": hash_seed}, stdout=-1, check=True)
    return done.stdout
