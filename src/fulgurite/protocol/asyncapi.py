"""The AsyncAPI 3 description of the realtime API, in both dialects. Pure.

It is made of the code that speaks the API: the kinds of channel, the types that messages are decoded to, the choices,
and for refusals the answers of the servers' state machines themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from fulgurite.protocol.auth import NONCE_LENGTHS, TIMESTAMPS, signed_params
from fulgurite.protocol.channels import PRIVATE_KINDS, PUBLIC_KINDS, Kind
from fulgurite.protocol.choices import (
    AUTH_WINDOW_SECONDS,
    MAX_MESSAGE_BYTES,
    NONCES_ARE_SINGLE_USE,
    PONG_TIMEOUT_SECONDS,
)
from fulgurite.protocol.dialects import DIALECTS, JSON_RPC, SOCKETIO, DialectName
from fulgurite.protocol.engineio import OPEN, PING, PONG, Handshake
from fulgurite.protocol.events import Method
from fulgurite.protocol.messages import TYPES
from fulgurite.protocol.schemas import Schema, schemas_of
from fulgurite.protocol.subscriptions import MAX_CHANNELS
from fulgurite.version import __version__

_DESCRIPTION: Final = f"""\
bitFlyer Lightning's Realtime API as Fulgurite knows it, generated from its code, and told from the side of the \
exchange: a client receives the messages that it sends. Unknown behaviour of the real service is our choice here.

