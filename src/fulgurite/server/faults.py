"""The faults: a plan is data. Each fault is one object, in a plan's file and in the control API's bodies alike. Pure.

`fault` names it and every other member is a parameter, a moment or an aim; times are seconds. This module and
`spoiling` decide how a fault changes a message, `faultplan` when and for which client; the shells obey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from fulgurite.errors import InputError
from fulgurite.protocol.choices import AUTHENTICATION_FAILED
from fulgurite.protocol.events import Method
from fulgurite.server import spoiling
from fulgurite.server.frames import may_be_sent

MAX_REASON_BYTES: Final = 123
"""The room in a close frame besides its code."""

Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
Period: TypeAlias = Annotated[float, Meta(ge=0.001, le=1e9)]
# `parse_fault` looks at the codes that may not be sent, and at the bytes of a reason.
CloseCode: TypeAlias = Annotated[int, Meta(ge=1000, le=4999)]
Reason: TypeAlias = Annotated[str, Meta(max_length=MAX_REASON_BYTES)]


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", forbid_unknown_fields=True, omit_defaults=True
):
    """The times and the chance of a fault, common to all."""

    after: Seconds = 0.0
    """Begins so long after it was given."""
    every: Period | None = None
    """Begins again so often, until it is ended."""
    times: Annotated[int, Meta(ge=1)] | None = None
    """Hits so often at most: moments, handshakes, or messages and requests of each connection. None is no limit; a
    moment without `every` comes once. Freezing, a narrow bandwidth and another clock are not counted."""
    chance: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """The probability of each hit; of a fault that befalls whole connections, the probability for each connection."""
    seed: int = 0
    """The seed of chance."""


class Named(Fault, frozen=True, kw_only=True):
    """A fault that can be aimed at one program, on every connection that it makes."""

    client: Annotated[str, Meta(min_length=1)] | None = None
    """Only connections that name this client in their handshake, as ``?client=NAME`` in its URL."""

    def aims_at_client(self, name: str) -> bool:
        """Whether a client of this name, "" for one without, is within the aim."""
        return self.client in (None, name)


class Aimed(Named, frozen=True, kw_only=True):
    """A fault of connections that are open. Without an aim it is at all of them."""

    connection: Annotated[int, Meta(ge=1)] | None = None
    """Only this one, by its number in `/control/connections`."""
    channel: str | None = None
    """Only this channel; a fault of whole connections hits those that have subscribed it."""
    product: str | None = None
    """Only this product's channels, likewise."""

    def aims_at_channel(self, channel: str) -> bool:
        """Whether the channel is within the aim."""
        return self.channel in (None, channel) and (self.product is None or channel.endswith(f"_{self.product}"))

    def aims_at(self, number: int, client: str, channels: Iterable[str]) -> bool:
        """Whether a connection is within the aim, by its number, its client's name and its channels."""
        if self.connection not in (None, number) or not self.aims_at_client(client):
            return False
        return not self.names_channels or any(map(self.aims_at_channel, channels))

    @property
    def names_channels(self) -> bool:
        """Whether it is aimed at some channels only."""
        return self.channel is not None or self.product is not None


# --- moments ------------------------------------------------------------------------------------------------------


class Moment(Aimed, frozen=True, kw_only=True):
    """A fault that is over at once."""


class Close(Moment, frozen=True, kw_only=True, tag="close"):
    """The server closes with a code and a reason; 1012 "scheduled maintenance" is the daily one (section 1.4)."""

    code: CloseCode = 1012
    reason: Reason = ""


class Reset(Moment, frozen=True, kw_only=True, tag="reset"):
    """The connection is cut with a TCP reset."""


class BrokenFrame(Moment, frozen=True, kw_only=True, tag="broken-frame"):
    """The newest message comes once more, and in the middle of its frame the connection is cut."""

    reset: bool = True
    """Cut with a TCP reset, otherwise with TCP's ordinary end."""


class SnapshotAnomaly(Moment, frozen=True, kw_only=True, tag="snapshot-anomaly"):
    """A snapshot out of turn, unsorted, with a level of size 0 and a wrong mid price (section 3.1, recorded once)."""


# --- spans: of whole connections ----------------------------------------------------------------------------------


class Span(Aimed, frozen=True, kw_only=True):
    """A fault that lasts."""

    seconds: Seconds | None = None
    """Its length; None until it is ended."""


class Freeze(Span, frozen=True, kw_only=True, tag="freeze"):
    """Half-open: nothing is sent, not even a pong, and nothing that comes is read. Messages due meanwhile are lost."""


class Delay(Span, frozen=True, kw_only=True, tag="delay"):
    """Messages come late, in order all the same; with a channel or a product in the aim, only its messages."""

    by: Seconds
    jitter: Seconds = 0.0
    """Up to so much more, by chance."""


class Trickle(Span, frozen=True, kw_only=True, tag="trickle"):
    """Messages come at this bandwidth. Those that wait are bounded as a slow consumer's are."""

    bytes_per_second: Annotated[float, Meta(ge=1, le=1e9)]


