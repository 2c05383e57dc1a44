"""A frame log to replay, and the frames in it."""

from __future__ import annotations

import json
from typing import Any

FX = "FX_BTC_JPY"
BEGAN_NS = 1_700_000_000_000_000_000


def log_of(seconds: int, *, per_second: int = 10) -> bytes:
    """A frame log of tickers with a close and a gap in the middle."""
    lines: list[dict[str, Any]] = [
        {"event": "connecting", "at_ns": BEGAN_NS, "detail": "ws://nowhere"},
        {"event": "open", "at_ns": BEGAN_NS},
        {"event": "subscribed", "at_ns": BEGAN_NS, "channel": f"lightning_ticker_{FX}"},
    ]
    for number in range(seconds * per_second):
        at_ns = BEGAN_NS + number * 1_000_000_000 // per_second
        if number == seconds * per_second // 2:
            lines += [
                {
                    "event": "closed",
                    "at_ns": at_ns,
                    "detail": "closed by the server: 1012 maintenance",
                    "close_code": 1012,
                    "close_reason": "maintenance",
                },
                {"event": "connecting", "at_ns": at_ns + 1},
                {"event": "open", "at_ns": at_ns + 2},
                {"event": "subscribed", "at_ns": at_ns + 3, "channel": f"lightning_ticker_{FX}"},
            ]
        lines.append({"received_ns": at_ns + 4, "frame": frame_of(number)})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def frame_of(number: int) -> str:
    ticker = {
        "product_code": FX, "state": "RUNNING", "timestamp": "2023-11-14T22:13:20.0Z", "tick_id": number,
        "best_bid": 99.0, "best_ask": 101.0, "best_bid_size": 1.0, "best_ask_size": 1.0, "total_bid_depth": 1.0,
        "total_ask_depth": 1.0, "market_bid_size": 0.0, "market_ask_size": 0.0, "ltp": float(number), "volume": 1.0,
        "volume_by_product": 1.0, "preopen_end": None, "circuit_break_end": None,
    }  # fmt: skip
    params = {"channel": f"lightning_ticker_{FX}", "message": ticker}
    return json.dumps({"jsonrpc": "2.0", "method": "channelMessage", "params": params})
