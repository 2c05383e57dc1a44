"""A user's trading program on pybotters: its HTTP client signs, its store follows the private channels.

    python pybotters_trader.py HTTP_URL REALTIME_URL    credentials as {"key": ..., "secret": ...} on standard input

Loads balance and positions over HTTP, then trades in spot and FX, and prints one JSON line: its store's content after
the events, and the answers over HTTP at the end.
"""

from __future__ import annotations

import asyncio
import sys

import pybotters
import pybotters.auth
import pybotters.ws
from reporting import credentials, report


async def main(http: str, realtime: str) -> None:
    keys = credentials()
    assert keys is not None
    # pybotters chooses the way to sign by the host's name; this is how it is told of another host.
    for host in ("127.0.0.1", "localhost"):
        pybotters.auth.Hosts.items[host] = pybotters.auth.Hosts.items["api.bitflyer.com"]
        pybotters.ws.AuthHosts.items[host] = pybotters.ws.AuthHosts.items["ws.lightstream.bitflyer.com"]
    store = pybotters.bitFlyerDataStore()
    apis = {"bitflyer": [keys["key"], keys["secret"]]}
    async with pybotters.Client(apis=apis, base_url=http) as client:
        requests = [client.get("/v1/me/getbalance"), client.get("/v1/me/getcollateral")]
        await store.initialize(*requests)
        ended: asyncio.Queue[dict] = asyncio.Queue()
        ready = asyncio.Event()

        def handle(message, ws) -> None:
            if message.get("id") == "private":
                ready.set()
            if message.get("method") != "channelMessage":
                return
            events = [dict(event) for event in message["params"]["message"]]
            store.onmessage(message, ws)
            for event in events:
                if event["event_type"] in ("CANCEL", "EXPIRE") or event.get("outstanding_size") == 0:
                    ended.put_nowait(event)

        subscribe = {"method": "subscribe", "params": {"channel": "child_order_events"}, "id": "private"}
        await client.ws_connect(realtime, send_json=[subscribe], hdlr_json=handle)
        await ready.wait()

        async def post(path: str, **data: object):
            answer = await client.post(f"/v1/me/{path}", data=data)
            assert answer.status == 200, await answer.text()
            text = await answer.text()
            return await answer.json() if text else None

        async def get(path: str):
            answer = await client.get(f"/v1/me/{path}")
            return await answer.json()

        async def order(product_code: str, side: str, size: float, **more: object):
            body = {"product_code": product_code, "side": side, "size": size, "child_order_type": "MARKET"} | more
            return await post("sendchildorder", **body)

        await order("BTC_JPY", "BUY", 0.01)
        await ended.get()
        await order("BTC_JPY", "SELL", 0.004)
        await ended.get()
        await order("FX_BTC_JPY", "SELL", 0.03)
        await ended.get()
        await order("FX_BTC_JPY", "BUY", 0.012)
        await ended.get()
        resting = await order("BTC_JPY", "BUY", 0.01, child_order_type="LIMIT", price=1_000_000)
        kept = await order("BTC_JPY", "BUY", 0.02, child_order_type="LIMIT", price=1_000_000)
        await post("cancelchildorder", product_code="BTC_JPY", **resting)
        last = await ended.get()
        bitcoin = store.balance.get({"currency_code": "BTC"})
        assert bitcoin is not None
        report(
            "traded",
            last=last["event_type"],
            kept=kept["child_order_acceptance_id"],
            store={
                "orders": [row["child_order_acceptance_id"] for row in store.childorders.find()],
                "position": sum(row["size"] for row in store.positions.find()),
                "btc": bitcoin["amount"],
                "collateral": store.collateral.find()[0]["collateral"],
            },
            http={
                "orders": [
                    row["child_order_acceptance_id"] for row in await get("getchildorders?child_order_state=ACTIVE")
                ],
                "position": sum(row["size"] for row in await get("getpositions?product_code=FX_BTC_JPY")),
                "btc": next(row["amount"] for row in await get("getbalance") if row["currency_code"] == "BTC"),
                "collateral": (await get("getcollateral"))["collateral"],
            },
        )


asyncio.run(main(*sys.argv[1:]))