class NoAck(Span, frozen=True, kw_only=True, tag="no-ack"):
    """Requests are granted or refused, and not answered."""

    method: Method | None = None
    """Only those of this method."""


class RefuseAuth(Span, frozen=True, kw_only=True, tag="refuse-auth"):
    """`auth` is refused, however right."""

    code: Annotated[int, Meta(ge=-(2**31), lt=2**31)] = AUTHENTICATION_FAILED.code
    message: Annotated[str, Meta(max_length=1000)] = AUTHENTICATION_FAILED.message


class ClockSkew(Span, frozen=True, kw_only=True, tag="clock-skew"):
    """The server's clock is wrong by so many seconds: in the times of messages, and where `auth` is checked."""

    by: Annotated[int, Meta(ge=-(10**8), le=10**8)]


# --- spans: of messages -------------------------------------------------------------------------------------------


class MessageFault(Span, frozen=True, kw_only=True):
    """A fault of a channel's messages."""

    kind: ClassVar[str] = ""
    """The beginning of the names of the channels that it hits."""

    def hits_channel(self, channel: str) -> bool:
        """Whether messages of the channel can be hit."""
        return channel.startswith(self.kind) and self.aims_at_channel(channel)

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The JSON texts that go out instead of a message, or the message itself where there is nothing to spoil."""
        return [message]

    def spoil_payload(self, payload: bytes, rng: Random) -> bytes:
        """The replacement for the whole text of a frame."""
        return payload

    def pieces(self) -> int:
        """The number of frames for each message."""
        return 1


class Mute(MessageFault, frozen=True, kw_only=True, tag="mute"):
    """Messages do not come, and are lost; requests and pings are answered."""

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """Nothing."""
        return []


class LostMessages(Mute, frozen=True, kw_only=True, tag="lost-messages"):
    """Some messages are lost: every tenth by chance, unless told otherwise."""

    chance: Annotated[float, Meta(ge=0, le=1)] = 0.1


class LostDiffs(LostMessages, frozen=True, kw_only=True, tag="lost-diffs"):
    """Some diffs are lost, every tenth by chance."""

    kind = "lightning_board_"

    def hits_channel(self, channel: str) -> bool:
        """Diffs only: the name of a snapshot's channel begins likewise."""
        return super().hits_channel(channel) and not channel.startswith("lightning_board_snapshot_")


class LostDeletions(LostDiffs, frozen=True, kw_only=True, tag="lost-deletions"):
    """Levels of size 0 are missing from diffs, so that a book keeps levels that are gone (section 3.2)."""

    chance: Annotated[float, Meta(ge=0, le=1)] = 1.0

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The diff without its deletions; nothing where there is no more in it."""
        return spoiling.without_deletions(message)


class StaleSnapshot(MessageFault, frozen=True, kw_only=True, tag="stale-snapshot"):
    """The first snapshot that a connection gets of each book is an old one."""

    age: Seconds = 30.0
    """The least age of the snapshot; without one of that age, the oldest that is kept."""
    times: Annotated[int, Meta(ge=1)] | None = 1
    kind = "lightning_board_snapshot_"


class DuplicateExecutions(MessageFault, frozen=True, kw_only=True, tag="duplicate-executions"):
    """Executions come twice."""

    kind = "lightning_executions_"

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The message, twice."""
        return [message, message]


class ZeroIds(MessageFault, frozen=True, kw_only=True, tag="zero-ids"):
    """Executions have the id 0 (section 3.4)."""

    kind = "lightning_executions_"

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The message with other ids."""
        return [spoiling.with_zero_ids(message)]


class InvalidJson(MessageFault, frozen=True, kw_only=True, tag="invalid-json"):
    """Messages are no JSON."""

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The message with a comma too many."""
        return [message[:-1] + b",," + message[-1:]]


