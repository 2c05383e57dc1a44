"""Listens to bitFlyer Lightning's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.

Messages go to standard output, a line each; a log of the connection goes to standard error. Ctrl-C ends it.
"""

import asyncio
import getpass
import hmac
import json
import random
import secrets
import sys
import time
import warnings
from datetime import UTC, datetime

import websockets

ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"  # fulgurite:endpoint
CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]  # fulgurite:channels
AUTHENTICATE = False  # fulgurite:auth
SILENCE_SECONDS = 60  # fulgurite:silence
ANSWER_SECONDS = 10


class Refused(Exception):
    """The server said no, and would say so again."""


def log(text):
    print(text, file=sys.stderr)


def signed(key, secret):
    """The parameters of `auth`. A signature is good for one connection: make a new one for the next."""
    timestamp, nonce = int(time.time() * 1000), secrets.token_hex(16)
    signature = hmac.new(secret.encode(), f"{timestamp}{nonce}".encode(), "sha256").hexdigest()
    return {"api_key": key, "timestamp": timestamp, "nonce": nonce, "signature": signature}


async def listen(connection, credentials):
    """Subscribe to all channels and yield (channel, message); raises ConnectionError, or Refused."""
    deadlines = {}  # by problem: the time at which it ends the connection

    async def ask(*names):
        for name in names:  # these are ids, too: without one there is no answer, and so no way to know of a refusal
            method, params = ("auth", signed(*credentials)) if name == "auth" else ("subscribe", {"channel": name})
            await connection.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": name}))
            deadlines[f"no answer to {name} in {ANSWER_SECONDS} s"] = time.monotonic() + ANSWER_SECONDS

    def keep_alive(channel):
        # An unknown product is acknowledged like any other, and a channel can die while others of the same connection
        # flow: only its own silence shows it. Private ones are silent for as long as the account does nothing.
        if not channel.endswith("_order_events"):
            deadlines[f"{channel} was silent for {SILENCE_SECONDS} s"] = time.monotonic() + SILENCE_SECONDS

    await ask(*["auth"] if credentials else CHANNELS)  # private channels are refused before auth's answer
    while True:
        problem, due = min(deadlines.items(), key=lambda deadline: deadline[1], default=("", float("inf")))
        try:
            async with asyncio.timeout(due - time.monotonic()):
                frame = json.loads(await connection.recv())
        except TimeoutError:
            raise ConnectionError(problem) from None
        if isinstance(frame, dict) and "id" in frame:
            deadlines.pop(f"no answer to {frame['id']} in {ANSWER_SECONDS} s", None)
        match frame:
            case {"method": "channelMessage", "params": {"channel": channel, "message": message}}:
                keep_alive(channel)
                yield channel, message
            case {"id": "auth", "result": True}:
                await ask(*CHANNELS)
            case {"id": channel, "result": True}:
                log(f"subscribed {channel}")
                keep_alive(channel)
            case {"id": asked, "error": {"message": reason}}:
                raise Refused(f"{asked} was refused: {reason}")
            case {"id": asked, "result": _}:
                raise Refused(f"{asked} was refused")


async def main(credentials):
    last = {}  # when each channel's last message came
    reasons = {}  # why each channel was interrupted since
    delay = 1.0
    while True:
        try:
            # wss:// means TLS 1.2 or later, with the certificate verified. The library answers the server's pings; do
            # not send pongs that nobody asked for, or this server cuts the connection.
            async with websockets.connect(ENDPOINT, open_timeout=10, ping_interval=15, close_timeout=2) as connection:
                log(f"connected {ENDPOINT}")
                async for channel, message in listen(connection, credentials):
                    now = datetime.now(UTC).time().isoformat("milliseconds")
                    if channel in reasons:  # the API never sends missed messages again
                        log(f"missed {channel}: nothing from {last[channel]} to {now} ({reasons.pop(channel)})")
                    last[channel] = now
                    delay = 1.0  # only now: a server can accept connections and be of no use
                    print(channel, json.dumps(message, ensure_ascii=False, separators=(",", ":")), flush=True)
        except (OSError, ValueError, websockets.WebSocketException) as error:
            reason = str(error) or type(error).__name__
        reasons = dict.fromkeys(last, reason) | reasons
        wait, delay = delay * random.uniform(0.5, 1), min(delay * 2, 30)  # not all clients at the same moment
        log(f"lost: {reason}; again in {wait:.1f} s")
        await asyncio.sleep(wait)


if __name__ == "__main__":
    warnings.simplefilter("error", getpass.GetPassWarning)  # without a terminal the input would be shown
    try:
        asyncio.run(main((getpass.getpass("API key: "), getpass.getpass("API secret: ")) if AUTHENTICATE else None))
    except Refused as refusal:
        sys.exit(f"error: {refusal}")
    except (EOFError, getpass.GetPassWarning):
        sys.exit("error: no API key was typed: run this in a terminal, with nothing redirected")
    except KeyboardInterrupt:
        pass
