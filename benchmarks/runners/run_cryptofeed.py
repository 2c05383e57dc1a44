"""cryptofeed as its users run it: a FeedHandler with callbacks for book, trades and ticker. It takes wss:// only."""

from __future__ import annotations

import meter
from cryptofeed import FeedHandler
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import ASK, BID, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Bitflyer
from cryptofeed.symbols import Symbols

seen = dict.fromkeys(("diffs", "tickers", "executions", "snapshots"), 0)


async def on_book(book, receipt_timestamp):
    if book.delta is None:
        seen["snapshots"] += 1
        if seen["snapshots"] == 1:
            meter.ready()
        return
    seen["diffs"] += 1
    if seen["diffs"] == meter.EXPECTED["diffs"]:
        best = book.book[BID].index(0)[0], book.book[ASK].index(0)[0]
        meter.done(seen, best, "cryptofeed", "websockets", "uvloop", "msgspec")


async def on_trade(trade, receipt_timestamp):
    seen["executions"] += 1


async def on_ticker(ticker, receipt_timestamp):
    seen["tickers"] += 1


# The names of symbols would be asked for over HTTP from the live service; they are given instead.
Symbols.set(Bitflyer.id, {"BTC-JPY": meter.PRODUCT}, {"instrument_type": {"BTC-JPY": "spot"}})
Bitflyer.websocket_endpoints = [WebsocketEndpoint(meter.URL)]
handler = FeedHandler(config={"uvloop": True, "log": {"disabled": True}})
callbacks = {L2_BOOK: on_book, TRADES: on_trade, TICKER: on_ticker}
handler.add_feed(Bitflyer(symbols=["BTC-JPY"], channels=list(callbacks), callbacks=callbacks))
handler.run()
