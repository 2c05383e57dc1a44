"""`fulgurite sample`: a program in the user's language that listens, and reconnects whenever it must."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fulgurite.cli.listen import find_channels
from fulgurite.cli.options import DialectOption, naming_options
from fulgurite.errors import InputError

if TYPE_CHECKING:
    from fulgurite.samples.sample import Sample


Language = Annotated[str | None, typer.Option(help="The language; see --list.", metavar="NAME")]
Dialect = Annotated[DialectOption, typer.Option(help="How it speaks to the endpoint.")]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        help="A channel, as for `fulgurite listen`; give it again for another.",
        metavar="CHANNEL",
        show_default="ticker:BTC_JPY and executions:BTC_JPY",
    ),
]
Endpoint = Annotated[
    str, typer.Option(help="live, embedded (that of `fulgurite exchange`), or a ws, wss, http or https URL.")
]
Auth = Annotated[bool, typer.Option("--auth", help="Let it ask its user for an API key, for private channels.")]
Silence = Annotated[
    int, typer.Option(help="Seconds without a message until a channel is taken for dead.", min=1, max=3600)
]
Output = Annotated[Path | None, typer.Option(help="Write it and all that it needs into this folder.", metavar="DIR")]
ListAll = Annotated[bool, typer.Option("--list", help="List the languages and end.")]
AsJson = Annotated[bool, typer.Option("--json", help="With --list: print one line of JSON.")]


def sample(
    language: Language = None,
    dialect: Dialect = DialectOption.JSON_RPC,
    channels: Channels = None,
    endpoint: Endpoint = "live",
    auth: Auth = False,
    silence: Silence = 60,
    output: Output = None,
    list_all: ListAll = False,
    as_json: AsJson = False,
) -> None:
    """Write a program in your language that listens, reconnects by itself and tells its gaps.

    Without --output it prints the source.
    """
    from fulgurite.client.endpoints import resolve_endpoint
    from fulgurite.samples.folders import find_sample, find_samples
    from fulgurite.samples.sample import DEFAULT_CHANNELS, check_parameters, fill, steps

    if as_json and not list_all:
        raise InputError("--json", "without --list", "--list --json")
    if list_all:
        _print_list(find_samples(), as_json)
        return
    if language is None:
        accepted = dict.fromkeys(each.manifest.language for each in find_samples())
        raise InputError("--language", "nothing", accepted)
    with naming_options("language", "dialect", "endpoint", "channel", CHANNEL="--channel"):
        found = find_sample(language, dialect)
        parameters = check_parameters(
            found.manifest.dialect,
            endpoint=resolve_endpoint(endpoint),
            channels=[channel.name for channel in find_channels(channels)] if channels else DEFAULT_CHANNELS,
            auth=auth,
            silence=silence,
        )
    files = fill(found, parameters)
    if output is None:
        print(files[found.manifest.source], end="")
        return
    _write(output, files)
    print(f"Written to {output}. It needs {found.manifest.requires}. To run it:\n", file=sys.stderr)
    print("\n".join([f"cd {shlex.quote(str(output))}", *steps(found.manifest)]))


def _print_list(samples: list[Sample], as_json: bool) -> None:
    import msgspec
    from rich.table import Table

    from fulgurite.cli.output import console
    from fulgurite.samples.sample import shown

    if as_json:
        print(msgspec.json.encode([shown(sample) for sample in samples]).decode())
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("--language", "--dialect", "", "needs", "verified with"):
        table.add_column(column, overflow="fold")
    for sample in samples:
        manifest, verified = sample.manifest, sample.verified
        table.add_row(
            manifest.language,
            manifest.dialect,
            manifest.title,
            manifest.requires,
            "not verified" if verified is None else "\n".join(verified.versions),
        )
    console(highlight=False).print(table)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files where none of them is yet.

    Raises:
        InputError: one is, or the folder cannot be made or written to.
    """
    for name in files:
        if (folder / name).exists():
            raise InputError("--output", str(folder), f"a folder without {name}")
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise InputError("--output", str(folder), f"a folder that can be written to ({error})") from error
