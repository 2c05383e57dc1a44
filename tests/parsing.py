"""Python's own text as a tree."""

from __future__ import annotations

import ast
import gc


def parse(source: str) -> ast.Module:
    """Parse without collecting garbage meanwhile.

    A finalizer that fails has its traceback parsed as well, and Python 3.11 takes the two for one: "AST constructor
    recursion depth mismatch".
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()
