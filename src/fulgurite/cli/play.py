"""`fulgurite play`: the page on an embedded exchange."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fulgurite.cli.endpoints import endpoint_of
from fulgurite.cli.options import Host, ReadyLine, Seed, naming_options
from fulgurite.cli.running import run
from fulgurite.cli.serving import addresses, print_table, warn_if_open

if TYPE_CHECKING:
    from fulgurite.playground.serve import Page


def play(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.", min=0, max=65535)] = 7350,
    host: Host = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    seed: Seed = None,
    as_json: ReadyLine = False,
) -> None:
    """Open the playground: a web page on an embedded exchange.

    The address that is printed lets a browser in, as often as it is opened; give it to nobody.
    """
    with naming_options("seed"):
        run(_play(port, host, browser, seed, as_json))


async def _play(port: int, host: str, browser: bool, seed: int | None, as_json: bool) -> None:
    import asyncio

    from fulgurite import playground
    from fulgurite.client.hints import PAGE, hints
    from fulgurite.exchange import run as exchange

    hints.set(PAGE)
    async with (
        exchange.run(seed=seed) as running,
        playground.run(endpoint_of(running), host, port, owned=running) as page,
    ):
        warn_if_open(
            host,
            f"the page on port {page.port}",
            "the address with the token lets anybody in, and the network can read along, as nothing is encrypted",
        )
        if as_json:
            import msgspec

            ready = {"url": page.url, "plain_url": page.plain_url, **msgspec.json.decode(running.ready_line())}
            print(msgspec.json.encode(ready).decode(), flush=True)
        else:
            print("Fulgurite is playing. Ctrl-C ends it.\n")
            print_table(_page_addresses(page, host) | addresses(running))
            sys.stdout.flush()
        with _redirect(page.url) as address:
            if browser:
                await _open_browser(address)
            await asyncio.Event().wait()


def _page_addresses(page: Page, host: str) -> dict[str, str]:
    """The addresses of the page, by their names."""
    from fulgurite.server.bind import is_loopback, outward_address, url_host

    rows = {"page": page.url}
    if page.plain_url != page.url:
        rows["if not found"] = page.plain_url
    elsewhere = page.url_at(f"http://{url_host(outward_address(host))}:{page.port}")
    if not is_loopback(host) and elsewhere not in rows.values():
        rows["from elsewhere"] = elsewhere
    return rows


@contextlib.contextmanager
def _redirect(url: str) -> Iterator[str]:
    """Give the address of a file that leads to another address, and that nobody else can read.

    A browser is given its address as an argument, and the arguments of a process are in sight of all users.
    """
    # Systems with this folder empty it when the user logs out; elsewhere it is the one for temporary files.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    with tempfile.TemporaryDirectory(
        prefix="fulgurite-", dir=runtime if os.access(runtime, os.W_OK) else None
    ) as folder:
        file = Path(folder) / "open.html"
        file.touch(mode=0o600)
        file.write_text(
            '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Fulgurite</title>'
            f'<meta http-equiv="refresh" content="0;url={url}"><a href="{url}">Fulgurite</a>\n',
            "utf-8",
        )
        yield file.as_uri()


async def _open_browser(url: str) -> None:
    import asyncio
    import webbrowser

    # Without a display Python would open a text browser in this very terminal.
    has_display = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if not (has_display and await asyncio.to_thread(webbrowser.open, url)):
        print("fulgurite: no browser could be opened here; open the page's address yourself", file=sys.stderr)
