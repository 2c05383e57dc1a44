"""A sample program in one of many languages: its manifest, and how parameters are filled in. Pure.

A sample is a real program that runs as it stands. Its parameters are constants, each on a line of its own that ends
with a comment ``fulgurite:NAME``::

    const endpoint = "wss://ws.lightstream.bitflyer.com/json-rpc" // fulgurite:endpoint
    var channels = []string{"lightning_ticker_BTC_JPY"} // fulgurite:channels
    const authenticate = false // fulgurite:auth
    const silenceSeconds = 60 // fulgurite:silence

Filling in replaces the value and drops the comment. Only URLs and names of plain characters are filled in, so that no
language needs escaping.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from fulgurite.client.endpoints import LIVE, Endpoint
from fulgurite.errors import ChannelError, InputError
from fulgurite.protocol.channels import parse_channel
from fulgurite.protocol.dialects import DIALECTS, DialectName

MANIFEST: Final = "sample.toml"

DEFAULT_CHANNELS: Final = ("lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY")
DEFAULT_SILENCE: Final = 60
"""Seconds; a ticker of a live market comes every second or so, and quiet markets have quiet minutes."""

MAX_CHANNELS: Final = 100
MAX_SILENCE: Final = 3600

PARAMETERS: Final = ("endpoint", "channels", "auth", "silence")

_MARKED: Final = re.compile(r"^(.*?\S)\s*(?://|#|--)\s*fulgurite:(\w+)\s*$")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_PLAIN_URL: Final = re.compile(r"[A-Za-z0-9._:/\[\]?&=~-]{1,500}")  # no quote, backslash, $ or #: they mean something


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of ``sample.toml``."""

    title: str
    """The language as people write it, and the library where there is a choice."""
    language: str
    """Its name for `--language`."""
    dialect: DialectName
    source: str
    """The file that is shown, and filled in."""
    files: list[str]
    """All files that a user gets, the source among them; paths below the folder."""
    requires: str
    """The software to install before, in words."""
    toolchain: list[list[str]]
    """Commands that print the versions of its compiler or interpreter."""
    least: dict[str, str] = {}
    """The oldest version of each program of the toolchain; `requires` says it in words."""
    debian: list[str] = []
    """Debian packages that bring the toolchain."""
    install: list[str] = []
    """Shell commands that fetch its dependencies, in the sample's folder."""
    run: list[str] = []
    """The command that runs it, as its arguments; empty for a web page."""
    page: str = ""
    """The file to open in a browser instead."""
    build: list[str] = []
    """A command that compiles it, for CI."""
    built: list[str] = []
    """The command with which CI runs the compiled program, where that is not `run`."""
    cannot_verify: str = ""
    """Why CI cannot run it; empty where it can."""


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of a run by CI."""

    versions: list[str]
    """The first line that each command of `Manifest.toolchain` printed."""
    date: str
    """The day in UTC, as in ``2026-11-23``."""
    digest: str
    """Of the files that were run; see `digest`."""


class Sample(NamedTuple):
    """A sample as it is stored."""

    folder: str
    """The name of its folder, for example ``go-json-rpc``."""
    manifest: Manifest
    files: Mapping[str, str]
    """The text of each file of `Manifest.files`."""
    digest: str
    verified: Verified | None
    """None where nobody has run these very files."""


class Parameters(NamedTuple):
    """The values to fill in. `check_parameters` makes ones that every sample can take."""

    endpoint: str
    """The URL of the WebSocket for JSON-RPC; for Socket.IO an http or https URL without a path."""
    channels: tuple[str, ...] = DEFAULT_CHANNELS
    auth: bool = False
    """Whether it asks its user for an API key and secret."""
    silence: int = DEFAULT_SILENCE
    """Seconds without a message until a channel is taken for dead."""


def check_parameters(
    dialect: DialectName,
    *,
    endpoint: Endpoint = LIVE,
    channels: Iterable[str] = DEFAULT_CHANNELS,
    auth: bool = False,
    silence: int = DEFAULT_SILENCE,
) -> Parameters:
    """Find the parameters that a person means.

    Args:
        dialect: the sample's.
        endpoint: the service to listen to.
        channels: full names, 1 to 100 of them; repetitions are dropped.
        auth: whether the sample authenticates; private channels need it.
        silence: whole seconds, 1 to 3600.

    Raises:
        InputError: one of them is invalid, or cannot be written into every language as it is.
    """
    spoken = DIALECTS[dialect]
    url = spoken.library_url(endpoint.address(spoken))
    if not _PLAIN_URL.fullmatch(url):
        raise InputError("endpoint", url, "a URL of letters, digits and . _ : / [ ] ? & = ~ -")
    names = tuple(dict.fromkeys(channels))
    if not 1 <= len(names) <= MAX_CHANNELS:
        raise InputError("channel", f"{len(names)} channels", f"1 to {MAX_CHANNELS} of them")
    for name in names:
        channel = parse_channel(name)
        if not _PLAIN_NAME.fullmatch(name):
            raise ChannelError("channel", name, "a name of at most 64 letters, digits and _")
        if channel.kind.is_private and not auth:
            raise InputError("channel", name, "a private channel together with auth only")
    if not 1 <= silence <= MAX_SILENCE:
        raise InputError("silence", silence, f"whole seconds from 1 to {MAX_SILENCE}")
    return Parameters(url, names, auth, silence)


def fill(sample: Sample, parameters: Parameters) -> dict[str, str]:
    """The text of each file that a user gets, by its name, with the parameters in the source.

    Raises:
        ValueError: the sample does not mark each parameter exactly once, or not as above.
    """
    source = sample.manifest.source
    return {**sample.files, source: fill_source(sample.files[source], parameters)}


def fill_source(text: str, parameters: Parameters) -> str:
    """Fill the parameters into a source.

    Raises:
        ValueError: it does not mark each parameter exactly once, or not as above.
    """
    marked: list[str] = []
    lines = []
    for line in text.split("\n"):
        if found := _MARKED.match(line):
            code, name = found.groups()
            marked.append(name)
            line = _filled(code, name, parameters)
        lines.append(line)
    if sorted(marked) != sorted(PARAMETERS):
        raise ValueError(f"marks {', '.join(marked) or 'nothing'}; each of {', '.join(PARAMETERS)} belongs there once")
    return "\n".join(lines)


def _filled(code: str, name: str, parameters: Parameters) -> str:
    fillings: dict[str, tuple[str, Callable[[str], str]]] = {
        "endpoint": ('".*"', lambda _: f'"{parameters.endpoint}"'),
        "channels": ('".*"', lambda _: ", ".join(f'"{channel}"' for channel in parameters.channels)),
        "auth": (r"\b([Tt])rue\b|\b([Ff])alse\b", lambda old: _as_spelt(parameters.auth, old)),
        "silence": (r"(?<![\w.])\d+(?![\w.])", lambda _: str(parameters.silence)),
    }
    pattern, value = fillings.get(name, ("(?!)", str))
    filled, count = re.subn(pattern, lambda found: value(found[0]), code)
    if count != 1:
        raise ValueError(f"a line is marked {name}, and has not exactly one value of it: {code}")
    return filled


def _as_spelt(value: bool, old: str) -> str:
    """True or false with a capital letter where the language has one."""
    return str(value) if old[0].isupper() else str(value).lower()


def steps(manifest: Manifest) -> list[str]:
    """The user's steps in the sample's folder, a line each. All are for the shell, but for the last one of a page."""
    return [*manifest.install, shlex.join(manifest.run) or f"open {manifest.page} in a browser"]


def shown(sample: Sample) -> dict[str, object]:
    """A sample's entry in the list of samples, as JSON's values."""
    manifest, verified = sample.manifest, sample.verified
    return {
        "language": manifest.language,
        "title": manifest.title,
        "dialect": manifest.dialect.value,
        "requires": manifest.requires,
        "is_page": bool(manifest.page),
        "verified": None if verified is None else {"versions": verified.versions, "date": verified.date},
        "cannot_verify": manifest.cannot_verify,
    }


def digest(files: Mapping[str, str | bytes]) -> str:
    """The SHA-256, in hex, of files with their names."""
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        data = content.encode() if isinstance(content, str) else content
        whole.update(f"{len(name)} {name} {len(data)} ".encode() + data)
    return whole.hexdigest()
