"""JSON Schemas of the project's own types, for the descriptions of the two APIs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

Schema: TypeAlias = dict[str, Any]

# The docstrings name sections of the protocol reference; readers of a description do not have it.
_SECTION = re.compile(r" ?\((?:sections? )?\d+(?:\.\d+)*\)")


def schemas_of(types: Iterable[Any], *, absent: bool) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and the components that they refer to under ``#/components/schemas``.

    Args:
        types: types that msgspec can describe.
        absent: whether a member that is None is left out, as the realtime API does; else it may be null.
    """
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return [_tidied(schema, absent) for schema in schemas], _tidied(components, absent)


def _tidied(value: Any, absent: bool) -> Any:
    if isinstance(value, list):
        return [_tidied(each, absent) for each in value]
    if not isinstance(value, dict):
        return value
    tidied = {name: _tidied(each, absent) for name, each in value.items() if name not in ("default", "title")}
    if isinstance(tidied.get("description"), str):
        tidied["description"] = _SECTION.sub("", " ".join(tidied["description"].split()))
    kinds = tidied.get("anyOf")
    if kinds and {"type": "null"} in kinds:
        if absent:
            kinds = [kind for kind in kinds if kind != {"type": "null"}]
            del tidied["anyOf"]
            return tidied | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
        if "enum" in tidied:
            tidied["enum"] = [*tidied["enum"], None]
    return tidied
