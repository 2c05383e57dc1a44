"""`connect`: checks the arguments and makes a stream."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final, Literal, Protocol, TypeVar, runtime_checkable

import msgspec

from fulgurite.client.audits import AUDIT_SECONDS, Audits
from fulgurite.client.backoff import backoff, in_maintenance
from fulgurite.client.channelgaps import RepairMode
from fulgurite.client.connection import Settings
from fulgurite.client.credentials import KeychainKey, bound
from fulgurite.client.endpoints import ACCEPTED_ENDPOINTS, Endpoint, check_endpoint, check_http, resolve_endpoint
from fulgurite.client.hints import hints
from fulgurite.client.http import HttpApi
from fulgurite.client.inbox import Overflow
from fulgurite.client.repairs import Repairs
from fulgurite.client.signing import Credentials, Signer, check_credentials
from fulgurite.client.stream import Stream
from fulgurite.client.tls import client_context
from fulgurite.errors import InputError
from fulgurite.protocol.arguments import check_flag, check_integer, check_seconds, check_type
from fulgurite.protocol.channels import Channel, Kind, check_channel
from fulgurite.protocol.dialects import DIALECTS, Dialect, find_dialect

QUEUE_LIMIT: Final = 1_000
"""Limit on the items that wait for the consumer. A longer queue only delays an overflow, and exceeds the processor's
cache."""

MAX_CONNECTIONS: Final = 4


@runtime_checkable
class RunningExchange(Protocol):
    """The needed part of the result of `run_exchange`."""

    @property
    def realtime(self) -> str: ...
    @property
    def socketio(self) -> str: ...
    @property
    def http(self) -> str: ...
    @property
    def ca_file(self) -> str | None: ...


def connect(
    *channels: Channel | str,
    # connections
    endpoint: Endpoint | RunningExchange | str = "live",
    http: str | None = None,
    dialect: Dialect | str = "json-rpc",
    connections: int = 1,
    ssl_context: ssl.SSLContext | None = None,
    # account
    credentials: Credentials | Signer | KeychainKey | None = None,
    # items
    repair: Literal["before", "alongside", "off"] = "before",
    audit: float | Literal["auto", "off"] | None = "auto",
    overflow: Literal["pause", "drop-oldest", "end"] = "pause",
    queue_limit: int = QUEUE_LIMIT,
    frames: bool = False,
    # times
    open_timeout: float = 10.0,
    request_timeout: float = 10.0,
    ping_after: float = 10.0,
    pong_timeout: float = 5.0,
    silence_limits: Mapping[Kind, float | None] | None = None,
    delays: Callable[[], Iterator[float]] | None = None,
) -> Stream:
    """Make a stream of channels::

        async with connect(ticker("BTC_JPY"), executions("BTC_JPY")) as stream:
            async for item in stream:
                ...

    Args:
        channels: the channels to subscribe, by name or as made by `ticker`, `executions`, `board` and similar.
        endpoint: "live", "embedded" (the exchange of `fulgurite exchange` on this machine, at its usual ports), a URL,
            an `Endpoint`, or the result of `run_exchange`.
        http: the URL of the HTTP API, with its version, if `endpoint` does not include it.
        dialect: "json-rpc" or "socketio".
        connections: number of connections that bring the same channels at the same time, 1 to 4. Their messages become
            one stream without duplicates; while one of them works, there are no gaps. They use the two dialects in
            turn, because the service has separate hosts for these.
        ssl_context: for a certificate that the system does not trust; by default the system's trust and TLS 1.2 or
            later.
        credentials: a function or `async def` that returns the key and the secret. It is called at each connection, in
            a thread, and neither is kept. Or `keychain("main")`, which does so only for the key's own endpoint, or a
            `Signer`, which keeps the secret to itself. Needed for private channels.
        repair: the place of missed executions and order events, fetched from the HTTP API if possible: "before" the
            channel's later messages, which wait, "alongside" them as soon as they are fetched, or "off".
        audit: interval in seconds, from 0.001, of comparisons of the executions channels with the HTTP API's list, if
            the HTTP API is known. Executions that no connection has brought are given, marked as backfilled, after a
            `Gap` with the cause withheld. "auto" is 60, or off with ``repair="off"``; "off" or None is off. Executions
            withheld in the last interval of a stream are not found.
        overflow: the policy if `queue_limit` items wait for the consumer. "pause" stops reading until half of them are
            taken: nothing is dropped, but a server may end a connection after some 15 seconds without reading.
            "drop-oldest" drops the older half, with a `Gap` for each channel in its place and a `Status` that counts
            all other items. "end" ends the stream with `SlowConsumerError`.
        queue_limit: limit on the items that wait for the consumer, 2 or more; the same for each channel of
            `Stream.only`.
        frames: whether to yield each frame as a `Frame`, too.
        open_timeout: seconds for opening a connection.
        request_timeout: seconds for an answer to `auth` or `subscribe`, for Socket.IO's opening, and for HTTP.
        ping_after: seconds without any frame before a ping to the server.
        pong_timeout: seconds without any frame between that ping and the end of the connection.
        silence_limits: limits in seconds on the silence of a channel, by kind; None for no limit. By default they are
            learned from each channel's pace.
        delays: returns an iterator of delays, in seconds, between attempts to connect; called again after a useful
            connection. `backoff` by default. After the last delay, the reason of the last ending is raised as
            `ConnectError`.

    Raises:
        InputError: an argument is invalid; the error names the accepted values.
    """
    wanted = [check_channel(channel) for channel in channels]
    check_integer("queue_limit", queue_limit, 2)
    policy = _choice("overflow", overflow, Overflow)
    mode = _choice("repair", repair, RepairMode)
    every = _audit_seconds(audit, mode)
    addresses = _resolve(endpoint, http)
    signing = bound(credentials, addresses)
    settings = Settings(
        credentials=signing,
        ssl_context=_trusting(endpoint, addresses, ssl_context),
        frames=check_flag("frames", frames),
        open_timeout=check_seconds("open_timeout", open_timeout),
        request_timeout=check_seconds("request_timeout", request_timeout),
        ping_after=check_seconds("ping_after", ping_after),
        pong_timeout=check_seconds("pong_timeout", pong_timeout),
        silence_limits=_check_limits({} if silence_limits is None else silence_limits),
        delays=_delays(delays, addresses),
        refused_advice=hints.get().embedded if addresses.is_embedded else "",
    )
    check_credentials(signing)
    unrepaired = ""
    if addresses.http is None and mode is not RepairMode.OFF:
        mode = RepairMode.OFF
        unrepaired = f"not repaired: no HTTP API is known for this endpoint; {hints.get().http}"
    repairs = audits = None
    if addresses.http is not None and (mode is not RepairMode.OFF or every is not None):
        repairs = Repairs(HttpApi(addresses.http, signing, settings.ssl_context, request_timeout))
        audits = None if every is None else Audits(repairs.api, every)
    dialects = _dialects(dialect, check_integer("connections", connections, 1, MAX_CONNECTIONS))
    return Stream(wanted, addresses, dialects, settings, repairs, mode, queue_limit, policy, unrepaired, audits)


def _dialects(dialect: Dialect | str, connections: int) -> list[Dialect]:
    """The dialect of each connection, beginning with this one."""
    first = dialect if isinstance(dialect, Dialect) else find_dialect(dialect)
    others = [other for other in DIALECTS.values() if other is not first]
    return [[first, *others][number % (1 + len(others))] for number in range(connections)]


def _delays(delays: Callable[[], Iterator[float]] | None, endpoint: Endpoint) -> Callable[[], Iterator[float]]:
    if delays is None:
        return lambda: backoff(random.Random(), is_closed=lambda: endpoint.is_bitflyer and in_maintenance(time.time()))
    if not callable(delays):
        raise InputError("delays", delays, "a function that returns an iterator of seconds, or None")
    return delays


def _check_limits(limits: Mapping[Kind, float | None]) -> Mapping[Kind, float | None]:
    kinds = ", ".join(f"Kind.{kind.name}" for kind in Kind)
    accepted = f"a mapping from kinds ({kinds}) to seconds from 0.001 to 1e9, or None"
    if not isinstance(limits, Mapping):
        raise InputError("silence_limits", limits, accepted)
    for kind, limit in limits.items():
        if kind not in list(Kind):
            raise InputError("silence_limits", kind, accepted)
        if limit is not None:
            check_seconds(f"silence_limits[Kind.{Kind(kind).name}]", limit, ", or None")
    return limits


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(field: str, value: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        raise InputError(field, value, [str(choice) for choice in choices]) from None


def _audit_seconds(audit: float | str | None, mode: RepairMode) -> float | None:
    if audit is None or audit == "off":
        return None
    if audit == "auto":
        return None if mode is RepairMode.OFF else AUDIT_SECONDS
    return check_seconds("audit", audit, ', "auto", "off" or None')


def _resolve(endpoint: Endpoint | RunningExchange | str, http: str | None) -> Endpoint:
    if isinstance(endpoint, str):
        return resolve_endpoint(endpoint, http)
    if isinstance(endpoint, RunningExchange):
        endpoint = Endpoint("embedded", endpoint.realtime, endpoint.socketio, endpoint.http)
    accepted = f"{ACCEPTED_ENDPOINTS}, an Endpoint, or the result of run_exchange"
    check_endpoint(check_type("endpoint", endpoint, Endpoint, accepted))
    return endpoint if http is None else msgspec.structs.replace(endpoint, http=check_http(http))


def _trusting(endpoint: object, addresses: Endpoint, ssl_context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """The caller's context, or one that trusts the running exchange or the system; None without TLS."""
    if ssl_context is not None:
        return check_type("ssl_context", ssl_context, ssl.SSLContext, "an ssl.SSLContext, or None")
    if isinstance(endpoint, RunningExchange) and endpoint.ca_file is not None:
        return client_context(endpoint.ca_file)
    is_needed = any(url.startswith(("wss:", "https:")) for url in (addresses.json_rpc, addresses.socketio))
    return client_context() if is_needed else None
