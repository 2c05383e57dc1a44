"""Read the recorded captures (see `../shared/captures/README.md`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fulgurite.protocol.channels import Channel, parse_channel

SESSIONS = ("2021-04-05_all-products.txt", "2021-07-22_btc-jpy.txt")

_RECEIVED = re.compile(r"[\d.]+: (.*)")


class _Params(msgspec.Struct):
    channel: str
    message: msgspec.Raw


class _Frame(msgspec.Struct):
    params: _Params


def received(session: Path) -> Iterator[tuple[Channel, bytes]]:
    """Every message that a recorded session received, in order: its channel, and its JSON text as it came."""
    with session.open() as lines:
        for line in lines:
            match = _RECEIVED.fullmatch(line.rstrip("\n"))
            if match:
                params = msgspec.json.decode(match[1], type=_Frame).params
                yield parse_channel(params.channel), bytes(params.message)
