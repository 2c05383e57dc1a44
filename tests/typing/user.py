"""A user's program with every public name in it, for the type checkers; it is never run.

A user's editor must show the real types, so the important ones are asserted.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import assert_never, assert_type

import fulgurite
from fulgurite import (
    LIVE,
    AddressInUseError,
    AuthenticationError,
    Board,
    BookNotLiveError,
    BookState,
    Channel,
    ChannelError,
    ChildOrderEvent,
    ConnectError,
    ConnectFailure,
    Endpoint,
    Exchange,
    Execution,
    Frame,
    FulguriteError,
    Gap,
    GapCause,
    HandshakeRefusedError,
    HttpRequestError,
    InputError,
    Item,
    KeychainError,
    KeyEndpointError,
    Kind,
    Level,
    ListenError,
    LocalProtocolError,
    Malformed,
    Message,
    MessageError,
    OrderBook,
    Origin,
    ParentOrderEvent,
    RecordingError,
    RemoteProtocolError,
    Repaired,
    Replay,
    RequestRefusedError,
    Signer,
    SlowConsumerError,
    Status,
    StatusKind,
    Stream,
    SubscriptionError,
    Ticker,
    UnansweredError,
    board,
    board_snapshot,
    child_order_events,
    connect,
    executions,
    keychain,
    parent_order_events,
    parse_channel,
    parse_time,
    replay,
    resolve_endpoint,
    run_exchange,
    run_replay,
    ticker,
)
from fulgurite.pytest_plugin import RunningExchange

PRODUCT = "FX_BTC_JPY"


def all_channels() -> list[Channel]:
    found: list[Channel] = [board(PRODUCT), board_snapshot(PRODUCT), ticker(PRODUCT), executions(PRODUCT)]
    found += [child_order_events(), parent_order_events(), parse_channel("lightning_board_BTC_JPY")]
    return assert_type(found, list[Channel])


def all_options(endpoint: Endpoint | str, delays: Callable[[], Iterator[float]]) -> Stream:
    stream = connect(
        *all_channels(),
        "lightning_ticker_BTC_JPY",
        endpoint=endpoint,
        http="http://127.0.0.1:7352/v1",
        dialect="socketio",
        connections=2,
        ssl_context=ssl.create_default_context(),
        credentials=keychain("main"),
        repair="alongside",
        overflow="drop-oldest",
        queue_limit=1000,
        frames=True,
        open_timeout=5.0,
        request_timeout=5.0,
        ping_after=10.0,
        pong_timeout=5.0,
        silence_limits={Kind.TICKER: 30.0, Kind.EXECUTIONS: None},
        delays=delays,
    )
    return assert_type(stream, Stream)


def signed_elsewhere(signer: Signer) -> Stream:
    assert_type(signer.api_key, str)
    return connect(child_order_events(), credentials=signer)


def seen(item: Item) -> str:
    """Each kind of item; a kind that is forgotten here is an error of both checkers."""
    match item:
        case Message(channel=channel, data=Ticker() as data):
            assert_type(data.best_bid, float)
            return f"{channel} {data.ltp}"
        case Message(data=Board(mid_price=mid_price, bids=bids)):
            assert_type(bids, list[Level])
            return f"{mid_price} {bids[0].price} {bids[0].size}"
        case Message(data=list() as rows):
            return " ".join(row_seen(row) for row in rows)
        case Message():
            return item.raw.decode()
        case Gap(channel=channel, reason=reason, first=first):
            assert_type(first, Message | None)
            assert_type(item.close_code, int | None)
            if item.cause is GapCause.DROPPED:
                return str(assert_type(item.dropped, int))
            return f"{channel} {reason}" if item.repaired is Repaired.FULL else item.note
        case Status(kind=StatusKind.SILENT, channel=silent, seconds=seconds):
            assert_type(seconds, float | None)
            return str(silent)
        case Status(kind=StatusKind.CLOSED, close_code=close_code, close_reason=close_reason):
            assert_type(close_code, int | None)
            return close_reason or ""
        case Status():
            return item.detail
        case Malformed():
            return item.error
        case Frame():
            return item.direction
        case _:
            assert_never(item)


def row_seen(row: Execution | ChildOrderEvent | ParentOrderEvent) -> str:
    if isinstance(row, Execution):
        assert_type(row.price, float)
        return str(parse_time(row.exec_date))
    if isinstance(row, ChildOrderEvent):
        return row.child_order_acceptance_id
    return assert_type(row, ParentOrderEvent).parent_order_acceptance_id


async def one_by_one(stream: Stream) -> None:
    async for item in stream:
        assert_type(item, Message | Gap | Status | Malformed | Frame)
        print(seen(item))
        if isinstance(item, Message):
            assert_type(item.data, Board | Ticker | list[Execution] | list[ChildOrderEvent] | list[ParentOrderEvent])
            assert_type(item.raw, bytes)
            if item.origin is Origin.BACKFILLED:
                price: Decimal = item.exact[0]["price"]
                print(price)


async def in_batches(stream: Stream) -> None:
    async for batch in stream.batches():
        assert_type(batch, list[Item])


async def by_channel(stream: Stream) -> None:
    tickers = stream.only(ticker(PRODUCT))
    async for item in tickers:
        assert_type(item, Message[Ticker] | Gap | Status)
        if isinstance(item, Message):
            assert_type(item.data.best_bid, float)
        break
    tickers.close()
    async for execution in stream.only(executions(PRODUCT)):
        if isinstance(execution, Message):
            assert_type(execution.data, list[Execution])
    async for diff in stream.only(board(PRODUCT)):
        if isinstance(diff, Message):
            assert_type(diff.data, Board)
    async for event in stream.only(child_order_events()):
        if isinstance(event, Message):
            assert_type(event.data, list[ChildOrderEvent])
    async for named in stream.only("lightning_board_BTC_JPY"):
        assert_type(named, Message | Gap | Status)
    await stream.subscribe(board(PRODUCT), "lightning_board_BTC_JPY")
    await stream.unsubscribe(board(PRODUCT))


async def with_books(stream: Stream) -> None:
    book = stream.books[PRODUCT]
    assert_type(book, OrderBook)
    assert_type(await stream.synced(PRODUCT), OrderBook)
    try:
        assert_type(book.best_bid, Level | None)
        assert_type(book.asks(), list[Level])
    except BookNotLiveError:
        assert_type(book.state, BookState)
        print(book.state is BookState.STALE, book.reason)


async def main() -> None:
    async with run_exchange(seed=1, faults=[{"fault": "reset", "after": 1}]) as exchange:
        assert_type(exchange, Exchange)
        async with connect(board(PRODUCT), endpoint=exchange) as stream:
            assert_type(stream, Stream)
            await one_by_one(stream)
        credentials = lambda: (exchange.api_key, exchange.api_secret)  # noqa: E731  # as people write it
        async with connect(child_order_events(), endpoint=exchange.realtime, credentials=credentials) as stream:
            await by_channel(stream)
    async with run_replay("recording.jsonl", speed=10) as replayed:
        assert_type(replayed, Exchange)
    for endpoint in (LIVE, resolve_endpoint("embedded"), Endpoint("mine", "ws://127.0.0.1:1", "http://127.0.0.1:1")):
        try:
            async with all_options(endpoint, lambda: itertools.repeat(1.0)) as stream:
                await in_batches(stream)
                await with_books(stream)
        except AuthenticationError as error:
            print(error)
        except FulguriteError as error:
            sys.exit(str(error))


async def again(path: str) -> AsyncIterator[Item]:
    async with replay(path, speed=10.0) as recorded:
        assert_type(recorded, Replay)
        assert_type(recorded.books[PRODUCT], OrderBook)
        async for item in recorded:
            assert_type(item, Item)
            yield item
    async for batch in replay(path).batches():
        assert_type(batch, list[Item])


def explained(error: FulguriteError) -> str:
    """The fields of each error."""
    match error:
        case (
            InputError(field=field, value=value, accepted=accepted)
            | ChannelError(field=field, value=value, accepted=accepted)
        ):
            assert_type(value, object)
            return field + accepted
        case AuthenticationError(code=code) | SubscriptionError(code=code) | HttpRequestError(code=code):
            assert_type(code, int | None)
            return error.text
        case HandshakeRefusedError(status=status, retry_after=retry_after):
            return f"{status} {assert_type(retry_after, float | None)}"
        case ConnectError():
            return error.url + error.problem + assert_type(error.failure, ConnectFailure)
        case AddressInUseError() | ListenError():
            return f"{error.host}:{error.port}"
        case MessageError():
            return error.channel
        case RemoteProtocolError(received=received):
            return str(assert_type(received, str | bytes))
        case KeyEndpointError():
            return error.name + error.kept_for + error.address
        case KeychainError():
            return error.advice
        case RecordingError():
            return error.path
        case SlowConsumerError():
            return str(assert_type(error.limit, int))
        case BookNotLiveError():
            return error.state
        case RequestRefusedError() | UnansweredError():
            return error.request
        case LocalProtocolError() | FulguriteError():
            return str(error)


def kept() -> OrderBook:
    book = OrderBook()
    book.apply_snapshot(Board(mid_price=1.5, bids=[Level(1.0, 0.1)], asks=[Level(2.0, 0.1)]))
    return book


def test_my_bot_survives_a_reset(fulgurite_exchange: Callable[..., RunningExchange]) -> None:
    exchange = fulgurite_exchange(seed=3)
    stream = connect(ticker(PRODUCT), endpoint=exchange)
    assert_type(exchange.give_fault("mute", channel=ticker(PRODUCT).name), int)
    assert_type(exchange.missed(1, ticker(PRODUCT).name), list[int])
    try:
        assert_type(stream.endpoint, Endpoint)
    except InputError as error:
        print(error.field)


if __name__ == "__main__":
    print(fulgurite.__version__)
    asyncio.run(main())
