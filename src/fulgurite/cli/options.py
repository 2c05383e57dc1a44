"""Errors about arguments, by the names that a command has for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fulgurite.errors import InputError


@contextmanager
def naming_options(*names: str, **called: str) -> Iterator[None]:
    """Have an error about an argument tell what the user calls it.

    Args:
        names: arguments whose option has their name: ``--http`` for `http`.
        called: what others are called: ``time="--at"``.
    """
    try:
        yield
    except InputError as error:
        own = f"--{error.field.replace('_', '-')}" if error.field in names else None
        option = called.get(error.field, own)
        if option is None:
            raise
        raise InputError(option, error.value, error.accepted) from error
