"""Draws the screen of `fulgurite listen` for docs/listen.md, some seconds after it was disconnected.

python -m tools.draw_listen FILE.svg
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import time
from itertools import repeat
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fulgurite.cli.listen import find_channels
from fulgurite.client.connect import connect
from fulgurite.exchange.run import run
from fulgurite.terminal.screen import Up, screen
from fulgurite.terminal.screenstate import ScreenState

WIDTH, HEIGHT = 118, 36
SECONDS = 25.0


async def drawn() -> str:
    """The picture, of an embedded exchange that closes all connections and comes back."""
    products = ["FX_BTC_JPY", "BTC_JPY"]
    channels = find_channels([*products, "ticker:ETH_JPY"])
    faults = [{"fault": "close", "code": 1012, "reason": "scheduled maintenance", "after": SECONDS - 12}]
    async with (
        run(seed=3, faults=faults) as exchange,
        connect(*channels, endpoint=exchange, delays=lambda: repeat(3.0)) as stream,
    ):
        state = ScreenState(channels, "embedded", ["json-rpc"], time.time_ns())
        books = {product: stream.books[product] for product in products}
        ends_at = asyncio.get_running_loop().time() + SECONDS
        async for batch in stream.batches():
            state.add(batch)
            for product, book in books.items():
                state.look_at_book(product, book, time.time_ns())
            if asyncio.get_running_loop().time() > ends_at:
                break
        lines = screen(state, books, WIDTH, HEIGHT, time.time_ns(), Up.GREEN)
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.assemble(*line, no_wrap=True), highlight=False)
    picture = console.export_svg(title="fulgurite listen FX_BTC_JPY BTC_JPY ticker:ETH_JPY")
    # A picture of ours loads nothing from anywhere.
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(asyncio.run(drawn()))
