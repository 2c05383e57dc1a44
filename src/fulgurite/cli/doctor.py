"""`fulgurite doctor`: examines the way to a service, and prints each finding as it comes."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fulgurite.cli.endpoints import find_endpoint, trusting
from fulgurite.cli.options import CaFile, CredentialsName, EndpointText, HttpText, naming_options
from fulgurite.cli.running import run

if TYPE_CHECKING:
    from rich.console import Console

    from fulgurite.doctor.findings import Finding

EXIT_FAILED = 1

INDENT = 39  # as wide as mark, subject and check together


def doctor(
    endpoint: EndpointText = "live",
    http: HttpText = None,
    ca_file: CaFile = None,
    credentials: CredentialsName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each check.")] = False,
) -> None:
    """Examine the way from this machine to a service, step by step.

    Examines names, TCP, TLS, certificates, both dialects, the HTTP API, the clock and, if asked to, a key. The exit
    status is 1 if a check failed.
    """
    from fulgurite.client.credentials import keychain
    from fulgurite.doctor.examination import examine

    with naming_options(name="--credentials"):
        key = None if credentials is None else keychain(credentials)
    context = trusting(ca_file)

    async def work() -> None:
        async with find_endpoint(endpoint, http, key, context) as (where, signer):
            await show(
                lambda begins: examine(
                    where, credentials=None if key is None else signer, ssl_context=context, begins=begins
                ),
                as_json,
            )

    run(work())


async def show(examination: Callable[[Callable[[str], None]], AsyncIterator[Finding]], as_json: bool = False) -> None:
    """Print findings as they come, and then how many of each mark there were.

    Args:
        examination: makes the findings; its argument is called with the name of each step before it.
        as_json: one line of JSON for each, and nothing else.

    Raises:
        typer.Exit: a check failed.
    """
    import contextlib
    from collections import Counter

    import msgspec
    from rich.text import Text

    from fulgurite.cli import output

    styles = {"ok": "green", "warning": "yellow", "failed": "bold red"}
    console = output.console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    marks: Counter[str] = Counter()
    # On a terminal a line below the findings names the step that is under way.
    status = console.status("") if console.is_terminal and not as_json else None

    def begins(what: str) -> None:
        if status is not None:
            status.update(f"examining {what} ...")

    with status or contextlib.nullcontext():
        async for finding in examination(begins):
            marks[finding.mark] += 1
            if as_json:
                print(msgspec.json.encode(finding).decode(), flush=True)
                continue
            line = Text.assemble(
                (f"{finding.mark:8}", styles[finding.mark]),
                (f"{finding.subject:14}{finding.check:17}", "dim"),
                _indented(finding.measured, console),
            )
            console.print(line)
            if finding.advice:
                console.print(f"{'':{INDENT}}" + _indented(f"advice: {finding.advice}", console))
            sys.stdout.flush()
    if not as_json:
        console.print("\n" + ", ".join(f"{marks[mark]} {mark}" for mark in styles))
    if marks["failed"]:
        raise typer.Exit(EXIT_FAILED)


def _indented(text: str, console: Console) -> str:
    """Wrap a text in its column, on a terminal; a program that reads the lines wants each in one."""
    import textwrap

    if not console.is_terminal:
        return text
    return f"\n{'':{INDENT}}".join(textwrap.wrap(text, max(console.width - INDENT, 20)))
