"""The installed package has the samples, whole."""

import subprocess
import sys
import zipfile
from pathlib import Path

from fulgurite.samples.folders import find_samples

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_has_every_file_of_every_sample(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for sample in find_samples():
            folder = f"fulgurite/samples/programs/{sample.folder}"
            assert archive.read(f"{folder}/sample.toml")
            for name, text in sample.files.items():
                assert archive.read(f"{folder}/{name}").decode() == text
