"""Errors about arguments, by the names that a command has for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fulgurite.errors import InputError


@contextmanager
def naming_options(*names: str) -> Iterator[None]:
    """Have an error about an argument of these names tell the option instead: ``--http`` for `http`."""
    try:
        yield
    except InputError as error:
        if error.field not in names:
            raise
        raise InputError(f"--{error.field.replace('_', '-')}", error.value, error.accepted) from error
