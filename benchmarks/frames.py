"""The messages that every row of the benchmark is given: a market of the embedded exchange, the same each time.

80 % are diffs, 13 % tickers and 7 % executions, of about 430 bytes with their frames. Diffs come in the order of the
market, none left out, so that a book kept from them can be checked; of the others as many are left out as it takes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from fulgurite.exchange.products import BTC_JPY
from fulgurite.exchange.publisher import TimedMessage
from fulgurite.exchange.simulation import Simulation
from fulgurite.protocol import channels
from fulgurite.protocol.messages import Board

PRODUCT = "BTC_JPY"
SNAPSHOT = channels.board_snapshot(PRODUCT).name
DIFF = channels.board(PRODUCT).name
TICKER = channels.ticker(PRODUCT).name
EXECUTIONS = channels.executions(PRODUCT).name
CHANNELS = (SNAPSHOT, DIFF, TICKER, EXECUTIONS)

SHARES = {DIFF: 0.80, TICKER: 0.13, EXECUTIONS: 0.07}
START_NS = 1_790_000_000_000_000_000
STEP_NS = 10_000_000_000
IDS_IN_A_LAP = 1_000_000
_EXECUTION_ID = re.compile(rb'"id":(\d+)')

# Orders far from the middle that make a book of about so many levels a side, with the 60 near it.
FAR_ORDERS = {300: 252, 2_000: 2_070, 10_000: 11_350}


class Message(NamedTuple):
    """One message of a channel."""

    channel: str
    json: bytes


class Expected(msgspec.Struct, frozen=True):
    """The counts and the book that a client must have, once it has read a run."""

    messages: int
    diffs: int
    tickers: int
    executions: int
    """Rows, of which one message can hold several."""
    snapshots: int
    best_bid: float
    best_ask: float


def generate(levels: int, count: int, seed: int = 1) -> list[Message]:
    """A snapshot of the whole book, then `count` messages; the last is a diff.

    Args:
        levels: about how many a side of the book has; a key of `FAR_ORDERS`.
        count: how many messages follow the snapshot.
        seed: of the market.
    """
    typical = replace(
        BTC_JPY.typical, near_orders=60, far_orders=FAR_ORDERS[levels], events_per_second=67, taker_share=0.02
    )
    product = replace(BTC_JPY, typical=typical)
    # The books of the other clients keep a level for ever whose deletion never came.
    market = Simulation(seed, START_NS, [product], open_until_ns=START_NS + 10**16, lost_deletion_share=0.0)
    # The publisher cuts the snapshot of a large book; the first one here is whole.
    messages = [Message(SNAPSHOT, msgspec.json.encode(market.board(PRODUCT)))]
    seen: Counter[str] = Counter()
    until_ns = START_NS
    while True:
        until_ns += STEP_NS
        for published in market.advance(until_ns):
            if not isinstance(published, TimedMessage) or published.channel not in SHARES:
                continue
            channel = published.channel
            if channel == DIFF or seen[channel] < seen[DIFF] * SHARES[channel] / SHARES[DIFF]:
                seen[channel] += 1
                messages.append(Message(channel, published.message))
                if len(messages) > count and channel == DIFF:
                    return messages


def laps(messages: list[Message], count: int) -> list[Message]:
    """`count` messages or a little less, ending with a diff: the run, again and again from its snapshot.

    The ids of executions go on rising, since a client may well drop those that it has seen.
    """
    snapshot, rest = messages[0], messages[1:]
    run: list[Message] = []
    for lap, first in enumerate(range(0, count, len(rest))):
        part = rest[: count - first]
        run += [snapshot, *(_with_later_ids(message, lap) if lap else message for message in part)]
    while run[-1].channel != DIFF:
        del run[-1]
    return run


def _with_later_ids(message: Message, lap: int) -> Message:
    if message.channel != EXECUTIONS:
        return message
    later = _EXECUTION_ID.sub(lambda match: b'"id":%d' % (int(match[1]) + lap * IDS_IN_A_LAP), message.json)
    return Message(EXECUTIONS, later)


def expect(run: list[Message]) -> Expected:
    """The expected result of a run, found out in the plainest way."""
    seen = Counter(message.channel for message in run)
    sides: tuple[dict[float, float], dict[float, float]] = ({}, {})
    start = max(index for index, message in enumerate(run) if message.channel == SNAPSHOT)
    for message in run[start:]:
        if message.channel in (SNAPSHOT, DIFF):
            board = msgspec.json.decode(message.json, type=Board)
            for side, levels in zip(sides, (board.bids, board.asks), strict=True):
                for level in levels:
                    side[level.price] = level.size
    bids, asks = ([price for price, size in side.items() if size] for side in sides)
    return Expected(
        messages=len(run),
        diffs=seen[DIFF],
        tickers=seen[TICKER],
        executions=sum(len(msgspec.json.decode(message.json)) for message in run if message.channel == EXECUTIONS),
        snapshots=seen[SNAPSHOT],
        best_bid=max(bids),
        best_ask=min(asks),
    )


def save(messages: list[Message], path: Path) -> None:
    """Write the messages to a file, a line each."""
    path.write_bytes(b"".join(b"%b %b\n" % (message.channel.encode(), message.json) for message in messages))


def load(path: Path) -> list[Message]:
    """Read the files that `save` wrote."""
    lines = (line.partition(b" ") for line in path.read_bytes().splitlines())
    return [Message(channel.decode(), message) for channel, _, message in lines]
