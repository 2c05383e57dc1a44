"""What the real service does is unknown here; each line is our choice, with its reason, in this one place.

Every constant answers a `[?]` of the protocol reference (the section stands beside it). When somebody measures the
real answer, the constant changes and nothing else does.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """A server's number and words for refusing a request."""

    code: int
    message: str


REFUSES_OTHER_VERSIONS: Final = True
"""1.1: a `jsonrpc` member other than "2.0" is refused, an absent one is fine. The library that the real server is
built on has three modes; the wire shows that it is not the strict one, and this is the stricter of the two left."""

AUTHENTICATION_FAILED: Final = Refusal(-32008, "authentication failed")
"""1.2, 2: a wrong key, signature, timestamp or nonce. A free number between the two known neighbours, one text for
all causes so that nobody can find out which keys exist."""

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

PONG_TIMEOUT_SECONDS: Final = 3.0
"""1.3: how late a pong may come; inferred from the Socket.IO handshake's pingTimeout."""

MAX_MESSAGE_BYTES: Final = 1_000_000
"""1.6 gives this `maxPayload` for Socket.IO; taken for JSON-RPC, too. A longer message ends in close code 1009."""

SOCKETIO_SENDS_WEBSOCKET_PINGS: Final = False
"""1.3 saw WebSocket pings on the JSON-RPC host only, and Engine.IO has its own heartbeat."""
