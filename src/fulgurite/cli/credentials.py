"""`fulgurite credentials`: API keys in the system's keychain."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fulgurite.cli.doctor import show
from fulgurite.cli.endpoints import find_endpoint, trusting
from fulgurite.cli.options import CaFile, HttpText, naming_options
from fulgurite.cli.running import run
from fulgurite.errors import InputError

app = typer.Typer(
    help="Keep API keys in the system's keychain.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog="Example: fulgurite credentials add main, and then fulgurite listen child_order_events --credentials main",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Your name for the key.")]


@app.command(epilog="Example: fulgurite credentials add main", context_settings={"allow_extra_args": True})
def add(
    context: typer.Context,
    name: Name,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", help="The key's endpoint: live, embedded, or a URL.", show_default="asked for"),
    ] = None,
    http: HttpText = None,
) -> None:
    """Ask for a key and its secret, and keep both for one endpoint: it signs for no other.

    Both are typed or pasted at the terminal, and not shown. They are taken from nowhere else: other programs can see an
    argument, and a pipe's content was in a file or in the shell's history before.
    """
    from fulgurite.client import resolve_endpoint
    from fulgurite.client.credentials import check_name, save, saved_keys

    if context.args:
        # Typer would repeat them.
        accepted = "NAME alone; the rest is in the shell's history now: if it was a key, make another at bitFlyer"
        raise InputError("arguments", f"{len(context.args)} more than one", accepted)
    with naming_options("endpoint", "http", name="NAME"):
        check_name(name)
        if endpoint is not None:
            resolve_endpoint(endpoint, http)
    # Everything that can fail does so before anybody has to type.
    is_known = name in saved_keys()
    if not sys.stdin.isatty():
        raise InputError("standard input", "no terminal", "the key and the secret at a terminal, when asked for them")
    if is_known:
        typer.confirm(f"There is a key called {name!r}. Replace it?", abort=True)
    if endpoint is None:
        endpoint = typer.prompt("Endpoint: live, embedded, or a URL", default="live").strip()
        if resolve_endpoint(endpoint, http).http is None:
            http = typer.prompt("Its HTTP API: a URL, or nothing", default="", show_default=False).strip() or None
            resolve_endpoint(endpoint, http)
    api_key, secret = _ask("API key"), _ask("API secret")
    save(name, api_key, secret, endpoint, http)
    # How long they are tells whether the whole was pasted, and nothing else.
    print(f"Kept as {name!r} for {endpoint}: a key of {len(api_key)} characters and a secret of {len(secret)}.")
    print(f"Test it with: fulgurite credentials test {name}")


def _ask(what: str) -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        # Nothing is to be typed where the terminal cannot hide it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{what} (not shown): ").strip()
        except getpass.GetPassWarning:
            raise InputError("the terminal", "one that shows typed text", "one that can hide it") from None


@app.command("list", epilog="Example: fulgurite credentials list")
def list_names() -> None:
    """Print the name and the endpoint of each key, and nothing else of it."""
    from fulgurite.client.credentials import saved_keys

    keys = saved_keys()
    width = max(map(len, keys), default=0)
    lines = [f"{name.ljust(width)}  {endpoint}" for name, endpoint in keys.items()]
    print("\n".join(lines) if lines else "No keys are kept. Add one with: fulgurite credentials add NAME")


@app.command("test", epilog="Example: fulgurite credentials test main")
def try_key(
    name: Name,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Where to test it.", show_default="its own")
    ] = None,
    http: HttpText = None,
    ca_file: CaFile = None,
) -> None:
    """Ask the service for a key's permissions, and try whether it may listen to private channels.

    The exit status is 1 if it may not.
    """
    from fulgurite.client.credentials import kept_for, keychain
    from fulgurite.doctor.examination import examine_key

    with naming_options(name="NAME"):
        key = keychain(name)
    if endpoint is None:
        endpoint, kept_http = kept_for(name)
        http = http or kept_http
    where = (endpoint, http)
    context = trusting(ca_file)

    async def work() -> None:
        async with find_endpoint(*where, key, context) as (found, signer):
            assert signer is not None  # the key, or the demo account of an exchange of our own
            await show(lambda begins: examine_key(found, signer, ssl_context=context, begins=begins))

    run(work())


@app.command(epilog="Example: fulgurite credentials remove main")
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False
) -> None:
    """Forget a key. At bitFlyer it stays valid until you delete it there."""
    from fulgurite.client import credentials

    with naming_options(name="NAME"):
        credentials.check_name(name)
    if not yes:
        typer.confirm(f"Forget the key called {name!r}?", abort=True)
    credentials.remove(name)
    print(f"Forgotten: {name!r}. It stays valid until you delete it at bitFlyer.")
