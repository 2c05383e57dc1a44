"""The floor: picows and msgspec's typed decoding and nothing else."""

from __future__ import annotations

import asyncio
import json
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


async def main() -> None:
    transport, _ = await ws_connect(Floor, meter.URL)
    await transport.wait_disconnected()


if __name__ == "__main__":
    asyncio.run(main())
