"""Fulgurite: the sandbox for bitFlyer Lightning's Realtime API.

The public names. Each is imported at its first use, so that `fulgurite --help`, which imports this package, is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fulgurite.version import __version__

if TYPE_CHECKING:
    from fulgurite.client import (
        LIVE,
        Endpoint,
        Frame,
        Gap,
        GapCause,
        Item,
        Malformed,
        Message,
        Origin,
        Repaired,
        Signer,
        Status,
        StatusKind,
        Stream,
        connect,
        resolve_endpoint,
    )
    from fulgurite.client.credentials import keychain
    from fulgurite.client.replay import Replay, replay
    from fulgurite.errors import (
        AddressInUseError,
        AuthenticationError,
        BookNotLiveError,
        ChannelError,
        ConnectError,
        ConnectFailure,
        FulguriteError,
        HandshakeRefusedError,
        HttpRequestError,
        InputError,
        KeychainError,
        KeyEndpointError,
        ListenError,
        LocalProtocolError,
        MessageError,
        RecordingError,
        RemoteProtocolError,
        RequestRefusedError,
        SlowConsumerError,
        SubscriptionError,
        UnansweredError,
    )
    from fulgurite.exchange.run import Exchange, run_replay
    from fulgurite.exchange.run import run as run_exchange
    from fulgurite.orderbook import BookState, OrderBook
    from fulgurite.protocol.channels import (
        Channel,
        Kind,
        board,
        board_snapshot,
        child_order_events,
        executions,
        parent_order_events,
        parse_channel,
        ticker,
    )
    from fulgurite.protocol.messages import (
        Board,
        ChildOrderEvent,
        Execution,
        Level,
        ParentOrderEvent,
        Ticker,
        parse_time,
    )

# Public name -> its module, with its name there if that is different.
_HOMES = {
    **dict.fromkeys(
        (
            *(
                "LIVE",
                "Endpoint",
                "Frame",
                "Gap",
                "GapCause",
                "Item",
                "Malformed",
                "Message",
                "Origin",
                "Repaired",
                "Signer",
            ),
            *("Status", "StatusKind", "Stream", "connect", "resolve_endpoint"),
        ),
        "fulgurite.client",
    ),
    **dict.fromkeys(
        (
            *("AddressInUseError", "AuthenticationError", "BookNotLiveError", "ChannelError"),
            *("ConnectError", "ConnectFailure", "FulguriteError", "HandshakeRefusedError", "HttpRequestError"),
            *("InputError", "KeychainError", "KeyEndpointError", "ListenError", "LocalProtocolError"),
            *("MessageError", "RecordingError", "RemoteProtocolError", "RequestRefusedError"),
            *("SlowConsumerError", "SubscriptionError", "UnansweredError"),
        ),
        "fulgurite.errors",
    ),
    "keychain": "fulgurite.client.credentials",
    **dict.fromkeys(("Replay", "replay"), "fulgurite.client.replay"),
    **dict.fromkeys(("Exchange", "run_replay"), "fulgurite.exchange.run"),
    "run_exchange": "fulgurite.exchange.run:run",
    **dict.fromkeys(("BookState", "OrderBook"), "fulgurite.orderbook"),
    **dict.fromkeys(
        (
            *("Channel", "Kind", "board", "board_snapshot", "child_order_events", "executions"),
            *("parent_order_events", "parse_channel", "ticker"),
        ),
        "fulgurite.protocol.channels",
    ),
    **dict.fromkeys(
        ("Board", "ChildOrderEvent", "Execution", "Level", "ParentOrderEvent", "Ticker", "parse_time"),
        "fulgurite.protocol.messages",
    ),
}

__all__ = [
    "LIVE",
    "AddressInUseError",
    "AuthenticationError",
    "Board",
    "BookNotLiveError",
    "BookState",
    "Channel",
    "ChannelError",
    "ChildOrderEvent",
    "ConnectError",
    "ConnectFailure",
    "Endpoint",
    "Exchange",
    "Execution",
    "Frame",
    "FulguriteError",
    "Gap",
    "GapCause",
    "HandshakeRefusedError",
    "HttpRequestError",
    "InputError",
    "Item",
    "KeyEndpointError",
    "KeychainError",
    "Kind",
    "Level",
    "ListenError",
    "LocalProtocolError",
    "Malformed",
    "Message",
    "MessageError",
    "OrderBook",
    "Origin",
    "ParentOrderEvent",
    "RecordingError",
    "RemoteProtocolError",
    "Repaired",
    "Replay",
    "RequestRefusedError",
    "Signer",
    "SlowConsumerError",
    "Status",
    "StatusKind",
    "Stream",
    "SubscriptionError",
    "Ticker",
    "UnansweredError",
    "__version__",
    "board",
    "board_snapshot",
    "child_order_events",
    "connect",
    "executions",
    "keychain",
    "parent_order_events",
    "parse_channel",
    "parse_time",
    "replay",
    "resolve_endpoint",
    "run_exchange",
    "run_replay",
    "ticker",
]


def __getattr__(name: str) -> object:
    try:
        module, _, attribute = _HOMES[name].partition(":")
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value: object = getattr(import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
