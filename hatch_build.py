"""Hatchling's hook for a wheel or an editable install: compiles `_speedups.c`.

Where that cannot be done, for want of a compiler or of Python's headers, the package is installed without it and does
the same in Python.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULE = "fulgurite._speedups"
SOURCE = "src/fulgurite/_speedups.c"


class Speedups(BuildHookInterface):
    """Adds the compiled module to the wheel; beside its source where the install is editable."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile it before the wheel is made."""
        is_editable = version == "editable"
        self._folder = tempfile.TemporaryDirectory(prefix="fulgurite-")  # removed with this object
        try:
            compiled = self._compile(Path(self.root, "src") if is_editable else Path(self._folder.name))
        except (Exception, SystemExit) as error:  # a compiler's driver may raise anything
            self.app.display_warning(f"{SOURCE} was not compiled, so books are slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if not is_editable:
            build_data["force_include"][str(compiled)] = f"fulgurite/{compiled.name}"

    def _compile(self, folder: Path) -> Path:
        from setuptools import Distribution, Extension
        from setuptools.command.build_ext import build_ext

        command = build_ext(Distribution({"ext_modules": [Extension(MODULE, [SOURCE])]}))
        command.build_lib, command.build_temp = str(folder), self._folder.name
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(MODULE))
