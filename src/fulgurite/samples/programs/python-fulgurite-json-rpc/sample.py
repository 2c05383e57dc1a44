"""Listens to bitFlyer Lightning's realtime API with Fulgurite's client, which reconnects and reports missed messages.

Messages go to standard output, a line each; a log of the connection goes to standard error. Ctrl-C ends it.
"""

import asyncio
import getpass
import sys
import warnings
from datetime import UTC, datetime

from fulgurite import FulguriteError, Gap, Kind, Malformed, Message, Status, StatusKind, connect

ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"  # fulgurite:endpoint
CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]  # fulgurite:channels
AUTHENTICATE = False  # fulgurite:auth
SILENCE_SECONDS = 60  # fulgurite:silence
PUBLIC = (Kind.TICKER, Kind.EXECUTIONS, Kind.BOARD, Kind.BOARD_SNAPSHOT)


def log(text):
    print(text, file=sys.stderr, flush=True)


def clock(ns):
    return datetime.fromtimestamp(ns / 1e9, UTC).time().isoformat("milliseconds")


async def main(credentials):
    reason = ""
    async with connect(
        *CHANNELS,
        endpoint=ENDPOINT,
        http="https://api.bitflyer.com/v1"
        if "bitflyer.com" in ENDPOINT
        else None,  # brings executions that were missed
        dialect="json-rpc",
        credentials=credentials,
        silence_limits=dict.fromkeys(PUBLIC, SILENCE_SECONDS),  # left out, they are learned from each channel's pace
    ) as stream:
        async for item in stream:
            match item:
                case Message():
                    # item.data has it typed: a Ticker, a Board, a list of Execution.
                    print(item.channel, item.raw.decode(), flush=True)
                case Gap():
                    # Conclusions from the channel so far may be wrong. An order book that the stream
                    # keeps (stream.books["BTC_JPY"]) answers again after the next snapshot, and not before.
                    span = f"nothing from {clock(item.from_ns)} to {clock(item.to_ns)}"
                    fetched = f"; {item.recovered} of it fetched since" if item.recovered else ""
                    log(f"missed {item.channel}: {span} ({item.reason}{fetched})")
                case Status(kind=StatusKind.OPEN):
                    log(f"connected {ENDPOINT}")
                case Status(kind=StatusKind.SUBSCRIBED):
                    log(f"subscribed {item.channel}")
                case Status(kind=StatusKind.CLOSED):
                    reason = item.detail
                case Status(kind=StatusKind.BACKING_OFF):
                    log(f"lost: {reason}; again in {item.seconds:.1f} s")
                case Status(kind=StatusKind.SILENT | StatusKind.DEAD | StatusKind.UNANSWERED):
                    log(f"{item.kind} {item.channel}: {item.detail}")
                case Malformed():
                    log(f"malformed: {item.error}")


def ask():
    key, secret = getpass.getpass("API key: "), getpass.getpass("API secret: ")
    return lambda: (key, secret)  # the client asks at each connection, and keeps neither


if __name__ == "__main__":
    warnings.simplefilter("error", getpass.GetPassWarning)  # without a terminal the input would be shown
    try:
        asyncio.run(main(ask() if AUTHENTICATE else None))
    except FulguriteError as error:  # only errors that every connection would meet: a wrong key, a wrong channel
        sys.exit(f"error: {error}")
    except (EOFError, getpass.GetPassWarning):
        sys.exit("error: no API key was typed: run this in a terminal, with nothing redirected")
    except KeyboardInterrupt:
        pass
