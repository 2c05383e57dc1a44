"""The client: `connect` makes a stream of messages that reconnects and reports gaps."""

from fulgurite.client.backoff import backoff, is_fatal
from fulgurite.client.connect import connect
from fulgurite.client.endpoints import LIVE, Endpoint, resolve_endpoint
from fulgurite.client.items import Frame, Gap, GapCause, Item, Malformed, Message, Origin, Repaired, Status, StatusKind
from fulgurite.client.signing import Credentials, Signer
from fulgurite.client.stream import Stream
from fulgurite.protocol.dialects import Dialect, DialectName

__all__ = [
    "LIVE",
    "Credentials",
    "Dialect",
    "DialectName",
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
    "Status",
    "StatusKind",
    "Stream",
    "backoff",
    "connect",
    "is_fatal",
    "resolve_endpoint",
]