* Subscribing sends nothing by itself: no snapshot, no last ticker. A snapshot of the order book comes about every 5 \
seconds, and only it heals a diff that was lost: diffs have no number and no checksum.
* A product that does not exist is acknowledged like any other, and nothing ever follows. So is an alias.
* Messages sent while a client is not connected are never sent again.
* Every day at 04:00 Japan time the markets close; at 04:02 each connection is closed with code 1012. A server may \
take a client back before it sends anything, so watch for silence, too.
* One connection is meant to carry many channels; here up to {MAX_CHANNELS:,}. A longer message than \
{MAX_MESSAGE_BYTES:,} bytes ends it with code 1009.
* Members may be added to messages at any time. One that is not there is absent, not null.
* Times are UTC with a Z and up to 7 fraction digits, `expire_date` of orders excepted: it has no Z.
"""

_DIALECT_TEXTS: Final = {
    JSON_RPC.name: f"Text frames; a batch is answered in the order of its requests. The server sends a WebSocket ping "
    f"every 15 seconds; a pong that is more than {PONG_TIMEOUT_SECONDS:g} seconds late, or one that nobody asked for, "
    "ends the connection without a close frame.",
    SOCKETIO.name: "A client of Socket.IO 2 (Engine.IO 3) with the websocket transport only. `x-frame` says how a "
    "payload stands in its frame. The client pings.",
}

_KIND_TEXTS: Final = {
    Kind.BOARD_SNAPSHOT: "The whole order book, about every 5 seconds, also when nothing changed; at most 300 levels a "
    "side.",
    Kind.BOARD: "The levels of the order book that changed, with their new sizes; batched to about 120 ms.",
    Kind.TICKER: "Best prices, depth, volume and state, at most every 500 ms.",
    Kind.EXECUTIONS: "Every execution; several in one message where they come together.",
    Kind.CHILD_ORDER_EVENTS: "The fate of the account's orders, of all products.",
    Kind.PARENT_ORDER_EVENTS: "The fate of the account's special orders, of all products.",
}

_GOOD_AUTH: Final = {"api_key": "YOUR-API-KEY"}
_TICKER: Final = f"{Kind.TICKER}_BTC_JPY"

# Refusals: a summary, and requests, the last of them refused. The answers are the state machines' own.
_REFUSED: Final[Sequence[tuple[str, Sequence[tuple[Method, object]]]]] = (
    ("The channel is of no known kind", [(Method.SUBSCRIBE, "lightning_nothing")]),
    ("No channel is named", [(Method.SUBSCRIBE, None)]),
    ("It is subscribed already, and goes on", [(Method.SUBSCRIBE, _TICKER), (Method.SUBSCRIBE, _TICKER)]),
    ("A private channel before auth", [(Method.SUBSCRIBE, str(Kind.CHILD_ORDER_EVENTS))]),
    ("The key, time, nonce or signature of auth is wrong", [(Method.AUTH, {})]),
    ("auth a second time", [(Method.AUTH, _GOOD_AUTH), (Method.AUTH, _GOOD_AUTH)]),
)
_REFUSED_FRAMES: Final = (
    ("No JSON", "{"),
    ("An empty batch", "[]"),
    ("No request", "1"),
    ("No method", '{"id":1}'),
    ("An unknown method", '{"method":"nothing","id":1}'),
    ("Another version", '{"jsonrpc":"1.0","method":"subscribe","id":1}'),
)


def describe(servers: Mapping[str, Mapping[DialectName, str]], product_codes: Sequence[str]) -> dict[str, Any]:
    """The whole description, ready to be encoded as JSON; the same arguments give the same text.

    Args:
        servers: the WebSocket's URL of each dialect, by the name of the service: letters, digits, "-" and "_".
        product_codes: the products that there are, at least one, the usual one first.
    """
    *types, handshake = schemas_of([*TYPES.values(), Handshake], absent=True)[0]
    components = schemas_of([*TYPES.values(), Handshake], absent=True)[1] | {"Error": _ERROR, "Auth": _auth_schema()}
    messages = _messages(dict(zip(TYPES, types, strict=True)), handshake)
    channels = {str(kind): _data_channel(kind, product_codes) for kind in Kind}
    channels |= {f"requests.{name}": _request_channel(name, messages, servers) for name in DIALECTS}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "bitFlyer Lightning Realtime API", "version": __version__, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            f"{name}-{dialect}": _server(url, DialectName(dialect))
            for name, urls in servers.items()
            for dialect, url in urls.items()
        },
        "channels": channels,
        "operations": _operations(),
        "components": {
            "schemas": components,
            "messages": messages,
            "securitySchemes": {
                "auth": {
                    "type": "apiKey",
                    "in": "user",
                    "description": "The request `auth` on the same connection, granted before this one is made.",
                }
            },
        },
    }


def _server(url: str, dialect: DialectName) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.netloc,
        "pathname": parts.path,
        "protocol": parts.scheme,
        "title": DIALECTS[dialect].label,
        "description": _DIALECT_TEXTS[dialect],
    }


def _ref(*steps: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", *steps))}


# --- channels and operations


def _data_channel(kind: Kind, product_codes: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "address": str(kind) if kind.is_private else f"{kind}_{{product_code}}",
        "description": _KIND_TEXTS[kind],
        "messages": {str(name): _ref("components", "messages", f"{kind}.{name}") for name in DIALECTS},
    }
    if kind.is_private:
        return described
    product = {
        "description": "Case matters. Others are acknowledged, too, and stay silent for ever.",
        "enum": list(product_codes),
        "default": product_codes[0],
    }
    return described | {"parameters": {"product_code": product}}


def _request_channel(
    dialect: DialectName, messages: Iterable[str], servers: Mapping[str, Mapping[DialectName, str]]
) -> dict[str, Any]:
    names = [name.rpartition(".")[0] for name in messages if name.endswith(f".{dialect}")]
    described: dict[str, Any] = {
        "address": None,
        "description": f"Requests and their answers: {DIALECTS[dialect].label}.",
        "servers": [_ref("servers", f"{name}-{dialect}") for name in servers],
        "messages": {
            name: _ref("components", "messages", f"{name}.{dialect}") for name in names if name not in list(Kind)
        },
    }
    query = parse_qsl(urlsplit(DIALECTS[dialect].websocket_url("ws://any")).query)
    if query:
        properties = {name: {"type": "string", "const": value} for name, value in query}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        described["bindings"] = {"ws": {"query": schema, "bindingVersion": "0.1.0"}}
    return described


def _operations() -> dict[str, Any]:
    operations = {
        f"{method}.{name}": _operation(
            "receive", f"requests.{name}", _METHOD_TEXTS[method], [method], ("granted", "refused")
        )
        for name in DIALECTS
        for method in Method
    }
    sio = f"requests.{SOCKETIO.name}"
    text = "The server's first message; only then requests are taken."
    operations["open.socketio"] = _operation("send", sio, text, ("open", "connected"))
    text = "A client that does not ping for the interval and the timeout of the opening together is given up."
    operations["ping.socketio"] = _operation("receive", sio, text, ["ping"], ["pong"])
    for kind in Kind:
        operations[str(kind)] = _operation("send", kind, _KIND_TEXTS[kind], DIALECTS)
        if kind.is_private:
            operations[str(kind)]["security"] = [_ref("components", "securitySchemes", "auth")]
    return operations


def _operation(
    action: str, channel: str, summary: str, messages: Iterable[str], replies: Iterable[str] = ()
) -> dict[str, Any]:
    def content(names: Iterable[str]) -> dict[str, Any]:
        refs = [_ref("channels", channel, "messages", name) for name in names]
        return {"channel": _ref("channels", channel), "messages": refs}

    described = {"action": action, "summary": summary, **content(messages)}
    return described | {"reply": content(replies)} if replies else described


_METHOD_TEXTS: Final = {
    Method.AUTH: "Prove an account, before its private channels are subscribed. Once on a connection.",
    Method.SUBSCRIBE: "Ask for a channel. Its messages follow as they come about; none is sent for the subscription.",
    Method.UNSUBSCRIBE: "Ask for a channel no longer.",
}


# --- messages

_ERROR: Final[Schema] = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}, "data": {"type": "string"}},
    "required": ["code", "message"],
}
_ID: Final[Schema] = {
    "type": ["string", "number", "null"],
    "description": "Comes back in the answer. A request without one is carried out and not answered.",
}


def _object(properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def _array(*items: Schema) -> Schema:
    """An array of exactly these, in the form of draft 7: AsyncAPI's own schemas use that."""
    return {"type": "array", "items": list(items), "minItems": len(items), "maxItems": len(items)}


