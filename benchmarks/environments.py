"""Where the rows run: each peer in an environment of its own, with the version that is measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = Path(__file__).parent / ".environments"

PACKAGES = {
    "fulgurite": ["-e", str(ROOT)],
    "cryptofeed": ["cryptofeed==3.0.1"],
    "pybotters": ["pybotters==1.11.2"],
    "servers": ["websockets==17.4", "uvloop==0.23.0"],
    # GPL-3.0-or-later, and sortedcontainers: only measured, never imported by the package.
    "books": ["order-book==1.1.0", "sortedcontainers==2.4.0"],
}
"""Packages that pip installs into each environment. Node.js and its packages are those of tests/peers."""

SOURCES = ("pyproject.toml", "hatch_build.py", "src/fulgurite/_speedups.c")
"""Our own package's sources; where one has changed, the environments are made anew."""


def find_python() -> str:
    """The newest Python that can make environments: all rows in Python run on the same one."""
    names = [f"python3.{minor}" for minor in range(14, 10, -1)]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path for name in names if (path := shutil.which(name))]
    found += map(str, versions.glob("3.*/bin/python3"))
    probe = "import ensurepip, json, sys; print(json.dumps([sys.version_info[:3], sys._base_executable]))"
    usable: list[tuple[list[int], str]] = []
    for path in found:
        result = subprocess.run([path, "-c", probe], capture_output=True, text=True)
        if result.returncode == 0:
            version, executable = json.loads(result.stdout)
            usable.append((version, executable))
    return max(entry for entry in usable if entry[0][:2] <= [3, 14])[1]


def install(name: str, python: str) -> str | None:
    """Make an environment where it is not there as wanted; return why that failed, or None."""
    home = HOME / name
    stamp = home / "installed"
    wanted = json.dumps([python, PACKAGES[name], *(zlib.crc32((ROOT / source).read_bytes()) for source in SOURCES)])
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    HOME.mkdir(exist_ok=True)
    (HOME / ".gitignore").write_text("*\n")
    shutil.rmtree(home, ignore_errors=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for command in ([python, "-m", "venv", str(home)], [*pip, *PACKAGES[name]]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            lines = result.stderr.strip().splitlines()
            return lines[-1] if lines else f"pip ended with {result.returncode}"
    stamp.write_text(wanted)
    return None


def interpreter(name: str) -> str:
    """The interpreter for a row of this environment."""
    return "node" if name == "node" else str(HOME / name / "bin" / "python")
