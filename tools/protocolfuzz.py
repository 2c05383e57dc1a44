"""Throws mutilated frames at everything pure that reads bytes from outside.

The invariant: any bytes give events (an answer, a value) or one typed error of our tree, never another exception.
`test_fuzz.py` runs a small fixed number of inputs; any number by hand, from the root of the repository:

    .venv/bin/python -m tools.protocolfuzz 1000000 [SEED]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from fulgurite.errors import FulguriteError, InputError, MessageError, RemoteProtocolError
from fulgurite.protocol.channels import Kind, parse_channel
from fulgurite.protocol.dialects import DIALECTS
from fulgurite.protocol.framelog import parse_line, recorded_messages
from fulgurite.protocol.messages import decode_message, parse_time

TICKER = "lightning_ticker_BTC_JPY"
BOARD = '{"mid_price":13634496.0,"bids":[{"price":13632097.0,"size":0.0160328}],"asks":[{"price":1.0,"size":0.0}]}'
EXECUTIONS = (
    '[{"id":39287,"side":"BUY","price":31690.0,"size":27.04,"exec_date":"2015-07-08T02:43:34.823Z",'
    '"buy_child_order_acceptance_id":"JRF20150707-200203-452209",'
    '"sell_child_order_acceptance_id":"JRF20150708-024334-060234"}]'
)
EVENTS = (
    '[{"product_code":"BTC_JPY","child_order_id":"JOR1","child_order_acceptance_id":"JRF1","event_date":'
    '"2026-01-01T00:00:00Z","event_type":"EXECUTION","exec_id":1,"price":1,"size":0.1,"outstanding_size":0}]'
)
CORPUS = [
    '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"lightning_ticker_BTC_JPY"},"id":1}',
    '[{"method":"subscribe","params":{"channel":"child_order_events"},"id":108},{"method":"unsubscribe","id":"x"}]',
    '{"method":"auth","params":{"api_key":"k","timestamp":1790134285,"nonce":"0123456789abcdef","signature":"0"},"id":0}',
    '{"jsonrpc":"2.0","id":1,"result":true}',
    '{"jsonrpc":"2.0","id":102,"error":{"code":-32602,"message":"invalid channel"}}',
    f'{{"jsonrpc":"2.0","method":"channelMessage","params":{{"channel":"lightning_board_BTC_JPY","message":{BOARD}}}}}',
    '0{"sid":"a","upgrades":[],"pingInterval":15000,"pingTimeout":3000,"maxPayload":1000000}',
    *("1", "2", "3", "40", "41", "6", "430[null]", '431[{"code":-32602,"message":"invalid channel"}]'),
    '421["subscribe","lightning_ticker_BTC_JPY"]',
    '420["auth",{"api_key":"k","timestamp":1790134285,"nonce":"0123456789abcdef","signature":"0"}]',
    f'42["lightning_executions_BTC_JPY",{EXECUTIONS}]',
    '{"received_ns":1617643728000000000,"frame":"42[\\"x\\",1]"}',
    *(BOARD, EXECUTIONS, EVENTS, "2026-09-23T03:31:25.6491037Z", "lightning_board_snapshot_BTC_JPY"),
]
# Likely to hit a seam: JSON's own tokens, extremes of numbers and text, and halves of surrogate pairs.
TOKENS: list[str] = [
    *'{}[]:,"\\0123456789-+.eE \n\x00',
    *("null", "true", "NaN", "-0", "1e999", "9" * 400, "\\ud800", "\ud800", "\ufeff", "é", "𝄞", "[[" * 3_000),
    *('"id"', '"method"', '"params"', '"channel"', '"message"', '"result"', '"error"', "4", "42", "0/", "51-"),
]


def mutilate(rng: Random) -> str | bytes:
    """A frame that may still mean something, as text or, now and then, as bytes."""
    text = rng.choice(CORPUS)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        start, stop = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        change = rng.randrange(6)
        if change == 0:
            text = text[:start] + text[stop:]
        elif change == 1:
            text = text[:start] + rng.choice(TOKENS) + text[start:]
        elif change == 2:
            text = text[:start] + rng.choice(TOKENS) + text[start + 1 :]
        elif change == 3:
            text = text[:stop] + text[start:stop] + text[stop:]
        elif change == 4:
            text = text[:start] + rng.choice(CORPUS) + text[stop:]
        else:
            text = text[:start] + chr(rng.randrange(0x110000)) + text[start + 1 :]
    text = text[:20_000]
    if rng.random() < 0.8:
        return text
    data = bytearray(text.encode(errors="surrogatepass"))
    for _ in range(rng.randrange(4)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def targets(rng: Random) -> list[tuple[str, Callable[[str | bytes], object], type[FulguriteError] | tuple[()]]]:
    """The functions under test, each with the one error that it may raise."""

    def client(dialect_name: str) -> Callable[[str | bytes], object]:
        # Half of them with a session and requests under way, since then more can go wrong.
        session = DIALECTS[dialect_name].client(10.0)  # type: ignore[index]
        session.handle_timer(0.0)
        if rng.random() < 0.5:
            if dialect_name == "socketio":
                session.receive("40", 0.0)
            session.subscribe(TICKER, 0.0)
            session.authenticate({}, 0.0)

        def take(data: str | bytes) -> None:
            try:
                session.receive(data, 1.0)
            finally:
                session.handle_timer(2.0)
                for frame in session.frames_to_send():
                    frame.encode()

        return take

    def server(dialect_name: str) -> Callable[[str | bytes], object]:
        session = DIALECTS[dialect_name].server(lambda params: None, "x", 0.0)  # type: ignore[index]

        def take(data: str | bytes) -> None:
            session.receive(data, 1.0)
            session.handle_timer(2.0)
            for frame in session.frames_to_send():
                assert isinstance(frame, bytes) or frame.encode()

        return take

    def text_only(read: Callable[[str], object]) -> Callable[[str | bytes], object]:
        return lambda data: read(data if isinstance(data, str) else data.decode(errors="replace"))

    channel = parse_channel(f"{rng.choice(list(Kind)[:4])}_A")
    return [
        *((f"{name} client", client(name), RemoteProtocolError) for name in DIALECTS),
        *((f"{name} server", server(name), ()) for name in DIALECTS),
        ("message", lambda data: decode_message(channel, data), MessageError),
        ("frame log line", parse_line, InputError),
        ("recorded frame", text_only(recorded_messages), ()),
        ("time", text_only(parse_time), InputError),
        ("channel", text_only(parse_channel), InputError),
    ]


def run(inputs: int, seed: int) -> Counter[str]:
    """Throw so many inputs, each at every target; returns how often each target took and refused one."""
    rng = Random(seed)
    counts: Counter[str] = Counter()
    for number in range(inputs):
        if number % 20 == 0:
            current = targets(rng)
        data = mutilate(rng)
        for name, take, refusal in current:
            try:
                take(data)
            except refusal:
                counts[f"{name} refused"] += 1
            except BaseException as error:
                error.add_note(f"{name} was given {data!r} as input {number} of seed {seed}")
                raise
            else:
                counts[f"{name} took"] += 1
    return counts


if __name__ == "__main__":
    wanted, chosen_seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    started = time.monotonic()
    result = run(wanted, chosen_seed)
    print(
        f"{wanted} inputs at each of {len(targets(Random(0)))} targets in {time.monotonic() - started:.0f} s: "
        "no other exception"
    )
    for key, count in sorted(result.items()):
        print(f"{count:10} {key}")
