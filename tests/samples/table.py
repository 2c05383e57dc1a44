"""The table of docs/samples.md: the samples, and the versions with which they passed."""

from __future__ import annotations

import itertools
from pathlib import Path

from fulgurite.samples.folders import find_samples

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "samples.md"

HEAD = "| language | `--language` | `--dialect` | needs | verified with |\n| --- | --- | --- | --- | --- |\n"


def table() -> str:
    """The table, as Markdown."""
    rows = []
    for language, samples in itertools.groupby(find_samples(), key=lambda sample: sample.manifest.language):
        for number, sample in enumerate(samples):
            manifest, verified = sample.manifest, sample.verified
            names = ("", "", "") if number else (manifest.title, f"`{language}`", manifest.requires)
            reason = f": {manifest.cannot_verify}" if manifest.cannot_verify else ""
            passed = "; ".join(verified.versions) if verified else f"not verified{reason}"
            rows.append(f"| {names[0]} | {names[1]} | `{manifest.dialect}` | {names[2]} | {passed} |\n")
    return HEAD + "".join(rows)


def write_table() -> None:
    """Bring the document up to date."""
    before, head, rest = DOCUMENT.read_text("utf-8").partition(HEAD)
    assert head
    after = rest.partition("\n\n")[2]
    DOCUMENT.write_text(f"{before}{table()}\n{after}", "utf-8")