class WrongTypes(MessageFault, frozen=True, kw_only=True, tag="wrong-types"):
    """One member of each message, by chance, has a value of another type."""

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The message with one wrong value."""
        return [spoiling.with_a_wrong_type(message, rng)]


class Truncated(MessageFault, frozen=True, kw_only=True, tag="truncated"):
    """The text of a frame ends early, somewhere."""

    def spoil_payload(self, payload: bytes, rng: Random) -> bytes:
        """The beginning of the text, cut between characters."""
        text = payload.decode()
        return text[: rng.randrange(1, max(len(text), 2))].encode()


class Oversized(MessageFault, frozen=True, kw_only=True, tag="oversized"):
    """Messages are filled up with white space: still JSON, and longer than many clients take."""

    size: Annotated[int, Meta(ge=1, le=8_000_000)] = 2_000_000
    """Bytes of a message at least."""

    def spoil(self, message: bytes, rng: Random) -> list[bytes]:
        """The message behind white space."""
        return [message.rjust(self.size)]


class Fragmented(MessageFault, frozen=True, kw_only=True, tag="fragmented"):
    """Messages come in several frames each (RFC 6455, section 5.4), cut anywhere, even inside a character."""

    frames: Annotated[int, Meta(ge=2, le=1000)] = 3

    def pieces(self) -> int:
        """As many as it says."""
        return self.frames


# --- spans: of handshakes and of the server -----------------------------------------------------------------------


class HandshakeFault(Named, frozen=True, kw_only=True):
    """A fault of the clients that connect while it lasts."""

    seconds: Seconds | None = None
    """Its length; None until it is ended."""


class Refuse(HandshakeFault, frozen=True, kw_only=True, tag="refuse"):
    """Handshakes are refused with an HTTP status."""

    status: Literal[400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504] = 503
    retry_after: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    """Seconds in a `Retry-After` header."""


class SlowHandshake(HandshakeFault, frozen=True, kw_only=True, tag="slow-handshake"):
    """Handshakes are answered late."""

    by: Seconds


class CloseAtOnce(HandshakeFault, frozen=True, kw_only=True, tag="close-at-once"):
    """Connections are accepted and then closed before anything else."""

    code: CloseCode = 1012
    reason: Reason = ""


class Dummy(HandshakeFault, frozen=True, kw_only=True, tag="dummy"):
    """Clients that connect meanwhile are acknowledged everything and sent nothing, as long as the connection lives."""


class Pings(Fault, frozen=True, kw_only=True, tag="pings"):
    """Other times of heartbeats: the server's pings on WebSocket (section 1.3), the client's on Socket.IO (1.6)."""

    seconds: Seconds | None = None
    """Its length; None until it is ended."""

    interval: Period = 15.0
    """Between WebSocket pings. The handshake of a Socket.IO client that connects meanwhile names both times."""
    timeout: Seconds = 3.0
    """A pong that is later, or unasked for, is cut off; on Socket.IO, a client silent for the sum of both."""


AnyFault: TypeAlias = (
    Close
    | Reset
    | BrokenFrame
    | SnapshotAnomaly
    | Freeze
    | Delay
    | Trickle
    | NoAck
    | RefuseAuth
    | ClockSkew
    | Mute
    | LostMessages
    | LostDiffs
    | LostDeletions
    | StaleSnapshot
    | DuplicateExecutions
    | ZeroIds
    | InvalidJson
    | WrongTypes
    | Truncated
    | Oversized
    | Fragmented
    | Refuse
    | SlowHandshake
    | CloseAtOnce
    | Dummy
    | Pings
)

FaultName: TypeAlias = Literal[
    "close",
    "reset",
    "broken-frame",
    "snapshot-anomaly",
    "freeze",
    "delay",
    "trickle",
    "no-ack",
    "refuse-auth",
    "clock-skew",
    "mute",
    "lost-messages",
    "lost-diffs",
    "lost-deletions",
    "stale-snapshot",
    "duplicate-executions",
    "zero-ids",
    "invalid-json",
    "wrong-types",
    "truncated",
    "oversized",
    "fragmented",
    "refuse",
    "slow-handshake",
    "close-at-once",
    "dummy",
    "pings",
]
"""The name of a fault."""

FAULTS: Final[dict[str, type[Fault]]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyFault)}
"""Every fault by its name."""


def parse_fault(given: object) -> AnyFault:
    """The fault that an object of JSON or a table of TOML describes, or one that was made without being looked at.

    Raises:
        InputError: no such fault, or a member that it does not have, is missing, or is out of its range.
    """
    if isinstance(given, Fault):
        given = {"fault": given.__struct_config__.tag, **msgspec.structs.asdict(given)}
    if not isinstance(given, Mapping):
        raise InputError("fault", given, 'an object such as {"fault": "close"}')
    name = given.get("fault")
    if not isinstance(name, str) or name not in FAULTS:
        raise InputError("fault", name, FAULTS)
    kind = FAULTS[name]
    unknown = sorted(map(str, given.keys() - {"fault", *kind.__struct_fields__}))
    if unknown:
        raise InputError(unknown[0], given[unknown[0]], ("fault", *kind.__struct_fields__))
    try:
        fault: AnyFault = msgspec.convert(given, AnyFault)
    except msgspec.ValidationError as error:
        raise InputError(f"fault {name}", dict(given), f"another value ({error})") from error
    lasts = getattr(fault, "seconds", None)
    if fault.every is not None and lasts is not None and lasts >= fault.every:
        raise InputError("seconds", lasts, f"less than every, {fault.every}")
    if isinstance(fault, Close | CloseAtOnce):
        if not may_be_sent(fault.code):
            raise InputError("code", fault.code, "1000 to 1003, 1007 to 1014, or 3000 to 4999")
        if len(fault.reason.encode("utf-8", "replace")) > MAX_REASON_BYTES:
            raise InputError("reason", fault.reason, f"at most {MAX_REASON_BYTES} bytes of UTF-8")
    return fault


def parse_plan(text: str) -> list[AnyFault]:
    """The faults of a plan in TOML, one ``[[fault]]`` table each; the name stands in its member ``fault``.

    Raises:
        InputError: not TOML, or not a plan.
    """
    try:
        plan: dict[str, Any] = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise InputError("faults", text, f"TOML ({error})") from error
    entries = plan.get("fault", [])
    if plan.keys() - {"fault"} or not isinstance(entries, list):
        raise InputError("faults", sorted(plan), "a plan of [[fault]] tables and nothing else")
    return [parse_fault(entry) for entry in entries]
