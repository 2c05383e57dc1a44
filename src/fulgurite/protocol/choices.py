"""Choices where the real service's behaviour is unknown, each with its reason, in this one place. Pure.

Every constant answers a `[?]` of the protocol reference (the section stands beside it). When somebody measures the
real answer, the constant changes and nothing else does.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """A server's number and words for refusing a request."""

    code: int
    message: str


class CloseFrame(NamedTuple):
    """The content of a WebSocket close frame."""

    code: int
    reason: str


REFUSES_OTHER_VERSIONS: Final = True
"""1.1: a `jsonrpc` member other than "2.0" is refused, an absent one is fine. The library that the real server is
built on has three modes; the wire shows that it is not the strict one, and this is the stricter of the two left."""

AUTHENTICATION_FAILED: Final = Refusal(-32008, "authentication failed")
"""1.2, 2: a wrong key, signature, timestamp or nonce. A free number between the two known neighbours, one text for
all causes so that nobody can find out the keys that exist."""

ALREADY_AUTHENTICATED: Final = Refusal(-32009, "already authenticated")
"""1.2: the number is known from a client, the words are not."""

AUTH_WINDOW_SECONDS: Final = 300.0
"""2: how far the timestamp of `auth` may be from the server's clock, either way. Undocumented; generous, because no
report of a client refused for its clock was found."""

NONCES_ARE_SINGLE_USE: Final = True
"""2: a nonce seen again within the window is refused, since the documentation calls it random per request."""

UPPER_CASE_SIGNATURES_ARE_ACCEPTED: Final = False
"""2: every known client sends lower-case hex."""

UNSUBSCRIBE_UNKNOWN_SUCCEEDS: Final = True
"""1.2: unsubscribing a channel that is not subscribed answers `true`, so that unsubscribing is idempotent."""

INVALID_PARAMS: Final = Refusal(-32602, "Invalid params")
"""1.2: known for `subscribe` without `params`; taken for a `channel` that is absent or no string, and for `auth`
without `params`, too."""

PRIVATE_UNSUBSCRIBE_NEEDS_AUTH: Final = True
"""1.2: unsubscribing a private channel before `auth` is refused as subscribing it is, not granted as a channel that
is not subscribed."""

SOCKETIO_ERROR_IS_OBJECT: Final = True
"""1.6: the first argument of a Socket.IO acknowledgement that reports an error is `{"code": ..., "message": ...}`,
the same as on JSON-RPC."""

SOCKETIO_VERSIONS: Final = ("3",)
"""1.6: the Engine.IO versions answered to. A client that names none speaks 3. Whether the real service takes 4 is
unknown; a client that needs it must not pass here and fail there."""

SOCKETIO_ESCAPES_CARETS: Final = False
"""1.6: whether a refused namespace is repeated with `%5E` for `^`. The library takes namespaces for URLs, and the URL
standard has escaped that character since 2023: Node.js 20 leaves it, 24 escapes it. The real service's version
is unknown; it has kept a Socket.IO of 2018 for its clients, so the older."""

PONG_TIMEOUT_SECONDS: Final = 3.0
"""1.3: how late a pong may come; inferred from the Socket.IO handshake's pingTimeout."""

MAX_MESSAGE_BYTES: Final = 1_000_000
"""1.6 gives this `maxPayload` for Socket.IO; taken for JSON-RPC, too. A longer message ends in close code 1009."""

SOCKETIO_SENDS_WEBSOCKET_PINGS: Final = False
"""1.3 saw WebSocket pings on the JSON-RPC host only, and Engine.IO has its own heartbeat."""

MAINTENANCE_CLOSE: Final = CloseFrame(1012, "scheduled maintenance")
"""1.4: known, the close frame of every connection at 04:02 JST: the service's own announcement of its maintenance."""

MAINTENANCE_REFUSES_CONNECTS: Final = False
"""1.4: whether a client is refused that connects between the close at 04:02 and PREOPEN at 04:10, with HTTP status 503.
Reconnects at 04:07 were seen to be tried, and one client got a connection without data. So it is accepted: the harder
case, and the one reported. An exchange can be told to refuse."""

MAINTENANCE_SENDS_SNAPSHOTS: Final = False
"""1.4: the service for such a client where it is accepted. Its subscriptions are acknowledged, and nothing comes, not
even snapshots."""

