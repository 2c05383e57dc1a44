"""One word for one thing: retired words appear nowhere in the folders that are held to the glossary."""

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
HELD = ("src/fulgurite/playground/static", "tests/page")
"""The folders that are held to it; another joins once its words are exchanged."""
ENDINGS = {".css", ".html", ".js", ".mjs", ".py"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def retired(text: str) -> Iterator[str]:
    """The retired words in a text, in the parts of a name too: `tapeGap`, `data-holes`, `a_player`."""
    for word in WORD.findall(text):
        singular = word.lower().removesuffix("s")
        if singular in RETIRED:
            yield f"{word}: write {RETIRED[singular]}"


@pytest.mark.parametrize("folder", HELD)
def test_a_folder_has_no_retired_word(folder):
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS and "vendor" not in path.parts]
    assert paths
    found = [
        f"{path.relative_to(ROOT)}:{number}: {problem}"
        for path in paths
        for number, line in enumerate([path.name, *path.read_text("utf-8").splitlines()])
        for problem in retired(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["the tape", "tapeGap", "data-holes", "a_player", "Hole", "stripHole", "PLAYBACK"])
def test_a_retired_word_is_found(text):
    assert list(retired(text))


@pytest.mark.parametrize("text", ["the whole gap", "isWhole", "staple", "replay"])
def test_other_words_are_let_through(text):
    assert not list(retired(text))
