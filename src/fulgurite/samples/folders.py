"""The samples that ship, read from their folders."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from fulgurite.errors import InputError
from fulgurite.samples.sample import MANIFEST, Manifest, Sample, Verified, digest

SAMPLES: Final = Path(__file__).parent / "programs"

VERIFIED: Final = "verified.json"
"""The samples that CI has run: an object of `Verified` by the folder's name."""


def find_samples(samples: Path = SAMPLES) -> list[Sample]:
    """All samples, by language and dialect.

    Raises:
        ValueError: a manifest or the list of verified ones is not as it should be; the text names it.
    """
    verified = read_verified(samples)
    found = [_read(path.parent, verified) for path in samples.glob(f"*/{MANIFEST}")]
    return sorted(found, key=lambda sample: (sample.manifest.language, sample.manifest.dialect))


def find_sample(language: str, dialect: str) -> Sample:
    """The sample of a language in a dialect.

    Raises:
        InputError: there is none; it names those that there are.
    """
    samples = find_samples()
    speaking = [sample for sample in samples if sample.manifest.language == language]
    if not speaking:
        raise InputError("language", language, dict.fromkeys(sample.manifest.language for sample in samples))
    for sample in speaking:
        if sample.manifest.dialect == dialect:
            return sample
    raise InputError("dialect", dialect, [sample.manifest.dialect for sample in speaking])


def read_verified(samples: Path = SAMPLES) -> dict[str, Verified]:
    """The samples that CI has run, by the folder's name; also those that have changed since."""
    path = samples / VERIFIED
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Verified]) if path.exists() else {}


def _read(folder: Path, verified: dict[str, Verified]) -> Sample:
    text = (folder / MANIFEST).read_text("utf-8")
    try:
        manifest = msgspec.convert(tomllib.loads(text), Manifest)
        files = {name: (folder / name).read_text("utf-8") for name in manifest.files}
        if manifest.source not in files:
            raise ValueError(f"source: {manifest.source} is not among the files")
        if bool(manifest.run) == bool(manifest.page):
            raise ValueError("either run or page belongs there")
    except (msgspec.ValidationError, ValueError, OSError) as error:
        raise ValueError(f"{folder.name}/{MANIFEST}: {error}") from error
    now = digest({**files, MANIFEST: text})
    entry = verified.get(folder.name)
    return Sample(folder.name, manifest, files, now, entry if entry and entry.digest == now else None)
