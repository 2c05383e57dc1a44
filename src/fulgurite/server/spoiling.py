"""Faults of messages: from JSON text to JSON text. All that is not touched stays as it was, to the byte. Pure.

A message that does not have the shape that is to be spoilt is left as it is: a replayed frame log may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import msgspec

MID_PRICE_ERROR: Final = 0.0002
"""The relative error of the recorded anomaly's mid price: 58739.53 where the levels said 58727.605 (section 3.1)."""


class _Board(msgspec.Struct):
    mid_price: msgspec.Raw
    bids: list[msgspec.Raw]
    asks: list[msgspec.Raw]


class _Level(msgspec.Struct):
    price: msgspec.Raw
    size: float


_BOARD: Final = msgspec.json.Decoder(_Board)
_LEVEL: Final = msgspec.json.Decoder(_Level)
_ID: Final = re.compile(rb'"id":\d+')
_TIME: Final = re.compile(rb'(_date|"timestamp)":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)')


def without_deletions(message: bytes) -> list[bytes]:
    """A diff without its levels of size 0; nothing where no level is left, since an empty diff was never seen."""
    board = _board(message)
    if board is None:
        return [message]
    bids, asks = ([level for level in side if _LEVEL.decode(level).size] for side in (board.bids, board.asks))
    if len(bids) + len(asks) == len(board.bids) + len(board.asks):
        return [message]
    return [_board_text(bytes(board.mid_price), bids, asks)] if bids or asks else []


def anomalous(message: bytes, rng: Random) -> bytes:
    """A snapshot as the recorded anomaly had it: unsorted, one level of size 0, and a wrong mid price."""
    board = _board(message)
    if board is None:
        return message
    sides = [list(side) for side in (board.bids, board.asks)]
    for side in sides:
        rng.shuffle(side)
    emptied = rng.choice([side for side in sides if side] or [[]])
    if emptied:
        at = rng.randrange(len(emptied))
        price = bytes(_LEVEL.decode(emptied[at]).price)
        emptied[at] = msgspec.Raw(b'{"price":%b,"size":0.0}' % price)
    text = bytes(board.mid_price).decode()
    decimals = len(text.partition(".")[2])
    error = max(abs(float(text)) * MID_PRICE_ERROR, 10.0**-decimals)
    mid_price = f"{float(text) + error:.{decimals}f}".encode()
    return _board_text(mid_price, *sides)


def with_zero_ids(message: bytes) -> bytes:
    """Executions with ids of 0."""
    return _ID.sub(b'"id":0', message)


def with_other_times(message: bytes, seconds: int) -> bytes:
    """A message with its times shifted by whole seconds; their fractions stay as they are."""

    def shift(match: re.Match[bytes]) -> bytes:
        try:
            shifted = datetime.fromisoformat(match[2].decode()) + timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            return match[0]
        return b'%b":"%b' % (match[1], shifted.isoformat().encode())

    return _TIME.sub(shift, message)


def with_a_wrong_type(message: bytes, rng: Random) -> bytes:
    """A message with one value, by chance, of another type: text for a number, null for an array and so on.

    Done twice to one value, it is still none of its type: a price would else become text, and then another number.
    """
    try:
        whole: Any = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return message
    places = list(_places([whole]))
    container, key = rng.choice(places)
    value = container[key]
    if isinstance(value, bool) or value is None:
        container[key] = {}
    elif isinstance(value, int | float):
        container[key] = str(value)
    else:
        container[key] = None if rng.random() < 0.5 else [value]
    # The first place is the message itself, in a list made for that.
    return msgspec.json.encode(places[0][0][0])


def _places(container: Any) -> Iterable[tuple[Any, Any]]:
    """Every place of a JSON value, as (container, key or index)."""
    for key in list(container) if isinstance(container, dict) else range(len(container)):
        yield container, key
        if isinstance(container[key], dict | list):
            yield from _places(container[key])


def _board(message: bytes) -> _Board | None:
    try:
        board = _BOARD.decode(message)
        for level in (*board.bids, *board.asks):
            _LEVEL.decode(level)
        float(bytes(board.mid_price))
    except (msgspec.DecodeError, ValueError):
        return None
    return board


def _board_text(mid_price: bytes, bids: Iterable[msgspec.Raw], asks: Iterable[msgspec.Raw]) -> bytes:
    return b'{"mid_price":%b,"bids":[%b],"asks":[%b]}' % (mid_price, _joined(bids), _joined(asks))


def _joined(levels: Iterable[msgspec.Raw]) -> bytes:
    return b",".join(map(bytes, levels))