def channel_pattern() -> str:
    """A regular expression for the names of channels that can be subscribed."""
    return f"^(?:(?:{'|'.join(PUBLIC_KINDS)})_(?:.|\\n)+|{'|'.join(PRIVATE_KINDS)})$"


def _pattern(kind: Kind) -> str:
    """A regular expression for the names of the channels of a public kind."""
    others = "".join(f"(?!{other.removeprefix(f'{kind}_')}_)" for other in PUBLIC_KINDS if other.startswith(f"{kind}_"))
    return f"^{kind}_{others}."


def _auth_schema() -> Schema:
    secret = signed_params("", "", 0, "")
    once = " It is good once." if NONCES_ARE_SINGLE_USE else ""
    described: dict[str, Schema] = {
        "api_key": {"type": "string"},
        "timestamp": {
            "type": "integer",
            "anyOf": [{"minimum": times.start, "maximum": times.stop - 1} for times in TIMESTAMPS],
            "description": f"Unix time in seconds or milliseconds, at most {AUTH_WINDOW_SECONDS:g} seconds from the "
            "server's.",
        },
        "nonce": {
            "type": "string",
            "minLength": NONCE_LENGTHS.start,
            "maxLength": NONCE_LENGTHS.stop - 1,
            "description": f"Random characters.{once}",
        },
        "signature": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "HMAC-SHA256 with the API secret, in lower-case hex, of the timestamp in decimal digits and "
            "the nonce, one directly after the other.",
        },
    }
    return _object({name: described[name] for name in secret})