CIRCUIT_BREAK_PERCENT: Final = 20
"""3.3 knows the state only. Here an execution further than this from the price of `CIRCUIT_BREAK_SECONDS` ago, in
whole minutes, begins it."""

CIRCUIT_BREAK_SECONDS: Final = 300
"""3.3: how long it lasts, until an itayose. A whole number of minutes."""

MARKET_BID_SIZE_IS_BUY_ORDERS: Final = True
"""3.3: the documentation calls `market_bid_size` the volume of market *sell* orders, and may have the two swapped. Here
it is that of the buy orders, as with every other bid."""

END_TIMES_HAVE_Z: Final = True
"""3.3: `preopen_end` and `circuit_break_end` were only ever seen null. Here they are times like `timestamp` in PREOPEN
and CIRCUIT BREAK, and otherwise null."""

PRICE_ZERO_ROWS_ONLY_AT_THE_ITAYOSE: Final = True
"""3.2: a diff with `price: 0` comes "when market orders execute in an itayose". Here it is one row a side that had such
orders, with size 0, in the first diff after it; while they wait only the ticker tells of them."""

INVALID_PARAMETER: Final = -101
"""5: the `status` of an HTTP error about an invalid parameter; the known ones are about products (-100) and
certain refusals."""

PERMISSION_DENIED: Final = Refusal(-500, "Permission denied")
"""5: the number and words are known, that they are for all causes alike is our choice, as for `auth`: headers that
are missing, a wrong key, signature or time. The HTTP status is 401."""

HTTP_AUTH_WINDOW_SECONDS: Final = 300.0
"""5: how far ACCESS-TIMESTAMP may be from the server's clock, either way; undocumented, so as for `auth`. Within
it a signature counts as often as it comes: a client that signs whole seconds gives two equal requests the same one."""

TOO_SMALL: Final = -110
"""5: `The minimum order size is 0.001 BTC.` The words are known from bots' logs, the number less surely."""

PRICE_TOO_LOW: Final = Refusal(-106, "The price is too low.")
"""5: known from bots' logs; taken for a price of 0 or less. Where else the real service says so is unknown."""

INSUFFICIENT_FUNDS: Final = Refusal(-200, "Insufficient funds")
"""5: spot; the neighbour of -205, the known one for FX."""

INSUFFICIENT_MARGIN: Final = Refusal(-205, "Margin amount is insufficient for this order.")
"""5: known, for FX."""

NOT_ACCEPTED: Final = Refusal(-208, "Order is not accepted. Please try again later.")
"""5: known from bots' logs; taken for a market that is closed, and for an account with too many open orders."""

ORDER_NOT_FOUND: Final = Refusal(-111, "Order not found")
"""5: cancelling, or asking for, an order that the account never had. Cancelling one that is over answers 200, and
CANCEL_FAILED follows on the channel."""

OVER_API_LIMIT: Final = Refusal(-1, "Over API limit per minute")
"""5: known, taken for all limits of a key. The HTTP status 429 is our choice."""

OVER_ADDRESS_LIMIT: Final = Refusal(-1, "Over API limit per period, per IP address")
"""5: known from clients' code and bots' logs."""

LOWERED_LIMIT_PERCENT: Final = 50
"""5: after a block "the maximum request limit will temporarily be decreased", and nobody says how far: by half. Only of
small orders it is known: to 10 a minute, for an hour."""

LOWERED_LIMIT_SECONDS: Final = 900
"""5: its length, from the request that was one too many: three periods; the block takes at most one of them."""

LOSS_CUT_RATE: Final = 5_000
"""5 has `keep_rate` and no more. Below this, in 1/10000, FX positions are closed: 50% is the rule that the exchange
tells its customers. That the open orders are cancelled first, that one market order closes everything, and that the
rate is looked at with every execution in the market, is our choice. Margin calls, below 100%, are not imitated."""

ORDER_LATENCY_NS: Final = 20_000_000
"""5: how long after its acceptance an order or cancellation meets the market. On the real service it is some
milliseconds to, under load, seconds."""

ORDER_FAILED_REASONS: Final = {-200: "INSUFFICIENT_FUNDS", -205: "INSUFFICIENT_MARGIN", -208: "MARKET_CLOSED"}
"""3.5: the words of `reason` are unknown; these name the refusal that the request itself would have got."""
