"""The floor: picows and msgspec's typed decoding and nothing else; with a third argument `book` also a kept book.

With a book it does all the work of an ordinary message, and no other: each message is handed over as an item with its
text, channel and time, and each diff is applied.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import meter
import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


class Level(msgspec.Struct, gc=False):
    price: float
    size: float


class Board(msgspec.Struct, gc=False):
    mid_price: float
    bids: list[Level]
    asks: list[Level]


class Ticker(msgspec.Struct, gc=False):
    product_code: str
    timestamp: str
    tick_id: int
    best_bid: float
    best_ask: float
    best_bid_size: float
    best_ask_size: float
    total_bid_depth: float
    total_ask_depth: float
    market_bid_size: float
    market_ask_size: float
    ltp: float
    volume: float
    volume_by_product: float
    state: str


class Execution(msgspec.Struct, gc=False):
    id: int
    side: str
    price: float
    size: float
    exec_date: str
    buy_child_order_acceptance_id: str
    sell_child_order_acceptance_id: str


class Params(msgspec.Struct, gc=False):
    channel: str
    message: msgspec.Raw


class Notification(msgspec.Struct, gc=False):
    params: Params


NOTIFICATION = msgspec.json.Decoder(Notification)
DECODERS = {
    meter.SNAPSHOT: msgspec.json.Decoder(Board),
    meter.DIFF: msgspec.json.Decoder(Board),
    meter.TICKER: msgspec.json.Decoder(Ticker),
    meter.EXECUTIONS: msgspec.json.Decoder(list[Execution]),
}


class Floor(WSListener):
    """Decodes every message to a typed value."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = len(meter.CHANNELS)
        self.diffs = self.tickers = self.executions = self.snapshots = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        for number, channel in enumerate(meter.CHANNELS):
            call = {"method": "subscribe", "params": {"channel": channel}, "id": number}
            transport.send(WSMsgType.TEXT, json.dumps(call).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.answers:
            self.answers -= 1
            return
        params = NOTIFICATION.decode(frame.get_payload_as_memoryview()).params
        channel = params.channel
        data = DECODERS[channel].decode(params.message)
        if channel == meter.DIFF:
            self.diffs += 1
            if meter.PACED:
                meter.handled_ns.append(time.monotonic_ns())
            if self.diffs == meter.EXPECTED["diffs"]:
                names = ("diffs", "tickers", "executions", "snapshots")
                meter.done({name: getattr(self, name) for name in names}, None, "picows", "msgspec")
        elif channel == meter.TICKER:
            self.tickers += 1
        elif channel == meter.EXECUTIONS:
            self.executions += len(data)
        else:
            self.snapshots += 1
            if self.snapshots == 1:
                meter.ready()


class Item(msgspec.Struct, gc=False):
    """A message as a client gives it."""

    channel: str
    received_ns: int
    frame: str
    data: object


class FloorWithBook(Floor):
    """Gives an item for every message as well, and keeps the book."""

    def __init__(self) -> None:
        super().__init__()
        from fulgurite import Board as Diff
        from fulgurite import OrderBook

        self.book = OrderBook()
        boards = msgspec.json.Decoder(Diff)
        self.decoders = DECODERS | {meter.SNAPSHOT: boards, meter.DIFF: boards}
        self.items: list[Item] = []

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.answers:
            self.answers -= 1
            return
        text = frame.get_payload_as_utf8_text()
        params = NOTIFICATION.decode(text).params
        channel = params.channel
        data = self.decoders[channel].decode(params.message)
        if channel == meter.DIFF:
            self.book.apply_diff(data)
        elif channel == meter.SNAPSHOT:
            self.book.apply_snapshot(data)
        self.items.append(Item(channel, time.time_ns(), text, data))
        if frame.last_in_buffer:
            items, self.items = self.items, []
            for item in items:
                self.count(item)

    def count(self, item: Item) -> None:
        """Take an item as a consumer does."""
        if item.channel == meter.DIFF:
            self.diffs += 1
            if self.diffs == meter.EXPECTED["diffs"]:
                names = ("diffs", "tickers", "executions", "snapshots")
                assert self.book.best_bid is not None
                assert self.book.best_ask is not None
                best = self.book.best_bid.price, self.book.best_ask.price
                meter.done({name: getattr(self, name) for name in names}, best, "fulgurite", "picows", "msgspec")
        elif item.channel == meter.TICKER:
            self.tickers += 1
        elif item.channel == meter.EXECUTIONS:
            assert isinstance(item.data, list)
            self.executions += len(item.data)
        else:
            self.snapshots += 1
            if self.snapshots == 1:
                meter.ready()


async def main() -> None:
    transport, _ = await ws_connect(FloorWithBook if sys.argv[3:] == ["book"] else Floor, meter.URL)
    await transport.wait_disconnected()


if __name__ == "__main__":
    asyncio.run(main())
