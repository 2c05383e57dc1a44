"""Samples over HTTP, for the page. All requests are GET.

``/samples.json`` lists them, by language and dialect::

    [{"language": "go", "title": "Go", "dialect": "json-rpc", "requires": "Go 1.22 or later", "is_page": false,
      "verified": {"versions": ["go version go1.24.4 linux/amd64"], "date": "2026-11-23"}, "cannot_verify": ""}, ...]

``verified`` is null for a sample that CI has not run as it is now; where it never can, ``cannot_verify`` says why.
``is_page`` is true for one that a browser opens.

``/sample`` is one with its parameters filled in. The query has ``language``, ``endpoint`` (live, embedded or a URL),
``channel`` (repeated for several) and, unless they are to be the defaults, ``dialect`` (json-rpc), ``auth`` (true or
false) and ``silence`` (seconds). No endpoint and no channel stand in for those that are left out: the program would be
one for something else than the screen shows::

    {"language": "go", "title": "Go", "dialect": "json-rpc", "requires": "...", "is_page": false,
     "verified": {...}, "cannot_verify": "",
     "name": "main.go", "source": "package main ...", "files": {"main.go": "package main ...", "go.mod": "...", ...},
     "steps": ["go mod download", "go run ."]}

``steps`` are the user's steps in the folder, a line each: all for the shell, but for the last one of a page, which is a
sentence. ``/sample.zip``, with the same query, is that folder as an archive.

A request that is not accepted is answered with HTTP status 400 and ``{"error": ..., "field": ..., "accepted": ...}``.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fulgurite.client import Endpoint, resolve_endpoint
from fulgurite.errors import InputError
from fulgurite.protocol.dialects import DialectName
from fulgurite.samples.folders import find_sample, find_samples
from fulgurite.samples.sample import DEFAULT_SILENCE, Sample, check_parameters, fill, shown, steps

_MEMBERS = ("language", "dialect", "channel", "endpoint", "auth", "silence")

_Handler = Callable[[Request], Awaitable[Response]]


def sample_routes(endpoints: Mapping[str, Endpoint]) -> list[Route]:
    """The routes of the samples.

    Args:
        endpoints: those that have a name.
    """

    async def one(request: Request) -> Response:
        sample, files = _filled(request.query_params, endpoints)
        manifest = sample.manifest
        body = {"name": manifest.source, "source": files[manifest.source], "files": files, "steps": steps(manifest)}
        return _json(shown(sample) | body)

    async def archive(request: Request) -> Response:
        sample, files = _filled(request.query_params, endpoints)
        disposition = f'attachment; filename="{sample.folder}.zip"'
        content = _zip(sample.folder, files)
        return Response(content, media_type="application/zip", headers={"Content-Disposition": disposition})

    return [Route("/samples.json", _list), Route("/sample", _answering(one)), Route("/sample.zip", _answering(archive))]


async def _list(request: Request) -> Response:
    return _json([shown(sample) for sample in find_samples()])


def _answering(handler: _Handler) -> _Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except InputError as error:
            return _json({"error": str(error), "field": error.field, "accepted": error.accepted}, 400)

    return handle


def _filled(query: QueryParams, endpoints: Mapping[str, Endpoint]) -> tuple[Sample, dict[str, str]]:
    """The sample that a query asks for, and its files.

    Raises:
        InputError: a part of the query is invalid.
    """
    for name in query:
        if name not in _MEMBERS:
            raise InputError("query", name, _MEMBERS)
    sample = find_sample(query.get("language", ""), query.get("dialect", DialectName.JSON_RPC))
    where = query.get("endpoint", "")
    auth, silence = query.get("auth", "false"), query.get("silence", str(DEFAULT_SILENCE))
    if auth not in ("true", "false"):
        raise InputError("auth", auth, ("true", "false"))
    if not (silence.isascii() and silence.isdigit() and len(silence) <= 9):
        raise InputError("silence", silence, "whole seconds")
    parameters = check_parameters(
        sample.manifest.dialect,
        endpoint=endpoints[where] if where in endpoints else resolve_endpoint(where),
        channels=query.getlist("channel"),
        auth=auth == "true",
        silence=int(silence),
    )
    return sample, fill(sample, parameters)


def _zip(folder: str, files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{folder}/{name}", text)
    return buffer.getvalue()


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
