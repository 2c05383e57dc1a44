"""scripts/setup.sh, with which all scripts begin: an install that was cut off is done again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path):
    """A work tree whose Node.js is there, and whose npm can be cut off."""
    for name in ("scripts", "bin", "tests/peers"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup.sh", tmp_path / "scripts")
    (tmp_path / "bin/node").write_text("#!/bin/sh\necho v24.0.0\n")
    (tmp_path / "bin/npx").write_text("#!/bin/sh\n")
    # As the real one, it leaves hidden files of the folder where they are.
    (tmp_path / "bin/npm").write_text(
        '#!/bin/sh\n[ "$1" = ci ] || exit 0\nmkdir -p node_modules; rm -rf node_modules/*\n'
        "[ ! -e cut-off ] || kill -9 $$\ncp package-lock.json node_modules/whole\n"
    )
    for name in ("node", "npx", "npm"):
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def install(tree: Path, lock: str) -> bool:
    """Install the packages of a lock file; returns whether all of them are there."""
    peers = tree / "tests/peers"
    (peers / "package-lock.json").write_text(lock)
    environment = {"PATH": f"{tree / 'bin'}:/usr/bin:/bin"}
    command = ("sh", "-c", ". scripts/setup.sh; install_node", "scripts/check")
    subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=60)
    whole = peers / "node_modules/whole"
    return whole.exists() and whole.read_text() == lock


def test_npm_packages_whose_installation_was_cut_off_are_installed_anew(tree):
    assert install(tree, "one")
    (tree / "tests/peers/cut-off").touch()
    assert not install(tree, "another")
    (tree / "tests/peers/cut-off").unlink()
    assert install(tree, "one")
    assert install(tree, "another")
