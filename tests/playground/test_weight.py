"""The size of the files that a browser fetches before the page is there."""

from __future__ import annotations

import gzip

from fulgurite.playground.app import STATIC

LIMIT = 400_000
"""Bytes of everything under static/, each file compressed by itself."""


def test_the_page_is_light():
    sizes = {
        path.relative_to(STATIC).as_posix(): len(gzip.compress(path.read_bytes(), mtime=0))
        for path in STATIC.rglob("*")
        if path.is_file()
    }
    heaviest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    assert sum(sizes.values()) < LIMIT, {name: sizes[name] for name in heaviest}
