"""The control API under `/control`: what a person or a test does to the exchange, not what a trader does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fulgurite.errors import InputError
from fulgurite.exchange.replay import Replay, ReplayChange
from fulgurite.server.bind import is_loopback

MAX_BODY_BYTES = 100_000
"""The longest body that is taken."""


def control_routes(replay: Replay | None) -> list[Route]:
    """The routes under `/control`.

    Args:
        replay: what `/control/replay` steers; None where the exchange runs on order flow.
    """
    return [Route("/control/replay", _handler(replay), methods=["GET", "POST"])]


def _handler(replay: Replay | None) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        if not _is_from_here(request):
            return _json({"error": "the control API answers programs on this machine only, and no web page"}, 403)
        if replay is None:
            return _json({"error": "nothing is replayed; start the exchange with --replay FILE"}, 404)
        if request.method == "POST":
            try:
                replay.change(await _read_change(request))
            except InputError as error:
                return _json({"error": str(error), "field": error.field, "accepted": error.accepted}, 400)
        return _json(replay.status(), 200)

    return handle


async def _read_change(request: Request) -> ReplayChange:
    accepted = 'an object with any of "paused": true or false, "speed": number >= 0, "position": seconds >= 0'
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise InputError("body", f"more than {MAX_BODY_BYTES} bytes", accepted)
    try:
        return msgspec.json.decode(body, type=ReplayChange)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError("body", body.decode(errors="replace"), f"{accepted} ({error})") from error


def _is_from_here(request: Request) -> bool:
    """Whether no other site's page is behind the request: not by its Origin, and not by a host name of its own."""
    # A page on another site cannot leave the Origin of its request out, and a rebound DNS name shows in Host.
    if "origin" in request.headers:
        return False
    client = request.client.host if request.client else ""
    return is_loopback(client) and is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


def _json(body: object, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
