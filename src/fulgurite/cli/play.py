"""`fulgurite play`: the page on an embedded exchange."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fulgurite.cli.endpoints import endpoint_of
from fulgurite.cli.running import run
from fulgurite.cli.serving import Host, Seed, addresses, print_table, warn_if_open


def play(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.", min=0, max=65535)] = 7350,
    host: Host = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")] = False,
) -> None:
    """Open the playground: a web page on an embedded exchange."""
    run(_play(port, host, browser, seed, as_json))


async def _play(port: int, host: str, browser: bool, seed: int | None, as_json: bool) -> None:
    import asyncio

    from fulgurite import playground
    from fulgurite.client.hints import PAGE, hints
    from fulgurite.exchange import run as exchange

    hints.set(PAGE)
    warn_if_open(host)
    async with (
        exchange.run(seed=seed) as running,
        playground.run(endpoint_of(running), host, port, owned=running) as page,
    ):
        if as_json:
            import msgspec

            ready: dict[str, object] = {"url": page.url, **msgspec.json.decode(running.ready_line())}
            print(msgspec.json.encode(ready).decode(), flush=True)
        else:
            print("Fulgurite is playing. Ctrl-C ends it.\n")
            print_table({"page": page.url} | addresses(running))
            sys.stdout.flush()
        if browser:
            await _open_browser(page.url)
        await asyncio.Event().wait()


async def _open_browser(url: str) -> None:
    import asyncio
    import os
    import webbrowser

    # Without a display Python would open a text browser in this very terminal.
    has_display = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if not (has_display and await asyncio.to_thread(webbrowser.open, url)):
        print("fulgurite: no browser could be opened here; open the page's address yourself", file=sys.stderr)
