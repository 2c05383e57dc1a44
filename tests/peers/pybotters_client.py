"""A user's program on pybotters, with its store of the order book.

    python pybotters_client.py URL [CHANNEL...]    credentials, if any, as {"key": ..., "secret": ...} on standard input

One JSON line an event: connect, reply (to a request), message, log (a warning of pybotters), and after a board message
or a warning book: the sizes by price that its store holds, best first. Ends when it is killed. The channels default to
the four public ones of BTC_JPY.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import pybotters
import pybotters.ws
from reporting import credentials, report

DEFAULT = [f"lightning_{kind}_BTC_JPY" for kind in ("board_snapshot", "board", "ticker", "executions")]


async def main(url: str, channels: list[str]) -> None:
    keys = credentials()
    apis = {}
    if keys is not None:
        apis = {"bitflyer": [keys["key"], keys["secret"]]}
        # pybotters chooses the way to authenticate by the host's name; this is how it is told of another host.
        hosts = pybotters.ws.AuthHosts.items
        hosts["127.0.0.1"] = hosts["localhost"] = hosts["ws.lightstream.bitflyer.com"]

    store = pybotters.bitFlyerDataStore()

    def report_book() -> None:
        sides = store.board.sorted()
        report(
            "book", **{side: {row["price"]: row["size"] for row in sides.get(side, [])} for side in ("bids", "asks")}
        )

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            report("log", text=record.getMessage())
            report_book()

    logging.getLogger("pybotters").addHandler(Log(logging.WARNING))

    def handle(message, ws) -> None:
        if message.get("method") != "channelMessage":
            report("reply", **message)
            return
        store.onmessage(message, ws)
        report("message", **message["params"])
        if message["params"]["channel"].startswith("lightning_board_"):
            report_book()

    requests = [
        {"method": "subscribe", "params": {"channel": channel}, "id": number}
        for number, channel in enumerate(channels, start=1)
    ]
    async with pybotters.Client(apis=apis) as client:
        ws = await client.ws_connect(url, send_json=requests, hdlr_json=handle)
        report("connect")
        await ws.wait()


asyncio.run(main(sys.argv[1], sys.argv[2:] or DEFAULT))
