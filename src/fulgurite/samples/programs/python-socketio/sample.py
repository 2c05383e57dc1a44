"""Listens to bitFlyer Lightning's realtime API (Socket.IO 2.0), and reconnects after interruptions.

Messages go to standard output, a line each; a log of the connection goes to standard error. Ctrl-C ends it.
python-socketio 5 speaks a later protocol than this server, and version 4 is no longer maintained, so the few frames are
written plainly: "0{...}" opens, "2" and "3" are ping and pong, "42ID[...]" is an event whose answer is "43ID[...]".
"""

import asyncio
import getpass
import hmac
import json
import random
import re
import secrets
import sys
import time
import warnings
from datetime import UTC, datetime

import websockets

ENDPOINT = "https://io.lightstream.bitflyer.com"  # fulgurite:endpoint
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
    deadlines = {"no session": time.monotonic() + ANSWER_SECONDS}  # by problem: when it ends the connection
    asked = {}  # by number: the subject of each request
    interval = timeout = 0  # of pings, in milliseconds

    async def ask(*names):
        for name in names:
            request = ["auth", signed(*credentials)] if name == "auth" else ["subscribe", name]
            # A request without a number gets no answer, and so no refusal.
            await connection.send(f"42{len(asked)}{json.dumps(request)}")
            asked[str(len(asked))] = name
            deadlines[f"no answer to {name} in {ANSWER_SECONDS} s"] = time.monotonic() + ANSWER_SECONDS

    def keep_alive(channel):
        # An unknown product is acknowledged like any other, and a channel can die while others of the same connection
        # flow: only its own silence shows it. Private ones are silent for as long as the account does nothing.
        if not channel.endswith("_order_events"):
            deadlines[f"{channel} was silent for {SILENCE_SECONDS} s"] = time.monotonic() + SILENCE_SECONDS

    while True:
        problem, due = min(deadlines.items(), key=lambda deadline: deadline[1])
        try:
            async with asyncio.timeout(due - time.monotonic()):
                frame = await connection.recv(decode=True)
        except TimeoutError:
            if problem != "time for a ping":
                raise ConnectionError(problem) from None
            # In this version of Engine.IO the client pings; the server drops one that does not, after 18 seconds.
            await connection.send("2")
            deadlines |= {problem: due + interval / 1000, "no answer to a ping": time.monotonic() + timeout / 1000}
            continue
        kind, number, body = re.match(r"(4?\d?)(\d*)(.*)", frame, re.DOTALL).groups()
        match kind, json.loads(body or "null"):
            case "0", {"pingInterval": int(interval), "pingTimeout": int(timeout)}:
                deadlines["time for a ping"] = time.monotonic() + interval / 1000
            case "3", _:
                deadlines.pop("no answer to a ping", None)
            case "40", _:
                deadlines.pop("no session", None)
                await ask(*["auth"] if credentials else CHANNELS)  # private channels are refused before auth's answer
            case "42", [channel, message]:
                keep_alive(channel)
                yield channel, message
            case "43", answer if number in asked:
                name = asked[number]
                deadlines.pop(f"no answer to {name} in {ANSWER_SECONDS} s", None)
                if answer and answer[0] is not None:  # the error is first; null is none
                    raise Refused(f"{name} was refused: {json.dumps(answer[0], ensure_ascii=False)}")
                if name == "auth":
                    await ask(*CHANNELS)
                else:
                    log(f"subscribed {name}")
                    keep_alive(name)
            case (("1" | "41" | "44"), reason):
                raise ConnectionError(f"the server ended it: {reason or kind}")


async def main(credentials):
    last = {}  # when each channel's last message came
    reasons = {}  # why each channel was interrupted since
    delay = 1.0
    url = f"{ENDPOINT.replace('http', 'ws', 1)}/socket.io/?EIO=3&transport=websocket"  # the server refuses EIO=4
    while True:
        try:
            # wss:// means TLS 1.2 or later, with the certificate verified.
            async with websockets.connect(url, open_timeout=10, ping_interval=None, close_timeout=2) as connection:
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
