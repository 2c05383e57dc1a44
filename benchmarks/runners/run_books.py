"""Order books in process: apply a diff and look at the best levels, or at the best 20 of each side.

    python run_books.py BOOK FILE COUNT

Prints the microseconds of processor time of each for one diff, and the best bid and ask at the end.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from itertools import islice
from pathlib import Path

DEPTH = 20


def main(name: str, file: str, count: int) -> None:
    snapshot, diffs = load(Path(file), count)
    apply, best, top, packages = BOOKS[name](snapshot)
    prepared = prepare[name](diffs)
    half = len(prepared) // 2
    spent = []
    for query, part in ((best, prepared[:half]), (top, prepared[half:])):
        begin = time.process_time_ns()
        for diff in part:
            apply(diff)
            query()
        spent.append((time.process_time_ns() - begin) / len(part) / 1000)
    versions = {package: metadata.version(package) for package in packages}
    print(json.dumps({"best_us": spent[0], "top_us": spent[1], "best": best(), "versions": versions}))


def load(path: Path, count: int) -> tuple[bytes, list[bytes]]:
    """The snapshot and the first diffs of a file of `frames.save`."""
    lines = path.read_bytes().splitlines()
    diffs = [line.partition(b" ")[2] for line in lines if line.startswith(b"lightning_board_BTC_JPY ")]
    return lines[0].partition(b" ")[2], diffs[:count]


def fulgurite(snapshot):
    from fulgurite import Board, Channel, Kind, OrderBook
    from fulgurite.protocol.messages import decode_message

    channel = Channel(Kind.BOARD, "BTC_JPY")
    book = OrderBook()
    board = decode_message(channel, snapshot)
    assert isinstance(board, Board)
    book.apply_snapshot(board)
    return (
        book.apply_diff,
        lambda: (book.best_bid.price, book.best_ask.price),
        lambda: (book.bids(DEPTH), book.asks(DEPTH)),
        ("fulgurite",),
    )


def boards(diffs):
    from fulgurite import Channel, Kind
    from fulgurite.protocol.messages import decode_message

    return [decode_message(Channel(Kind.BOARD, "BTC_JPY"), diff) for diff in diffs]


def pairs(diffs):
    """Both sides of each diff as (price, size), the form that the plain containers take best."""
    return [
        tuple([(level["price"], level["size"]) for level in diff[side]] for side in ("bids", "asks"))
        for diff in map(json.loads, diffs)
    ]


def apply_pairs(bids, asks):
    def apply(diff):
        for side, levels in zip((bids, asks), diff, strict=True):
            for price, size in levels:
                if size:
                    side[price] = size
                elif price in side:
                    del side[price]

    return apply


def sortedcontainers(snapshot):
    from sortedcontainers import SortedDict

    bids, asks = (SortedDict(levels) for levels in pairs([snapshot])[0])
    return (
        apply_pairs(bids, asks),
        lambda: (bids.peekitem(-1)[0], asks.peekitem(0)[0]),
        lambda: ([(p, bids[p]) for p in islice(reversed(bids), DEPTH)], list(islice(asks.items(), DEPTH))),
        ("sortedcontainers",),
    )


def order_book(snapshot):
    from order_book import OrderBook

    book = OrderBook()
    book.bids, book.asks = (dict(levels) for levels in pairs([snapshot])[0])
    bids, asks = book.bids, book.asks
    return (
        apply_pairs(bids, asks),
        lambda: (bids.index(0)[0], asks.index(0)[0]),
        lambda: ([bids.index(i) for i in range(DEPTH)], [asks.index(i) for i in range(DEPTH)]),
        ("order-book",),
    )


def pybotters(snapshot):
    import pybotters

    board = pybotters.bitFlyerDataStore().board
    board._onmessage("BTC_JPY", json.loads(snapshot))

    def best():
        book = board.sorted(limit=1)
        return book["bids"][0]["price"], book["asks"][0]["price"]

    return lambda diff: board._onmessage("BTC_JPY", diff), best, lambda: board.sorted(limit=DEPTH), ("pybotters",)


def dicts(diffs):
    return [json.loads(diff) for diff in diffs]


BOOKS = {
    "fulgurite": fulgurite,
    "sortedcontainers": sortedcontainers,
    "order-book": order_book,
    "pybotters": pybotters,
}
prepare = {"fulgurite": boards, "sortedcontainers": pairs, "order-book": pairs, "pybotters": dicts}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