def _messages(types: Mapping[Kind, Schema], handshake: Schema) -> dict[str, Any]:
    channel: Schema = {"type": "string", "pattern": channel_pattern()}
    arguments = dict.fromkeys(Method, channel) | {Method.AUTH: _ref("components", "schemas", "Auth")}
    names: dict[Kind, Schema] = {
        kind: {"const": str(kind)} if kind.is_private else {"type": "string", "pattern": _pattern(kind)}
        for kind in types
    }
    rpc = _rpc_messages(types, names, arguments)
    sio = _sio_messages(types, names, arguments) | {
        "open": {"payload": handshake, "x-frame": f"{OPEN}{{payload}}", "description": "Times are milliseconds."}
    }
    for word, frame in (("connected", "40"), ("ping", PING), ("pong", PONG)):
        sio[word] = {"payload": {"const": frame}, "x-frame": "{payload}", "contentType": "text/plain"}
    return {
        f"{name}.{dialect}": {"name": str(name), **message}
        for dialect, messages in ((JSON_RPC.name, rpc), (SOCKETIO.name, sio))
        for name, message in messages.items()
    }


def _rpc_messages(
    types: Mapping[Kind, Schema], names: Mapping[Kind, Schema], arguments: Mapping[Method, Schema]
) -> dict[str, Any]:
    version: Schema = {"const": "2.0"}
    messages: dict[str, Any] = {}
    for kind, data in types.items():
        params = _object({"channel": names[kind], "message": data})
        message = {"jsonrpc": version, "method": {"const": "channelMessage"}, "params": params}
        messages[kind] = {"payload": _object(message)}
    for method, argument in arguments.items():
        params = argument if method is Method.AUTH else _object({"channel": argument})
        call = {"jsonrpc": version, "method": {"const": str(method)}, "params": params, "id": _ID}
        messages[method] = {"payload": _object(call, ("jsonrpc", "id"))}
    granted = _object({"jsonrpc": version, "id": _ID, "result": {"const": True}})
    refused = _object({"jsonrpc": version, "id": _ID, "error": _ref("components", "schemas", "Error")})
    return messages | {
        "granted": {"payload": granted},
        "refused": {"payload": refused, "examples": _examples(_rpc_refusals())},
    }


def _sio_messages(
    types: Mapping[Kind, Schema], names: Mapping[Kind, Schema], arguments: Mapping[Method, Schema]
) -> dict[str, Any]:
    messages: dict[str, Any] = {
        kind: {"payload": _array(names[kind], data), "x-frame": "42{payload}"} for kind, data in types.items()
    }
    for method, argument in arguments.items():
        messages[method] = {
            "payload": _array({"const": str(method)}, argument),
            "x-frame": "42{id}{payload}",
            "description": "Digits stand for the id, any number; without one there is no answer.",
        }
    frame = "43{id}{payload}"
    refused = _array(_ref("components", "schemas", "Error"))
    return messages | {
        "granted": {"payload": _array({"type": "null"}), "x-frame": frame},
        "refused": {"payload": refused, "x-frame": frame, "examples": _examples(_sio_refusals())},
    }


# --- refusals, as the state machines answer


def _check_auth(params: object) -> str | None:
    return "account" if params == _GOOD_AUTH else None


def _examples(refusals: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"summary": summary, "payload": payload} for summary, payload in refusals]


def _rpc_refusals() -> list[tuple[str, Any]]:
    def call(method: Method, argument: object) -> str:
        params = argument if method is Method.AUTH else {} if argument is None else {"channel": argument}
        return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).decode()

    frames = [(summary, [call(*asked) for asked in requests]) for summary, requests in _REFUSED]
    frames += [(summary, [frame]) for summary, frame in _REFUSED_FRAMES]
    return [(summary, msgspec.json.decode(_last_answer(JSON_RPC.server, sent))) for summary, sent in frames]


def _sio_refusals() -> list[tuple[str, Any]]:
    def packet(method: Method, argument: object) -> str:
        return f"421{msgspec.json.encode([method, argument]).decode()}"

    frames = [(summary, [packet(*asked) for asked in requests]) for summary, requests in _REFUSED]
    answers = ((summary, _last_answer(SOCKETIO.server, sent)) for summary, sent in frames)
    return [(summary, msgspec.json.decode(re.sub(r"^43\d+", "", answer))) for summary, answer in answers]


def _last_answer(open_server: Callable[..., Any], frames: Iterable[str]) -> str:
    server = open_server(_check_auth, "", 0.0)
    for frame in frames:
        server.receive(frame, 0.0)
    return str(server.frames_to_send()[-1])
