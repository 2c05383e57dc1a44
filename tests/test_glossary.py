"""One word for one thing: retired words appear nowhere, and no module has a name that does not tell its content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RETIRED = {
    "hole": "gap",
    "tape": "executions, or recording",
    "playback": "replay",
    "player": "replay",
}
"""Each retired word, and the one that took its place."""
RETIRED_MODULES = {"desk", "exportlog", "lines", "openlog", "overview", "rows", "texts"}
HELD = ("src", "tests", "tools", "benchmarks", "scripts", "docs")
"""The folders that are held to them, with the pages beside them."""
ENDINGS = {
    *(".c", ".cpp", ".cs", ".css", ".go", ".html", ".java", ".js", ".md", ".mjs", ".py", ".rb", ".rs", ".sh"),
    *(".ts", ""),
}
FOREIGN = {"vendor", "node_modules", "__pycache__", ".environments"}
PEERS = ("cryptofeed",)
"""A line, or a file, that names one of these peers may use its words."""
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def retired(text: str) -> Iterator[str]:
    """The retired words in a text, in the parts of a name too: `tapeGap`, `data-holes`, `a_player`."""
    if any(peer in text for peer in PEERS):
        return
    for word in WORD.findall(text):
        singular = word.lower().removesuffix("s")
        if singular in RETIRED:
            yield f"{word}: write {RETIRED[singular]}"


def files(folder: str) -> list[Path]:
    """The texts of a folder; those beside it for the root."""
    found = ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*")
    ours = [path for path in found if path.is_file() and path.suffix in ENDINGS and not FOREIGN & set(path.parts)]
    return [path for path in ours if not any(peer in path.name for peer in PEERS)]


@pytest.mark.parametrize("folder", [*HELD, "."])
def test_a_folder_has_no_retired_word(folder):
    paths = [path for path in files(folder) if path != Path(__file__)]
    assert paths
    found = [
        f"{path.relative_to(ROOT)}:{number}: {problem}"
        for path in paths
        for number, line in enumerate([path.name, *path.read_text("utf-8").splitlines()])
        for problem in retired(line)
    ]
    found += [f"{path.relative_to(ROOT)}: name its content" for path in paths if path.stem in RETIRED_MODULES]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["the tape", "tapeGap", "data-holes", "a_player", "Hole", "stripHole", "PLAYBACK"])
def test_a_retired_word_is_found(text):
    assert list(retired(text))


@pytest.mark.parametrize("text", ["the whole gap", "isWhole", "staple", "replay", "cryptofeed's playback"])
def test_other_words_are_let_through(text):
    assert not list(retired(text))
