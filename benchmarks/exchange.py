"""The embedded exchange without its sockets: what an order costs, and what nine products cost."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.environments import interpreter
from benchmarks.processes import read_line, started
from benchmarks.tables import Column, Compared, Figures, Row, Table

RUNNER = Path(__file__).parent / "runners" / "run_exchange.py"
ORDERS = 100_000
SECONDS = 600


def run(*arguments: object, environment: str = "fulgurite", python: str = "") -> dict[str, Any]:
    """What `run_exchange.py` says.

    Raises:
        Failed: it ended, or hung.
    """
    with started([python or interpreter(environment), RUNNER, *arguments]) as process:
        return read_line(process)


def _orders(work: str, environment: str, orders: int, folder: Path, divisor: int) -> Figures:
    total = orders // divisor
    result = run(work, total, environment=environment)
    values = {
        "rate": total / result["took_ns"] * 1e6,
        "cpu": result["cpu_ns"] / total / 1000,
        "fills": result["fills"] / total,
    }
    if "messages" in result:
        values["messages"] = result["messages"] / total
    return Figures(values, result["versions"])


def _products(folder: Path, divisor: int) -> Figures:
    seconds = SECONDS // divisor
    result = run("products", seconds)
    values = {name: result[name] / seconds for name in ("messages", "busiest")}
    values["share"] = result["cpu_ns"] / seconds / 1e7
    return Figures(values, result["versions"])


def _row(name: str, environment: str, work: str, does: str, orders: int = ORDERS) -> Row:
    return Row(name, environment, partial(_orders, work, environment, orders), does)


PRODUCTS = Table(
    "exchange",
    "The exchange: all nine products at the rates of the real service",
    (
        Column("messages", "messages/s"),
        Column("busiest", "of these board and ticker of (FX_)BTC_JPY"),
        Column("share", "% of one core", 2),
    ),
    (Row("Fulgurite", "fulgurite", _products, "order flow, matching, messages; no socket"),),
)

TABLES = (
    Table(
        "exchange",
        "The exchange: orders through matching and publishing",
        (
            Column("rate", "1,000 orders/s"),
            Column("cpu", "CPU µs/order", 2),
            Column("fills", "executions/order", 2),
            Column("messages", "messages/order", 2),
        ),
        (
            _row("Fulgurite's matching engine", "fulgurite", "engine", "matching"),
            _row("Fulgurite's market", "fulgurite", "market", "matching, and messages as JSON"),
            _row("lightmatchingengine", "engines", "light", "matching"),
            _row("order-matching", "engines", "order-matching", "matching", ORDERS // 20),
        ),
        (Compared("rate", "our engine is times as fast"), Compared("cpu", "and by CPU", is_cost=True)),
    ),
    PRODUCTS,
)

HOW = """\
* The exchange: orders of both sides around one price, of which about a fifth goes beyond it; one a millisecond of
  the market's own time, at most 1,000 resting, the oldest cancelled beyond that, which counts as part of the order.
  What they lead to is published as the exchange does it. The nine products run for ten minutes of their own time, as
  fast as they can.
* The other matching engines are there for orientation: they are given the same orders, and only match. hftbacktest is
  not among them: it plays recorded books back and has no engine that takes the orders of many.
"""
