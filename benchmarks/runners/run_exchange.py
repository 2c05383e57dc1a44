"""The exchange without its sockets: python run_exchange.py WORK COUNT [profile]

WORK is "engine" or "market", or another's engine, with COUNT orders; or "products" with COUNT seconds of all nine
products. Prints what was done and the processor time; with "profile" the share of each module in per cent, too.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import metadata
from itertools import count
from random import Random

import sampler

from fulgurite.exchange.market import Market
from fulgurite.exchange.matching import MatchingEngine, Order, Side
from fulgurite.exchange.numbers import LOTS
from fulgurite.exchange.products import BTC_JPY
from fulgurite.exchange.publisher import Publisher
from fulgurite.exchange.simulation import Simulation

START_NS = 1_790_000_000_000_000_000
STEP_NS = 1_000_000
"""One order a millisecond of the market's time."""
BUSIEST = {f"lightning_{kind}_{code}" for code in ("FX_BTC_JPY", "BTC_JPY") for kind in ("board", "ticker")}
RESTING = 1_000
"""Orders that rest; of more the oldest is cancelled."""


def orders(total: int) -> list[Order]:
    """Orders of both sides around one price, of which about a fifth goes beyond it."""
    rng = Random(1)
    middle = 10_000_000
    made = []
    for number in range(1, total + 1):
        side = rng.choice((Side.BUY, Side.SELL))
        away = round(rng.expovariate(1 / 400)) - 100
        price = middle - away if side is Side.BUY else middle + away
        made.append(Order(id=number, owner="benchmark", side=side, price=price, size=LOTS // rng.randrange(10, 1000)))
    return made


def engine(total: int) -> Callable[[], dict[str, int]]:
    matching, given = MatchingEngine(), orders(total)

    def work() -> dict[str, int]:
        fills = 0
        for order in given:
            fills += len(matching.submit(order).fills)
            if order.id > RESTING:
                matching.cancel(order.id - RESTING)
        return {"fills": fills}

    return work


def market(total: int) -> Callable[[], dict[str, int]]:
    traded = Market(BTC_JPY, start_ns=START_NS, execution_ids=count(1))
    publisher, given = Publisher(traded, Random(1)), orders(total)

    def work() -> dict[str, int]:
        messages = fills = 0
        now_ns = START_NS
        for order in given:
            now_ns += STEP_NS
            outcome = traded.submit(order, now_ns)
            fills += len(outcome.executions)
            publisher.record(outcome, now_ns)
            if order.id > RESTING:
                cancelled = traded.cancel(order.id - RESTING, now_ns)
                if cancelled:
                    publisher.record(cancelled, now_ns)
            while publisher.next_ns is not None and publisher.next_ns <= now_ns:
                messages += len(publisher.publish())
        return {"fills": fills, "messages": messages}

    return work


def light(total: int) -> Callable[[], dict[str, int]]:
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine
    from lightmatchingengine.lightmatchingengine import Side as LightSide

    matching = LightMatchingEngine()
    given = [(order.price, order.size, getattr(LightSide, order.side.name)) for order in orders(total)]

    def work() -> dict[str, int]:
        fills = 0
        kept = []
        for price, size, side in given:
            order, trades = matching.add_order("BTC_JPY", price, size, side)
            fills += sum(trade.order_id != order.order_id for trade in trades)
            kept.append(order)
            # It fails where it is asked to cancel what has been filled.
            if len(kept) > RESTING and kept[-RESTING - 1].leaves_qty:
                matching.cancel_order(kept[-RESTING - 1].order_id, "BTC_JPY")
        return {"fills": fills}

    return work


def order_matching(total: int) -> Callable[[], dict[str, int]]:
    from loguru import logger
    from order_matching.enums import Side as TheirSide
    from order_matching.matching_engine import MatchingEngine as TheirEngine
    from order_matching.order import LimitOrder
    from order_matching.orders import Orders

    logger.remove()
    matching = TheirEngine(seed=1)
    start = datetime(2026, 1, 1)
    given = [
        LimitOrder(
            side=getattr(TheirSide, order.side.name),
            price=order.price,
            size=order.size,
            timestamp=start + timedelta(milliseconds=order.id),
            order_id=str(order.id),
            trader_id="benchmark",
        )
        for order in orders(total)
    ]

    def work() -> dict[str, int]:
        fills = 0
        for number, order in enumerate(given, 1):
            matching.place(orders=Orders([order]))
            fills += len(matching.match(timestamp=order.timestamp).trades)
            if number > RESTING:
                with contextlib.suppress(ValueError):  # it has been filled
                    matching.cancel_order(str(number - RESTING))
        return {"fills": fills}

    return work


def products(seconds: int) -> Callable[[], dict[str, int]]:
    simulation = Simulation(1, START_NS, open_until_ns=START_NS + 10**16)

    def work() -> dict[str, int]:
        # As the exchange itself does: a step whenever something is due.
        messages = busiest = 0
        while simulation.next_event_ns <= START_NS + seconds * 1_000_000_000:
            for each in simulation.advance(simulation.next_event_ns):
                messages += 1
                busiest += getattr(each, "channel", "") in BUSIEST
        return {"messages": messages, "busiest": busiest}

    return work


WORKS = {"engine": engine, "market": market, "light": light, "order-matching": order_matching, "products": products}
PACKAGES = {"light": ["lightmatchingengine"], "order-matching": ["order-matching"]}

work = WORKS[sys.argv[1]](int(sys.argv[2]))
if "profile" in sys.argv:
    sampler.start()
began_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
done = work()
cpu_ns, took_ns = time.process_time_ns() - cpu_ns, time.monotonic_ns() - began_ns
shares = sampler.stop()
versions = {name: metadata.version(name) for name in PACKAGES.get(sys.argv[1], ["fulgurite"])}
versions["Python"] = platform.python_version()
result = {"took_ns": took_ns, "cpu_ns": cpu_ns, **done, "versions": versions}
print(json.dumps(result | {"shares": shares}))
